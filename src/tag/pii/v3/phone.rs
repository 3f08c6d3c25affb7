//! Phone numbers that begin around a run of digits.
//!
//! North American numbers are found at their area code, from where an optional `1` is looked for
//! backwards; international ones at the digits behind `+`.

use super::Range;
use super::context::{after, before, continues};

/// Digits of an international number with its country code: E.164 allows 15. It has no lower
/// bound; numbers of fewer than 9 digits exist on a few islands and look like any number.
const MIN_DIGITS: usize = 9;
const MAX_DIGITS: usize = 15;
/// Digits of a number under country code 1 or 7.
const FIXED_DIGITS: usize = 11;

/// What stands between two groups of digits.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Separator {
    Space,
    Dash,
    Dot,
    Slash,
}

/// The phone number for which the run of digits `start..end` is the area code, or begins the
/// country code.
pub fn at(text: &str, start: usize, end: usize, floor: usize) -> Option<Range> {
    let bytes = text.as_bytes();
    if start > floor && bytes[start - 1] == b'+' {
        return international(text, start, floor);
    }
    if end - start == 3 { american(text, start, end, floor) } else { None }
}

/// The digits that may begin an area code and an exchange (North American Numbering Plan).
fn is_n(byte: u8) -> bool {
    matches!(byte, b'2'..=b'9')
}

fn american(text: &str, area: usize, area_end: usize, floor: usize) -> Option<Range> {
    let bytes = text.as_bytes();
    let open = area > floor && bytes[area - 1] == b'(' && bytes.get(area_end) == Some(&b')');
    let (first, exchange) = separator(bytes, area_end + usize::from(open));
    if first.is_none() && !open {
        return None;
    }
    let exchange_end = exchange + 3;
    if digits(bytes, exchange) != 3 {
        return None;
    }
    let (second, line) = separator(bytes, exchange_end);
    if second.is_none() || second == Some(Separator::Slash) || digits(bytes, line) != 4 {
        return None;
    }
    // Written as nothing but a phone number is written, with dashes, dots or a bracket, the digits
    // may be any: invented numbers break the numbering plan, and people publish them all the same.
    let formal = open || (first == second && first != Some(Separator::Space));
    let planned = is_n(bytes[area]) && is_n(bytes[exchange]);
    if !formal && !planned {
        return None;
    }
    // `212 555.1234` is a count and a decimal.
    if !open && first != second && [first, second].contains(&Some(Separator::Dot)) {
        return None;
    }
    let loose = !open && first == Some(Separator::Space) && first == second;
    let start = area - usize::from(open);
    let start = with_trunk_one(text, start, open, floor)
        .filter(|&start| starts_here(text, start, floor, loose))
        .or_else(|| starts_here(text, start, floor, loose).then_some(start))?;
    let end = line + 4;
    ends_here(text, end, loose).then_some(Range { start, end })
}

/// The start of `1-`, `1 ` or `1.` (or only `1` before a bracket) in front of an area code.
fn with_trunk_one(text: &str, start: usize, open: bool, floor: usize) -> Option<usize> {
    let bytes = &text.as_bytes()[floor..start];
    let head = match bytes {
        [head @ .., b'-' | b'.' | b' '] => head,
        head if open => head,
        _ => return None,
    };
    match head {
        [.., b'0'..=b'9', b'1'] => None,
        [.., b'1'] => Some(floor + head.len() - 1),
        _ => None,
    }
}

fn international(text: &str, first: usize, floor: usize) -> Option<Range> {
    let bytes = text.as_bytes();
    let code = country_code_len(&bytes[first..])?;
    // `(+44) 20 …`: the bracket closes right behind the country code.
    let plus = first - 1;
    let code_open =
        plus > floor && bytes[plus - 1] == b'(' && bytes.get(first + code) == Some(&b')');
    let mut groups = Groups { bytes, at: first, open: code_open, brackets: 0 };
    let mut total = 0;
    let mut end = None;
    let (mut separators, mut dots, mut short) = (0, 0, false);
    loop {
        let length = digits(bytes, groups.at);
        total += length;
        if total > MAX_DIGITS {
            break;
        }
        groups.at += length;
        short |= separators > 0 && length != 3;
        // An open bracket has to be closed within the number.
        if !groups.open && total >= MIN_DIGITS && (total == FIXED_DIGITS || code > 1) {
            end = Some(groups.at);
        }
        match groups.next() {
            Some(separator) => {
                separators += 1;
                dots += usize::from(separator == Some(Separator::Dot));
            }
            None => break,
        }
    }
    // `+49.1234567` is a decimal, `+20.000.000` a count.
    if separators > 0 && dots == separators && (separators == 1 || !short) {
        return None;
    }
    let end = end?;
    if bytes[first] == b'1' && !is_american(&bytes[first + 1..end]) {
        return None;
    }
    let start = plus - usize::from(code_open);
    (starts_here(text, start, floor, false) && ends_here(text, end, false))
        .then_some(Range { start, end })
}

/// Whether the digits among the bytes fit the North American plan.
fn is_american(national: &[u8]) -> bool {
    let mut digits = national.iter().copied().filter(u8::is_ascii_digit);
    digits.next().is_some_and(is_n) && digits.nth(2).is_some_and(is_n)
}

/// Steps from one group of digits of an international number to the next.
struct Groups<'a> {
    bytes: &'a [u8],
    at: usize,
    open: bool,
    brackets: usize,
}

impl Groups<'_> {
    /// Moves to the next group; says what separates it, or `Some(None)` for brackets alone.
    fn next(&mut self) -> Option<Option<Separator>> {
        let closing = self.open && self.bytes.get(self.at) == Some(&b')');
        let (separator, mut at) = separator(self.bytes, self.at + usize::from(closing));
        let opening = !self.open && self.brackets == 0 && self.bytes.get(at) == Some(&b'(');
        at += usize::from(opening);
        if !self.bytes.get(at).is_some_and(u8::is_ascii_digit) || at == self.at {
            // A bracket behind the last group: the number may end with it closed.
            return None;
        }
        self.brackets += usize::from(opening);
        self.open = self.open && !closing || opening;
        self.at = at;
        Some(separator)
    }
}

/// How many digits the country code at the start has; `None` for a code that is not assigned
/// (ITU-T E.164, list of assigned country codes).
fn country_code_len(digits: &[u8]) -> Option<usize> {
    let [a, b, ..] = *digits else { return None };
    if matches!(a, b'1' | b'7') {
        return Some(1);
    }
    // By the first two digits: codes of two digits, then the series of three.
    const TWO: [&[u8]; 10] = [
        b"",
        b"",
        b"07",
        b"0123469",
        b"013456789",
        b"12345678",
        b"0123456",
        b"",
        b"1246",
        b"0123458",
    ];
    const THREE: [&[u8]; 10] =
        [b"", b"", b"1234569", b"578", b"2", b"09", b"789", b"", b"0578", b"679"];
    let tens = usize::from(a.checked_sub(b'0')?);
    let has = |table: &[&[u8]]| table.get(tens).is_some_and(|seconds| seconds.contains(&b));
    if has(&TWO) { Some(2) } else { has(&THREE).then_some(3) }
}

/// The separator at `at` and the offset behind it: one dash, dot, slash or space, a dash also
/// between spaces.
fn separator(bytes: &[u8], at: usize) -> (Option<Separator>, usize) {
    let space = space(bytes, at);
    let middle = at + space;
    let (kind, length) = match bytes.get(middle..).unwrap_or_default() {
        [b'-', ..] => (Separator::Dash, 1),
        // Hyphen, non-breaking hyphen, figure dash, en dash.
        [0xE2, 0x80, 0x90..=0x93, ..] => (Separator::Dash, 3),
        [b'.', ..] if space == 0 => (Separator::Dot, 1),
        [b'/', ..] if space == 0 => (Separator::Slash, 1),
        _ if space > 0 => return (Some(Separator::Space), middle),
        _ => return (None, at),
    };
    let end = middle + length;
    (Some(kind), if kind == Separator::Dash { end + self::space(bytes, end) } else { end })
}

/// Bytes of the space or no-break space at `at`.
fn space(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at..).unwrap_or_default() {
        [b' ', ..] => 1,
        [0xC2, 0xA0, ..] => 2,
        _ => 0,
    }
}

/// How many digits stand at `at`, as far as it matters.
fn digits(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().take(MAX_DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count()
}

/// Whether nothing in front of `start` makes the number part of something longer. A `loose`
/// number is one of spaced groups, which a spaced digit before or behind makes a row of figures.
fn starts_here(text: &str, start: usize, floor: usize, loose: bool) -> bool {
    let mut chars = before(text, start);
    let Some(last) = chars.next() else { return true };
    let second = chars.next();
    let digit = second.is_some_and(|c| c.is_ascii_digit());
    match last {
        // A second number behind the first.
        '/' => floor > 0 && floor + 1 == start,
        '+' | '#' | '%' | '$' | '@' | '&' | '\\' | '€' | '£' | '¥' => false,
        '.' | ',' | ':' => !digit,
        '-' | '‐'..='―' => second.is_none_or(char::is_whitespace),
        ' ' | '\u{A0}' => !(loose && digit),
        _ => !continues(Some(last)),
    }
}

/// Whether nothing behind `end` makes the number part of something longer.
fn ends_here(text: &str, end: usize, loose: bool) -> bool {
    let mut chars = after(text, end);
    let Some(first) = chars.next() else { return true };
    let second = chars.next();
    let digit = second.is_some_and(|c| c.is_ascii_digit());
    match first {
        '@' | '%' | '$' | '=' | '€' | '£' | '¥' => false,
        '.' | ',' | ':' => !digit,
        '-' | '‐'..='―' => !continues(second),
        ' ' | '\u{A0}' => !(loose && digit),
        // An extension, which is not part of the span.
        'x' | 'X' => second.is_some_and(|c| c.is_ascii_digit() || c == ' ' || c == '.'),
        'e' | 'E' => text[end + 1..].get(..2).is_some_and(|rest| rest.eq_ignore_ascii_case("xt")),
        _ => !continues(Some(first)),
    }
}
