//! Where words and tokens begin and end, as one bit for each byte of the text.
//!
//! A word is what Python's `str.split()` returns; a token is a match of `\w+|[^\w\s]+`. Both are
//! runs of one class of characters, so a bit map of the places where the class changes holds them
//! all in an eighth of the text's size, and counting them in a line is counting bits.

use super::masks::{BATCH, Block, SpaceMasks, TokenMasks, space_masks, token_masks};
use super::unicode::{is_space, is_white_space, is_word};
use std::ops::Range;

/// Splits the text into batches of blocks, the last block padded with spaces (and possibly
/// nothing else), so that a word at the end of the text ends like any other.
fn for_each_batch(text: &[u8], mut visit: impl FnMut(usize, &[Block])) {
    let (blocks, rest) = text.as_chunks::<64>();
    for (index, batch) in blocks.chunks(BATCH).enumerate() {
        visit(index * BATCH * 64, batch);
    }
    let mut last = [b' '; 64];
    last[..rest.len()].copy_from_slice(rest);
    visit(text.len() - rest.len(), &[last]);
}

/// `len` bits from `at` on; the ones beyond 64 belong to the next block.
#[inline(always)]
fn run(at: u32, len: usize) -> u128 {
    ((1u128 << len) - 1) << at
}

/// The bytes of the white space among the characters that `leads` begin.
#[cold]
fn wide_spaces(text: &str, offset: usize, mut leads: u64) -> u128 {
    let mut spaces = 0;
    while leads != 0 {
        let at = leads.trailing_zeros();
        leads &= leads - 1;
        let c = text.get(offset + at as usize..).and_then(|rest| rest.chars().next());
        if let Some(c) = c.filter(|&c| is_space(c)) {
            spaces |= run(at, c.len_utf8());
        }
    }
    spaces
}

/// Marks the first byte of each word and the byte after its last one.
///
/// One `u64` for each 64 bytes and a last one for the rest, which may be empty.
pub(super) fn edges(text: &str, out: &mut Vec<u64>) {
    out.clear();
    out.reserve(text.len() / 64 + 1);
    let mut masks = [SpaceMasks::default(); BATCH];
    // The text's two sides are space.
    let (mut last, mut carry) = (1, 0);
    for_each_batch(text.as_bytes(), |offset, blocks| {
        space_masks(blocks, &mut masks);
        out.extend(masks.iter().enumerate().take(blocks.len()).map(|(index, masks)| {
            let mut spaces = masks.spaces | carry;
            carry = 0;
            if masks.leads != 0 {
                let wide = wide_spaces(text, offset + index * 64, masks.leads);
                spaces |= wide as u64;
                carry = (wide >> 64) as u64;
            }
            let edges = spaces ^ (spaces << 1 | last);
            last = spaces >> 63;
            edges
        }));
    });
}

/// Adds the characters that begin at the bytes in `high` to their classes.
fn add_wide(text: &str, offset: usize, mut high: u64, words: &mut u128, spaces: &mut u128) {
    while high != 0 {
        let at = high.trailing_zeros();
        let Some(c) = text.get(offset + at as usize..).and_then(|rest| rest.chars().next()) else {
            // The tail of a character of neither class that began in the block before.
            high &= high - 1;
            continue;
        };
        let bits = run(at, c.len_utf8());
        if is_word(c) {
            *words |= bits;
        } else if is_white_space(c) {
            *spaces |= bits;
        }
        high &= !(bits as u64);
    }
}

/// Marks the first byte of each match of `\w+|[^\w\s]+`, in the shape of [`edges`].
pub fn token_starts(text: &str, out: &mut Vec<u64>) {
    out.clear();
    out.reserve(text.len() / 64 + 1);
    let mut masks = [TokenMasks::default(); BATCH];
    let (mut carry_word, mut carry_space) = (0, 0);
    let (mut last_word, mut last_other) = (0, 0);
    for_each_batch(text.as_bytes(), |offset, blocks| {
        token_masks(blocks, &mut masks);
        out.extend(masks.iter().enumerate().take(blocks.len()).map(|(index, masks)| {
            let (mut words, mut spaces) = (masks.words, masks.spaces);
            if masks.high != 0 {
                let mut wide_words = u128::from(words | carry_word);
                let mut wide_spaces = u128::from(spaces | carry_space);
                // Bytes that the block before has not already put into a class.
                let high = masks.high & !(carry_word | carry_space);
                add_wide(text, offset + index * 64, high, &mut wide_words, &mut wide_spaces);
                (words, spaces) = (wide_words as u64, wide_spaces as u64);
                carry_word = (wide_words >> 64) as u64;
                carry_space = (wide_spaces >> 64) as u64;
            }
            let others = !(words | spaces);
            let starts = words & !(words << 1 | last_word) | others & !(others << 1 | last_other);
            (last_word, last_other) = (words >> 63, others >> 63);
            starts
        }));
    });
}

/// The number of bits set from `range.start` to before `range.end`.
#[inline]
pub fn count_bits(bits: &[u64], range: Range<usize>) -> usize {
    if range.is_empty() {
        return 0;
    }
    let (first, last) = (range.start >> 6, (range.end - 1) >> 6);
    let head = u64::MAX << (range.start & 63);
    let tail = u64::MAX >> (63 - ((range.end - 1) & 63));
    if first == last {
        return (bits[first] & head & tail).count_ones() as usize;
    }
    let inner: u32 = bits[first + 1..last].iter().map(|word| word.count_ones()).sum();
    let ends = (bits[first] & head).count_ones() + (bits[last] & tail).count_ones();
    inner as usize + ends as usize
}

/// The byte ranges of the words of a text.
#[derive(Debug, Clone)]
pub struct Words<'t> {
    edges: std::iter::Enumerate<std::slice::Iter<'t, u64>>,
    base: usize,
    bits: u64,
}

impl<'t> Words<'t> {
    pub(super) fn new(edges: &'t [u64]) -> Self {
        Self { edges: edges.iter().enumerate(), base: 0, bits: 0 }
    }

    #[inline(always)]
    fn edge(&mut self) -> Option<usize> {
        while self.bits == 0 {
            let (block, &bits) = self.edges.next()?;
            (self.base, self.bits) = (block * 64, bits);
        }
        let at = self.base + self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Some(at)
    }
}

impl Iterator for Words<'_> {
    type Item = Range<usize>;

    #[inline(always)]
    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.edge()?;
        Some(start..self.edge()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(text: &str) -> Vec<&str> {
        let mut bits = Vec::new();
        edges(text, &mut bits);
        Words::new(&bits).map(|range| &text[range]).collect()
    }

    fn naive_split(text: &str) -> Vec<&str> {
        text.split(is_space).filter(|word| !word.is_empty()).collect()
    }

    fn naive_tokens(text: &str) -> Vec<usize> {
        let class = |c: char| if is_word(c) { 2 } else { u8::from(!is_white_space(c)) };
        let mut last = 0;
        let mut starts = Vec::new();
        for (at, c) in text.char_indices() {
            if class(c) != last && class(c) != 0 {
                starts.push(at);
            }
            last = class(c);
        }
        starts
    }

    fn tokens(text: &str) -> Vec<usize> {
        let mut bits = Vec::new();
        token_starts(text, &mut bits);
        (0..bits.len() * 64).filter(|at| bits[at / 64] >> (at % 64) & 1 != 0).collect()
    }

    #[test]
    fn words_are_split_at_every_space_of_python() {
        assert_eq!(
            split(" a\u{1c}b\u{85}c\u{3000}d\u{200b}e\u{a0}\n"),
            ["a", "b", "c", "d\u{200b}e"]
        );
        assert!(split("").is_empty());
        assert!(split(" \n\u{2028}").is_empty());
    }

    #[test]
    fn every_character_is_classified_as_by_the_naive_way() {
        let all: Vec<char> = (1..=0x10_ffff).filter_map(char::from_u32).collect();
        for part in all.chunks(1 << 16) {
            let spaced: String = part.iter().flat_map(|&c| ['x', c, c]).collect();
            assert_eq!(split(&spaced), naive_split(&spaced));
            assert_eq!(tokens(&spaced), naive_tokens(&spaced));
        }
    }

    proptest! {
        #[test]
        fn edges_and_tokens_agree_with_naive_splitting(
            text in r"[ab_!\n\x1c\x1f\u{85}\u{a0}\u{3000}\u{2028}é字😀\u{301}—²]{0,200}"
        ) {
            prop_assert_eq!(split(&text), naive_split(&text));
            prop_assert_eq!(tokens(&text), naive_tokens(&text));
            let mut bits = Vec::new();
            token_starts(&text, &mut bits);
            prop_assert_eq!(bits.len(), text.len() / 64 + 1);
            let all = tokens(&text).len();
            for cut in 0..=text.len() {
                let head = count_bits(&bits, 0..cut);
                prop_assert_eq!(head, tokens(&text).iter().filter(|&&at| at < cut).count());
                prop_assert_eq!(head + count_bits(&bits, cut..bits.len() * 64), all);
            }
        }
    }
}
