//! The distinct words of a document: numbered, counted and measured.
//!
//! A word of up to 16 bytes is kept as two integers, which are all of it, so comparing is exact
//! and touches no text; a longer one is compared by its hash and then by its bytes. What is asked
//! of single words is asked once for each distinct word.

use super::index::{Index, mix};
use super::{Text, count_chars};
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// A distinct word.
#[derive(Clone, Copy, Default)]
pub struct Word {
    low: u64,
    high: u64,
    /// Where it was found last.
    start: u32,
    bytes: u32,
    pub count: u32,
    /// Length in code points.
    pub chars: u32,
}

impl Word {
    /// The word in the text in which it was found.
    pub fn of<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start as usize..][..self.bytes as usize]
    }

    fn of_bytes<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        &text[self.start as usize..][..self.bytes as usize]
    }

    /// Whether there is a letter of ASCII in the first eight bytes.
    #[inline(always)]
    pub fn begins_with_letters(&self) -> bool {
        // Lower case, then 7 bits in each byte so that sums do not carry: the top bit is set by
        // adding 5 from `{` on and by adding 31 from `a` on.
        let folded = (self.low | 0x2020_2020_2020_2020) & 0x7f7f_7f7f_7f7f_7f7f;
        let from_a = folded + 0x1f1f_1f1f_1f1f_1f1f;
        let after_z = folded + 0x0505_0505_0505_0505;
        from_a & !after_z & !self.low & 0x8080_8080_8080_8080 != 0
    }

    /// Whether a character is in the word; only asked for where the text has it.
    pub fn has(&self, symbol: char, text: &str) -> bool {
        let mut bytes = [0; 4];
        let first = u64::from(symbol.encode_utf8(&mut bytes).as_bytes()[0]);
        // Subtracting borrows from a zero byte first: some top bit is left if and only if one is.
        let has = |part: u64| {
            let other = part ^ first.wrapping_mul(0x0101_0101_0101_0101);
            other.wrapping_sub(0x0101_0101_0101_0101) & !other & 0x8080_8080_8080_8080 != 0
        };
        (self.bytes > 16 || has(self.low) || has(self.high)) && self.of(text).contains(symbol)
    }

    /// The word as one integer, see [`short`]; zero if it is longer than seven bytes.
    #[inline(always)]
    pub fn short(&self) -> u64 {
        if self.bytes < 8 { self.low | u64::from(self.bytes) << 56 } else { 0 }
    }

    /// The same with letters of ASCII in lower case; other bytes may change, never into letters.
    #[inline(always)]
    pub fn short_folded(&self) -> u64 {
        let bytes = self.bytes.min(8);
        let fold = 0x2020_2020_2020_2020u64.checked_shr(64 - 8 * bytes).unwrap_or_default();
        if bytes < 8 { self.short() | fold } else { 0 }
    }
}

/// A word of up to seven bytes as one integer: the bytes, the first one lowest, and the length.
pub const fn short(word: &str) -> u64 {
    let bytes = word.as_bytes();
    let (mut value, mut at) = ((bytes.len() as u64) << 56, 0);
    while at < bytes.len() {
        value |= (bytes[at] as u64) << (8 * at);
        at += 1;
    }
    value
}

/// Room for more distinct words than this (32 MiB) is given back before the next document.
const KEPT: usize = 1 << 20;

#[derive(Default)]
pub(super) struct Vocabulary {
    index: Index,
    /// By number, from 1 on; the ones after the last are of another document.
    words: Vec<Word>,
}

/// Masks for the two halves of 16 bytes of which only the first n belong to the word.
static PARTS: [(u64, u64); 17] = parts();

const fn parts() -> [(u64, u64); 17] {
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

/// A word of the text, not yet looked up.
#[derive(Clone, Copy, Default)]
struct Key {
    low: u64,
    high: u64,
    hash: u64,
    start: u32,
    bytes: u32,
}

impl Key {
    /// `low` and `high` are the word if it has at most 16 bytes, else its head and its hash.
    #[inline(always)]
    fn new(text: &[u8], range: Range<usize>) -> Self {
        let (start, bytes) = (range.start as u32, range.len() as u32);
        let (low, high) = if let Some(&(low, high)) = PARTS.get(range.len()) {
            let bytes = match text.get(range.start..range.start + 16) {
                Some(bytes) => u128::from_le_bytes(bytes.try_into().unwrap_or_default()),
                None => load_end(&text[range]),
            };
            (bytes as u64 & low, (bytes >> 64) as u64 & high)
        } else {
            long_key(&text[range])
        };
        Self { low, high, hash: mix(low, high ^ u64::from(bytes)), start, bytes }
    }
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
    /// Forgets the last document; the next has `words` words.
    pub(super) fn clear(&mut self, words: usize) {
        // About half of the words of an ordinary text are there more than once.
        self.index.clear(words);
        self.words.truncate(KEPT);
        self.words.shrink_to(KEPT);
        self.words.resize(self.words.len().max(2), Word::default());
        // Number 0 equals no word, number 1 has not been seen.
        self.words[..2].fill(Word::default());
    }

    /// The distinct words in the order in which they were first found.
    pub(super) fn distinct(&self) -> &[Word] {
        &self.words[1..=self.index.len()]
    }

    pub(super) fn word(&self, number: u32) -> &Word {
        &self.words[number as usize]
    }

    /// Calls `see` with the number of each word of the text and its length in code points, in order.
    ///
    /// Keys are made for some words ahead, so that the processor has begun to load the next words
    /// when it has guessed wrong about one.
    pub(super) fn read(&mut self, text: &Text<'_>, mut see: impl FnMut(u32, u32)) {
        const AHEAD: usize = 16;
        let ascii = text.is_ascii();
        let mut keys = [Key::default(); AHEAD];
        let mut words = text.words();
        loop {
            let mut len = 0;
            for range in words.by_ref().take(AHEAD) {
                keys[len] = Key::new(text.as_bytes(), range);
                len += 1;
            }
            for key in &keys[..len] {
                let (number, chars) = self.add(text.as_bytes(), ascii, key);
                see(number, chars);
            }
            if len < AHEAD {
                return;
            }
        }
    }

    /// The number of a word, counted once more, and its code points.
    #[inline(always)]
    fn add(&mut self, text: &[u8], ascii: bool, key: &Key) -> (u32, u32) {
        let &Key { low, high, start, bytes, hash } = key;
        let here = || &text[start as usize..][..bytes as usize];
        let words = self.words.as_slice();
        let number = self.index.number(hash, |at| {
            let word = &words[at];
            (word.low == low)
                & (word.high == high)
                & (word.bytes == bytes)
                & (bytes <= 16 || word.of_bytes(text) == here())
        });
        let chars = if ascii {
            bytes
        } else if bytes <= 16 {
            bytes - continuations(low) - continuations(high)
        } else {
            count_chars(here()) as u32
        };
        // A new word and a known one are stored alike; a new one's count is zero.
        let word = &mut self.words[number];
        *word = Word { low, high, start, bytes, count: word.count + 1, chars };
        let next = self.index.len() + 1;
        if next == self.words.len() {
            self.words.resize(next * 2, Word::default());
        }
        self.words[next].count = 0;
        (number as u32, chars)
    }
}

/// Bytes 10xxxxxx among eight.
#[inline(always)]
fn continuations(bytes: u64) -> u32 {
    let ones = bytes >> 7 & !bytes >> 6 & 0x0101_0101_0101_0101;
    (ones.wrapping_mul(0x0101_0101_0101_0101) >> 56) as u32
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
        vocabulary.clear(1);
        vocabulary.read(&Text::new("left overs"), |_, _| ());
        let mut expected: HashMap<&str, u32> = HashMap::new();
        vocabulary.clear(0);
        let mut numbers = Vec::new();
        vocabulary.read(&text, |number, _| numbers.push(number));
        for (range, number) in text.words().zip(numbers) {
            let word = vocabulary.word(number);
            assert_eq!(word.of(text.as_str()), &text.as_str()[range.clone()]);
            *expected.entry(&text.as_str()[range]).or_default() += 1;
        }
        assert_eq!(vocabulary.distinct().len(), expected.len());
        for word in vocabulary.distinct() {
            let word_text = word.of(text.as_str());
            assert_eq!(word.count, expected[word_text]);
            assert_eq!(word.chars as usize, word_text.chars().count());
        }
    }

    #[test]
    fn letters_are_seen_at_any_of_the_first_eight_bytes() {
        for code in 0..=255u8 {
            for at in 0..8 {
                let mut bytes = [b'{'; 8];
                bytes[at] = code;
                let word = Word { low: u64::from_le_bytes(bytes), ..Word::default() };
                assert_eq!(word.begins_with_letters(), code.is_ascii_alphabetic(), "{code} {at}");
            }
        }
    }
}
