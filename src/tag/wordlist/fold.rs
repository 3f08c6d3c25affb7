//! Text in the form in which a word list is searched: lower case, single spaces, and the way back.

use crate::tag::pii::Position;
use crate::tag::pii::blocks::{BLOCK, count_words, is_ascii, space_mask};
use crate::tag::pii::chars::{forth, previous, space_len};
use std::sync::LazyLock;

/// Lower case below U+0590: Latin, Greek, Cyrillic, Armenian.
static LOWER: LazyLock<Vec<char>> =
    LazyLock::new(|| ('\0'..'\u{590}').map(lower_by_table_of_std).collect());

/// One character in lower case, as one character: of `İ` only the `i` stays, not its separate
/// dot, and the final sigma is a sigma, so that both sides of a comparison agree.
fn lower_by_table_of_std(c: char) -> char {
    match c {
        'ς' => 'σ',
        _ => c.to_lowercase().next().unwrap_or(c),
    }
}

fn lower(c: char) -> char {
    match u32::from(c) {
        low @ 0..0x590 => LOWER[low as usize],
        // No case from Hebrew to Burmese, nor in Han, kana and Hangul.
        0x590..0x10A0 | 0x2E80..0xA640 | 0xAC00..0xD800 => c,
        _ => lower_by_table_of_std(c),
    }
}

/// A word or phrase of the list as it is searched for; empty if there is nothing to search for.
pub fn pattern(word: &str) -> Vec<u8> {
    let mut folded = Folded::default();
    folded.read(word);
    let end = folded.text.trim_ascii_end().len();
    folded.text.truncate(end);
    folded.text.trim_ascii_start().to_vec()
}

/// Whether no letter, digit or `_` touches either end.
pub fn is_whole(text: &[u8], start: usize, end: usize) -> bool {
    let joins = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
    let joins_wide = |utf8: &[u8]| {
        // At most one character: the others are cut off at its boundary.
        let text = std::str::from_utf8(utf8).unwrap_or_default();
        text.chars().next().is_some_and(char::is_alphanumeric)
    };
    let left = match text[..start].last() {
        Some(byte) if byte.is_ascii() => joins(*byte),
        Some(_) => joins_wide(&text[previous(text, start)..start]),
        None => false,
    };
    !left
        && match text.get(end) {
            Some(byte) if byte.is_ascii() => !joins(*byte),
            Some(_) => !joins_wide(&text[end..forth(text, end, 1)]),
            None => true,
        }
}

/// A text in lower case with single spaces. Reused from text to text.
#[derive(Default)]
pub struct Folded {
    text: Vec<u8>,
    /// Where offsets shift: from this byte of the folded text on, this byte of the original.
    shifts: Vec<(usize, usize)>,
    words: usize,
}

impl Folded {
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// White-space separated words of the text.
    pub fn words(&self) -> usize {
        self.words
    }

    pub fn read(&mut self, original: &str) {
        let bytes = original.as_bytes();
        self.text.clear();
        self.text.reserve(bytes.len());
        self.shifts.clear();
        self.words = count_words(bytes);
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at..].first_chunk() {
                Some(block) if is_ascii(block) => {
                    self.read_ascii(block, at);
                    at += BLOCK;
                }
                _ => {
                    let stop = (at + BLOCK).min(bytes.len());
                    while at < stop {
                        at = self.read_one(original, at);
                    }
                }
            }
        }
    }

    /// Takes an ASCII block, which begins at `base`, without white space behind white space.
    fn read_ascii(&mut self, block: &[u8; BLOCK], base: usize) {
        let folded = block.map(fold_ascii);
        let space = space_mask(block);
        let mut dropped = space & (space << 1 | u64::from(self.text.last() == Some(&b' ')));
        let mut kept = 0;
        while dropped != 0 {
            let start = dropped.trailing_zeros() as usize;
            let end = start + (!(dropped >> start)).trailing_zeros() as usize;
            self.text.extend_from_slice(&folded[kept..start]);
            self.shifts.push((self.text.len(), base + end));
            kept = end;
            dropped &= u64::MAX.checked_shl(end as u32).unwrap_or(0);
        }
        self.text.extend_from_slice(&folded[kept..]);
    }

    /// Takes the character or the run of white space at `at`; returns what follows it.
    fn read_one(&mut self, original: &str, at: usize) -> usize {
        let bytes = original.as_bytes();
        let mut end = at;
        loop {
            match space_len(bytes, end) {
                0 => break,
                width => end += width,
            }
        }
        let length = self.text.len();
        if end > at {
            // A block may have ended with the first of the run.
            if self.text.last() != Some(&b' ') {
                self.text.push(b' ');
            }
        } else if bytes[at].is_ascii() {
            self.text.push(bytes[at].to_ascii_lowercase());
            return at + 1;
        } else if let Some(c) = original[at..].chars().next() {
            let mut utf8 = [0; 4];
            self.text.extend_from_slice(lower(c).encode_utf8(&mut utf8).as_bytes());
            end = at + c.len_utf8();
        }
        if self.text.len() - length != end - at {
            self.shifts.push((self.text.len(), end));
        }
        end
    }

    /// Maps offsets of the folded text, in ascending order, to code points of the original.
    pub fn positions<'a>(&'a self, original: &'a str, ascii: bool) -> Positions<'a> {
        let position = Position::new(original.as_bytes(), ascii);
        Positions { shifts: &self.shifts, folded: 0, original: 0, position }
    }
}

/// Comparisons instead of a table: these become vector code.
fn fold_ascii(byte: u8) -> u8 {
    let space = (byte.wrapping_sub(0x09) < 5) | (byte.wrapping_sub(0x1C) < 5);
    if space { b' ' } else { byte.to_ascii_lowercase() }
}

pub struct Positions<'a> {
    /// The shifts that are still ahead.
    shifts: &'a [(usize, usize)],
    folded: usize,
    original: usize,
    position: Position<'a>,
}

impl Positions<'_> {
    pub fn of(&mut self, offset: usize) -> usize {
        while let Some((&(folded, original), rest)) = self.shifts.split_first()
            && folded <= offset
        {
            (self.folded, self.original, self.shifts) = (folded, original, rest);
        }
        self.position.of(self.original + (offset - self.folded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lower_case_is_that_of_std() {
        for c in '\0'..=char::MAX {
            assert_eq!(lower(c), lower_by_table_of_std(c), "{c:?}");
        }
    }

    #[test]
    fn patterns_are_trimmed_and_folded() {
        assert_eq!(pattern("  Very\u{a0}\n BAD "), b"very bad");
        assert_eq!(pattern(" \n"), b"");
        assert_eq!(pattern("ΟΔΟΣ"), pattern("οδος"));
    }

    proptest! {
        #[test]
        fn folding_maps_back(text in "[aB Z  \n\u{a0}\u{3000}éİẞςЖ日\u{1c}ȺK_]{0,200}") {
            let mut folded = Folded::default();
            folded.read(&text);
            let space = |c: char| c.is_whitespace() || c == '\u{1c}';
            let mut expected = String::new();
            let mut origins = Vec::new();
            for (index, c) in text.chars().enumerate() {
                if space(c) && expected.ends_with(' ') {
                    continue;
                }
                origins.push((expected.len(), index));
                expected.push(if space(c) { ' ' } else { lower_by_table_of_std(c) });
            }
            prop_assert_eq!(folded.as_bytes(), expected.as_bytes());
            prop_assert_eq!(folded.words(), expected.split(' ').filter(|w| !w.is_empty()).count());
            let mut positions = folded.positions(&text, text.is_ascii());
            for (offset, index) in origins {
                // A run of white space starts where it does; what follows it is exact.
                prop_assert_eq!(positions.of(offset), index);
            }
        }
    }
}
