//! What is remembered of a document file after it was read: for each line its id and whether it
//! was compared. Rows are written from this, so that a corpus is inflated once.
//!
//! A corpus may have more files than a process may open, so the ledgers of a run share one store: a
//! ledger hands its rows on in extents, and remembers where they are.

use super::blocks::{Scratch, Store};
use super::sorter::number;
use crate::error::Result;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// What became of a line before anything was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Compared,
    /// Left out by a limit.
    Skipped,
    /// Paragraphs only: its text is empty.
    Empty,
    WithoutKey,
    /// An earlier stage has marked it.
    Marked,
    Bad,
}

impl Fate {
    const ALL: [Self; 6] =
        [Self::Compared, Self::Skipped, Self::Empty, Self::WithoutKey, Self::Marked, Self::Bad];

    fn code(self) -> u8 {
        Self::ALL.iter().position(|fate| *fate == self).unwrap_or_default() as u8
    }
}

/// A line of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'l> {
    pub fate: Fate,
    pub line: u64,
    /// Raw JSON.
    pub id: &'l [u8],
}

/// Bytes of a row before its id.
const HEAD: usize = 13;

impl Row<'_> {
    pub fn put(&self, out: &mut Vec<u8>) {
        out.push(self.fate.code());
        out.extend_from_slice(&self.line.to_le_bytes());
        out.extend_from_slice(&(self.id.len() as u32).to_le_bytes());
        out.extend_from_slice(self.id);
    }
}

/// The row at the start of `bytes` and its length, if it is there as a whole.
pub fn row(bytes: &[u8]) -> Option<(Row<'_>, usize)> {
    let head = bytes.get(..HEAD)?;
    let end = HEAD + number::<4>(head, 9) as usize;
    let id = bytes.get(HEAD..end)?;
    let fate = *Fate::ALL.get(usize::from(head[0]))?;
    Some((Row { fate, line: number::<8>(head, 1) as u64, id }, end))
}

/// Bytes of rows that are handed on at once; what an open ledger holds in memory.
const EXTENT: usize = 1 << 16;

/// The rows of all files of a run.
#[derive(Clone)]
pub struct Shelf {
    store: Arc<RwLock<Store>>,
}

impl Shelf {
    pub fn new(scratch: &Scratch) -> Self {
        Self { store: Arc::new(RwLock::new(Store::new(scratch, "ledgers"))) }
    }

    /// Takes bytes; says where they are.
    fn put(&self, bytes: &[u8]) -> Result<u64> {
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        let at = store.len();
        store.append(bytes)?;
        Ok(at)
    }

    /// Appends the bytes `from..to` to `out`.
    fn get(&self, from: u64, to: u64, out: &mut Vec<u8>) -> Result<()> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        let mut buffer = Vec::new();
        out.extend_from_slice(store.read(from, to, &mut buffer)?);
        Ok(())
    }
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shelf")
    }
}

/// Rows that were handed on together.
#[derive(Debug, Clone, Copy)]
struct Extent {
    /// Their first byte in the ledger, and on the shelf.
    place: u64,
    at: u64,
}

/// The rows of a document file, in order.
#[derive(Debug)]
pub struct Ledger {
    shard: usize,
    shelf: Shelf,
    extents: Vec<Extent>,
    /// Bytes on the shelf; those after them are pending.
    shelved: u64,
    pending: Vec<u8>,
    pub lines: u64,
    /// Compared keys.
    pub keys: u64,
    /// XXH3-128 of the document file's bytes.
    pub content: Option<u128>,
}

impl Ledger {
    pub fn new(shelf: &Shelf, shard: usize) -> Self {
        Self {
            shard,
            shelf: shelf.clone(),
            extents: Vec::new(),
            shelved: 0,
            pending: Vec::new(),
            lines: 0,
            keys: 0,
            content: None,
        }
    }

    pub fn shard(&self) -> usize {
        self.shard
    }

    /// Where the next row will stand.
    pub fn end(&self) -> u64 {
        self.shelved + self.pending.len() as u64
    }

    /// Appends rows that [`Row::put`] wrote.
    ///
    /// # Errors
    /// `Io` with the path of the file that rows are spilled to.
    pub fn append(&mut self, rows: &[u8], lines: u64, keys: u64) -> Result<()> {
        self.lines += lines;
        self.keys += keys;
        self.pending.extend_from_slice(rows);
        if self.pending.len() >= EXTENT { self.shelve() } else { Ok(()) }
    }

    /// Ends the ledger: nothing of it stays in memory but where its rows are.
    ///
    /// # Errors
    /// As [`Ledger::append`].
    pub fn close(&mut self) -> Result<()> {
        self.shelve()?;
        self.pending = Vec::new();
        Ok(())
    }

    fn shelve(&mut self) -> Result<()> {
        if !self.pending.is_empty() {
            let at = self.shelf.put(&self.pending)?;
            self.extents.push(Extent { place: self.shelved, at });
            self.shelved += self.pending.len() as u64;
            self.pending.clear();
        }
        Ok(())
    }

    /// Replaces `out` by the bytes `from..to`.
    fn fetch(&self, from: u64, to: u64, out: &mut Vec<u8>) -> Result<()> {
        out.clear();
        let first = self.extents.partition_point(|extent| extent.place <= from).saturating_sub(1);
        let ends = self.extents[first..].iter().skip(1).map(|next| next.place);
        let ends = ends.chain(std::iter::once(self.shelved));
        for (extent, end) in self.extents[first..].iter().zip(ends) {
            let (start, end) = (from.max(extent.place), to.min(end));
            if start >= end {
                break;
            }
            let at = extent.at + (start - extent.place);
            self.shelf.get(at, at + (end - start), out)?;
        }
        if to > self.shelved {
            let start = from.max(self.shelved) - self.shelved;
            out.extend_from_slice(&self.pending[start as usize..(to - self.shelved) as usize]);
        }
        Ok(())
    }

    /// Calls `with` on the row that stands at `place`.
    ///
    /// # Errors
    /// `Io` or `Asset` when it cannot be read back.
    pub fn at<T>(
        &self,
        place: u64,
        buffer: &mut Vec<u8>,
        with: impl FnOnce(Row<'_>) -> T,
    ) -> Result<Option<T>> {
        let mut want = 256;
        loop {
            let to = (place + want).min(self.end());
            self.fetch(place, to, buffer)?;
            if let Some((row, _)) = row(buffer) {
                return Ok(Some(with(row)));
            }
            if to == self.end() {
                return Ok(None);
            }
            want *= 16;
        }
    }

    /// Replaces `out` by whole rows from `place` on, about `target` bytes; empty at the end.
    ///
    /// # Errors
    /// As [`Ledger::at`].
    pub fn read(&self, place: u64, target: u64, out: &mut Vec<u8>) -> Result<()> {
        let mut buffer = Vec::new();
        let mut want = target;
        loop {
            let to = (place + want).min(self.end());
            self.fetch(place, to, &mut buffer)?;
            let mut whole = 0;
            while let Some((_, length)) = row(&buffer[whole..]) {
                whole += length;
            }
            if whole > 0 || to == self.end() {
                out.clear();
                out.extend_from_slice(&buffer[..whole]);
                return Ok(());
            }
            want *= 4;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_by_place_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for room in [0, 1 << 20] {
            let scratch = Scratch::new(folder.path(), room);
            let shelf = Shelf::new(&scratch);
            let (mut ledger, mut other) = (Ledger::new(&shelf, 0), Ledger::new(&shelf, 1));
            let ids: Vec<String> =
                (0..3000).map(|n| format!("\"{}\"", "x".repeat(n % 700))).collect();
            let mut places = Vec::new();
            for (line, id) in ids.iter().enumerate() {
                let mut bytes = Vec::new();
                let fate = Fate::ALL[line % 6];
                Row { fate, line: line as u64 + 1, id: id.as_bytes() }.put(&mut bytes);
                places.push(ledger.end());
                ledger.append(&bytes, 1, 0).unwrap();
                other.append(&bytes, 1, 0).unwrap();
                other.append(&bytes, 1, 0).unwrap();
            }
            assert_eq!(other.end(), 2 * ledger.end());
            if room == 0 {
                ledger.close().unwrap();
            }
            let mut buffer = Vec::new();
            for (line, place) in places.iter().enumerate() {
                let found =
                    ledger.at(*place, &mut buffer, |row| (row.fate, row.line, row.id.to_vec()));
                let expected =
                    (Fate::ALL[line % 6], line as u64 + 1, ids[line].clone().into_bytes());
                assert_eq!(found.unwrap(), Some(expected));
            }
            let (mut place, mut lines, mut rows) = (0, 0, Vec::new());
            loop {
                ledger.read(place, 100, &mut rows).unwrap();
                if rows.is_empty() {
                    break;
                }
                place += rows.len() as u64;
                let mut rest = rows.as_slice();
                while let Some((row, length)) = row(rest) {
                    lines += 1;
                    assert_eq!(row.line, lines);
                    rest = &rest[length..];
                }
            }
            assert_eq!((place, lines), (ledger.end(), 3000));
        }
    }
}
