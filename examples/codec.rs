//! Measures the codecs on the files that are given: reads each as it is, then compresses its text
//! at the levels that matter. Times are of one thread, the best of five.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dolma_core::codec::{Compressor, Encoding, Format, open};

/// What the engine compresses at a time.
const SEGMENT: usize = 1 << 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let mut texts = Vec::new();
    for file in &files {
        texts.push(text_of(file)?);
    }
    let total: usize = texts.iter().map(Vec::len).sum();
    let read = best(|| {
        let mut block = Vec::new();
        for file in &files {
            let mut reader = open(file)?;
            loop {
                block.clear();
                if !reader.read_block(&mut block, SEGMENT)? {
                    break;
                }
            }
        }
        Ok(())
    })?;
    report("read", total, read, None);
    for (name, format, level) in
        [("gzip 1", Format::Gzip, 1), ("gzip 2", Format::Gzip, 2), ("gzip 6", Format::Gzip, 6)]
    {
        let mut compressor = Compressor::new(Encoding::new(format, Some(level))?)?;
        let mut out = Vec::new();
        let mut size = 0;
        let time = best(|| {
            size = 0;
            for segment in texts.iter().flat_map(|text| text.chunks(SEGMENT)) {
                out.clear();
                compressor.compress(segment, &mut out)?;
                size += out.len();
            }
            Ok(())
        })?;
        report(name, total, time, Some(size));
    }
    Ok(())
}

fn text_of(file: &Path) -> dolma_core::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut reader = open(file)?;
    while reader.read_block(&mut text, SEGMENT)? {}
    Ok(text)
}

fn best(mut work: impl FnMut() -> dolma_core::Result<()>) -> dolma_core::Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        work()?;
        best = best.min(start.elapsed());
    }
    Ok(best)
}

#[expect(clippy::print_stdout, reason = "this is a program")]
fn report(name: &str, text: usize, time: Duration, size: Option<usize>) {
    let speed = text as f64 / time.as_secs_f64() / 1e6;
    match size {
        Some(size) => println!("{name:8} {speed:6.0} MB/s  ratio {:.3}", text as f64 / size as f64),
        None => println!("{name:8} {speed:6.0} MB/s"),
    }
}
