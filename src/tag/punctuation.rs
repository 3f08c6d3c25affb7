//! Paragraphs without a letter or digit of ASCII that are nothing but punctuation and symbols.
//!
//! Rules of dashes, rows of stars, lines of emoji: remnants of layout rather than text.
//! `not_alphanum_paragraph_v1` gives `all_punct` 1 for each such paragraph (line with its newline,
//! blank ones aside), or one 0 over the document where there is none.

use super::{Document, Kernel, Options, Spans, Worker, refuse_options};
use crate::error::Result;
use crate::text::Paragraph;
use crate::text::unicode::{is_punctuation, is_white_space};

struct Punctuation {
    types: [String; 1],
}

pub(super) fn punctuation(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("not_alphanum_paragraph_v1", options)?;
    Ok(Box::new(Punctuation { types: ["all_punct".to_owned()] }))
}

impl Kernel for Punctuation {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(PunctuationWorker)
    }
}

struct PunctuationWorker;

impl Worker for PunctuationWorker {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let text = doc.text;
        let before = out.spans.len();
        for Paragraph { bytes, chars } in text.paragraphs() {
            if text.as_str()[bytes].chars().all(is_layout) {
                out.push(0, chars.start, chars.end, 1.0);
            }
        }
        if out.spans.len() == before {
            out.push(0, 0, text.chars(), 0.0);
        }
        Ok(())
    }
}

/// Punctuation, symbols, white space, and the blocks of pictographs, unassigned points included.
fn is_layout(c: char) -> bool {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' => false,
        '\u{2600}'..='\u{27bf}' | '\u{1f300}'..='\u{1f64f}' | '\u{1f680}'..='\u{1f6ff}' => true,
        c => is_punctuation(c) || is_white_space(c),
    }
}

#[cfg(test)]
mod tests {
    use crate::tag::testing::rows;

    #[test]
    fn paragraphs_of_punctuation_are_marked() {
        let text = "Title\n=====\n\n* 1 *\n😀 — €\né\n\u{1f}-";
        let expected = [("all_punct", 6, 12, 1.0), ("all_punct", 19, 25, 1.0)];
        assert_eq!(rows("not_alphanum_paragraph_v1", text), expected);
        assert_eq!(rows("not_alphanum_paragraph_v1", "a\n \n"), [("all_punct", 0, 4, 0.0)]);
        assert_eq!(rows("not_alphanum_paragraph_v1", ""), [("all_punct", 0, 0, 0.0)]);
    }
}
