//! The record that flows through every command: one line of a document file.
//!
//! A [`Record`] is a line split into raw fields, in their order, with the few that commands need
//! found by name. Everything else stays bytes, so that numbers, key order and unknown fields come
//! out of a mix as they went in.

use crate::error::{Error, Result};
use crate::json;
use std::borrow::Cow;

/// One top-level field, as it stands in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// The key as written, without its quotes (escapes are kept).
    pub key: &'a [u8],
    /// The raw JSON value.
    pub value: &'a [u8],
}

/// A document line, split but not parsed.
#[derive(Debug, Default)]
pub struct Record<'a> {
    /// Fields in the order of their first appearance; of a repeated key only the last value is
    /// kept, as every JSON reader in use does, so that no shadowed copy of a text survives.
    pub fields: Vec<Field<'a>>,
    /// Whether a key is spelled with escapes, so that names cannot be compared as they stand.
    escaped: bool,
}

impl<'a> Record<'a> {
    /// Splits `line` (without its newline).
    ///
    /// # Errors
    /// `Record` when the line is not one JSON object.
    pub fn parse(line: &'a [u8]) -> Result<Self> {
        let mut record = Self { fields: Vec::with_capacity(8), escaped: false };
        record.read(line)?;
        Ok(record)
    }

    /// As [`Record::parse`], reusing the allocation.
    pub fn read(&mut self, line: &'a [u8]) -> Result<()> {
        self.fields.clear();
        if line.is_empty() || line.iter().all(u8::is_ascii_whitespace) {
            return Err(Error::record("empty line where a JSON object was expected"));
        }
        self.escaped = false;
        let Self { fields, escaped } = self;
        json::object(line, |key, value| {
            *escaped |= is_escaped(key);
            let same = |known| if *escaped { same_key(known, key) } else { known == key };
            match fields.iter_mut().find(|field| same(field.key)) {
                Some(earlier) => earlier.value = value,
                None => fields.push(Field { key, value }),
            }
        })
        .map_err(|cause| Error::record(cause.to_string()))
    }

    /// The raw value of the field called `name` (plain ASCII).
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        let name = name.as_bytes();
        let same = |key| if self.escaped { same_key(key, name) } else { key == name };
        self.fields.iter().find(|field| same(field.key)).map(|field| field.value)
    }

    /// The raw JSON of `id`: a string, or a number as some corpora have.
    ///
    /// # Errors
    /// `Record` when `id` is missing or of another type.
    pub fn id(&self) -> Result<&'a [u8]> {
        match self.get("id") {
            Some(raw) if matches!(raw[0], b'"' | b'-' | b'0'..=b'9') => Ok(raw),
            Some(raw) => Err(wrong_type("id", "a string", raw)),
            None => Err(missing("id")),
        }
    }

    /// The raw JSON string of `text`, quotes included.
    ///
    /// # Errors
    /// `Record` when `text` is missing, null or not a string.
    pub fn text(&self) -> Result<&'a [u8]> {
        match self.get("text") {
            Some(raw) if raw[0] == b'"' => Ok(raw),
            Some(raw) => Err(wrong_type("text", "a string", raw)),
            None => Err(missing("text")),
        }
    }
}

fn missing(name: &str) -> Error {
    Error::record(format!("the document has no field {name:?}"))
}

fn wrong_type(name: &str, expected: &str, raw: &[u8]) -> Error {
    let shown: String = String::from_utf8_lossy(raw).chars().take(40).collect();
    Error::record(format!("field {name:?} must be {expected}, got {shown}"))
}

/// Whether two raw keys name the same field.
#[inline]
pub fn same_key(left: &[u8], right: &[u8]) -> bool {
    left == right || ((is_escaped(left) || is_escaped(right)) && key(left) == key(right))
}

fn is_escaped(raw: &[u8]) -> bool {
    raw.contains(&b'\\')
}

/// A raw key without its escapes: `gr\u00f6\u00dfe` and `größe` are one name, and writers that keep
/// to ASCII spell it the first way.
#[inline]
pub fn key(raw: &[u8]) -> Cow<'_, [u8]> {
    if !is_escaped(raw) {
        return Cow::Borrowed(raw);
    }
    let quoted = [b"\"", raw, b"\""].concat();
    let mut key = Vec::new();
    match json::unescape(&quoted, &mut key) {
        Ok(()) => Cow::Owned(key),
        Err(_) => Cow::Borrowed(raw),
    }
}

/// The text of a raw JSON string: borrowed from the line where it has no escapes, else written
/// into `buffer`. The line must be valid UTF-8.
///
/// # Errors
/// `Record` when an escape is half of a surrogate pair.
pub fn string<'s>(raw: &'s [u8], buffer: &'s mut Vec<u8>) -> Result<&'s str> {
    let bytes = if memchr::memchr(b'\\', raw).is_none() {
        &raw[1..raw.len() - 1]
    } else {
        buffer.clear();
        // All else about escapes was checked when the line was split; the quote is no byte of the
        // string's own.
        json::unescape(raw, buffer).map_err(lone_surrogate)?;
        buffer.as_slice()
    };
    debug_assert!(std::str::from_utf8(bytes).is_ok());
    // SAFETY: the batch that holds the line was validated as UTF-8 when it was read, `raw` is
    // cut at ASCII quotes, and `unescape` appends only slices of it and encoded characters.
    Ok(unsafe { std::str::from_utf8_unchecked(bytes) })
}

/// The number of code points that the text of a raw JSON string has.
///
/// # Errors
/// As [`string`].
pub fn length(raw: &[u8]) -> Result<usize> {
    json::measure(raw).map_err(lone_surrogate)
}

fn lone_surrogate(cause: json::JsonError) -> Error {
    let at = cause.at.saturating_sub(1);
    Error::record(format!("a lone surrogate, at byte {at} of a string, has no UTF-8 form"))
}

/// The id as text for taggers and messages: strings without quotes and escapes, numbers as
/// written.
pub fn id_text(raw: &[u8]) -> Cow<'_, str> {
    if raw.first() != Some(&b'"') || !raw.contains(&b'\\') {
        let bare = raw.strip_prefix(b"\"").and_then(|raw| raw.strip_suffix(b"\"")).unwrap_or(raw);
        return String::from_utf8_lossy(bare);
    }
    let mut text = Vec::new();
    match json::unescape(raw, &mut text) {
        Ok(()) => Cow::Owned(String::from_utf8_lossy(&text).into_owned()),
        Err(_) => String::from_utf8_lossy(raw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_fields_and_keeps_order() {
        let line = br#"{"b":1.10,"id":"x","text":"a\u0041\n","z":{"q":[]}}"#;
        let record = Record::parse(line).unwrap();
        let keys: Vec<_> = record.fields.iter().map(|field| field.key).collect();
        assert_eq!(keys, [&b"b"[..], b"id", b"text", b"z"]);
        assert_eq!(record.get("b"), Some(&b"1.10"[..]));
        assert_eq!(record.id().unwrap(), b"\"x\"");
        let mut buffer = Vec::new();
        assert_eq!(string(record.text().unwrap(), &mut buffer).unwrap(), "aA\n");
        assert_eq!(length(record.text().unwrap()).unwrap(), 3);
    }

    #[test]
    fn the_last_of_a_repeated_key_wins_even_when_escaped() {
        let record = Record::parse(br#"{"text":"first","id":"1","te\u0078t":"last"}"#).unwrap();
        assert_eq!(record.fields.len(), 2);
        assert_eq!(record.text().unwrap(), b"\"last\"");
    }

    #[test]
    fn says_what_is_missing_or_of_the_wrong_type() {
        let message = |line: &str| {
            let record = Record::parse(line.as_bytes()).unwrap();
            record.id().and(record.text()).unwrap_err().to_string()
        };
        assert_eq!(message(r#"{"text":"x"}"#), "the document has no field \"id\"");
        assert_eq!(message(r#"{"id":"1"}"#), "the document has no field \"text\"");
        assert_eq!(
            message(r#"{"id":"1","text":null}"#),
            "field \"text\" must be a string, got null"
        );
        assert_eq!(message(r#"{"id":[1],"text":""}"#), "field \"id\" must be a string, got [1]");
    }

    #[test]
    fn numeric_ids_are_carried() {
        assert_eq!(Record::parse(br#"{"id":5,"text":""}"#).unwrap().id().unwrap(), b"5");
        assert_eq!(id_text(b"5"), "5");
        assert_eq!(id_text(br#""a\"b""#), "a\"b");
    }

    #[test]
    fn blank_lines_are_not_documents() {
        assert!(Record::parse(b"").is_err());
        assert!(Record::parse(b"  ").is_err());
    }
}
