//! Raw JSON: validating scans over bytes, and the few conversions that records need.
//!
//! Records stay bytes: a line is scanned once, values that nobody asked for are only checked and
//! carried on as they came. Nothing here allocates except the conversions into a caller's buffer.
//! Input is UTF-8 that was validated by the reader of the batch.

use std::fmt;

/// Nesting deeper than this is refused; both ends of the toolkit would otherwise need a stack
/// as deep as the input asks for.
pub const MAX_DEPTH: usize = 512;

/// Where and why bytes are not JSON; `at` is a byte offset into the scanned slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonError {
    pub at: usize,
    pub expected: &'static str,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid JSON at byte {}: expected {}", self.at, self.expected)
    }
}

type Scan<T> = std::result::Result<T, JsonError>;

fn fail<T>(at: usize, expected: &'static str) -> Scan<T> {
    Err(JsonError { at, expected })
}

/// The index of the first byte at or after `from` that is not JSON white space.
#[inline]
pub fn skip_space(bytes: &[u8], mut from: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(from) {
        from += 1;
    }
    from
}

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
fn is_special(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte < 0x20
}

/// Eight bytes at a time; exact, because the first special byte decides and borrows only travel
/// upwards from a byte that is special itself.
#[cfg_attr(target_arch = "x86_64", allow(dead_code))]
fn find_special_portable(bytes: &[u8], from: usize) -> usize {
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
fn skip_escape(bytes: &[u8], at: usize) -> Scan<usize> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => {
            hex4(bytes, at + 2)?;
            Ok(at + 6)
        }
        _ => fail(at, "a valid escape"),
    }
}

fn hex4(bytes: &[u8], at: usize) -> Scan<u32> {
    let Some(digits) = bytes.get(at..at + 4) else {
        return fail(at, "four hexadecimal digits");
    };
    digits.iter().try_fold(0, |value, &digit| match (digit as char).to_digit(16) {
        Some(nibble) => Ok(value << 4 | nibble),
        None => fail(at, "four hexadecimal digits"),
    })
}

/// Scans a number at `at` by the grammar of RFC 8259; returns the index after it.
pub fn skip_number(bytes: &[u8], at: usize) -> Scan<usize> {
    let digits = |mut index: usize| {
        while bytes.get(index).is_some_and(u8::is_ascii_digit) {
            index += 1;
        }
        index
    };
    let start = at + usize::from(bytes.get(at) == Some(&b'-'));
    let mut index = digits(start);
    if index == start {
        return fail(at, "a value");
    }
    if index > start + 1 && bytes[start] == b'0' {
        return fail(start, "a number without leading zeros");
    }
    if bytes.get(index) == Some(&b'.') {
        let fraction = digits(index + 1);
        if fraction == index + 1 {
            return fail(fraction, "a digit after the decimal point");
        }
        index = fraction;
    }
    if let Some(b'e' | b'E') = bytes.get(index) {
        let sign = index + 1;
        let from = sign + usize::from(matches!(bytes.get(sign), Some(b'+' | b'-')));
        let exponent = digits(from);
        if exponent == from {
            return fail(exponent, "a digit in the exponent");
        }
        index = exponent;
    }
    Ok(index)
}

/// Scans any value at `at` (white space before it is not skipped); returns the index after it.
pub fn skip_value(bytes: &[u8], at: usize) -> Scan<usize> {
    match bytes.get(at) {
        Some(b'"') => Ok(skip_string(bytes, at)?.0),
        Some(b'{' | b'[') => skip_nested(bytes, at),
        Some(b't') => literal(bytes, at, b"true"),
        Some(b'f') => literal(bytes, at, b"false"),
        Some(b'n') => literal(bytes, at, b"null"),
        Some(_) => skip_number(bytes, at),
        None => fail(at, "a value"),
    }
}

fn literal(bytes: &[u8], at: usize, word: &'static [u8]) -> Scan<usize> {
    if bytes[at..].starts_with(word) { Ok(at + word.len()) } else { fail(at, "a value") }
}

/// Scans an object or array iteratively, so that hostile nesting meets [`MAX_DEPTH`] and not the
/// end of the stack.
fn skip_nested(bytes: &[u8], at: usize) -> Scan<usize> {
    let mut closers = [0u8; MAX_DEPTH];
    let mut depth = 0;
    let mut index = at;
    loop {
        // At a value.
        match bytes.get(index) {
            Some(open @ (b'{' | b'[')) => {
                if depth == MAX_DEPTH {
                    return fail(index, "nesting of at most 512 levels");
                }
                let close = open + 2; // In ASCII `}` and `]` follow their openers by two.
                closers[depth] = close;
                depth += 1;
                index = skip_space(bytes, index + 1);
                if bytes.get(index) != Some(&close) {
                    if close == b'}' {
                        index = skip_key(bytes, index)?.1;
                    }
                    continue;
                }
                depth -= 1;
                index += 1;
            }
            _ => index = skip_value(bytes, index)?,
        }
        // After a value: close what ends here, or go on to the next one.
        loop {
            if depth == 0 {
                return Ok(index);
            }
            index = skip_space(bytes, index);
            let close = closers[depth - 1];
            match bytes.get(index) {
                Some(b',') => {
                    index = skip_space(bytes, index + 1);
                    if close == b'}' {
                        index = skip_key(bytes, index)?.1;
                    }
                    break;
                }
                Some(&byte) if byte == close => {
                    depth -= 1;
                    index += 1;
                }
                _ => return fail(index, if close == b'}' { "',' or '}'" } else { "',' or ']'" }),
            }
        }
    }
}

/// Scans `"key" :` and the space around; returns the indices after the key's closing quote and
/// of the value.
#[inline]
fn skip_key(bytes: &[u8], at: usize) -> Scan<(usize, usize)> {
    if bytes.get(at) != Some(&b'"') {
        return fail(at, "a key in double quotes");
    }
    let key_end = skip_string(bytes, at)?.0;
    let colon = skip_space(bytes, key_end);
    if bytes.get(colon) != Some(&b':') {
        return fail(colon, "':' after a key");
    }
    Ok((key_end, skip_space(bytes, colon + 1)))
}

/// Calls `field(raw key without quotes, raw value)` for every field of the object that `bytes`
/// holds, in order; nothing but white space may surround it.
pub fn object<'a>(bytes: &'a [u8], mut field: impl FnMut(&'a [u8], &'a [u8])) -> Scan<()> {
    let mut index = skip_space(bytes, 0);
    if bytes.get(index) != Some(&b'{') {
        return fail(index, "an object");
    }
    index = skip_space(bytes, index + 1);
    if bytes.get(index) == Some(&b'}') {
        index += 1;
    } else {
        loop {
            let (key_end, value_start) = skip_key(bytes, index)?;
            let value_end = skip_value(bytes, value_start)?;
            field(&bytes[index + 1..key_end - 1], &bytes[value_start..value_end]);
            index = skip_space(bytes, value_end);
            match bytes.get(index) {
                Some(b',') => index = skip_space(bytes, index + 1),
                Some(b'}') => {
                    index += 1;
                    break;
                }
                _ => return fail(index, "',' or '}'"),
            }
        }
    }
    index = skip_space(bytes, index);
    if index == bytes.len() { Ok(()) } else { fail(index, "the end of the line") }
}

/// Appends the text of the JSON string `raw` (with its quotes) to `out`.
///
/// # Errors
/// When an escape names half of a surrogate pair: such a string has no UTF-8 form.
pub fn unescape(raw: &[u8], out: &mut Vec<u8>) -> Scan<()> {
    let body = &raw[..raw.len().saturating_sub(1)];
    // Text is never longer than its escaped form; 16 more for copying whole blocks.
    out.reserve(body.len() + 16);
    let mut index = 1;
    while index < body.len() {
        let run = copy_to_backslash(body, index, out);
        if run == body.len() {
            break;
        }
        index = run + 2;
        match body.get(run + 1) {
            Some(b'n') => out.push(b'\n'),
            Some(b't') => out.push(b'\t'),
            Some(b'r') => out.push(b'\r'),
            Some(b'b') => out.push(0x08),
            Some(b'f') => out.push(0x0c),
            Some(b'u') => index = unescape_unicode(body, run, out)?,
            Some(&other) => out.push(other),
            None => return fail(run, "a valid escape"),
        }
    }
    Ok(())
}

/// Appends `body` from `from` up to the next backslash, or the end, to `out`; returns where that is.
///
/// Runs between escapes are a line of text long: too short for a search and a copy of their own.
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

fn unescape_unicode(body: &[u8], at: usize, out: &mut Vec<u8>) -> Scan<usize> {
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
        Some(character) => {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            Ok(next)
        }
        None => fail(at, LONE),
    }
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

/// Appends an integer.
pub fn write_int(value: u64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value;
    // Two digits for each division: offsets have four or five of them.
    while rest >= 10 {
        let pair = (rest % 100) as u8;
        rest /= 100;
        at -= 2;
        digits[at] = b'0' + pair / 10;
        digits[at + 1] = b'0' + pair % 10;
    }
    if rest > 0 || at == digits.len() {
        at -= 1;
        digits[at] = b'0' + rest as u8;
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a score as Python's `round(score, 5)` prints it: at most five decimals, at least one,
/// so that it reads back as a float.
pub fn write_score(score: f64, out: &mut Vec<u8>) {
    if score == 1.0 {
        // Most spans only say that something is there.
        out.extend_from_slice(b"1.0");
        return;
    }
    let scaled = score * 1e5;
    let nearest = scaled.round();
    // Within 2^53 the product is off by less than one part in 2^52; away from a tie the nearest
    // integer is therefore the digits of the exactly rounded result.
    if scaled.abs() < 1e11 && ((scaled - nearest).abs() - 0.5).abs() > 1e-4 {
        let negative = score.is_sign_negative();
        let units = nearest.abs() as u64;
        if negative {
            out.push(b'-');
        }
        write_int(units / 100_000, out);
        out.push(b'.');
        let mut fraction = units % 100_000;
        let mut width = 10_000;
        loop {
            out.push(b'0' + (fraction / width) as u8);
            fraction %= width;
            width /= 10;
            if fraction == 0 || width == 0 {
                break;
            }
        }
    } else {
        // `{:.5}` rounds the exact binary value, half to even, as Python does.
        let rounded: f64 = format!("{score:.5}").parse().unwrap_or(score);
        let digits = format!("{rounded}");
        out.extend_from_slice(digits.as_bytes());
        if !digits.contains('.') {
            out.extend_from_slice(b".0");
        }
    }
}

#[cfg(test)]
mod tests;
