//! Boundaries of words and sentences, and repetitions, for taggers in Python.

use crate::tag::repetitions::periodic;
use crate::text::{count_chars, sentences};
use pyo3::prelude::*;
use unicode_segmentation::UnicodeSegmentation;

/// The pieces that the word boundaries of UAX-29 cut a text into, white space and punctuation
/// included, as the position (in code points) at which each one ends.
#[pyfunction]
pub fn word_ends(text: &str) -> Vec<usize> {
    ends(text.split_word_bounds())
}

/// The sentences of a text (UAX-29 with a list of abbreviations), put end to end the whole of it,
/// as the position (in code points) at which each one ends.
#[pyfunction]
pub fn sentence_ends(text: &str) -> Vec<usize> {
    ends(sentences(text))
}

fn ends<'a>(pieces: impl Iterator<Item = &'a str>) -> Vec<usize> {
    let mut end = 0;
    pieces
        .map(|piece| {
            end += count_chars(piece.as_bytes());
            end
        })
        .collect()
}

/// The parts of a sequence that repeat one to `longest` items at least `times` (two or more)
/// times: first item, item behind the last, and the number of items that are repeated.
#[pyfunction]
pub fn repeated_parts(items: Vec<u32>, longest: usize, times: usize) -> Vec<(usize, usize, usize)> {
    let parts =
        periodic::periodic(items.len(), 1..=longest, times.max(2), |a, b| items[a] == items[b]);
    parts.into_iter().map(|part| (part.items.start, part.items.end, part.period)).collect()
}
