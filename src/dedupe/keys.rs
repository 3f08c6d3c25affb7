//! The keys of a document: one for the whole of it, or one for each paragraph, by itself or by its
//! n-grams.
//!
//! A key is the 128-bit hash of the compared text. What is left out of the comparison (empty,
//! short, without the key) is decided here, so that the filter only ever sees what counts.

use super::ngrams::{Ngrams, Words};
use super::normalize::{Normalized, Normalizer};
use crate::document::{self, Record};
use crate::error::{Error, Result};
use crate::filter::{RecordView, Scratch, Selector, Syntax};
use crate::text::{count_chars, segments};
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
    segments(text).take(wanted).count() >= wanted
}

/// What is compared.
pub enum Unit {
    /// The whole document, by the string that a JSONPath selects.
    Document { key: Selector, normalizer: Normalizer },
    /// Each piece of `text` between separators, by itself or by its n-grams.
    Paragraph { separator: String, ngrams: Option<Ngrams> },
}

impl Unit {
    /// # Errors
    /// As [`key`].
    pub fn document<S: AsRef<str>>(path: &str, normalize: &[S]) -> Result<Self> {
        let (key, normalizer) = key("dedupe.documents", path, normalize)?;
        Ok(Self::Document { key, normalizer })
    }
}

/// Where the compared string of a document is, and what it goes through; `section` is what the
/// recipe calls them.
///
/// # Errors
/// `Config` for a key that is no JSONPath, and for unknown steps of normalisation.
pub fn key<S: AsRef<str>>(
    section: &str,
    path: &str,
    normalize: &[S],
) -> Result<(Selector, Normalizer)> {
    if !path.trim_start().starts_with('$') {
        return Err(Error::config(format!(
            "{section}.key: {path:?} is not a JSONPath; did you mean \"$.{path}\"?"
        )));
    }
    let normalizer =
        Normalizer::new(normalize).map_err(|error| Error::config(format!("{section}.{error}")))?;
    let selector = Selector::compile(path, Syntax::JsonPath)
        .map_err(|error| error.of_key(&format!("{section}.key")))?;
    Ok((selector, normalizer))
}

/// Which of all keys a run compares: all, or those of one part of a filter that is shared out.
///
/// Every key belongs to one part, the same in every run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Partition {
    index: u64,
    /// 0 or 1: there is one part.
    count: u64,
}

impl Partition {
    /// # Errors
    /// `Config` unless `index < count`.
    pub fn new(index: u64, count: u64) -> Result<Self> {
        if index >= count {
            return Err(Error::config(format!(
                "dedupe.partition_index: {index} is no part of {count}; parts count from 0"
            )));
        }
        Ok(Self { index, count })
    }

    pub fn is_whole(self) -> bool {
        self.count <= 1
    }

    /// Whether `hash` belongs to this part. Depends on all bits of the hash, because the places in
    /// a filter depend on some of them.
    #[inline]
    pub fn has(self, hash: u128) -> bool {
        if self.is_whole() {
            return true;
        }
        let mixed = ((hash >> 64) as u64 ^ (hash as u64).rotate_left(32))
            .wrapping_mul(0x9FB2_1C65_1E98_DF25);
        let mixed = (mixed ^ mixed >> 35).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        ((u128::from(mixed) * u128::from(self.count)) >> 64) as u64 == self.index
    }
}

/// A key with the span it stands for, in code points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    pub hash: u128,
    pub start: u32,
    pub end: u32,
    /// How many n-grams the paragraph has; 0 where it is compared as a whole, by `hash`. A single
    /// one is remembered and not compared.
    pub ngrams: u32,
    /// How many of them are in the list of n-grams beside the keys: those of this part.
    pub own: u32,
}

impl Key {
    pub fn whole(hash: u128, start: usize, end: usize) -> Self {
        Self { hash, start: start as u32, end: end as u32, ngrams: 0, own: 0 }
    }
}

/// The keys of several documents, end to end.
#[derive(Debug, Default)]
pub struct KeyList {
    pub keys: Vec<Key>,
    pub ngrams: Vec<u128>,
}

impl KeyList {
    pub fn truncate(&mut self, (keys, ngrams): (usize, usize)) {
        self.keys.truncate(keys);
        self.ngrams.truncate(ngrams);
    }

    pub fn lengths(&self) -> (usize, usize) {
        (self.keys.len(), self.ngrams.len())
    }
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
    normalized: Normalized,
    words: Words,
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
        partition: Partition,
        record: &Record<'_>,
        list: &mut KeyList,
    ) -> Result<Admission> {
        match unit {
            Unit::Document { key, normalizer } => {
                let (text, chars) = match self.text(key, normalizer, limits, record)? {
                    Ok(found) => found,
                    Err(admission) => return Ok(admission),
                };
                let hash = xxh3_128(text.as_bytes());
                if !partition.has(hash) {
                    return Ok(Admission::Skipped);
                }
                list.keys.push(Key::whole(hash, 0, chars));
                Ok(Admission::Compared)
            }
            Unit::Paragraph { separator, ngrams } => {
                let text = document::string(record.text()?, &mut self.text)?;
                let words = &mut self.words;
                paragraphs(text, separator, limits, |paragraph, start, end| match ngrams {
                    None => {
                        let hash = xxh3_128(paragraph.as_bytes());
                        if partition.has(hash) {
                            list.keys.push(Key::whole(hash, start, end));
                        }
                    }
                    Some(ngrams) => {
                        let span = (start as u32, end as u32);
                        ngrams.keys(paragraph, span, partition, words, list);
                    }
                });
                Ok(if text.is_empty() { Admission::Skipped } else { Admission::Compared })
            }
        }
    }
}

impl Extractor {
    /// The text that `selector` finds in `record`, normalised, and its length in code points as it
    /// stands there; or why it is not compared. The limits look at what is compared.
    ///
    /// # Errors
    /// As [`Extractor::keys`].
    pub fn text<'e>(
        &'e mut self,
        selector: &Selector,
        normalizer: &Normalizer,
        limits: &Limits,
        record: &'e Record<'_>,
    ) -> Result<std::result::Result<(&'e str, usize), Admission>> {
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
        let chars = count_chars(text.as_bytes());
        let compared = normalizer.apply(text, &mut self.normalized);
        let length =
            if normalizer.is_identity() { chars } else { count_chars(compared.as_bytes()) };
        let admitted = limits.admit(compared, length);
        Ok(if admitted { Ok((compared, chars)) } else { Err(Admission::Skipped) })
    }
}

/// Splits at every separator and calls `each(paragraph, start, end)` for what is within the limits;
/// a span covers its paragraph and the separator after it, so that removing all spans of a text
/// leaves nothing behind.
fn paragraphs(
    text: &str,
    separator: &str,
    limits: &Limits,
    mut each: impl FnMut(&str, usize, usize),
) {
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
            each(paragraph, start, end);
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
        let mut spans = Vec::new();
        paragraphs(text, separator, &limits, |_, start, end| {
            spans.push((start as u32, end as u32))
        });
        spans
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
    fn every_key_belongs_to_one_part() {
        for count in [1, 2, 3, 7, 64] {
            let parts: Vec<Partition> =
                (0..count).map(|i| Partition::new(i, count).unwrap()).collect();
            let mut sizes = vec![0u32; parts.len()];
            for n in 0..20_000u32 {
                let hash = xxh3_128(&n.to_le_bytes());
                let owners: Vec<usize> = (0..parts.len()).filter(|&i| parts[i].has(hash)).collect();
                assert_eq!(owners.len(), 1);
                sizes[owners[0]] += 1;
            }
            let mean = 20_000 / count as u32;
            assert!(sizes.iter().all(|&size| size.abs_diff(mean) < mean / 4 + 40), "{sizes:?}");
        }
        assert!(Partition::new(2, 2).is_err());
    }

    #[test]
    fn a_key_that_is_no_path_gets_a_hint() {
        let Err(error) = Unit::document::<&str>("text", &[]) else { panic!("accepted") };
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
