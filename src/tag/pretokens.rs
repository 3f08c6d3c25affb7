//! Lengths in pre-tokens of OLMo's first tokenizer: what byte-pair encoding would not merge.
//!
//! The text is cut around each punctuation mark (Unicode category P), then around each decimal
//! digit, each with the one space before it; what is left is cut by GPT-2's expression into runs
//! of letters, numbers or anything else, each with the one space before it, and white space. A
//! lower bound of the number of tokens, without a vocabulary. Published with the package
//! `tokenizers`; this is one pass over the characters, with its Unicode 14.0.

use super::{Document, Kernel, Options, Spans, Worker, refuse_options};
use crate::error::Result;
use crate::text::Paragraph;
use crate::text::unicode::{is_digit, is_letter, is_mark, is_number, is_white_space};

struct Pretokens {
    paragraphs: bool,
    types: Vec<String>,
}

/// `olmo_pretokenizer_v1`: `length`, pre-tokens of the text.
pub(super) fn document(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("olmo_pretokenizer_v1", options)?;
    Ok(Box::new(Pretokens { paragraphs: false, types: vec!["length".to_owned()] }))
}

/// `olmo_pretokenizer_with_paragraphs_v1`: `paragraph` for each line that is not blank, and their
/// sum as `document`.
pub(super) fn paragraphs(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("olmo_pretokenizer_with_paragraphs_v1", options)?;
    let types = ["paragraph", "document"].map(str::to_owned).to_vec();
    Ok(Box::new(Pretokens { paragraphs: true, types }))
}

impl Kernel for Pretokens {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(PretokensWorker { paragraphs: self.paragraphs })
    }
}

struct PretokensWorker {
    paragraphs: bool,
}

impl Worker for PretokensWorker {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let text = doc.text;
        if !self.paragraphs {
            out.push(0, 0, text.chars(), count(text.as_str()) as f64);
            return Ok(());
        }
        let mut total = 0;
        for Paragraph { bytes, chars } in text.paragraphs() {
            let pieces = count(&text.as_str()[bytes]);
            out.push(0, chars.start, chars.end, pieces as f64);
            total += pieces;
        }
        out.push(1, 0, text.chars(), total as f64);
        Ok(())
    }
}

/// What a character is for the expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Space,
    OtherSpace,
    Letter,
    Number,
    Other,
    /// A mark or a digit: a piece of its own.
    Single,
}

const fn ascii() -> [Class; 128] {
    let mut classes = [Class::Other; 128];
    let mut at = 0;
    while at < 128 {
        let byte = at as u8;
        classes[at] = match byte {
            b' ' => Class::Space,
            b'\t'..=b'\r' => Class::OtherSpace,
            b'$' | b'+' | b'<' | b'=' | b'>' | b'^' | b'`' | b'|' | b'~' => Class::Other,
            b'a'..=b'z' | b'A'..=b'Z' => Class::Letter,
            _ if byte.is_ascii_digit() || byte.is_ascii_punctuation() => Class::Single,
            _ => Class::Other,
        };
        at += 1;
    }
    classes
}

static ASCII: [Class; 128] = ascii();

#[inline]
fn classify(c: char) -> Class {
    match ASCII.get(c as usize) {
        Some(&class) => class,
        None if is_letter(c) => Class::Letter,
        None if is_mark(c) || is_digit(c) => Class::Single,
        None if is_number(c) => Class::Number,
        None if is_white_space(c) => Class::OtherSpace,
        None => Class::Other,
    }
}

/// The pre-tokens of a text.
fn count(text: &str) -> usize {
    let mut counter = Counter { pieces: 0, spaces: 0, last: Class::Single };
    for c in text.chars() {
        counter.see(classify(c));
    }
    counter.pieces + usize::from(counter.spaces > 0)
}

struct Counter {
    pieces: usize,
    /// White space since the last other character.
    spaces: usize,
    /// The last character: of the run that goes on, or white space, or a single one.
    last: Class,
}

impl Counter {
    #[inline]
    fn see(&mut self, class: Class) {
        match class {
            Class::Space | Class::OtherSpace => self.spaces += 1,
            // The space before a single one belongs to it, the white space before that is a piece.
            Class::Single => {
                let own = usize::from(self.last == Class::Space);
                self.pieces += 1 + usize::from(self.spaces > own);
                self.spaces = 0;
            }
            // White space before a run is a piece but for its last character, which is another,
            // or belongs to the run if it is a space.
            _ if self.spaces > 0 => {
                let last = usize::from(self.last == Class::OtherSpace);
                self.pieces += 1 + usize::from(self.spaces > 1) + last;
                self.spaces = 0;
            }
            run => self.pieces += usize::from(self.last != run),
        }
        self.last = class;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag::testing::rows;
    use proptest::prelude::*;
    use regex::Regex;

    /// The same in three steps, with expressions. What follows white space is looked at by hand,
    /// because this engine cannot look ahead.
    fn naive(text: &str) -> usize {
        let cut = |pieces: Vec<String>, expression: &Regex| -> Vec<String> {
            let mut out = Vec::new();
            for piece in pieces {
                let mut at = 0;
                for found in expression.find_iter(&piece) {
                    out.push(piece[at..found.start()].to_owned());
                    out.push(found.as_str().to_owned());
                    at = found.end();
                }
                out.push(piece[at..].to_owned());
            }
            out.retain(|piece| !piece.is_empty());
            out
        };
        let marks = cut(vec![text.to_owned()], &Regex::new(r" ?\p{P}").unwrap());
        let digits = cut(marks, &Regex::new(r" ?\d").unwrap());
        let run = Regex::new(r"^(?: ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+)").unwrap();
        let space = Regex::new(r"^\s+").unwrap();
        let mut count = 0;
        for piece in digits {
            let mut rest = &piece[..];
            while !rest.is_empty() {
                let end = match (run.find(rest), space.find(rest)) {
                    (Some(run), _) => run.end(),
                    (None, Some(space)) if space.end() == rest.len() => rest.len(),
                    (None, Some(space)) => {
                        let last = space.as_str().char_indices().last().unwrap().0;
                        if last > 0 { last } else { space.end() }
                    }
                    (None, None) => unreachable!(),
                };
                rest = &rest[end..];
                count += 1;
            }
        }
        count
    }

    #[test]
    fn pieces_are_those_of_the_published_tokenizer() {
        // Counted by `tokenizers` 0.19.1.
        for (text, pieces) in [
            ("", 0),
            (" ", 1),
            ("Hello, world!", 4),
            ("It's 3.14  km²\n\n", 11),
            ("a  b\t c \n\nd", 8),
            ("$x=1 + y_2€ 日本語。", 11),
            ("naïve e\u{301} ½\u{a0}\u{3000}x", 7),
        ] {
            assert_eq!(count(text), pieces, "{text:?}");
        }
        assert_eq!(
            rows("olmo_pretokenizer_with_paragraphs_v1", "é 1\n\nb"),
            [("paragraph", 0, 4, 3.0), ("paragraph", 5, 6, 1.0), ("document", 0, 6, 4.0)]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn one_pass_is_as_good_as_three(text in "[a1.$ \n\t½é字\u{301}\u{a0}。]{0,30}") {
            prop_assert_eq!(count(&text), naive(&text), "{:?}", text);
        }
    }
}
