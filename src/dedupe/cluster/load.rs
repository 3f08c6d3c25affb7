//! Readings: what the first pass gave of a document file, in a file of its own, handed to a run as if
//! it had read the documents itself.

use super::gathered::{Account, Gathered};
use super::ledger::Ledger;
use super::run::ClusterRun;
use super::sorter::number;
use crate::dedupe::frames::{Frame, FrameReader};
use crate::error::{Error, ErrorKind, Result};
use crate::run::{Progress, Stage};
use crate::shard::{self, Done, Host};
use std::sync::{Mutex, PoisonError};

/// The last frame of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trailer {
    pub lines: u64,
    /// XXH3-128 of the document file's bytes.
    pub content: Option<u128>,
}

impl Trailer {
    pub fn bytes(self) -> Vec<u8> {
        let mut bytes = self.lines.to_le_bytes().to_vec();
        bytes.extend(self.content.iter().flat_map(|content| content.to_le_bytes()));
        bytes
    }

    fn get(bytes: &[u8]) -> Option<Self> {
        let (lines, content) = bytes.split_at_checked(8)?;
        let content = match content.len() {
            0 => None,
            16 => Some(number::<16>(content, 0)),
            _ => return None,
        };
        Some(Self { lines: number::<8>(lines, 0) as u64, content })
    }
}

/// A pass over readings.
pub struct Load<'r> {
    pub run: &'r ClusterRun,
    /// Of the run's shards, those to load, and the identity of the reading of each.
    pub shards: Vec<(usize, String)>,
    pub host: &'r dyn Host<Done>,
    pub progress: &'r Progress,
    /// Readings that cannot be believed, by place in `shards`: what is wrong with each.
    pub damaged: Mutex<Vec<(usize, String)>>,
}

pub struct Source {
    frames: FrameReader,
    shard: usize,
    trailer: Option<Trailer>,
}

pub struct Sink {
    ledger: Ledger,
    account: Account,
}

impl Stage for Load<'_> {
    type Source = Source;
    type Sink = Sink;
    type Batch = Vec<u8>;
    type Work = Gathered;
    type Output = Gathered;
    type Done = Done;
    type Local<'s>
        = ()
    where
        Self: 's;

    fn local(&self) -> Result<()> {
        Ok(())
    }

    fn open(&self, shard: usize) -> Result<(Source, Sink)> {
        let files = self.host.files(shard)?;
        let (shard, identity) = &self.shards[shard];
        let Some(input) = files.inputs.first() else {
            return Err(Error::config("a reading has a file"));
        };
        let frames = FrameReader::open(input, identity)?;
        let ledger = Ledger::new(&self.run.shelf, *shard);
        let sink = Sink { ledger, account: Account::default() };
        Ok((Source { frames, shard: *shard, trailer: None }, sink))
    }

    fn read(&self, source: &mut Source) -> Result<Option<Vec<u8>>> {
        if source.trailer.is_some() {
            return Ok(None);
        }
        let mut bytes = self.run.buffers.take();
        if source.frames.next(&mut bytes)? == Frame::Inner {
            return Ok(Some(bytes));
        }
        let unknown = || source.frames.damaged("its end is not what was written");
        source.trailer = Some(Trailer::get(&bytes).ok_or_else(unknown)?);
        Ok(None)
    }

    fn process(&self, _local: &mut (), shard: usize, batch: Vec<u8>) -> Result<Gathered> {
        let name = &self.run.names[self.shards[shard].0][0];
        let gathered = Gathered::get(&batch, name)
            .ok_or_else(|| Error::asset("it does not hold what a reading holds").at(name))?;
        Progress::add(&self.progress.documents, gathered.account.counts.read);
        self.run.buffers.give(batch);
        Ok(gathered)
    }

    fn emit(&self, _local: &mut (), _shard: usize, work: Gathered) -> Result<Gathered> {
        Ok(work)
    }

    fn write(&self, sink: &mut Sink, output: Gathered) -> Result<()> {
        sink.account.add(output.absorb(self.run, &mut sink.ledger)?);
        shard::check_bad(&sink.account.bad, self.run.max_bad)
    }

    fn finish(&self, _shard: usize, source: Source, sink: Sink) -> Result<Done> {
        let Some(trailer) = source.trailer.filter(|end| end.lines == sink.ledger.lines) else {
            let name = &self.run.names[source.shard][0];
            return Err(Error::asset("it has another number of lines than it says").at(name));
        };
        self.run.keep_ledger(sink.ledger, trailer.content)?;
        Ok(sink.account.done(trailer.content))
    }

    fn report(&self, shard: usize, outcome: Result<Done>) {
        match outcome {
            Err(Error { kind: ErrorKind::Asset(what), .. }) => {
                self.damaged.lock().unwrap_or_else(PoisonError::into_inner).push((shard, what));
            }
            outcome => self.host.report(shard, outcome),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailer_comes_back_as_it_was() {
        for content in [None, Some(1 << 127 | 5)] {
            let trailer = Trailer { lines: 77, content };
            assert_eq!(Trailer::get(&trailer.bytes()), Some(trailer));
            assert_eq!(Trailer::get(&trailer.bytes()[1..]), None);
        }
    }
}
