//! The row of a mix: the document as it came, with attributes joined, provenance added, fields
//! discarded and perhaps a new text.
//!
//! Fields keep their order and their bytes. `attributes` and `metadata` are spliced in the place
//! they had, or follow the other fields where the document has none.

use crate::document::{self, Field, Record};
use crate::error::{Error, Result};
use crate::json;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use xxhash_rust::xxh3::xxh3_64;

/// Joins objects; scratch of one thread.
#[derive(Default)]
pub struct Joiner {
    seen: HashMap<u64, usize, BuildHasherDefault<Identity>>,
}

/// The keys are hashes already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

impl Joiner {
    /// Appends the union of raw JSON `objects` to `out`; of equal keys the last value stands, in
    /// the place of the first. A single object is copied as it is.
    ///
    /// # Errors
    /// `Record` when one of them is no object.
    pub fn join(&mut self, objects: &[&[u8]], out: &mut Vec<u8>) -> Result<()> {
        if let [object] = objects {
            out.extend_from_slice(object);
            return Ok(());
        }
        self.seen.clear();
        let mut fields: Vec<Field<'_>> = Vec::new();
        for object in objects {
            json::object(object, |key, value| {
                let name = xxh3_64(&document::key(key));
                let place = *self.seen.entry(name).or_insert(fields.len());
                match fields.get_mut(place) {
                    Some(field) if document::same_key(field.key, key) => field.value = value,
                    _ => fields.push(Field { key, value }),
                }
            })
            .map_err(|cause| Error::record(format!("attributes: {cause}")))?;
        }
        out.push(b'{');
        for (index, field) in fields.iter().enumerate() {
            write_field(index == 0, field.key, field.value, out);
        }
        out.push(b'}');
        Ok(())
    }
}

fn write_field(first: bool, key: &[u8], value: &[u8], out: &mut Vec<u8>) {
    open_field(first, key, out);
    out.extend_from_slice(value);
}

fn open_field(first: bool, key: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(if first { b"\"" } else { b",\"" });
    out.extend_from_slice(key);
    out.extend_from_slice(b"\":");
}

/// What is new about a document.
pub struct Row<'a> {
    pub record: &'a Record<'a>,
    /// The joined attributes, where the stream joins any.
    pub attributes: Option<&'a [u8]>,
    /// The edited text as a JSON string, where it was edited.
    pub text: Option<&'a [u8]>,
    /// Where the document comes from, as a JSON string.
    pub provenance: &'a [u8],
    /// Top-level fields to leave out.
    pub discard: &'a [String],
}

impl Row<'_> {
    /// Appends the row and its newline.
    ///
    /// # Errors
    /// `Record` when `metadata` cannot be scanned.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        let mut first = true;
        let (mut has_attributes, mut has_metadata) = (false, false);
        out.push(b'{');
        for field in &self.record.fields {
            let key = document::key(field.key);
            if self.discard.iter().any(|name| name.as_bytes() == &*key) {
                has_attributes |= *key == *b"attributes";
                continue;
            }
            match (&*key, self.attributes, self.text) {
                (b"attributes", Some(attributes), _) => {
                    has_attributes = true;
                    write_field(first, field.key, attributes, out);
                }
                (b"text", _, Some(text)) => write_field(first, field.key, text, out),
                (b"metadata", ..) => {
                    has_metadata = true;
                    open_field(first, field.key, out);
                    self.write_metadata(Some(field.value), out)?;
                }
                _ => write_field(first, field.key, field.value, out),
            }
            first = false;
        }
        let discarded = has_attributes || self.discard.iter().any(|name| name == "attributes");
        if let (Some(attributes), false) = (self.attributes, discarded) {
            write_field(first, b"attributes", attributes, out);
            first = false;
        }
        if !has_metadata {
            open_field(first, b"metadata", out);
            self.write_metadata(None, out)?;
        }
        out.extend_from_slice(b"}\n");
        Ok(())
    }

    /// `metadata` with `provenance` set; an earlier one moves to the front of
    /// `provenance_history`, so that the chain through several mixes is kept. Metadata that is no
    /// object (some corpora hold a string there) is kept under `value`.
    fn write_metadata(&self, old: Option<&[u8]>, out: &mut Vec<u8>) -> Result<()> {
        out.push(b'{');
        let mut first = true;
        let (mut earlier, mut history) = (None, None);
        match old {
            Some(object) if object[0] == b'{' => {
                json::object(object, |key, value| match &*document::key(key) {
                    b"provenance" => earlier = Some(value),
                    b"provenance_history" => history = Some(value),
                    _ => {
                        write_field(first, key, value, out);
                        first = false;
                    }
                })
                .map_err(|cause| Error::record(format!("metadata: {cause}")))?;
            }
            None | Some(b"null") => {}
            Some(other) => {
                write_field(first, b"value", other, out);
                first = false;
            }
        }
        write_field(first, b"provenance", self.provenance, out);
        match (earlier, history) {
            (None, None) => {}
            (None, Some(history)) => write_field(false, b"provenance_history", history, out),
            (Some(earlier), history) => {
                open_field(false, b"provenance_history", out);
                out.push(b'[');
                out.extend_from_slice(earlier);
                let rest = match history {
                    None | Some(b"null") => b"",
                    // What is no list (some corpora hold a string there) goes to its end.
                    Some(history) => history.strip_prefix(b"[").unwrap_or(history),
                };
                if rest.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|&b| b != b']')
                {
                    out.push(b',');
                }
                out.extend_from_slice(rest);
                if !history.is_some_and(|history| history.starts_with(b"[")) {
                    out.push(b']');
                }
            }
        }
        out.push(b'}');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: &str, attributes: Option<&str>, text: Option<&str>, discard: &[&str]) -> String {
        let record = Record::parse(line.as_bytes()).unwrap();
        let discard: Vec<String> = discard.iter().map(ToString::to_string).collect();
        let row = Row {
            record: &record,
            attributes: attributes.map(str::as_bytes),
            text: text.map(str::as_bytes),
            provenance: b"\"a/b.gz:3\"",
            discard: &discard,
        };
        let mut out = Vec::new();
        row.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn untouched_fields_come_out_as_they_went_in() {
        let line =
            r#"{"n": 1.10, "big":9007199254740993,"id":"1","text":"\u00e9","z":{"a" : [ ]}}"#;
        let expected = r#"{"n":1.10,"big":9007199254740993,"id":"1","text":"\u00e9","z":{"a" : [ ]},"metadata":{"provenance":"a/b.gz:3"}}"#;
        assert_eq!(row(line, None, None, &[]), format!("{expected}\n"));
    }

    #[test]
    fn attributes_text_and_metadata_are_spliced_in_place() {
        let line = r#"{"attributes":{"x":1},"metadata":{"u":"v"},"text":"old","id":"1"}"#;
        assert_eq!(
            row(line, Some(r#"{"x":1,"y":2}"#), Some("\"new\""), &[]),
            "{\"attributes\":{\"x\":1,\"y\":2},\"metadata\":{\"u\":\"v\",\"provenance\":\"a/b.gz:3\"},\"text\":\"new\",\"id\":\"1\"}\n"
        );
        assert_eq!(
            row(line, Some("{}"), None, &["attributes", "metadata", "text"]),
            "{\"id\":\"1\",\"metadata\":{\"provenance\":\"a/b.gz:3\"}}\n"
        );
        assert_eq!(
            row(r#"{"id":"1"}"#, Some("{\"y\":2}"), None, &[]),
            "{\"id\":\"1\",\"attributes\":{\"y\":2},\"metadata\":{\"provenance\":\"a/b.gz:3\"}}\n"
        );
    }

    #[test]
    fn keys_with_escapes_are_the_names_they_spell() {
        let line = r#"{"t\u0065xt":"old","gr\u00f6\u00dfe":1,"\u0061ttributes":{"x":1},"m\u0065tadata":{"proven\u0061nce":"p"}}"#;
        assert_eq!(
            row(line, Some(r#"{"y":2}"#), Some("\"new\""), &["größe"]),
            "{\"t\\u0065xt\":\"new\",\"\\u0061ttributes\":{\"y\":2},\"m\\u0065tadata\":{\"provenance\":\"a/b.gz:3\",\"provenance_history\":[\"p\"]}}\n"
        );
        let mut out = Vec::new();
        let objects: [&[u8]; 2] = [br#"{"gr\u00f6\u00dfe":1}"#, "{\"größe\":2}".as_bytes()];
        Joiner::default().join(&objects, &mut out).unwrap();
        assert_eq!(out, br#"{"gr\u00f6\u00dfe":2}"#);
    }

    #[test]
    fn provenance_keeps_its_history_and_metadata_its_value() {
        let of = |metadata: &str| {
            let line = format!(r#"{{"metadata":{metadata}}}"#);
            let out = row(&line, None, None, &[]);
            out.trim_end()
                .strip_prefix("{\"metadata\":")
                .unwrap()
                .strip_suffix('}')
                .unwrap()
                .to_string()
        };
        assert_eq!(of("null"), r#"{"provenance":"a/b.gz:3"}"#);
        assert_eq!(of("\"s\""), r#"{"value":"s","provenance":"a/b.gz:3"}"#);
        assert_eq!(
            of(r#"{"provenance":"p"}"#),
            r#"{"provenance":"a/b.gz:3","provenance_history":["p"]}"#
        );
        assert_eq!(
            of(r#"{"provenance":"q","provenance_history":["p"]}"#),
            r#"{"provenance":"a/b.gz:3","provenance_history":["q","p"]}"#
        );
        assert_eq!(
            of(r#"{"provenance":"q","provenance_history":[ ]}"#),
            r#"{"provenance":"a/b.gz:3","provenance_history":["q" ]}"#
        );
        for (history, made) in [("\"x\"", "\"x\""), ("{\"a\":1}", "{\"a\":1}"), ("null", "")] {
            let comma = if made.is_empty() { "" } else { "," };
            assert_eq!(
                of(&format!(r#"{{"provenance_history":{history},"provenance":"q"}}"#)),
                format!(r#"{{"provenance":"a/b.gz:3","provenance_history":["q"{comma}{made}]}}"#)
            );
            assert_eq!(
                of(&format!(r#"{{"provenance_history":{history}}}"#)),
                format!(r#"{{"provenance":"a/b.gz:3","provenance_history":{history}}}"#)
            );
        }
    }

    #[test]
    fn joined_objects_keep_the_last_value() {
        let join = |objects: &[&str]| {
            let objects: Vec<&[u8]> = objects.iter().map(|object| object.as_bytes()).collect();
            let mut out = Vec::new();
            Joiner::default().join(&objects, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(join(&[r#"{"a": 1}"#]), r#"{"a": 1}"#);
        assert_eq!(
            join(&["{}", r#"{"a":1,"b":[2]}"#, r#"{"c":3,"a":4}"#]),
            r#"{"a":4,"b":[2],"c":3}"#
        );
        assert_eq!(join(&["{}", "{}"]), "{}");
    }
}
