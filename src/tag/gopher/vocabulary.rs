//! The distinct words of a document: numbered, counted and measured.
//!
//! A word of up to 16 bytes is kept as two integers, which are all of it, so comparing is exact
//! and touches no text; a longer one is compared by its hash and then by its bytes. What Gopher
//! asks of single words is asked once for each distinct word.

use super::index::{Index, mix};
use crate::text::{Text, count_chars};
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// A distinct word.
pub(super) struct Word {
    low: u64,
    high: u64,
    start: u32,
    bytes: u32,
    pub count: u32,
    /// Length in code points.
    pub chars: u32,
}

impl Word {
    /// The word in the text in which it was found.
    pub(super) fn of<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start as usize..][..self.bytes as usize]
    }
}

#[derive(Default)]
pub(super) struct Vocabulary {
    index: Index,
    pub words: Vec<Word>,
}

/// Masks for the two halves of 16 bytes of which only the first n belong to the word.
static KEPT: [(u64, u64); 17] = kept();

const fn kept() -> [(u64, u64); 17] {
    let mut table = [(0, 0); 17];
    let mut len = 1;
    while len <= 16 {
        table[len] = if len <= 8 {
            (u64::MAX >> (64 - 8 * len), 0)
        } else {
            (u64::MAX, u64::MAX >> (128 - 8 * len))
        };
        len += 1;
    }
    table
}

/// The word in two integers if it has at most 16 bytes, else its first 8 bytes and its hash.
#[inline(always)]
fn key(text: &[u8], range: &Range<usize>) -> (u64, u64) {
    if let Some(&(low, high)) = KEPT.get(range.len()) {
        let bytes = match text.get(range.start..range.start + 16) {
            Some(bytes) => u128::from_le_bytes(bytes.try_into().unwrap_or_default()),
            None => load_end(&text[range.clone()]),
        };
        return (bytes as u64 & low, (bytes >> 64) as u64 & high);
    }
    long_key(&text[range.clone()])
}

#[cold]
fn load_end(word: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    bytes[..word.len()].copy_from_slice(word);
    u128::from_le_bytes(bytes)
}

#[inline(never)]
fn long_key(word: &[u8]) -> (u64, u64) {
    let head = word.first_chunk::<8>().map_or(0, |head| u64::from_le_bytes(*head));
    (head, xxh3_64(word))
}

impl Vocabulary {
    /// Forgets the last document and expects about `words` words in the next.
    pub(super) fn clear(&mut self, words: usize) {
        // About half of the words of an ordinary text are there more than once.
        self.index.clear(words / 2);
        self.words.clear();
        self.words.shrink_to(1 << 20);
    }

    /// The number of the word at `range`, counted once more.
    #[inline(always)]
    pub(super) fn add(&mut self, text: &Text<'_>, range: Range<usize>) -> u32 {
        let bytes = text.as_bytes();
        let (low, high) = key(bytes, &range);
        let len = range.len() as u32;
        let words = &mut self.words;
        let (number, new) = self.index.number(mix(low, high ^ u64::from(len)), |at| {
            let word = &words[at as usize];
            word.low == low
                && word.high == high
                && word.bytes == len
                && (len <= 16
                    || bytes[word.start as usize..][..len as usize] == bytes[range.clone()])
        });
        if new {
            let chars =
                if text.is_ascii() { len } else { count_chars(&bytes[range.clone()]) as u32 };
            words.push(Word { low, high, start: range.start as u32, bytes: len, count: 1, chars });
        } else {
            words[number as usize].count += 1;
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn words_of_every_length_are_told_apart() {
        // Lengths around 8 and 16, words that differ in one byte or in zeros at the end, at the
        // very end of the text and before it.
        let mut all: Vec<String> = Vec::new();
        for len in 1..40 {
            for last in ["a", "b", "\0", "é"] {
                all.push("a".repeat(len - 1) + last);
            }
        }
        let text = [all.join(" "), all.join("\n"), all.concat()].join(" ");
        let text = Text::new(&text);
        let mut vocabulary = Vocabulary::default();
        let mut expected: HashMap<&str, u32> = HashMap::new();
        vocabulary.clear(0);
        for range in text.words() {
            *expected.entry(&text.as_str()[range.clone()]).or_default() += 1;
            let number = vocabulary.add(&text, range.clone());
            let word = &vocabulary.words[number as usize];
            assert_eq!(word.of(text.as_str()), &text.as_str()[range]);
        }
        assert_eq!(vocabulary.words.len(), expected.len());
        for word in &vocabulary.words {
            let word_text = word.of(text.as_str());
            assert_eq!(word.count, expected[word_text]);
            assert_eq!(word.chars as usize, word_text.chars().count());
        }
    }
}
