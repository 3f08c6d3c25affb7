//! Where a run stands: its shards, and what waits between two steps.

use super::balance::Balance;
use super::slot::{Phase, Slot};
use super::stage::Stage;
use crate::codec::Claim;
use std::collections::VecDeque;

/// Chunks of compressed files that may be decompressed ahead of their readers, to some megabytes each, for
/// each thread: one that is worked on and one that waits.
pub const AHEAD: u64 = 2;

pub struct State<S: Stage> {
    pub shards: Vec<Slot<S>>,
    /// No shard before this one is open or pending; where searches start.
    pub low: usize,
    /// The first shard whose batches are not all decided (ordered stages only).
    pub head: usize,
    pub deciding: bool,
    /// Decided batches that wait for a thread to emit them.
    pub decided: VecDeque<(usize, usize, S::Work)>,
    pub held: usize,
    pub open: usize,
    pub closed: usize,
    pub balance: Balance,
}

impl<S: Stage> State<S> {
    pub fn new(shards: Vec<Slot<S>>) -> Self {
        Self {
            shards,
            low: 0,
            head: 0,
            deciding: false,
            decided: VecDeque::new(),
            held: 0,
            open: 0,
            closed: 0,
            balance: Balance::default(),
        }
    }

    /// Something to decompress ahead of a reader, of the earliest shard where there is any.
    pub fn claim(&mut self, threads: usize) -> Option<Claim> {
        let share = self.balance.share(threads);
        let most = AHEAD * threads as u64;
        if share == 0.0 || self.ahead() >= most {
            return None;
        }
        let mut open = self.opened().filter(|slot| slot.phase == Phase::Open);
        let claim = open.find_map(|slot| slot.prefetch.as_ref()?.claim(share, most))?;
        drop(open);
        self.balance.settle();
        Some(claim)
    }

    /// Chunks that were or are being decompressed ahead of the readers of all shards.
    fn ahead(&self) -> u64 {
        self.opened()
            .filter_map(|slot| slot.prefetch.as_ref())
            .map(|prefetch| prefetch.ahead())
            .sum()
    }

    fn opened(&self) -> impl Iterator<Item = &Slot<S>> {
        self.shards[self.low..].iter().take_while(|slot| slot.phase != Phase::Pending)
    }
}
