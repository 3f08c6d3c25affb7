//! Sorting more records than fit into memory: sorted runs on disk, merged as they are read.
//!
//! Records are shared out by the first bits of their key, so that parts can be filled and read in
//! parallel and one after the other give the whole order. The order of equal records cannot be
//! seen, so the result does not depend on who pushed first, on the number of parts or on the
//! memory.

use super::blocks::{BlockFile, Scratch};
use crate::error::Result;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Mutex, PoisonError};

/// Bytes read at once of each run while runs are merged.
const READ: u64 = 1 << 16;

/// A record of fixed size with a total order.
pub trait Record: Copy + Ord + Send + Sync {
    const BYTES: usize;
    /// Writes into `BYTES` bytes.
    fn put(&self, out: &mut [u8]);
    fn get(bytes: &[u8]) -> Self;
    /// The first bits of the key, for sharing out: of two records the smaller never has the larger.
    fn prefix(&self) -> u64;
    /// Whether `later`, the next in order, says nothing that `self` did not.
    fn covers(&self, _later: &Self) -> bool {
        false
    }
}

/// Reads a little-endian number of `N` bytes.
pub fn number<const N: usize>(bytes: &[u8], at: usize) -> u128 {
    let mut all = [0u8; 16];
    all[..N].copy_from_slice(&bytes[at..at + N]);
    u128::from_le_bytes(all)
}

/// Takes records in any order.
pub struct Sorter<R> {
    name: &'static str,
    scratch: Scratch,
    /// Records of a part that stay in memory.
    limit: usize,
    parts: Vec<Mutex<Part<R>>>,
}

/// A range of keys.
pub struct Part<R> {
    records: Vec<R>,
    file: Option<BlockFile>,
    /// Ends of the runs in the file.
    ends: Vec<u64>,
}

impl<R: Record> Sorter<R> {
    /// A sorter of `parts` parts that takes `memory` bytes at most before it spills.
    pub fn new(name: &'static str, scratch: &Scratch, parts: usize, memory: u64) -> Self {
        let limit = (memory as usize / parts / size_of::<R>()).max(64);
        let empty = || Part { records: Vec::new(), file: None, ends: Vec::new() };
        let parts = (0..parts).map(|_| Mutex::new(empty())).collect();
        Self { name, scratch: scratch.clone(), limit, parts }
    }

    /// Takes all of `records`, which is empty afterwards.
    ///
    /// # Errors
    /// `Io` with the path of the file that records are spilled to.
    pub fn push_all(&self, records: &mut Vec<R>) -> Result<()> {
        let count = self.parts.len();
        if count == 1 {
            let mut part = self.parts[0].lock().unwrap_or_else(PoisonError::into_inner);
            records.drain(..).try_for_each(|record| self.push(&mut part, 0, record))?;
            return Ok(());
        }
        let mut shares: Vec<Vec<R>> = (0..count).map(|_| Vec::new()).collect();
        for record in records.drain(..) {
            let part = (u128::from(record.prefix()) * count as u128) >> 64;
            shares[part as usize].push(record);
        }
        for (index, share) in shares.into_iter().enumerate() {
            let mut part = self.parts[index].lock().unwrap_or_else(PoisonError::into_inner);
            for record in share {
                self.push(&mut part, index, record)?;
            }
        }
        Ok(())
    }

    fn push(&self, part: &mut Part<R>, index: usize, record: R) -> Result<()> {
        if part.records.len() == part.records.capacity() {
            if part.records.len() >= self.limit {
                self.spill(part, index)?;
            } else {
                let room = self.limit - part.records.len();
                part.records.reserve_exact(part.records.len().max(64).min(room));
            }
        }
        part.records.push(record);
        Ok(())
    }

    fn spill(&self, part: &mut Part<R>, index: usize) -> Result<()> {
        sort(&mut part.records);
        let file = match &mut part.file {
            Some(file) => file,
            slot => slot.insert(self.scratch.file(&format!("{}-{index}", self.name))?),
        };
        let mut bytes = vec![0; R::BYTES * 1024];
        for chunk in part.records.chunks(1024) {
            let out = &mut bytes[..chunk.len() * R::BYTES];
            for (record, out) in chunk.iter().zip(out.chunks_exact_mut(R::BYTES)) {
                record.put(out);
            }
            file.append(out)?;
        }
        part.ends.push(file.size());
        part.records.clear();
        Ok(())
    }

    /// The parts, in order; nothing is left.
    pub fn finish(&self) -> Vec<Part<R>> {
        let empty = || Part { records: Vec::new(), file: None, ends: Vec::new() };
        let taken = |part: &Mutex<Part<R>>| {
            std::mem::replace(&mut *part.lock().unwrap_or_else(PoisonError::into_inner), empty())
        };
        self.parts.iter().map(taken).collect()
    }
}

fn sort<R: Record>(records: &mut Vec<R>) {
    records.sort_unstable();
    records.dedup_by(|later, earlier| earlier.covers(later));
}

impl<R: Record> Part<R> {
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.file.is_none()
    }

    /// Calls `each` for every record in order, without those that the one before covers.
    ///
    /// # Errors
    /// Those of `each`; `Io` or `Asset` when a run cannot be read back.
    pub fn for_each(mut self, mut each: impl FnMut(R) -> Result<()>) -> Result<()> {
        sort(&mut self.records);
        let Some(file) = &self.file else {
            return self.records.iter().try_for_each(|record| each(*record));
        };
        let mut start = 0;
        let mut runs: Vec<Run<'_, R>> = Vec::new();
        for end in &self.ends {
            runs.push(Run { file, at: start, end: *end, buffer: Vec::new(), next: 0, rest: &[] });
            start = *end;
        }
        // The records that were never spilled are a run in memory.
        runs.push(Run { file, at: 0, end: 0, buffer: Vec::new(), next: 0, rest: &self.records });
        let mut heap = BinaryHeap::with_capacity(runs.len());
        for (index, run) in runs.iter_mut().enumerate() {
            if let Some(record) = run.next()? {
                heap.push(Reverse((record, index)));
            }
        }
        let mut last: Option<R> = None;
        while let Some(Reverse((record, index))) = heap.pop() {
            if let Some(next) = runs[index].next()? {
                heap.push(Reverse((next, index)));
            }
            if last.as_ref().is_some_and(|last| last.covers(&record)) {
                continue;
            }
            last = Some(record);
            each(record)?;
        }
        Ok(())
    }
}

struct Run<'f, R> {
    file: &'f BlockFile,
    at: u64,
    end: u64,
    buffer: Vec<u8>,
    next: usize,
    rest: &'f [R],
}

impl<R: Record> Run<'_, R> {
    fn next(&mut self) -> Result<Option<R>> {
        if let [first, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(Some(*first));
        }
        if self.next == self.buffer.len() {
            if self.at == self.end {
                return Ok(None);
            }
            let whole = READ / R::BYTES as u64 * R::BYTES as u64;
            let to = (self.at + whole).min(self.end);
            self.file.read(self.at, to, &mut self.buffer)?;
            (self.at, self.next) = (to, 0);
        }
        let record = R::get(&self.buffer[self.next..self.next + R::BYTES]);
        self.next += R::BYTES;
        Ok(Some(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Record for (u64, u64) {
        const BYTES: usize = 16;
        fn put(&self, out: &mut [u8]) {
            out[..8].copy_from_slice(&self.0.to_le_bytes());
            out[8..].copy_from_slice(&self.1.to_le_bytes());
        }
        fn get(bytes: &[u8]) -> Self {
            (number::<8>(bytes, 0) as u64, number::<8>(bytes, 8) as u64)
        }
        fn prefix(&self) -> u64 {
            self.0
        }
        fn covers(&self, later: &Self) -> bool {
            self.0 == later.0
        }
    }

    proptest! {
        #[test]
        fn any_memory_and_any_parts_give_the_sorted_records(
            records in proptest::collection::vec((0..40u64, 0..9u64), 0..2000),
            parts in 1..5usize, memory in 1..40_000u64,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let scratch = Scratch::new(folder.path(), 0);
            let spread: Vec<_> = records.iter().map(|r| (r.0 << 58, r.1)).collect();
            let sorter = Sorter::new("records", &scratch, parts, memory);
            for chunk in spread.chunks(97) {
                sorter.push_all(&mut chunk.to_vec()).unwrap();
            }
            let mut found = Vec::new();
            for part in sorter.finish() {
                part.for_each(|record| { found.push(record); Ok(()) }).unwrap();
            }
            let mut expected = spread;
            expected.sort_unstable();
            expected.dedup_by_key(|record| record.0);
            prop_assert_eq!(found, expected);
        }
    }
}
