//! The second reading of MinHash: shingle sets of the candidates, for the true similarity.

use super::blocks::Store;
use super::records::Candidate;
use super::run::{ClusterRun, Shuffle};
use super::signature::{Minhash, Signer};
use super::table::{Plain, Table};
use crate::codec::{Format, Lines, Prefetch, Reader};
use crate::dedupe::keys::Extractor;
use crate::document::Record;
use crate::error::{Error, Result};
use crate::run::{Progress, Stage};
use crate::shard::{self, Batch, Documents, Done, Host};
use std::sync::{Arc, Mutex, PoisonError};

/// The shingle sets of candidates: sorted 32-bit hashes. Among n shingles about n / 2^32 of those
/// that differ are taken for equal, 0.02 % in a text of a million words.
pub struct Sets {
    store: Store,
    /// For each candidate.
    index: Table<Stretch>,
}

/// Where a set starts in the store, and how many shingles it has.
#[derive(Clone, Copy)]
#[repr(C)]
struct Stretch {
    start: u64,
    length: u64,
}

// SAFETY: two integers of eight bytes each, `repr(C)`.
unsafe impl Plain for Stretch {}

impl Sets {
    /// For so many candidates, none of them read yet.
    ///
    /// # Errors
    /// `Io` of an intermediate file.
    pub fn new(run: &ClusterRun, candidates: usize) -> Result<Self> {
        let nothing = (0..candidates).map(|_| Stretch { start: 0, length: 0 });
        let index = Table::of("set-places", &run.scratch, nothing)?;
        Ok(Self { store: Store::new(&run.scratch, "sets"), index })
    }

    /// The number of shingles of a candidate.
    pub fn len(&self, candidate: u32) -> usize {
        self.index[candidate as usize].length as usize
    }

    /// Replaces `out` by the set of a candidate.
    ///
    /// # Errors
    /// `Io` or `Asset` when it cannot be read back.
    pub fn load(&self, candidate: u32, out: &mut Vec<[u8; 4]>) -> Result<()> {
        let Stretch { start, length } = self.index[candidate as usize];
        let mut buffer = Vec::new();
        let bytes = self.store.read(start, start + length * 4, &mut buffer)?;
        out.clear();
        out.extend_from_slice(bytes.as_chunks::<4>().0);
        Ok(())
    }
}

/// A pass over the shards that have candidates.
pub struct Collect<'r> {
    pub run: &'r ClusterRun,
    pub minhash: &'r Minhash,
    pub candidates: &'r [Candidate],
    /// Of the run's shards, those to read.
    pub shards: Vec<usize>,
    pub host: &'r dyn Host<Done>,
    pub progress: &'r Progress,
    collected: Mutex<Sets>,
}

pub struct Source<'r> {
    documents: Documents<'r>,
    shard: usize,
    /// Candidates that are still to come.
    next: usize,
    end: usize,
    lines: u64,
}

/// Lines, and the candidates among them: line and number.
pub struct Wanted {
    batch: Batch,
    candidates: Vec<(u64, u32)>,
}

/// Sets end to end, and the length of each.
pub struct Collected {
    bytes: Vec<u8>,
    lengths: Vec<(u32, u32)>,
}

#[derive(Default)]
pub struct Local {
    extractor: Extractor,
    signer: Signer,
    set: Vec<u32>,
}

impl<'r> Collect<'r> {
    /// # Errors
    /// `Config` for a run that has no candidates by its nature.
    pub fn new(
        run: &'r ClusterRun,
        candidates: &'r [Candidate],
        shards: Vec<usize>,
        host: &'r dyn Host<Done>,
        progress: &'r Progress,
    ) -> Result<Self> {
        let Shuffle::Minhash(minhash) = &run.shuffle else {
            return Err(Error::config("only MinHash reads its documents again"));
        };
        let collected = Mutex::new(Sets::new(run, candidates.len())?);
        Ok(Self { run, minhash, candidates, shards, host, progress, collected })
    }

    pub fn finish(self) -> Sets {
        self.collected.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self, shard: usize) -> Error {
        Error::record("this file was changed while the run was going on; run the command again")
            .at(&self.run.names[shard][0])
    }
}

impl<'r> Stage for Collect<'r> {
    type Source = Source<'r>;
    type Sink = ();
    type Batch = Wanted;
    type Work = Collected;
    type Output = Collected;
    type Done = Done;
    type Local<'s>
        = Local
    where
        Self: 's;

    fn local(&self) -> Result<Local> {
        Ok(Local::default())
    }

    fn open(&self, shard: usize) -> Result<(Source<'r>, ())> {
        let files = self.host.files(shard)?;
        let shard = self.shards[shard];
        let name = &self.run.names[shard][0];
        let Some(input) = files.inputs.first() else {
            return Err(Error::config("a shard has a document file"));
        };
        let format = self.run.input_format.unwrap_or_else(|| Format::from_path(name));
        let reader = Reader::open(input, format).map_err(|error| error.at(name))?;
        let documents = Documents::new(Lines::new(reader), name, self.progress);
        let next = self.candidates.partition_point(|one| one.doc.shard() < shard);
        let end = self.candidates.partition_point(|one| one.doc.shard() <= shard);
        Ok((Source { documents, shard, next, end, lines: 0 }, ()))
    }

    fn read(&self, source: &mut Source<'r>) -> Result<Option<Wanted>> {
        let Some(batch) = source.documents.next(self.run.buffers.take())? else {
            return Ok(None);
        };
        source.lines += batch.lines;
        let mut candidates = Vec::new();
        let mut buffer = Vec::new();
        self.run.ledger(source.shard, |ledger| {
            while source.next < source.end {
                let place = self.candidates[source.next].doc.place();
                let line = ledger.at(place, &mut buffer, |row| row.line)?;
                let Some(line) = line.filter(|line| *line < batch.first_line + batch.lines) else {
                    break;
                };
                candidates.push((line, source.next as u32));
                source.next += 1;
            }
            Ok(())
        })?;
        Ok(Some(Wanted { batch, candidates }))
    }

    fn prefetch(source: &Source<'r>) -> Option<Arc<Prefetch>> {
        source.documents.prefetch()
    }

    fn process(&self, local: &mut Local, shard: usize, wanted: Wanted) -> Result<Collected> {
        let Wanted { batch, candidates } = wanted;
        let mut out = Collected { bytes: Vec::new(), lengths: Vec::new() };
        let mut next = candidates.into_iter().peekable();
        for (line, number) in shard::split_lines(&batch.buffer).zip(batch.first_line..) {
            let Some((_, candidate)) = next.next_if(|(at, _)| *at == number) else { continue };
            let at = |error: Error| error.at(&batch.path).on_line(number);
            shard::check_utf8(line).map_err(at)?;
            let record = Record::parse(line).map_err(at)?;
            let Local { extractor, signer, set } = &mut *local;
            let (key, normalizer) = (&self.minhash.key, &self.minhash.normalizer);
            let found = extractor.text(key, normalizer, &self.run.limits, &record).map_err(at)?;
            let Ok((text, _)) = found else { return Err(self.changed(self.shards[shard])) };
            self.minhash.shingle_set(text, signer, set).map_err(at)?;
            out.lengths.push((candidate, set.len() as u32));
            out.bytes.extend(set.iter().flat_map(|shingle| shingle.to_le_bytes()));
        }
        Progress::add(&self.progress.documents, batch.lines);
        self.run.buffers.give(batch.buffer);
        Ok(out)
    }

    fn emit(&self, _local: &mut Local, _shard: usize, work: Collected) -> Result<Collected> {
        Ok(work)
    }

    fn write(&self, _sink: &mut (), output: Collected) -> Result<()> {
        let mut sets = self.collected.lock().unwrap_or_else(PoisonError::into_inner);
        let mut start = sets.store.len();
        sets.store.append(&output.bytes)?;
        for (candidate, length) in output.lengths {
            let length = u64::from(length);
            sets.index[candidate as usize] = Stretch { start, length };
            start += length * 4;
        }
        Ok(())
    }

    fn finish(&self, shard: usize, source: Source<'r>, _sink: ()) -> Result<Done> {
        let content_hash = source.documents.content_hash();
        let same = self.run.ledger(source.shard, |ledger| {
            Ok(ledger.lines == source.lines && ledger.content == content_hash)
        })?;
        if !same || source.next != source.end {
            return Err(self.changed(self.shards[shard]));
        }
        Ok(Done { content_hash, ..Done::default() })
    }

    fn report(&self, shard: usize, outcome: Result<Done>) {
        self.host.report(shard, outcome);
    }
}
