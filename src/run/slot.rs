//! Where a shard of a run stands: its files, and the batches of it that are between two steps.

use super::Stage;
use crate::codec::Prefetch;
use crate::error::Error;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(PartialEq, Eq, Clone, Copy)]
pub enum Phase {
    Pending,
    Opening,
    Open,
    /// Its last batch was read.
    Ended,
    /// Finished, failed or cancelled, and reported.
    Closed,
}

pub struct Slot<S: Stage> {
    pub phase: Phase,
    pub source: Option<S::Source>,
    pub sink: Option<S::Sink>,
    pub prefetch: Option<Arc<Prefetch>>,
    /// Batches read, decided and written so far; each is also the index of the next one.
    pub read: usize,
    pub decided: usize,
    pub written: usize,
    /// Batches (or an open, a read, a write) that some thread is busy with.
    pub busy: usize,
    /// Processed batches that wait for their decision, and emitted ones that wait to be written.
    pub processed: BTreeMap<usize, S::Work>,
    pub emitted: BTreeMap<usize, S::Output>,
    /// The first batch that failed, and why.
    pub failure: Option<(usize, Error)>,
}

impl<S: Stage> Slot<S> {
    pub fn new() -> Self {
        Self {
            phase: Phase::Pending,
            source: None,
            sink: None,
            prefetch: None,
            read: 0,
            decided: 0,
            written: 0,
            busy: 0,
            processed: BTreeMap::new(),
            emitted: BTreeMap::new(),
            failure: None,
        }
    }

    /// The number of batches that will be decided: all, or those before the failed one.
    pub fn decidable(&self) -> Option<usize> {
        match &self.failure {
            Some((batch, _)) => Some(*batch),
            None => {
                (self.phase == Phase::Ended || self.phase == Phase::Closed).then_some(self.read)
            }
        }
    }

    /// Keeps the failure of the earliest batch, so that the same line is reported however the
    /// threads ran.
    pub fn fail(&mut self, batch: usize, error: Error) {
        if self.failure.as_ref().is_none_or(|(earlier, _)| batch < *earlier) {
            self.failure = Some((batch, error));
        }
    }

    /// The sink, where the batch that is next to be written is there and nothing failed.
    pub fn take_sink(&mut self) -> Option<S::Sink> {
        if self.failure.is_some() || !self.emitted.contains_key(&self.written) {
            return None;
        }
        self.sink.take()
    }
}
