//! Paragraphs compared by their n-grams: which share of them was seen before.
//!
//! Words are the published tool's (Unicode word boundaries, white space left out). Each is hashed
//! once, and the hash of an n-gram follows from the one before it, as in Karp and Rabin (1987),
//! with two polynomials over 64 bits. A paragraph is asked for as a whole before any of its own
//! n-grams are added, so that it is never compared with itself.

use super::bloom::BloomFilter;
use super::keys::{Key, KeyList, Partition};
use crate::error::{Error, Result};
use crate::text::segments;
use xxhash_rust::xxh3::xxh3_128;

/// Odd, and five modulo eight, so that their powers differ in a low bit.
const BASES: [u64; 2] = [0xD6E8_FEB8_6659_FD95, 0xA076_1D64_78BD_642D];
/// Paragraphs of fewer n-grams are compared as a whole.
const FEW: u32 = 2;

/// How n-grams are taken from a paragraph, and when it is marked.
#[derive(Debug, Clone, PartialEq)]
pub struct Ngrams {
    length: usize,
    /// Words from the start of one n-gram to that of the next.
    stride: usize,
    /// The least share of known n-grams to mark. Of the published tool's width, so that shares are
    /// marked and written alike.
    pub threshold: f32,
    skip_short: bool,
    /// The weight of the first word of an n-gram.
    first: [u64; 2],
}

/// Scratch of one thread.
#[derive(Debug, Default)]
pub struct Words {
    hashes: Vec<[u64; 2]>,
}

impl Ngrams {
    /// N-grams of `length` words, `stride` words apart (0 is 1).
    ///
    /// # Errors
    /// `Config` for a length of 0.
    pub fn new(length: usize, stride: usize, threshold: f64, skip_short: bool) -> Result<Self> {
        if length == 0 {
            return Err(Error::config("by_ngram.ngram_length: an n-gram has at least one word"));
        }
        let power = |base: u64| (1..length).fold(1u64, |product, _| product.wrapping_mul(base));
        Ok(Self {
            length,
            stride: stride.max(1),
            threshold: threshold as f32,
            skip_short,
            first: BASES.map(power),
        })
    }

    /// Appends the n-grams of `paragraph` that belong to `partition`, and the key that stands for
    /// it, unless nothing of it is to be compared or remembered.
    pub(super) fn keys(
        &self,
        paragraph: &str,
        (start, end): (u32, u32),
        partition: Partition,
        words: &mut Words,
        list: &mut KeyList,
    ) {
        let KeyList { keys, ngrams } = list;
        words.hashes.clear();
        words.hashes.extend(segments(paragraph).map(|word| {
            let hash = xxh3_128(word.as_bytes());
            [(hash >> 64) as u64, hash as u64]
        }));
        let before = ngrams.len();
        let total = self.hash_all(&words.hashes, |hash| {
            if partition.has(hash) {
                ngrams.push(hash);
            }
        });
        let mut key =
            Key { hash: 0, start, end, ngrams: total, own: (ngrams.len() - before) as u32 };
        if total == 0 && self.skip_short {
            return;
        }
        if total < FEW {
            key.hash = xxh3_128(paragraph.as_bytes());
            key.ngrams = u32::from(!partition.has(key.hash));
            if key.ngrams > 0 && key.own == 0 {
                return;
            }
        }
        keys.push(key);
    }

    /// Calls `each` with the hash of every n-gram; returns how many there are.
    fn hash_all(&self, words: &[[u64; 2]], mut each: impl FnMut(u128)) -> u32 {
        if words.len() < self.length {
            return 0;
        }
        let mut sums = [0u64; 2];
        for word in &words[..self.length - 1] {
            push(&mut sums, word);
        }
        let (mut total, mut wait) = (0, 0);
        for (old, new) in words.iter().zip(&words[self.length - 1..]) {
            push(&mut sums, new);
            if wait == 0 {
                each(finish(sums));
                total += 1;
                wait = self.stride;
            }
            wait -= 1;
            for lane in 0..2 {
                sums[lane] = sums[lane].wrapping_sub(old[lane].wrapping_mul(self.first[lane]));
            }
        }
        total
    }

    /// The share of a paragraph's n-grams that is known.
    pub fn share(known: u32, total: u32) -> f32 {
        known as f32 / total as f32
    }
}

#[inline]
fn push(sums: &mut [u64; 2], word: &[u64; 2]) {
    for lane in 0..2 {
        sums[lane] = sums[lane].wrapping_mul(BASES[lane]).wrapping_add(word[lane]);
    }
}

/// The low bits of a polynomial depend on the low bits of the words alone; a filter needs all bits
/// to depend on all.
#[inline]
fn finish([high, low]: [u64; 2]) -> u128 {
    let mix = |number: u64| {
        let number = (number ^ number >> 32).wrapping_mul(BASES[0]);
        let number = (number ^ number >> 29).wrapping_mul(BASES[1]);
        number ^ number >> 32
    };
    u128::from(mix(high)) << 64 | u128::from(mix(low))
}

/// Puts into `known` how many n-grams of each paragraph were there before it (one or none for
/// paragraphs that are compared as a whole), and adds what is new unless the filter is `read_only`.
pub(super) fn decide(
    filter: &mut BloomFilter,
    read_only: bool,
    KeyList { keys, ngrams }: &KeyList,
    known: &mut Vec<u32>,
) {
    let mut new = Vec::new();
    let mut at = 0;
    for key in keys {
        let end = at + key.own as usize;
        let mut count = 0;
        new.clear();
        for index in at..end {
            if let Some(&ahead) = ngrams.get(index + BloomFilter::AHEAD) {
                filter.prefetch(ahead);
            }
            if filter.contains(ngrams[index]) {
                count += 1;
            } else {
                new.push(ngrams[index]);
            }
        }
        if key.ngrams == 0 {
            let whole = filter.contains(key.hash);
            count = u32::from(whole);
            if !whole {
                new.push(key.hash);
            }
        }
        known.push(count);
        if !read_only {
            for &hash in &new {
                filter.insert(hash);
            }
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::super::bloom::Shape;
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn ngrams(length: usize, stride: usize, skip_short: bool) -> Ngrams {
        Ngrams::new(length, stride, 0.0, skip_short).unwrap()
    }

    /// Known n-grams and their total by paragraph; None where it is left out.
    fn compare(ngrams: &Ngrams, paragraphs: &[&str]) -> Vec<Option<(u32, u32)>> {
        let mut filter = BloomFilter::new(Shape::for_keys(10_000, 1e-9).unwrap()).unwrap();
        let mut words = Words::default();
        let compare = |paragraph: &&str| {
            let (mut list, mut known) = (KeyList::default(), Vec::new());
            ngrams.keys(paragraph, (0, 0), Partition::default(), &mut words, &mut list);
            decide(&mut filter, false, &list, &mut known);
            list.keys.first().map(|key| (known[0], key.ngrams.max(1)))
        };
        paragraphs.iter().map(compare).collect()
    }

    /// The same with sets of strings.
    fn naive(ngrams: &Ngrams, paragraphs: &[&str]) -> Vec<Option<(u32, u32)>> {
        let mut seen: HashSet<Vec<String>> = HashSet::new();
        let compare = |paragraph: &&str| {
            let words: Vec<String> = segments(paragraph).map(str::to_string).collect();
            let taken: Vec<Vec<String>> = words
                .windows(ngrams.length)
                .step_by(ngrams.stride)
                .map(<[String]>::to_vec)
                .collect();
            if taken.is_empty() && ngrams.skip_short {
                return None;
            }
            if taken.len() < 2 {
                let whole = vec!["whole".to_string(), paragraph.to_string()];
                let known = u32::from(seen.contains(&whole));
                seen.insert(whole);
                seen.extend(taken);
                return Some((known, 1));
            }
            let known = taken.iter().filter(|&ngram| seen.contains(ngram)).count() as u32;
            let total = taken.len() as u32;
            seen.extend(taken);
            Some((known, total))
        };
        paragraphs.iter().map(compare).collect()
    }

    #[test]
    fn a_paragraph_is_compared_with_those_before_it_and_not_with_itself() {
        let texts = ["a b c d e", "x a b c y", "la la la la la", "la la la", "la la", "a b c d e"];
        let mut expected = [(0, 3), (1, 3), (0, 3), (0, 1), (0, 1), (3, 3)].map(Some);
        assert_eq!(compare(&ngrams(3, 1, false), &texts), expected);
        // The one of fewer words than an n-gram has is short.
        expected[4] = None;
        let short = expected;
        assert_eq!(compare(&ngrams(3, 1, true), &texts), short);
    }

    #[test]
    fn strides_count_from_the_first_word() {
        let texts = ["a b c d e f g", "a b", "b c", "c d", "e f g"];
        // Taken are ab, cd, ef; then the others as a whole, except for the last: ef.
        let expected = [Some((0, 3)), Some((0, 1)), Some((0, 1)), Some((0, 1)), Some((0, 1))];
        assert_eq!(compare(&ngrams(2, 2, false), &texts), expected);
        assert_eq!(compare(&ngrams(2, 2, false), &["a b c d", "c d a b"])[1], Some((2, 2)));
        assert_eq!(compare(&ngrams(2, 2, false), &["a b c d", "x a b c"])[1], Some((0, 2)));
    }

    #[test]
    fn order_and_place_of_words_matter() {
        let ngrams = ngrams(3, 1, false);
        let of = |text: &str| {
            let (mut list, mut words) = (KeyList::default(), Words::default());
            ngrams.keys(text, (0, 0), Partition::default(), &mut words, &mut list);
            list.ngrams
        };
        let all: HashSet<u128> = ["a b c", "c b a", "b a c", "a a b", "a b a", "b a a", "a a a"]
            .map(|t| of(t)[0])
            .into();
        assert_eq!(all.len(), 7);
        assert_eq!(of("x a b c")[1], of("a b c y")[0]);
    }

    proptest! {
        #[test]
        fn agrees_with_sets_of_strings(
            paragraphs in proptest::collection::vec("([ab] ?|c\\. ){0,14}", 1..12),
            length in 1usize..5,
            stride in 0usize..4,
            skip_short: bool,
        ) {
            let ngrams = ngrams(length, stride, skip_short);
            let paragraphs: Vec<&str> = paragraphs.iter().map(String::as_str).collect();
            prop_assert_eq!(compare(&ngrams, &paragraphs), naive(&ngrams, &paragraphs));
        }
    }
}
