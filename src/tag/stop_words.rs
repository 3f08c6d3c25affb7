//! How many words of a document only hold sentences together.
//!
//! Running text is full of them, lists, menus and keyword spam have hardly any: Gopher (Rae et al.
//! 2021, A1.1) asks for two of its eight. A word is what white space separates, without what is no
//! letter, mark or digit at its ends, in lower case.

mod lists;

use super::wordlist::read_list;
use super::{Document, Kernel, OptionValue, Options, Spans, Worker};
use crate::error::{Error, Result};
use crate::text::unicode::is_word;
use lists::LISTS;
use std::collections::HashMap;
use std::path::Path;

const DEFAULT: &str = "en";

struct StopWords {
    /// Numbered, so that a document can tell how many it has.
    words: HashMap<String, usize>,
    types: Vec<String>,
}

/// `stop_words_v1`: `stop_word_count`, `stop_word_fraction` (of all words) and
/// `distinct_stop_words`.
///
/// Options: `language`, one of the lists of `stop_words/lists.rs`, or `path`, a file with a word
/// on each line (`#` begins a comment).
pub(super) fn build(options: &Options) -> Result<Box<dyn Kernel>> {
    let mut language = DEFAULT;
    let mut path = None;
    for (name, value) in options {
        match (name.as_str(), value) {
            ("language", OptionValue::Str(value)) => language = value,
            ("path", OptionValue::Str(value)) => path = Some(Path::new(value)),
            ("language" | "path", _) => {
                return Err(Error::config(format!("stop_words_v1: {name} must be a string")));
            }
            _ => return Err(Error::config(format!("stop_words_v1 has no option {name:?}"))),
        }
    }
    if path.is_some() && options.contains_key("language") {
        return Err(Error::config("stop_words_v1: give language or path, not both"));
    }
    let words: Vec<String> = match path {
        Some(path) => read_list(path)?,
        None => list(language)?.iter().map(|&word| word.to_owned()).collect(),
    };
    let mut numbers = HashMap::new();
    for word in words.iter().map(|word| bare(word).to_lowercase()).filter(|word| !word.is_empty()) {
        let number = numbers.len();
        numbers.entry(word).or_insert(number);
    }
    if numbers.is_empty() {
        return Err(Error::config("stop_words_v1: no words"));
    }
    let types = ["stop_word_count", "stop_word_fraction", "distinct_stop_words"];
    Ok(Box::new(StopWords { words: numbers, types: types.map(str::to_owned).to_vec() }))
}

fn list(language: &str) -> Result<&'static [&'static str]> {
    let found = LISTS.iter().find(|(name, _)| *name == language);
    found.map(|(_, words)| *words).ok_or_else(|| {
        let known: Vec<&str> = LISTS.iter().map(|(name, _)| *name).collect();
        Error::config(format!(
            "stop_words_v1 has no list for the language {language:?}; give path, or one of {}",
            known.join(", ")
        ))
    })
}

/// A word without what is no letter, mark, digit or `_` at its ends.
fn bare(word: &str) -> &str {
    word.trim_matches(|c| !is_word(c))
}

impl Kernel for StopWords {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        let seen = vec![false; self.words.len()];
        Box::new(Counter { list: self, seen })
    }
}

struct Counter<'a> {
    list: &'a StopWords,
    seen: Vec<bool>,
}

impl Worker for Counter<'_> {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let numbered = doc.text.numbered();
        let words = numbered.numbers().len();
        self.seen.fill(false);
        let mut count = 0;
        for word in numbered.distinct() {
            let bare = bare(word.of(doc.text.as_str()));
            let found = match self.list.words.get(bare) {
                Some(&number) => Some(number),
                None if bare.chars().any(char::is_uppercase) => {
                    self.list.words.get(&bare.to_lowercase()).copied()
                }
                None => None,
            };
            if let Some(number) = found {
                count += word.count;
                if let Some(seen) = self.seen.get_mut(number) {
                    *seen = true;
                }
            }
        }
        let distinct = self.seen.iter().filter(|&&seen| seen).count();
        let scores = [f64::from(count), f64::from(count) / words.max(1) as f64, distinct as f64];
        for (kind, score) in (0..).zip(scores) {
            out.push(kind, 0, doc.text.chars(), score);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Text;
    use std::io::Write;

    fn scores(options: &[(&str, &str)], text: &str) -> Vec<f64> {
        let option = |(name, value): &(&str, &str)| {
            ((*name).to_owned(), OptionValue::Str((*value).to_owned()))
        };
        let kernel = build(&options.iter().map(option).collect()).unwrap();
        let text = Text::new(text);
        let mut out = Spans::default();
        kernel.worker().tag(&Document { id: "", text: &text, metadata: None }, &mut out).unwrap();
        out.spans.iter().map(|span| span.score).collect()
    }

    #[test]
    fn words_count_in_any_case_and_beside_punctuation() {
        let text = "The cat, and THE (the) dog: to\nbe?";
        assert_eq!(scores(&[], text), [6.0, 0.75, 4.0]);
        assert_eq!(scores(&[], " "), [0.0, 0.0, 0.0]);
        assert_eq!(scores(&[("language", "de")], "Der Hund und die Katze."), [3.0, 0.6, 3.0]);
        assert_eq!(scores(&[("language", "hi")], "यह एक किताब है।")[0], 1.0);
        assert_eq!(scores(&[("language", "ru")], "Это — не я.")[2], 2.0);
    }

    #[test]
    fn a_file_may_hold_the_words() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "# mine\nFoo\n\nbar ").unwrap();
        let path = file.path().to_str().unwrap();
        assert_eq!(scores(&[("path", path)], "foo the bar. Bar"), [3.0, 0.75, 2.0]);
        let both =
            ["language", "path"].map(|name| (name.to_owned(), OptionValue::Str(path.into())));
        assert!(build(&Options::from(both)).is_err());
    }

    #[test]
    fn lists_are_in_order_and_as_they_are_compared() {
        assert!(LISTS.is_sorted_by_key(|(name, _)| *name));
        for (language, words) in LISTS {
            assert!(words.len() >= 8, "{language}");
            assert!(words.iter().all(|word| bare(word).to_lowercase() == **word), "{language}");
            let distinct: std::collections::HashSet<_> = words.iter().collect();
            assert_eq!(distinct.len(), words.len(), "{language}");
        }
        assert!(list("xx").is_err());
    }
}
