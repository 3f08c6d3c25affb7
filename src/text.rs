//! The text of one document and its code-point arithmetic: the only place that counts.
//!
//! Taggers report offsets in Unicode code points, half-open, as Python slices; Rust slices by
//! bytes. [`Text`] carries both and shares what several kernels need (length, ASCII-ness, words,
//! lines), computed at most once per document. A thread keeps one [`TextBuffers`], so that the
//! next document's words go where the last one's were.

pub(crate) mod index;
mod lines;
mod masks;
mod numbered;
mod paragraphs;
mod segments;
mod sentences;
mod tables;
pub mod unicode;
pub(crate) mod vocabulary;
mod words;

pub use lines::Lines;
pub use numbered::Numbered;
pub use paragraphs::{Paragraph, Paragraphs};
pub use segments::segments;
pub use sentences::{Sentences, sentences};
pub use words::{Words, count_bits, token_starts};

use std::cell::{Cell, OnceCell};
use std::ops::Range;

/// Memory that a thread lends to one [`Text`] after the other.
#[derive(Default)]
pub struct TextBuffers {
    edges: Cell<Vec<u64>>,
    numbered: Cell<Option<Box<Numbered>>>,
}

impl TextBuffers {
    /// Buffers above this size (the map of a text of 64 MiB) go back to the allocator.
    const KEPT: usize = 1 << 20;

    fn put(&self, edges: Vec<u64>) {
        if edges.capacity() <= Self::KEPT {
            self.edges.set(edges);
        }
    }
}

/// The text of one document.
pub struct Text<'a> {
    text: &'a str,
    chars: usize,
    edges: OnceCell<Vec<u64>>,
    numbered: OnceCell<Box<Numbered>>,
    buffers: Option<&'a TextBuffers>,
}

impl<'a> Text<'a> {
    /// A text that allocates what it computes.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            chars: count_chars(text.as_bytes()),
            edges: OnceCell::new(),
            numbered: OnceCell::new(),
            buffers: None,
        }
    }

    /// A text that borrows the thread's buffers and returns them when it is dropped.
    pub fn with_buffers(text: &'a str, buffers: &'a TextBuffers) -> Self {
        let mut text = Self::new(text);
        text.buffers = Some(buffers);
        text
    }

    /// A text of which only the length is known; as a string it is empty. For kernels that read no more.
    pub fn of_length(chars: usize) -> Self {
        let mut text = Self::new("");
        text.chars = chars;
        text
    }

    pub fn as_str(&self) -> &'a str {
        self.text
    }

    pub fn as_bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// Length in code points.
    pub fn chars(&self) -> usize {
        self.chars
    }

    /// Whether byte offsets and code-point offsets are the same numbers.
    pub fn is_ascii(&self) -> bool {
        self.chars == self.text.len()
    }

    /// The code points of a byte range.
    #[inline]
    pub fn chars_in(&self, bytes: Range<usize>) -> usize {
        if self.is_ascii() { bytes.len() } else { count_chars(&self.as_bytes()[bytes]) }
    }

    /// A converter of byte offsets to code points that only walks forward.
    pub fn cursor(&self) -> Cursor<'a> {
        Cursor { bytes: self.as_bytes(), ascii: self.is_ascii(), byte: 0, char: 0 }
    }

    fn edges(&self) -> &[u64] {
        self.edges.get_or_init(|| {
            let mut edges = self.buffers.map(|buffers| buffers.edges.take()).unwrap_or_default();
            words::edges(self.text, &mut edges);
            edges
        })
    }

    /// The byte ranges of the words: what Python's `str.split()` returns.
    pub fn words(&self) -> Words<'_> {
        Words::new(self.edges())
    }

    /// The number of words in a whole line, given by its byte range without the newline.
    #[inline]
    pub fn words_in_line(&self, line: Range<usize>) -> usize {
        // The edge after the last word is on the newline, or just after the text.
        count_bits(self.edges(), line.start..line.end + 1) / 2
    }

    /// The number of words.
    pub fn word_count(&self) -> usize {
        self.edges().iter().map(|bits| bits.count_ones() as usize).sum::<usize>() / 2
    }

    /// The words as numbers, equal ones alike.
    pub fn numbered(&self) -> &Numbered {
        self.numbered.get_or_init(|| {
            let kept = self.buffers.and_then(|buffers| buffers.numbered.take());
            let mut numbered = kept.unwrap_or_default();
            numbered.read(self);
            numbered
        })
    }

    /// The byte ranges of the lines without their newlines: what `str.split("\n")` returns, so
    /// one more than there are newlines.
    pub fn lines(&self) -> Lines<'a> {
        Lines::new(self.as_bytes())
    }

    /// The paragraphs: lines with their newlines, less those that are blank.
    pub fn paragraphs(&self) -> Paragraphs<'a> {
        Paragraphs::new(self.text, self.chars)
    }
}

impl Drop for Text<'_> {
    fn drop(&mut self) {
        if let (Some(buffers), Some(edges)) = (self.buffers, self.edges.take()) {
            buffers.put(edges);
        }
        if let (Some(buffers), Some(numbered)) = (self.buffers, self.numbered.take()) {
            buffers.numbered.set(Some(numbered));
        }
    }
}

/// See [`Text::cursor`].
#[derive(Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    ascii: bool,
    byte: usize,
    char: usize,
}

impl Cursor<'_> {
    /// The code point at byte offset `byte`, which must not lie before the last one asked for.
    #[inline]
    pub fn at(&mut self, byte: usize) -> usize {
        if self.ascii {
            return byte;
        }
        debug_assert!(byte >= self.byte, "a cursor walks forward");
        self.char += count_chars(&self.bytes[self.byte..byte]);
        self.byte = byte;
        self.char
    }
}

/// Code points in valid UTF-8: the bytes that are not continuation bytes.
#[inline]
pub fn count_chars(utf8: &[u8]) -> usize {
    let (blocks, rest) = utf8.as_chunks::<64>();
    let mut count = if blocks.is_empty() { 0 } else { masks::count_chars(blocks) };
    let (words, tail) = rest.as_chunks::<8>();
    count += rest.len();
    // At most eight words: no byte of their sum overflows.
    let mut inner: u64 = words.iter().map(|&word| continuations(u64::from_le_bytes(word))).sum();
    match utf8.last_chunk() {
        // The last eight bytes less those that are counted.
        Some(last) if !tail.is_empty() => {
            inner += continuations(u64::from_le_bytes(*last) >> (64 - 8 * tail.len()));
        }
        Some(_) => {}
        None => count -= tail.iter().filter(|&&byte| (byte as i8) < -0x40).count(),
    }
    // The product sums all bytes in the top one.
    count - (inner.wrapping_mul(0x0101_0101_0101_0101) >> 56) as usize
}

/// The continuation bytes of a word, as a 1 in the byte of each.
#[inline]
fn continuations(word: u64) -> u64 {
    // Bit 0 of each byte: whether it is 10xxxxxx.
    word >> 7 & !word >> 6 & 0x0101_0101_0101_0101
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_one_more_than_newlines() {
        let lines = |text: &str| Text::new(text).lines().collect::<Vec<_>>();
        assert_eq!(Text::new("").lines().next(), Some(0..0));
        assert_eq!(Text::new("").lines().count(), 1);
        assert_eq!(lines("\n"), [0..0, 1..1]);
        assert_eq!(lines("ab\n\r\nc"), [0..2, 3..4, 5..6]);
    }

    #[test]
    fn buffers_come_back_and_are_used_again() {
        let buffers = TextBuffers::default();
        for (text, words) in [("a b c", 3), ("", 0), ("d", 1)] {
            let text = Text::with_buffers(text, &buffers);
            assert_eq!(text.words().count(), words);
            assert_eq!(text.word_count(), words);
        }
        assert!(buffers.edges.take().capacity() > 0);
    }

    #[test]
    fn hostile_sizes_take_linear_time() {
        for text in ["😀".repeat(10_000_000), "\n".repeat(10_000_000), "x".repeat(50_000_000)] {
            let text = Text::new(&text);
            let chars = text.lines().map(|line| text.chars_in(line)).sum::<usize>();
            assert_eq!(chars + text.lines().count() - 1, text.chars());
            assert!(text.words().count() <= 1);
            assert!(text.paragraphs().count() <= 1);
        }
    }

    proptest! {
        #[test]
        fn counting_agrees_with_the_standard_library(
            text in r"[aé字😀 \n\u{3000}]{0,12000}", cuts in prop::collection::vec(0usize..30000, 3)
        ) {
            prop_assert_eq!(count_chars(text.as_bytes()), text.chars().count());
            let shared = Text::new(&text);
            prop_assert_eq!(shared.is_ascii(), text.is_ascii());
            let mut cuts: Vec<usize> =
                cuts.into_iter().filter(|&cut| text.is_char_boundary(cut)).collect();
            cuts.sort_unstable();
            let mut cursor = shared.cursor();
            for cut in cuts {
                prop_assert_eq!(cursor.at(cut), text[..cut].chars().count());
            }
            for line in shared.lines() {
                let words = text[line.clone()].split(unicode::is_space).filter(|w| !w.is_empty());
                prop_assert_eq!(shared.words_in_line(line.clone()), words.count());
                prop_assert_eq!(shared.chars_in(line.clone()), text[line].chars().count());
            }
        }
    }
}
