//! Classes of 64 bytes at a time, one bit for each byte, and the count of characters.
//!
//! Words and tokens are found by where the class of a byte changes; these masks turn that into a
//! few shifts for 64 bytes. ASCII classes come from the masks alone, bytes of longer characters
//! are only marked, and the callers look at them one by one. AVX2 is used where the processor has
//! it, a table of 256 entries elsewhere. Blocks are classified in batches, so that the code for
//! AVX2 is a few leaf functions that the compiler can inline into each other.

pub(super) type Block = [u8; 64];

/// Blocks in a batch: 4 KiB of text, whose masks stay in the first cache.
pub(super) const BATCH: usize = 64;

/// What [`super::words`] needs to know of a block to find words.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct SpaceMasks {
    /// ASCII that Python's `str.split()` splits at: U+0009 to U+000D, U+001C to U+0020.
    pub spaces: u64,
    /// First bytes of the sequences that may encode white space (C2, E1, E2, E3), if the second
    /// byte is one of those that do (80, 81, 85, 9A, A0) or lies in the next block.
    pub leads: u64,
}

/// What [`super::words`] needs to know of a block to find tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct TokenMasks {
    /// ASCII matched by the pattern `\w`: letters, digits, the underscore.
    pub words: u64,
    /// ASCII matched by the pattern `\s`: U+0009 to U+000D, U+0020.
    pub spaces: u64,
    /// Bytes of characters outside ASCII.
    pub high: u64,
}

/// What [`super::paragraphs`] needs to know of a block.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct LineMasks {
    pub newlines: u64,
    /// ASCII from `!` on: none of it is white space.
    pub ink: u64,
    /// First bytes of characters.
    pub starts: u64,
}

/// The masks of up to [`BATCH`] blocks, in `out`.
pub(super) fn space_masks(blocks: &[Block], out: &mut [SpaceMasks; BATCH]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { avx2::space_masks(blocks, out) };
    }
    table::space_masks(blocks, out);
}

/// The masks of up to [`BATCH`] blocks, in `out`.
pub(super) fn token_masks(blocks: &[Block], out: &mut [TokenMasks; BATCH]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { avx2::token_masks(blocks, out) };
    }
    table::token_masks(blocks, out);
}

/// The masks of up to [`BATCH`] blocks, in `out`.
pub(super) fn line_masks(blocks: &[Block], out: &mut [LineMasks; BATCH]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { avx2::line_masks(blocks, out) };
    }
    table::line_masks(blocks, out);
}

/// Bytes of the blocks that are not continuation bytes of UTF-8.
pub(super) fn count_chars(blocks: &[Block]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { avx2::count_chars(blocks) };
    }
    blocks.iter().flatten().filter(|&&byte| byte as i8 >= -0x40).count()
}

/// The newlines of a block. Not in batches, but small enough to be inlined where it is needed.
#[inline]
pub(super) fn newlines(block: &Block) -> u64 {
    let (quarters, _) = block.as_chunks::<16>();
    let bits = quarters.iter().enumerate();
    bits.fold(0, |mask, (at, quarter)| mask | u64::from(newlines_of(quarter)) << (16 * at))
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn newlines_of(bytes: &[u8; 16]) -> u16 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi8};
    // SAFETY: SSE2 is part of x86_64, and the load is of the sixteen bytes.
    unsafe {
        let bytes = _mm_loadu_si128(bytes.as_ptr().cast());
        _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\n' as i8))) as u16
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn newlines_of(bytes: &[u8; 16]) -> u16 {
    let bits = bytes.iter().enumerate();
    bits.fold(0, |mask, (bit, &byte)| mask | u16::from(byte == b'\n') << bit)
}

mod table {
    use super::{BATCH, Block, LineMasks, SpaceMasks, TokenMasks};

    const SPACE: u8 = 1;
    const WHITE_SPACE: u8 = 2;
    const WORD: u8 = 4;
    const HIGH: u8 = 8;
    const SPACE_LEAD: u8 = 16;
    const SPACE_SECOND: u8 = 32;

    static CLASSES: [u8; 256] = classes();

    const fn classes() -> [u8; 256] {
        let mut table = [0; 256];
        let mut code = 0;
        while code < 256 {
            let byte = code as u8;
            table[code] = match byte {
                b'\t'..=b'\r' | b' ' => SPACE | WHITE_SPACE,
                0x1c..=0x1f => SPACE,
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => WORD,
                0xc2 | 0xe1..=0xe3 => HIGH | SPACE_LEAD,
                0x80 | 0x81 | 0x85 | 0x9a | 0xa0 => HIGH | SPACE_SECOND,
                0x80.. => HIGH,
                _ => 0,
            };
            code += 1;
        }
        table
    }

    fn mask(classes: &Block, class: u8) -> u64 {
        let bits = classes.iter().enumerate();
        bits.fold(0, |mask, (bit, &classes)| mask | u64::from(classes & class != 0) << bit)
    }

    pub(super) fn space_masks(blocks: &[Block], out: &mut [SpaceMasks; BATCH]) {
        for (block, out) in blocks.iter().zip(out) {
            let classes = block.map(|byte| CLASSES[byte as usize]);
            let seconds = mask(&classes, SPACE_SECOND) >> 1 | 1 << 63;
            out.spaces = mask(&classes, SPACE);
            out.leads = mask(&classes, SPACE_LEAD) & seconds;
        }
    }

    pub(super) fn line_masks(blocks: &[Block], out: &mut [LineMasks; BATCH]) {
        let bits = |block: &Block, is: fn(u8) -> bool| {
            let bits = block.iter().enumerate();
            bits.fold(0, |mask, (bit, &byte)| mask | u64::from(is(byte)) << bit)
        };
        for (block, out) in blocks.iter().zip(out) {
            out.newlines = bits(block, |byte| byte == b'\n');
            out.ink = bits(block, |byte| (b'!'..=0x7f).contains(&byte));
            out.starts = bits(block, |byte| !(0x80..0xc0).contains(&byte));
        }
    }

    pub(super) fn token_masks(blocks: &[Block], out: &mut [TokenMasks; BATCH]) {
        for (block, out) in blocks.iter().zip(out) {
            let classes = block.map(|byte| CLASSES[byte as usize]);
            out.words = mask(&classes, WORD);
            out.spaces = mask(&classes, WHITE_SPACE);
            out.high = mask(&classes, HIGH);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{BATCH, Block, LineMasks, SpaceMasks, TokenMasks};
    use std::arch::x86_64::*;

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(block: &Block) -> [__m256i; 2] {
        let at: *const __m256i = block.as_ptr().cast();
        // SAFETY: both unaligned loads lie in the 64 bytes of the block.
        unsafe { [_mm256_loadu_si256(at), _mm256_loadu_si256(at.add(1))] }
    }

    /// The top bits of 64 bytes.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn mask(low: __m256i, high: __m256i) -> u64 {
        let (low, high) = (_mm256_movemask_epi8(low), _mm256_movemask_epi8(high));
        u64::from(low as u32) | u64::from(high as u32) << 32
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn equal(bytes: __m256i, byte: u8) -> __m256i {
        _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(byte as i8))
    }

    /// Bytes from `first` to `first + extent`.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn between(bytes: __m256i, first: u8, extent: u8) -> __m256i {
        let shifted = _mm256_sub_epi8(bytes, _mm256_set1_epi8(first as i8));
        _mm256_cmpeq_epi8(_mm256_min_epu8(shifted, _mm256_set1_epi8(extent as i8)), shifted)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn spaces(bytes: __m256i) -> __m256i {
        _mm256_or_si256(between(bytes, 9, 4), between(bytes, 0x1c, 4))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn white_spaces(bytes: __m256i) -> __m256i {
        _mm256_or_si256(between(bytes, 9, 4), equal(bytes, b' '))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn leads(bytes: __m256i) -> __m256i {
        _mm256_or_si256(between(bytes, 0xe1, 2), equal(bytes, 0xc2))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn seconds(bytes: __m256i) -> __m256i {
        let wide = _mm256_or_si256(between(bytes, 0x80, 1), equal(bytes, 0x9a));
        let latin = _mm256_or_si256(equal(bytes, 0x85), equal(bytes, 0xa0));
        _mm256_or_si256(wide, latin)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn words(bytes: __m256i) -> __m256i {
        // Setting bit 5 folds upper case; of what it moves, only letters end among them.
        let letters = between(_mm256_or_si256(bytes, _mm256_set1_epi8(0x20)), b'a', 25);
        let others = _mm256_or_si256(between(bytes, b'0', 9), equal(bytes, b'_'));
        _mm256_or_si256(letters, others)
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn space_masks(blocks: &[Block], out: &mut [SpaceMasks; BATCH]) {
        for (block, out) in blocks.iter().zip(out) {
            let [low, high] = load(block);
            out.spaces = mask(spaces(low), spaces(high));
            out.leads = 0;
            if mask(low, high) != 0 {
                let seconds = mask(seconds(low), seconds(high)) >> 1 | 1 << 63;
                out.leads = mask(leads(low), leads(high)) & seconds;
            }
        }
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn token_masks(blocks: &[Block], out: &mut [TokenMasks; BATCH]) {
        for (block, out) in blocks.iter().zip(out) {
            let [low, high] = load(block);
            out.words = mask(words(low), words(high));
            out.spaces = mask(white_spaces(low), white_spaces(high));
            out.high = mask(low, high);
        }
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn line_masks(blocks: &[Block], out: &mut [LineMasks; BATCH]) {
        let above = |bytes, byte| _mm256_cmpgt_epi8(bytes, _mm256_set1_epi8(byte));
        for (block, out) in blocks.iter().zip(out) {
            let [low, high] = load(block);
            out.newlines = mask(equal(low, b'\n'), equal(high, b'\n'));
            out.ink = mask(above(low, 0x20), above(high, 0x20));
            // Continuation bytes are the lowest, as signed numbers.
            out.starts = mask(above(low, -0x41), above(high, -0x41));
        }
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn count_chars(blocks: &[Block]) -> usize {
        let mut totals = _mm256_setzero_si256();
        // A lane of a byte gains at most 2 for each block.
        for group in blocks.chunks(127) {
            let mut lanes = _mm256_setzero_si256();
            for block in group {
                for bytes in load(block) {
                    // Comparing gives -1.
                    let starts = _mm256_cmpgt_epi8(bytes, _mm256_set1_epi8(-0x41));
                    lanes = _mm256_sub_epi8(lanes, starts);
                }
            }
            let sums = _mm256_sad_epu8(lanes, _mm256_setzero_si256());
            totals = _mm256_add_epi64(totals, sums);
        }
        let total = _mm256_extract_epi64::<0>(totals)
            + _mm256_extract_epi64::<1>(totals)
            + _mm256_extract_epi64::<2>(totals)
            + _mm256_extract_epi64::<3>(totals);
        total as usize
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn table_knows_the_classes_of_ascii() {
        let block: Block = std::array::from_fn(|at| at as u8);
        let (mut spaces, mut tokens) = ([Default::default(); BATCH], [Default::default(); BATCH]);
        table::space_masks(&[block], &mut spaces);
        table::token_masks(&[block], &mut tokens);
        assert_eq!(spaces[0].spaces, 0x1_f000_3e00);
        assert_eq!(tokens[0].spaces, 0x1_0000_3e00);
        assert_eq!(tokens[0].words, 0x03ff_0000_0000_0000);
        assert_eq!(tokens[0].high, 0);
    }

    #[test]
    fn both_ways_agree_on_every_byte_at_every_place() {
        for shift in 0..=255u8 {
            let block = |step: u8| std::array::from_fn(|at| (at as u8).wrapping_mul(step) ^ shift);
            let blocks: [Block; 3] = [block(7), block(1), block(0)];
            let (mut fast, mut slow) = ([Default::default(); BATCH], [Default::default(); BATCH]);
            space_masks(&blocks, &mut fast);
            table::space_masks(&blocks, &mut slow);
            assert_eq!(fast, slow, "{shift}");
            let (mut fast, mut slow) = ([Default::default(); BATCH], [Default::default(); BATCH]);
            token_masks(&blocks, &mut fast);
            table::token_masks(&blocks, &mut slow);
            assert_eq!(fast, slow, "{shift}");
            let (mut fast, mut slow) = ([Default::default(); BATCH], [Default::default(); BATCH]);
            line_masks(&blocks, &mut fast);
            table::line_masks(&blocks, &mut slow);
            assert_eq!(fast, slow, "{shift}");
        }
    }
}
