//! Sentences: the boundaries of UAX-29, without those that an abbreviation makes.
//!
//! Unicode's rules (UAX-29, section 5) end a sentence after `.`, `?`, `!` and their like of all
//! scripts, closing quotes and white space included, and at line breaks. They also end one after
//! "Dr." where a name follows; UAX-29 leaves that to a list of suppressions. Ours are the two
//! short ones below, and with them initials ("J. Smith") and the numbers of lists ("1. First").
//! The rules look ahead from one full stop to the next letter at most, so that time is linear.

use super::unicode::is_space;
use std::iter::Peekable;
use unicode_segmentation::{USentenceBoundIndices, UnicodeSegmentation};

/// After these a full stop does not end a sentence; compared without regard to case, sorted.
const BEFORE_WORDS: &[&str] = &[
    "adm", "bzw", "capt", "cf", "col", "dr", "eg", "esp", "gen", "gov", "hon", "ie", "lt", "maj",
    "messrs", "mme", "mr", "mrs", "ms", "mt", "prof", "rep", "rev", "sen", "sgt", "st", "viz",
    "vs",
];

/// After these it does not where a number follows.
const BEFORE_NUMBERS: &[&str] = &[
    "abb", "art", "bd", "ch", "chap", "eq", "eqs", "fig", "figs", "no", "nos", "nr", "op", "p",
    "pp", "ref", "refs", "sec", "vol", "vols",
];

/// Longer pieces between a full stop and the white space before it are no abbreviations.
const LONGEST: usize = 8;

/// The sentences of a text; put end to end they are the text, white space and all.
pub fn sentences(text: &str) -> Sentences<'_> {
    Sentences { text, bounds: text.split_sentence_bound_indices().peekable() }
}

/// See [`sentences`].
pub struct Sentences<'a> {
    text: &'a str,
    bounds: Peekable<USentenceBoundIndices<'a>>,
}

impl<'a> Iterator for Sentences<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let (start, mut piece) = self.bounds.next()?;
        let mut end = start + piece.len();
        let mut first = true;
        while let Some((_, next)) = self.bounds.next_if(|(_, next)| goes_on(piece, next, first)) {
            piece = next;
            first = false;
            end += next.len();
        }
        Some(&self.text[start..end])
    }
}

/// Whether the full stop at the end of a piece is that of an abbreviation, an initial or, where
/// the piece is the `first` of a sentence, a number.
fn goes_on(piece: &str, next: &str, first: bool) -> bool {
    let trimmed = piece.trim_end_matches(is_space);
    // A line break ends a sentence whatever stands before it.
    if piece[trimmed.len()..].contains(is_line_break) || trimmed.len() == piece.len() {
        return false;
    }
    let Some(stem) = trimmed.strip_suffix('.') else { return false };
    let tail = stem.char_indices().rev().take_while(|&(_, c)| !is_space(c)).take(LONGEST + 1);
    let word = tail.last().map_or("", |(at, _)| &stem[at..]);
    let word = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    let mut chars = word.chars();
    match (chars.next(), chars.next()) {
        (None, _) => false,
        (Some(c), None) if c.is_uppercase() => true,
        (Some(c), _) if c.is_ascii_digit() => {
            first
                && word.len() <= 3
                && word.bytes().all(|byte| byte.is_ascii_digit())
                && stem.trim_start_matches(is_space).len() == word.len()
        }
        _ => is_abbreviation(word, next.starts_with(|c: char| c.is_ascii_digit())),
    }
}

fn is_abbreviation(word: &str, number_follows: bool) -> bool {
    if word.len() > LONGEST || !word.is_ascii() {
        return false;
    }
    // "e.g" is "eg", "i.e" is "ie".
    let letters: String =
        word.chars().filter(|&c| c != '.').map(|c| c.to_ascii_lowercase()).collect();
    let is_in = |list: &[&str]| list.binary_search(&letters.as_str()).is_ok();
    is_in(BEFORE_WORDS) || (number_follows && is_in(BEFORE_NUMBERS))
}

fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(text: &str) -> Vec<&str> {
        sentences(text).collect()
    }

    #[test]
    fn abbreviations_are_sorted_and_short() {
        for list in [BEFORE_WORDS, BEFORE_NUMBERS] {
            assert!(list.is_sorted());
            assert!(list.iter().all(|word| word.len() <= LONGEST));
        }
    }

    #[test]
    fn sentences_end_where_a_reader_says() {
        assert_eq!(
            cut("It rains. He stays (in)! Why? \"No.\" Ok"),
            ["It rains. ", "He stays (in)! ", "Why? ", "\"No.\" ", "Ok"]
        );
        assert_eq!(cut("Dr. Who met J. Smith, e.g. Here."), ["Dr. Who met J. Smith, e.g. Here."]);
        assert_eq!(cut("See Fig. 3. Then go."), ["See Fig. 3. ", "Then go."]);
        assert_eq!(cut("No. He has No. 5."), ["No. ", "He has No. 5."]);
        assert_eq!(cut("1. First. 2. Second."), ["1. First. ", "2. Second."]);
        assert_eq!(cut("In 1999. Then"), ["In 1999. ", "Then"]);
        assert_eq!(cut("3.14 is pi. Is example.org?"), ["3.14 is pi. ", "Is example.org?"]);
        // Lower case goes on, whatever the abbreviation.
        assert_eq!(cut("He came at 5 p.m. and left."), ["He came at 5 p.m. and left."]);
    }

    #[test]
    fn sentences_end_in_other_scripts() {
        assert_eq!(
            cut("吾輩は猫である。名前はまだ無い。"),
            ["吾輩は猫である。", "名前はまだ無い。"]
        );
        assert_eq!(cut("यह है। वह है।"), ["यह है। ", "वह है।"]);
        assert_eq!(cut("Он ушёл. Она нет."), ["Он ушёл. ", "Она нет."]);
        assert_eq!(cut("هل هذا؟ نعم."), ["هل هذا؟ ", "نعم."]);
    }

    #[test]
    fn a_line_break_ends_a_sentence() {
        assert_eq!(cut("by Dr.\nWho\r\n\r\nend"), ["by Dr.\n", "Who\r\n", "\r\n", "end"]);
        assert_eq!(cut(""), Vec::<&str>::new());
    }

    #[test]
    fn long_texts_take_linear_time() {
        for unit in [". ", ".", "a. 1 ", "Dr. ", "?!", "\u{3002}", "\n", "x", "\u{301}"] {
            let text = unit.repeat(200_000);
            let length: usize = sentences(&text).map(str::len).sum();
            assert_eq!(length, text.len());
        }
    }

    proptest! {
        #[test]
        fn sentences_are_the_text(text in "([A-Za-z0-9.?!,\"() \\n\\r。।é]|Dr\\. |e\\.g\\. ){0,60}") {
            let pieces = cut(&text);
            prop_assert_eq!(pieces.concat(), text.clone());
            prop_assert!(pieces.iter().all(|piece| !piece.is_empty()));
            // Only boundaries of UAX-29 are left.
            let all: Vec<usize> =
                text.split_sentence_bound_indices().map(|(at, piece)| at + piece.len()).collect();
            let mut end = 0;
            for piece in pieces {
                end += piece.len();
                prop_assert!(all.contains(&end));
            }
        }
    }
}
