//! The first pass: every document is read once, its keys go to the sorters, and its id to the
//! ledger that rows are written from later.

use super::ledger::{Fate, Ledger, Row};
use super::rank::{Keep, REFERENCE};
use super::records::{Band, Doc, Sketched};
use super::run::{ClusterRun, Shuffle};
use super::signature::{Minhash, Signer, Verify};
use crate::dedupe::keys::{Admission, Extractor, Key, KeyList, Partition, Unit};
use crate::document::{self, Record, id_text};
use crate::error::Result;
use crate::filter::Scratch;
use crate::run::{Progress, Stage};
use crate::shard::{self, Bad, Counts, Done, Host, Visit};
use crate::zipped::{Zipped, ZippedReader, is_marked};
use std::collections::HashMap;
use std::sync::PoisonError;

/// A pass over all document files of a run but those in an index.
pub struct Gather<'r> {
    pub run: &'r ClusterRun,
    pub host: &'r dyn Host<Done>,
    pub progress: &'r Progress,
}

/// A compared key before its place is known.
pub struct Pending {
    hash: u128,
    rank: u64,
    /// Where its row stands in the batch's.
    place: u64,
    start: u32,
    end: u32,
    source: u32,
}

/// What a batch gives.
#[derive(Default)]
pub struct Gathered {
    rows: Vec<u8>,
    entries: Vec<Pending>,
    bands: Vec<Band>,
    sketches: Vec<Sketched>,
    counts: Counts,
    bad: Vec<Bad>,
    tally: Tally,
    /// Compared keys of this run's own by source.
    sources: HashMap<u32, u64>,
}

/// What was read, for the report.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    skipped: u64,
    without_key: u64,
    marked_before: u64,
    unranked: u64,
    short: u64,
}

/// The ledger of an open shard.
pub struct Sink {
    ledger: Ledger,
    counts: Counts,
    bad: Vec<Bad>,
    tally: Tally,
}

/// The scratch of one thread.
#[derive(Default)]
pub struct Local {
    extractor: Extractor,
    scratch: Scratch,
    keys: KeyList,
    signer: Signer,
    sources: HashMap<Vec<u8>, u32>,
    text: Vec<u8>,
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
        let shard = self.run.indexed + shard;
        let names = &self.run.names[shard];
        let format = self.run.input_format;
        let source = ZippedReader::open(&files.inputs, names, format, self.progress)?;
        let ledger = Ledger::new(&self.run.shelf, shard);
        let sink =
            Sink { ledger, counts: Counts::default(), bad: Vec::new(), tally: Tally::default() };
        Ok((source, sink))
    }

    fn read(&self, source: &mut ZippedReader<'r>) -> Result<Option<Zipped>> {
        source.next(&self.run.buffers)
    }

    fn process(&self, local: &mut Local, shard: usize, batch: Zipped) -> Result<Gathered> {
        let mut out = Gathered::default();
        let mut bad = Vec::new();
        let reference = self.run.indexed + shard < self.run.references;
        batch.for_each(self.run.max_bad > 0, &mut bad, |visit, objects| {
            let place = out.rows.len() as u64;
            match visit {
                Visit::Record(line, record) => {
                    let before = (out.entries.len(), out.bands.len(), out.sketches.len());
                    let id = record.id()?;
                    let found = self.document(local, record, objects, reference, place, &mut out);
                    if found.is_err() {
                        out.entries.truncate(before.0);
                        out.bands.truncate(before.1);
                        out.sketches.truncate(before.2);
                    }
                    Row { fate: found?, line, id }.put(&mut out.rows);
                }
                Visit::Bad(line) => Row { fate: Fate::Bad, line, id: b"null" }.put(&mut out.rows),
            }
            Ok(())
        })?;
        let (lines, bad_lines) = (batch.documents.lines, bad.len() as u64);
        Progress::add(&self.progress.documents, lines);
        out.counts = Counts { read: lines, written: lines - bad_lines, dropped: 0, bad: bad_lines };
        out.bad = bad;
        batch.give(&self.run.buffers);
        Ok(out)
    }

    fn emit(&self, _local: &mut Local, _shard: usize, work: Gathered) -> Result<Gathered> {
        Ok(work)
    }

    /// In the order of the file, so that places in the ledger are known here.
    fn write(&self, sink: &mut Sink, output: Gathered) -> Result<()> {
        let Gathered { rows, entries, bands, sketches, counts, bad, tally, sources } = output;
        self.run.count_sources(sources);
        let shard = sink.ledger.shard();
        let base = sink.ledger.end();
        sink.ledger.append(&rows, counts.read, entries.len() as u64)?;
        self.run.take(entries.into_iter().map(|entry| {
            let Pending { hash, rank, place, start, end, source } = entry;
            (hash, rank, Doc::new(shard, base + place), start, end, source)
        }))?;
        self.run.take_bands(
            bands.into_iter().map(|band| Band { doc: Doc::new(shard, base + band.doc.0), ..band }),
        )?;
        self.run.take_sketches(
            sketches
                .into_iter()
                .map(|one| Sketched { doc: Doc::new(shard, base + one.doc.0), ..one }),
        )?;
        sink.counts += counts;
        sink.bad.extend(bad);
        sink.tally.skipped += tally.skipped;
        sink.tally.without_key += tally.without_key;
        sink.tally.marked_before += tally.marked_before;
        sink.tally.unranked += tally.unranked;
        sink.tally.short += tally.short;
        shard::check_bad(&sink.bad, self.run.max_bad)
    }

    fn finish(&self, _shard: usize, source: ZippedReader<'r>, mut sink: Sink) -> Result<Done> {
        let shard = sink.ledger.shard();
        sink.ledger.close()?;
        sink.ledger.content = source.content_hash();
        let mut done = Done {
            counts: sink.counts,
            bad: sink.bad,
            content_hash: sink.ledger.content,
            ..Done::default()
        };
        let tally = sink.tally;
        for (what, value) in [
            ("skipped", tally.skipped),
            ("without_key", tally.without_key),
            ("marked_before", tally.marked_before),
            ("unranked", tally.unranked),
            ("short", tally.short),
        ] {
            done.details.push((vec![what.to_string()], value as f64));
        }
        *self.run.ledgers[shard].lock().unwrap_or_else(PoisonError::into_inner) = Some(sink.ledger);
        Ok(done)
    }

    fn report(&self, shard: usize, outcome: Result<Done>) {
        self.host.report(shard, outcome);
    }
}

impl Gather<'_> {
    /// Appends the keys of a document; says what became of it.
    fn document(
        &self,
        local: &mut Local,
        record: &Record<'_>,
        objects: &[&[u8]],
        reference: bool,
        place: u64,
        out: &mut Gathered,
    ) -> Result<Fate> {
        if !reference && objects[..self.run.marks].iter().any(|object| is_marked(object)) {
            out.tally.marked_before += 1;
            return Ok(Fate::Marked);
        }
        let Local { extractor, scratch, keys, signer, sources, text } = local;
        keys.truncate((0, 0));
        let by_paragraph = matches!(self.run.shuffle, Shuffle::Exact(Unit::Paragraph { .. }));
        let admission = match &self.run.shuffle {
            Shuffle::Exact(unit) => {
                extractor.keys(unit, &self.run.limits, Partition::default(), record, keys)?
            }
            Shuffle::Minhash(minhash) => {
                let (key, normalizer) = (&minhash.key, &minhash.normalizer);
                match extractor.text(key, normalizer, &self.run.limits, record)? {
                    Ok(text) => signed(minhash, text, signer, place, keys, out)?,
                    Err(admission) => admission,
                }
            }
        };
        match admission {
            Admission::Compared => {}
            Admission::Skipped => {
                out.tally.skipped += 1;
                return Ok(if by_paragraph { Fate::Empty } else { Fate::Skipped });
            }
            Admission::WithoutKey => {
                out.tally.without_key += 1;
                return Ok(Fate::WithoutKey);
            }
        }
        let chars = match self.run.keep {
            // Of the text, whatever is compared: copies of one key are of one length.
            Keep::Longest => {
                crate::text::count_chars(document::string(record.text()?, text)?.as_bytes()) as u32
            }
            _ => 0,
        };
        let rank = if reference {
            REFERENCE
        } else {
            self.run.keep.rank(record, chars, objects.get(self.run.marks).copied(), scratch)?
        };
        out.tally.unranked += u64::from(rank == super::rank::UNRANKED);
        let source = self.source(record, sources);
        out.entries.extend(keys.keys.iter().map(|key| Pending {
            hash: key.hash,
            rank,
            place,
            start: key.start,
            end: key.end,
            source,
        }));
        if !reference {
            *out.sources.entry(source).or_default() += keys.keys.len() as u64;
        }
        Ok(Fate::Compared)
    }

    fn source(&self, record: &Record<'_>, known: &mut HashMap<Vec<u8>, u32>) -> u32 {
        let raw = record.get("source").unwrap_or_default();
        if let Some(number) = known.get(raw) {
            return *number;
        }
        let number = self.run.source_number(&id_text(raw));
        // A field that is different in every document must not fill the memory.
        if known.len() < super::run::MAX_SOURCES {
            known.insert(raw.to_vec(), number);
        }
        number
    }
}

/// Appends the bands of a document, and its sketch where one is wanted; `text` comes with its length
/// in the document.
fn signed(
    minhash: &Minhash,
    (text, chars): (&str, usize),
    signer: &mut Signer,
    place: u64,
    keys: &mut KeyList,
    out: &mut Gathered,
) -> Result<Admission> {
    let summary = minhash.sign(text, signer)?;
    out.tally.short += u64::from(summary.short);
    if summary.skip {
        return Ok(Admission::Skipped);
    }
    let content = (summary.content >> 64) as u64;
    let doc = Doc(place);
    out.bands.extend(signer.bands(minhash).map(|hash| Band { hash, content, doc }));
    if minhash.verify == Verify::Signature && !summary.short {
        out.sketches.push(Sketched { doc, sketch: minhash.sketch(signer.shingles()) });
    }
    keys.keys.push(Key::whole(summary.content, 0, chars));
    Ok(Admission::Compared)
}
