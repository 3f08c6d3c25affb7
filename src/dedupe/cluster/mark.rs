//! The last pass: attribute rows from ledgers and verdicts.
//!
//! Rows have the shapes of the streaming method (`engine.rs`), with one key more beside
//! `attributes`: `duplicate_of` says which copy is kept, and why.

use super::ledger::{self, Fate};
use super::records::{Doc, Verdict};
use super::run::{ClusterRun, Plan, Resolved, Shuffle};
use super::verdicts::Cursor;
use crate::codec::{Encoding, Writer};
use crate::dedupe::keys::Unit;
use crate::error::{Error, ErrorKind, Result};
use crate::json;
use crate::run::{Progress, Stage};
use crate::shard::{self, Compressed, Counts, Done, Host, Packer};

/// Bytes of ledger that are worked on at once: some ten thousand rows.
const CHUNK: u64 = 1 << 18;

/// A pass over some of a run's shards.
pub struct Mark<'r> {
    pub run: &'r ClusterRun,
    pub resolved: &'r Resolved,
    /// Of the run's shards, those to write.
    pub shards: Vec<usize>,
    pub host: &'r dyn Host<Done>,
    pub progress: &'r Progress,
}

pub struct Source<'r> {
    shard: usize,
    place: u64,
    verdicts: Cursor<'r>,
    encoding: Encoding,
}

pub struct Batch {
    rows: Vec<u8>,
    verdicts: Vec<Verdict>,
    shard: usize,
    place: u64,
    encoding: Encoding,
}

pub struct Marked {
    rows: Compressed,
    tally: Tally,
}

pub struct Sink {
    writer: Writer,
    tally: Tally,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    counts: Counts,
    duplicates: u64,
    duplicate_chars: u64,
    documents_marked: u64,
    skipped: u64,
    without_key: u64,
    marked_before: u64,
}

#[derive(Default)]
pub struct Local {
    rows: Vec<u8>,
    buffer: Vec<u8>,
    packer: Packer,
}

impl<'r> Stage for Mark<'r> {
    type Source = Source<'r>;
    type Sink = Sink;
    type Batch = Batch;
    type Work = Marked;
    type Output = Marked;
    type Done = Done;
    type Local<'s>
        = Local
    where
        Self: 's;

    fn local(&self) -> Result<Local> {
        Ok(Local::default())
    }

    fn open(&self, shard: usize) -> Result<(Source<'r>, Sink)> {
        let files = self.host.files(shard)?;
        let shard = self.shards[shard];
        let Plan { names, input_format, output_format, level, .. } = &self.run.plan;
        let name = &names[shard][0];
        let (writer, encoding) =
            shard::create_only(&files, name, *input_format, *output_format, *level)?;
        let verdicts = self.resolved.verdicts.of(shard);
        Ok((
            Source { shard, place: 0, verdicts, encoding },
            Sink { writer, tally: Tally::default() },
        ))
    }

    fn read(&self, source: &mut Source<'r>) -> Result<Option<Batch>> {
        let mut rows = Vec::new();
        let place = source.place;
        self.run.ledger(source.shard, |ledger| ledger.read(place, CHUNK, &mut rows))?;
        if rows.is_empty() {
            return Ok(None);
        }
        source.place += rows.len() as u64;
        let mut verdicts = Vec::new();
        source.verdicts.before(Doc::new(source.shard, source.place), &mut verdicts)?;
        let (shard, encoding) = (source.shard, source.encoding);
        Ok(Some(Batch { rows, verdicts, shard, place, encoding }))
    }

    fn process(&self, local: &mut Local, _shard: usize, batch: Batch) -> Result<Marked> {
        let Local { rows, buffer, packer } = local;
        rows.clear();
        let tally = self.write_rows(&batch, buffer, rows)?;
        Progress::add(&self.progress.documents, tally.counts.read);
        Ok(Marked { rows: packer.pack(batch.encoding, rows)?, tally })
    }

    fn emit(&self, _local: &mut Local, _shard: usize, work: Marked) -> Result<Marked> {
        Ok(work)
    }

    fn write(&self, sink: &mut Sink, output: Marked) -> Result<()> {
        sink.writer.append(&output.rows.bytes, output.rows.segment)?;
        sink.tally += output.tally;
        Ok(())
    }

    fn finish(&self, shard: usize, source: Source<'r>, sink: Sink) -> Result<Done> {
        let shard = self.shards[shard];
        let (lines, keys) = self.run.ledger(shard, |ledger| Ok((ledger.lines, ledger.keys)))?;
        let tally = sink.tally;
        if tally.counts.read != lines || source.verdicts.left() > 0 {
            return Err(Error::new(ErrorKind::Panic(format!(
                "{lines} lines were read and {} written, {} verdicts are left over",
                tally.counts.read,
                source.verdicts.left()
            )))
            .at(&self.run.names[shard][0]));
        }
        let mut done = Done { counts: tally.counts, ..Done::default() };
        done.push_written(sink.writer.finish()?);
        for (what, value) in [
            ("compared", keys),
            ("duplicates", tally.duplicates),
            ("duplicate_chars", tally.duplicate_chars),
            ("documents_marked", tally.documents_marked),
            ("skipped", tally.skipped),
            ("without_key", tally.without_key),
            ("marked_before", tally.marked_before),
        ] {
            done.details.push((vec![what.to_string()], value as f64));
        }
        Ok(done)
    }

    fn report(&self, shard: usize, outcome: Result<Done>) {
        self.host.report(shard, outcome);
    }
}

impl Mark<'_> {
    fn write_rows(&self, batch: &Batch, buffer: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<Tally> {
        let mut name = Vec::new();
        json::escape(self.run.attribute.as_bytes(), &mut name);
        name.push(b':');
        let by_paragraph = matches!(self.run.shuffle, Shuffle::Exact(Unit::Paragraph { .. }));
        let mut tally = Tally::default();
        let mut verdicts = batch.verdicts.as_slice();
        let mut at = 0;
        while let Some((row, length)) = ledger::row(&batch.rows[at..]) {
            let doc = Doc::new(batch.shard, batch.place + at as u64);
            at += length;
            let count = verdicts.iter().take_while(|verdict| verdict.doc == doc).count();
            let (own, rest) = verdicts.split_at(count);
            verdicts = rest;
            tally.counts.read += 1;
            match row.fate {
                Fate::Bad => tally.counts.bad += 1,
                _ => tally.counts.written += 1,
            }
            tally.skipped += u64::from(matches!(row.fate, Fate::Skipped | Fate::Empty));
            tally.without_key += u64::from(row.fate == Fate::WithoutKey);
            tally.marked_before += u64::from(row.fate == Fate::Marked);
            tally.documents_marked += u64::from(!own.is_empty());
            tally.duplicates += own.len() as u64;
            tally.duplicate_chars +=
                own.iter().map(|verdict| u64::from(verdict.end - verdict.start)).sum::<u64>();
            out.extend_from_slice(b"{\"attributes\":{");
            let left_out = matches!(row.fate, Fate::Skipped | Fate::WithoutKey | Fate::Marked);
            if !own.is_empty() || left_out || (by_paragraph && row.fate == Fate::Compared) {
                out.extend_from_slice(&name);
                self.write_spans(own, out);
            }
            out.push(b'}');
            if self.run.explain && !own.is_empty() {
                out.extend_from_slice(b",\"duplicate_of\":");
                self.explain(own, by_paragraph, buffer, out)?;
            }
            out.extend_from_slice(b",\"id\":");
            out.extend_from_slice(row.id);
            out.extend_from_slice(b"}\n");
        }
        match verdicts.first() {
            None => Ok(tally),
            Some(verdict) => Err(Error::new(ErrorKind::Panic(format!(
                "a verdict on {:?}, where no document is",
                verdict.doc
            )))),
        }
    }

    fn write_spans(&self, verdicts: &[Verdict], out: &mut Vec<u8>) {
        let whole = matches!(self.run.shuffle, Shuffle::Exact(_));
        out.push(b'[');
        for (index, verdict) in verdicts.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.push(b'[');
            json::write_int(u64::from(verdict.start), out);
            out.push(b',');
            json::write_int(u64::from(verdict.end), out);
            out.push(b',');
            if whole {
                out.push(b'1');
            } else {
                json::write_score(similarity(verdict), out);
            }
            out.push(b']');
        }
        out.push(b']');
    }

    /// Which copy is kept: one object, or one for each span.
    fn explain(
        &self,
        verdicts: &[Verdict],
        by_paragraph: bool,
        buffer: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        if by_paragraph {
            out.push(b'[');
        }
        for (index, verdict) in verdicts.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            let (id, line) = self.run.locate(verdict.kept, buffer)?;
            let path = self.run.names[verdict.kept.shard()][0].to_string_lossy();
            out.extend_from_slice(
                format!("{{\"cluster\":\"{:016x}\",\"id\":", verdict.cluster).as_bytes(),
            );
            out.extend_from_slice(&id);
            out.extend_from_slice(b",\"line\":");
            json::write_int(line, out);
            out.extend_from_slice(b",\"path\":");
            json::escape(path.as_bytes(), out);
            out.extend_from_slice(b",\"similarity\":");
            json::write_score(similarity(verdict), out);
            if by_paragraph {
                let (start, end) = (verdict.kept_start, verdict.kept_end);
                out.extend_from_slice(format!(",\"span\":[{start},{end}]").as_bytes());
            }
            out.push(b'}');
        }
        if by_paragraph {
            out.push(b']');
        }
        Ok(())
    }
}

fn similarity(verdict: &Verdict) -> f64 {
    f64::from(verdict.similarity) / f64::from(Verdict::SAME)
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.counts += other.counts;
        self.duplicates += other.duplicates;
        self.duplicate_chars += other.duplicate_chars;
        self.documents_marked += other.documents_marked;
        self.skipped += other.skipped;
        self.without_key += other.without_key;
        self.marked_before += other.marked_before;
    }
}
