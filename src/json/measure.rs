//! How long the text is that a JSON string encodes, without undoing its escapes.
//!
//! A code point is a byte that continues no other, less what escapes add: the backslash, and behind
//! `\u` the digits. With AVX2 both are counted in blocks, from the masks of their bytes.

use super::unescape::unicode;
use super::{Scan, fail};
use crate::text::count_chars;

/// The number of code points in the JSON string `raw` (with its quotes).
///
/// # Errors
/// When an escape names half of a surrogate pair: such a string has no UTF-8 form.
pub fn measure(raw: &[u8]) -> Scan<usize> {
    let body = &raw[..raw.len().saturating_sub(1)];
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
        // SAFETY: the processor has the features that the function needs.
        return unsafe { avx2::measure(body) };
    }
    one_by_one(body)
}

/// From one backslash to the next.
#[cfg_attr(target_arch = "x86_64", allow(dead_code))]
fn one_by_one(body: &[u8]) -> Scan<usize> {
    let mut chars = count_chars(body.get(1..).unwrap_or_default());
    let mut index = 1;
    while let Some(run) = body.get(index..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        let escape = index + run;
        (index, chars) = match body.get(escape + 1) {
            Some(b'u') => {
                let (_, next) = unicode(body, escape)?;
                (next, chars - (next - escape - 1))
            }
            Some(_) => (escape + 2, chars - 1),
            None => return fail(escape, "a valid escape"),
        };
    }
    Ok(chars)
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use crate::json::blocks::avx2::{bits, equal, halves};
    use crate::json::blocks::{Block, escaped, padded};
    use crate::json::unescape::unicode;
    use crate::json::{Scan, fail};
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx2,popcnt")]
    pub(super) fn measure(body: &[u8]) -> Scan<usize> {
        let mut at = 1;
        // As bit 0: whether the first byte of the block is escaped.
        let mut carry = 0;
        let mut chars = 0usize;
        // Behind the last `\u`, whose second half may have a backslash of its own.
        let mut behind = 0;
        while let Some(block) = body.get(at..).and_then(|rest| rest.first_chunk()) {
            add(body, at, (block, u64::MAX), &mut carry, &mut chars, &mut behind)?;
            at += size_of::<Block>();
        }
        let rest = body.get(at..).unwrap_or_default();
        let inside = (1 << rest.len()) - 1;
        let escaped = add(body, at, (&padded(rest), inside), &mut carry, &mut chars, &mut behind)?;
        if escaped >> rest.len() & 1 != 0 {
            return fail(body.len() - 1, "a valid escape");
        }
        Ok(chars)
    }

    /// Adds the code points of a block, those of its bytes that are `inside`; returns which are escaped.
    #[inline]
    #[target_feature(enable = "avx2,popcnt")]
    fn add(
        body: &[u8],
        at: usize,
        (block, inside): (&Block, u64),
        carry: &mut u64,
        chars: &mut usize,
        behind: &mut usize,
    ) -> Scan<u64> {
        let halves = halves(block);
        let slashes = bits(halves.map(|half| equal(half, b'\\')));
        let escaped = escaped(slashes, carry);
        // Bytes that continue others are the least of all signed ones.
        let lead = |half| _mm256_cmpgt_epi8(half, _mm256_set1_epi8(0xbfu8 as i8));
        let leads = bits(halves.map(lead)) & inside;
        // A backslash that escapes is no code point of the text.
        let text = leads & !(slashes & !escaped);
        *chars = chars.wrapping_add(text.count_ones() as usize);
        let mut places = bits(halves.map(|half| equal(half, b'u'))) & escaped & inside;
        while places != 0 {
            let escape = at + places.trailing_zeros() as usize - 1;
            places &= places - 1;
            if escape >= *behind {
                (_, *behind) = unicode(body, escape)?;
                // One of them is there, and the backslashes were not counted.
                *chars = chars.wrapping_sub((*behind - escape) / 6 * 5 - 1);
            }
        }
        Ok(escaped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::unescape;
    use proptest::prelude::*;

    fn counted(raw: &[u8]) -> Scan<usize> {
        let mut out = Vec::new();
        unescape(raw, &mut out).map(|()| String::from_utf8_lossy(&out).chars().count())
    }

    /// Both ways against counting what the string says.
    fn check(raw: &[u8]) {
        let expected = counted(raw);
        assert_eq!(measure(raw), expected, "{raw:?}");
        assert_eq!(one_by_one(&raw[..raw.len() - 1]), expected, "{raw:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn as_many_code_points_as_the_text_has(
            body in r#"([ax é漢😀]{0,70}|([\\][\\]){0,40}|[\\][nt"/bfru\\]|[\\]u00e[0-9a-f]|[\\]ud83d[\\]ude0[0-9a-f]|[\\]ud[8c]0[0-9a-f]|[\\]{1,3}u){0,9}"#,
        ) {
            check(format!("\"{body}\"").as_bytes());
        }
    }

    #[test]
    fn every_place_of_an_escape() {
        for escape in [r"\n", r"\\", r"\u00e9", r"\ud83d\ude00", r"\ud83d", "\\", "é", "\\é"] {
            for at in 0..100 {
                for behind in [0, 1, 30, 31, 32, 33, 70] {
                    let raw = format!("\"{}{escape}{}\"", "a".repeat(at), "b".repeat(behind));
                    check(raw.as_bytes());
                }
            }
        }
    }
}
