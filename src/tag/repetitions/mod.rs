//! Text that says the same thing again and again, right after itself.
//!
//! Such text comes from broken pages, generated lists and base64, and a model that sees it learns
//! to loop; OLMo 2 found that it also makes the loss spike. There are three measures:
//!
//! - `published.rs`: a unit and three more copies, as the published tagger's expression finds it;
//! - `stretches.rs`: periods of the text as it is, for `repetitions_v3`;
//! - `periodic.rs`: n-grams of words or tokens that come at least 32 times, OLMo 2's filter.

pub mod periodic;
mod published;
mod stretches;

use super::{Document, Kernel, OptionValue, Options, Spans, Worker, refuse_options};
use crate::error::{Error, Result};
use crate::text::unicode::is_space;
use periodic::{Periodic, outermost, periodic};
use published::Searcher;
use std::ops::Range;
use stretches::{Finder, Stretch};

const TYPES: [&str; 4] =
    ["repetition", "doc_max_score_repetition", "doc_max_length_repetition", "doc_frac_repetition"];

/// The copies that `repetitions_v3` asks for: those of the published expression.
const COPIES: usize = 4;

/// The largest unit of `repetitions_v3`, in bytes: some lines.
const LARGEST_UNIT: usize = 1024;

/// The n-grams of OLMo 2's filter, and how often they have to come.
const PERIODS: std::ops::RangeInclusive<usize> = 1..=13;
const TIMES: i64 = 32;

#[derive(Debug, Clone, Copy, Default)]
enum Measure {
    #[default]
    Published,
    PublishedParagraphs,
    Bytes,
    Words {
        times: usize,
    },
}

struct Repetitions {
    measure: Measure,
    types: Vec<String>,
}

fn build(measure: Measure) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(Repetitions { measure, types: TYPES.map(str::to_owned).to_vec() }))
}

/// `repetitions_v1`: matches of `(.+?)(\s?\1){3,}`, with the number of times the unit is in them.
pub(super) fn v1(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("repetitions_v1", options)?;
    build(Measure::Published)
}

/// `paragraph_repetitions_v1`: the same in each line by itself.
pub(super) fn paragraphs_v1(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("paragraph_repetitions_v1", options)?;
    build(Measure::PublishedParagraphs)
}

/// `repetitions_v3`: the largest parts with a period of up to [`LARGEST_UNIT`] bytes.
pub(super) fn v3(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("repetitions_v3", options)?;
    build(Measure::Bytes)
}

/// `word_repetitions_v1`: n-grams of words, repeated at least `times` times.
pub(super) fn words_v1(options: &Options) -> Result<Box<dyn Kernel>> {
    let mut times = TIMES;
    for (name, value) in options {
        match (name.as_str(), value) {
            ("times", OptionValue::Int(value)) if *value >= 2 => times = *value,
            ("times", _) => return Err(Error::config("times must be a whole number from 2 on")),
            _ => return Err(Error::config(format!("word_repetitions_v1 has no option {name:?}"))),
        }
    }
    build(Measure::Words { times: usize::try_from(times).unwrap_or(usize::MAX) })
}

impl Kernel for Repetitions {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(RepetitionsWorker { measure: self.measure, ..Default::default() })
    }
}

/// A repetition, in bytes.
#[derive(Debug, Clone, PartialEq)]
struct Found {
    range: Range<usize>,
    times: usize,
}

#[derive(Default)]
struct RepetitionsWorker {
    measure: Measure,
    searcher: Searcher,
    finder: Finder,
    stretches: Vec<Stretch>,
    parts: Vec<Periodic>,
    words: Vec<Range<u32>>,
    /// By start and, since none contains another, by end.
    found: Vec<Found>,
}

impl Worker for RepetitionsWorker {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let text = doc.text.as_str();
        self.found.clear();
        match self.measure {
            Measure::Published => {
                self.searcher.search(text, |found| {
                    let times = found.times(text);
                    self.found.push(Found { range: found.range, times });
                });
            }
            Measure::PublishedParagraphs => self.search_paragraphs(text),
            Measure::Bytes => self.find_periods(text),
            Measure::Words { times } => self.find_words(doc, times),
        }
        self.put_out(doc, out);
        Ok(())
    }
}

impl RepetitionsWorker {
    fn search_paragraphs(&mut self, text: &str) {
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            self.searcher.search(line, |found| {
                let times = found.times(line);
                let range = start + found.range.start..start + found.range.end;
                self.found.push(Found { range, times });
            });
            start += line.len();
        }
    }

    /// Parts of at least [`COPIES`] periods; white space may be missing behind the last.
    fn find_periods(&mut self, text: &str) {
        let bytes = text.as_bytes();
        self.parts.clear();
        let slack = widest_space(text);
        self.finder.begin(bytes);
        for period in 1..=LARGEST_UNIT.min(bytes.len() / (COPIES - 1)) {
            let min = ((COPIES - 1) * period).saturating_sub(slack).max(1);
            self.finder.find(bytes, period, min, &mut self.stretches);
            for stretch in &self.stretches {
                let start = ceil_boundary(text, stretch.start);
                let end = floor_boundary(text, stretch.end + period);
                self.parts.extend(whole_periods(text, start..end, period));
            }
        }
        outermost(&mut self.parts);
        let found = self.parts.iter().map(|part| {
            let missing = missing_space(text, &part.items, part.period);
            Found { range: part.items.clone(), times: (part.items.len() + missing) / part.period }
        });
        self.found.extend(found);
    }

    fn find_words(&mut self, doc: &Document<'_>, times: usize) {
        let bytes = doc.text.as_bytes();
        self.words.clear();
        if doc.text.word_count() < times {
            return;
        }
        self.words.extend(doc.text.words().map(|word| word.start as u32..word.end as u32));
        let word = |at: usize| &bytes[self.words[at].start as usize..self.words[at].end as usize];
        let mut parts = periodic(self.words.len(), PERIODS, times, |a, b| word(a) == word(b));
        outermost(&mut parts);
        self.found.extend(parts.iter().map(|part| {
            let (first, last) = (&self.words[part.items.start], &self.words[part.items.end - 1]);
            Found { range: first.start as usize..last.end as usize, times: part.times() }
        }));
    }

    /// The spans, and the three numbers of the document.
    fn put_out(&self, doc: &Document<'_>, out: &mut Spans) {
        let (mut starts, mut ends) = (doc.text.cursor(), doc.text.cursor());
        let (mut most, mut longest, mut covered, mut last) = (0, 0, 0, 0);
        for found in &self.found {
            let (start, end) = (starts.at(found.range.start), ends.at(found.range.end));
            out.push(0, start, end, found.times as f64);
            most = most.max(found.times);
            longest = longest.max(end - start);
            covered += end - start.max(last);
            last = end;
        }
        let chars = doc.text.chars();
        let share = covered as f64 / chars.max(1) as f64;
        for (kind, score) in (1..).zip([most as f64, longest as f64, share]) {
            out.push(kind, 0, chars, score);
        }
    }
}

/// The bytes of the widest white space in the text, or more.
fn widest_space(text: &str) -> usize {
    let wide = !text.is_ascii() && text.chars().any(|c| !c.is_ascii() && is_space(c));
    if wide { 3 } else { 1 }
}

/// The part with a period at `range`, if it is long enough and not all white space.
fn whole_periods(text: &str, range: Range<usize>, period: usize) -> Option<Periodic> {
    if range.len() + missing_space(text, &range, period) < COPIES * period {
        return None;
    }
    let unit = text.get(range.start..floor_boundary(text, range.start + period))?;
    (!unit.chars().all(is_space)).then_some(Periodic { items: range, period })
}

/// Bytes of the white space that would have to follow a periodic part for it to go on.
fn missing_space(text: &str, range: &Range<usize>, period: usize) -> usize {
    let next = range.end.checked_sub(period).filter(|&next| next >= range.start);
    let next = next.and_then(|next| text.get(next..)?.chars().next());
    next.filter(|&c| is_space(c)).map_or(0, char::len_utf8)
}

fn ceil_boundary(text: &str, at: usize) -> usize {
    (at..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len())
}

fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

#[cfg(test)]
mod tests;
