//! E-mail addresses around each `@`.

use super::Range;
use super::context::{Words, after, before, continues};
use memchr::memchr;

/// RFC 5321, 4.5.3.1: local part, domain, and a path without its two brackets (erratum 1690).
const MAX_LOCAL: usize = 64;
const MAX_DOMAIN: usize = 255;
const MAX_ADDRESS: usize = 254;
/// RFC 1035, 2.3.4.
const MAX_LABEL: usize = 63;

/// Names of files that look like addresses (`icon@2x.png`); none of them is a top-level domain.
const FILE_SUFFIXES: [&[u8]; 8] =
    [b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"css", b"html"];

/// Appends the addresses in `text` from left to right.
pub fn find(text: &str, emails: &mut Vec<Range>) {
    let bytes = text.as_bytes();
    let mut words = Words::new(bytes);
    let mut floor = 0;
    let mut next = 0;
    while let Some(offset) = memchr(b'@', &bytes[next..]) {
        let at = next + offset;
        next = at + 1;
        let Some(start) = local_start(text, at, floor) else { continue };
        let Some(end) = domain_end(text, at + 1) else { continue };
        if end - start > MAX_ADDRESS || is_host_user(bytes, &mut words, start, at, end) {
            continue;
        }
        emails.push(Range { start, end });
        floor = end;
        next = end;
    }
}

/// Where the local part that ends at `at` begins.
fn local_start(text: &str, at: usize, floor: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut start = at;
    while start > floor && at - start <= MAX_LOCAL {
        let byte = bytes[start - 1];
        let belongs = byte.is_ascii_alphanumeric() || b"._+-'".contains(&byte);
        // Dots of an ellipsis do not belong to the address behind them.
        if !belongs || byte == b'.' && start < at && bytes[start] == b'.' {
            break;
        }
        start -= 1;
    }
    if start == at || at - start > MAX_LOCAL || matches!(bytes[at - 1], b'.' | b'\'') {
        return None;
    }
    // `@user@host` is a handle; the tail of a word with letters beyond ASCII is not an address.
    if start > floor && before(text, start).next().is_some_and(|c| c == '@' || is_letter(c)) {
        return None;
    }
    let head = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    bytes[start..at].iter().position(head).map(|skipped| start + skipped)
}

/// A letter beyond ASCII of a script with upper and lower case.
fn is_letter(c: char) -> bool {
    !c.is_ascii() && continues(Some(c))
}

/// Where the domain that begins at `start` ends: behind the last label that can be a top-level
/// domain.
fn domain_end(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut best = None;
    let mut label = start;
    loop {
        let length = bytes[label..]
            .iter()
            .take(MAX_LABEL + 1)
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-')
            .count();
        let end = label + length;
        if length == 0 || length > MAX_LABEL || end - start > MAX_DOMAIN || bytes[label] == b'-' {
            break;
        }
        let name = &bytes[label..end];
        if label > start {
            best = top_level_len(name).map(|length| label + length).or(best);
        }
        let goes_on = bytes.get(end) == Some(&b'.')
            && bytes.get(end + 1).is_some_and(u8::is_ascii_alphanumeric);
        if !goes_on || name.ends_with(b"-") {
            break;
        }
        label = end + 1;
    }
    best.filter(|&end| !after(text, end).next().is_some_and(|c| c == '@' || is_letter(c)))
}

/// How much of the label can be a top-level domain: all of it, or what stands before the first
/// hyphen (`me@x.org-based`, `me@x.org--`).
fn top_level_len(label: &[u8]) -> Option<usize> {
    if label.len() > 4 && label[..4].eq_ignore_ascii_case(b"xn--") && !label.ends_with(b"-") {
        return Some(label.len());
    }
    let length = memchr(b'-', label).unwrap_or(label.len());
    let name = &label[..length];
    let is_file = FILE_SUFFIXES.iter().any(|suffix| name.eq_ignore_ascii_case(suffix));
    (length >= 2 && name.iter().all(u8::is_ascii_alphabetic) && !is_file).then_some(length)
}

/// Whether the address is the user and host of a URL, or of a Git remote (`git@host:path`).
fn is_host_user(bytes: &[u8], words: &mut Words<'_>, start: usize, at: usize, end: usize) -> bool {
    let word = words.at(start);
    let in_host = word.in_url() && !word.in_url_path();
    let mail = word
        .host
        .is_some_and(|host| host >= 9 && bytes[host - 9..host].eq_ignore_ascii_case(b"mailto://"));
    let git = &bytes[start..at] == b"git" && matches!(bytes.get(end), Some(b':' | b'/'));
    in_host && !mail || git
}
