//! Word boundaries for taggers in Python.

use crate::text::count_chars;
use pyo3::prelude::*;
use unicode_segmentation::UnicodeSegmentation;

/// The pieces that the word boundaries of UAX-29 cut a text into, white space and punctuation
/// included, as the position (in code points) at which each one ends.
#[pyfunction]
pub fn word_ends(text: &str) -> Vec<usize> {
    let mut end = 0;
    text.split_word_bounds()
        .map(|piece| {
            end += count_chars(piece.as_bytes());
            end
        })
        .collect()
}
