//! Hits of a list of words and phrases, for taggers of toxicity, topics or names.
//!
//! The text is lower-cased into a scratch buffer in which every run of white space is one space,
//! searched once with an Aho-Corasick automaton over the whole list, and the hits are mapped back
//! to the text as it is.

pub(super) mod fold;

use crate::error::{Error, Result};
use crate::tag::pii::blocks::count_words;
use crate::tag::{Document, Kernel, OptionValue, Options, Span, Spans, Worker};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use fold::Folded;
use memchr::{memchr, memchr_iter};
use std::cmp::Reverse;
use std::path::Path;

const MATCH: u16 = 0;
const COUNT: u16 = 1;
const FRAC: u16 = 2;

/// Up to this many bytes of words the automaton is a table (fast, some MB); beyond it a compact
/// form of the same automaton keeps the memory in proportion to the list.
const MAX_TABLE_BYTES: usize = 64 * 1024;

/// What the scores are given for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    Document,
    Paragraph,
}

/// `wordlist`: words and phrases of a list, wherever they stand as whole words.
///
/// Lists of words are the oldest quality signal (insults, product spam, boilerplate): cheap, easy
/// to explain and easy to extend. Upper and lower case are the same, in every script; a phrase
/// also matches across line ends and any other run of white space. A hit is whole words only: no
/// letter, digit or `_` may touch either end. Where hits overlap the leftmost counts, and of those
/// with one start the longest.
///
/// Options: `words` (a list) or `path` (a file with one word or phrase a line; lines that start
/// with `#` are comments), or both; `unit`: `document` (default) or `paragraph` (a line with its
/// line end, if it is not blank), within which phrases match.
///
/// Spans: `match` for each hit, score 1. For each unit `doc_count` (number of hits) and
/// `doc_frac` (share of the unit's white-space separated words that a hit touches, 0 without
/// words), named `paragraph_count` and `paragraph_frac` for paragraphs. A document always has its
/// two spans, even when it is empty.
///
/// With `words: [bad, "very bad"]` the text `"Very\nBAD, not badly"` gives `match [0, 8, 1]`,
/// `doc_count [0, 19, 1]`, `doc_frac [0, 19, 0.5]`.
pub fn build(options: &Options) -> Result<Box<dyn Kernel>> {
    let mut words = Vec::new();
    let mut unit = Unit::Document;
    for (name, value) in options {
        match (name.as_str(), value) {
            ("words", OptionValue::List(list)) => words.extend(list.iter().cloned()),
            ("path", OptionValue::Str(path)) => words.extend(read_list(Path::new(path))?),
            ("unit", OptionValue::Str(name)) => unit = parse_unit(name)?,
            ("words", _) => return Err(Error::config("wordlist: words must be a list of strings")),
            ("path" | "unit", _) => {
                return Err(Error::config(format!("wordlist: {name} must be a string")));
            }
            _ => return Err(unknown("option", name, &["words", "path", "unit"])),
        }
    }
    let mut patterns: Vec<Vec<u8>> = words.iter().map(|word| fold::pattern(word)).collect();
    patterns.retain(|pattern| !pattern.is_empty());
    patterns.sort_unstable();
    patterns.dedup();
    if patterns.is_empty() {
        return Err(Error::config("wordlist: no words; give words or path"));
    }
    let small = patterns.iter().map(Vec::len).sum::<usize>() <= MAX_TABLE_BYTES;
    let automaton = AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .kind(small.then_some(AhoCorasickKind::DFA))
        .build(&patterns)
        .map_err(|cause| Error::config(format!("wordlist: {cause}")))?;
    let scope = if unit == Unit::Document { "doc" } else { "paragraph" };
    let types = vec!["match".to_owned(), format!("{scope}_count"), format!("{scope}_frac")];
    Ok(Box::new(WordList { automaton, unit, types }))
}

fn parse_unit(name: &str) -> Result<Unit> {
    match name {
        "document" => Ok(Unit::Document),
        "paragraph" => Ok(Unit::Paragraph),
        _ => Err(unknown("unit", name, &["document", "paragraph"])),
    }
}

/// The words of a list file.
pub(super) fn read_list(path: &Path) -> Result<Vec<String>> {
    let bytes = std::fs::read(path).map_err(|cause| Error::from(cause).at(path))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::asset("the word list is not UTF-8").at(path))?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    let lines = text.lines().map(str::trim);
    Ok(lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect())
}

fn unknown(what: &str, name: &str, valid: &[&str]) -> Error {
    let nearest = valid.iter().map(|known| (distance(name, known), known)).min();
    let hint = match nearest {
        Some((distance, known)) if distance * 2 <= known.len() => format!(" (meant {known}?)"),
        _ => String::new(),
    };
    let list = valid.join(", ");
    Error::config(format!("wordlist: unknown {what} {name:?}{hint}; there are {list}"))
}

/// Levenshtein's distance, in bytes.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let swap = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = swap.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

struct WordList {
    automaton: AhoCorasick,
    unit: Unit,
    types: Vec<String>,
}

impl Kernel for WordList {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        let (folded, hits, scores) = (Folded::default(), Vec::new(), Vec::new());
        Box::new(Searcher { list: self, folded, hits, scores })
    }
}

struct Searcher<'a> {
    list: &'a WordList,
    folded: Folded,
    /// Whole-word hits in the folded text, also overlapping ones.
    hits: Vec<(usize, Reverse<usize>)>,
    /// The scores of the units seen so far, written behind all hits.
    scores: Vec<Span>,
}

impl Worker for Searcher<'_> {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let text = doc.text.as_str();
        self.scores.clear();
        match self.list.unit {
            Unit::Document => self.search(text, 0, doc.text.chars(), out),
            Unit::Paragraph => {
                let mut start = 0;
                for line in text.split_inclusive('\n') {
                    let chars = crate::text::count_chars(line.as_bytes());
                    if count_words(line.as_bytes()) > 0 {
                        self.search(line, start, chars, out);
                    }
                    start += chars;
                }
            }
        }
        // The attribute keys stand in the order of the types, not of the units.
        for kind in [COUNT, FRAC] {
            out.spans.extend(self.scores.iter().filter(|score| score.kind == kind));
        }
        Ok(())
    }
}

impl Searcher<'_> {
    /// The hits and scores of one unit, which begins at code point `base` and has `chars`.
    fn search(&mut self, unit: &str, base: usize, chars: usize, out: &mut Spans) {
        self.folded.read(unit);
        let folded = self.folded.as_bytes();
        self.hits.clear();
        for hit in self.list.automaton.find_overlapping_iter(folded) {
            if fold::is_whole(folded, hit.start(), hit.end()) {
                self.hits.push((hit.start(), Reverse(hit.end())));
            }
        }
        // Leftmost first, of equal starts the longest first.
        self.hits.sort_unstable();
        let (mut count, mut touched, mut floor) = (0usize, 0, 0);
        let mut position = self.folded.positions(unit, chars == unit.len());
        for &(start, Reverse(end)) in &self.hits {
            if start < floor {
                continue;
            }
            // The word of the last hit may go on to this one (`bad/bad`).
            let shared = count > 0 && memchr(b' ', &folded[floor..start]).is_none();
            touched += memchr_iter(b' ', &folded[start..end]).count() + usize::from(!shared);
            count += 1;
            floor = end;
            out.push(MATCH, base + position.of(start), base + position.of(end), 1.0);
        }
        let words = self.folded.words().max(1);
        let (start, end) = (base as u32, (base + chars) as u32);
        self.scores.push(Span { kind: COUNT, start, end, score: count as f64 });
        self.scores.push(Span { kind: FRAC, start, end, score: touched as f64 / words as f64 });
    }
}

#[cfg(test)]
mod tests;
