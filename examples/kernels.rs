//! Runs one kernel over documents, to look at its rows or to time it.
//!
//! README: `zcat documents/*.jsonl.gz | cargo run --release --example kernels -- gopher_v1` prints
//! one JSON object for each line read from standard input, attribute types to spans, scores rounded
//! to five decimals as in attribute files. With `--time N` after the name it prints the best of N
//! passes over the texts instead, in MB (10^6 bytes of UTF-8) a second of the kernel alone,
//! including [`Text`], on one thread.

use dolma_core::tag::{Document, Options, Spans, build};
use dolma_core::text::{Text, TextBuffers};
use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::time::Instant;

type Failure = Box<dyn std::error::Error>;

struct Read {
    id: String,
    text: String,
    metadata: Option<String>,
}

fn read() -> Result<Vec<Read>, Failure> {
    let mut documents = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let record: serde_json::Value = serde_json::from_str(&line?)?;
        let field = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let metadata = record.get("metadata").map(|value| value.to_string());
        documents.push(Read { id: field("id"), text: field("text"), metadata });
    }
    Ok(documents)
}

/// Tags all documents, giving each one's spans to `see`.
fn pass(
    kernel: &dyn dolma_core::tag::Kernel,
    documents: &[Read],
    mut see: impl FnMut(&Spans) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut worker = kernel.worker();
    let buffers = TextBuffers::default();
    let mut spans = Spans::default();
    for document in documents {
        let text = Text::with_buffers(&document.text, &buffers);
        let metadata = document.metadata.as_deref().map(str::as_bytes);
        let document = Document { id: &document.id, text: &text, metadata };
        spans.clear();
        worker.tag(&document, &mut spans).map_err(|error| error.to_string())?;
        see(&spans)?;
    }
    Ok(())
}

fn row(types: &[String], spans: &Spans) -> String {
    let mut order: Vec<u16> = Vec::new();
    let mut groups: HashMap<u16, Vec<String>> = HashMap::new();
    for span in &spans.spans {
        let group = groups.entry(span.kind).or_default();
        if group.is_empty() {
            order.push(span.kind);
        }
        group.push(format!("[{},{},{:.5}]", span.start, span.end, span.score));
    }
    let fields = order
        .iter()
        .map(|kind| format!("\"{}\":[{}]", types[*kind as usize], groups[kind].join(",")));
    format!("{{{}}}\n", fields.collect::<Vec<_>>().join(","))
}

/// The time this thread has run, which other programs do not lengthen; where the system does not
/// tell (it does on Linux), the time since `begin`.
fn seconds(begin: Instant) -> f64 {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = schedule.and_then(|line| line.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| begin.elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let name = arguments.first().ok_or("the name of a kernel is missing")?;
    let kernel = build(name, &Options::new()).map_err(|error| error.to_string())?;
    let documents = read()?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    if arguments.get(1).map(String::as_str) != Some("--time") {
        return pass(&*kernel, &documents, |spans| {
            Ok(out.write_all(row(kernel.types(), spans).as_bytes())?)
        });
    }
    let passes: usize = arguments.get(2).map_or(Ok(5), |passes| passes.parse())?;
    let bytes: usize = documents.iter().map(|document| document.text.len()).sum();
    let mut best = f64::INFINITY;
    let begin = Instant::now();
    for _ in 0..passes {
        let start = seconds(begin);
        pass(&*kernel, &documents, |_| Ok(()))?;
        best = best.min(seconds(begin) - start);
    }
    let speed = bytes as f64 / best / 1e6;
    writeln!(out, "{name}: {speed:.0} MB/s ({} documents, {bytes} bytes)", documents.len())?;
    Ok(())
}
