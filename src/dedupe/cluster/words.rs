//! The pieces of a text that shingles are made of, as hashes.
//!
//! A word is a run of letters and digits (Unicode's alphabetic and numeric characters, with the
//! accents that are characters of their own), in lower case, with one sigma; white space,
//! punctuation and symbols only separate. In scripts that are written without spaces (Chinese, Japanese, Thai, Lao,
//! Khmer, Burmese) every character counts as a word.

use crate::dedupe::normalize::one_sigma;
use xxhash_rust::xxh3::xxh3_64;

const WORD: u8 = 1;
const UPPER: u8 = 2;

const CLASSES: [u8; 128] = {
    let mut classes = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        let character = byte as u8;
        if character.is_ascii_alphanumeric() {
            classes[byte] = if character.is_ascii_uppercase() { WORD | UPPER } else { WORD };
        }
        byte += 1;
    }
    classes
};

/// Replaces `out` by the hashes of the words of `text`; `lower` is scratch.
pub fn words(text: &str, lower: &mut Vec<u8>, out: &mut Vec<u64>) {
    out.clear();
    lowered(text, lower);
    let bytes = lower.as_slice();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        // Runs of ASCII words, the common case, need no decoding.
        while at < bytes.len() && bytes[at] < 128 && CLASSES[usize::from(bytes[at])] != 0 {
            at += 1;
        }
        if at < bytes.len() && bytes[at] >= 128 {
            at = foreign(bytes, start, at, out);
            continue;
        }
        if at > start {
            out.push(xxh3_64(&bytes[start..at]));
        }
        at += 1;
    }
}

/// Replaces `out` by a hash for each character of `text`, in lower case, with every run of white
/// space as one space, and none at the ends.
pub fn characters(text: &str, lower: &mut Vec<u8>, out: &mut Vec<u64>) {
    out.clear();
    lowered(text, lower);
    let mut space = true;
    for character in decoded(lower).trim_end().chars() {
        let blank = character.is_whitespace();
        if !(blank && space) {
            let code = if blank { u64::from(b' ') } else { u64::from(u32::from(character)) };
            out.push(spread(code));
        }
        space = blank;
    }
}

/// A hash of a small number, a character or the id of a token.
pub fn spread(code: u64) -> u64 {
    code.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ code << 40
}

/// Goes on with a word that has a character outside of ASCII at `at`; returns where to go on.
fn foreign(bytes: &[u8], start: usize, mut at: usize, out: &mut Vec<u64>) -> usize {
    let mut from = start;
    for character in decoded(&bytes[at..]).chars() {
        let end = at + character.len_utf8();
        if is_spaceless(character) {
            if at > from {
                out.push(xxh3_64(&bytes[from..at]));
            }
            out.push(xxh3_64(&bytes[at..end]));
            from = end;
        } else if !character.is_alphanumeric() && !is_accent(character) {
            if at > from {
                out.push(xxh3_64(&bytes[from..at]));
            }
            return end;
        }
        at = end;
    }
    if at > from {
        out.push(xxh3_64(&bytes[from..at]));
    }
    at
}

fn decoded(bytes: &[u8]) -> &str {
    debug_assert!(std::str::from_utf8(bytes).is_ok());
    // SAFETY: `lowered` copies whole characters, and callers cut before a character's first byte;
    // checking again took a tenth of the time of a pass over text that is not ASCII.
    unsafe { std::str::from_utf8_unchecked(bytes) }
}

fn lowered(text: &str, out: &mut Vec<u8>) {
    out.clear();
    let mut rest = text;
    while !rest.is_empty() {
        let ascii = rest.bytes().position(|byte| byte >= 128).unwrap_or(rest.len());
        let start = out.len();
        out.extend_from_slice(&rest.as_bytes()[..ascii]);
        out[start..].make_ascii_lowercase();
        rest = &rest[ascii..];
        let mut buffer = [0; 4];
        let mut taken = 0;
        for character in rest.chars().take_while(|character| !character.is_ascii()) {
            taken += character.len_utf8();
            for small in character.to_lowercase().map(one_sigma) {
                out.extend_from_slice(small.encode_utf8(&mut buffer).as_bytes());
            }
        }
        rest = &rest[taken..];
    }
}

/// Of a script that is written without spaces between words.
fn is_spaceless(character: char) -> bool {
    matches!(
        u32::from(character),
        0x0E01..=0x0EDF | 0x1000..=0x109F | 0x1780..=0x17D3 | 0x3041..=0x30FF | 0x31F0..=0x31FF
            | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF
    )
}

/// A mark that is part of the letter before it and not alphabetic itself: accents, viramas.
fn is_accent(character: char) -> bool {
    matches!(
        u32::from(character),
        0x0300..=0x036F | 0x094D | 0x09CD | 0x0A4D | 0x0ACD | 0x0B4D | 0x0BCD | 0x0C4D | 0x0CCD
            | 0x0D4D | 0x0DCA | 0x0591..=0x05BD | 0x064B..=0x0652 | 0x200C | 0x200D
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(text: &str) -> Vec<u64> {
        let mut out = Vec::new();
        words(text, &mut Vec::new(), &mut out);
        out
    }

    fn naive(text: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        for character in text.chars().flat_map(char::to_lowercase).map(one_sigma) {
            if is_spaceless(character) {
                words.extend([character.to_string(), String::new()]);
            } else if character.is_alphanumeric() || is_accent(character) {
                words.last_mut().unwrap().push(character);
            } else {
                words.push(String::new());
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    #[test]
    fn words_are_what_they_are_said_to_be() {
        assert_eq!(of("The cat, the HAT."), of("the cat the hat"));
        assert_eq!(of("don't"), of("don t"));
        assert_eq!(of("ÉCOLE naïve"), of("école—naïve"));
        assert_eq!(of("ΟΔΟΣ"), of("οδος"));
        assert_eq!(of("漢字かな").len(), 4);
        assert_eq!(of("abc漢def").len(), 3);
        assert_eq!(of("नमस्ते दुनिया").len(), 2);
        assert!(of(" \n!?").is_empty());
    }

    #[test]
    fn characters_ignore_case_and_the_kind_of_white_space() {
        let of = |text| {
            let mut out = Vec::new();
            characters(text, &mut Vec::new(), &mut out);
            out
        };
        assert_eq!(of(" A \n\tb \n"), of("a b"));
        assert_ne!(of("ab"), of("a b"));
    }

    proptest! {
        #[test]
        fn words_match_a_slow_reader(text in "([a-zA-Z0-9 ,.\n]|[éÉßİ漢か\u{301}กंΣς—]){0,60}") {
            let expected: Vec<u64> = naive(&text).iter().map(|w| xxh3_64(w.as_bytes())).collect();
            prop_assert_eq!(of(&text), expected);
        }
    }
}
