//! How much a document's characters differ from each other, in bits (Shannon 1948).
//!
//! The entropy of how often each byte and each code point comes. English prose has 4.1 to 4.6
//! bits a code point, Chinese 8 to 10; far less is a drawing or a loop, far more for the script is
//! a random key. It does not look at order, so a shuffled text has the same.

use super::{Document, Kernel, Options, Spans, Worker, refuse_options};
use crate::error::Result;

struct Entropy {
    types: Vec<String>,
}

/// `entropy_v1`: `byte_entropy` and `char_entropy`, bits for each byte and each code point.
pub(super) fn build(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("entropy_v1", options)?;
    let types = ["byte_entropy", "char_entropy"].map(str::to_owned).to_vec();
    Ok(Box::new(Entropy { types }))
}

impl Kernel for Entropy {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(EntropyWorker { chars: Vec::new(), seen: Vec::new() })
    }
}

struct EntropyWorker {
    /// How often each code point beyond ASCII came; all zero between documents.
    chars: Vec<u32>,
    seen: Vec<u32>,
}

impl Worker for EntropyWorker {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let text = doc.text;
        if text.as_bytes().is_empty() {
            return Ok(());
        }
        let bytes = count_bytes(text.as_bytes());
        let of_bytes = entropy(bytes.iter().copied(), text.as_bytes().len());
        let of_chars = if text.is_ascii() {
            of_bytes
        } else {
            self.count_wide(text.as_str());
            let wide = self.seen.iter().map(|&code| self.chars[code as usize]);
            let of_chars = entropy(bytes[..128].iter().copied().chain(wide), text.chars());
            self.seen.drain(..).for_each(|code| self.chars[code as usize] = 0);
            of_chars
        };
        for (kind, score) in [(0, of_bytes), (1, of_chars)] {
            out.push(kind, 0, text.chars(), score);
        }
        Ok(())
    }
}

impl EntropyWorker {
    fn count_wide(&mut self, text: &str) {
        self.chars.resize(char::MAX as usize + 1, 0);
        for c in text.chars().filter(|c| !c.is_ascii()) {
            let count = &mut self.chars[c as usize];
            if *count == 0 {
                self.seen.push(c as u32);
            }
            *count += 1;
        }
        // The sum must not hang on the order in which characters came.
        self.seen.sort_unstable();
    }
}

/// Four tables, because the processor waits for a count that it has just written.
fn count_bytes(bytes: &[u8]) -> [u32; 256] {
    let mut tables = [[0u32; 256]; 4];
    let (fours, rest) = bytes.as_chunks::<4>();
    for four in fours {
        for (table, &byte) in tables.iter_mut().zip(four) {
            table[byte as usize] += 1;
        }
    }
    for &byte in rest {
        tables[0][byte as usize] += 1;
    }
    std::array::from_fn(|byte| tables.iter().map(|table| table[byte]).sum())
}

/// Bits for each of `total` things, of which there are so many of each kind.
fn entropy(counts: impl Iterator<Item = u32>, total: usize) -> f64 {
    let total = total as f64;
    let bits = |count: u32| f64::from(count) * (total / f64::from(count)).log2();
    counts.filter(|&count| count > 0).map(bits).sum::<f64>() / total
}

#[cfg(test)]
mod tests {
    use crate::tag::testing::rows;
    use proptest::prelude::*;
    use std::collections::HashMap;
    use std::hash::Hash;

    fn naive<T: Eq + Hash>(things: impl Iterator<Item = T>) -> f64 {
        let mut counts = HashMap::new();
        things.for_each(|thing| *counts.entry(thing).or_insert(0u32) += 1);
        let total = f64::from(counts.values().sum::<u32>());
        -counts.values().map(|&n| f64::from(n) / total).map(|p| p * p.log2()).sum::<f64>()
    }

    #[test]
    fn equally_frequent_ones_have_the_logarithm_of_their_number() {
        let of = |text: &str| {
            let rows = rows("entropy_v1", text);
            (rows[0].3, rows[1].3)
        };
        assert_eq!(of("aaaa"), (0.0, 0.0));
        assert_eq!(of("abcd"), (2.0, 2.0));
        // Six bytes twice each; two code points.
        assert_eq!(of("日本日本").1, 1.0);
        assert!(rows("entropy_v1", "").is_empty());
    }

    proptest! {
        #[test]
        fn agrees_with_the_naive_way(text in r"[ab \né字😀]{1,90}") {
            let rows = rows("entropy_v1", &text);
            prop_assert!((rows[0].3 - naive(text.bytes())).abs() < 1e-9);
            prop_assert!((rows[1].3 - naive(text.chars())).abs() < 1e-9);
        }
    }
}
