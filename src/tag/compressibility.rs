//! How far a document can be compressed: the cheapest measure of how much it repeats itself.
//!
//! Boilerplate, tables and loops shrink to a tenth and less, prose to about 0.4 to 0.6, random
//! keys and base64 hardly at all, so both ends are worth a look. Sizes are those of the tools' default levels: Zstandard 3 and gzip 6.

use super::{Document, Kernel, Options, Spans, Worker, refuse_options};
use crate::codec::Gauge;
use crate::error::Result;

struct Compressibility {
    types: Vec<String>,
}

/// `compressibility_v1`: `zstd_ratio` and `gzip_ratio`, compressed bytes by bytes.
pub(super) fn build(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("compressibility_v1", options)?;
    let types = ["zstd_ratio", "gzip_ratio"].map(str::to_owned).to_vec();
    Ok(Box::new(Compressibility { types }))
}

impl Kernel for Compressibility {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(CompressibilityWorker { gauge: None })
    }
}

struct CompressibilityWorker {
    /// Made for the first document, where a failure can be told.
    gauge: Option<Gauge>,
}

impl Worker for CompressibilityWorker {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let bytes = doc.text.as_bytes();
        if bytes.is_empty() {
            return Ok(());
        }
        let gauge = match &mut self.gauge {
            Some(gauge) => gauge,
            None => self.gauge.insert(Gauge::new()?),
        };
        for (kind, size) in (0..).zip([gauge.zstd(bytes)?, gauge.gzip(bytes)?]) {
            out.push(kind, 0, doc.text.chars(), size as f64 / bytes.len() as f64);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::tag::testing::rows;
    use std::io::Write;

    #[test]
    fn sizes_are_those_of_the_formats() {
        let text = "Compressed bytes by bytes, é. ".repeat(40);
        let rows = rows("compressibility_v1", &text);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        gzip.write_all(text.as_bytes()).unwrap();
        let gzip = gzip.finish().unwrap().len() as f64 / text.len() as f64;
        let zstd = zstd::encode_all(text.as_bytes(), 3).unwrap().len() as f64 / text.len() as f64;
        assert_eq!(rows[0].0, "zstd_ratio");
        assert!((rows[0].3 - zstd).abs() < 0.03, "{rows:?} {zstd}");
        assert!((rows[1].3 - gzip).abs() < 0.03, "{rows:?} {gzip}");
    }

    #[test]
    fn repetition_lowers_both_and_nothing_has_none() {
        let once = rows("compressibility_v1", "Each line is like no other line.");
        let often = rows("compressibility_v1", &"Each line is like no other line.".repeat(99));
        assert!(once.iter().zip(&often).all(|(once, often)| often.3 < once.3 / 10.0));
        assert!(rows("compressibility_v1", "").is_empty());
    }
}
