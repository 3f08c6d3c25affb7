//! The first pass: every document is read once; its symbols are kept, and its anchors sorted; or all
//! of it goes into a file, for another run.

use super::anchors::{Scanner, Winnow};
use super::corpus::{Fate, Row};
use super::gathered::{Gathered, Gathering};
use crate::codec::{Format, Prefetch};
use crate::dedupe::readings::{Sink, Target};
use crate::document::{self, Record, id_text};
use crate::error::Result;
use crate::run::{Progress, Stage};
use crate::shard::{Counts, Done, Host, Visit};
use crate::text::count_chars;
use crate::zipped::{Zipped, ZippedReader, is_marked};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

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

/// Parts that anchors are sorted in: more than threads, so that they end at about one time.
pub fn parts(plan: &Plan) -> usize {
    (plan.threads * 4).next_power_of_two()
}

/// A pass over document files of a run.
pub struct Gather<'r> {
    pub plan: &'r Plan,
    pub gathering: &'r Gathering,
    /// Of the run's shards, those to read.
    pub shards: Vec<usize>,
    pub target: Target<'r>,
    pub host: &'r dyn Host<Done>,
    pub progress: &'r Progress,
}

/// The scratch of one thread.
#[derive(Default)]
pub struct Local {
    scanner: Scanner,
    text: Vec<u8>,
    /// Of a batch: places in its list of names.
    sources: HashMap<Vec<u8>, u32>,
}

impl<'r> Stage for Gather<'r> {
    type Source = ZippedReader<'r>;
    type Sink = Sink<Gathering>;
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

    fn open(&self, at: usize) -> Result<(ZippedReader<'r>, Sink<Gathering>)> {
        let files = self.host.files(at)?;
        let shard = self.shards[at];
        let (names, format) = (&self.plan.names[shard], self.plan.input_format);
        let source = ZippedReader::open(&files.inputs, names, format, self.progress)?;
        let sink = self.target.open(self.gathering, shard, at, files.outputs.first())?;
        Ok((source, sink))
    }

    fn read(&self, source: &mut ZippedReader<'r>) -> Result<Option<Zipped>> {
        source.next(&self.gathering.buffers)
    }

    fn prefetch(source: &ZippedReader<'r>) -> Option<Arc<Prefetch>> {
        source.prefetch()
    }

    fn process(&self, local: &mut Local, _shard: usize, batch: Zipped) -> Result<Gathered> {
        let mut out = Gathered::default();
        let mut bad = Vec::new();
        local.sources.clear();
        batch.for_each(self.plan.max_bad > 0, &mut bad, |visit, rows| {
            match visit {
                Visit::Record(line, record) => {
                    let marked = rows.iter().any(|row| is_marked(row));
                    self.document(local, line, record, marked, &mut out)?;
                }
                Visit::Bad(line) => {
                    Row { fate: Fate::Bad, line, chars: 0, units: 0, source: 0, id: b"null" }
                        .put(&mut out.kept.rows);
                }
            }
            Ok(())
        })?;
        let lines = batch.documents.lines;
        Progress::add(&self.progress.documents, lines);
        out.account.counts = Counts::of_rows(lines, &bad);
        out.account.bad = bad;
        batch.give(&self.gathering.buffers);
        Ok(out)
    }

    fn emit(&self, _local: &mut Local, _shard: usize, work: Gathered) -> Result<Gathered> {
        Ok(work)
    }

    fn write(&self, sink: &mut Sink<Gathering>, output: Gathered) -> Result<()> {
        sink.write(self.gathering, output)
    }

    fn finish(
        &self,
        _shard: usize,
        source: ZippedReader<'r>,
        sink: Sink<Gathering>,
    ) -> Result<Done> {
        sink.finish(self.gathering, source.content_hash())
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
        out: &mut Gathered,
    ) -> Result<()> {
        let id = record.id()?;
        let Local { scanner, text, sources } = local;
        let text = document::string(record.text()?, text)?;
        let source = source(record, sources, &mut out.names);
        let chars = count_chars(text.as_bytes()) as u64;
        let kept = &mut out.kept;
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
            scanner.scan(winnow, &kept.symbols[symbols..], kept.units, &mut out.anchors);
        }
        kept.units += units;
        Row { fate: Fate::Compared, line, chars, units, source, id }.put(&mut kept.rows);
        Ok(())
    }
}

/// The place of a document's source in the batch's `names`.
fn source(record: &Record<'_>, known: &mut HashMap<Vec<u8>, u32>, names: &mut Vec<String>) -> u32 {
    let raw = record.get("source").filter(|raw| raw[0] == b'"').unwrap_or(b"\"\"");
    if let Some(place) = known.get(raw) {
        return *place;
    }
    let place = names.len() as u32;
    names.push(id_text(raw).into());
    known.insert(raw.to_vec(), place);
    place
}
