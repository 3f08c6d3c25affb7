//! From a text to its hidden vector: the mean of the rows of its words and n-grams.
//!
//! Tables and matrices are larger than the caches, so what a text leads to is asked for ahead:
//! some tokens are read before the first of them is looked up, and rows wait until there are
//! enough of them before they are summed. Rows are summed in the order of the reference, words
//! and their character n-grams first, word n-grams after all of them. Memory does not grow with
//! the text except for the word hashes that word n-grams need.

use super::cache::{Cache, MAX_TOKEN};
use super::dictionary::Meaning;
use super::model::Model;
use super::token::{EOS, Token, Tokens};

/// Tokens that are read ahead of looking them up: a few memory latencies of work.
const TOKENS: usize = 32;
/// Rows that wait to be summed may take this much, so that they stay in the first cache, in which
/// there are other things too.
const WAITING_BYTES: usize = 16 << 10;
/// Bounds of the number of rows that wait.
const WAITING: std::ops::RangeInclusive<usize> = 32..=1024;
/// Word hashes turned into n-grams at a time.
const HASHES: usize = 64;

pub(super) struct Features<'m> {
    model: &'m Model,
    cache: Cache,
    /// Rows that wait to be summed.
    rows: Vec<u32>,
    /// How many rows wait at most, about.
    waiting: usize,
    /// Rows of this text that were summed.
    count: usize,
    hashes: Vec<u32>,
    marked: Vec<u8>,
    hidden: Vec<f32>,
}

impl<'m> Features<'m> {
    pub(super) fn new(model: &'m Model) -> Self {
        let width = model.input.width();
        let waiting = WAITING_BYTES / size_of::<f32>() / width;
        Self {
            model,
            cache: Cache::new(),
            rows: Vec::new(),
            waiting: waiting.clamp(*WAITING.start(), *WAITING.end()),
            count: 0,
            hashes: Vec::new(),
            marked: Vec::new(),
            hidden: vec![0.0; width],
        }
    }

    /// The hidden vector of `text`; `None` if the model knows nothing in it.
    pub(super) fn read(&mut self, text: &str) -> Option<&[f32]> {
        self.hidden.fill(0.0);
        self.rows.clear();
        self.hashes.clear();
        self.count = 0;
        self.read_tokens(text);
        if self.model.dictionary.word_ngrams() > 1 {
            self.read_word_ngrams();
        }
        self.flush();
        if self.count == 0 {
            return None;
        }
        let scale = (1.0 / self.count as f64) as f32;
        self.hidden.iter_mut().for_each(|value| *value *= scale);
        Some(&self.hidden)
    }

    fn read_tokens(&mut self, text: &str) {
        let mut tokens = Tokens::new(text.as_bytes());
        let mut ahead = [Token { bytes: EOS, hash: 0, head: 0 }; TOKENS];
        loop {
            let mut count = 0;
            for (slot, token) in ahead.iter_mut().zip(&mut tokens) {
                self.prefetch(token);
                *slot = token;
                count += 1;
            }
            for &token in &ahead[..count] {
                self.read_token(token);
            }
            if count < TOKENS {
                return;
            }
        }
    }

    /// Whether the rows of a token are kept between texts.
    fn is_cached(&self, token: Token<'_>) -> bool {
        self.model.dictionary.has_subwords() && token.bytes.len() <= MAX_TOKEN
    }

    fn prefetch(&self, token: Token<'_>) {
        if self.is_cached(token) {
            self.cache.prefetch(token);
        } else {
            self.model.dictionary.prefetch(token);
        }
    }

    fn read_token(&mut self, token: Token<'_>) {
        let dictionary = &self.model.dictionary;
        let first = self.rows.len();
        if self.is_cached(token) {
            let marked = &mut self.marked;
            let cached = self.cache.get(token, |rows| {
                let meaning = dictionary.find(token);
                dictionary.push_rows(token, meaning, marked, rows);
                meaning != Meaning::Label
            });
            let Some(rows) = cached else { return };
            self.rows.extend_from_slice(rows);
        } else {
            let meaning = dictionary.find(token);
            if meaning == Meaning::Label {
                return;
            }
            dictionary.push_rows(token, meaning, &mut self.marked, &mut self.rows);
        }
        if dictionary.word_ngrams() > 1 {
            self.hashes.push(token.hash);
        }
        self.pushed(first);
    }

    fn read_word_ngrams(&mut self) {
        let dictionary = &self.model.dictionary;
        let overlap = dictionary.word_ngrams() - 1;
        for start in (0..self.hashes.len()).step_by(HASHES) {
            let end = (start + HASHES).min(self.hashes.len());
            let window = &self.hashes[start..(end + overlap).min(self.hashes.len())];
            let first = self.rows.len();
            dictionary.push_word_ngrams(window, end - start, &mut self.rows);
            self.pushed(first);
        }
    }

    /// Asks for the rows from `first` on; sums if many wait.
    fn pushed(&mut self, first: usize) {
        self.rows[first..].iter().for_each(|&row| self.model.input.prefetch(row));
        if self.rows.len() >= self.waiting {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.model.input.add_rows(&self.rows, &mut self.hidden);
        self.count += self.rows.len();
        self.rows.clear();
    }
}
