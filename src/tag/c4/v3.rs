//! The rules of C4 as its paper and its code have them, as spans to cut and numbers to filter by.
//!
//! Raffel et al. 2020, section 2.2, and the published `c4_utils.py` of TensorFlow Datasets: lines
//! with "javascript" or talk of cookies and policies go, not the page; an ellipsis ends no
//! sentence; citation marks are cut; a page needs five sentences in the lines that stay; a word of
//! the obscenity list counts with punctuation around it. mC4 (Xue et al. 2021) and FineWeb's
//! `C4ParagraphFilter` want three lines of 200 characters. One automaton finds all phrases in one
//! walk; blank lines are no lines.

use super::lists::NAUGHTY;
use crate::error::{Error, Result};
use crate::tag::stops::sentences;
use crate::tag::wordlist::fold::is_whole;
use crate::tag::{Document, Kernel, Options, Spans, Worker, refuse_options};
use crate::text::unicode::{is_blank, is_sentence_end, is_space, strip_end};
use crate::text::{Cursor, Text, count_chars};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use memchr::{memchr, memrchr};
use std::ops::Range;

/// A line with fewer words has too few (section 2.2).
const MIN_WORDS: usize = 3;

/// A word with more code points is none (`c4_utils.py`).
const MAX_WORD_CHARS: usize = 1000;

/// A line of at least this many code points is long (mC4).
const LONG_LINE: usize = 200;

const POLICY: [&str; 6] = [
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
];

#[derive(Clone, Copy, PartialEq)]
#[repr(u16)]
enum Kind {
    NoEndingPunctuation,
    TooFewWords,
    LongWord,
    Javascript,
    Policy,
    Citation,
    NaughtyWord,
    LoremIpsum,
    CurlyBrace,
    LineCount,
    KeptLineCount,
    SentenceCount,
    AnyEndingSentenceCount,
    LongLineCount,
}

const TYPES: [&str; 14] = [
    "lines_with_no_ending_punctuation",
    "lines_with_too_few_words",
    "lines_with_long_word",
    "lines_with_javascript",
    "lines_with_policy",
    "citation",
    "has_naughty_word",
    "has_lorem_ipsum",
    "has_curly_brace",
    "line_count",
    "kept_line_count",
    "sentence_count",
    "sentence_count_any_ending",
    "long_line_count",
];

struct C4 {
    types: Vec<String>,
    phrases: AhoCorasick,
    /// What each phrase stands for.
    kinds: Vec<Kind>,
}

/// `c4_v3`: spans of lines and citations, flags and counts of the document.
pub(in crate::tag) fn build(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("c4_v3", options)?;
    let policy = POLICY.into_iter().map(|phrase| (phrase, Kind::Policy));
    let others = [("javascript", Kind::Javascript), ("lorem ipsum", Kind::LoremIpsum)];
    let naughty = NAUGHTY.lines().map(|phrase| (phrase, Kind::NaughtyWord));
    let (phrases, kinds): (Vec<_>, Vec<_>) = policy.chain(others).chain(naughty).unzip();
    let phrases = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::DFA))
        .build(phrases)
        .map_err(|cause| Error::asset(format!("c4_v3: {cause}")))?;
    Ok(Box::new(C4 { types: TYPES.map(str::to_owned).to_vec(), phrases, kinds }))
}

impl Kernel for C4 {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(C4Worker { kernel: self, marks: Vec::new() })
    }
}

struct C4Worker<'k> {
    kernel: &'k C4,
    /// Where phrases for which a line goes end, ascending.
    marks: Vec<(usize, Kind)>,
}

#[derive(Default)]
struct Counts {
    lines: usize,
    kept: usize,
    sentences: usize,
    /// The same, lines kept that end in no punctuation.
    any_ending: usize,
    long: usize,
}

impl Worker for C4Worker<'_> {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let text = doc.text;
        let (naughty, lorem) = self.find_phrases(text);
        let mut counts = Counts::default();
        let mut cursor = text.cursor();
        let mut marks = self.marks.iter().copied().peekable();
        for line in text.lines() {
            let mut found = [false; 2];
            while let Some((_, kind)) = marks.next_if(|(end, _)| *end <= line.end) {
                found[usize::from(kind == Kind::Policy)] = true;
            }
            if !is_blank(&text.as_str()[line.clone()]) {
                check_line(text, line, found, &mut counts, &mut cursor, out);
            }
        }
        let curly = memchr(b'{', text.as_bytes()).is_some();
        let flags =
            [(Kind::NaughtyWord, naughty), (Kind::LoremIpsum, lorem), (Kind::CurlyBrace, curly)];
        for (kind, _) in flags.into_iter().filter(|(_, set)| *set) {
            out.push(kind as u16, 0, text.chars(), 1.0);
        }
        for (kind, count) in [
            (Kind::LineCount, counts.lines),
            (Kind::KeptLineCount, counts.kept),
            (Kind::SentenceCount, counts.sentences),
            (Kind::AnyEndingSentenceCount, counts.any_ending),
            (Kind::LongLineCount, counts.long),
        ] {
            out.push(kind as u16, 0, text.chars(), count as f64);
        }
        Ok(())
    }
}

impl C4Worker<'_> {
    /// Fills `marks`; whether there is a naughty word, and lorem ipsum.
    fn find_phrases(&mut self, text: &Text<'_>) -> (bool, bool) {
        self.marks.clear();
        let (mut naughty, mut lorem) = (false, false);
        let bytes = text.as_bytes();
        for found in self.kernel.phrases.find_overlapping_iter(bytes) {
            match self.kernel.kinds[found.pattern().as_usize()] {
                Kind::NaughtyWord => {
                    naughty = naughty || is_whole(bytes, found.start(), found.end());
                }
                Kind::LoremIpsum => lorem = true,
                kind => self.marks.push((found.end(), kind)),
            }
        }
        (naughty, lorem)
    }
}

/// Reports what is wrong with a line, newline included, and counts it.
fn check_line(
    text: &Text<'_>,
    range: Range<usize>,
    found: [bool; 2],
    counts: &mut Counts,
    cursor: &mut Cursor<'_>,
    out: &mut Spans,
) {
    let line = &text.as_str()[range.clone()];
    let rules = [
        (Kind::NoEndingPunctuation, !ends_sentence(line)),
        (Kind::TooFewWords, text.words_in_line(range.clone()) < MIN_WORDS),
        (Kind::LongWord, has_long_word(line)),
        (Kind::Javascript, found[0]),
        (Kind::Policy, found[1]),
    ];
    counts.lines += 1;
    counts.long +=
        usize::from(line.len() >= LONG_LINE && text.chars_in(range.clone()) >= LONG_LINE);
    let broken = || rules.iter().filter(|(_, broken)| *broken).map(|(kind, _)| *kind);
    let kept = broken().next().is_none();
    let start = if kept { None } else { Some(cursor.at(range.start)) };
    for citation in citations(line) {
        let at = cursor.at(range.start + citation.start);
        let end = cursor.at(range.start + citation.end);
        out.push(Kind::Citation as u16, at, end, 1.0);
    }
    if let Some(start) = start {
        let end = cursor.at(text.as_bytes().len().min(range.end + 1));
        broken().for_each(|kind| out.push(kind as u16, start, end, 1.0));
    }
    if broken().all(|kind| kind == Kind::NoEndingPunctuation) {
        let count = sentences(line).count();
        counts.any_ending += count;
        counts.kept += usize::from(kept);
        counts.sentences += if kept { count } else { 0 };
    }
}

/// Whether a line ends in a terminal punctuation mark or a closing quote, citations aside; an
/// ellipsis is none.
fn ends_sentence(line: &str) -> bool {
    let mut line = strip_end(line);
    while let Some(start) = last_citation(line) {
        line = strip_end(&line[..start]);
    }
    let last = line.chars().next_back();
    last.is_some_and(|c| matches!(c, '"' | '”') || is_sentence_end(c)) && !line.ends_with("...")
}

fn has_long_word(line: &str) -> bool {
    line.len() > MAX_WORD_CHARS
        && line.split(is_space).any(|word| {
            word.len() > MAX_WORD_CHARS && count_chars(word.as_bytes()) > MAX_WORD_CHARS
        })
}

/// `[12]`, `[]`, `[edit]` and `[citation needed]`, as Wikipedia has them.
fn citations(line: &str) -> impl Iterator<Item = Range<usize>> {
    memchr::memchr_iter(b'[', line.as_bytes()).filter_map(move |start| {
        let rest = &line.as_bytes()[start..];
        let digits = rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let len = match rest.get(digits + 1) {
            Some(b']') => digits + 2,
            _ => citation_word(rest)?,
        };
        Some(start..start + len)
    })
}

fn citation_word(rest: &[u8]) -> Option<usize> {
    let words: [&[u8]; 2] = [b"[edit]", b"[citation needed]"];
    words.into_iter().find(|word| rest.starts_with(word)).map(<[u8]>::len)
}

/// Where the citation begins with which a line ends.
fn last_citation(line: &str) -> Option<usize> {
    if !line.ends_with(']') {
        return None;
    }
    let start = memrchr(b'[', line.as_bytes())?;
    let last = citations(&line[start..]).next()?;
    (start + last.end == line.len()).then_some(start)
}

#[cfg(test)]
mod tests {
    use crate::tag::testing::rows;

    fn of(text: &str, kind: &str) -> Vec<(usize, usize, f64)> {
        let rows = rows("c4_v3", text).into_iter().filter(|row| row.0 == kind);
        rows.map(|row| (row.1, row.2, row.3)).collect()
    }

    fn cut(text: &str, kind: &str) -> Vec<String> {
        let chars: Vec<char> = text.chars().collect();
        of(text, kind).iter().map(|span| chars[span.0..span.1].iter().collect()).collect()
    }

    #[test]
    fn one_page_by_hand() {
        let text = "É short.\nA whole line here. With two.[1]\n\nPlease enable JavaScript now.\n\
                    Our Privacy Policy says so.\nGoes on and on...\n\"Said he.\" [citation needed]\n字字。";
        assert_eq!(cut(text, "lines_with_too_few_words"), ["É short.\n", "字字。"]);
        assert_eq!(cut(text, "lines_with_javascript"), ["Please enable JavaScript now.\n"]);
        assert_eq!(cut(text, "lines_with_policy"), ["Our Privacy Policy says so.\n"]);
        assert_eq!(cut(text, "lines_with_no_ending_punctuation"), ["Goes on and on...\n"]);
        assert_eq!(cut(text, "citation"), ["[1]", "[citation needed]"]);
        assert!(of(text, "lines_with_long_word").is_empty());
        let end = text.chars().count();
        for (kind, count) in [
            ("line_count", 7.0),
            ("kept_line_count", 2.0),
            // "A whole line here.", "With two.[1]"; `"Said he."`, "[citation needed]".
            ("sentence_count", 4.0),
            // And "Goes on and on...".
            ("sentence_count_any_ending", 5.0),
            ("long_line_count", 0.0),
        ] {
            assert_eq!(of(text, kind), [(0, end, count)], "{kind}");
        }
    }

    #[test]
    fn pages_are_flagged_by_words_braces_and_lorem_ipsum() {
        for text in ["(sex)", "Big Black!", "an \"ASS\".", "🖕"] {
            assert_eq!(of(text, "has_naughty_word").len(), 1, "{text}");
        }
        for text in ["sexism", "classes", "Essex", "big blacky", "ässa"] {
            assert!(of(text, "has_naughty_word").is_empty(), "{text}");
        }
        assert_eq!(of("Lorem Ipsum", "has_lorem_ipsum").len(), 1);
        assert_eq!(of("a { b", "has_curly_brace"), [(0, 5, 1.0)]);
        assert!(of("a } b", "has_curly_brace").is_empty());
    }

    #[test]
    fn long_words_and_long_lines_are_measured_in_code_points() {
        for (chars, long) in [(1000, 0), (1001, 1)] {
            let text = format!("two words {}.", "é".repeat(chars - 1));
            assert_eq!(of(&text, "lines_with_long_word").len(), long);
        }
        for (chars, long) in [(199, 0.0), (200, 1.0)] {
            assert_eq!(of(&"é".repeat(chars), "long_line_count"), [(0, chars, long)]);
        }
    }

    #[test]
    fn brackets_that_cite_nothing_stay() {
        assert!(of("a [x] b [1 c ]] [Edit] [", "citation").is_empty());
        assert_eq!(of("a[][12][edit]", "citation"), [(1, 3, 1.0), (3, 7, 1.0), (7, 13, 1.0)]);
    }

    #[test]
    fn hostile_documents_take_linear_time() {
        let all = ["[1".repeat(5_000_000), "[]".repeat(2_000_000), "]".repeat(10_000_000)];
        let more = ["😀".repeat(5_000_000), "\n".repeat(10_000_000), ".".repeat(10_000_000)];
        for text in all.iter().chain(&more) {
            assert_eq!(of(text, "line_count").len(), 1);
        }
        assert_eq!(rows("c4_v3", "").len(), 5);
    }
}
