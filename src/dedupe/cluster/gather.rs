//! The first pass: every document is read once, its keys go to the sorters, and its id to the
//! ledger that rows are written from later; or all of it goes into a file, for another run.

use super::gathered::Gathered;
use super::ledger::{Fate, Row};
use super::rank::{Keep, REFERENCE};
use super::records::{Band, Doc, Entry, Sketched};
use super::run::{ClusterRun, Shuffle};
use super::signature::{Minhash, Signer, Verify};
use crate::codec::Prefetch;
use crate::dedupe::keys::{Admission, Extractor, Key, KeyList, Partition, Unit};
use crate::dedupe::readings::{Sink, Target};
use crate::document::{self, Record, id_text};
use crate::error::Result;
use crate::filter::Scratch;
use crate::run::{Progress, Stage};
use crate::shard::{Counts, Done, Host, Visit};
use crate::zipped::{Zipped, ZippedReader, is_marked};
use std::collections::HashMap;
use std::sync::Arc;

/// A pass over document files of a run.
pub struct Gather<'r> {
    pub run: &'r ClusterRun,
    /// Of the run's shards, those to read.
    pub shards: Vec<usize>,
    pub target: Target<'r>,
    pub host: &'r dyn Host<Done>,
    pub progress: &'r Progress,
}

/// The scratch of one thread.
#[derive(Default)]
pub struct Local {
    extractor: Extractor,
    scratch: Scratch,
    keys: KeyList,
    signer: Signer,
    /// Of a batch: places in its list of names.
    sources: HashMap<Vec<u8>, u32>,
    text: Vec<u8>,
}

impl<'r> Stage for Gather<'r> {
    type Source = ZippedReader<'r>;
    type Sink = Sink<ClusterRun>;
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

    fn open(&self, at: usize) -> Result<(ZippedReader<'r>, Sink<ClusterRun>)> {
        let files = self.host.files(at)?;
        let shard = self.shards[at];
        let (names, format) = (&self.run.names[shard], self.run.input_format);
        let source = ZippedReader::open(&files.inputs, names, format, self.progress)?;
        let sink = self.target.open(self.run, shard, at, files.outputs.first())?;
        Ok((source, sink))
    }

    fn read(&self, source: &mut ZippedReader<'r>) -> Result<Option<Zipped>> {
        source.next(&self.run.buffers)
    }

    fn prefetch(source: &ZippedReader<'r>) -> Option<Arc<Prefetch>> {
        source.prefetch()
    }

    fn process(&self, local: &mut Local, shard: usize, batch: Zipped) -> Result<Gathered> {
        let mut out = Gathered::default();
        let mut bad = Vec::new();
        let reference = self.shards[shard] < self.run.references;
        local.sources.clear();
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
        let lines = batch.documents.lines;
        Progress::add(&self.progress.documents, lines);
        out.account.counts = Counts::of_rows(lines, &bad);
        out.account.bad = bad;
        batch.give(&self.run.buffers);
        Ok(out)
    }

    fn emit(&self, _local: &mut Local, _shard: usize, work: Gathered) -> Result<Gathered> {
        Ok(work)
    }

    fn write(&self, sink: &mut Sink<ClusterRun>, output: Gathered) -> Result<()> {
        sink.write(self.run, output)
    }

    fn finish(
        &self,
        _shard: usize,
        source: ZippedReader<'r>,
        sink: Sink<ClusterRun>,
    ) -> Result<Done> {
        sink.finish(self.run, source.content_hash())
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
            out.account.tally.marked_before += 1;
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
                out.account.tally.skipped += 1;
                return Ok(if by_paragraph { Fate::Empty } else { Fate::Skipped });
            }
            Admission::WithoutKey => {
                out.account.tally.without_key += 1;
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
        out.account.tally.unranked += u64::from(rank == super::rank::UNRANKED);
        let source = source(record, sources, &mut out.names);
        out.entries.extend(keys.keys.iter().map(|key| Entry {
            hash: key.hash,
            rank,
            doc: Doc(place),
            start: key.start,
            end: key.end,
            source,
        }));
        Ok(Fate::Compared)
    }
}

/// The place of a document's source in the batch's `names`.
fn source(record: &Record<'_>, known: &mut HashMap<Vec<u8>, u32>, names: &mut Vec<String>) -> u32 {
    let raw = record.get("source").unwrap_or_default();
    if let Some(place) = known.get(raw) {
        return *place;
    }
    let place = names.len() as u32;
    names.push(id_text(raw).into());
    known.insert(raw.to_vec(), place);
    place
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
    out.account.tally.short += u64::from(summary.short);
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
