//! The text that a JSON string encodes.
//!
//! Runs between two escapes are a line of text long: too short for a search and a copy of their own,
//! and too uneven for the processor to guess. With AVX-512 (VBMI2) 64 bytes are therefore undone at
//! once, however many escapes are among them; elsewhere runs are copied in blocks and escapes one by
//! one. `\u` is always taken alone.

use super::strings::hex4;
use super::{Scan, fail};

/// Room behind the text for whole blocks.
const BLOCK: usize = 64;

/// Appends the text of the JSON string `raw` (with its quotes) to `out`.
///
/// # Errors
/// When an escape names half of a surrogate pair: such a string has no UTF-8 form.
pub fn unescape(raw: &[u8], out: &mut Vec<u8>) -> Scan<()> {
    let body = &raw[..raw.len().saturating_sub(1)];
    // Text is never longer than its escaped form.
    out.reserve(body.len() + BLOCK);
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512vbmi2")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("avx512bw")
    {
        // SAFETY: the processor has the features that the function needs.
        return one_by_one(body, out, |body, at, out| unsafe { avx512::undo(body, at, out) });
    }
    one_by_one(body, out, copy_to_backslash)
}

/// Undoes the escapes that `undo` leaves; it appends text of `body` from an index on up to an escape,
/// and returns where that is, or the length.
#[inline(always)]
fn one_by_one(
    body: &[u8],
    out: &mut Vec<u8>,
    undo: impl Fn(&[u8], usize, &mut Vec<u8>) -> usize,
) -> Scan<()> {
    let mut index = 1;
    while index < body.len() {
        let escape = undo(body, index, out);
        if escape == body.len() {
            break;
        }
        index = escape + 2;
        match body.get(escape + 1) {
            Some(b'n') => out.push(b'\n'),
            Some(b't') => out.push(b'\t'),
            Some(b'r') => out.push(b'\r'),
            Some(b'b') => out.push(0x08),
            Some(b'f') => out.push(0x0c),
            Some(b'u') => {
                let (character, next) = unicode(body, escape)?;
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                index = next;
            }
            Some(&other) => out.push(other),
            None => return fail(escape, "a valid escape"),
        }
    }
    Ok(())
}

/// Appends `body` from `from` up to the next backslash, or the end, to `out`; returns where that is.
#[inline]
fn copy_to_backslash(body: &[u8], from: usize, out: &mut Vec<u8>) -> usize {
    let mut index = from;
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{
            __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi8,
            _mm_storeu_si128,
        };
        while index + 16 <= body.len() && out.capacity() - out.len() >= 16 {
            // SAFETY: SSE2 is part of x86_64; the condition keeps the load inside `body` and the
            // store inside the capacity of `out`, of which only copied bytes become its length.
            unsafe {
                let chunk = _mm_loadu_si128(body.as_ptr().add(index).cast::<__m128i>());
                _mm_storeu_si128(out.as_mut_ptr().add(out.len()).cast::<__m128i>(), chunk);
                let slashes = _mm_cmpeq_epi8(chunk, _mm_set1_epi8(b'\\' as i8));
                let mask = _mm_movemask_epi8(slashes) as u32;
                let copied = if mask == 0 { 16 } else { mask.trailing_zeros() as usize };
                out.set_len(out.len() + copied);
                index += copied;
                if mask != 0 {
                    return index;
                }
            }
        }
    }
    let rest = &body[index..];
    let run = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
    out.extend_from_slice(&rest[..run]);
    index + run
}

/// The character of the `\u` escape at an index, and the index behind it.
pub(super) fn unicode(body: &[u8], at: usize) -> Scan<(char, usize)> {
    const LONE: &str = "both halves of a surrogate pair (a lone one has no UTF-8 form)";
    let first = hex4(body, at + 2)?;
    let (code, next) = match first {
        0xD800..=0xDBFF => {
            if body.get(at + 6..at + 8) != Some(b"\\u") {
                return fail(at, LONE);
            }
            let second = hex4(body, at + 8)?;
            if !(0xDC00..=0xDFFF).contains(&second) {
                return fail(at, LONE);
            }
            (0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00), at + 12)
        }
        _ => (first, at + 6),
    };
    match char::from_u32(code) {
        Some(character) => Ok((character, next)),
        None => fail(at, LONE),
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::BLOCK;
    use crate::json::blocks;
    use std::arch::x86_64::*;

    /// What stands for each ASCII character behind a backslash.
    const MEANING: [u8; 128] = meaning();

    const fn meaning() -> [u8; 128] {
        let mut table = [0; 128];
        let mut code = 0;
        while code < table.len() {
            table[code] = match code as u8 {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'b' => 0x08,
                b'f' => 0x0c,
                other => other,
            };
            code += 1;
        }
        table
    }

    /// Appends the text of `body` from `from` to the next `\u`, or a backslash with nothing behind it;
    /// returns where that is, or the length. `out` has room for the rest of `body` and a block.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2")]
    pub(super) fn undo(body: &[u8], from: usize, out: &mut Vec<u8>) -> usize {
        debug_assert!(out.capacity() - out.len() >= body.len() - from + BLOCK);
        // SAFETY: both loads lie in the table.
        let meaning = unsafe {
            let table = MEANING.as_ptr();
            [_mm512_loadu_epi8(table.cast()), _mm512_loadu_epi8(table.add(64).cast())]
        };
        let mut at = from;
        let (mut carry, mut escaped) = (0, 0);
        while at < body.len() {
            let inside = u64::MAX >> (BLOCK - BLOCK.min(body.len() - at));
            // SAFETY: the mask keeps the load within `body`.
            let block = unsafe { _mm512_maskz_loadu_epi8(inside, body.as_ptr().add(at).cast()) };
            let slashes = _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8(b'\\' as i8));
            escaped = blocks::escaped(slashes, &mut carry);
            let unicode = _mm512_mask_cmpeq_epi8_mask(escaped, block, _mm512_set1_epi8(b'u' as i8));
            // Up to the first `u`, whose backslash is none that is kept either.
            let before = unicode.wrapping_sub(1) & !unicode;
            let kept = inside & before & !(slashes & !escaped);
            let read = _mm512_permutex2var_epi8(meaning[0], block, meaning[1]);
            let ascii = !_mm512_movepi8_mask(block);
            let text = _mm512_mask_mov_epi8(block, escaped & ascii, read);
            // SAFETY: there is room for a block; the bytes that become part of `out` are written.
            unsafe {
                let end = out.as_mut_ptr().add(out.len());
                _mm512_storeu_epi8(end.cast(), _mm512_maskz_compress_epi8(kept, text));
                out.set_len(out.len() + kept.count_ones() as usize);
            }
            if unicode != 0 {
                return at + unicode.trailing_zeros() as usize - 1;
            }
            at += BLOCK;
        }
        // Whether the byte behind the text is escaped.
        let open = match (body.len() - from) % BLOCK {
            0 => carry,
            rest => escaped >> rest & 1,
        };
        body.len() - open as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn by_blocks(raw: &[u8]) -> Scan<Vec<u8>> {
        let mut out = b"before".to_vec();
        unescape(raw, &mut out).map(|()| out.split_off(6))
    }

    fn one_by_one_only(raw: &[u8]) -> Scan<Vec<u8>> {
        let body = &raw[..raw.len() - 1];
        let mut out = Vec::with_capacity(body.len() + BLOCK);
        one_by_one(body, &mut out, copy_to_backslash).map(|()| out)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn strings_are_read_as_serde_json_reads_them(
            body in r#"([ax é]{0,70}|([\\][\\]){0,40}|[\\][nt"/bfr\\]|[\\]u00e[0-9a-f]|[\\]ud83d[\\]ude0[0-9a-f]){0,9}"#,
        ) {
            let raw = format!("\"{body}\"");
            let expected = serde_json::from_str::<String>(&raw).unwrap();
            prop_assert_eq!(by_blocks(raw.as_bytes()).unwrap(), expected.as_bytes());
            prop_assert_eq!(one_by_one_only(raw.as_bytes()).unwrap(), expected.as_bytes());
        }

        #[test]
        fn whatever_comes_both_ways_agree(
            body in r#"([a"x é]{0,70}|[\\]{0,80}|[\\][nu0-9d]{1,6}){0,9}"#,
        ) {
            let raw = format!("\"{body}\"");
            prop_assert_eq!(by_blocks(raw.as_bytes()), one_by_one_only(raw.as_bytes()));
        }
    }

    #[test]
    fn every_place_of_an_escape() {
        for escape in [r"\n", r"\\", r"\u00e9", "\\"] {
            for at in 0..200 {
                for behind in [0, 1, 62, 63, 64, 65, 130] {
                    let raw = format!("\"{}{escape}{}\"", "a".repeat(at), "b".repeat(behind));
                    let raw = raw.as_bytes();
                    assert_eq!(by_blocks(raw), one_by_one_only(raw), "{escape} {at} {behind}");
                }
            }
        }
    }
}
