//! What a character is, by the rules of the formats the engine must agree with.
//!
//! Words and stripping follow Python's `str`, tokens follow the `\w` and `\s` of UTS #18. The
//! sets are bit tables over all code points, built by the compiler from run lengths, so a test
//! costs one load. A test below pins each set by its size and by characters on which the standard
//! library decides otherwise.

use super::tables;

const WORDS: usize = 0x11_0000 / 64;

/// One bit for each code point.
struct Set([u64; WORDS]);

impl Set {
    const fn parse(runs: &str) -> Self {
        let mut bits = [0u64; WORDS];
        let text = runs.as_bytes();
        let (mut at, mut code, mut inside) = (0, 0usize, false);
        while at < text.len() {
            let mut run = 0;
            while at < text.len() && text[at] != b' ' {
                let digit = if text[at] >= b'a' { text[at] - b'a' + 10 } else { text[at] - b'0' };
                run = run * 16 + digit as usize;
                at += 1;
            }
            at += 1;
            let end = code + run;
            while inside && code < end {
                // Bits of one word at a time, or the compiler's interpreter takes seconds.
                let stop = if (code | 63) + 1 < end { (code | 63) + 1 } else { end };
                bits[code >> 6] |= (u64::MAX >> (64 - (stop - code))) << (code & 63);
                code = stop;
            }
            code = end;
            inside = !inside;
        }
        Self(bits)
    }

    #[inline]
    fn has(&self, c: char) -> bool {
        let code = c as usize;
        self.0[code >> 6] >> (code & 63) & 1 != 0
    }
}

static LETTER: Set = Set::parse(tables::LETTER);
static WORD: Set = Set::parse(tables::WORD);
static PUNCTUATION: Set = Set::parse(tables::PUNCTUATION);
static NUMBER: Set = Set::parse(tables::NUMBER);
static DIGIT: Set = Set::parse(tables::DIGIT);
static MARKS: Set = Set::parse(tables::MARKS);
static SENTENCE_END: Set = Set::parse(tables::SENTENCE_END);

/// Python's `str.isalpha()` of one character.
#[inline]
pub fn is_letter(c: char) -> bool {
    LETTER.has(c)
}

/// UTS #18 `\w`.
#[inline]
pub fn is_word(c: char) -> bool {
    WORD.has(c)
}

/// UTS #18 `[[:punct:]]`: punctuation and symbols.
#[inline]
pub fn is_punctuation(c: char) -> bool {
    PUNCTUATION.has(c)
}

/// `\p{N}`: digits of any kind, fractions, Roman numerals.
#[inline]
pub fn is_number(c: char) -> bool {
    NUMBER.has(c)
}

/// `\d`: decimal digits of any script.
#[inline]
pub fn is_digit(c: char) -> bool {
    DIGIT.has(c)
}

/// `\p{P}`: punctuation marks, without the symbols that [`is_punctuation`] adds.
#[inline]
pub fn is_mark(c: char) -> bool {
    MARKS.has(c)
}

/// The terminal punctuation marks of all scripts: `.`, `?`, `!`, `。`, `।`, `؟`…
#[inline]
pub fn is_sentence_end(c: char) -> bool {
    match c {
        '\0'..='~' => matches!(c, '.' | '?' | '!'),
        c => SENTENCE_END.has(c),
    }
}

/// UTS #18 `\s`, which is `White_Space`: [`is_space`] without U+001C to U+001F.
#[inline]
pub fn is_white_space(c: char) -> bool {
    c.is_whitespace()
}

/// What Python's `str.split()` splits at and `str.strip()` removes.
#[inline]
pub fn is_space(c: char) -> bool {
    matches!(c, '\u{1c}'..='\u{1f}') || c.is_whitespace()
}

/// Python's `str.strip()`.
pub fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Python's `str.rstrip()`.
#[inline]
pub fn strip_end(text: &str) -> &str {
    match text.as_bytes().last() {
        Some(b'!'..=b'~') | None => text,
        _ => text.trim_end_matches(is_space),
    }
}

/// Whether nothing is left of `text` when it is stripped.
#[inline]
pub fn is_blank(text: &str) -> bool {
    match text.as_bytes().first() {
        Some(b'!'..=b'~') => false,
        _ => text.chars().all(is_space),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(set: &Set) -> u32 {
        set.0.iter().map(|word| word.count_ones()).sum()
    }

    #[test]
    fn sets_have_the_size_of_their_unicode_version() {
        assert_eq!(size(&LETTER), 131_756);
        assert_eq!(size(&WORD), 162_226);
        assert_eq!(size(&PUNCTUATION), 9_490);
        assert_eq!((size(&NUMBER), size(&DIGIT), size(&MARKS)), (1_791, 660, 819));
        assert_eq!(size(&SENTENCE_END), 175);
        let ends = (0..=0x10_ffff).filter_map(char::from_u32).filter(|&c| is_sentence_end(c));
        assert_eq!(ends.count(), 175);
        assert_eq!((0..=0x10_ffff).filter_map(char::from_u32).filter(|&c| is_space(c)).count(), 29);
    }

    #[test]
    fn letters_are_not_the_alphabetic_property() {
        for letter in ['a', 'Z', 'é', 'ß', 'ª', '字', 'あ', 'ʰ'] {
            assert!(is_letter(letter), "{letter}");
        }
        // Letter numbers, circled letters and vowel signs are alphabetic but no letters.
        for other in ['Ⅷ', 'ⓐ', '\u{93e}', '\u{345}', '1', '_', '²', '😀'] {
            assert!(!is_letter(other), "{other}");
        }
    }

    #[test]
    fn word_characters_include_marks_and_connectors_but_not_superscripts() {
        assert!(['a', '_', '9', '\u{301}', '‿', '\u{200d}', '٣'].into_iter().all(is_word));
        assert!(!['²', '½', '-', ' ', '…'].into_iter().any(is_word));
        assert!(['!', '$', '+', '—', '€'].into_iter().all(is_punctuation));
        assert!(!['a', '1', ' '].into_iter().any(is_punctuation));
        assert!(['!', '—', '_', '」'].into_iter().all(is_mark));
        assert!(!['$', '+', '€', '`'].into_iter().any(is_mark));
        assert!(['1', '٣', '½', 'Ⅷ'].into_iter().all(is_number));
        assert!(is_digit('٣') && !['½', 'Ⅷ', '²', '一'].into_iter().any(is_digit));
    }

    #[test]
    fn separators_of_ascii_are_space_for_split_but_not_for_patterns() {
        for separator in '\u{1c}'..='\u{1f}' {
            assert!(is_space(separator) && !is_white_space(separator));
        }
        assert!(!is_space('\u{200b}') && !is_space('\u{feff}'));
        assert_eq!(strip("\u{1c}\u{3000} a b\u{85}\n"), "a b");
        assert!(is_blank("") && is_blank("\u{2028} \t") && !is_blank(" \u{200b}"));
        assert_eq!(strip_end("a.\u{a0}\r"), "a.");
    }
}
