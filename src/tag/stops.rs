//! Sentences by their full stops: what the rules of C4 and MADLAD-400 count.
//!
//! A sentence ends after `.`, `?`, `!` or their like of other scripts, closing quotes and brackets
//! included; the marks of ASCII only where white space follows or the text ends. Abbreviations end
//! sentences, too: the published rules count a few sentences per page, for which this is enough
//! and takes one look at each byte.

use crate::text::unicode::{is_sentence_end, is_space};
use memchr::memchr3;
use std::ops::Range;

/// The byte ranges of the sentences of a text, without white space at either end.
pub(super) fn sentences(text: &str) -> Sentences<'_> {
    Sentences { text, ascii: text.is_ascii(), at: 0 }
}

/// See [`sentences`].
pub(super) struct Sentences<'t> {
    text: &'t str,
    ascii: bool,
    at: usize,
}

impl Iterator for Sentences<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let rest = &self.text[self.at..];
        let start = self.at + rest.len() - rest.trim_start_matches(is_space).len();
        if start == self.text.len() {
            self.at = start;
            return None;
        }
        let end = self.end(start);
        self.at = end;
        let sentence = self.text[start..end].trim_end_matches(is_space);
        Some(start..start + sentence.len())
    }
}

impl Sentences<'_> {
    /// Where the sentence that begins at `start` ends.
    fn end(&self, start: usize) -> usize {
        let mut at = start;
        while let Some(mark) = self.mark(at) {
            let marks = self.text[mark..].trim_start_matches(is_sentence_end);
            let after = marks.trim_start_matches(is_closing);
            let end = self.text.len() - after.len();
            let wide = !self.text.as_bytes()[self.text.len() - marks.len() - 1].is_ascii();
            if wide || after.is_empty() || after.starts_with(is_space) {
                return end;
            }
            at = end;
        }
        self.text.len()
    }

    /// The next terminal punctuation mark.
    fn mark(&self, from: usize) -> Option<usize> {
        let rest = &self.text[from..];
        if self.ascii {
            return memchr3(b'.', b'?', b'!', rest.as_bytes()).map(|at| from + at);
        }
        rest.find(is_sentence_end).map(|at| from + at)
    }
}

fn is_closing(c: char) -> bool {
    matches!(c, '"' | '\'' | ')' | ']' | '”' | '’' | '»' | '」' | '』' | '）')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &str) -> Vec<&str> {
        sentences(text).map(|range| &text[range]).collect()
    }

    #[test]
    fn sentences_end_after_marks_and_closing_quotes() {
        let text = " One. \"Two?!\" (Three.)\nfour v1.2 is\nlong... five. ";
        let expected = ["One.", "\"Two?!\"", "(Three.)", "four v1.2 is\nlong...", "five."];
        assert_eq!(all(text), expected);
        assert_eq!(
            all("吾輩は猫である。「名前は？」まだ無い"),
            ["吾輩は猫である。", "「名前は？」", "まだ無い"]
        );
        assert!(all(" \n").is_empty());
        assert_eq!(all("no end"), ["no end"]);
    }

    #[test]
    fn marks_without_end_take_linear_time() {
        for text in [".".repeat(10_000_000), ".a".repeat(5_000_000), "。\"".repeat(2_000_000)] {
            assert!(sentences(&text).count() <= 2_000_000);
        }
    }

    proptest! {
        #[test]
        fn nothing_but_white_space_is_left_out(text in "[a.!?。\" \n\u{3000}é]{0,80}") {
            let joined: String = all(&text).concat();
            let solid = |text: &str| text.chars().filter(|&c| !is_space(c)).collect::<String>();
            prop_assert_eq!(solid(&joined), solid(&text));
            for sentence in all(&text) {
                prop_assert_eq!(sentence.trim_matches(is_space), sentence);
                prop_assert!(!sentence.is_empty());
            }
        }
    }
}
