//! The text of one document and its code-point arithmetic: the only place that counts.
//!
//! Taggers report offsets in Unicode code points, half-open, as Python slices; Rust slices by
//! bytes. [`Text`] carries both and shares what several kernels need (length, ASCII-ness, words,
//! lines), computed at most once per document.

/// The text of one document.
pub struct Text<'a> {
    text: &'a str,
    chars: usize,
}

impl<'a> Text<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, chars: count_chars(text.as_bytes()) }
    }

    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// Length in code points.
    pub fn chars(&self) -> usize {
        self.chars
    }

    /// Whether byte offsets and code-point offsets are the same numbers.
    pub fn is_ascii(&self) -> bool {
        self.chars == self.text.len()
    }
}

/// Code points in valid UTF-8: the bytes that are not continuation bytes.
pub fn count_chars(utf8: &[u8]) -> usize {
    utf8.iter().filter(|&&byte| (byte as i8) >= -0x40).count()
}
