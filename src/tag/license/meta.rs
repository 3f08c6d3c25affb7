//! The `<meta>` elements of a page, without building a tree.
//!
//! What stands in comments and scripts is no element. Every byte is looked at once; a quote that is
//! never closed ends the page, as in browsers.

use memchr::memchr;
use memchr::memmem;

/// Calls `visit` with the `name` (or `http-equiv`) and the `content` of every `<meta>`.
pub fn each(html: &str, mut visit: impl FnMut(&str, &str)) {
    let bytes = html.as_bytes();
    let mut at = 0;
    while let Some(open) = memchr(b'<', &bytes[at..]) {
        at += open + 1;
        let rest = &bytes[at..];
        if rest.starts_with(b"!--") {
            at = memmem::find(&bytes[at + 3..], b"-->").map_or(bytes.len(), |end| at + 3 + end);
        } else if is_tag(rest, b"script") {
            at = end_of_script(bytes, at);
        } else if is_tag(rest, b"meta") {
            at = read(html, at + 4, &mut visit);
        }
    }
}

fn is_tag(rest: &[u8], name: &[u8]) -> bool {
    rest.len() > name.len()
        && rest[..name.len()].eq_ignore_ascii_case(name)
        && (rest[name.len()].is_ascii_whitespace()
            || rest[name.len()] == b'/'
            || rest[name.len()] == b'>')
}

fn end_of_script(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(open) = memchr(b'<', &bytes[at..]) {
        at += open + 1;
        if bytes[at..].len() >= 7 && bytes[at..at + 7].eq_ignore_ascii_case(b"/script") {
            return at;
        }
    }
    bytes.len()
}

/// Reads the attributes from `at` on; returns where the element ends.
fn read(html: &str, mut at: usize, visit: &mut impl FnMut(&str, &str)) -> usize {
    let bytes = html.as_bytes();
    let (mut name, mut content) = ("", "");
    while let Some(&byte) = bytes.get(at) {
        if byte == b'>' {
            visit(name, content);
            return at + 1;
        }
        if byte.is_ascii_whitespace() || b"/=\"'".contains(&byte) {
            at += 1;
            continue;
        }
        let start = at;
        at += length(&bytes[at..], |b| b.is_ascii_whitespace() || b"=>/".contains(&b));
        let key = &html[start..at];
        let equals = at + length(&bytes[at..], |b| !b.is_ascii_whitespace());
        if bytes.get(equals) != Some(&b'=') {
            continue;
        }
        at = equals + 1;
        at += length(&bytes[at..], |b| !b.is_ascii_whitespace());
        let value = match bytes.get(at) {
            Some(&quote @ (b'"' | b'\'')) => {
                let Some(end) = memchr(quote, &bytes[at + 1..]) else { return bytes.len() };
                at += end + 2;
                &html[at - end - 1..at - 1]
            }
            _ => {
                let end = length(&bytes[at..], |b| b.is_ascii_whitespace() || b == b'>');
                at += end;
                &html[at - end..at]
            }
        };
        if key.eq_ignore_ascii_case("content") {
            content = value;
        } else if key.eq_ignore_ascii_case("name") || key.eq_ignore_ascii_case("http-equiv") {
            name = value;
        }
    }
    bytes.len()
}

/// How many bytes there are before one that `stop`s.
fn length(bytes: &[u8], stop: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|&b| stop(b)).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(html: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        each(html, |name, content| found.push((name.to_owned(), content.to_owned())));
        found
    }

    fn pair(name: &str, content: &str) -> (String, String) {
        (name.to_owned(), content.to_owned())
    }

    #[test]
    fn elements_are_read_in_any_spelling() {
        let html = "<META  content = 'a > b' NAME=robots/><meta name=\"x\"\ncontent=y><meta http-equiv=z content=\"é\">";
        assert_eq!(all(html), [pair("robots/", "a > b"), pair("x", "y"), pair("z", "é")]);
        assert_eq!(all("<meta><metal name=x><meta name"), [pair("", "")]);
    }

    #[test]
    fn comments_and_scripts_have_none() {
        let html = "<!-- <meta name=a content=b> --><script>'<meta name=a content=b>'</SCRIPT><meta name=c content=d>";
        assert_eq!(all(html), [pair("c", "d")]);
        assert_eq!(all("<!-- <meta name=a content=b>"), []);
        assert_eq!(all("<meta name=\"a content=b>"), []);
    }
}
