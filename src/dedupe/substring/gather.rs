//! The first pass: every document is read once; its symbols are kept, and its anchors sorted.

use super::anchors::{Scanner, Winnow};
use super::corpus::{Fate, Filling, Lines as Kept, Row};
use super::records::Anchor;
use crate::codec::Format;
use crate::dedupe::cluster::blocks::Scratch;
use crate::dedupe::cluster::sorter::Sorter;
use crate::document::{self, Record, id_text};
use crate::error::Result;
use crate::run::{Progress, Stage};
use crate::shard::{self, Bad, Buffers, Counts, Done, Host, Visit};
use crate::text::count_chars;
use crate::zipped::{Zipped, ZippedReader, is_marked};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Sources that are told apart; the rest are one.
const MAX_SOURCES: usize = 1000;
/// What that one is called.
const OTHERS: &str = "(others)";

/// What the recipe asks for.
pub struct Plan {
    pub winnow: Winnow,
    /// Gaps of at most so many code points between spans are marked, too.
    pub merge_distance: u64,
    /// The attribute that holds the spans.
    pub attribute: String,
    /// Whether rows say which copies are kept.
    pub explain: bool,
    pub input_format: Option<Format>,
    pub output_format: Option<Format>,
    pub level: Option<u8>,
    pub max_bad: u64,
    /// Files of each shard as messages call them: documents, then the attributes that say what
    /// earlier stages have marked.
    pub names: Vec<Vec<PathBuf>>,
    pub threads: usize,
    /// Bytes that records and stores may take before they are spilled.
    pub memory: u64,
}

/// A run while its input is being read.
pub struct Gathering {
    pub filling: Filling,
    pub anchors: Sorter<Anchor>,
    buffers: Buffers,
    sources: Mutex<Sources>,
}

#[derive(Default)]
struct Sources {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
}

impl Gathering {
    pub fn new(plan: &Plan, scratch: &Scratch) -> Self {
        // While anchors come in, half of the memory is theirs; the stores have the rest.
        let anchors = Sorter::new("anchors", scratch, parts(plan), plan.memory / 2);
        let filling = Filling::new(plan.winnow.unit, plan.names.len(), scratch);
        Self { filling, anchors, buffers: Buffers::default(), sources: Mutex::default() }
    }

    /// The names of the sources by number.
    pub fn sources(&self) -> Vec<String> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).names.clone()
    }

    fn source(&self, name: &str) -> u32 {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let name = if sources.names.len() < MAX_SOURCES { name } else { OTHERS };
        if let Some(number) = sources.numbers.get(name) {
            return *number;
        }
        let number = sources.names.len() as u32;
        sources.names.push(name.to_string());
        sources.numbers.insert(name.to_string(), number);
        number
    }
}

/// Parts that anchors are sorted in: more than threads, so that they end at about one time.
pub fn parts(plan: &Plan) -> usize {
    (plan.threads * 4).next_power_of_two()
}

/// The pass over all document files.
pub struct Gather<'r> {
    pub plan: &'r Plan,
    pub gathering: &'r Gathering,
    pub host: &'r dyn Host<Done>,
    pub progress: &'r Progress,
}

/// What a batch of lines gives.
pub struct Gathered {
    kept: Kept,
    /// Their places count from the first unit of the batch.
    anchors: Vec<Anchor>,
    counts: Counts,
    bad: Vec<Bad>,
}

/// The sums of an open shard.
#[derive(Default)]
pub struct Sink {
    shard: usize,
    counts: Counts,
    bad: Vec<Bad>,
}

/// The scratch of one thread.
#[derive(Default)]
pub struct Local {
    scanner: Scanner,
    text: Vec<u8>,
    sources: HashMap<Vec<u8>, u32>,
}

impl<'r> Stage for Gather<'r> {
    type Source = ZippedReader<'r>;
    type Sink = Sink;
    type Batch = Zipped;
    type Work = Gathered;
    type Output = Gathered;
    type Done = Done;
    type Local<'s>
        = Local
    where
        Self: 's;

    fn local(&self) -> Result<Local> {
        Ok(Local::default())
    }

    fn open(&self, shard: usize) -> Result<(ZippedReader<'r>, Sink)> {
        let files = self.host.files(shard)?;
        let (names, format) = (&self.plan.names[shard], self.plan.input_format);
        let source = ZippedReader::open(&files.inputs, names, format, self.progress)?;
        Ok((source, Sink { shard, ..Sink::default() }))
    }

    fn read(&self, source: &mut ZippedReader<'r>) -> Result<Option<Zipped>> {
        source.next(&self.gathering.buffers)
    }

    fn process(&self, local: &mut Local, _shard: usize, batch: Zipped) -> Result<Gathered> {
        let mut kept = Kept::default();
        let mut anchors = Vec::new();
        let mut bad = Vec::new();
        batch.for_each(self.plan.max_bad > 0, &mut bad, |visit, rows| {
            match visit {
                Visit::Record(line, record) => {
                    let marked = rows.iter().any(|row| is_marked(row));
                    self.document(local, line, record, marked, &mut kept, &mut anchors)?;
                }
                Visit::Bad(line) => {
                    Row { fate: Fate::Bad, line, chars: 0, units: 0, source: 0, id: b"null" }
                        .put(&mut kept.rows);
                }
            }
            Ok(())
        })?;
        let (lines, bad_lines) = (batch.documents.lines, bad.len() as u64);
        Progress::add(&self.progress.documents, lines);
        let counts = Counts { read: lines, written: lines - bad_lines, dropped: 0, bad: bad_lines };
        batch.give(&self.gathering.buffers);
        Ok(Gathered { kept, anchors, counts, bad })
    }

    fn emit(&self, _local: &mut Local, _shard: usize, work: Gathered) -> Result<Gathered> {
        Ok(work)
    }

    /// In the order of the file, so that places are known here.
    fn write(&self, sink: &mut Sink, mut output: Gathered) -> Result<()> {
        let base = self.gathering.filling.append(sink.shard, &output.kept)?;
        output.anchors.iter_mut().for_each(|anchor| anchor.at += base);
        self.gathering.anchors.push_all(&mut output.anchors)?;
        sink.counts += output.counts;
        sink.bad.extend(output.bad);
        shard::check_bad(&sink.bad, self.plan.max_bad)
    }

    fn finish(&self, _shard: usize, source: ZippedReader<'r>, sink: Sink) -> Result<Done> {
        let content_hash = source.content_hash();
        Ok(Done { counts: sink.counts, bad: sink.bad, content_hash, ..Done::default() })
    }

    fn report(&self, shard: usize, outcome: Result<Done>) {
        self.host.report(shard, outcome);
    }
}

impl Gather<'_> {
    /// Appends a document: its text and anchors, unless it is `marked`, and its row.
    fn document(
        &self,
        local: &mut Local,
        line: u64,
        record: &Record<'_>,
        marked: bool,
        kept: &mut Kept,
        anchors: &mut Vec<Anchor>,
    ) -> Result<()> {
        let id = record.id()?;
        let text = document::string(record.text()?, &mut local.text)?;
        let source = record.get("source").filter(|raw| raw[0] == b'"').unwrap_or(b"\"\"");
        let source = match local.sources.get(source) {
            Some(number) => *number,
            None => {
                let number = self.gathering.source(&id_text(source));
                local.sources.insert(source.to_vec(), number);
                number
            }
        };
        let chars = count_chars(text.as_bytes()) as u64;
        if marked {
            Row { fate: Fate::Marked, line, chars, units: 0, source, id }.put(&mut kept.rows);
            return Ok(());
        }
        let winnow = &self.plan.winnow;
        let (symbols, edges) = (kept.symbols.len(), kept.edges.len());
        let mut units = winnow.unit.encode(text, &mut kept.symbols, &mut kept.edges);
        if units < winnow.length {
            kept.symbols.truncate(symbols);
            kept.edges.truncate(edges);
            units = 0;
        } else {
            local.scanner.scan(winnow, &kept.symbols[symbols..], kept.units, anchors);
        }
        kept.units += units;
        Row { fate: Fate::Compared, line, chars, units, source, id }.put(&mut kept.rows);
        Ok(())
    }
}
