//! Fields of a document's `metadata`, read where they are needed.
//!
//! The record keeps `metadata` as the bytes that it came in; a kernel that wants an address or a
//! page takes out that field alone. A field that is there twice counts as the last one, as with
//! every common reader of JSON.

use crate::document::same_key;
use crate::json;

/// The text of the string field `key`, unescaped into `buffer`; `None` where there is no such
/// field or it is no string.
///
/// Half of a surrogate pair becomes U+FFFD: no offset refers to metadata, and one broken character
/// of a page says nothing about the rest of it.
pub fn string<'b>(metadata: Option<&[u8]>, key: &str, buffer: &'b mut Vec<u8>) -> Option<&'b str> {
    let raw = field(metadata?, key)?;
    if raw.first() != Some(&b'"') {
        return None;
    }
    buffer.clear();
    if json::unescape(raw, buffer).is_err() {
        let whole = replace_lone_surrogates(raw);
        buffer.clear();
        json::unescape(&whole, buffer).ok()?;
    }
    simdutf8::basic::from_utf8(buffer).ok()
}

/// The raw value of the last field called `key`.
fn field<'a>(metadata: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let mut found = None;
    let scan = json::object(metadata, |raw_key, value| {
        if same_key(raw_key, key.as_bytes()) {
            found = Some(value);
        }
    });
    scan.ok().and(found)
}

/// The same raw string with `\ufffd` for every `\ud800` to `\udfff` that is not part of a pair.
fn replace_lone_surrogates(raw: &[u8]) -> Vec<u8> {
    let half = |at: usize| -> Option<u32> {
        let digits = raw.get(at..at + 6)?.strip_prefix(b"\\u")?;
        let code = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        (0xD800..0xE000).contains(&code).then_some(code)
    };
    let mut whole = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        if raw[at] != b'\\' {
            whole.push(raw[at]);
            at += 1;
            continue;
        }
        let length = if raw.get(at + 1) == Some(&b'u') { 6 } else { 2 };
        let (copy, step): (&[u8], usize) = match (half(at), half(at + 6)) {
            (None, _) => (&raw[at..raw.len().min(at + length)], length),
            (Some(high), Some(low)) if high < 0xDC00 && low >= 0xDC00 => (&raw[at..at + 12], 12),
            _ => (b"\\ufffd", 6),
        };
        whole.extend_from_slice(copy);
        at += step;
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(metadata: &str, key: &str) -> Option<String> {
        string(Some(metadata.as_bytes()), key, &mut Vec::new()).map(str::to_owned)
    }

    #[test]
    fn the_last_string_of_the_name_counts() {
        assert_eq!(text(r#"{"a":{"url":"x"},"url":"h\u00e9\/","b":1}"#, "url").unwrap(), "hé/");
        assert_eq!(text(r#"{"url":"x","\u0075rl":"y"}"#, "url").unwrap(), "y");
        for none in [r#"{"url":null}"#, r#"{"url":5}"#, r#"{"url":["x"]}"#, "[]", "null", "{}"] {
            assert_eq!(text(none, "url"), None, "{none}");
        }
        assert_eq!(string(None, "url", &mut Vec::new()), None);
    }

    #[test]
    fn half_of_a_surrogate_pair_is_replaced() {
        let raw = r#"{"h":"a\ud83d b\ude00 \ud83d\ude00 \\ud83d \ud83d\ud83d\ude00\n"}"#;
        assert_eq!(text(raw, "h").unwrap(), "a\u{fffd} b\u{fffd} 😀 \\ud83d \u{fffd}😀\n");
    }
}
