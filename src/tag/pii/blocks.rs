//! Text 64 bytes at a time: runs of digits, and words.
//!
//! Phone numbers and IP addresses are rare and digits are not everywhere, so both scanners start
//! from runs of digits. Plain integer arithmetic does it without `unsafe` and at the same speed
//! on every machine: a class of bytes becomes one bit for each byte of a block, the first byte
//! lowest.

use super::chars::space_len;

pub const BLOCK: usize = 64;
const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = LOW * 0x80;

/// One bit for each byte of the block that is ASCII and for which `class` sets the high bit;
/// `class` sees eight bytes at a time with their high bits clear.
fn mask(block: &[u8; BLOCK], class: impl Fn(u64) -> u64) -> u64 {
    let (words, _) = block.as_chunks::<8>();
    words.iter().enumerate().fold(0, |mask, (index, word)| {
        let word = u64::from_le_bytes(*word);
        let flags = (class(word & !HIGH) & !word & HIGH) >> 7;
        // Gathers the eight flags, one a byte, into the top byte.
        mask | (flags.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (index * 8)
    })
}

/// The high bit of each byte that is at least `bound`, where all high bits are clear.
fn at_least(word: u64, bound: u8) -> u64 {
    word + LOW * u64::from(0x80 - bound)
}

fn digit_mask(block: &[u8; BLOCK]) -> u64 {
    // Vector code, as it has no early way out; half of the blocks of ordinary text end here.
    let any = block.iter().fold(0u8, |any, byte| any | u8::from(byte.wrapping_sub(b'0') < 10));
    if any == 0 {
        return 0;
    }
    mask(block, |word| at_least(word, b'0') & !at_least(word, b'9' + 1))
}

/// ASCII white space: U+0009 to U+000D and U+001C to U+0020.
pub fn space_mask(block: &[u8; BLOCK]) -> u64 {
    mask(block, |word| {
        at_least(word, 0x09) & !at_least(word, 0x0E) | at_least(word, 0x1C) & !at_least(word, 0x21)
    })
}

pub fn is_ascii(block: &[u8; BLOCK]) -> bool {
    let (words, _) = block.as_chunks::<8>();
    words.iter().fold(0, |all, word| all | u64::from_le_bytes(*word)) & HIGH == 0
}

/// Words as `str.split()` counts them: maximal runs without white space.
pub fn count_words(bytes: &[u8]) -> usize {
    let mut words = 0;
    // The bit before the block, and bits of a wide space that reaches into it.
    let mut before = 1;
    let mut inherited = 0;
    let mut count = |base: usize, block: &[u8; BLOCK]| {
        let mut space = space_mask(block) | inherited;
        inherited = 0;
        if !is_ascii(block) {
            let (inside, behind) = wide_space_mask(bytes, base);
            space |= inside;
            inherited = behind;
        }
        words += (!space & (space << 1 | before)).count_ones() as usize;
        before = space >> (BLOCK - 1);
    };
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    for (index, block) in blocks.iter().enumerate() {
        count(index * BLOCK, block);
    }
    let mut last = [b' '; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    count(blocks.len() * BLOCK, &last);
    words
}

/// The bytes of wide spaces that begin in the block at `base`, and those behind it.
fn wide_space_mask(bytes: &[u8], base: usize) -> (u64, u64) {
    let mut mask = 0u128;
    for (at, &byte) in bytes[base..].iter().take(BLOCK).enumerate() {
        if matches!(byte, 0xC2 | 0xE1..=0xE3) {
            mask |= ((1 << space_len(bytes, base + at)) - 1) << at;
        }
    }
    (mask as u64, (mask >> BLOCK) as u64)
}

/// Calls `found(start, end)` for each maximal run of ASCII digits, from left to right.
pub fn for_each_digit_run(bytes: &[u8], mut found: impl FnMut(usize, usize)) {
    let mut open = None;
    let mut edges_of = |base: usize, mask: u64| {
        // A bit where digits begin, and one where they have ended.
        let mut edges = mask ^ (mask << 1 | u64::from(open.is_some()));
        while edges != 0 {
            let at = base + edges.trailing_zeros() as usize;
            edges &= edges - 1;
            match open.take() {
                Some(start) => found(start, at),
                None => open = Some(at),
            }
        }
    };
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    for (index, block) in blocks.iter().enumerate() {
        edges_of(index * BLOCK, digit_mask(block));
    }
    // Always shorter than a block, so the padding closes a run that reaches the end.
    let mut last = [0; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    edges_of(blocks.len() * BLOCK, digit_mask(&last));
}

#[cfg(test)]
mod tests {
    use super::super::chars::{PYTHON_SPACE, SPACE, is};
    use super::*;
    use proptest::prelude::*;
    use regex::Regex;

    fn runs(bytes: &[u8]) -> Vec<(usize, usize)> {
        let mut all = Vec::new();
        for_each_digit_run(bytes, |start, end| all.push((start, end)));
        all
    }

    fn naive(bytes: &[u8]) -> Vec<(usize, usize)> {
        let mut all: Vec<(usize, usize)> = Vec::new();
        for at in (0..bytes.len()).filter(|&at| bytes[at].is_ascii_digit()) {
            match all.last_mut() {
                Some(last) if last.1 == at => last.1 = at + 1,
                _ => all.push((at, at + 1)),
            }
        }
        all
    }

    #[test]
    fn every_byte_value_is_classified() {
        for byte in 0..=255u8 {
            for at in [0, 7, 63, 64, 70] {
                let mut bytes = [b'x'; 128];
                bytes[at] = byte;
                assert_eq!(runs(&bytes), naive(&bytes), "{byte} at {at}");
                let block: [u8; BLOCK] = std::array::from_fn(|index| bytes[index]);
                let space = u64::from(is(bytes[at % BLOCK], SPACE)) << (at % BLOCK);
                assert_eq!(space_mask(&block), if at < BLOCK { space } else { 0 });
            }
        }
    }

    proptest! {
        #[test]
        fn words_are_those_of_a_plain_split(text in "[ab \u{1c}\n\u{85}\u{a0}\u{3000}é’日\u{205f}]{0,260}") {
            let space = Regex::new(PYTHON_SPACE).unwrap();
            let expected = space.split(&text).filter(|word| !word.is_empty()).count();
            prop_assert_eq!(count_words(text.as_bytes()), expected);
        }

        #[test]
        fn runs_are_those_of_a_plain_loop(bytes in prop::collection::vec(
            prop_oneof![Just(b'1'), Just(b'9'), Just(b'/'), Just(b':'), any::<u8>()], 0..300)) {
            prop_assert_eq!(runs(&bytes), naive(&bytes));
        }

        #[test]
        fn long_runs_cross_blocks(before in 0usize..130, digits in 0usize..260, after in 0usize..70) {
            let bytes = [vec![b'-'; before], vec![b'7'; digits], vec![b'-'; after]].concat();
            prop_assert_eq!(runs(&bytes), naive(&bytes));
        }
    }
}
