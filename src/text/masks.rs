//! Classes of 64 bytes at a time, one bit for each byte.
//!
//! Words and tokens are found by where the class of a byte changes; these masks turn that into a
//! few shifts for 64 bytes. ASCII classes come from the masks alone, bytes of longer characters
//! are only marked, and the callers look at them one by one. AVX2 is used where the processor has
//! it, a table of 256 entries elsewhere.

/// 64 bytes whose classes can be asked for.
pub(super) trait Block: Copy {
    fn load(bytes: &[u8; 64]) -> Self;

    /// ASCII that Python's `str.split()` splits at: U+0009 to U+000D, U+001C to U+0020.
    fn spaces(self) -> u64;

    /// ASCII matched by the pattern `\s`: U+0009 to U+000D, U+0020.
    fn white_spaces(self) -> u64;

    /// ASCII matched by the pattern `\w`: letters, digits, the underscore.
    fn words(self) -> u64;

    /// Bytes of characters outside ASCII.
    fn high(self) -> u64;

    /// First bytes of the sequences that may encode white space: C2, E1, E2, E3.
    fn space_leads(self) -> u64;

    /// Second bytes of the sequences that do: 80, 81, 85, 9A, A0.
    fn space_seconds(self) -> u64;
}

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

/// The classes of 64 bytes by table.
#[derive(Clone, Copy)]
pub(super) struct Table([u8; 64]);

impl Table {
    #[inline(always)]
    fn mask(self, class: u8) -> u64 {
        let mut mask = 0;
        for (bit, &classes) in self.0.iter().enumerate() {
            mask |= u64::from(classes & class != 0) << bit;
        }
        mask
    }
}

impl Block for Table {
    #[inline(always)]
    fn load(bytes: &[u8; 64]) -> Self {
        Self(bytes.map(|byte| CLASSES[byte as usize]))
    }

    #[inline(always)]
    fn spaces(self) -> u64 {
        self.mask(SPACE)
    }

    #[inline(always)]
    fn white_spaces(self) -> u64 {
        self.mask(WHITE_SPACE)
    }

    #[inline(always)]
    fn words(self) -> u64 {
        self.mask(WORD)
    }

    #[inline(always)]
    fn high(self) -> u64 {
        self.mask(HIGH)
    }

    #[inline(always)]
    fn space_leads(self) -> u64 {
        self.mask(SPACE_LEAD)
    }

    #[inline(always)]
    fn space_seconds(self) -> u64 {
        self.mask(SPACE_SECOND)
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use avx2::Avx2;

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::Block;
    use std::arch::x86_64::*;

    /// The classes of 64 bytes in two registers.
    ///
    /// Only code that runs after AVX2 was detected may call [`Block::load`]; no other value exists.
    #[derive(Clone, Copy)]
    pub(in crate::text) struct Avx2(__m256i, __m256i);

    impl Avx2 {
        /// The mask of the bytes for which `test` has its top bit set.
        #[inline(always)]
        fn mask(self, test: impl Fn(__m256i) -> __m256i) -> u64 {
            // SAFETY: AVX2 is there, see `Avx2`.
            let (low, high) =
                unsafe { (_mm256_movemask_epi8(test(self.0)), _mm256_movemask_epi8(test(self.1))) };
            u64::from(low as u32) | u64::from(high as u32) << 32
        }
    }

    /// Bytes from `first` to `first + extent`.
    #[inline(always)]
    fn between(bytes: __m256i, first: u8, extent: u8) -> __m256i {
        // SAFETY: AVX2 is there, see `Avx2`.
        unsafe {
            let shifted = _mm256_sub_epi8(bytes, _mm256_set1_epi8(first as i8));
            _mm256_cmpeq_epi8(_mm256_min_epu8(shifted, _mm256_set1_epi8(extent as i8)), shifted)
        }
    }

    #[inline(always)]
    fn equal(bytes: __m256i, byte: u8) -> __m256i {
        // SAFETY: AVX2 is there, see `Avx2`.
        unsafe { _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(byte as i8)) }
    }

    #[inline(always)]
    fn either(a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: AVX2 is there, see `Avx2`.
        unsafe { _mm256_or_si256(a, b) }
    }

    impl Block for Avx2 {
        #[inline(always)]
        fn load(bytes: &[u8; 64]) -> Self {
            let at: *const __m256i = bytes.as_ptr().cast();
            // SAFETY: both unaligned loads lie in the 64 bytes; AVX2 is there, see `Avx2`.
            unsafe { Self(_mm256_loadu_si256(at), _mm256_loadu_si256(at.add(1))) }
        }

        #[inline(always)]
        fn spaces(self) -> u64 {
            self.mask(|bytes| either(between(bytes, 9, 4), between(bytes, 0x1c, 4)))
        }

        #[inline(always)]
        fn white_spaces(self) -> u64 {
            self.mask(|bytes| either(between(bytes, 9, 4), equal(bytes, b' ')))
        }

        #[inline(always)]
        fn words(self) -> u64 {
            self.mask(|bytes| {
                // Setting bit 5 folds upper case; of what it moves, only letters end among them.
                // SAFETY: AVX2 is there, see `Avx2`.
                let folded = unsafe { _mm256_or_si256(bytes, _mm256_set1_epi8(0x20)) };
                let letters = between(folded, b'a', 25);
                either(letters, either(between(bytes, b'0', 9), equal(bytes, b'_')))
            })
        }

        #[inline(always)]
        fn high(self) -> u64 {
            self.mask(|bytes| bytes)
        }

        #[inline(always)]
        fn space_leads(self) -> u64 {
            self.mask(|bytes| either(between(bytes, 0xe1, 2), equal(bytes, 0xc2)))
        }

        #[inline(always)]
        fn space_seconds(self) -> u64 {
            self.mask(|bytes| {
                let wide = either(between(bytes, 0x80, 1), equal(bytes, 0x9a));
                either(wide, either(equal(bytes, 0x85), equal(bytes, 0xa0)))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masks<B: Block>(bytes: &[u8; 64]) -> [u64; 6] {
        let block = B::load(bytes);
        [
            block.spaces(),
            block.white_spaces(),
            block.words(),
            block.high(),
            block.space_leads(),
            block.space_seconds(),
        ]
    }

    #[test]
    fn table_knows_the_classes_of_ascii() {
        let bytes: [u8; 64] = std::array::from_fn(|at| at as u8);
        let [spaces, white_spaces, words, high, ..] = masks::<Table>(&bytes);
        assert_eq!(spaces, 0x1_f000_3e00);
        assert_eq!(white_spaces, 0x1_0000_3e00);
        assert_eq!(words, 0x03ff_0000_0000_0000);
        assert_eq!(high, 0);
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn both_ways_agree_on_every_byte_at_every_place() {
        if !is_x86_feature_detected!("avx2") {
            return;
        }
        for shift in 0..=255u8 {
            let bytes: [u8; 64] = std::array::from_fn(|at| (at as u8).wrapping_mul(7) ^ shift);
            assert_eq!(masks::<Avx2>(&bytes), masks::<Table>(&bytes), "{shift}");
        }
    }
}
