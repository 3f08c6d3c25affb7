//! A number drawn for each document, for sampling by threshold.
//!
//! The number is a function of the document's `id` and nothing else: the 53 high bits of
//! XXH3-64 (seed 0) of the id's UTF-8, divided by 2^53, so uniform in [0, 1). Two runs, two
//! machines or two orders of files draw the same; documents that share an id share the number.

use super::{Document, Kernel, Options, Spans, Worker, refuse_options};
use crate::error::Result;
use xxhash_rust::xxh3::xxh3_64;

struct Random {
    types: [String; 1],
}

/// `random_number_v1`: `random`, uniform in [0, 1) by the document's id.
pub(super) fn random(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("random_number_v1", options)?;
    Ok(Box::new(Random { types: ["random".to_owned()] }))
}

impl Kernel for Random {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn reads_text(&self) -> bool {
        false
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(RandomWorker)
    }
}

struct RandomWorker;

impl Worker for RandomWorker {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        out.push(0, 0, doc.text.chars(), number(doc.id));
        Ok(())
    }
}

/// 53 bits are what an `f64` holds exactly.
fn number(id: &str) -> f64 {
    (xxh3_64(id.as_bytes()) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag::testing::rows;

    #[test]
    fn number_depends_on_the_id_alone() {
        // XXH3-64 of no bytes is 2d06800538d394c2.
        let expected = (0x2d06_8005_38d3_94c2u64 >> 11) as f64 / 9_007_199_254_740_992.0;
        assert_eq!(number(""), expected);
        let (one, other) = (rows("random_number_v1", "ab"), rows("random_number_v1", "cde"));
        assert_eq!((one[0].2, other[0].2), (2, 3));
        assert_eq!(one[0].3, other[0].3);
        assert_ne!(number("a"), number("b"));
    }

    #[test]
    fn numbers_fill_the_interval_evenly() {
        let mut tenths = [0u32; 10];
        for id in 0..10_000 {
            tenths[(number(&format!("doc-{id}")) * 10.0) as usize] += 1;
        }
        assert!(tenths.iter().all(|&count| (850..1150).contains(&count)), "{tenths:?}");
    }
}
