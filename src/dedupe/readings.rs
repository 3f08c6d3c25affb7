//! Readings: what the first pass gives of a document file, in a file of its own, handed to another run
//! as if that had read the documents itself.
//!
//! Of each batch of lines the first pass gives a *piece*, in which places count from the batch's
//! beginning. A run takes the pieces of a file in order; a reading has each in a frame, and at its end
//! the number of lines and the hash of the file's bytes.

use super::cluster::sorter::number;
use super::frames::{Frame, FrameReader, Frames};
use crate::error::{Error, ErrorKind, Result};
use crate::run::{Progress, Stage};
use crate::shard::{self, Bad, Buffers, Counts, Done, Host};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What the first pass gives of a batch of lines.
pub trait Piece: Sized + Send {
    type Tally: Tally;

    /// Appends all of it to `out`.
    fn put(&self, out: &mut Vec<u8>);
    fn lines(&self) -> u64;
    fn into_account(self) -> Account<Self::Tally>;
}

/// A run that takes what was read of its shards, from documents or from readings.
pub trait Taker: Sync {
    type Piece: Piece;
    /// A shard while its pieces come in.
    type Shard: Send;

    /// How messages call a shard.
    fn name(&self, shard: usize) -> &Path;
    fn max_bad(&self) -> u64;
    fn buffers(&self) -> &Buffers;
    fn open(&self, shard: usize) -> Self::Shard;
    /// What [`Piece::put`] wrote of a shard; None for anything else.
    fn get(&self, bytes: &[u8], shard: usize) -> Option<Self::Piece>;
    /// Takes the next piece of a shard; returns what became of the lines.
    fn take(&self, shard: &mut Self::Shard, piece: Self::Piece) -> Result<AccountOf<Self>>;
    /// Takes a shard that came to its end; `content` is the hash of its file's bytes.
    fn close(&self, shard: Self::Shard, content: Option<u128>) -> Result<()>;
}

pub type AccountOf<T> = Account<<<T as Taker>::Piece as Piece>::Tally>;

/// What a method counts besides lines, for the report.
pub trait Tally: Default + Send {
    fn add(&mut self, other: Self);
    fn details(&self) -> Vec<(&'static str, u64)>;
}

/// Nothing.
impl Tally for () {
    fn add(&mut self, (): Self) {}

    fn details(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}

/// What became of the lines of a batch or file.
#[derive(Debug, Default, PartialEq)]
pub struct Account<T> {
    pub counts: Counts,
    pub bad: Vec<Bad>,
    pub tally: T,
}

impl<T: Tally> Account<T> {
    fn add(&mut self, other: Self) {
        self.counts += other.counts;
        self.bad.extend(other.bad);
        self.tally.add(other.tally);
    }

    /// What a finished file reports; `content` is the hash of its bytes.
    fn done(self, content: Option<u128>) -> Done {
        let detail = |(what, value): (&str, u64)| (vec![what.to_string()], value as f64);
        let details = self.tally.details().into_iter().map(detail).collect();
        let (counts, bad) = (self.counts, self.bad);
        Done { counts, bad, details, content_hash: content, ..Done::default() }
    }
}

/// Where what is read goes.
#[derive(Clone, Copy)]
pub enum Target<'r> {
    Run,
    /// Each shard into a file of its own, under one of these identities.
    Readings(&'r [String]),
    /// To the run, and into files for the next one, should this one not come to its end.
    Both(&'r [String]),
}

impl Target<'_> {
    /// The writing half of a shard: of the run's shards it is number `shard`, of those that are read
    /// number `at`, and a reading of it goes to `output`.
    ///
    /// # Errors
    /// `Io` with the path of a reading that cannot be created; `Config` for one without a path.
    pub fn open<T: Taker>(
        self,
        run: &T,
        shard: usize,
        at: usize,
        output: Option<&PathBuf>,
    ) -> Result<Sink<T>> {
        let (identities, taken) = match self {
            Self::Run => (None, true),
            Self::Readings(identities) => (Some(identities), false),
            Self::Both(identities) => (Some(identities), true),
        };
        let reading = match (identities, output) {
            (None, _) => None,
            (Some(identities), Some(output)) => Some(Reading {
                frames: Box::new(Frames::create(output, &identities[at])?),
                buffer: Vec::new(),
            }),
            (Some(_), None) => return Err(Error::config("a reading needs a file")),
        };
        let shard = taken.then(|| run.open(shard));
        Ok(Sink { shard, reading, account: Account::default() })
    }
}

/// The writing half of an open shard: of the run, of a reading, or of both.
pub struct Sink<T: Taker> {
    shard: Option<T::Shard>,
    reading: Option<Reading>,
    account: AccountOf<T>,
}

/// A reading being written.
struct Reading {
    frames: Box<Frames>,
    buffer: Vec<u8>,
}

impl Reading {
    fn append(&mut self, piece: &impl Piece) -> Result<()> {
        self.buffer.clear();
        piece.put(&mut self.buffer);
        self.frames.append(&self.buffer)
    }
}

impl<T: Taker> Sink<T> {
    /// # Errors
    /// `Io` with the path of an intermediate file or reading; `Record` for too many bad lines.
    pub fn write(&mut self, run: &T, piece: T::Piece) -> Result<()> {
        if let Some(reading) = &mut self.reading {
            reading.append(&piece)?;
        }
        let account = match &mut self.shard {
            Some(shard) => run.take(shard, piece)?,
            None => piece.into_account(),
        };
        self.account.add(account);
        shard::check_bad(&self.account.bad, run.max_bad())
    }

    /// # Errors
    /// `Io` with the path of an intermediate file or reading.
    pub fn finish(self, run: &T, content: Option<u128>) -> Result<Done> {
        let lines = self.account.counts.read;
        let mut done = self.account.done(content);
        if let Some(Reading { frames, .. }) = self.reading {
            done.written.push(frames.finish(&Trailer { lines, content }.bytes())?);
        }
        if let Some(shard) = self.shard {
            run.close(shard, content)?;
        }
        Ok(done)
    }
}

/// The last frame of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Trailer {
    lines: u64,
    /// XXH3-128 of the document file's bytes.
    content: Option<u128>,
}

impl Trailer {
    fn bytes(self) -> Vec<u8> {
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
pub struct Load<'r, T> {
    run: &'r T,
    /// Of the run's shards, those to load, and the identity of the reading of each.
    shards: Vec<(usize, String)>,
    host: &'r dyn Host<Done>,
    progress: &'r Progress,
    damaged: Mutex<Vec<(usize, String)>>,
}

impl<'r, T: Taker> Load<'r, T> {
    pub fn new(
        run: &'r T,
        shards: Vec<usize>,
        identities: Vec<String>,
        host: &'r dyn Host<Done>,
        progress: &'r Progress,
    ) -> Self {
        let shards = shards.into_iter().zip(identities).collect();
        Self { run, shards, host, progress, damaged: Mutex::default() }
    }

    /// Takes all of them; returns those that cannot be believed by place in `shards`, with what is wrong.
    ///
    /// # Errors
    /// None but those of the run's machinery: failures of files go to the host.
    pub fn all(self, threads: usize) -> Result<Vec<(usize, String)>> {
        crate::run::run(&self, self.shards.len(), threads, 0, self.progress)?;
        let mut damaged = self.damaged.into_inner().unwrap_or_else(PoisonError::into_inner);
        damaged.sort();
        Ok(damaged)
    }
}

/// The reading half of a reading.
pub struct Source {
    frames: FrameReader,
    shard: usize,
    trailer: Option<Trailer>,
}

impl<T: Taker> Stage for Load<'_, T> {
    type Source = Source;
    type Sink = Sink<T>;
    type Batch = Vec<u8>;
    type Work = T::Piece;
    type Output = T::Piece;
    type Done = Done;
    type Local<'s>
        = ()
    where
        Self: 's;

    fn local(&self) -> Result<()> {
        Ok(())
    }

    fn open(&self, shard: usize) -> Result<(Source, Sink<T>)> {
        let files = self.host.files(shard)?;
        let (number, identity) = &self.shards[shard];
        let Some(input) = files.inputs.first() else {
            return Err(Error::config("a reading has a file"));
        };
        let frames = FrameReader::open(input, identity)?;
        let sink = Target::Run.open(self.run, *number, shard, None)?;
        Ok((Source { frames, shard: *number, trailer: None }, sink))
    }

    fn read(&self, source: &mut Source) -> Result<Option<Vec<u8>>> {
        if source.trailer.is_some() {
            return Ok(None);
        }
        let mut bytes = self.run.buffers().take();
        let frame = source.frames.next(&mut bytes)?;
        Progress::add(&self.progress.input_bytes, bytes.len() as u64);
        if frame == Frame::Inner {
            return Ok(Some(bytes));
        }
        let unknown = || source.frames.damaged("its end is not what was written");
        source.trailer = Some(Trailer::get(&bytes).ok_or_else(unknown)?);
        Ok(None)
    }

    fn process(&self, _local: &mut (), shard: usize, batch: Vec<u8>) -> Result<T::Piece> {
        let shard = self.shards[shard].0;
        let piece = self.run.get(&batch, shard).ok_or_else(|| {
            Error::asset("it does not hold what a reading holds").at(self.run.name(shard))
        })?;
        Progress::add(&self.progress.documents, piece.lines());
        self.run.buffers().give(batch);
        Ok(piece)
    }

    fn emit(&self, _local: &mut (), _shard: usize, work: T::Piece) -> Result<T::Piece> {
        Ok(work)
    }

    fn write(&self, sink: &mut Sink<T>, output: T::Piece) -> Result<()> {
        sink.write(self.run, output)
    }

    fn finish(&self, _shard: usize, source: Source, sink: Sink<T>) -> Result<Done> {
        let lines = sink.account.counts.read;
        let Some(trailer) = source.trailer.filter(|end| end.lines == lines) else {
            let name = self.run.name(source.shard);
            return Err(Error::asset("it has another number of lines than it says").at(name));
        };
        sink.finish(self.run, trailer.content)
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
