//! Words as Unicode cuts them (UAX-29), white space left out: what the published tool calls tokens.
//!
//! Boundaries inside ASCII follow from the next two characters, and nothing joins across a space
//! behind an ASCII character; so runs of ASCII between spaces are cut by a table, and only the
//! rest goes through the general algorithm.

use unicode_segmentation::{UWordBounds, UnicodeSegmentation};

const OTHER: u8 = 0;
const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const UNDERSCORE: u8 = 3;
/// Joins letters on both sides of it; digits; either.
const MID_LETTER: u8 = 4;
const MID_NUMBER: u8 = 5;
const MID_BOTH: u8 = 6;

const CLASSES: [u8; 128] = {
    let mut classes = [OTHER; 128];
    let mut at = 0;
    while at < 128 {
        let byte = at as u8;
        classes[at] = match byte {
            b'a'..=b'z' | b'A'..=b'Z' => LETTER,
            b'0'..=b'9' => DIGIT,
            b'_' => UNDERSCORE,
            b':' => MID_LETTER,
            b',' | b';' => MID_NUMBER,
            b'.' | b'\'' => MID_BOTH,
            _ => OTHER,
        };
        at += 1;
    }
    classes
};

/// The words of a text; see [`segments`].
pub struct Segments<'a> {
    text: &'a str,
    at: usize,
    /// Up to here the text is ASCII without spaces.
    simple_end: usize,
    general: Option<UWordBounds<'a>>,
}

/// The pieces between the word boundaries of `text` that are not white space.
pub fn segments(text: &str) -> Segments<'_> {
    Segments { text, at: 0, simple_end: 0, general: None }
}

impl<'a> Iterator for Segments<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        loop {
            if let Some(general) = &mut self.general {
                match general.next() {
                    Some(piece) if piece.trim().is_empty() => continue,
                    Some(piece) => return Some(piece),
                    None => self.general = None,
                }
            }
            while self.at < self.simple_end {
                let start = self.at;
                self.at = ascii_end(&self.text.as_bytes()[..self.simple_end], start);
                let piece = &self.text[start..self.at];
                if !piece.trim_ascii().is_empty() && piece != "\u{b}" {
                    return Some(piece);
                }
            }
            if self.at == self.text.len() {
                return None;
            }
            self.advance();
        }
    }
}

impl Segments<'_> {
    /// Finds the next run between spaces.
    fn advance(&mut self) {
        let bytes = self.text.as_bytes();
        let spaces = self.at;
        while bytes.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        let rest = &bytes[self.at..];
        let run = rest.iter().position(|&byte| byte == b' ' || byte >= 0x80);
        let end = self.at + run.unwrap_or(rest.len());
        if bytes.get(end).is_none_or(|&byte| byte == b' ') {
            self.simple_end = end;
            return;
        }
        // With the spaces before it, which a combining mark would join; up to a space that follows
        // an ASCII character, because wide spaces join with others.
        let mut stop = end;
        let end = loop {
            match memchr::memchr(b' ', &bytes[stop..]) {
                Some(space) if ends_simply(bytes[stop + space - 1]) => break stop + space,
                Some(space) => stop += space + 1,
                None => break bytes.len(),
            }
        };
        self.general = Some(self.text[spaces..end].split_word_bounds());
        self.at = end;
        self.simple_end = end;
    }
}

/// Whether nothing can join this byte's character with a space after it.
fn ends_simply(byte: u8) -> bool {
    byte < 0x80 && byte != b' '
}

/// Where the piece that starts at `start` ends.
#[inline]
fn ascii_end(bytes: &[u8], start: usize) -> usize {
    let class = |at: usize| bytes.get(at).map_or(OTHER, |&byte| CLASSES[usize::from(byte)]);
    let mut last = class(start);
    let mut at = start + 1;
    if !(LETTER..=UNDERSCORE).contains(&last) {
        // Only a line break is longer than one character.
        return at + usize::from(bytes[start] == b'\r' && bytes.get(at) == Some(&b'\n'));
    }
    loop {
        let next = class(at);
        let joins = match next {
            LETTER..=UNDERSCORE => {
                last = next;
                at += 1;
                continue;
            }
            MID_LETTER => last == LETTER && class(at + 1) == LETTER,
            MID_NUMBER => last == DIGIT && class(at + 1) == DIGIT,
            MID_BOTH => (last == LETTER || last == DIGIT) && class(at + 1) == last,
            _ => false,
        };
        if !joins {
            return at;
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn general(text: &str) -> Vec<&str> {
        text.split_word_bounds().filter(|piece| !piece.trim().is_empty()).collect()
    }

    #[test]
    fn words_are_cut_where_unicode_cuts_them() {
        let of = |text| segments(text).collect::<Vec<_>>();
        assert_eq!(of("It's 3.14, e.g. a_b:c!"), ["It's", "3.14", ",", "e.g", ".", "a_b:c", "!"]);
        assert_eq!(of(" \t\r\n\u{b}\u{c} "), Vec::<&str>::new());
        assert_eq!(of("naïve  日本 x"), general("naïve  日本 x"));
        assert_eq!(of("a  \u{301}b \u{2003} \u{301}"), general("a  \u{301}b \u{2003} \u{301}"));
    }

    #[test]
    fn all_pairs_and_triples_of_ascii_agree() {
        let letters: Vec<char> =
            "aZ0_.:,;'\"- \t\r\n\u{b}\u{c}\u{1c}\u{7f}é\u{301}\u{200d}\u{2003}א👍"
                .chars()
                .collect();
        for &a in &letters {
            for &b in &letters {
                for &c in &letters {
                    for text in
                        [format!("{a}{b}{c}"), format!("x{a}{b}{c}9"), format!("9{a}{b} {c}x")]
                    {
                        assert_eq!(segments(&text).collect::<Vec<_>>(), general(&text), "{text:?}");
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_general_algorithm(
            text in "([a-c0-1_.:,;'\"\\- \t\r\n\u{b}\u{1c}éא日\u{301}\u{200d}\u{2003}\u{a0}👍🇩🇪]{0,12} ?){0,6}",
        ) {
            prop_assert_eq!(segments(&text).collect::<Vec<_>>(), general(&text));
        }

        #[test]
        fn agrees_on_any_text(text in "\\PC{0,60}") {
            prop_assert_eq!(segments(&text).collect::<Vec<_>>(), general(&text));
        }
    }
}
