//! An address as lists know it: `host[:port]/path`, lower case, without scheme, user, query, end.
//!
//! The published taggers split addresses with urllib3 (RFC 3986), and lists are matched against
//! what it gives; so this splits, normalises and refuses in the same way. One pass over the bytes,
//! into a buffer that is reused.

/// A cleaned address, reused from document to document.
#[derive(Debug, Default)]
pub struct Address {
    text: String,
    host_end: usize,
    path: String,
}

/// Schemes whose path is normalised; so is that of addresses without a scheme.
const NORMALISED: [&str; 2] = ["http", "https"];

/// Bytes of a path that are not percent-encoded, besides letters and digits.
const PATH_MARKS: &[u8] = b"._-~!$&'()*+,;=:@/";

/// What each byte of a path becomes, in lower case; zero if it is percent-encoded.
const PLAIN: [u8; 256] = plain();

const fn plain() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        if (byte as u8).is_ascii_alphanumeric() {
            table[byte] = (byte as u8).to_ascii_lowercase();
        }
        byte += 1;
    }
    let mut mark = 0;
    while mark < PATH_MARKS.len() {
        table[PATH_MARKS[mark] as usize] = PATH_MARKS[mark];
        mark += 1;
    }
    table
}

impl Address {
    /// Reads an address; false when it has no host or is not one. `self` is then empty.
    pub fn read(&mut self, url: &str) -> bool {
        self.read_as_far_as(url, true)
    }

    /// As [`Address::read`], of the host and port alone.
    pub fn read_host(&mut self, url: &str) -> bool {
        self.read_as_far_as(url, false)
    }

    fn read_as_far_as(&mut self, url: &str, path: bool) -> bool {
        self.text.clear();
        self.host_end = 0;
        let read = self.split(url, path).is_some();
        if !read {
            self.text.clear();
            self.host_end = 0;
        }
        read
    }

    /// The whole: `host[:port]/path` without `/` at its end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn host(&self) -> &str {
        &self.text[..self.host_end]
    }

    fn split(&mut self, url: &str, with_path: bool) -> Option<()> {
        let (scheme, rest) = scheme(url);
        let normalised = scheme
            .is_none_or(|name| NORMALISED.iter().any(|known| name.eq_ignore_ascii_case(known)));
        let end = rest.find(['\\', '/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let host_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = host_and_port(host_port)?;
        if host.is_empty() {
            return None;
        }
        if host.is_ascii() {
            self.text.extend(host.chars().map(|c| c.to_ascii_lowercase()));
        } else {
            // Whatever the scheme: lists have names as the DNS does.
            self.text.push_str(&idna::domain_to_ascii(&host.to_lowercase()).ok()?);
        }
        self.host_end = self.text.len();
        if let Some(port) = port {
            self.text.push(':');
            self.text.push_str(port);
        }
        if !with_path {
            return Some(());
        }
        let path = &rest[..rest.find(['?', '#']).unwrap_or(rest.len())];
        if normalised {
            remove_dot_segments(path, &mut self.path);
            if !self.path.is_empty() && !self.path.starts_with('/') {
                self.text.push('/');
            }
            encode(&self.path, &mut self.text);
        } else {
            if !path.is_empty() && !path.starts_with('/') {
                self.text.push('/');
            }
            self.text.push_str(&path.to_lowercase());
        }
        let kept = self.text.trim_end_matches('/').len();
        self.text.truncate(kept);
        self.host_end = self.host_end.min(kept);
        Some(())
    }
}

/// The scheme and what follows `scheme://` or `//`; an address with neither starts with its host.
fn scheme(url: &str) -> (Option<&str>, &str) {
    let end = url.bytes().position(|b| !b.is_ascii_alphanumeric() && !b"+-.".contains(&b));
    let named = match end {
        Some(end) if url.as_bytes()[end] == b':' && url.as_bytes()[0].is_ascii_alphabetic() => {
            // A dot before the colon makes it a host with a port.
            (!url[..end].contains('.')).then_some((&url[..end], &url[end + 1..]))
        }
        _ => None,
    };
    match named {
        // Without `//` there is no host: `mailto:someone`, `localhost:80/x`.
        Some((name, rest)) => (Some(name), rest.strip_prefix("//").unwrap_or("")),
        None if url.starts_with('/') => (None, url.strip_prefix("//").unwrap_or("")),
        None => (None, url),
    }
}

/// Host and port; the port without leading zeros, none for 0. `None` for what is not allowed.
fn host_and_port(text: &str) -> Option<(&str, Option<&str>)> {
    let end = if text.starts_with('[') {
        let end = text.find(']')? + 1;
        let inside = &text[1..end - 1];
        let number = inside.split('%').next().unwrap_or_default();
        number.parse::<std::net::Ipv6Addr>().ok()?;
        end
    } else {
        text.find(':').unwrap_or(text.len())
    };
    let (host, rest) = text.split_at(end);
    if !host.starts_with('[') {
        let bytes = host.as_bytes();
        for (at, &byte) in bytes.iter().enumerate() {
            let escaped = || {
                bytes.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
            };
            if b"[]".contains(&byte) || (byte == b'%' && !escaped()) {
                return None;
            }
        }
    }
    let digits = match rest.strip_prefix(':') {
        None => return rest.is_empty().then_some((host, None)),
        Some(digits) => digits,
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some((host, None));
    }
    digits.parse::<u16>().ok()?;
    Some((host, Some(digits)))
}

/// RFC 3986, 5.2.4: `.` and `..` taken out.
fn remove_dot_segments(path: &str, out: &mut String) {
    out.clear();
    if !path.contains("/.") && !path.starts_with('.') {
        out.push_str(path);
        return;
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
    }
    if path.starts_with('/') && kept.first().is_none_or(|first| !first.is_empty()) {
        out.push('/');
    }
    for (at, segment) in kept.iter().enumerate() {
        if at > 0 {
            out.push('/');
        }
        out.push_str(segment);
    }
    if !kept.is_empty() && (path.ends_with("/.") || path.ends_with("/..")) {
        out.push('/');
    }
}

/// Appends `path` with everything percent-encoded that must be, and in lower case.
fn encode(path: &str, out: &mut String) {
    let bytes = path.as_bytes();
    let escape = |at: usize| {
        bytes.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    };
    // One `%` that is no escape, and all of them are taken for themselves.
    let encoded = memchr::memchr_iter(b'%', bytes).all(escape);
    out.reserve(path.len());
    for &byte in bytes {
        let plain = PLAIN[usize::from(byte)];
        if plain != 0 {
            out.push(char::from(plain));
        } else if encoded && byte == b'%' {
            out.push('%');
        } else {
            let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
            out.push('%');
            out.push(digit(byte >> 4));
            out.push(digit(byte & 15));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn clean(url: &str) -> Option<(String, String)> {
        let mut address = Address::default();
        address.read(url).then(|| (address.host().to_owned(), address.as_str().to_owned()))
    }

    fn whole(url: &str) -> String {
        clean(url).map_or_else(|| "-".to_owned(), |(_, whole)| whole)
    }

    #[test]
    fn an_address_is_its_host_port_and_path() {
        assert_eq!(whole("HTTP://User:pw@Www.Example.ORG:080/A/b/?q#f"), "www.example.org:80/a/b");
        assert_eq!(whole("example.org"), "example.org");
        assert_eq!(whole("example.org:8080/x//"), "example.org:8080/x");
        assert_eq!(whole("//example.org?x"), "example.org");
        assert_eq!(whole("https://example.org:0/"), "example.org");
        assert_eq!(whole("http://[2001:DB8::1]:81/x"), "[2001:db8::1]:81/x");
        assert_eq!(whole("http://bücher.example/ü?x"), "xn--bcher-kva.example/%c3%bc");
        assert_eq!(whole("ftp://Host.example/A/../b"), "host.example/a/../b");
        assert_eq!(whole("ftp://Bücher.example/ü"), "xn--bcher-kva.example/ü");
        assert_eq!(whole(r"http://host.example\a"), "host.example/%5ca");
        assert_eq!(clean("http://a.b:1/c").map(|pair| pair.0), Some("a.b".to_owned()));
    }

    #[test]
    fn what_has_no_host_is_no_address() {
        for none in [
            "",
            "/path",
            "mailto:a@b.example",
            "http://",
            "http:///x",
            "http://a:b",
            "http://a:99999",
            "http://[::1",
            "http://[x]/",
            "http://a%zz/",
            "data:text/html,x",
            "localhost:80/x",
            "?",
            "#",
        ] {
            assert_eq!(whole(none), "-", "{none}");
        }
    }

    #[test]
    fn paths_are_normalised() {
        assert_eq!(whole("http://h/a/./b/../c"), "h/a/c");
        assert_eq!(whole("http://h/../a"), "h/a");
        assert_eq!(whole("http://h/a/.."), "h");
        assert_eq!(whole("http://h/a%2F%zz b"), "h/a%252f%25zz%20b");
        assert_eq!(whole("http://h/a%2F b"), "h/a%2f%20b");
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(url in "\\PC{0,40}|(http)?:?/{0,3}[a-zé@:\\[\\]%/.?#\\\\0-9]{0,30}") {
            let mut address = Address::default();
            if address.read(&url) {
                prop_assert!(!address.host().is_empty());
                prop_assert!(address.as_str().starts_with(address.host()));
            }
        }
    }
}
