//! JSON strings: where they end, the text that they encode, and back.
//!
//! Strings are most of any document, and a line of text is an escape. Both ways of reading them
//! therefore go by blocks ([`super::blocks`]), and byte by byte only where something is unusual.

use super::{Scan, blocks, fail};

/// Up to this length strings are scanned without a block.
const SHORT: usize = 33;

/// The index of the first `"`, `\` or control character at or after `from`, or the length.
#[inline]
pub fn find_special(bytes: &[u8], from: usize) -> usize {
    #[cfg(target_arch = "x86_64")]
    {
        find_special_sse2(bytes, from)
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        find_special_portable(bytes, from)
    }
}

#[inline]
pub(super) fn is_special(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte < 0x20
}

/// Eight bytes at a time; exact, because the first special byte decides and borrows only travel
/// upwards from a byte that is special itself.
#[cfg_attr(target_arch = "x86_64", allow(dead_code))]
pub(super) fn find_special_portable(bytes: &[u8], from: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let has_zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut index = from;
    while let Some(chunk) = bytes.get(index..index + 8) {
        let mut eight = [0u8; 8];
        eight.copy_from_slice(chunk);
        let word = u64::from_le_bytes(eight);
        let quotes = has_zero(word ^ (ONES * u64::from(b'"')));
        let slashes = has_zero(word ^ (ONES * u64::from(b'\\')));
        let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let hits = quotes | slashes | controls;
        if hits != 0 {
            return index + (hits.trailing_zeros() / 8) as usize;
        }
        index += 8;
    }
    while index < bytes.len() && !is_special(bytes[index]) {
        index += 1;
    }
    index
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn find_special_sse2(bytes: &[u8], from: usize) -> usize {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128,
        _mm_set1_epi8,
    };
    let mut index = from;
    // SAFETY: SSE2 is part of x86_64; each load reads 16 bytes that the condition keeps inside
    // the slice.
    unsafe {
        let quote = _mm_set1_epi8(b'"' as i8);
        let slash = _mm_set1_epi8(b'\\' as i8);
        let limit = _mm_set1_epi8(0x1f);
        while index + 16 <= bytes.len() {
            let chunk = _mm_loadu_si128(bytes.as_ptr().add(index).cast::<__m128i>());
            let control = _mm_cmpeq_epi8(_mm_min_epu8(chunk, limit), chunk);
            let string = _mm_or_si128(_mm_cmpeq_epi8(chunk, quote), _mm_cmpeq_epi8(chunk, slash));
            let mask = _mm_movemask_epi8(_mm_or_si128(control, string)) as u32;
            if mask != 0 {
                return index + mask.trailing_zeros() as usize;
            }
            index += 16;
        }
    }
    while index < bytes.len() && !is_special(bytes[index]) {
        index += 1;
    }
    index
}

/// Scans a string whose opening quote is at `at`; returns the index after the closing quote and
/// whether it contains escapes.
#[inline]
pub fn skip_string(bytes: &[u8], at: usize) -> Scan<(usize, bool)> {
    debug_assert_eq!(bytes.get(at), Some(&b'"'));
    // Keys and ids are short, and end in the first sixteen bytes or soon after.
    let first = find_special(&bytes[..bytes.len().min(at + SHORT)], at + 1);
    if bytes.get(first) == Some(&b'"') {
        return Ok((first + 1, false));
    }
    match blocks::string_end(bytes, at + 1) {
        Some(end) => Ok(end),
        None => skip_string_bytewise(bytes, at),
    }
}

/// As [`skip_string`], from one special byte to the next; says what is wrong with a string.
pub(super) fn skip_string_bytewise(bytes: &[u8], at: usize) -> Scan<(usize, bool)> {
    let mut index = at + 1;
    let mut escaped = false;
    loop {
        index = find_special(bytes, index);
        match bytes.get(index) {
            Some(b'"') => return Ok((index + 1, escaped)),
            Some(b'\\') => {
                escaped = true;
                index = skip_escape(bytes, index)?;
            }
            Some(_) => return fail(index, "no unescaped control character inside a string"),
            None => return fail(index, "the end of a string"),
        }
    }
}

#[inline]
pub(super) fn skip_escape(bytes: &[u8], at: usize) -> Scan<usize> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => {
            hex4(bytes, at + 2)?;
            Ok(at + 6)
        }
        _ => fail(at, "a valid escape"),
    }
}

pub(super) fn hex4(bytes: &[u8], at: usize) -> Scan<u32> {
    let Some(digits) = bytes.get(at..at + 4) else {
        return fail(at, "four hexadecimal digits");
    };
    digits.iter().try_fold(0, |value, &digit| match (digit as char).to_digit(16) {
        Some(nibble) => Ok(value << 4 | nibble),
        None => fail(at, "four hexadecimal digits"),
    })
}

/// Appends `text` as a JSON string with its quotes; escapes only what JSON demands.
pub fn escape(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut index = 0;
    loop {
        let run = find_special(text, index);
        out.extend_from_slice(&text[index..run]);
        let Some(&byte) = text.get(run) else { break };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
        }
        index = run + 1;
    }
    out.push(b'"');
}
