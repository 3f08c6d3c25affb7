//! The natural-language and content signals of RedPajama 2.
//!
//! Together AI 2023, "RedPajama-Data-v2" (Weber et al. 2024, table 8): what the corpus publishes of
//! every document, so that rules written for it apply to other text. Signals that need a model, a
//! list of domains or CCNet's buckets are left out, and those of repetition are
//! [`super::gopher::v3`]'s with other words. Two kinds of words: "raw" ones are runs of `\w` or of
//! punctuation, "normalized" ones what white space separates once the punctuation of ASCII is gone
//! and letters are in lower case.

use super::{Document, Kernel, Options, Spans, Worker, refuse_options};
use crate::error::Result;
use crate::text::index::Index;
use crate::text::unicode::{is_space, is_word, strip_end};
use crate::text::{Text, token_starts};
use memchr::{memchr2_iter, memmem};
use xxhash_rust::xxh3::xxh3_64;

const TYPES: [&str; 13] = [
    "rps_doc_word_count",
    "rps_doc_mean_word_length",
    "rps_doc_frac_unique_words",
    "rps_doc_unigram_entropy",
    "rps_doc_frac_all_caps_words",
    "rps_doc_frac_no_alph_words",
    "rps_doc_symbol_to_word_ratio",
    "rps_doc_num_sentences",
    "rps_doc_frac_lines_end_with_ellipsis",
    "rps_doc_curly_bracket",
    "rps_doc_lorem_ipsum",
    "rps_doc_frac_lines_ending_with_terminal_punctuation_mark",
    "rps_doc_frac_lines_starting_with_bulletpoint",
];

/// What lines of lists begin with (`RPS_Lines_Start_With_Bulletpoint`).
const BULLETS: [char; 10] = ['•', '‣', '▶', '◀', '◦', '■', '□', '▪', '▫', '–'];

struct RedPajama {
    types: Vec<String>,
}

/// `redpajama_v2`: thirteen signals over the document.
pub(super) fn build(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("redpajama_v2", options)?;
    Ok(Box::new(RedPajama { types: TYPES.map(str::to_owned).to_vec() }))
}

impl Kernel for RedPajama {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(RedPajamaWorker::default())
    }
}

#[derive(Default)]
struct RedPajamaWorker {
    /// The text in lower case without the punctuation of ASCII, with single spaces.
    normalized: String,
    token_starts: Vec<u64>,
    index: Index,
    /// Where each distinct word begins in `normalized`, its bytes, and how often it occurs; from 1.
    distinct: Vec<(u32, u32, u32)>,
}

/// Room for more than this is given back before the next document.
const KEPT: usize = 1 << 22;

impl Worker for RedPajamaWorker {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let text = doc.text;
        self.normalize(text.as_str());
        let normalized = Text::new(&self.normalized);
        let (words, chars) = count_words(&normalized, &mut self.index, &mut self.distinct);
        token_starts(text.as_str(), &mut self.token_starts);
        let raw = RawWords::count(text, &self.token_starts);
        let lines = Lines::count(text);
        let bytes = text.as_bytes();
        let curly = memchr2_iter(b'{', b'}', bytes).count();
        let lorem = memmem::find_iter(self.normalized.as_bytes(), "lorem ipsum").count();
        let per = |count: usize, whole: usize| count as f64 / whole.max(1) as f64;
        let scores = [
            words as f64,
            per(chars, words),
            per(self.distinct.len() - 1, words),
            entropy(&self.distinct, words),
            per(raw.all_caps, raw.words),
            per(raw.words - raw.with_letter, raw.words),
            per(symbols(text), raw.words),
            count_sentences(text.as_str()) as f64,
            per(lines.ellipses, lines.lines),
            per(curly, text.chars()),
            per(lorem, normalized.chars()),
            per(lines.ended, lines.lines),
            per(lines.bullets, lines.lines),
        ];
        for (kind, score) in (0..).zip(scores) {
            out.push(kind, 0, text.chars(), score);
        }
        Ok(())
    }
}

impl RedPajamaWorker {
    fn normalize(&mut self, text: &str) {
        self.normalized.clear();
        self.normalized.shrink_to(KEPT);
        self.normalized.reserve(text.len());
        for c in text.chars() {
            match c {
                c if c.is_ascii_punctuation() => (),
                c if is_space(c) => {
                    if !matches!(self.normalized.as_bytes().last(), None | Some(b' ')) {
                        self.normalized.push(' ');
                    }
                }
                c if c.is_ascii() => self.normalized.push(c.to_ascii_lowercase()),
                c => self.normalized.extend(c.to_lowercase()),
            }
        }
        let end = self.normalized.trim_end_matches(' ').len();
        self.normalized.truncate(end);
    }
}

/// Fills the table of distinct words; how many words there are, and their code points.
fn count_words(
    text: &Text<'_>,
    index: &mut Index,
    distinct: &mut Vec<(u32, u32, u32)>,
) -> (usize, usize) {
    let bytes = text.as_bytes();
    let (mut words, mut chars) = (0, 0);
    distinct.clear();
    distinct.shrink_to(KEPT);
    // Number 0 equals no word.
    distinct.push((0, 0, 0));
    index.clear(text.word_count());
    for word in text.words() {
        words += 1;
        chars += text.chars_in(word.clone());
        let here = &bytes[word.clone()];
        let number = index.number(xxh3_64(here), |at| {
            let (start, len, _) = distinct[at];
            bytes[start as usize..][..len as usize] == *here
        });
        if number == distinct.len() {
            distinct.push((word.start as u32, word.len() as u32, 0));
        }
        distinct[number].2 += 1;
    }
    (words, chars)
}

/// Shannon's entropy of the words, in nats.
fn entropy(distinct: &[(u32, u32, u32)], words: usize) -> f64 {
    let shares = distinct[1..].iter().map(|&(_, _, count)| f64::from(count) / words.max(1) as f64);
    shares.map(|share| -share * share.ln()).sum::<f64>().max(0.0)
}

/// Tokens of the pattern `\w+|[^\w\s]+`.
#[derive(Default)]
struct RawWords {
    words: usize,
    with_letter: usize,
    all_caps: usize,
}

impl RawWords {
    fn count(text: &Text<'_>, starts: &[u64]) -> Self {
        let mut counts = Self::default();
        let bits = starts.iter().enumerate();
        let all = bits.flat_map(|(block, &bits)| Bits(bits).map(move |bit| block * 64 + bit));
        let mut all = all.peekable();
        while let Some(start) = all.next() {
            let end = all.peek().copied().unwrap_or(text.as_bytes().len());
            counts.add(text.as_str()[start..end].trim_end_matches(is_space));
        }
        counts
    }

    fn add(&mut self, word: &str) {
        self.words += 1;
        self.with_letter += usize::from(word.bytes().any(|byte| byte.is_ascii_alphabetic()));
        let upper = |c: char| c.is_uppercase();
        let lower = |c: char| c.is_lowercase();
        self.all_caps += usize::from(word.chars().any(upper) && !word.chars().any(lower));
    }
}

/// The places of the bits that are set.
struct Bits(u64);

impl Iterator for Bits {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let bit = (self.0 != 0).then(|| self.0.trailing_zeros() as usize)?;
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

/// `#`, `...` and `…`.
fn symbols(text: &Text<'_>) -> usize {
    let bytes = text.as_bytes();
    let wide = if text.is_ascii() { 0 } else { memmem::find_iter(bytes, "…").count() };
    memchr::memchr_iter(b'#', bytes).count() + memmem::find_iter(bytes, "...").count() + wide
}

/// Matches of `\b[^.!?]+[.!?]*`: pieces between runs of marks that have a boundary of a word in
/// or before them.
fn count_sentences(text: &str) -> usize {
    let pieces = text.split(['.', '!', '?']);
    pieces.filter(|piece| piece.chars().any(is_word)).count()
}

#[derive(Default)]
struct Lines {
    lines: usize,
    ellipses: usize,
    ended: usize,
    bullets: usize,
}

impl Lines {
    /// Lines as RedPajama has them: with their newline, none after the last one.
    fn count(text: &Text<'_>) -> Self {
        let mut counts = Self::default();
        for range in text.lines() {
            let line = &text.as_str()[range.clone()];
            if range.start == text.as_bytes().len() {
                break;
            }
            counts.lines += 1;
            let stripped = strip_end(line);
            counts.ellipses += usize::from(stripped.ends_with("...") || stripped.ends_with('…'));
            counts.ended += usize::from(stripped.ends_with(['.', '!', '?', '”']));
            counts.bullets += usize::from(line.trim_start_matches(is_space).starts_with(BULLETS));
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag::testing::rows;
    use crate::text::count_chars;

    fn score(text: &str, kind: &str) -> f64 {
        let rows = rows("redpajama_v2", text);
        assert!(rows.iter().all(|row| (row.1, row.2) == (0, count_chars(text.as_bytes()))));
        let row = rows.iter().find(|row| row.0 == format!("rps_doc_{kind}"));
        row.map(|row| row.3).unwrap()
    }

    #[test]
    fn one_document_by_hand() {
        let text = "Don't PANIC! {Don't}\n• É É... # 42\nLorem, IPSUM”\n";
        // Normalized: dont panic dont • é é 42 lorem ipsum”.
        let expected = [
            ("word_count", 9.0),
            ("mean_word_length", 29.0 / 9.0),
            ("frac_unique_words", 7.0 / 9.0),
            // Don ' t PANIC ! { Don ' t } • É É ... # 42 Lorem , IPSUM ”: of 20 PANIC, É, É and IPSUM
            // are upper case; Don, t, PANIC, Don, t, Lorem and IPSUM have a letter of ASCII.
            ("frac_all_caps_words", 4.0 / 20.0),
            ("frac_no_alph_words", 13.0 / 20.0),
            ("symbol_to_word_ratio", 2.0 / 20.0),
            // "Don't PANIC!", " {Don't}\n• É É...", " # 42\nLorem, IPSUM”\n".
            ("num_sentences", 3.0),
            ("frac_lines_end_with_ellipsis", 0.0),
            ("curly_bracket", 2.0 / 49.0),
            ("lorem_ipsum", 1.0 / 37.0),
            ("frac_lines_ending_with_terminal_punctuation_mark", 1.0 / 3.0),
            ("frac_lines_starting_with_bulletpoint", 1.0 / 3.0),
        ];
        assert_eq!(count_chars(text.as_bytes()), 49);
        for (kind, value) in expected {
            assert_eq!(score(text, kind), value, "{kind}");
        }
        // Twice two of nine and five times one of nine.
        let nats = 4.0 / 9.0 * (4.5f64).ln() + 5.0 / 9.0 * (9.0f64).ln();
        assert!((score(text, "unigram_entropy") - nats).abs() < 1e-12);
    }

    #[test]
    fn texts_without_words_have_zeros() {
        for text in ["", " ", "\n\n"] {
            for kind in ["word_count", "unigram_entropy", "frac_unique_words", "num_sentences"] {
                assert_eq!(score(text, kind), 0.0, "{text:?} {kind}");
            }
        }
        assert_eq!(score("a a a", "unigram_entropy"), 0.0);
        assert_eq!(score("a...\nb…", "frac_lines_end_with_ellipsis"), 1.0);
    }

    #[test]
    fn hostile_documents_take_linear_time() {
        let all = [".".repeat(10_000_000), "A ".repeat(3_000_000), "İ".repeat(5_000_000)];
        for text in all.iter().chain(&["\n".repeat(10_000_000), "x".repeat(30_000_000)]) {
            assert_eq!(rows("redpajama_v2", text).len(), TYPES.len());
        }
    }
}
