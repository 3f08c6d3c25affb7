//! Repeats in the order of the input, found by file, and the spans that they make.

use super::records::{Mark, Place, shard_of};
use crate::dedupe::cluster::blocks::{Scratch, Store};
use crate::dedupe::cluster::sorter::{Part, Record};
use crate::error::Result;

/// Marks read at once.
const CHUNK: u64 = 1024;

/// All repeats of a run.
pub struct Marks {
    store: Store,
    count: u64,
    /// For each shard, how many marks come before its first.
    starts: Vec<u64>,
}

impl Marks {
    /// The marks of windows of `length` units.
    ///
    /// # Errors
    /// `Io` or `Asset` of intermediate files.
    pub fn new(
        parts: Vec<Part<Mark>>,
        length: u64,
        shards: usize,
        scratch: &Scratch,
    ) -> Result<Self> {
        let mut store = Store::new(scratch, "marks");
        let mut counts = vec![0u64; shards];
        let mut bytes = [0; Mark::BYTES];
        let mut put = |mark: Mark| {
            counts[shard_of(mark.at)] += 1;
            mark.put(&mut bytes);
            store.append(&bytes)
        };
        let mut last: Option<Mark> = None;
        for part in parts {
            part.for_each(|mark| {
                match &mut last {
                    // Neighbouring windows of one unit may be in two documents, longer ones not.
                    Some(last) if length > 1 && last.goes_on(&mark) => {
                        last.windows += mark.windows;
                    }
                    Some(last) => put(std::mem::replace(last, mark))?,
                    None => last = Some(mark),
                }
                Ok(())
            })?;
        }
        last.map_or(Ok(()), put)?;
        let mut count = 0;
        let before = |in_shard| {
            count += in_shard;
            count - in_shard
        };
        let starts = counts.into_iter().map(before).collect();
        Ok(Self { store, count, starts })
    }

    /// A cursor over the marks of a shard.
    pub fn of(&self, shard: usize) -> Cursor<'_> {
        let next = self.starts[shard];
        let end = self.starts.get(shard + 1).copied().unwrap_or(self.count);
        Cursor { marks: self, next, end, ahead: Vec::new() }
    }
}

impl Mark {
    /// Whether `next` is the same repeat, a few windows on.
    fn goes_on(&self, next: &Self) -> bool {
        self.count == 1
            && next.count == 1
            && next.at == self.at + self.windows
            && next.source == self.source + self.windows
    }
}

/// Goes through the marks of a shard.
pub struct Cursor<'m> {
    marks: &'m Marks,
    next: u64,
    end: u64,
    /// Read but not taken, last first.
    ahead: Vec<Mark>,
}

impl Cursor<'_> {
    /// Appends the marks before `end` to `out`.
    ///
    /// # Errors
    /// `Io` or `Asset` when they cannot be read back.
    pub fn before(&mut self, end: Place, out: &mut Vec<Mark>) -> Result<()> {
        loop {
            while let Some(mark) = self.ahead.pop_if(|mark| mark.at < end) {
                out.push(mark);
            }
            if !self.ahead.is_empty() || self.next == self.end {
                return Ok(());
            }
            let to = (self.next + CHUNK).min(self.end);
            let size = Mark::BYTES as u64;
            let mut buffer = Vec::new();
            let bytes = self.marks.store.read(self.next * size, to * size, &mut buffer)?;
            self.ahead.extend(bytes.chunks_exact(Mark::BYTES).map(Mark::get));
            self.ahead.reverse();
            self.next = to;
        }
    }

    /// Marks that no document has taken.
    pub fn left(&self) -> u64 {
        self.end - self.next + self.ahead.len() as u64
    }
}

/// What repeats of one document cover together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cover {
    pub start: Place,
    pub end: Place,
    /// The longest piece of it that has one source: where it begins, its units, and its source.
    pub piece: Place,
    pub units: u64,
    pub source: Place,
}

/// The covered units of one document, disjoint and in order, from its marks in order.
pub fn covers(marks: &[Mark], length: u64, out: &mut Vec<Cover>) {
    out.clear();
    for mark in marks {
        let (end, units) = (mark.end(length), mark.windows + length - 1);
        match out.last_mut() {
            Some(last) if mark.at <= last.end => {
                last.end = last.end.max(end);
                if units > last.units {
                    (last.piece, last.units, last.source) = (mark.at, units, mark.source);
                }
            }
            _ => {
                out.push(Cover { start: mark.at, end, piece: mark.at, units, source: mark.source })
            }
        }
    }
}
