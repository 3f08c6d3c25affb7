//! What a run does to a shard, and what the outside sees of it.

use crate::codec::Prefetch;
use crate::error::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What the outside sees of a run while it goes on, and its brake.
#[derive(Debug, Default)]
pub struct Progress {
    pub cancelled: AtomicBool,
    /// Documents processed so far.
    pub documents: AtomicU64,
    /// Uncompressed bytes read so far.
    pub bytes: AtomicU64,
    /// Compressed bytes read so far, comparable with the sizes of the input files.
    pub input_bytes: AtomicU64,
    pub shards: AtomicU64,
}

impl Progress {
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    pub fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }
}

/// One command's work on shards.
pub trait Stage: Sync {
    /// Whether [`Stage::decide`] must see the batches of the whole run in input order.
    const ORDERED: bool = false;

    /// The reading half of an open shard.
    type Source: Send;
    /// The writing half of an open shard.
    type Sink: Send;
    type Batch: Send;
    type Work: Send;
    type Output: Send;
    /// What a finished shard reports.
    type Done: Send;
    /// Scratch of one thread.
    type Local<'s>
    where
        Self: 's;

    fn local(&self) -> Result<Self::Local<'_>>;
    fn open(&self, shard: usize) -> Result<(Self::Source, Self::Sink)>;
    fn read(&self, source: &mut Self::Source) -> Result<Option<Self::Batch>>;
    /// Where threads that have nothing to do find something of a source to decompress.
    fn prefetch(_source: &Self::Source) -> Option<Arc<Prefetch>> {
        None
    }
    fn process(
        &self,
        local: &mut Self::Local<'_>,
        shard: usize,
        batch: Self::Batch,
    ) -> Result<Self::Work>;
    /// Bytes that a processed batch holds while it waits for its turn.
    fn held(&self, _work: &Self::Work) -> usize {
        0
    }
    /// Called for every batch of the run in input order, by one thread at a time.
    fn decide(&self, _work: &mut Self::Work) -> Result<()> {
        Ok(())
    }
    fn emit(
        &self,
        local: &mut Self::Local<'_>,
        shard: usize,
        work: Self::Work,
    ) -> Result<Self::Output>;
    fn write(&self, sink: &mut Self::Sink, output: Self::Output) -> Result<()>;
    fn finish(&self, shard: usize, source: Self::Source, sink: Self::Sink) -> Result<Self::Done>;
    /// Told once for every shard that was started, with the sink already dropped on failure.
    fn report(&self, shard: usize, outcome: Result<Self::Done>);
}
