//! The sentence rules of MADLAD-400: lists in title case, fragments, tables, known boilerplate.
//!
//! Kudugunta et al. 2023, "MADLAD-400", section 2.3: a page goes if it has fewer than five
//! sentences or if more than 20 % of them are questionable. A sentence is questionable if more
//! than half of its tokens, of at least 12, begin with a capital ("list case"), if it has fewer
//! than 20 or more than 500 characters, if more than 20 % of its characters are in
//! `[0-9{}+/()>]`, or if it matches one of the "cursed" substrings and patterns of appendix A.2.
//! The rule that a sentence has the language of the page is left to the language taggers. Olmo 3
//! used list case and cursed patterns alone. Tokens are words by white space, which begin with
//! their first letter or digit.

use super::stops::sentences;
use super::{Document, Kernel, Options, Spans, Worker, refuse_options};
use crate::error::{Error, Result};
use crate::text::unicode::is_space;
use crate::text::{Text, count_chars};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::Regex;
use std::ops::Range;

const MIN_TOKENS: usize = 12;
const CAPITAL_SHARE: f64 = 0.5;
const LENGTHS: std::ops::RangeInclusive<usize> = 20..=500;
const TECHNICAL_SHARE: f64 = 0.2;

/// The substrings of appendix A.2, as they were published.
const CURSED: [&str; 26] = [
    " №",
    "\u{fffd}\u{fffd}\u{fffd}",
    "aute irure dolor ",
    " sunt in culpa qui ",
    "orem ipsum ",
    " quis nostrud ",
    " adipisicing ",
    " dolore eu ",
    " cupidatat ",
    "autem vel eum",
    "wisi enim ad",
    " sex ",
    " porn ",
    "黄色电影",
    "mp3",
    "ownload",
    "Vol.",
    " Ep.",
    "Episode",
    " шт.",
    "Develop",
    "Facebook",
    " crusher ",
    " xxx ",
    " ... ... ... ... ... ... ... ... ...",
    " .... .... .... .... .... .... .... .... ....",
];

/// The patterns that are anchored at the end of a sentence.
const CURSED_ENDS: [&str; 4] = ["|", " nr.", " г.", " кг."];

/// Letters one by one with spaces between, and numbers or marks in rows of commas.
const CURSED_PATTERNS: &str = r"(?: [^ ]){9}|, ..,,? ..,,? ..,,? ..,,?";

#[derive(Clone, Copy)]
#[repr(u16)]
enum Kind {
    ListCase,
    AbnormalLength,
    TechnicalCharacters,
    Cursed,
    SentenceCount,
    Questionable,
    ListCaseOrCursed,
}

const TYPES: [&str; 7] = [
    "list_case",
    "abnormal_length",
    "technical_characters",
    "cursed",
    "sentence_count",
    "fraction_of_questionable_sentences",
    "fraction_of_list_case_or_cursed_sentences",
];

struct Madlad {
    types: Vec<String>,
    cursed: AhoCorasick,
    patterns: Regex,
}

/// `madlad400_v1`: questionable sentences, and their share.
pub(super) fn build(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("madlad400_v1", options)?;
    let cursed = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostFirst)
        .kind(Some(AhoCorasickKind::DFA))
        .build(CURSED);
    let cursed = cursed.map_err(|cause| Error::asset(format!("madlad400_v1: {cause}")))?;
    let patterns = Regex::new(CURSED_PATTERNS);
    let patterns = patterns.map_err(|cause| Error::asset(format!("madlad400_v1: {cause}")))?;
    Ok(Box::new(Madlad { types: TYPES.map(str::to_owned).to_vec(), cursed, patterns }))
}

impl Kernel for Madlad {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(MadladWorker { kernel: self })
    }
}

struct MadladWorker<'k> {
    kernel: &'k Madlad,
}

impl Worker for MadladWorker<'_> {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let text = doc.text;
        let mut cursor = text.cursor();
        // Rows of dots are sentences of their own, so substrings are looked for in the text.
        let mut cursed = self.kernel.cursed.find_iter(text.as_str()).map(|found| found.range());
        let mut next = cursed.next();
        let (mut count, mut questionable, mut listed) = (0usize, 0usize, 0usize);
        for range in sentences(text.as_str()) {
            count += 1;
            while next.as_ref().is_some_and(|found| found.end <= range.start) {
                next = cursed.next();
            }
            let touched = next.as_ref().is_some_and(|found| found.start < range.end);
            let broken = self.kernel.check(text, range.clone(), touched);
            if !broken.iter().any(|(_, broken)| *broken) {
                continue;
            }
            questionable += 1;
            listed += usize::from(broken[0].1 || broken[3].1);
            let (start, end) = (cursor.at(range.start), cursor.at(range.end));
            for (kind, _) in broken.into_iter().filter(|(_, broken)| *broken) {
                out.push(kind as u16, start, end, 1.0);
            }
        }
        let share = |part: usize| part as f64 / count.max(1) as f64;
        for (kind, score) in [
            (Kind::SentenceCount, count as f64),
            (Kind::Questionable, share(questionable)),
            (Kind::ListCaseOrCursed, share(listed)),
        ] {
            out.push(kind as u16, 0, text.chars(), score);
        }
        Ok(())
    }
}

impl Madlad {
    /// Which of the four rules a sentence breaks; `cursed` if one of the substrings touches it.
    fn check(&self, text: &Text<'_>, range: Range<usize>, cursed: bool) -> [(Kind, bool); 4] {
        let sentence = &text.as_str()[range];
        let bytes = sentence.as_bytes();
        let chars = if text.is_ascii() { bytes.len() } else { count_chars(bytes) };
        let technical = bytes.iter().filter(|byte| is_technical(**byte)).count();
        [
            (Kind::ListCase, is_list_case(sentence)),
            (Kind::AbnormalLength, !LENGTHS.contains(&chars)),
            (Kind::TechnicalCharacters, technical as f64 > TECHNICAL_SHARE * chars as f64),
            (Kind::Cursed, cursed || self.matches(sentence)),
        ]
    }

    fn matches(&self, sentence: &str) -> bool {
        CURSED_ENDS.iter().any(|end| sentence.ends_with(end)) || self.patterns.is_match(sentence)
    }
}

fn is_technical(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'{' | b'}' | b'+' | b'/' | b'(' | b')' | b'>')
}

fn is_list_case(sentence: &str) -> bool {
    let (mut tokens, mut capitals) = (0usize, 0usize);
    for word in sentence.split(is_space) {
        if let Some(first) = word.chars().find(|c| c.is_alphanumeric()) {
            tokens += 1;
            capitals += usize::from(first.is_uppercase());
        }
    }
    tokens >= MIN_TOKENS && capitals as f64 > CAPITAL_SHARE * tokens as f64
}

#[cfg(test)]
mod tests {
    use crate::tag::testing::rows;

    fn of(text: &str, kind: &str) -> Vec<(usize, usize, f64)> {
        let rows = rows("madlad400_v1", text).into_iter().filter(|row| row.0 == kind);
        rows.map(|row| (row.1, row.2, row.3)).collect()
    }

    fn share(text: &str) -> f64 {
        of(text, "fraction_of_questionable_sentences")[0].2
    }

    #[test]
    fn one_page_by_hand() {
        let fine = "Éine ganz gewöhnliche Zeile.";
        let listed = "Home About (Contact) News Blog Shop Help Terms of our Site Map and Login.";
        let text = format!("{fine} {listed}\nShort. {fine} Call 0123/456789 (0800) or 12+34.");
        assert_eq!(of(&text, "list_case"), [(29, 102, 1.0)]);
        assert_eq!(of(&text, "abnormal_length"), [(103, 109, 1.0)]);
        assert_eq!(of(&text, "technical_characters"), [(139, 172, 1.0)]);
        assert_eq!(of(&text, "sentence_count"), [(0, 172, 5.0)]);
        assert_eq!(share(&text), 3.0 / 5.0);
        assert_eq!(of(&text, "fraction_of_list_case_or_cursed_sentences")[0].2, 1.0 / 5.0);
    }

    #[test]
    fn bounds_are_those_of_the_paper() {
        for (chars, broken) in [(19, 1), (20, 0), (500, 0), (501, 1)] {
            assert_eq!(of(&"é".repeat(chars), "abnormal_length").len(), broken, "{chars}");
        }
        // Exactly half of 12 tokens, more than half, and more than half of 11.
        let words = |capital: usize, small: usize| "Word ".repeat(capital) + &"word ".repeat(small);
        for (capital, small, listed) in [(6, 6, 0), (7, 5, 1), (11, 0, 0), (12, 0, 1)] {
            assert_eq!(of(&words(capital, small), "list_case").len(), listed);
        }
        for (digits, technical) in [(5, 0), (6, 1)] {
            let text = "1".repeat(digits) + &"é".repeat(25 - digits);
            assert_eq!(of(&text, "technical_characters").len(), technical);
        }
    }

    #[test]
    fn cursed_sentences_are_found() {
        for text in [
            "Click here to Download it",
            "a table row | with its bars |",
            "Kontakt und Adresse: nr.",
            "spaced l i k e t h i s one",
            "Lorem ipsum dolor sit",
            "one, 12, 34, 56, 78, 90",
            "song.mp3",
        ] {
            assert_eq!(of(text, "cursed").len(), 1, "{text}");
        }
        let dots = format!("a{} b. Nothing.", " ...".repeat(9));
        assert_eq!(of(&dots, "cursed").len(), 9);
        for text in
            ["A plain sentence about sexuality.", "nr. of items | here", "a b c d e f g h i"]
        {
            assert!(of(text, "cursed").is_empty(), "{text}");
        }
    }

    #[test]
    fn hostile_documents_take_linear_time() {
        for text in ["a ".repeat(5_000_000), ". ".repeat(2_000_000), "😀".repeat(5_000_000)] {
            assert_eq!(of(&text, "sentence_count").len(), 1);
        }
        assert_eq!(rows("madlad400_v1", "").len(), 3);
        assert_eq!(share(""), 0.0);
    }
}
