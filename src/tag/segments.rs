//! Lengths in the pieces between word boundaries of UAX-29, for text of any script.
//!
//! Names and values are those of the published taggers over the package `uniseg`: the document
//! counts every piece, white space and punctuation included; paragraphs count the pieces that are
//! not white space. Both are written with the opposite sign, too, because the published mixer
//! could only ask whether a score is large enough.

use super::{Document, Kernel, Options, Spans, Worker, refuse_options};
use crate::error::Result;
use crate::text::unicode::{is_blank, strip};
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

const TYPES: [&str; 4] = ["paragraph", "negative_paragraph", "document", "negative_document"];

#[derive(Debug, Clone, Copy)]
enum Unit {
    Document,
    Paragraphs { blank: bool, sum: bool },
}

struct Segments {
    unit: Unit,
    types: Vec<String>,
}

fn build(name: &str, unit: Unit, types: &[&str], options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options(name, options)?;
    let types = types.iter().map(|&name| name.to_owned()).collect();
    Ok(Box::new(Segments { unit, types }))
}

/// `uniseg_length_v1`: `length`, all pieces of the text without white space at its ends.
pub(super) fn document(options: &Options) -> Result<Box<dyn Kernel>> {
    build("uniseg_length_v1", Unit::Document, &["length"], options)
}

/// `uniseg_length_paragraphs_v1`: `paragraph` and `negative_paragraph` for each line that is not
/// blank.
pub(super) fn paragraphs(options: &Options) -> Result<Box<dyn Kernel>> {
    let unit = Unit::Paragraphs { blank: false, sum: false };
    build("uniseg_length_paragraphs_v1", unit, &TYPES[..2], options)
}

/// `uniseg_length_paragraphs_with_empty_v1`: the same for each line.
pub(super) fn all_paragraphs(options: &Options) -> Result<Box<dyn Kernel>> {
    let unit = Unit::Paragraphs { blank: true, sum: false };
    build("uniseg_length_paragraphs_with_empty_v1", unit, &TYPES[..2], options)
}

/// `uniseg_length_paragraphs_with_doc_length_v1`: lines that are not blank, and their sum as
/// `document` and `negative_document`.
pub(super) fn paragraphs_and_sum(options: &Options) -> Result<Box<dyn Kernel>> {
    let unit = Unit::Paragraphs { blank: false, sum: true };
    build("uniseg_length_paragraphs_with_doc_length_v1", unit, &TYPES, options)
}

impl Kernel for Segments {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(SegmentsWorker { unit: self.unit })
    }
}

struct SegmentsWorker {
    unit: Unit,
}

impl Worker for SegmentsWorker {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let text = doc.text.as_str();
        let Unit::Paragraphs { blank, sum } = self.unit else {
            let pieces = strip(text).split_word_bounds().count();
            out.push(0, 0, doc.text.chars(), pieces as f64);
            return Ok(());
        };
        let mut cursor = doc.text.cursor();
        let (mut start, mut total) = (0, 0);
        for line in text.split_inclusive('\n') {
            let range = start..start + line.len();
            start = range.end;
            if !blank && is_blank(line) {
                continue;
            }
            let pieces = words(line);
            total += pieces;
            let Range { start, end } = range;
            push(out, 0, cursor.at(start), cursor.at(end), pieces);
        }
        if sum {
            push(out, 2, 0, doc.text.chars(), total);
        }
        Ok(())
    }
}

/// The pieces that are not white space.
fn words(line: &str) -> usize {
    strip(line).split_word_bounds().filter(|piece| !is_blank(piece)).count()
}

/// A score and, as the next type, its negative.
fn push(out: &mut Spans, kind: u16, start: usize, end: usize, score: usize) {
    out.push(kind, start, end, score as f64);
    // Not the negative zero of floating point.
    out.push(kind + 1, start, end, 0.0 - score as f64);
}

#[cfg(test)]
mod tests {
    use crate::tag::testing::rows;

    #[test]
    fn white_space_counts_in_the_document_only() {
        // The, space, cat's, space, 3.5, space, m, !
        assert_eq!(rows("uniseg_length_v1", " The cat's 3.5 m!\n"), [("length", 0, 18, 8.0)]);
        assert_eq!(rows("uniseg_length_v1", " \n"), [("length", 0, 2, 0.0)]);
        assert_eq!(
            rows("uniseg_length_paragraphs_with_doc_length_v1", " The cat's 3.5 m!\n \né\n"),
            [
                ("paragraph", 0, 18, 5.0),
                ("negative_paragraph", 0, 18, -5.0),
                ("paragraph", 20, 22, 1.0),
                ("negative_paragraph", 20, 22, -1.0),
                ("document", 0, 22, 6.0),
                ("negative_document", 0, 22, -6.0),
            ]
        );
    }

    #[test]
    fn blank_lines_count_nothing_where_they_count() {
        let rows = rows("uniseg_length_paragraphs_with_empty_v1", "a\n\n b");
        let rows: Vec<_> = rows.iter().map(|row| (row.1, row.2, row.3)).collect();
        let expected =
            [(0, 2, 1.0), (0, 2, -1.0), (2, 3, 0.0), (2, 3, 0.0), (3, 5, 1.0), (3, 5, -1.0)];
        assert_eq!(rows, expected);
        assert!(rows.iter().all(|row| row.2 != 0.0 || row.2.is_sign_positive()));
    }

    #[test]
    fn scripts_without_spaces_are_cut_as_uax_29_says() {
        // Han and Hiragana one by one, Katakana and Hangul in runs, combined characters whole.
        assert_eq!(rows("uniseg_length_v1", "吾輩はネコ")[0].3, 4.0);
        assert_eq!(rows("uniseg_length_v1", "안녕하세요")[0].3, 1.0);
        assert_eq!(rows("uniseg_length_v1", "e\u{301}a 👩‍👩‍👧")[0].3, 3.0);
    }

    #[test]
    fn hostile_texts_take_no_longer() {
        for text in ["😀", "a:", "🇩", "e\u{301}", "word ", "1,", "\u{301}", "a:\u{301}\u{301}"]
        {
            let text = text.repeat(300_000);
            rows("uniseg_length_v1", &text);
            rows("uniseg_length_paragraphs_v1", &text);
        }
    }
}
