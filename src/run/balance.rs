//! How long reading takes beside the rest of the work, and what idle threads should do about it.

use std::time::Duration;

/// Batches behind which the times are taken for granted.
const ENOUGH: u32 = 8;

/// What putting a prefetched stretch in takes its reader, and what prefetching takes beyond plain reading, by
/// the time of plain reading (measured: 0.45 and 0.9 by 1.67 ms for a megabyte of text).
const REPLAY: f64 = 0.27;
const OVERHEAD: f64 = 0.54;

/// A share that is not worth its cost.
const LEAST: f64 = 0.1;

/// Times of batches that were read without help.
#[derive(Default)]
pub(super) struct Balance {
    batches: u32,
    reading: Duration,
    working: Duration,
    /// Whether there was help, behind which the times of readers tell nothing.
    settled: bool,
}

impl Balance {
    pub(super) fn read(&mut self, time: Duration) {
        if !self.settled {
            self.batches += 1;
            self.reading += time;
        }
    }

    pub(super) fn worked(&mut self, time: Duration) {
        if !self.settled {
            self.working += time;
        }
    }

    pub(super) fn settle(&mut self) {
        self.settled = true;
    }

    /// The share of a shard that idle ones of `threads` threads should decompress ahead of its reader.
    ///
    /// Batches of one shard are read one after the other: without help a batch takes as long as it is read
    /// (r), or as its reading and its work (w) take all threads together, (r + w) / threads, whichever is
    /// more. Help makes reading shorter and the whole longer; the share is the one that makes both the same.
    pub(super) fn share(&self, threads: usize) -> f64 {
        if self.batches < ENOUGH || self.reading.is_zero() {
            return 0.0;
        }
        let work = self.working.as_secs_f64() / self.reading.as_secs_f64();
        let threads = threads as f64;
        let share = (1.0 - (1.0 + work) / threads) / (1.0 - REPLAY + OVERHEAD / threads);
        if share < LEAST { 0.0 } else { share.min(1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balance(batches: u32, reading: u64, working: u64) -> Balance {
        let mut balance = Balance::default();
        for _ in 0..batches {
            balance.read(Duration::from_micros(reading));
            balance.worked(Duration::from_micros(working));
        }
        balance
    }

    #[test]
    fn nobody_helps_where_reading_holds_nobody_up() {
        assert_eq!(balance(100, 1000, 1000).share(1), 0.0);
        assert_eq!(balance(100, 1000, 1000).share(2), 0.0);
        assert_eq!(balance(100, 1000, 5000).share(4), 0.0);
        assert_eq!(balance(100, 1000, 0).share(1), 0.0);
    }

    #[test]
    fn the_more_threads_wait_the_more_they_help() {
        let shares: Vec<_> =
            [2, 4, 8, 64].iter().map(|&n| balance(100, 1000, 300).share(n)).collect();
        assert!(shares.is_sorted() && shares[0] > 0.3 && shares[3] == 1.0, "{shares:?}");
    }

    #[test]
    fn a_share_needs_batches_that_were_read_without_help() {
        assert_eq!(Balance::default().share(64), 0.0);
        assert_eq!(balance(ENOUGH - 1, 1000, 0).share(64), 0.0);
        let mut settled = balance(ENOUGH, 1000, 0);
        settled.settle();
        settled.worked(Duration::from_secs(1));
        assert_eq!(settled.share(64), 1.0);
    }
}
