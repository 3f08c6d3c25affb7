//! Lines of a document: how they begin and end, and which occur more than once.

use crate::text::Text;
use crate::text::index::Index;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// Counts of lines and of the code points in them.
#[derive(Debug, Default, PartialEq)]
pub(super) struct LineCounts {
    pub lines: usize,
    pub bullets: usize,
    pub ellipses: usize,
    /// Lines that occur more than once, each occurrence counted.
    pub duplicates: usize,
    pub duplicate_chars: usize,
}

#[derive(Clone, Default)]
struct Line {
    start: u32,
    len: u32,
    count: u32,
}

#[derive(Default)]
pub(super) struct Lines {
    index: Index,
    /// By number; number 0 is the empty line, which is counted apart.
    lines: Vec<Line>,
}

impl Lines {
    /// Counts the lines; with `skip_empty`, runs of newlines separate lines as one would.
    ///
    /// Then there still is an empty first or last line where the text begins or ends with a
    /// newline, as when a text is split by the pattern `\n+`.
    pub(super) fn count(&mut self, text: &Text<'_>, skip_empty: bool) -> LineCounts {
        let len = text.as_bytes().len();
        self.lines.clear();
        self.lines.shrink_to(1 << 20);
        self.lines.push(Line::default());
        // Lines of ordinary text have more than 32 bytes.
        self.index.clear(len / 32);
        let mut counts = LineCounts::default();
        let mut empty = 0;
        for line in text.lines() {
            if line.is_empty() {
                if !skip_empty || line.start == 0 || line.start == len {
                    counts.lines += 1;
                    empty += 1;
                }
                continue;
            }
            counts.lines += 1;
            self.add(text.as_bytes(), line, &mut counts);
        }
        if empty > 1 {
            counts.duplicates += empty;
        }
        for line in self.lines.iter().filter(|line| line.count > 1) {
            let start = line.start as usize;
            let chars = text.chars_in(start..start + line.len as usize);
            counts.duplicates += line.count as usize;
            counts.duplicate_chars += line.count as usize * chars;
        }
        counts
    }

    #[inline(always)]
    fn add(&mut self, text: &[u8], range: Range<usize>, counts: &mut LineCounts) {
        let line = &text[range.clone()];
        counts.bullets += usize::from(matches!(line[0], b'*' | b'-'));
        counts.ellipses += usize::from(line.ends_with("\u{2026}".as_bytes()));
        let lines = &mut self.lines;
        let number = self.index.number(xxh3_64(line), |at| {
            let other = &lines[at];
            text[other.start as usize..][..other.len as usize] == *line
        });
        if number == lines.len() {
            let (start, len) = (range.start as u32, range.len() as u32);
            lines.push(Line { start, len, count: 0 });
        }
        lines[number].count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str, skip_empty: bool) -> LineCounts {
        Lines::default().count(&Text::new(text), skip_empty)
    }

    #[test]
    fn lines_are_counted_with_and_without_the_empty_ones() {
        let text = "* é\n\n- b…\n* é\n\n\n…";
        let expected =
            LineCounts { lines: 7, bullets: 3, ellipses: 2, duplicates: 5, duplicate_chars: 6 };
        assert_eq!(count(text, false), expected);
        let expected =
            LineCounts { lines: 4, bullets: 3, ellipses: 2, duplicates: 2, duplicate_chars: 6 };
        assert_eq!(count(text, true), expected);
    }

    #[test]
    fn newlines_at_either_end_leave_an_empty_line() {
        for (text, lines, duplicates) in [("\n", 2, 2), ("\n\n\n", 2, 2), ("a\n\n", 2, 0)] {
            let counts = count(text, true);
            assert_eq!((counts.lines, counts.duplicates), (lines, duplicates), "{text:?}");
        }
        assert_eq!(count("\n\n\n", false).duplicates, 4);
    }
}
