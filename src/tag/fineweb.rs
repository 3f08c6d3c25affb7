//! The quality rules that FineWeb added to those of C4 and Gopher.
//!
//! Penedo et al. 2024, "The FineWeb Datasets", section 3.6: how many lines end in a terminal
//! punctuation mark, how many are short, how much of the text is in repeated lines, and how many
//! line breaks there are by words. Found by comparing the statistics of better and worse crawls;
//! they remove lists, menus and navigation. As in datatrove's `FineWebQualityFilter`, lines are
//! those of `split("\n")` that are not blank, and are looked at as they are: one that ends in a
//! space does not end in a full stop.

use super::gopher::segments::{Segments, lines};
use super::{Document, Kernel, Options, Spans, Worker, refuse_options};
use crate::error::Result;
use crate::text::unicode::is_sentence_end;
use crate::text::{Text, token_starts};
use memchr::memchr_iter;

/// A line of up to this many code points is short.
const SHORT_LINE: usize = 30;

const TYPES: [&str; 4] =
    ["line_punct_ratio", "short_line_ratio", "char_dup_ratio", "new_line_ratio"];

struct FineWeb {
    types: Vec<String>,
}

/// `fineweb_quality_v1`: four ratios over the document.
pub(super) fn build(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("fineweb_quality_v1", options)?;
    Ok(Box::new(FineWeb { types: TYPES.map(str::to_owned).to_vec() }))
}

impl Kernel for FineWeb {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(FineWebWorker::default())
    }
}

#[derive(Default)]
struct FineWebWorker {
    segments: Segments,
    token_starts: Vec<u64>,
}

impl Worker for FineWebWorker {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let text = doc.text;
        let (punctuated, short) = count_lines(text);
        let lines = self.segments.count(text, lines(text));
        let newlines = memchr_iter(b'\n', text.as_bytes()).count();
        token_starts(text.as_str(), &mut self.token_starts);
        let tokens: usize = self.token_starts.iter().map(|bits| bits.count_ones() as usize).sum();
        let per = |count: usize, whole: usize| count as f64 / whole.max(1) as f64;
        let scores = [
            per(punctuated, lines.segments),
            per(short, lines.segments),
            per(lines.repeat_chars, text.chars() - newlines),
            per(newlines, tokens),
        ];
        for (kind, score) in (0..).zip(scores) {
            out.push(kind, 0, text.chars(), score);
        }
        Ok(())
    }
}

/// How many lines end in a terminal punctuation mark, and how many are short.
fn count_lines(text: &Text<'_>) -> (usize, usize) {
    let (mut punctuated, mut short) = (0, 0);
    for line in lines(text) {
        let last = text.as_str()[line.clone()].chars().next_back();
        punctuated += usize::from(last.is_some_and(is_sentence_end));
        // A code point has at most four bytes.
        short += usize::from(line.len() <= 4 * SHORT_LINE && text.chars_in(line) <= SHORT_LINE);
    }
    (punctuated, short)
}

#[cfg(test)]
mod tests {
    use crate::tag::testing::rows;
    use crate::text::unicode::{is_space, is_white_space, is_word};
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn scores(text: &str) -> Vec<f64> {
        let rows = rows("fineweb_quality_v1", text);
        assert!(rows.iter().all(|row| (row.1, row.2) == (0, text.chars().count())));
        rows.iter().map(|row| row.3).collect()
    }

    #[test]
    fn one_document_by_hand() {
        // Five lines, of which the second has a space behind its full stop; 4 newlines of 84 code
        // points; tokens: 14 + 1, 1 + 1, 2, 1 + 1, 1.
        let long = "This line has more than thirty code points and ends like a sentence does.";
        let text = format!("{long}\nno. \n\n字。\nMenu\nMenu");
        let chars = text.chars().count() - 5;
        let found = scores(&text);
        assert_eq!(found[..2], [2.0 / 5.0, 4.0 / 5.0]);
        assert_eq!(found[2], 4.0 / chars as f64);
        assert_eq!(found[3], 5.0 / 21.0);
    }

    #[test]
    fn lines_of_thirty_code_points_are_short() {
        for (text, short) in [("é".repeat(30), 1.0), ("é".repeat(31), 0.0), ("😀".repeat(30), 1.0)]
        {
            assert_eq!(scores(&text)[1], short);
        }
        assert_eq!(scores(""), [0.0; 4]);
        assert_eq!(
            scores(" \n"),
            [0.0; 4]
                .map(|_| 0.0)
                .into_iter()
                .enumerate()
                .map(|(at, zero)| { if at == 3 { 1.0 } else { zero } })
                .collect::<Vec<_>>()
        );
    }

    fn naive(text: &str) -> Vec<f64> {
        let lines: Vec<&str> =
            text.split('\n').filter(|line| !line.trim_matches(is_space).is_empty()).collect();
        let share = |count: usize| count as f64 / lines.len().max(1) as f64;
        let mut met = HashSet::new();
        let repeated = lines.iter().filter(|line| !met.insert(**line));
        let repeated: usize = repeated.map(|line| line.chars().count()).sum();
        let whole = text.chars().filter(|&c| c != '\n').count().max(1);
        let class = |&c: &char| if is_word(c) { 2 } else { u8::from(!is_white_space(c)) };
        let chars: Vec<char> = text.chars().collect();
        let tokens = chars.chunk_by(|a, b| class(a) == class(b)).filter(|run| class(&run[0]) != 0);
        vec![
            share(lines.iter().filter(|line| line.ends_with(['.', '?', '!', '。'])).count()),
            share(lines.iter().filter(|line| line.chars().count() <= 30).count()),
            repeated as f64 / whole as f64,
            text.matches('\n').count() as f64 / tokens.count().max(1) as f64,
        ]
    }

    proptest! {
        #[test]
        fn every_ratio_agrees_with_the_rules_spelled_out(
            parts in prop::collection::vec(prop::sample::select(vec![
                " ", "\n", "\n", "\n\n", "\u{a0}", "a", "é", "字。", ".", "!", "?", "\u{1c}",
                "twenty and nine code points...", "😀", "1",
            ]), 0..60)
        ) {
            let text = parts.concat();
            prop_assert_eq!(scores(&text), naive(&text));
        }
    }
}
