//! Strings in blocks of 64 bytes, one bit for each byte.
//!
//! What ends a string is a quote that no backslash escapes, and whether one does follows from the
//! masks of a block by arithmetic: neither the length of a line of text nor the number of escapes
//! in a block is anything the processor has to guess.

use super::strings::skip_escape;

pub(super) type Block = [u8; 64];

/// Classes of the bytes of a block.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
struct Masks {
    /// Quotes and control characters.
    stops: u64,
    slashes: u64,
    /// What the most frequent escapes have behind the backslash: `n`, a quote, a backslash.
    frequent: u64,
}

/// Where the string ends whose first byte is at `from`, behind its quote, and whether it has
/// escapes; nothing if it is no valid string, or for processors without AVX2.
pub(super) fn string_end(bytes: &[u8], from: usize) -> Option<(usize, bool)> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { avx2::string_end(bytes, from) };
    }
    let _ = (bytes, from);
    None
}

#[inline(always)]
fn string_end_by(
    bytes: &[u8],
    from: usize,
    masks: impl Fn(&Block) -> Masks,
) -> Option<(usize, bool)> {
    let mut at = from;
    // Bit 0: whether the first byte of the block is escaped.
    let mut carry = 0;
    let mut any = 0;
    loop {
        let rest = bytes.get(at..)?;
        // Zeros behind the end are control characters, which end no string.
        let Masks { stops, slashes, frequent } = match rest.first_chunk() {
            Some(block) => masks(block),
            None => masks(&padded(rest)),
        };
        let escaped = escaped(slashes, &mut carry);
        let stop = stops & !escaped;
        // All bytes below the first stop.
        let before = stop.wrapping_sub(1) & !stop;
        let unusual = escaped & before & !frequent;
        if unusual != 0 && !valid(bytes, at, unusual) {
            return None;
        }
        any |= slashes & before;
        if stop != 0 {
            let end = at + stop.trailing_zeros() as usize;
            return (bytes.get(end) == Some(&b'"')).then_some((end + 1, any != 0));
        }
        at += size_of::<Block>();
    }
}

/// The bytes with zeros behind them.
pub(super) fn padded(rest: &[u8]) -> Block {
    let mut block = [0; size_of::<Block>()];
    block[..rest.len()].copy_from_slice(rest);
    block
}

/// The bytes that a backslash escapes in a block; `carry` goes from block to block, as bit 0.
///
/// In a run of backslashes every second is escaped, and behind a run of odd length the next byte.
/// Adding the runs that start at odd places to themselves carries to just behind each run, which
/// tells the parity of its length from where it ends.
#[inline(always)]
pub(super) fn escaped(slashes: u64, carry: &mut u64) -> u64 {
    const EVEN: u64 = 0x5555_5555_5555_5555;
    let slashes = slashes & !*carry;
    let behind = slashes << 1 | *carry;
    let odd_starts = slashes & !EVEN & !behind;
    let (ends, overflow) = odd_starts.overflowing_add(slashes);
    *carry = overflow.into();
    (EVEN ^ ends << 1) & behind
}

/// Whether the escapes at these places behind `at` are valid.
#[cold]
fn valid(bytes: &[u8], at: usize, mut places: u64) -> bool {
    while places != 0 {
        let place = at + places.trailing_zeros() as usize;
        // Before the first byte of a string is its quote.
        if skip_escape(bytes, place - 1).is_err() {
            return false;
        }
        places &= places - 1;
    }
    true
}

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2 {
    use super::{Block, Masks, string_end_by};
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx2")]
    pub(super) fn string_end(bytes: &[u8], from: usize) -> Option<(usize, bool)> {
        // A closure has the features of the function that it is in.
        string_end_by(bytes, from, |block| masks(block))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn masks(block: &Block) -> Masks {
        let halves = halves(block);
        let signs = |bytes| _mm256_or_si256(equal(bytes, b'"'), equal(bytes, b'\\'));
        let stop = |bytes| {
            let controls = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, _mm256_set1_epi8(0x1f)), bytes);
            _mm256_or_si256(equal(bytes, b'"'), controls)
        };
        Masks {
            stops: bits(halves.map(stop)),
            slashes: bits(halves.map(|bytes| equal(bytes, b'\\'))),
            frequent: bits(halves.map(|bytes| _mm256_or_si256(signs(bytes), equal(bytes, b'n')))),
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in crate::json) fn halves(block: &Block) -> [__m256i; 2] {
        // SAFETY: the unaligned loads are of the two halves of the block.
        unsafe {
            let first = block.as_ptr();
            [_mm256_loadu_si256(first.cast()), _mm256_loadu_si256(first.add(32).cast())]
        }
    }

    /// The bytes of a block that are set, one bit for each.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in crate::json) fn bits([low, high]: [__m256i; 2]) -> u64 {
        let bits = |half| u64::from(_mm256_movemask_epi8(half) as u32);
        bits(low) | bits(high) << 32
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in crate::json) fn equal(bytes: __m256i, byte: u8) -> __m256i {
        _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(byte as i8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::strings::skip_string_bytewise;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn strings_end_where_they_end_byte_by_byte(
            string in r#"([ax é\\\\]{0,70}|(\\\\){0,40}|\\[nt"/bfru\\x0]|\\u[0-9a-g"]{0,4}|["\x00\x1f]?){0,6}"#,
            rest in r#"["\\a]{0,90}"#, before in 0usize..70,
        ) {
            let line = format!("{}\"{string}{rest}", "\\".repeat(before));
            let expected = skip_string_bytewise(line.as_bytes(), before).ok();
            prop_assert_eq!(string_end(line.as_bytes(), before + 1), expected);
        }
    }

    #[test]
    fn every_length_of_string_and_run_of_backslashes() {
        for length in 0..200 {
            for slashes in 0..140 {
                let line = format!("\"{}{}\"\"  ", "a".repeat(length), "\\".repeat(slashes));
                let expected = skip_string_bytewise(line.as_bytes(), 0).ok();
                assert_eq!(string_end(line.as_bytes(), 1), expected, "{length} {slashes}");
            }
        }
    }
}
