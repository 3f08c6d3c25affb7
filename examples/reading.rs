//! Measures what every command does before its own work, on the document files that are given: each
//! line of the output is one step more. Times are of one thread, the best of seven.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use dolma_core::codec::{Lines, open};
use dolma_core::document;
use dolma_core::error::Result;
use dolma_core::run::Progress;
use dolma_core::shard::{BATCH_BYTES, Batch, Documents, Visit};

fn main() -> Result<()> {
    let files: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let total = measure("inflate", 0, || {
        let mut total = 0;
        let mut block = Vec::new();
        for file in &files {
            let mut reader = open(file)?;
            while reader.read_block(&mut block, BATCH_BYTES)? {
                total += block.len();
                block.clear();
            }
            total += block.len();
            block.clear();
        }
        Ok(total)
    })?;
    measure("cut into batches", total, || batches(&files, |_| Ok(())))?;
    measure("split into fields", total, || {
        each(&files, |visit| {
            black_box(visit);
            Ok(())
        })
    })?;
    let mut text = Vec::new();
    measure("undo escapes", total, || {
        each(&files, |visit| {
            if let Visit::Record(_, record) = visit {
                black_box(document::string(record.text()?, &mut text)?);
            }
            Ok(())
        })
    })?;
    Ok(())
}

fn each(files: &[PathBuf], mut visit: impl FnMut(Visit<'_, '_>) -> Result<()>) -> Result<usize> {
    batches(files, |batch| batch.for_each(false, &mut Vec::new(), &mut visit))
}

/// Calls `visit` on every batch of the files, read as a run reads them; the bytes of them all.
fn batches(files: &[PathBuf], mut visit: impl FnMut(&Batch) -> Result<()>) -> Result<usize> {
    let progress = Progress::default();
    let mut buffer = Vec::new();
    for path in files {
        let mut documents = Documents::new(Lines::open(path)?, path, &progress);
        while let Some(batch) = documents.next(std::mem::take(&mut buffer))? {
            visit(&batch)?;
            buffer = batch.buffer;
        }
    }
    Ok(progress.bytes.into_inner() as usize)
}

#[expect(clippy::print_stdout, reason = "this is a program")]
fn measure(name: &str, total: usize, mut work: impl FnMut() -> Result<usize>) -> Result<usize> {
    let mut best = Duration::MAX;
    let mut bytes = 0;
    for _ in 0..7 {
        let begin = Instant::now();
        bytes = work()?;
        best = best.min(begin.elapsed());
    }
    let speed = total.max(bytes) as f64 / best.as_secs_f64() / 1e6;
    println!("{name:18} {:7.1} ms  {speed:6.0} MB/s", best.as_secs_f64() * 1e3);
    Ok(bytes)
}
