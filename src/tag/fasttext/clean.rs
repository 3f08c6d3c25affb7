//! What is done to a text before a model reads it, as the published taggers do it.
//!
//! All of them strip white space from both ends and turn line breaks into blanks; our reader
//! already takes `\n` for one, so that costs nothing. Some
//! lower the case, and some cut at white space that fastText does not know.

use crate::error::{Error, Result};

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

/// Cleans texts into a buffer that it keeps.
#[derive(Debug)]
pub(super) struct Cleaner {
    lowercase: bool,
    separators: Separators,
    buffer: String,
}

impl Cleaner {
    pub(super) fn new(lowercase: bool, separators: Separators) -> Self {
        Self { lowercase, separators, buffer: String::new() }
    }

    pub(super) fn clean<'a>(&'a mut self, text: &'a str) -> &'a str {
        // Case and white space do not depend on each other: strip first, it is shorter then.
        let separators = self.separators;
        let text = match separators {
            Separators::Unicode => text.trim(),
            _ => text.trim_matches(is_python_space),
        };
        let cut = separators != Separators::FastText && text.contains(|c| separators.contains(c));
        match (self.lowercase, cut) {
            (false, false) => return text,
            (true, false) => lower(text, &mut self.buffer),
            (lowercase, true) => {
                let blank = |char| if separators.contains(char) { ' ' } else { char };
                let text: String = text.chars().map(blank).collect();
                if lowercase { lower(&text, &mut self.buffer) } else { self.buffer = text }
            }
        }
        &self.buffer
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
