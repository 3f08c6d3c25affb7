//! The quality and repetition rules of Gopher with the paper's denominators.
//!
//! Rae et al. 2021, appendix A1.1 and table A1. What the paper leaves open is read as by RedPajama
//! 2, DCLM and Olmo 3: every occurrence of a repeated line, paragraph or n-gram counts, and code
//! points where n-grams overlap count once, so that each share lies between 0 and 1 and the
//! paper's thresholds apply. Words are what white space separates; lines are those that are not
//! blank; paragraphs are runs of such lines. `...` is an ellipsis like `…`, and the symbol-to-word
//! ratio counts symbols, not words that have one.

use super::segments::{self, Segments};
use super::{DUPLICATE, FIRST_KIND, MOST_COMMON, REQUIRED, TYPES, has_letter, median_length};
use super::{ngram_types, ngrams::Ngrams};
use crate::error::Result;
use crate::tag::{Document, Kernel, Options, Spans, Worker, refuse_options};
use crate::text::{Numbered, Text, unicode};
use memchr::{memchr_iter, memmem};

/// The types after those of `gopher_v1`.
const MORE: [&str; 3] = [
    "mean_word_length",
    "fraction_of_duplicate_paragraphs",
    "fraction_of_characters_in_duplicate_paragraphs",
];

/// What a line with a list item begins with.
const BULLETS: [char; 8] = ['-', '*', '•', '‣', '◦', '●', '▪', '–'];

struct GopherV3 {
    types: Vec<String>,
    dots: memmem::Finder<'static>,
    ellipsis: memmem::Finder<'static>,
}

/// `gopher_v3`: the 19 types of `gopher_v1` and 3 more over the document, always all of them.
pub(in crate::tag) fn build(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("gopher_v3", options)?;
    let types = ngram_types().chain(TYPES.into_iter().chain(MORE).map(str::to_owned)).collect();
    let (dots, ellipsis) = (memmem::Finder::new("..."), memmem::Finder::new("\u{2026}"));
    Ok(Box::new(GopherV3 { types, dots, ellipsis }))
}

impl Kernel for GopherV3 {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        let (ngrams, segments) = (Ngrams::default(), Segments::default());
        Box::new(GopherV3Worker { kernel: self, ngrams, segments })
    }
}

struct GopherV3Worker<'k> {
    kernel: &'k GopherV3,
    ngrams: Ngrams,
    segments: Segments,
}

impl Worker for GopherV3Worker<'_> {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let text = doc.text;
        let end = text.chars();
        let numbered = text.numbered();
        self.push_ngrams(numbered, end, out);
        let words = numbered.numbers().len();
        let (with_letter, required) = count_words(text, numbered);
        let (bullets, ellipses) = count_lines(text);
        let lines = self.segments.count(text, segments::lines(text));
        let whole = 0..text.as_bytes().len();
        let paragraphs = segments::paragraphs(text, whole, unicode::is_blank);
        let paragraphs = self.segments.count(text, paragraphs);
        let per = |count: usize, whole: usize| count as f64 / whole.max(1) as f64;
        let scores = [
            end as f64,
            words as f64,
            median_length(numbered.distinct(), words),
            per(self.kernel.symbols(text), words),
            per(with_letter, words),
            required as f64,
            per(bullets, lines.segments),
            per(ellipses, lines.segments),
            per(lines.duplicates, lines.segments),
            per(lines.duplicate_chars, lines.chars),
            per(numbered.chars(), words),
            per(paragraphs.duplicates, paragraphs.segments),
            per(paragraphs.duplicate_chars, paragraphs.chars),
        ];
        for (kind, score) in (FIRST_KIND..).zip(scores) {
            out.push(kind, 0, end, score);
        }
        Ok(())
    }
}

impl GopherV3Worker<'_> {
    fn push_ngrams(&mut self, words: &Numbered, end: usize, out: &mut Spans) {
        self.ngrams.read(words);
        for n in *MOST_COMMON.start()..=*DUPLICATE.end() {
            self.ngrams.advance();
            let chars = if MOST_COMMON.contains(&n) {
                self.ngrams.covered_by_most_common(n, words.chars_before())
            } else {
                self.ngrams.covered(n, words.chars_before())
            };
            self.ngrams.keep(n);
            out.push(n as u16 - 2, 0, end, chars as f64 / words.chars().max(1) as f64);
        }
    }
}

impl GopherV3 {
    /// The number of hash signs or of ellipses, whichever is greater: the paper's threshold is for
    /// either of them.
    fn symbols(&self, text: &Text<'_>) -> usize {
        let bytes = text.as_bytes();
        let wide = if text.is_ascii() { 0 } else { self.ellipsis.find_iter(bytes).count() };
        let ellipses = self.dots.find_iter(bytes).count() + wide;
        memchr_iter(b'#', bytes).count().max(ellipses)
    }
}

/// How many words have a letter, and how many of the stop words there are, in upper or lower case.
#[inline(never)]
fn count_words(text: &Text<'_>, words: &Numbered) -> (usize, u32) {
    let (mut with_letter, mut required) = (0, 0u32);
    for word in words.distinct() {
        if word.begins_with_letters() || has_letter(word.of(text.as_str())) {
            with_letter += word.count as usize;
        }
        if let Some(at) = REQUIRED.iter().position(|&stop| word.short_folded() == stop) {
            required |= 1 << at;
        }
    }
    (with_letter, required.count_ones())
}

/// How many lines begin with a bullet and how many end in an ellipsis, white space at either end
/// aside.
fn count_lines(text: &Text<'_>) -> (usize, usize) {
    let (mut bullets, mut ellipses) = (0, 0);
    for line in text.lines() {
        let line = unicode::strip(&text.as_str()[line]);
        bullets += usize::from(line.starts_with(BULLETS));
        ellipses += usize::from(line.ends_with("...") || line.ends_with('\u{2026}'));
    }
    (bullets, ellipses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag::testing::rows;
    use crate::text::unicode::is_space;
    use proptest::prelude::*;
    use std::collections::{HashMap, HashSet};
    use std::hash::Hash;

    fn score(text: &str, kind: &str) -> f64 {
        rows("gopher_v3", text).iter().find(|row| row.0 == kind).map(|row| row.3).unwrap()
    }

    #[test]
    fn one_document_by_hand() {
        // Words: a The a The a The #100 ... wait… 字字; of 1, 3, 1, 3, 1, 3, 4, 3, 5, 2: 26.
        let text = "a The a The a The #100 ...\n\n - wait…\n字字\n字字";
        let end = text.chars().count();
        let expected: Vec<(&str, f64)> = vec![
            // 11 words of 29 code points: the last line is there twice.
            ("fraction_of_characters_in_most_common_2grams", 12.0 / 29.0),
            // "a The a" and "The a The" are both there twice, the second one is longer.
            ("fraction_of_characters_in_most_common_3grams", 11.0 / 29.0),
            ("fraction_of_characters_in_most_common_4grams", 12.0 / 29.0),
            ("fraction_of_characters_in_duplicate_5grams", 0.0),
            ("fraction_of_characters_in_duplicate_6grams", 0.0),
            ("fraction_of_characters_in_duplicate_7grams", 0.0),
            ("fraction_of_characters_in_duplicate_8grams", 0.0),
            ("fraction_of_characters_in_duplicate_9grams", 0.0),
            ("fraction_of_characters_in_duplicate_10grams", 0.0),
            ("character_count", end as f64),
            ("word_count", 12.0),
            ("median_word_length", 2.5),
            // One hash, two ellipses.
            ("symbol_to_word_ratio", 2.0 / 12.0),
            ("fraction_of_words_with_alpha_character", 9.0 / 12.0),
            ("required_word_count", 1.0),
            ("fraction_of_lines_starting_with_bullet_point", 1.0 / 4.0),
            ("fraction_of_lines_ending_with_ellipsis", 2.0 / 4.0),
            ("fraction_of_duplicate_lines", 2.0 / 4.0),
            ("fraction_of_characters_in_duplicate_lines", 4.0 / 38.0),
            ("mean_word_length", 29.0 / 12.0),
            ("fraction_of_duplicate_paragraphs", 0.0),
            ("fraction_of_characters_in_duplicate_paragraphs", 0.0),
        ];
        let found = rows("gopher_v3", text);
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(*found, (expected.0, 0, end, expected.1));
        }
        assert_eq!(found.len(), expected.len());
    }

    #[test]
    fn overlapping_ngrams_count_once_and_short_texts_have_none() {
        // abcde twice: 10 of 11 words.
        assert_eq!(
            score("a b c d e f a b c d e", "fraction_of_characters_in_duplicate_5grams"),
            10.0 / 11.0
        );
        assert_eq!(score(&"a ".repeat(9), "fraction_of_characters_in_most_common_2grams"), 1.0);
        assert_eq!(score("a b c", "fraction_of_characters_in_most_common_2grams"), 0.0);
        assert!(rows("gopher_v3", "").iter().all(|row| row.3 == 0.0));
        assert_eq!(rows("gopher_v3", "").len(), 22);
        let paragraphs = "a\nb\n\nc\n \t\na\nb";
        assert_eq!(score(paragraphs, "fraction_of_duplicate_paragraphs"), 2.0 / 3.0);
        assert_eq!(score(paragraphs, "fraction_of_characters_in_duplicate_paragraphs"), 6.0 / 7.0);
    }

    #[test]
    fn stop_words_are_counted_by_kind_and_without_case() {
        assert_eq!(score("THE the The withe bE @o", "required_word_count"), 2.0);
        assert_eq!(score("the be to of and that have with", "required_word_count"), 8.0);
    }

    #[test]
    fn hostile_documents_take_linear_time() {
        let all = ["😀".repeat(10_000_000), "x".repeat(50_000_000), "\n".repeat(10_000_000)];
        for text in all {
            assert_eq!(rows("gopher_v3", &text).len(), 22);
            assert_eq!(rows("gopher_repetition_v1", &text).len(), 13);
        }
        let repeated = "word ".repeat(100_000);
        assert_eq!(score(&repeated, "fraction_of_characters_in_duplicate_10grams"), 1.0);
    }

    fn counter<T: Hash + Eq + Clone>(items: &[T]) -> HashMap<T, usize> {
        let mut counts = HashMap::new();
        items.iter().for_each(|item| *counts.entry(item.clone()).or_default() += 1);
        counts
    }

    fn chars(pieces: &[&str]) -> usize {
        pieces.iter().map(|piece| piece.chars().count()).sum()
    }

    fn naive_ngrams(words: &[&str], n: usize) -> f64 {
        let grams: Vec<&[&str]> = words.windows(n).collect();
        let counts = counter(&grams);
        let most = grams.iter().map(|gram| (counts[gram], chars(gram))).max();
        let mut covered = HashSet::new();
        let first = grams.iter().find(|gram| Some((counts[*gram], chars(gram))) == most);
        for (at, gram) in grams.iter().enumerate() {
            let counts = if n <= 4 { Some(gram) == first } else { true } && counts[gram] > 1;
            covered.extend((at..at + n).filter(|_| counts));
        }
        let found: usize = covered.iter().map(|&at| words[at].chars().count()).sum();
        found as f64 / chars(words).max(1) as f64
    }

    fn repeated(pieces: &[&str]) -> (f64, f64) {
        let counts = counter(pieces);
        let duplicates: Vec<&str> =
            pieces.iter().filter(|piece| counts[*piece] > 1).copied().collect();
        let count = duplicates.len() as f64 / pieces.len().max(1) as f64;
        (count, chars(&duplicates) as f64 / chars(pieces).max(1) as f64)
    }

    fn naive(text: &str) -> Vec<f64> {
        let words: Vec<&str> = text.split(is_space).filter(|word| !word.is_empty()).collect();
        let blank = |line: &&str| line.trim_matches(is_space).is_empty();
        let lines: Vec<&str> = text.split('\n').filter(|line| !blank(line)).collect();
        let per = |count: usize, whole: usize| count as f64 / whole.max(1) as f64;
        let of_words = |test: &dyn Fn(&&&str) -> bool| words.iter().filter(test).count();
        let of_lines = |test: &dyn Fn(&str) -> bool| {
            lines.iter().filter(|line| test(line.trim_matches(is_space))).count()
        };
        let mut scores: Vec<f64> = (2..=10).map(|n| naive_ngrams(&words, n)).collect();
        let mut lengths: Vec<usize> = words.iter().map(|word| word.chars().count()).collect();
        lengths.sort_unstable();
        let count = lengths.len();
        let ellipses = text.matches("...").count() + text.matches('…').count();
        let stops = ["the", "be", "to", "of", "and", "that", "have", "with"];
        let required = |stop: &&&str| words.iter().any(|word| word.eq_ignore_ascii_case(stop));
        let mut joined: Vec<String> = vec![String::new()];
        for line in text.split('\n') {
            match joined.last_mut() {
                Some(last) if !blank(&line) && last.is_empty() => last.push_str(line),
                Some(last) if !blank(&line) => *last = format!("{last}\n{line}"),
                _ => joined.push(String::new()),
            }
        }
        let paragraphs: Vec<&str> =
            joined.iter().filter(|p| !p.is_empty()).map(String::as_str).collect();
        let (lines_repeated, paragraphs_repeated) = (repeated(&lines), repeated(&paragraphs));
        scores.extend([
            text.chars().count() as f64,
            count as f64,
            if count == 0 {
                0.0
            } else {
                (lengths[(count - 1) / 2] + lengths[count / 2]) as f64 / 2.0
            },
            per(text.matches('#').count().max(ellipses), count),
            per(of_words(&|word| word.chars().any(unicode::is_letter)), count),
            stops.iter().filter(required).count() as f64,
            per(of_lines(&|line| line.starts_with(BULLETS)), lines.len()),
            per(of_lines(&|line| line.ends_with("...") || line.ends_with('…')), lines.len()),
            lines_repeated.0,
            lines_repeated.1,
            per(chars(&words), count),
            paragraphs_repeated.0,
            paragraphs_repeated.1,
        ]);
        scores
    }

    proptest! {
        #[test]
        fn every_number_agrees_with_the_rules_spelled_out(
            parts in prop::collection::vec(prop::sample::select(vec![
                " ", " ", "\n", "\n", "\n\n", "\u{a0}\n", "a", "b", "The ", "#", "…", "..", "...", "é字",
                "\n• ", "-", "a b a b ", "a b c d e f\n", "\u{1c}", "with\n", "1",
            ]), 0..80)
        ) {
            let text = parts.concat();
            let found: Vec<f64> = rows("gopher_v3", &text).iter().map(|row| row.3).collect();
            prop_assert_eq!(found, naive(&text));
        }
    }
}
