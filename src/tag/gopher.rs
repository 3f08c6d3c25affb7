//! The quality and repetition rules of Gopher, as numbers to filter by.
//!
//! Rae et al. 2021, "Scaling Language Models: Methods, Analysis & Insights from Training Gopher",
//! appendix A1.1: word counts and lengths, symbols, stop words, bullets and ellipses, and the
//! share of the text in repeated lines and n-grams. A word is what white space separates.
//! `gopher_v1` splits lines at each newline, `gopher_v2` takes blank lines for none.
//!
//! The shares in duplicate n-grams are the number of code points in all occurrences of n-grams
//! found more than once, by those in all n-grams; overlaps count each time, so the paper's
//! thresholds do not apply to them as they are.

mod lines;
mod ngrams;
mod repetition;
pub(super) mod segments;
mod v3;

pub(super) use repetition::build as repetition;
pub(super) use v3::build as v3;

use super::{Document, Kernel, Options, Spans, Worker, refuse_options};
use crate::error::Result;
use crate::text::vocabulary::{Word, short};
use crate::text::{Numbered, Text, unicode::is_letter};
use lines::Lines;
use memchr::{memchr, memmem};
use ngrams::Ngrams;

/// The stop words of which a text should have two (Gopher, A1.1), as integers.
const REQUIRED: [u64; 8] = [
    short("the"),
    short("be"),
    short("to"),
    short("of"),
    short("and"),
    short("that"),
    short("have"),
    short("with"),
];

/// Sizes of n-grams of which the most common one is measured, then of which all repeated ones are.
const MOST_COMMON: std::ops::RangeInclusive<usize> = 2..=4;
const DUPLICATE: std::ops::RangeInclusive<usize> = 5..=10;

/// The types after those of the n-grams, in the order of the row.
const TYPES: [&str; 10] = [
    "character_count",
    "word_count",
    "median_word_length",
    "symbol_to_word_ratio",
    "fraction_of_words_with_alpha_character",
    "required_word_count",
    "fraction_of_lines_starting_with_bullet_point",
    "fraction_of_lines_ending_with_ellipsis",
    "fraction_of_duplicate_lines",
    "fraction_of_characters_in_duplicate_lines",
];

/// [`Kernel::types`] begins with the n-gram types, so that n - 2 is the index of a size's type.
const FIRST_KIND: u16 = 9;

struct Gopher {
    types: Vec<String>,
    skip_empty_lines: bool,
}

/// `gopher_v1`: 19 types over the whole document, n-gram types only where there are n words.
pub(super) fn v1(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("gopher_v1", options)?;
    Ok(build(false))
}

/// `gopher_v2`: as `gopher_v1`, blank lines (without even a space) not counted.
pub(super) fn v2(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("gopher_v2", options)?;
    Ok(build(true))
}

/// The types of the n-grams, which every kernel of the family has first.
fn ngram_types() -> impl Iterator<Item = String> {
    let common = MOST_COMMON.map(|n| format!("fraction_of_characters_in_most_common_{n}grams"));
    let duplicate = DUPLICATE.map(|n| format!("fraction_of_characters_in_duplicate_{n}grams"));
    common.chain(duplicate)
}

fn build(skip_empty_lines: bool) -> Box<dyn Kernel> {
    let types = ngram_types().chain(TYPES.map(str::to_owned)).collect();
    Box::new(Gopher { types, skip_empty_lines })
}

impl Kernel for Gopher {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(GopherWorker {
            skip_empty_lines: self.skip_empty_lines,
            ngrams: Ngrams::default(),
            lines: Lines::default(),
        })
    }
}

struct GopherWorker {
    skip_empty_lines: bool,
    ngrams: Ngrams,
    lines: Lines,
}

/// What is counted of the words one by one.
#[derive(Debug, Default)]
struct WordCounts {
    median_length: f64,
    with_symbol: usize,
    with_letter: usize,
    required: usize,
}

impl Worker for GopherWorker {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let text = doc.text;
        let end = text.chars();
        if end == 0 {
            for kind in 0..TYPES.len() as u16 {
                out.push(FIRST_KIND + kind, 0, 0, 0.0);
            }
            return Ok(());
        }
        let numbered = text.numbered();
        self.ngrams.read(numbered);
        let counts = count_words(text, numbered);
        self.push_ngrams(numbered, end, out);
        let lines = self.lines.count(text, self.skip_empty_lines);
        let (words, chars) = (numbered.numbers().len(), numbered.chars());
        let per = |count: usize, whole: usize| count as f64 / whole.max(1) as f64;
        let scores = [
            end as f64,
            words as f64,
            counts.median_length,
            per(counts.with_symbol, words),
            per(counts.with_letter, words),
            counts.required as f64,
            per(lines.bullets, lines.lines),
            per(lines.ellipses, lines.lines),
            per(lines.duplicates, lines.lines),
            per(lines.duplicate_chars, chars),
        ];
        for (kind, score) in (FIRST_KIND..).zip(scores) {
            out.push(kind, 0, end, score);
        }
        Ok(())
    }
}

impl GopherWorker {
    fn push_ngrams(&mut self, numbered: &Numbered, end: usize, out: &mut Spans) {
        let (words, chars_before) = (numbered.numbers().len(), numbered.chars_before());
        let before = |at: usize| u64::from(chars_before[at]);
        for n in *MOST_COMMON.start()..=*DUPLICATE.end() {
            if words < n {
                return;
            }
            let (part, whole) = if MOST_COMMON.contains(&n) {
                let all = self.ngrams.lengthen::<false>(n, chars_before);
                let chars = before(all.most_common_at + n) - before(all.most_common_at);
                (all.most_common_count as u64 * chars, before(words))
            } else {
                let all = self.ngrams.lengthen::<true>(n, chars_before);
                // All n-grams: the sum of `before` at their ends less that at their beginnings,
                // where all but n of either cancel out.
                let ends: u64 = (words - n + 1..=words).map(before).sum();
                (all.chars, ends - (0..n).map(before).sum::<u64>())
            };
            out.push(n as u16 - 2, 0, end, part as f64 / whole.max(1) as f64);
        }
    }
}

#[inline(never)]
fn count_words(text: &Text<'_>, numbered: &Numbered) -> WordCounts {
    let bytes = text.as_bytes();
    let hash = memchr(b'#', bytes).is_some();
    let ellipsis = !text.is_ascii() && memmem::find(bytes, "\u{2026}".as_bytes()).is_some();
    let mut counts = WordCounts::default();
    for word in numbered.distinct() {
        let count = word.count as usize;
        if word.begins_with_letters() || has_letter(word.of(text.as_str())) {
            counts.with_letter += count;
        }
        let symbol = |symbol| word.has(symbol, text.as_str());
        if hash && symbol('#') || ellipsis && symbol('\u{2026}') {
            counts.with_symbol += count;
        }
        counts.required += if REQUIRED.contains(&word.short()) { count } else { 0 };
    }
    counts.median_length = median_length(numbered.distinct(), numbered.numbers().len());
    counts
}

#[inline(never)]
fn has_letter(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_alphabetic())
        || !word.is_ascii() && word.chars().any(is_letter)
}

/// The median of the lengths of all words, the mean of the two in the middle for an even number.
fn median_length(distinct: &[Word], words: usize) -> f64 {
    const SHORT: usize = 64;
    if words == 0 {
        return 0.0;
    }
    let mut counts = [0u32; SHORT];
    for word in distinct {
        counts[(word.chars as usize).min(SHORT - 1)] += word.count;
    }
    let (lower, upper) = ((words - 1) / 2, words / 2);
    let nth = |mut nth: usize| {
        for (length, &count) in counts.iter().enumerate().take(SHORT - 1) {
            if nth < count as usize {
                return length;
            }
            nth -= count as usize;
        }
        nth_long_length(distinct, SHORT - 1, nth)
    };
    (nth(lower) + nth(upper)) as f64 / 2.0
}

/// The `nth` smallest length of the words that have at least `least` code points.
#[cold]
fn nth_long_length(distinct: &[Word], least: usize, mut nth: usize) -> usize {
    let long = distinct.iter().filter(|word| word.chars as usize >= least);
    let mut lengths: Vec<(usize, usize)> =
        long.map(|word| (word.chars as usize, word.count as usize)).collect();
    lengths.sort_unstable();
    for &(length, count) in &lengths {
        if nth < count {
            return length;
        }
        nth -= count;
    }
    0
}

#[cfg(test)]
mod tests;
