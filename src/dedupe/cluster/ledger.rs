//! What is remembered of a document file after it was read: for each line its id and whether it
//! was compared. Rows are written from this, so that a corpus is inflated once.

use super::blocks::{Scratch, Store};
use super::sorter::number;
use crate::error::Result;

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

/// The rows of a document file, in order.
#[derive(Debug)]
pub struct Ledger {
    shard: usize,
    store: Store,
    pub lines: u64,
    /// Compared keys.
    pub keys: u64,
    /// XXH3-128 of the document file's bytes.
    pub content: Option<u128>,
}

impl Ledger {
    pub fn new(scratch: &Scratch, shard: usize) -> Self {
        Self {
            shard,
            store: Store::new(scratch, format!("ledger-{shard}")),
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
        self.store.len()
    }

    /// Appends rows that [`Row::put`] wrote.
    ///
    /// # Errors
    /// `Io` with the path of the file that rows are spilled to.
    pub fn append(&mut self, rows: &[u8], lines: u64, keys: u64) -> Result<()> {
        self.lines += lines;
        self.keys += keys;
        self.store.append(rows)
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
            if let Some((row, _)) = row(self.store.read(place, to, buffer)?) {
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
            let bytes = self.store.read(place, to, &mut buffer)?;
            let mut whole = 0;
            while let Some((_, length)) = row(&bytes[whole..]) {
                whole += length;
            }
            if whole > 0 || to == self.end() {
                out.clear();
                out.extend_from_slice(&bytes[..whole]);
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
            let mut ledger = Ledger::new(&scratch, 0);
            let ids: Vec<String> =
                (0..3000).map(|n| format!("\"{}\"", "x".repeat(n % 700))).collect();
            let mut places = Vec::new();
            for (line, id) in ids.iter().enumerate() {
                let mut bytes = Vec::new();
                let fate = Fate::ALL[line % 6];
                Row { fate, line: line as u64 + 1, id: id.as_bytes() }.put(&mut bytes);
                places.push(ledger.end());
                ledger.append(&bytes, 1, 0).unwrap();
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
