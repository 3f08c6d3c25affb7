//! The lines of a text, found in blocks of 64 bytes.
//!
//! Lines of a text are short, often shorter than a block: a search that starts anew behind each
//! newline costs more than the masks of all blocks, whose bits are taken one after the other.

use std::ops::Range;

use super::masks::{Block, newlines};

/// See [`super::Text::lines`].
#[derive(Debug)]
pub struct Lines<'a> {
    text: &'a [u8],
    /// Where the current line starts; none behind the last one.
    start: Option<usize>,
    /// Where the current block starts, and its newlines that are still to come.
    block: usize,
    newlines: u64,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, start: Some(0), block: 0, newlines: mask(text, 0) }
    }
}

/// The newlines of the block at `at`, which may reach beyond the text.
#[inline]
fn mask(text: &[u8], at: usize) -> u64 {
    let rest = &text[at..];
    match rest.first_chunk() {
        Some(block) => newlines(block),
        None => {
            let mut block: Block = [0; 64];
            block[..rest.len()].copy_from_slice(rest);
            newlines(&block)
        }
    }
}

impl Iterator for Lines<'_> {
    type Item = Range<usize>;

    #[inline]
    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.start?;
        while self.newlines == 0 {
            self.block += size_of::<Block>();
            if self.block >= self.text.len() {
                self.start = None;
                return Some(start..self.text.len());
            }
            self.newlines = mask(self.text, self.block);
        }
        let end = self.block + self.newlines.trailing_zeros() as usize;
        self.newlines &= self.newlines - 1;
        self.start = Some(end + 1);
        Some(start..end)
    }
}
