//! The keys of a document: one for the whole of it, or one for each paragraph.
//!
//! A key is the 128-bit hash of the compared text. What is left out of the comparison (empty,
//! short, without the key) is decided here, so that the filter only ever sees what counts.

use crate::document::{self, Record};
use crate::error::{Error, Result};
use crate::filter::{RecordView, Scratch, Selector, Syntax};
use crate::text::count_chars;
use unicode_segmentation::UnicodeSegmentation;
use xxhash_rust::xxh3::xxh3_128;

/// What is left out of the comparison.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// Leave keys of white space only.
    pub skip_empty: bool,
    /// In code points.
    pub min_length: usize,
    /// Words by Unicode word boundaries, white space not counted.
    pub min_words: usize,
}

impl Limits {
    /// Whether `key`, of `chars` code points, is compared at all.
    fn admit(&self, key: &str, chars: usize) -> bool {
        chars >= self.min_length
            && !(self.skip_empty && key.trim().is_empty())
            && (self.min_words == 0 || has_words(key, self.min_words))
    }
}

fn has_words(text: &str, wanted: usize) -> bool {
    text.split_word_bounds().filter(|word| !word.trim().is_empty()).take(wanted).count() >= wanted
}

/// What is compared.
pub enum Unit {
    /// The whole document, by the string that a JSONPath selects.
    Document(Selector),
    /// Each piece of `text` between separators.
    Paragraph { separator: String },
}

impl Unit {
    /// # Errors
    /// `Config` for a key that is no JSONPath.
    pub fn document(key: &str) -> Result<Self> {
        if !key.trim_start().starts_with('$') {
            return Err(Error::config(format!(
                "dedupe.documents.key: {key:?} is not a JSONPath; did you mean \"$.{key}\"?"
            )));
        }
        Ok(Self::Document(Selector::compile(key, Syntax::JsonPath)?))
    }
}

/// A key with the span it stands for, in code points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    pub hash: u128,
    pub start: u32,
    pub end: u32,
}

/// What became of one document before the filter saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Its keys were appended (for paragraphs perhaps none).
    Compared,
    /// Left out by a limit, or its text is empty.
    Skipped,
    /// It has no string at the key.
    WithoutKey,
}

/// Scratch of one thread.
#[derive(Default)]
pub struct Extractor {
    text: Vec<u8>,
    key: String,
    scratch: Scratch,
}

impl Extractor {
    /// Appends the keys of `record` to `keys`.
    ///
    /// # Errors
    /// `Record` when the text is missing, not a string, or cannot be decoded.
    pub fn keys(
        &mut self,
        unit: &Unit,
        limits: &Limits,
        record: &Record<'_>,
        keys: &mut Vec<Key>,
    ) -> Result<Admission> {
        let raw_text = record.text()?;
        match unit {
            Unit::Document(selector) => {
                if selector.as_plain_path().is_some_and(|path| path == ["text"]) {
                    let text = document::string(raw_text, &mut self.text)?;
                    return Ok(document_key(text, limits, keys));
                }
                let fields: Vec<(&[u8], &[u8])> =
                    record.fields.iter().map(|field| (field.key, field.value)).collect();
                let view = RecordView { fields: &fields, attributes: &[] };
                self.key.clear();
                if selector.select_string(&view, &mut self.scratch, &mut self.key)? {
                    Ok(document_key(&self.key, limits, keys))
                } else {
                    Ok(Admission::WithoutKey)
                }
            }
            Unit::Paragraph { separator } => {
                let text = document::string(raw_text, &mut self.text)?;
                paragraph_keys(text, separator, limits, keys);
                Ok(if text.is_empty() { Admission::Skipped } else { Admission::Compared })
            }
        }
    }
}

impl Extractor {
    /// The text that `selector` finds in `record`, or why it is not compared.
    ///
    /// # Errors
    /// As [`Extractor::keys`].
    pub fn text<'e>(
        &'e mut self,
        selector: &Selector,
        limits: &Limits,
        record: &'e Record<'_>,
    ) -> Result<std::result::Result<&'e str, Admission>> {
        let raw_text = record.text()?;
        let text = if selector.as_plain_path().is_some_and(|path| path == ["text"]) {
            document::string(raw_text, &mut self.text)?
        } else {
            let fields: Vec<(&[u8], &[u8])> =
                record.fields.iter().map(|field| (field.key, field.value)).collect();
            let view = RecordView { fields: &fields, attributes: &[] };
            self.key.clear();
            if !selector.select_string(&view, &mut self.scratch, &mut self.key)? {
                return Ok(Err(Admission::WithoutKey));
            }
            &self.key
        };
        let admitted = limits.admit(text, count_chars(text.as_bytes()));
        Ok(if admitted { Ok(text) } else { Err(Admission::Skipped) })
    }
}

fn document_key(key: &str, limits: &Limits, keys: &mut Vec<Key>) -> Admission {
    let chars = count_chars(key.as_bytes());
    if !limits.admit(key, chars) {
        return Admission::Skipped;
    }
    keys.push(Key { hash: xxh3_128(key.as_bytes()), start: 0, end: chars as u32 });
    Admission::Compared
}

/// Splits at every separator; a span covers its paragraph and the separator after it, so that
/// removing all spans of a text leaves nothing behind.
fn paragraph_keys(text: &str, separator: &str, limits: &Limits, keys: &mut Vec<Key>) {
    if text.is_empty() {
        return;
    }
    let separator_chars = count_chars(separator.as_bytes());
    let mut start = 0;
    let mut rest = text.as_bytes();
    let finder = memchr::memmem::Finder::new(separator.as_bytes());
    loop {
        let found = finder.find(rest);
        let paragraph = &rest[..found.unwrap_or(rest.len())];
        let chars = count_chars(paragraph);
        let end = start + chars + if found.is_some() { separator_chars } else { 0 };
        // A match of valid UTF-8 in valid UTF-8 begins and ends at character boundaries.
        debug_assert!(std::str::from_utf8(paragraph).is_ok());
        // SAFETY: as asserted; `text` is a `str` and so is the separator.
        let paragraph = unsafe { std::str::from_utf8_unchecked(paragraph) };
        if limits.admit(paragraph, chars) {
            let hash = xxh3_128(paragraph.as_bytes());
            keys.push(Key { hash, start: start as u32, end: end as u32 });
        }
        let Some(found) = found else { return };
        rest = &rest[found + separator.len()..];
        start = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spans(text: &str, separator: &str, limits: Limits) -> Vec<(u32, u32)> {
        let mut keys = Vec::new();
        paragraph_keys(text, separator, &limits, &mut keys);
        keys.iter().map(|key| (key.start, key.end)).collect()
    }

    #[test]
    fn spans_cover_paragraph_and_separator() {
        let all = Limits::default();
        assert_eq!(spans("a\nbc\n", "\n", all), [(0, 2), (2, 5), (5, 5)]);
        assert_eq!(spans("é\n\nfin", "\n\n", all), [(0, 3), (3, 6)]);
        assert_eq!(spans("", "\n", all), []);
        assert_eq!(spans("one", "\n", all), [(0, 3)]);
    }

    #[test]
    fn limits_leave_out_and_nothing_else() {
        let text = "a b c\n \n\nlonger line here\nx";
        let of = |limits| spans(text, "\n", limits).len();
        assert_eq!(of(Limits::default()), 5);
        assert_eq!(of(Limits { skip_empty: true, ..Limits::default() }), 3);
        assert_eq!(of(Limits { min_length: 2, ..Limits::default() }), 2);
        assert_eq!(of(Limits { min_words: 1, ..Limits::default() }), 3);
        assert_eq!(of(Limits { min_words: 3, ..Limits::default() }), 2);
        assert_eq!(of(Limits { min_words: 4, ..Limits::default() }), 0);
    }

    #[test]
    fn a_key_that_is_no_path_gets_a_hint() {
        let Err(error) = Unit::document("text") else { panic!("accepted") };
        assert!(error.to_string().contains("did you mean \"$.text\"?"));
    }

    proptest! {
        #[test]
        fn spans_tile_the_text(text in "[ab\u{e9}\n]{0,40}", separator in "(\n|\n\n|b\n|\u{e9})") {
            let chars: Vec<char> = text.chars().collect();
            let spans = spans(&text, &separator, Limits::default());
            let pieces: Vec<String> = spans.iter()
                .map(|&(start, end)| chars[start as usize..end as usize].iter().collect())
                .collect();
            prop_assert_eq!(pieces.concat(), text.clone());
            let naive: Vec<&str> = if text.is_empty() { vec![] } else { text.split(&separator).collect() };
            prop_assert_eq!(pieces.len(), naive.len());
            for (piece, expected) in pieces.iter().zip(naive) {
                prop_assert_eq!(piece.strip_suffix(&separator).unwrap_or(piece), expected);
            }
        }
    }
}
