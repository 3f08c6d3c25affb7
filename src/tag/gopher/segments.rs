//! Lines or paragraphs of a document that occur more than once.

use crate::text::Text;
use crate::text::index::Index;
use crate::text::unicode::is_blank;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// Room for more segments than this (12 MiB) is given back before the next document.
const KEPT: usize = 1 << 20;

/// How many segments there are and which of them are not the only one of their kind.
#[derive(Debug, Default, PartialEq, Clone, Copy)]
pub(in crate::tag) struct Repeated {
    pub segments: usize,
    pub chars: usize,
    /// Segments that occur more than once, each occurrence counted.
    pub duplicates: usize,
    pub duplicate_chars: usize,
    /// The same without the first occurrence of each.
    pub repeats: usize,
    pub repeat_chars: usize,
}

#[derive(Clone, Default)]
struct Segment {
    start: u32,
    len: u32,
    count: u32,
}

/// A table of segments, used again for each document.
#[derive(Default)]
pub(in crate::tag) struct Segments {
    index: Index,
    /// By number; number 0 is the empty segment, which the index never sees.
    segments: Vec<Segment>,
}

impl Segments {
    /// Counts segments of a text, given by their byte ranges.
    pub(in crate::tag) fn count(
        &mut self,
        text: &Text<'_>,
        ranges: impl Iterator<Item = Range<usize>>,
    ) -> Repeated {
        self.segments.clear();
        self.segments.shrink_to(KEPT);
        self.segments.push(Segment::default());
        // Lines of ordinary text have more than 32 bytes.
        self.index.clear(text.as_bytes().len() / 32);
        for range in ranges {
            self.add(text.as_bytes(), range);
        }
        let mut all = Repeated::default();
        for segment in &self.segments {
            let start = segment.start as usize;
            let chars = text.chars_in(start..start + segment.len as usize);
            let count = segment.count as usize;
            all.segments += count;
            all.chars += count * chars;
            if count > 1 {
                all.duplicates += count;
                all.duplicate_chars += count * chars;
                all.repeats += count - 1;
                all.repeat_chars += (count - 1) * chars;
            }
        }
        all
    }

    #[inline(always)]
    fn add(&mut self, text: &[u8], range: Range<usize>) {
        let segments = &mut self.segments;
        if range.is_empty() {
            segments[0].count += 1;
            return;
        }
        let segment = &text[range.clone()];
        let number = self.index.number(xxh3_64(segment), |at| {
            let other = &segments[at];
            text[other.start as usize..][..other.len as usize] == *segment
        });
        if number == segments.len() {
            let (start, len) = (range.start as u32, range.len() as u32);
            segments.push(Segment { start, len, count: 0 });
        }
        segments[number].count += 1;
    }
}

/// The lines that are not blank.
pub(in crate::tag) fn lines(text: &Text<'_>) -> impl Iterator<Item = Range<usize>> {
    text.lines().filter(|line| !is_blank(&text.as_str()[line.clone()]))
}

/// Runs of lines between lines that are `separators`, from the first to the last byte of each run,
/// the newlines within it included.
pub(super) fn paragraphs(
    text: &Text<'_>,
    part: Range<usize>,
    separates: impl Fn(&str) -> bool,
) -> impl Iterator<Item = Range<usize>> {
    let mut lines = text.lines().filter_map(move |line| {
        let line = line.start.max(part.start)..line.end.min(part.end);
        (line.start <= line.end).then_some(line)
    });
    let is_separator = move |line: &Range<usize>| separates(&text.as_str()[line.clone()]);
    std::iter::from_fn(move || {
        let first = lines.by_ref().find(|line| !is_separator(line))?;
        let rest = lines.by_ref().take_while(|line| !is_separator(line));
        Some(first.start..rest.last().map_or(first.end, |last| last.end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_counted_with_and_without_their_first_occurrence() {
        let text = Text::new("é b\n\nc\né b\né b\nc\n \nd");
        let counted = Segments::default().count(&text, lines(&text));
        let expected = Repeated {
            segments: 6,
            chars: 12,
            duplicates: 5,
            duplicate_chars: 11,
            repeats: 3,
            repeat_chars: 7,
        };
        assert_eq!(counted, expected);
        let counted = Segments::default().count(&text, text.lines());
        assert_eq!((counted.segments, counted.duplicates, counted.repeats), (8, 5, 3));
    }

    #[test]
    fn empty_segments_are_equal_to_each_other() {
        let text = Text::new("\n\n");
        let counted = Segments::default().count(&text, text.lines());
        assert_eq!((counted.segments, counted.duplicates, counted.repeats), (3, 3, 2));
    }

    #[test]
    fn paragraphs_are_runs_of_lines() {
        let all = |text: &str, separates: fn(&str) -> bool| {
            let shared = Text::new(text);
            let found: Vec<_> = paragraphs(&shared, 0..text.len(), separates).collect();
            found.into_iter().map(|range| text[range].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(all("\n\na\nb\n \nc\n\n\n", is_blank), ["a\nb", "c"]);
        assert_eq!(all("\n\na\nb\n \nc\n\n\n", str::is_empty), ["a\nb\n \nc"]);
        assert!(all("", is_blank).is_empty());
        let text = Text::new(" a\n\nb ");
        let found: Vec<_> = paragraphs(&text, 1..5, str::is_empty).collect();
        assert_eq!(found, [1..2, 4..5]);
    }
}
