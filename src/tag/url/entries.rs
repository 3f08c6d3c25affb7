//! What the lines of published block lists say: hosts files, one name a line, `||name^` rules.
//!
//! Lists of all three forms are mixed in practice, so the form is told line by line.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Names that hosts files give to the machine itself.
const LOCAL_NAMES: [&str; 2] = ["localhost", "localdomain"];

/// What a line of a list names.
#[derive(Debug, PartialEq)]
pub enum Entry<'a> {
    /// A blank line or a comment.
    Nothing,
    /// An address or a name, to be cleaned like a document's.
    Address(&'a str),
    /// A line of a hosts file: the address of a machine that is not the own, and a name.
    Host { ip: Option<&'a str>, name: Option<&'a str> },
    /// The name in `||name^`.
    Name(&'a str),
    /// None of these.
    Unknown,
}

/// Reads a line that is in lower case and has no white space around it.
pub fn entry(line: &str) -> Entry<'_> {
    if line.is_empty() || line.starts_with(['#', ';', '!']) {
        return Entry::Nothing;
    }
    if let Some(host) = hosts_line(line) {
        return host;
    }
    if name_at(line).is_some() {
        // A name, an address, or a name with a comment behind it.
        let first = line.split_whitespace().next().unwrap_or(line);
        return if is_local(first) { Entry::Nothing } else { Entry::Address(first) };
    }
    let rule = line.trim_start_matches('|');
    match name_at(rule) {
        Some(name) if rule.len() < line.len() && rule[name.len()..].starts_with('^') => {
            Entry::Name(name)
        }
        _ => Entry::Unknown,
    }
}

/// `<ip> <name>`, or what looks like it and is not.
fn hosts_line(line: &str) -> Option<Entry<'_>> {
    let is_ip = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b) || b == b'.' || b == b':';
    let end = line.bytes().position(|b| !is_ip(b))?;
    let (ip, rest) = line.split_at(end);
    let behind = rest.trim_start();
    if ip.is_empty() || behind.len() == rest.len() {
        return None;
    }
    let name = name_at(behind)?;
    if ip.parse::<Ipv4Addr>().is_err() && ip.parse::<Ipv6Addr>().is_err() {
        return Some(Entry::Unknown);
    }
    Some(Entry::Host { ip: (!is_local(ip)).then_some(ip), name: (!is_local(name)).then_some(name) })
}

/// Whether it stands for the machine that the list is on: in hosts files it is where blocked names
/// are sent, and blocks nothing itself.
fn is_local(text: &str) -> bool {
    let v4 = || text.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified());
    let v6 = || text.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified());
    LOCAL_NAMES.contains(&text) || v4() || v6()
}

/// The longest name at the start of `text`: two or more letters, digits, `-` or `_`, with single
/// dots between and perhaps one behind.
fn name_at(text: &str) -> Option<&str> {
    let (mut letters, mut end, mut dot) = (0, 0, true);
    for byte in text.bytes() {
        let letter = byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if !letter && (byte != b'.' || dot) {
            break;
        }
        letters += usize::from(letter);
        dot = !letter;
        end += 1;
    }
    (letters >= 2).then(|| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_line_is_told_by_the_line() {
        for nothing in ["", "# x", "; x", "! x", "[::1]", "localhost", "127.0.0.1"] {
            let expected = if nothing == "[::1]" { Entry::Unknown } else { Entry::Nothing };
            assert_eq!(entry(nothing), expected, "{nothing}");
        }
        let host = |ip, name| Entry::Host { ip, name };
        assert_eq!(entry("0.0.0.0 ads.example"), host(None, Some("ads.example")));
        assert_eq!(entry("127.0.0.1\tads.example # x"), host(None, Some("ads.example")));
        assert_eq!(entry("127.0.0.1 localhost"), host(None, None));
        assert_eq!(entry("::1 localhost"), host(None, None));
        assert_eq!(entry("9.9.9.9 dns.example"), host(Some("9.9.9.9"), Some("dns.example")));
        assert_eq!(entry("ads.example"), Entry::Address("ads.example"));
        assert_eq!(entry("ads.example # why"), Entry::Address("ads.example"));
        assert_eq!(entry("http://ads.example/x"), Entry::Address("http://ads.example/x"));
        assert_eq!(entry("||ads.example^"), Entry::Name("ads.example"));
        assert_eq!(entry("||ads.example^$third-party"), Entry::Name("ads.example"));
        for unknown in ["*.ads.example", "||ads.example/x", "ads", "@@||a.example^", "dead beef"] {
            let known = matches!(entry(unknown), Entry::Address(_));
            assert_eq!(known, unknown == "ads", "{unknown}");
        }
    }
}
