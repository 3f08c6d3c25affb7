//! How long a document or paragraph is: in bytes, code points, or tokens of a simple pattern.
//!
//! Lengths are what mixes are sampled and budgeted by, and the cheapest filters. A token is a
//! match of `\w+|[^\w\s]+`; the tokenizer kernels report one more than the number of tokens,
//! because that is what splitting at the pattern gave in the published tool and what recipes'
//! thresholds were chosen for.

use super::{Document, Kernel, Options, Spans, Worker, refuse_options};
use crate::error::Result;
use crate::text::{Paragraph, Text, count_bits, token_starts, unicode};

/// What a kernel of this family measures.
#[derive(Debug, Clone, Copy)]
enum Measure {
    /// `bytes_length_v1`: bytes of UTF-8.
    Bytes,
    /// `doc_count_v1`: one.
    Documents,
    /// `char_length_v1`: code points.
    Chars,
    /// `char_length_strip_ws_v1`: code points without white space at either end.
    StrippedChars,
    /// `char_length_with_paragraphs_v1`: code points of each paragraph and of the document.
    ParagraphChars,
    /// `whitespace_tokenizer_v1`: tokens, plus one.
    Tokens,
    /// `whitespace_tokenizer_with_paragraphs_v1`: the same of each paragraph, and their sum.
    ParagraphTokens,
}

struct Length {
    measure: Measure,
    types: Vec<String>,
}

fn build(
    name: &str,
    measure: Measure,
    types: &[&str],
    options: &Options,
) -> Result<Box<dyn Kernel>> {
    refuse_options(name, options)?;
    let types = types.iter().map(|&name| name.to_owned()).collect();
    Ok(Box::new(Length { measure, types }))
}

/// `bytes_length_v1`: `bytes`, the size of the text in UTF-8.
pub(super) fn bytes(options: &Options) -> Result<Box<dyn Kernel>> {
    build("bytes_length_v1", Measure::Bytes, &["bytes"], options)
}

/// `doc_count_v1`: `docs`, always 1; summed over a corpus it counts documents.
pub(super) fn documents(options: &Options) -> Result<Box<dyn Kernel>> {
    build("doc_count_v1", Measure::Documents, &["docs"], options)
}

/// `char_length_v1`: `length` in code points.
pub(super) fn chars(options: &Options) -> Result<Box<dyn Kernel>> {
    build("char_length_v1", Measure::Chars, &["length"], options)
}

/// `char_length_strip_ws_v1`: `length_no_ws`, code points between the first and the last that
/// are not white space.
pub(super) fn stripped_chars(options: &Options) -> Result<Box<dyn Kernel>> {
    build("char_length_strip_ws_v1", Measure::StrippedChars, &["length_no_ws"], options)
}

/// `char_length_with_paragraphs_v1`: `paragraph` for each line that is not blank (with its
/// newline) and `document`, in code points.
pub(super) fn paragraph_chars(options: &Options) -> Result<Box<dyn Kernel>> {
    let types = ["paragraph", "document"];
    build("char_length_with_paragraphs_v1", Measure::ParagraphChars, &types, options)
}

/// `whitespace_tokenizer_v1`: `length`, tokens plus one.
pub(super) fn tokens(options: &Options) -> Result<Box<dyn Kernel>> {
    build("whitespace_tokenizer_v1", Measure::Tokens, &["length"], options)
}

/// `whitespace_tokenizer_with_paragraphs_v1`: `paragraph` for each line that is not blank, tokens
/// plus one, and `document`, their sum.
pub(super) fn paragraph_tokens(options: &Options) -> Result<Box<dyn Kernel>> {
    let types = ["paragraph", "document"];
    build("whitespace_tokenizer_with_paragraphs_v1", Measure::ParagraphTokens, &types, options)
}

impl Kernel for Length {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn reads_text(&self) -> bool {
        !matches!(self.measure, Measure::Documents | Measure::Chars)
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(LengthWorker { measure: self.measure, token_starts: Vec::new() })
    }
}

struct LengthWorker {
    measure: Measure,
    token_starts: Vec<u64>,
}

impl Worker for LengthWorker {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let text = doc.text;
        let value = match self.measure {
            Measure::Bytes => text.as_str().len(),
            Measure::Documents => 1,
            Measure::Chars => text.chars(),
            Measure::StrippedChars => unicode::strip(text.as_str()).chars().count(),
            Measure::ParagraphChars => {
                paragraph_lengths(text, out);
                return Ok(());
            }
            Measure::Tokens => {
                token_starts(text.as_str(), &mut self.token_starts);
                let tokens = self.token_starts.iter().map(|bits| bits.count_ones() as usize);
                tokens.sum::<usize>() + 1
            }
            Measure::ParagraphTokens => {
                token_starts(text.as_str(), &mut self.token_starts);
                paragraph_token_counts(text, &self.token_starts, out);
                return Ok(());
            }
        };
        out.push(0, 0, text.chars(), value as f64);
        Ok(())
    }
}

fn paragraph_lengths(text: &Text<'_>, out: &mut Spans) {
    for Paragraph { chars, .. } in text.paragraphs() {
        out.push(0, chars.start, chars.end, chars.len() as f64);
    }
    out.push(1, 0, text.chars(), text.chars() as f64);
}

fn paragraph_token_counts(text: &Text<'_>, token_starts: &[u64], out: &mut Spans) {
    let mut total = 0;
    for Paragraph { bytes, chars } in text.paragraphs() {
        let tokens = count_bits(token_starts, bytes) + 1;
        out.push(0, chars.start, chars.end, tokens as f64);
        total += tokens;
    }
    out.push(1, 0, text.chars(), total as f64);
}

#[cfg(test)]
mod tests {
    use crate::tag::testing::rows;
    use crate::text::unicode::{is_white_space, is_word};
    use proptest::prelude::*;

    #[test]
    fn one_number_a_document() {
        let text = " é字\u{3000}\n";
        assert_eq!(rows("bytes_length_v1", text), [("bytes", 0, 5, 10.0)]);
        assert_eq!(rows("doc_count_v1", text), [("docs", 0, 5, 1.0)]);
        assert_eq!(rows("char_length_v1", text), [("length", 0, 5, 5.0)]);
        assert_eq!(rows("char_length_strip_ws_v1", text), [("length_no_ws", 0, 5, 2.0)]);
        assert_eq!(rows("char_length_v1", ""), [("length", 0, 0, 0.0)]);
    }

    #[test]
    fn tokenizer_counts_one_more_than_there_are_tokens() {
        assert_eq!(rows("whitespace_tokenizer_v1", "hello world"), [("length", 0, 11, 3.0)]);
        assert_eq!(rows("whitespace_tokenizer_v1", ""), [("length", 0, 0, 1.0)]);
        // it | ' | s | 50 | % … | é̂_1
        assert_eq!(rows("whitespace_tokenizer_v1", "it's 50% … é\u{302}_1")[0].3, 8.0);
        // U+001C is no white space to the pattern: three tokens.
        assert_eq!(rows("whitespace_tokenizer_v1", "a\u{1c}b")[0].3, 4.0);
    }

    #[test]
    fn paragraphs_are_the_lines_that_are_not_blank() {
        let text = "a b\n\n \u{a0}\né!";
        let expected =
            [("paragraph", 0, 4, 4.0), ("paragraph", 8, 10, 2.0), ("document", 0, 10, 10.0)];
        assert_eq!(rows("char_length_with_paragraphs_v1", text), expected);
        let expected =
            [("paragraph", 0, 4, 3.0), ("paragraph", 8, 10, 3.0), ("document", 0, 10, 6.0)];
        assert_eq!(rows("whitespace_tokenizer_with_paragraphs_v1", text), expected);
        assert_eq!(rows("char_length_with_paragraphs_v1", " \n"), [("document", 0, 2, 2.0)]);
        assert_eq!(rows("whitespace_tokenizer_with_paragraphs_v1", ""), [("document", 0, 0, 0.0)]);
    }

    fn naive_tokens(text: &[char]) -> usize {
        let class = |&c: &char| if is_word(c) { 2 } else { u8::from(!is_white_space(c)) };
        text.chunk_by(|a, b| class(a) == class(b)).filter(|run| class(&run[0]) != 0).count() + 1
    }

    proptest! {
        #[test]
        fn paragraphs_agree_with_a_naive_walk(text in r"[ab!é字\u{a0} \n\x1c]{0,120}") {
            let all: Vec<char> = text.chars().collect();
            let (mut chars, mut tokens, mut start, mut total) = (vec![], vec![], 0, 0);
            for paragraph in all.split_inclusive(|&c| c == '\n') {
                let end = start + paragraph.len();
                if !paragraph.iter().all(|&c| crate::text::unicode::is_space(c)) {
                    chars.push(("paragraph", start, end, paragraph.len() as f64));
                    tokens.push(("paragraph", start, end, naive_tokens(paragraph) as f64));
                    total += naive_tokens(paragraph);
                }
                start = end;
            }
            chars.push(("document", 0, all.len(), all.len() as f64));
            tokens.push(("document", 0, all.len(), total as f64));
            prop_assert_eq!(rows("char_length_with_paragraphs_v1", &text), chars);
            prop_assert_eq!(rows("whitespace_tokenizer_with_paragraphs_v1", &text), tokens);
        }
    }
}
