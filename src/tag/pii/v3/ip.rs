//! IP addresses that begin with a run of digits.
//!
//! Every IPv6 address that is reported is in 2000::/3, the only block that the registries hand
//! out, so it too begins with a digit: 2 or 3, the first of four hexadecimal ones.

use super::Range;
use super::context::{after, before, continues};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest text form of an IPv6 address (`INET6_ADDRSTRLEN` without its NUL).
const MAX_V6: usize = 45;

/// Words that announce a number with dots which is not an address.
const VERSION_WORDS: [&str; 14] = [
    "version", "versions", "ver", "v", "release", "build", "rev", "revision", "firmware",
    "section", "chapter", "clause", "figure", "table",
];
const MAX_VERSION_WORD: usize = 8;

/// The address that begins with the run of digits `start..end`; `floor` is where the last number
/// ended.
pub fn at(text: &str, start: usize, end: usize, floor: usize) -> Option<Range> {
    match text.as_bytes().get(end) {
        Some(b'.') => v4(text, start, floor),
        _ => v6(text, start),
    }
}

fn v4(text: &str, start: usize, floor: usize) -> Option<Range> {
    let (address, end) = octets(text.as_bytes(), start)?;
    let fits = is_host(address)
        && starts_v4(text, start, floor)
        && ends_v4(text, end)
        && !is_version(text, start);
    fits.then_some(Range { start, end })
}

/// Four octets as they are written today, without leading zeros, and where they end.
fn octets(bytes: &[u8], start: usize) -> Option<(Ipv4Addr, usize)> {
    let mut octets = [0; 4];
    let mut at = start;
    for (index, octet) in octets.iter_mut().enumerate() {
        at += usize::from(index > 0);
        let rest = bytes.get(at..)?;
        let length = rest.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
        if length == 0 || length > 3 || length > 1 && rest[0] == b'0' {
            return None;
        }
        let value = rest[..length].iter().fold(0, |sum, byte| sum * 10 + u32::from(byte - b'0'));
        *octet = u8::try_from(value).ok()?;
        at += length;
        if index < 3 && bytes.get(at) != Some(&b'.') {
            return None;
        }
    }
    Some((Ipv4Addr::from(octets), at))
}

/// Whether the address is that of a machine: not of this host (RFC 1122), multicast or reserved
/// (RFC 5771, 1112), and not a network or version `a.0.0.0`. Private addresses (RFC 1918) count:
/// inside an organisation they point to a person as well as any other; so do those for
/// documentation (RFC 5737).
fn is_host(address: Ipv4Addr) -> bool {
    let [a, b, c, d] = address.octets();
    a != 0 && a < 224 && [b, c, d] != [0; 3] && !address.is_loopback()
}

fn starts_v4(text: &str, start: usize, floor: usize) -> bool {
    let mut chars = before(text, start);
    let Some(last) = chars.next() else { return true };
    let second = chars.next();
    match last {
        '.' | '+' | '#' | '%' | '$' | '\\' => false,
        // A range of addresses, or a dash before the address.
        '-' => floor > 0 && floor + 1 == start || second.is_none_or(char::is_whitespace),
        // The host of a URL, or an address printed behind a slash.
        '/' => second.is_none_or(|c| c == '/' || c.is_whitespace()),
        _ => !continues(Some(last)),
    }
}

fn ends_v4(text: &str, end: usize) -> bool {
    let mut chars = after(text, end);
    let Some(first) = chars.next() else { return true };
    let second = chars.next();
    match first {
        '.' | '+' => !continues(second),
        '-' => !continues(second) || octets(text.as_bytes(), end + 1).is_some(),
        '@' => false,
        _ => !continues(Some(first)),
    }
}

/// Whether a word like "version" stands before `start`.
fn is_version(text: &str, start: usize) -> bool {
    let head = text[..start].trim_end_matches([' ', '.', ':', '\u{A0}']);
    // A trim of more than a few signs would not be one of a label.
    if start - head.len() > 4 {
        return false;
    }
    let bytes = head.as_bytes();
    let letters = bytes
        .iter()
        .rev()
        .take(MAX_VERSION_WORD + 1)
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    let word = &head[head.len() - letters..];
    VERSION_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

fn v6(text: &str, start: usize) -> Option<Range> {
    let bytes = text.as_bytes();
    let head = bytes.get(start..start + 5)?;
    if !matches!(head[0], b'2' | b'3')
        || head[4] != b':'
        || !head[..4].iter().all(u8::is_ascii_hexdigit)
    {
        return None;
    }
    let length = bytes[start..]
        .iter()
        .take(MAX_V6 + 1)
        .take_while(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
        .count();
    let candidate = text[start..start + length].trim_end_matches('.');
    // A single colon at the end is punctuation, two belong to the address.
    let candidate = match candidate.strip_suffix(':') {
        Some(shorter) if !shorter.ends_with(':') => shorter,
        _ => candidate,
    };
    let address: Ipv6Addr = candidate.parse().ok()?;
    let end = start + candidate.len();
    let last = before(text, start).next();
    let bounded =
        !continues(last) && !last.is_some_and(|c| matches!(c, ':' | '.' | '-' | '#' | '%'));
    // Two groups at least: `2001::` is a network, or a slip of the pen.
    let groups = address.segments().iter().filter(|&&group| group != 0).count();
    (bounded && groups > 1 && !continues(after(text, end).next())).then_some(Range { start, end })
}
