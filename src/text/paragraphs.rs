//! The paragraphs of a text, with their places in bytes and in code points.
//!
//! A paragraph is a line with its newline that is not blank. Lines are short: where they end, whether
//! anything is printed on them and how many code points precede them is therefore read from the masks
//! of blocks of 64 bytes, each looked at once, rather than by three walks over every line.

use std::ops::Range;

use super::masks::{BATCH, Block, LineMasks, line_masks};
use super::unicode;

/// A paragraph of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paragraph {
    pub bytes: Range<usize>,
    /// The same place in code points.
    pub chars: Range<usize>,
}

/// See [`super::Text::paragraphs`].
pub struct Paragraphs<'a> {
    text: &'a str,
    /// Code points in the text.
    chars: usize,
    /// Where the current line starts, in bytes and in code points; none behind the last one.
    start: Option<(usize, usize)>,
    /// Where the current block starts, in bytes and in code points.
    block: usize,
    block_chars: usize,
    /// Of the current block; `newlines` and `ink` less what belongs to earlier lines.
    current: LineMasks,
    /// Of the batch that the current block is in.
    batch: [LineMasks; BATCH],
}

/// A line with its newline.
struct Line {
    place: Paragraph,
    /// Whether there is ASCII on it that is no white space.
    inked: bool,
}

impl<'a> Paragraphs<'a> {
    pub(super) fn new(text: &'a str, chars: usize) -> Self {
        let current = LineMasks::default();
        let batch = [current; BATCH];
        let mut new =
            Self { text, chars, start: Some((0, 0)), block: 0, block_chars: 0, current, batch };
        new.look();
        new
    }

    /// Takes the masks of the current block, which is not behind the text unless that is empty.
    #[inline]
    fn look(&mut self) {
        let index = self.block / size_of::<Block>() % BATCH;
        if index == 0 {
            self.look_ahead();
        }
        self.current = self.batch[index];
    }

    /// Makes the masks of the batch that starts with the current block.
    fn look_ahead(&mut self) {
        let (blocks, tail) = self.text.as_bytes()[self.block..].as_chunks();
        let blocks = &blocks[..blocks.len().min(BATCH)];
        line_masks(blocks, &mut self.batch);
        if blocks.len() < BATCH {
            let mut last: Block = [0; 64];
            last[..tail.len()].copy_from_slice(tail);
            let mut masks = [LineMasks::default(); BATCH];
            line_masks(&[last], &mut masks);
            self.batch[blocks.len()] = masks[0];
        }
    }

    #[inline]
    fn line(&mut self) -> Option<Line> {
        let (start, start_char) = self.start?;
        let mut inked = false;
        while self.current.newlines == 0 {
            inked |= self.current.ink != 0;
            self.block += size_of::<Block>();
            if self.block >= self.text.len() {
                self.start = None;
                let place =
                    Paragraph { bytes: start..self.text.len(), chars: start_char..self.chars };
                return Some(Line { place, inked });
            }
            self.block_chars += self.current.starts.count_ones() as usize;
            self.look();
        }
        let LineMasks { newlines, ink, starts } = self.current;
        // The bits up to the newline.
        let upto = newlines ^ (newlines - 1);
        inked |= ink & upto != 0;
        self.current.newlines = newlines & !upto;
        self.current.ink = ink & !upto;
        let end = self.block + upto.count_ones() as usize;
        let end_char = self.block_chars + (starts & upto).count_ones() as usize;
        self.start = Some((end, end_char));
        let place = Paragraph { bytes: start..end, chars: start_char..end_char };
        Some(Line { place, inked })
    }
}

impl Iterator for Paragraphs<'_> {
    type Item = Paragraph;

    #[inline]
    fn next(&mut self) -> Option<Paragraph> {
        loop {
            let Line { place, inked } = self.line()?;
            if inked || !unicode::is_blank(&self.text[place.bytes.clone()]) {
                return Some(place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Text;
    use proptest::prelude::*;

    fn naive(text: &str) -> Vec<Paragraph> {
        let (mut byte, mut char, mut all) = (0, 0, Vec::new());
        for line in text.split_inclusive('\n') {
            let (end, end_char) = (byte + line.len(), char + line.chars().count());
            if !line.chars().all(unicode::is_space) {
                all.push(Paragraph { bytes: byte..end, chars: char..end_char });
            }
            (byte, char) = (end, end_char);
        }
        all
    }

    fn paragraphs(text: &str) -> Vec<Paragraph> {
        Text::new(text).paragraphs().collect()
    }

    #[test]
    fn they_carry_their_newline_and_are_not_blank() {
        let bytes = |text: &str| paragraphs(text).into_iter().map(|p| p.bytes).collect::<Vec<_>>();
        assert!(bytes("").is_empty());
        assert!(bytes("\n \u{a0}\n").is_empty());
        assert_eq!(bytes("a\n\n b\n\u{2003}\nc"), [0..2, 3..6, 10..11]);
    }

    #[test]
    fn every_place_of_a_newline_in_a_block() {
        for length in 0..140 {
            for text in ["a", "é", " ", "\u{3000}", "\x7f"].map(|c| c.repeat(length)) {
                for text in [text.clone(), format!("{text}\n"), format!("{text}\n{text}b")] {
                    assert_eq!(paragraphs(&text), naive(&text), "{length} {text:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn they_agree_with_a_naive_walk(
            text in r"([aé字😀 \n\u{a0}\u{3000}\x1c!~\x7f]{0,30}|\n{0,70}| {0,70}|[a-z]{0,140}){0,12}",
        ) {
            prop_assert_eq!(paragraphs(&text), naive(&text));
        }
    }
}
