//! Whether a few words make up the document.
//!
//! The mix of OLMoE (allenai/OLMoE-mix-0924) leaves out code whose most frequent word is over 30 %
//! of the document, or whose two most frequent are over 50 %: tables of data that look like code.
//! Words are what white space separates, as they are written.

use super::{Document, Kernel, Options, Spans, Worker, refuse_options};
use crate::error::Result;

struct Concentration {
    types: Vec<String>,
}

/// `word_concentration_v1`: `top_word` and `top_two_words`, shares of all words.
pub(super) fn build(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("word_concentration_v1", options)?;
    let types = ["top_word", "top_two_words"].map(str::to_owned).to_vec();
    Ok(Box::new(Concentration { types }))
}

impl Kernel for Concentration {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(ConcentrationWorker)
    }
}

struct ConcentrationWorker;

impl Worker for ConcentrationWorker {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let numbered = doc.text.numbered();
        let words = numbered.numbers().len();
        let (mut first, mut second) = (0, 0);
        for word in numbered.distinct() {
            if word.count > first {
                (first, second) = (word.count, first);
            } else {
                second = second.max(word.count);
            }
        }
        for (kind, count) in [(0, first), (1, first + second)] {
            out.push(kind, 0, doc.text.chars(), f64::from(count) / words.max(1) as f64);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::tag::testing::rows;

    fn shares(text: &str) -> (f64, f64) {
        let rows = rows("word_concentration_v1", text);
        (rows[0].3, rows[1].3)
    }

    #[test]
    fn the_two_most_frequent_words_count() {
        assert_eq!(shares("a b a c b\na d. d"), (3.0 / 8.0, 5.0 / 8.0));
        // Case and punctuation make words differ.
        assert_eq!(shares("No no no. no!"), (0.25, 0.5));
        assert_eq!(shares("0, 0, 0, 0,"), (1.0, 1.0));
        assert_eq!(shares(" \n"), (0.0, 0.0));
    }
}
