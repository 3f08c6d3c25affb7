//! Verdicts in the order of the input, found by shard.

use super::blocks::{Scratch, Store};
use super::records::{Doc, Verdict};
use super::sorter::{Part, Record};
use crate::error::Result;
use xxhash_rust::xxh3::Xxh3;

/// All verdicts of a run.
pub struct Verdicts {
    store: Store,
    pub count: u64,
    /// For each shard, how many verdicts come before its first.
    starts: Vec<u64>,
}

/// Verdicts read at once.
const CHUNK: u64 = 1024;

impl Verdicts {
    /// # Errors
    /// `Io` or `Asset` of intermediate files.
    pub fn new(parts: Vec<Part<Verdict>>, shards: usize, scratch: &Scratch) -> Result<Self> {
        let mut store = Store::new(scratch, "marks");
        let mut counts = vec![0u64; shards];
        let mut bytes = [0; Verdict::BYTES];
        for part in parts {
            part.for_each(|verdict| {
                counts[verdict.doc.shard()] += 1;
                verdict.put(&mut bytes);
                store.append(&bytes)
            })?;
        }
        let mut count = 0;
        let starts = counts
            .into_iter()
            .map(|in_shard| {
                count += in_shard;
                count - in_shard
            })
            .collect();
        Ok(Self { store, count, starts })
    }

    /// What the rows of a shard are made of besides its own documents: a hash of its verdicts, with the
    /// kept documents called by their place in a file of `identities` (by shard).
    ///
    /// # Errors
    /// As [`Cursor::before`].
    pub fn digest(&self, shard: usize, identities: &[String]) -> Result<u128> {
        let mut hash = Xxh3::new();
        let mut cursor = self.of(shard);
        while let Some(verdict) = cursor.next()? {
            let Verdict { doc, start, end, cluster, kept, kept_start, kept_end, similarity } =
                verdict;
            hash.update(identities.get(kept.shard()).map_or("", String::as_str).as_bytes());
            for number in [doc.place(), cluster, kept.place()] {
                hash.update(&number.to_le_bytes());
            }
            for number in [start, end, kept_start, kept_end, similarity] {
                hash.update(&number.to_le_bytes());
            }
        }
        Ok(hash.digest128())
    }

    /// A cursor over the verdicts of a shard.
    pub fn of(&self, shard: usize) -> Cursor<'_> {
        let next = self.starts[shard];
        let end = self.starts.get(shard + 1).copied().unwrap_or(self.count);
        Cursor { verdicts: self, next, end, ahead: Vec::new() }
    }
}

/// Goes through the verdicts of a shard.
pub struct Cursor<'v> {
    verdicts: &'v Verdicts,
    next: u64,
    end: u64,
    /// Read but not taken, last first.
    ahead: Vec<Verdict>,
}

impl Cursor<'_> {
    /// Appends the verdicts on documents before `end` to `out`.
    ///
    /// # Errors
    /// `Io` or `Asset` when they cannot be read back.
    pub fn before(&mut self, end: Doc, out: &mut Vec<Verdict>) -> Result<()> {
        while self.fill()? {
            match self.ahead.pop_if(|verdict| verdict.doc < end) {
                Some(verdict) => out.push(verdict),
                None => break,
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Verdict>> {
        self.fill()?;
        Ok(self.ahead.pop())
    }

    /// Whether any verdict is ahead, after the next ones were read where none was.
    fn fill(&mut self) -> Result<bool> {
        if self.ahead.is_empty() && self.next < self.end {
            let to = (self.next + CHUNK).min(self.end);
            let size = Verdict::BYTES as u64;
            let mut buffer = Vec::new();
            let bytes = self.verdicts.store.read(self.next * size, to * size, &mut buffer)?;
            self.ahead.extend(bytes.chunks_exact(Verdict::BYTES).map(Verdict::get));
            self.ahead.reverse();
            self.next = to;
        }
        Ok(!self.ahead.is_empty())
    }

    /// Verdicts that no document has taken.
    pub fn left(&self) -> u64 {
        self.end - self.next + self.ahead.len() as u64
    }
}
