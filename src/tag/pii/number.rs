//! The phone and IP expressions of the earlier tool, matched from runs of digits.
//!
//! ```text
//! phone  \s+ \(? (\d{3}) \)? [-\. ]* (\d{3}) [-. ]? (\d{4})
//! ip     (?:octet\.){3} octet      octet = 25[0-5] | 2[0-4][0-9] | [01]?[0-9][0-9]?
//! ```
//!
//! The phone expression never has a choice: what each repeat may take, the next part may not. So
//! a match is the whole white space before a digit (or a bracket and a digit) from which the rest
//! fits. Of the IP expression only the first and the last octet have one: between dots an octet is
//! a whole run of digits; the first is the longest tail of its run that fits (leftmost match), the
//! last the longest head (greedy). Neither looks at what stands around it.

use super::blocks::for_each_digit_run;
use super::chars::{digit_len, has_wide_digit, previous, space_len, space_len_before};

/// Where the white space before a phone number may begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lead {
    /// Anywhere.
    Text,
    /// In the line of the number; a line ends with its `\n`.
    Line,
}

/// What was found, in bytes of the text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    pub start: usize,
    pub end: usize,
}

/// Appends the matches of both expressions, each from left to right.
pub fn find_numbers(
    text: &[u8],
    ascii: bool,
    lead: Lead,
    phones: &mut Vec<Match>,
    ips: &mut Vec<Match>,
) {
    let wide = !ascii && has_wide_digit(text);
    let mut phone_floor = 0;
    let mut ip_floor = 0;
    for_each_digit_run(text, |start, end| {
        if !wide && end - start >= 3 && start >= phone_floor {
            let anchor = start - usize::from(start > 0 && text[start - 1] == b'(');
            if let Some(hit) = phone(text, anchor, lead) {
                phone_floor = hit.end;
                phones.push(hit);
            }
        }
        if text.get(end) == Some(&b'.')
            && let Some(hit) = ip(text, start.max(ip_floor), end)
        {
            ip_floor = hit.end;
            ips.push(hit);
        }
    });
    if wide {
        find_wide_phones(text, lead, phones);
    }
}

/// Phones in a text with digits beyond ASCII, which can stand wherever ASCII digits can: every
/// end of white space is tried.
fn find_wide_phones(text: &[u8], lead: Lead, phones: &mut Vec<Match>) {
    let mut at = 0;
    while at < text.len() {
        let space = space_len(text, at);
        at += space.max(1);
        if space > 0
            && space_len(text, at) == 0
            && let Some(hit) = phone(text, at, lead)
        {
            at = hit.end;
            phones.push(hit);
        }
    }
}

/// The phone number whose white space ends at `anchor`. A number ends with a digit, so the white
/// space before the next one never reaches into it.
fn phone(text: &[u8], anchor: usize, lead: Lead) -> Option<Match> {
    if space_len_before(text, anchor) == 0 || lead == Lead::Line && text[anchor - 1] == b'\n' {
        return None;
    }
    let bracket = usize::from(text.get(anchor) == Some(&b'('));
    let mut at = digits(text, anchor + bracket, 3)?;
    at += usize::from(text.get(at) == Some(&b')'));
    while matches!(text.get(at), Some(b'-' | b'.' | b' ')) {
        at += 1;
    }
    at = digits(text, at, 3)?;
    at += usize::from(matches!(text.get(at), Some(b'-' | b'.' | b' ')));
    let end = digits(text, at, 4)?;
    Some(Match { start: space_start(text, anchor, lead), end })
}

/// The end of exactly `count` digits from `at`.
fn digits(text: &[u8], mut at: usize, count: usize) -> Option<usize> {
    for _ in 0..count {
        match digit_len(text, at) {
            0 => return None,
            width => at += width,
        }
    }
    Some(at)
}

/// Start of the white space that ends at `end`.
fn space_start(text: &[u8], end: usize, lead: Lead) -> usize {
    let mut start = end;
    while space_len_before(text, start) > 0 && !(lead == Lead::Line && text[start - 1] == b'\n') {
        start = previous(text, start);
    }
    start
}

/// The IP address whose first octet ends at `first_end`, where a dot stands; it may begin at
/// `floor`, which is in or after the same run of digits, at the earliest.
fn ip(text: &[u8], floor: usize, first_end: usize) -> Option<Match> {
    let last = inner_octet(text, first_end + 1).and_then(|dot| inner_octet(text, dot + 1))? + 1;
    let start = (floor.max(first_end.saturating_sub(3))..first_end)
        .find(|&start| is_octet(&text[start..first_end]))?;
    let run = text[last..].iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
    let end = (last + 1..=last + run).rev().find(|&end| is_octet(&text[last..end]))?;
    Some(Match { start, end })
}

/// The dot after the octet that begins at `start`.
fn inner_octet(text: &[u8], start: usize) -> Option<usize> {
    let run = text.get(start..)?.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    let dot = start + run;
    (text.get(dot) == Some(&b'.') && is_octet(&text[start..dot])).then_some(dot)
}

/// One or two digits, or three with a value up to 255; leading zeros count as digits.
fn is_octet(digits: &[u8]) -> bool {
    match digits {
        [_] | [_, _] | [b'0' | b'1', _, _] | [b'2', b'0'..=b'4', _] => true,
        [b'2', b'5', last] => *last <= b'5',
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::chars::PYTHON_SPACE;
    use super::*;
    use proptest::prelude::*;
    use regex::Regex;

    const OCTET: &str = "(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)";

    struct Reference {
        phone: Regex,
        ip: Regex,
    }

    thread_local!(static REFERENCE: Reference = Reference {
        phone: Regex::new(&format!(
            r"{PYTHON_SPACE}+\(?(\p{{Nd}}{{3}})\)?[-\. ]*(\p{{Nd}}{{3}})[-. ]?(\p{{Nd}}{{4}})"
        )).unwrap(),
        ip: Regex::new(&format!(r"(?:{OCTET}\.){{3}}{OCTET}")).unwrap(),
    });

    type Pairs = Vec<(usize, usize)>;

    fn scanned(text: &str, lead: Lead) -> (Pairs, Pairs) {
        let (mut phones, mut ips) = (Vec::new(), Vec::new());
        find_numbers(text.as_bytes(), text.is_ascii(), lead, &mut phones, &mut ips);
        let pairs = |all: Vec<Match>| all.iter().map(|hit| (hit.start, hit.end)).collect();
        (pairs(phones), pairs(ips))
    }

    fn naive(text: &str, lead: Lead) -> (Pairs, Pairs) {
        let pieces: Vec<&str> = match lead {
            Lead::Text => vec![text],
            Lead::Line => text.split_inclusive('\n').collect(),
        };
        REFERENCE.with(|reference| {
            let find = |regex: &Regex| {
                let mut base = 0;
                let mut all = Vec::new();
                for piece in &pieces {
                    all.extend(regex.find_iter(piece).map(|m| (base + m.start(), base + m.end())));
                    base += piece.len();
                }
                all
            };
            (find(&reference.phone), find(&reference.ip))
        })
    }

    fn check(text: &str) -> std::result::Result<(), TestCaseError> {
        for lead in [Lead::Text, Lead::Line] {
            prop_assert_eq!(scanned(text, lead), naive(text, lead), "{:?} {:?}", text, lead);
        }
        Ok(())
    }

    #[test]
    fn known_quirks_are_kept() {
        // Longer runs of digits are cut, and a number at the start of the text is missed.
        assert_eq!(scanned("2125551234 2125551234999", Lead::Text).0, [(10, 21)]);
        assert_eq!(scanned("v1.2.3.4567.1.2.300", Lead::Text).1, [(1, 9), (9, 18)]);
        assert_eq!(scanned("a\n\n (212) 555-1234", Lead::Text).0, [(1, 18)]);
        assert_eq!(scanned("a\n\n (212) 555-1234", Lead::Line).0, [(3, 18)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn phones_are_those_of_the_expression(
            text in "([ \n\u{a0}(x]{0,3}[0-9]{3}[-. )]{0,2}[0-9]{2,4}[-. ]{0,2}[0-9]{3,5}){0,4}"
        ) {
            check(&text)?;
        }

        #[test]
        fn wide_digits_too(
            text in "([ \n\u{3000}(é]{0,2}[1٣９]{3}[-. )]{0,2}[1٣\u{1d7ce}]{3}[-. ]?[0٣]{3,5}){0,4}"
        ) {
            check(&text)?;
        }

        #[test]
        fn ips_are_those_of_the_expression(text in "(([0-9]{1,2}|[12][0-9]{2}|[0-9]{1,4})[.. ]){0,16}") {
            check(&text)?;
        }

        #[test]
        fn dense_noise(text in "[a1250.@ ,:()\n\t\u{a0}é٣-]{0,40}") {
            check(&text)?;
        }
    }
}
