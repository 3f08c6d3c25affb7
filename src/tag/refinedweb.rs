//! The line rules of RefinedWeb: menus, counters and buttons, as spans to cut.
//!
//! Penedo et al. 2023, "The RefinedWeb Dataset for Falcon LLM", section 3.2 and appendix G.2: a
//! line goes if it is mainly upper case, only numbers, a counter ("3 likes") or one word; of lines
//! of at most ten words "sign-in" at the beginning, "Read more..." at the end and "items in cart"
//! anywhere are cut. A page of which that takes more than 5 % of the words goes as a whole. The
//! kinds of counters, and more than half for "mainly", are those of DCLM (Li et al. 2024).

use super::{Document, Kernel, Options, Spans, Worker, refuse_options};
use crate::error::{Error, Result};
use crate::text::unicode::{is_space, strip};
use crate::text::{Cursor, Text, count_chars};
use aho_corasick::AhoCorasick;
use std::ops::Range;

/// In a line of up to this many words phrases are cut.
const SHORT_LINE: usize = 10;

/// What a line counts that is a counter, in the singular.
const COUNTED: [&str; 13] = [
    "like", "share", "comment", "retweet", "repost", "quote", "bookmark", "upvote", "downvote",
    "download", "view", "follower", "reply",
];

/// A counter is shorter than this, in bytes, marks around it aside: longer lines are not looked at.
const LONGEST_COUNTER: usize = 64;

#[derive(Clone, Copy)]
#[repr(u16)]
enum Kind {
    MainlyUppercase,
    OnlyNumeric,
    Counter,
    OneWord,
    SignIn,
    ReadMore,
    ItemsInCart,
    Fraction,
}

const TYPES: [&str; 8] = [
    "mainly_uppercase",
    "only_numeric",
    "counter",
    "one_word",
    "sign_in",
    "read_more",
    "items_in_cart",
    "fraction_of_words_removed",
];

/// The phrases that are cut from short lines; the automaton's patterns in this order.
const PHRASES: [(&str, Kind); 5] = [
    ("sign-in", Kind::SignIn),
    ("sign in", Kind::SignIn),
    ("read more...", Kind::ReadMore),
    ("read more…", Kind::ReadMore),
    ("items in cart", Kind::ItemsInCart),
];

struct RefinedWeb {
    types: Vec<String>,
    phrases: AhoCorasick,
}

/// `refinedweb_lines_v1`: spans of lines and phrases, and the share of words in them.
pub(super) fn build(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("refinedweb_lines_v1", options)?;
    let phrases = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(PHRASES.map(|(phrase, _)| phrase))
        .map_err(|cause| Error::asset(format!("refinedweb_lines_v1: {cause}")))?;
    Ok(Box::new(RefinedWeb { types: TYPES.map(str::to_owned).to_vec(), phrases }))
}

impl Kernel for RefinedWeb {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(RefinedWebWorker { kernel: self })
    }
}

struct RefinedWebWorker<'k> {
    kernel: &'k RefinedWeb,
}

impl Worker for RefinedWebWorker<'_> {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let text = doc.text;
        let mut cursor = text.cursor();
        let (mut words, mut removed) = (0, 0);
        for range in text.lines() {
            let count = text.words_in_line(range.clone());
            words += count;
            if count == 0 {
                continue;
            }
            let line = &text.as_str()[range.clone()];
            let rules = [
                (Kind::MainlyUppercase, is_mainly_uppercase(text, line)),
                (Kind::OnlyNumeric, count == 1 && strip(line).chars().all(char::is_numeric)),
                (Kind::Counter, is_counter(line)),
                (Kind::OneWord, count == 1),
            ];
            if rules.iter().any(|(_, broken)| *broken) {
                removed += count;
                let start = cursor.at(range.start);
                let end = cursor.at(text.as_bytes().len().min(range.end + 1));
                for (kind, _) in rules.into_iter().filter(|(_, broken)| *broken) {
                    out.push(kind as u16, start, end, 1.0);
                }
            } else if count <= SHORT_LINE {
                removed += self.kernel.cut_phrases(text, range, &mut cursor, out);
            }
        }
        let share = removed as f64 / words.max(1) as f64;
        out.push(Kind::Fraction as u16, 0, text.chars(), share);
        Ok(())
    }
}

impl RefinedWeb {
    /// Reports the phrases of a line, with a space before what ends it, and counts their words.
    fn cut_phrases(
        &self,
        text: &Text<'_>,
        range: Range<usize>,
        cursor: &mut Cursor<'_>,
        out: &mut Spans,
    ) -> usize {
        let line = &text.as_str()[range.clone()];
        let first = line.len() - line.trim_start_matches(is_space).len();
        let last = line.trim_end_matches(is_space).len();
        let mut words = 0;
        for found in self.phrases.find_iter(line) {
            let (phrase, kind) = PHRASES[found.pattern().as_usize()];
            let (mut start, end) = (found.start(), found.end());
            let fits = match kind {
                Kind::SignIn => start == first && !goes_on(&line[end..]),
                Kind::ReadMore => end == last,
                _ => true,
            };
            if !fits {
                continue;
            }
            start -= usize::from(line[..start].ends_with(' '));
            let (at, to) = (cursor.at(range.start + start), cursor.at(range.start + end));
            out.push(kind as u16, at, to, 1.0);
            words += phrase.split(' ').count();
        }
        words
    }
}

/// Whether a word goes on after what was found.
fn goes_on(rest: &str) -> bool {
    rest.chars().next().is_some_and(char::is_alphanumeric)
}

/// Whether more than half of a line's code points are upper-case letters.
fn is_mainly_uppercase(text: &Text<'_>, line: &str) -> bool {
    if text.is_ascii() {
        let upper = line.bytes().filter(u8::is_ascii_uppercase).count();
        return upper * 2 > line.len();
    }
    let upper = line.chars().filter(|c| c.is_uppercase()).count();
    upper * 2 > count_chars(line.as_bytes())
}

/// Whether a line is a number (`3`, `1,024`, `1.2K`) and what it counts, and marks around them.
fn is_counter(line: &str) -> bool {
    let line = line.trim_matches(|c: char| !(c.is_alphanumeric() || c == '_'));
    if line.len() > LONGEST_COUNTER || !line.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ',' | '.'));
    let rest = rest.strip_prefix(['k', 'K', 'm', 'M', 'b', 'B']).unwrap_or(rest);
    let what = rest.trim_start_matches(is_space);
    if what.len() == rest.len() {
        return false;
    }
    let what = what.to_ascii_lowercase();
    let one = what.strip_suffix('s').unwrap_or(&what);
    COUNTED.contains(&one) || what == "replies"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag::testing::rows;

    fn cut(text: &str, kind: &str) -> Vec<String> {
        let chars: Vec<char> = text.chars().collect();
        let rows = rows("refinedweb_lines_v1", text).into_iter().filter(|row| row.0 == kind);
        rows.map(|row| chars[row.1..row.2].iter().collect()).collect()
    }

    #[test]
    fn one_page_by_hand() {
        let text = "Sign-in to go on\nÜBER UNS ALLE\n\n2024\n 1.2K likes!\nMenu\nA line of text, \
                    which stays. Read more…\n3 items in cart now\nRead more... is not the end";
        assert_eq!(cut(text, "sign_in"), ["Sign-in"]);
        assert_eq!(cut(text, "mainly_uppercase"), ["ÜBER UNS ALLE\n"]);
        assert_eq!(cut(text, "only_numeric"), ["2024\n"]);
        assert_eq!(cut(text, "counter"), [" 1.2K likes!\n"]);
        assert_eq!(cut(text, "one_word"), ["2024\n", "Menu\n"]);
        assert_eq!(cut(text, "read_more"), [" Read more…"]);
        assert_eq!(cut(text, "items_in_cart"), [" items in cart"]);
        let rows = rows("refinedweb_lines_v1", text);
        // Of 4 + 3 + 1 + 2 + 1 + 8 + 5 + 6 words 1 + 3 + 1 + 2 + 1 + 2 + 3 are cut.
        let last = rows[rows.len() - 1];
        let expected = ("fraction_of_words_removed", 0, text.chars().count(), 13.0 / 30.0);
        assert_eq!(last, expected);
    }

    #[test]
    fn long_lines_keep_their_phrases() {
        let words = "one two three four five six seven";
        assert_eq!(cut(&format!("{words} items in cart"), "items_in_cart").len(), 1);
        assert!(cut(&format!("{words} eight items in cart"), "items_in_cart").is_empty());
        assert!(cut("Sign-inner circles exist", "sign_in").is_empty());
    }

    #[test]
    fn counters_are_numbers_and_what_they_count() {
        for line in ["3 likes", "(1,024 views)", "12M Followers", "1 reply", "• 7 comments •"] {
            assert!(is_counter(line), "{line}");
        }
        for line in ["likes", "3 likes and more", "3likes", "three likes", "3 liked", "3k", ""] {
            assert!(!is_counter(line), "{line}");
        }
    }

    #[test]
    fn exactly_half_in_upper_case_is_not_mainly() {
        assert!(cut("AB cd", "mainly_uppercase").is_empty());
        assert_eq!(cut("ABC d", "mainly_uppercase").len(), 1);
    }

    #[test]
    fn hostile_documents_take_linear_time() {
        for text in ["A".repeat(20_000_000), "1 ".repeat(5_000_000), "!".repeat(20_000_000)] {
            assert!(!rows("refinedweb_lines_v1", &text).is_empty());
        }
        let lines = "items in cart\n".repeat(100_000);
        assert_eq!(rows("refinedweb_lines_v1", &lines).len(), 100_001);
        assert_eq!(rows("refinedweb_lines_v1", ""), [("fraction_of_words_removed", 0, 0, 0.0)]);
    }
}
