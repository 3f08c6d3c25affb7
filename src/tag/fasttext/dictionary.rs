//! The vocabulary of a model: words, labels, and the hashed features of a token.
//!
//! A token becomes rows of the input matrix: its own row if it is in the vocabulary, then its
//! character n-grams, hashed into buckets that a pruned model keeps only some of. Hashes follow
//! the reference in every quirk (sign-extended bytes, sign-extended 32-bit word hashes), because
//! the rows were trained under them.

use super::source::Source;
use super::token::{FNV_OFFSET, Token, fnv};
use super::vocabulary::Vocabulary;
use crate::error::{Error, Result};
use std::io::Read;

/// Tokens that start so are never words, known or not.
const LABEL_PREFIX: &[u8] = b"__label__";
/// Multiplier of the word n-gram hash.
const NGRAM: u64 = 116_049_371;
/// Bytes of the shortest entry: a terminator, the count, the type.
const MIN_ENTRY: u64 = 10;

/// What the hyper-parameters say about features.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) minn: usize,
    pub(super) maxn: usize,
    pub(super) word_ngrams: usize,
    pub(super) bucket: u32,
}

/// What a token is to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Word(u32),
    Unknown,
    Label,
}

pub(super) struct Dictionary {
    /// Words first, then labels.
    vocabulary: Vocabulary,
    words: u32,
    labels: Vec<Label>,
    shape: Shape,
    modulus: Modulus,
    pruned: Option<Pruned>,
}

/// A label: how often it was seen in training, and where its name is in the vocabulary.
struct Label {
    count: i64,
    start: u32,
}

impl Dictionary {
    pub(super) fn read<R: Read>(source: &mut Source<R>, shape: Shape) -> Result<Self> {
        let what = "the dictionary";
        let size = source.i32(what)?;
        let words = source.i32(what)?;
        let labels = source.i32(what)?;
        source.i64(what)?; // tokens seen in training
        let pruned = source.i64(what)?;
        if words < 0 || labels < 0 || words.checked_add(labels) != Some(size) {
            return Err(Error::asset(format!(
                "damaged fastText model: {size} entries are not {words} words and {labels} labels"
            )));
        }
        if labels == 0 {
            return Err(Error::asset("this fastText model has no labels"));
        }
        let size = source.fits(size.into(), MIN_ENTRY, what)?;
        let mut dictionary = Self {
            vocabulary: Vocabulary::new(size),
            words: words as u32,
            labels: Vec::with_capacity(labels as usize),
            shape,
            modulus: Modulus::new(shape.bucket),
            pruned: None,
        };
        for entry in 0..size as u32 {
            dictionary.read_entry(source, entry)?;
        }
        if pruned >= 0 {
            dictionary.pruned = Some(Pruned::read(source, pruned)?);
        }
        Ok(dictionary)
    }

    fn read_entry<R: Read>(&mut self, source: &mut Source<R>, entry: u32) -> Result<()> {
        let read = |arena: &mut Vec<u8>| source.word(arena, "the words of the dictionary");
        let start = self.vocabulary.add(entry, read)?;
        let count = source.i64("the counts of the dictionary")?;
        let kind = source.byte("the types of the dictionary")?;
        if kind != u8::from(entry >= self.words) {
            return Err(Error::asset(format!(
                "damaged fastText model: entry {entry} has type {kind}"
            )));
        }
        if entry >= self.words {
            self.labels.push(Label { count, start });
        }
        Ok(())
    }

    pub(super) fn is_pruned(&self) -> bool {
        self.pruned.is_some()
    }

    /// How often each label was seen in training.
    pub(super) fn label_counts(&self) -> Vec<i64> {
        self.labels.iter().map(|label| label.count).collect()
    }

    /// The names of the labels.
    pub(super) fn labels(&self) -> impl Iterator<Item = &[u8]> {
        self.labels.iter().map(|label| self.vocabulary.word(label.start))
    }

    /// One more than the largest row of the input matrix that a text can lead to.
    pub(super) fn rows(&self) -> u64 {
        let hashed = match &self.pruned {
            Some(pruned) => pruned.rows,
            None if self.has_ngrams() => self.shape.bucket.into(),
            None => 0,
        };
        u64::from(self.words) + hashed
    }

    pub(super) fn has_subwords(&self) -> bool {
        self.shape.maxn > 0
    }

    fn has_ngrams(&self) -> bool {
        self.has_subwords() || self.shape.word_ngrams > 1
    }

    pub(super) fn word_ngrams(&self) -> usize {
        self.shape.word_ngrams
    }

    #[inline]
    pub(super) fn find(&self, token: Token<'_>) -> Meaning {
        match self.vocabulary.find(token) {
            None if token.bytes.starts_with(LABEL_PREFIX) => Meaning::Label,
            None => Meaning::Unknown,
            Some(entry) if entry >= self.words => Meaning::Label,
            Some(entry) => Meaning::Word(entry),
        }
    }

    /// Asks for what [`Dictionary::find`] will look at.
    #[inline]
    pub(super) fn prefetch(&self, token: Token<'_>) {
        self.vocabulary.prefetch(token);
    }

    /// Appends the rows of a token that is not a label. `marked` is scratch.
    #[inline]
    pub(super) fn push_rows(
        &self,
        token: Token<'_>,
        meaning: Meaning,
        marked: &mut Vec<u8>,
        rows: &mut Vec<u32>,
    ) {
        if let Meaning::Word(word) = meaning {
            rows.push(word);
        }
        if self.has_subwords() && !token.is_end() {
            marked.clear();
            marked.push(b'<');
            marked.extend_from_slice(token.bytes);
            marked.push(b'>');
            self.push_subwords(marked, rows);
        }
    }

    /// Character n-grams of a word between its marks; a "character" is a lead byte with the
    /// continuation bytes after it, valid UTF-8 or not.
    fn push_subwords(&self, marked: &[u8], rows: &mut Vec<u32>) {
        let Shape { minn, maxn, .. } = self.shape;
        for start in (0..marked.len()).filter(|&start| !is_continuation(marked[start])) {
            let (mut end, mut length, mut hash) = (start, 1, FNV_OFFSET);
            while end < marked.len() && length <= maxn {
                hash = fnv(hash, marked[end]);
                end += 1;
                while end < marked.len() && is_continuation(marked[end]) {
                    hash = fnv(hash, marked[end]);
                    end += 1;
                }
                let is_mark = length == 1 && (start == 0 || end == marked.len());
                if length >= minn && !is_mark {
                    self.push_bucket(self.modulus.of(hash), rows);
                }
                length += 1;
            }
        }
    }

    /// Appends the rows of the word n-grams that start at the first `starts` words, given the
    /// hashes of the words.
    pub(super) fn push_word_ngrams(&self, hashes: &[u32], starts: usize, rows: &mut Vec<u32>) {
        let bucket = u64::from(self.shape.bucket);
        // The reference keeps word hashes in signed 32-bit numbers and widens those.
        let widen = |hash: u32| i64::from(hash as i32) as u64;
        for (start, &first) in hashes.iter().enumerate().take(starts) {
            let mut hash = widen(first);
            for &next in hashes[start + 1..].iter().take(self.shape.word_ngrams - 1) {
                hash = hash.wrapping_mul(NGRAM).wrapping_add(widen(next));
                self.push_bucket((hash % bucket) as u32, rows);
            }
        }
    }

    fn push_bucket(&self, bucket: u32, rows: &mut Vec<u32>) {
        match &self.pruned {
            None => rows.push(self.words + bucket),
            Some(pruned) => rows.extend(pruned.get(bucket).map(|row| self.words + row)),
        }
    }
}

/// Remainders by one divisor, without dividing: Lemire, Kaser and Kurz, "Faster remainder by
/// direct computation" (2019), exact for all 32-bit numbers.
#[derive(Debug, Clone, Copy)]
struct Modulus {
    divisor: u32,
    inverse: u64,
}

impl Modulus {
    fn new(divisor: u32) -> Self {
        let inverse = (u64::MAX / u64::from(divisor.max(1))).wrapping_add(1);
        Self { divisor, inverse }
    }

    #[inline]
    fn of(self, number: u32) -> u32 {
        let fraction = self.inverse.wrapping_mul(number.into());
        ((u128::from(fraction) * u128::from(self.divisor)) >> 64) as u32
    }
}

const EMPTY: u32 = u32::MAX;

/// The buckets that a pruned model kept, each with its new number.
struct Pruned {
    /// One bit per hash of a bucket, in a table small enough for the second cache: most n-grams
    /// of a text were not kept, and end here.
    filter: Vec<u64>,
    /// Bucket and row, open addressing; the size is a power of two.
    table: Vec<(u32, u32)>,
    rows: u64,
}

impl Pruned {
    fn read<R: Read>(source: &mut Source<R>, count: i64) -> Result<Self> {
        let what = "the pruned n-grams";
        let count = source.fits(count, 8, what)?;
        let size = (count * 2).next_power_of_two().max(2);
        let mut table = vec![(EMPTY, 0); size];
        // Eight bits or more per slot, sixteen or more per bucket.
        let mut filter = vec![0_u64; size.div_ceil(8)];
        let mut rows = 0;
        for _ in 0..count {
            let (bucket, row) = (source.i32(what)?, source.i32(what)?);
            if bucket < 0 || row < 0 {
                return Err(Error::asset(format!(
                    "damaged fastText model: {what} map bucket {bucket} to {row}"
                )));
            }
            rows = rows.max(row as u64 + 1);
            let (word, bit) = Self::bit(filter.len(), bucket as u32);
            filter[word] |= bit;
            let slot = Self::slot(&table, bucket as u32);
            table[slot] = (bucket as u32, row as u32);
        }
        Ok(Self { filter, table, rows })
    }

    /// Where a bucket is in a filter of so many words.
    fn bit(words: usize, bucket: u32) -> (usize, u64) {
        ((bucket >> 6) as usize & (words - 1), 1 << (bucket & 63))
    }

    #[inline]
    fn get(&self, bucket: u32) -> Option<u32> {
        let (word, bit) = Self::bit(self.filter.len(), bucket);
        if self.filter[word] & bit == 0 {
            return None;
        }
        let (kept, row) = self.table[Self::slot(&self.table, bucket)];
        (kept == bucket).then_some(row)
    }

    fn slot(table: &[(u32, u32)], bucket: u32) -> usize {
        let mask = table.len() - 1;
        // Buckets are hashes already, modulo a number that is not a power of two.
        let mut slot = bucket as usize & mask;
        while table[slot].0 != bucket && table[slot].0 != EMPTY {
            slot = (slot + 1) & mask;
        }
        slot
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

#[cfg(test)]
mod tests {
    use super::Modulus;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_modulus_is_the_remainder(number: u32, divisor in 1..=u32::MAX) {
            prop_assert_eq!(Modulus::new(divisor).of(number), number % divisor);
            prop_assert_eq!(Modulus::new(2_000_000).of(number), number % 2_000_000);
        }
    }
}
