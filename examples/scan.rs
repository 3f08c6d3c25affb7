//! Inflates document files and looks for one field of every line, and does nothing else with it.
//!
//! `cargo run --release --example scan -- text 2 FILES` shares the files out to two threads, reads
//! them once and prints the lines and the bytes of the field's raw values. It is what a
//! deduplication by that field cannot be faster than; `tests/bench` holds its time against one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use dolma_core::codec::Lines;
use dolma_core::document::Record;
use dolma_core::shard::BATCH_BYTES;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What was found: lines, and bytes of the field.
#[derive(Clone, Copy, Default)]
struct Found {
    lines: u64,
    bytes: u64,
}

fn scan(path: &Path, field: &str) -> Result<Found, Failure> {
    let mut found = Found::default();
    let mut lines = Lines::open(path)?;
    let mut buffer = Vec::new();
    while lines.next_batch(&mut buffer, BATCH_BYTES)?.is_some() {
        let mut record = Record::default();
        for line in buffer.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            record.read(line)?;
            found.lines += 1;
            found.bytes += record.get(field).map_or(0, <[u8]>::len) as u64;
        }
    }
    Ok(found)
}

/// Takes files as long as there are some.
fn work(files: &[PathBuf], next: &AtomicUsize, field: &str) -> Result<Found, Failure> {
    let mut sum = Found::default();
    while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
        let found = scan(path, field).map_err(|error| format!("{}: {error}", path.display()))?;
        sum.lines += found.lines;
        sum.bytes += found.bytes;
    }
    Ok(sum)
}

fn run(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> Result<Found, Failure> {
    let usage = "usage: scan FIELD THREADS FILES";
    let mut word = || arguments.next().and_then(|word| word.into_string().ok()).ok_or(usage);
    let field = word()?;
    let threads: usize = word()?.parse().map_err(|_| usage)?;
    let files: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| work(&files, &next, &field))).collect();
        let mut sum = Found::default();
        for worker in workers {
            let found = worker.join().map_err(|_| "a thread panicked")??;
            sum.lines += found.lines;
            sum.bytes += found.bytes;
        }
        Ok(sum)
    })
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a program")]
fn main() -> ExitCode {
    match run(std::env::args_os().skip(1)) {
        Ok(found) => {
            println!("{} lines, {} bytes", found.lines, found.bytes);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("scan: {error}");
            ExitCode::FAILURE
        }
    }
}
