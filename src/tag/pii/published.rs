//! The PII taggers of the earlier tool under their old names, with their old values.
//!
//! Old recipes filter on these numbers, so known faults stay: e-mail spans carry surrounding
//! punctuation and white space, numbers are cut out of longer ones, `doc_frac` is too large by
//! one. `pii_regex_v3` is the corrected tagger. Only crashes are gone: where a text without words
//! made the division fail, the score is 0.

use super::blocks::count_words;
use super::chars::{back, forth, space_len};
use super::email::{self, for_each_email};
use super::number::{Lead, Match, find_numbers};
use super::{DOC, EMAIL, IP, PHONE, Position, refuse_options, types_with};
use crate::error::Result;
use crate::tag::{Document, Kernel, Options, Spans, Worker};
use memchr::{memchr, memchr_iter, memmem};

/// What the old names differ in.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Scores {
    /// `doc`: spans per word.
    Doc { without_words: f64 },
    /// `doc`, then `doc_count`.
    DocAndCount,
    /// Per line, without looking at the context: `doc_count`, then `doc_frac`.
    Fast,
}

/// Code points on each side of a number in which an identifier rules it out.
const WINDOW: usize = 100;
/// Texts with more question marks than this are skipped by the fast tagger.
const MAX_QUESTION_MARKS: usize = 10_000;

/// `pii_regex_v1`: e-mail addresses, phone numbers and IPv4 addresses by regular expression.
///
/// Spans `EMAIL_ADDRESS`, `PHONE_NUMBER`, `IP_ADDRESS` (score 1) and `doc` over the whole text:
/// number of spans / number of white-space separated words, 0 without words. An e-mail needs a
/// full stop after the `@`; a number is dropped if `isbn`, `doi` or `#` stands within 100 code
/// points. A phone number was also meant to be dropped if the text holds a URL, but the
/// expression asked for a backspace character before it, so that never happened.
pub fn build_v1(options: &Options) -> Result<Box<dyn Kernel>> {
    build("pii_regex_v1", Scores::Doc { without_words: 0.0 }, &["doc"], options)
}

/// `pii_regex_v2`: as `pii_regex_v1`; `doc` is -1 without words.
pub fn build_v2(options: &Options) -> Result<Box<dyn Kernel>> {
    build("pii_regex_v2", Scores::Doc { without_words: -1.0 }, &["doc"], options)
}

/// `pii_regex_with_counts_v2`: as `pii_regex_v1`, and `doc_count`, the number of PII spans.
pub fn build_counts_v2(options: &Options) -> Result<Box<dyn Kernel>> {
    build("pii_regex_with_counts_v2", Scores::DocAndCount, &["doc", "doc_count"], options)
}

/// `pii_regex_with_counts_fast_v2`: the same expressions line by line, numbers in any context.
///
/// Spans `EMAIL_ADDRESS`, `PHONE_NUMBER`, `IP_ADDRESS` (score 1), `doc_count` (their number) and
/// `doc_frac`: 1 + code points in spans / code points of the text, -1 for an empty text. The 1 is
/// a fault that is kept: `doc_count` was counted as a span. A text with more than 10,000 question
/// marks has no spans.
pub fn build_fast_v2(options: &Options) -> Result<Box<dyn Kernel>> {
    let scores = &["doc_count", "doc_frac"];
    build("pii_regex_with_counts_fast_v2", Scores::Fast, scores, options)
}

fn build(name: &str, scores: Scores, types: &[&str], options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options(name, options)?;
    Ok(Box::new(Published { types: types_with(types), scores }))
}

struct Published {
    types: Vec<String>,
    scores: Scores,
}

impl Kernel for Published {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(Scanner {
            scores: self.scores,
            identifiers: ["isbn", "doi", "#"].map(|word| memmem::Finder::new(word).into_owned()),
            emails: Vec::new(),
            phones: Vec::new(),
            ips: Vec::new(),
        })
    }
}

struct Scanner {
    scores: Scores,
    identifiers: [memmem::Finder<'static>; 3],
    emails: Vec<Match>,
    phones: Vec<Match>,
    ips: Vec<Match>,
}

impl Worker for Scanner {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        self.emails.clear();
        self.phones.clear();
        self.ips.clear();
        let text = doc.text.as_str().as_bytes();
        let (ascii, chars) = (doc.text.is_ascii(), doc.text.chars());
        if self.scores == Scores::Fast {
            self.tag_lines(text, ascii, chars, out);
        } else {
            self.tag_text(text, ascii, chars, out);
        }
        Ok(())
    }
}

impl Scanner {
    /// All e-mails, then all phones, then all IPs; then the document scores.
    fn tag_text(&mut self, text: &[u8], ascii: bool, chars: usize, out: &mut Spans) {
        let emails = &mut self.emails;
        for_each_email(text, |hit| {
            if is_email_by_mention(text, hit) {
                emails.push(Match { start: hit.start, end: hit.end });
            }
        });
        find_numbers(text, ascii, Lead::Text, &mut self.phones, &mut self.ips);
        let identifiers = &self.identifiers;
        let clean = |hit: &Match| !has_identifier(identifiers, text, ascii, hit);
        self.phones.retain(clean);
        self.ips.retain(clean);

        let mut position = Position::new(text, ascii);
        let mut push = |kind, hits: &[Match]| {
            for hit in hits {
                out.push(kind, position.of(hit.start), position.of(hit.end), 1.0);
            }
        };
        push(EMAIL, &self.emails);
        push(PHONE, &self.phones);
        push(IP, &self.ips);

        let count = (self.emails.len() + self.phones.len() + self.ips.len()) as f64;
        let empty = match self.scores {
            Scores::Doc { without_words } => without_words,
            _ => 0.0,
        };
        let score = match count_words(text) {
            0 => empty,
            words => count / words as f64,
        };
        out.push(DOC, 0, chars, score);
        if self.scores == Scores::DocAndCount {
            out.push(DOC + 1, 0, chars, count);
        }
    }

    /// Line after line: its e-mails, its phones, its IPs.
    fn tag_lines(&mut self, text: &[u8], ascii: bool, chars: usize, out: &mut Spans) {
        if memchr_iter(b'?', text).count() <= MAX_QUESTION_MARKS {
            find_emails_by_line(text, &mut self.emails);
            find_numbers(text, ascii, Lead::Line, &mut self.phones, &mut self.ips);
        }
        let mut position = Position::new(text, ascii);
        let mut covered = 0;
        let mut push = |kind, hit: &Match| {
            let (start, end) = (position.of(hit.start), position.of(hit.end));
            covered += end - start;
            out.push(kind, start, end, 1.0);
        };
        let mut queues =
            [(EMAIL, &self.emails[..]), (PHONE, &self.phones[..]), (IP, &self.ips[..])];
        while let Some(first) =
            queues.iter().filter_map(|(_, hits)| hits.first()).map(|hit| hit.start).min()
        {
            let line_end = memchr(b'\n', &text[first..]).map_or(text.len(), |at| first + at + 1);
            for (kind, hits) in &mut queues {
                let in_line = hits.iter().take_while(|hit| hit.start < line_end).count();
                let (line, rest) = hits.split_at(in_line);
                line.iter().for_each(|hit| push(*kind, hit));
                *hits = rest;
            }
        }
        let count = (self.emails.len() + self.phones.len() + self.ips.len()) as f64;
        out.push(DOC, 0, chars, count);
        let frac = if chars == 0 { -1.0 } else { (covered + chars) as f64 / chars as f64 };
        out.push(DOC + 1, 0, chars, frac);
    }
}

/// E-mails of each line on its own; a line ends with its `\n`.
fn find_emails_by_line(text: &[u8], emails: &mut Vec<Match>) {
    let mut floor = 0;
    while let Some(offset) = memchr(b'@', &text[floor..]) {
        let at = floor + offset;
        let start = memchr::memrchr(b'\n', &text[floor..at]).map_or(floor, |line| floor + line + 1);
        let end = memchr(b'\n', &text[at..]).map_or(text.len(), |line| at + line + 1);
        let line = &text[start..end];
        for_each_email(line, |hit| {
            if is_email_by_groups(line, hit) {
                emails.push(Match { start: start + hit.start, end: start + hit.end });
            }
        });
        floor = end;
    }
}

/// The rule of the fast tagger: the captured name is not `(`, the captured domain has a dot.
fn is_email_by_groups(text: &[u8], hit: email::Match) -> bool {
    &text[hit.name..hit.at] != b"(" && memchr(b'.', &text[hit.at + 1..hit.domain_end]).is_some()
}

/// The rule of the others, on the whole span with its surroundings split at every `@`: the first
/// part is not `(` in white space, the second has a dot.
fn is_email_by_mention(text: &[u8], hit: email::Match) -> bool {
    let mut parts = text[hit.start..hit.end].splitn(3, |&byte| byte == b'@');
    let (name, domain) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    memchr(b'.', domain).is_some() && !is_spaced_bracket(name)
}

/// Whether `(` is all there is apart from white space.
fn is_spaced_bracket(name: &[u8]) -> bool {
    let mut brackets = 0;
    let mut at = 0;
    while at < name.len() {
        match space_len(name, at) {
            0 if name[at] == b'(' && brackets == 0 => {
                brackets = 1;
                at += 1;
            }
            0 => return false,
            // A bracket, white space, and another bracket fails on the second one.
            width => at += width,
        }
    }
    brackets == 1
}

fn has_identifier(
    identifiers: &[memmem::Finder<'_>; 3],
    text: &[u8],
    ascii: bool,
    hit: &Match,
) -> bool {
    let (start, end) = if ascii {
        (hit.start.saturating_sub(WINDOW), (hit.end + WINDOW).min(text.len()))
    } else {
        (back(text, hit.start, WINDOW), forth(text, hit.end, WINDOW))
    };
    identifiers.iter().any(|word| word.find(&text[start..end]).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Text;

    /// Type, start, end, score of each span.
    fn tag(
        build: fn(&Options) -> Result<Box<dyn Kernel>>,
        text: &str,
    ) -> Vec<(String, u32, u32, f64)> {
        let kernel = build(&Options::new()).unwrap();
        let mut out = Spans::default();
        let text = Text::new(text);
        let doc = Document { id: "1", text: &text, metadata: None };
        kernel.worker().tag(&doc, &mut out).unwrap();
        let name = |kind: u16| kernel.types()[kind as usize].clone();
        out.spans.iter().map(|span| (name(span.kind), span.start, span.end, span.score)).collect()
    }

    fn row(name: &str, start: u32, end: u32, score: f64) -> (String, u32, u32, f64) {
        (name.to_owned(), start, end, score)
    }

    /// Values of the earlier tool, run on the same text.
    #[test]
    fn scores_are_the_published_ones() {
        let text = "é 1.2.3.4, me@x.org \n (212) 555-1234";
        let spans = [
            row("EMAIL_ADDRESS", 9, 21, 1.0),
            row("PHONE_NUMBER", 19, 36, 1.0),
            row("IP_ADDRESS", 2, 9, 1.0),
        ];
        let with = |scores: &[(String, u32, u32, f64)]| [&spans[..], scores].concat();
        assert_eq!(tag(build_v1, text), with(&[row("doc", 0, 36, 0.6)]));
        assert_eq!(tag(build_v2, text), with(&[row("doc", 0, 36, 0.6)]));
        assert_eq!(
            tag(build_counts_v2, text),
            with(&[row("doc", 0, 36, 0.6), row("doc_count", 0, 36, 3.0)])
        );
        assert_eq!(
            tag(build_fast_v2, text),
            [
                row("EMAIL_ADDRESS", 9, 21, 1.0),
                row("IP_ADDRESS", 2, 9, 1.0),
                row("PHONE_NUMBER", 21, 36, 1.0),
                row("doc_count", 0, 36, 3.0),
                row("doc_frac", 0, 36, 70.0 / 36.0),
            ]
        );
    }

    #[test]
    fn t2_texts_without_words_do_not_fail() {
        for (text, end) in [("", 0), (" \n", 2)] {
            assert_eq!(tag(build_v1, text), [row("doc", 0, end, 0.0)]);
            assert_eq!(tag(build_v2, text), [row("doc", 0, end, -1.0)]);
            assert_eq!(
                tag(build_counts_v2, text),
                [row("doc", 0, end, 0.0), row("doc_count", 0, end, 0.0)]
            );
        }
        assert_eq!(
            tag(build_fast_v2, ""),
            [row("doc_count", 0, 0, 0.0), row("doc_frac", 0, 0, -1.0)]
        );
    }

    #[test]
    fn identifiers_within_a_hundred_code_points_rule_a_number_out() {
        for (gap, kept) in [(99, false), (100, true)] {
            let dashes = "é".repeat(gap);
            for text in [format!("#{dashes} 1.2.3.4"), format!(" 212-555-1234{dashes}#")] {
                // The white space of the phone is part of its span.
                let kept = kept && text.starts_with(' ') || text.starts_with('#') && gap >= 99;
                let found = tag(build_v1, &text).len() == 2;
                assert_eq!(found, kept, "{gap} {text}");
            }
        }
    }

    #[test]
    fn t7_a_url_does_not_hide_phone_numbers() {
        assert_eq!(tag(build_v1, "http://x.org/a 212-555-1234").len(), 2);
    }

    #[test]
    fn many_question_marks_silence_the_fast_tagger() {
        let text = |marks| format!("{} me@x.org ", "?".repeat(marks));
        assert_eq!(tag(build_fast_v2, &text(10_000)).len(), 3);
        assert_eq!(tag(build_fast_v2, &text(10_001)).len(), 2);
    }
}
