//! Raw JSON: validating scans over bytes, and the few conversions that records need.
//!
//! Records stay bytes: a line is scanned once, values that nobody asked for are only checked and
//! carried on as they came. Nothing here allocates except the conversions into a caller's buffer.
//! Input is UTF-8 that was validated by the reader of the batch.

mod blocks;
mod measure;
mod numbers;
mod strings;
mod unescape;

pub use measure::measure;
pub use numbers::{Digits, write_int, write_score, write_span};
pub use strings::{escape, find_special, skip_string};
pub use unescape::unescape;

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

#[cfg(test)]
mod tests;
