//! The words of a document as numbers: equal words have equal numbers.
//!
//! What counts words, n-grams or vocabularies begins here, so that each word of a document is
//! hashed and compared once, for however many kernels of a run.

use super::Text;
use super::vocabulary::{Vocabulary, Word};

/// Entries above this (4 MiB) are given back before the next document.
const KEPT: usize = 1 << 20;

/// See [`Text::numbered`].
#[derive(Default)]
pub struct Numbered {
    vocabulary: Vocabulary,
    numbers: Vec<u32>,
    chars_before: Vec<u32>,
}

impl Numbered {
    #[inline(never)]
    pub(super) fn read(&mut self, text: &Text<'_>) {
        let words = text.word_count();
        self.vocabulary.clear(words);
        for table in [&mut self.numbers, &mut self.chars_before] {
            table.clear();
            table.shrink_to(KEPT);
            table.reserve(words + 1);
        }
        let mut before = 0;
        self.vocabulary.read(text, |number, chars| {
            self.numbers.push(number);
            self.chars_before.push(before);
            before += chars;
        });
        self.chars_before.push(before);
    }

    /// The number of each word, in the order of the text; numbers count from 1.
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// The code points in the words before each word, and at last in all words.
    pub fn chars_before(&self) -> &[u32] {
        &self.chars_before
    }

    /// The code points in all words.
    pub fn chars(&self) -> usize {
        self.chars_before.last().copied().unwrap_or_default() as usize
    }

    /// The distinct words in the order in which they were first found: the one numbered n is at
    /// n - 1.
    pub fn distinct(&self) -> &[Word] {
        self.vocabulary.distinct()
    }

    pub fn word(&self, number: u32) -> &Word {
        self.vocabulary.word(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_words_have_equal_numbers() {
        let text = Text::new("a é字 a\u{3000}b é字");
        let words = text.numbered();
        assert_eq!(words.numbers(), [1, 2, 1, 3, 2]);
        assert_eq!(words.chars_before(), [0, 1, 3, 4, 5, 7]);
        assert_eq!(words.chars(), 7);
        let counts: Vec<u32> = words.distinct().iter().map(|word| word.count).collect();
        assert_eq!(counts, [2, 2, 1]);
        assert_eq!(words.word(2).of(text.as_str()), "é字");
        assert_eq!(Text::new(" ").numbered().chars_before(), [0]);
    }
}
