//! One thread's predictions with a shared model.
//!
//! A text is read as one line: it is cut at the white space of the reference (NUL is one,
//! no-break space is not), line breaks are blanks, and the end is the token `</s>`. Rows are
//! summed while the text is read, so memory does not grow with it except for the word hashes
//! that word n-grams need.

use super::cache::{Cache, MAX_TOKEN};
use super::dictionary::{self, Dictionary, EOS, Token};
use super::heap::Best;
use super::loss::Scratch;
use super::model::Model;
use crate::error::Result;

/// Rows collected before they are summed.
const BATCH: usize = 1024;
/// Word hashes turned into n-grams at a time.
const HASHES: usize = 256;

/// Predicts with one model, one text at a time, reusing its buffers.
pub struct Predictor<'m> {
    model: &'m Model,
    features: Features,
    scratch: Scratch,
    best: Best,
}

impl<'m> Predictor<'m> {
    pub fn new(model: &'m Model) -> Self {
        let features = Features::new(model.input.width());
        Self { model, features, scratch: Scratch::default(), best: Best::default() }
    }

    /// Replaces `out` by the `k` best labels (0: all) whose probability is not below
    /// `threshold`, from the most to the least probable, as the reference orders them.
    ///
    /// A text none of whose tokens the model knows has no labels.
    ///
    /// # Errors
    /// `Asset` if the model's numbers are broken.
    pub fn predict(
        &mut self,
        text: &str,
        k: usize,
        threshold: f32,
        out: &mut Vec<(u32, f32)>,
    ) -> Result<()> {
        out.clear();
        if !self.features.read(self.model, text.as_bytes()) {
            return Ok(());
        }
        let Model { loss, output, .. } = self.model;
        let labels = output.labels();
        self.best.start(if k == 0 { labels } else { k }, labels);
        let hidden = &self.features.hidden;
        loss.predict(output, hidden, threshold, &mut self.scratch, &mut self.best)?;
        out.extend(self.best.finish().iter().map(|&(log, label)| (label, log.exp())));
        Ok(())
    }

    /// The probability of one label: what [`Predictor::predict`] gives for it when it asks for
    /// all labels, but without ranking them. `None` if it would leave the label out.
    ///
    /// # Errors
    /// `Asset` if the model's numbers are broken.
    pub fn predict_label(&mut self, text: &str, label: u32) -> Result<Option<f32>> {
        if !self.features.read(self.model, text.as_bytes()) {
            return Ok(None);
        }
        let Model { loss, output, .. } = self.model;
        let hidden = &self.features.hidden;
        loss.predict_label(output, hidden, label, &mut self.scratch)
    }
}

/// From a text to its hidden vector.
struct Features {
    cache: Cache,
    /// Rows that wait to be summed.
    rows: Vec<u32>,
    /// Rows seen in this text, summed or waiting.
    count: usize,
    hashes: Vec<u32>,
    marked: Vec<u8>,
    hidden: Vec<f32>,
}

impl Features {
    fn new(width: usize) -> Self {
        Self {
            cache: Cache::new(),
            rows: Vec::with_capacity(2 * BATCH),
            count: 0,
            hashes: Vec::new(),
            marked: Vec::new(),
            hidden: vec![0.0; width],
        }
    }

    /// Computes the hidden vector of `text`; false if the model knows nothing in it.
    fn read(&mut self, model: &Model, text: &[u8]) -> bool {
        self.hidden.fill(0.0);
        self.rows.clear();
        self.hashes.clear();
        self.count = 0;
        self.read_words(model, text);
        if model.dictionary.word_ngrams() > 1 {
            self.read_word_ngrams(model);
        }
        self.flush(model);
        if self.count == 0 {
            return false;
        }
        let scale = (1.0 / self.count as f64) as f32;
        self.hidden.iter_mut().for_each(|value| *value *= scale);
        true
    }

    fn read_words(&mut self, model: &Model, text: &[u8]) {
        let mut at = 0;
        while at < text.len() {
            let start = at;
            let mut hash = dictionary::FNV_OFFSET;
            while let Some(&byte) = text.get(at).filter(|&&byte| !is_space(byte)) {
                hash = dictionary::fnv(hash, byte);
                at += 1;
            }
            let token = &text[start..at];
            at += 1;
            if token.is_empty() {
                continue;
            }
            self.read_token(model, token, hash);
            if token == EOS {
                return;
            }
        }
        self.read_token(model, EOS, dictionary::hash(EOS));
    }

    fn read_token(&mut self, model: &Model, token: &[u8], hash: u32) {
        let dictionary = &model.dictionary;
        if !dictionary.has_subwords() || token.len() > MAX_TOKEN {
            let known = dictionary.find(token, hash);
            if known == Token::Label {
                return;
            }
            dictionary.push_rows(token, known, &mut self.marked, &mut self.rows);
        } else {
            let marked = &mut self.marked;
            let cached = self.cache.get(token, hash, |rows| {
                let known = dictionary.find(token, hash);
                dictionary.push_rows(token, known, marked, rows);
                known != Token::Label
            });
            let Some(rows) = cached else { return };
            self.rows.extend_from_slice(rows);
        }
        if dictionary.word_ngrams() > 1 {
            self.hashes.push(hash);
        }
        if self.rows.len() >= BATCH {
            self.flush(model);
        }
    }

    fn read_word_ngrams(&mut self, model: &Model) {
        let dictionary: &Dictionary = &model.dictionary;
        let overlap = dictionary.word_ngrams() - 1;
        for start in (0..self.hashes.len()).step_by(HASHES) {
            let end = (start + HASHES).min(self.hashes.len());
            let window = &self.hashes[start..(end + overlap).min(self.hashes.len())];
            dictionary.push_word_ngrams(window, end - start, &mut self.rows);
            self.flush(model);
        }
    }

    fn flush(&mut self, model: &Model) {
        model.input.add_rows(&self.rows, &mut self.hidden);
        self.count += self.rows.len();
        self.rows.clear();
    }
}

/// White space of the reference's line reader.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | 0x0B | 0x0C | 0)
}
