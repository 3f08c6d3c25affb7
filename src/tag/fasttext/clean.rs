//! What is done to a text before a model reads it, as the published taggers do it, and as models
//! of one's own may want it.
//!
//! All of them strip white space from both ends and turn line breaks into blanks; our reader
//! already takes `\n` for one, so that costs nothing. Some lower the case, and some cut at white
//! space that fastText does not know. Training cleans its texts here, too.

use crate::error::{Error, Result};
use crate::text::unicode::is_punctuation;
use regex::Regex;
use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization;

/// White space that separates words besides fastText's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separators {
    /// None.
    FastText,
    /// The line breaks of Python's `str.splitlines`.
    ///
    /// With these and with `FastText`, both ends are stripped as by `str.strip`.
    Lines,
    /// Everything with the Unicode property `White_Space`, which is then all that is stripped.
    Unicode,
}

impl Separators {
    pub(super) fn parse(name: &str) -> Result<Self> {
        match name {
            "fasttext" => Ok(Self::FastText),
            "lines" => Ok(Self::Lines),
            "unicode" => Ok(Self::Unicode),
            _ => Err(Error::config(format!(
                "fasttext: separators are \"fasttext\", \"lines\" or \"unicode\", not {name:?}"
            ))),
        }
    }

    fn contains(self, char: char) -> bool {
        match self {
            Self::FastText => false,
            Self::Lines => matches!(char, '\x1C'..='\x1E' | '\u{85}' | '\u{2028}' | '\u{2029}'),
            Self::Unicode => char.is_whitespace(),
        }
    }
}

/// White space as `str.isspace` has it: Unicode's, and the four ASCII separators.
pub(super) fn is_python_space(char: char) -> bool {
    char.is_whitespace() || matches!(char, '\x1C'..='\x1F')
}

/// What is done to a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cleaning {
    /// Lower the case, as Python's `str.lower`.
    pub(super) lowercase: bool,
    pub(super) separators: Separators,
    /// Decompose (NFKD) and leave the marks out: `é` is `e`, `ﬁ` is `fi`.
    pub(super) strip_accents: bool,
    /// Every decimal digit, of any script, is `0`.
    pub(super) zero_digits: bool,
    /// Each character of punctuation and each symbol is a word of its own.
    pub(super) split_punctuation: bool,
}

impl Cleaning {
    pub(super) const NONE: Self = Self {
        lowercase: false,
        separators: Separators::FastText,
        strip_accents: false,
        zero_digits: false,
        split_punctuation: false,
    };

    /// Sets one of the options that concern cleaning; false if `name` is none of them.
    pub(crate) fn set(&mut self, name: &str, on: bool) -> bool {
        let field = match name {
            "lowercase" => &mut self.lowercase,
            "strip_accents" => &mut self.strip_accents,
            "zero_digits" => &mut self.zero_digits,
            "split_punctuation" => &mut self.split_punctuation,
            _ => return false,
        };
        *field = on;
        true
    }
}

impl Default for Cleaning {
    fn default() -> Self {
        Self::NONE
    }
}

/// Cleans texts into a buffer that it keeps.
#[derive(Debug)]
pub struct Cleaner {
    cleaning: Cleaning,
    buffer: String,
}

impl Cleaner {
    pub fn new(cleaning: Cleaning) -> Self {
        Self { cleaning, buffer: String::new() }
    }

    pub fn clean<'a>(&'a mut self, text: &'a str) -> &'a str {
        // Case and white space do not depend on each other: strip first, it is shorter then.
        let Cleaning { lowercase, separators, .. } = self.cleaning;
        let text = match separators {
            Separators::Unicode => text.trim(),
            _ => text.trim_matches(is_python_space),
        };
        let cut = separators != Separators::FastText && text.contains(|c| separators.contains(c));
        match (lowercase, cut) {
            (false, false) if !self.rewrites() => return text,
            (false, false) => text.clone_into(&mut self.buffer),
            (true, false) => lower(text, &mut self.buffer),
            (lowercase, true) => {
                let blank = |char| if separators.contains(char) { ' ' } else { char };
                let text: String = text.chars().map(blank).collect();
                if lowercase { lower(&text, &mut self.buffer) } else { self.buffer = text }
            }
        }
        if self.rewrites() {
            self.rewrite();
        }
        &self.buffer
    }

    fn rewrites(&self) -> bool {
        let Cleaning { strip_accents, zero_digits, split_punctuation, .. } = self.cleaning;
        strip_accents || zero_digits || split_punctuation
    }

    fn rewrite(&mut self) {
        let Cleaning { lowercase, strip_accents, zero_digits, split_punctuation, .. } =
            self.cleaning;
        if strip_accents && !self.buffer.is_ascii() {
            let plain: String = self.buffer.nfkd().collect();
            self.buffer = replace(&MARKS, plain, "");
            if lowercase {
                // There are letters in what signs decompose to, as in `№`.
                self.buffer = self.buffer.to_lowercase();
            }
        }
        if zero_digits {
            self.buffer = replace(&DIGITS, std::mem::take(&mut self.buffer), "0");
        }
        if split_punctuation {
            let mut split = String::with_capacity(self.buffer.len() * 5 / 4);
            for char in self.buffer.chars() {
                if is_punctuation(char) {
                    split.extend([' ', char, ' ']);
                } else {
                    split.push(char);
                }
            }
            self.buffer = split;
        }
    }
}

static MARKS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\p{Mn}").ok());
static DIGITS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\d").ok());

fn replace(pattern: &Option<Regex>, text: String, by: &str) -> String {
    match pattern {
        Some(pattern) => pattern.replace_all(&text, by).into_owned(),
        None => text,
    }
}

/// `str.lower` into `buffer`. Python and Rust share Unicode's rule for the final sigma; the two
/// differ only in characters that are newer than the Unicode version of the one or the other.
fn lower(text: &str, buffer: &mut String) {
    buffer.clear();
    if text.is_ascii() {
        buffer.push_str(text);
        buffer.make_ascii_lowercase();
    } else {
        buffer.push_str(&text.to_lowercase());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(names: &[&str], text: &str) -> String {
        let mut cleaning = Cleaning::default();
        assert!(names.iter().all(|name| cleaning.set(name, true)));
        Cleaner::new(cleaning).clean(text).to_owned()
    }

    #[test]
    fn texts_are_rewritten_as_asked() {
        let text = "  Ça va? ﬁn №12, ٣.\n";
        assert_eq!(clean(&[], text), "Ça va? ﬁn №12, ٣.");
        assert_eq!(clean(&["lowercase"], text), "ça va? ﬁn №12, ٣.");
        assert_eq!(clean(&["strip_accents"], text), "Ca va? fin No12, ٣.");
        assert_eq!(clean(&["zero_digits"], text), "Ça va? ﬁn №00, 0.");
        assert_eq!(clean(&["split_punctuation"], text), "Ça va ?  ﬁn  № 12 ,  ٣ . ");
        let all = ["lowercase", "strip_accents", "zero_digits", "split_punctuation"];
        assert_eq!(clean(&all, text), "ca va ?  fin no00 ,  0 . ");
    }

    #[test]
    fn other_names_are_not_of_cleaning() {
        assert!(!Cleaning::default().set("unit", true));
    }
}
