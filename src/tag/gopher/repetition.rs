//! The repetition rules of Gopher as FineWeb counted them.
//!
//! Rae et al. 2021, table A1, leaves open whether the first occurrence of a repeated line or
//! n-gram is part of the repetition. `gopher_repetition_v1` takes the reading of datatrove's
//! `GopherRepetitionFilter`, by which FineWeb (Penedo et al. 2024) was made: the first occurrence
//! does not count, all shares are of the code points of the whole text, the most common n-gram
//! counts with single spaces between its words, and the walk for duplicate n-grams steps over each
//! as a whole. [`super::v3`] is the other reading.

use super::segments::{Segments, paragraphs};
use super::{DUPLICATE, MOST_COMMON, ngram_types, ngrams::Ngrams};
use crate::error::Result;
use crate::tag::{Document, Kernel, Options, Spans, Worker, refuse_options};
use crate::text::{Numbered, Text, unicode};
use std::ops::Range;

/// The types after those of the n-grams.
const TYPES: [&str; 4] = [
    "fraction_of_duplicate_lines",
    "fraction_of_duplicate_paragraphs",
    "fraction_of_characters_in_duplicate_lines",
    "fraction_of_characters_in_duplicate_paragraphs",
];

struct Repetition {
    types: Vec<String>,
}

/// `gopher_repetition_v1`: 13 shares over the document.
pub(in crate::tag) fn build(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("gopher_repetition_v1", options)?;
    let types = ngram_types().chain(TYPES.map(str::to_owned)).collect();
    Ok(Box::new(Repetition { types }))
}

impl Kernel for Repetition {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(RepetitionWorker::default())
    }
}

#[derive(Default)]
struct RepetitionWorker {
    ngrams: Ngrams,
    segments: Segments,
}

impl Worker for RepetitionWorker {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let text = doc.text;
        let end = text.chars();
        let per = |count: usize, whole: usize| count as f64 / whole.max(1) as f64;
        let words = text.numbered();
        self.ngrams.read(words);
        let mut kind = 0;
        for n in *MOST_COMMON.start()..=*DUPLICATE.end() {
            let chars = self.repeated_chars(n, words);
            out.push(kind, 0, end, chars as f64 / end.max(1) as f64);
            kind += 1;
        }
        let lines = self.segments.count(text, lines(text));
        let paragraphs = self.segments.count(text, paragraphs(text, stripped(text), str::is_empty));
        let scores = [
            per(lines.repeats, lines.segments),
            per(paragraphs.repeats, paragraphs.segments),
            per(lines.repeat_chars, end),
            per(paragraphs.repeat_chars, end),
        ];
        for (kind, score) in (kind..).zip(scores) {
            out.push(kind, 0, end, score);
        }
        Ok(())
    }
}

impl RepetitionWorker {
    /// The code points in the most common n-gram or in the duplicate ones.
    fn repeated_chars(&mut self, n: usize, words: &Numbered) -> u64 {
        let before = words.chars_before();
        self.ngrams.advance();
        let chars = if words.numbers().len() < n {
            0
        } else if MOST_COMMON.contains(&n) {
            let (at, count) = self.ngrams.most_common();
            let joined = before[at + n] - before[at] + n as u32 - 1;
            count as u64 * u64::from(joined)
        } else {
            self.ngrams.repeats(n, before)
        };
        self.ngrams.keep(n);
        chars
    }
}

/// What the text is split into by the pattern `\n+`: an empty line only at its ends.
fn lines(text: &Text<'_>) -> impl Iterator<Item = Range<usize>> {
    let len = text.as_bytes().len();
    text.lines().filter(move |line| !line.is_empty() || line.start == 0 || line.start == len)
}

/// The byte range of the text without white space at its ends.
fn stripped(text: &Text<'_>) -> Range<usize> {
    let whole = text.as_str();
    let start = whole.len() - whole.trim_start_matches(unicode::is_space).len();
    let stripped = unicode::strip(whole);
    start..start + stripped.len()
}

#[cfg(test)]
mod tests {
    use crate::tag::testing::rows;
    use crate::text::unicode::is_space;
    use proptest::prelude::*;
    use std::collections::{HashMap, HashSet};

    fn scores(text: &str) -> Vec<f64> {
        let end = text.chars().count();
        let rows = rows("gopher_repetition_v1", text);
        assert!(rows.iter().all(|row| (row.1, row.2) == (0, end)));
        rows.iter().map(|row| row.3).collect()
    }

    #[test]
    fn one_document_by_hand() {
        // 24 code points. Lines: "a b", "c", "a b", "a b", "d", "" ; paragraphs: "a b\nc", "a b",
        // "a b\nd". Words: a b c a b a b d e f g.
        let text = "a b\nc\n\na b\n\na b\nd\ne f g\n";
        let end = text.chars().count() as f64;
        assert_eq!(end, 24.0);
        let found = scores(text);
        // "a b" three times, "a b c" and "a b c a" once (first of all); no 5-gram twice.
        assert_eq!(found[..3], [9.0 / end, 5.0 / end, 7.0 / end]);
        assert_eq!(found[3..9], [0.0; 6]);
        assert_eq!(found[9..], [2.0 / 7.0, 0.0, 6.0 / end, 0.0]);
    }

    #[test]
    fn duplicate_ngrams_are_stepped_over() {
        // Met at 0 and 1; from 2 on each 5-gram is known: 2 to 6 and 7 to 11 count, 5 x 1 each.
        let text = "a b a b a b a b a b a b";
        assert_eq!(scores(text)[3], 10.0 / 23.0);
        assert_eq!(scores("a\n\nb\n\na\n\n \n\na"), {
            let mut expected = vec![0.0; 13];
            expected[..3].copy_from_slice(&[3.0 / 13.0, 5.0 / 13.0, 7.0 / 13.0]);
            expected[9..].copy_from_slice(&[2.0 / 5.0, 2.0 / 5.0, 2.0 / 13.0, 2.0 / 13.0]);
            expected
        });
        assert_eq!(scores(""), [0.0; 13]);
    }

    /// The rules as they are written in Python, on strings.
    fn naive(text: &str) -> Vec<f64> {
        let len = text.chars().count().max(1) as f64;
        let words: Vec<&str> = text.split(is_space).filter(|word| !word.is_empty()).collect();
        let mut scores = Vec::new();
        for n in 2..=10 {
            let grams: Vec<&[&str]> = words.windows(n).collect();
            let chars = |gram: &[&str]| gram.iter().map(|w| w.chars().count()).sum::<usize>();
            let mut found = 0;
            if n <= 4 {
                let mut counts: HashMap<&[&str], usize> = HashMap::new();
                grams.iter().for_each(|gram| *counts.entry(gram).or_default() += 1);
                let most = counts.values().max().copied().unwrap_or_default();
                let first = grams.iter().find(|gram| counts[**gram] == most);
                found = first.map_or(0, |gram| most * (chars(gram) + n - 1));
            } else {
                let (mut met, mut at) = (HashSet::new(), 0);
                while at < grams.len() {
                    if met.insert(grams[at]) {
                        at += 1;
                    } else {
                        found += chars(grams[at]);
                        at += n;
                    }
                }
            }
            scores.push(found as f64 / len);
        }
        let repeats = |pieces: &[&str]| {
            let mut met = HashSet::new();
            let again: Vec<_> = pieces.iter().filter(|piece| !met.insert(**piece)).collect();
            let chars = again.iter().map(|piece| piece.chars().count()).sum::<usize>();
            (again.len() as f64 / pieces.len() as f64, chars as f64 / len)
        };
        let split = |pattern: &str, text| regex::Regex::new(pattern).unwrap().split(text).collect();
        let lines: Vec<&str> = split("\n+", text);
        let paragraphs: Vec<&str> = split("\n{2,}", text.trim_matches(is_space));
        let (lines, paragraphs) = (repeats(&lines), repeats(&paragraphs));
        scores.extend([lines.0, paragraphs.0, lines.1, paragraphs.1]);
        scores
    }

    proptest! {
        #[test]
        fn every_share_agrees_with_the_rules_spelled_out(
            parts in prop::collection::vec(prop::sample::select(vec![
                " ", " ", "\n", "\n", "\n\n", "\n\n", "a", "b", "é字", "a b a b a b ", "\u{1c}", "c d\n\n",
            ]), 0..80)
        ) {
            let text = parts.concat();
            prop_assert_eq!(scores(&text), naive(&text));
        }
    }
}
