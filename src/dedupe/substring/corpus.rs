//! What is kept of the input after it was read: the symbols of its texts, and a row for each line.
//!
//! Both lie in stores that move to disk when there is no room. What stays in memory is an entry
//! for each extent, the lines that were read together (a mebibyte, or one longer line).

use super::records::{Place, place, shard_of, unit_of};
use super::symbols::{EDGE_BYTES, Unit};
use crate::dedupe::cluster::blocks::{Scratch, Store};
use crate::dedupe::cluster::sorter::number;
use crate::error::{Error, ErrorKind, Result};
use crate::text::count_chars;
use std::sync::{Mutex, PoisonError};

/// Bytes of text between two places whose code points are known.
const CHECKPOINT: usize = 1 << 16;

/// What became of a line when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Fate {
    Compared,
    /// Earlier stages have marked it: its text is neither marked nor a source.
    Marked,
    /// It could not be read, and was put aside.
    Bad,
}

impl Fate {
    fn of(byte: u8) -> Option<Self> {
        [Self::Compared, Self::Marked, Self::Bad].into_iter().find(|fate| *fate as u8 == byte)
    }
}

/// A line of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'r> {
    pub fate: Fate,
    pub line: u64,
    /// Code points of its text.
    pub chars: u64,
    /// Units of its text, none where it is too short to have a repeat or is not compared.
    pub units: u64,
    pub source: u32,
    /// Raw JSON.
    pub id: &'r [u8],
}

/// Bytes of a row before its id, and where in it the source stands.
const HEAD: usize = 33;
const SOURCE_AT: usize = 25;

impl<'r> Row<'r> {
    pub fn put(&self, out: &mut Vec<u8>) {
        out.push(self.fate as u8);
        for value in [self.line, self.chars, self.units] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out.extend_from_slice(&self.source.to_le_bytes());
        out.extend_from_slice(&(self.id.len() as u32).to_le_bytes());
        out.extend_from_slice(self.id);
    }

    /// The first row of `bytes`, and the rest.
    pub fn take(bytes: &'r [u8]) -> Option<(Self, &'r [u8])> {
        let length = number::<4>(bytes.get(..HEAD)?, 29) as usize;
        let row = Self {
            fate: Fate::of(bytes[0])?,
            line: number::<8>(bytes, 1) as u64,
            chars: number::<8>(bytes, 9) as u64,
            units: number::<8>(bytes, 17) as u64,
            source: number::<4>(bytes, SOURCE_AT) as u32,
            id: bytes.get(HEAD..HEAD + length)?,
        };
        Some((row, &bytes[HEAD + length..]))
    }

    /// Replaces the source of each row by what `numbers` has in its place. Bad lines have none.
    pub fn renumber(mut rows: &mut [u8], numbers: &[u32]) {
        while let Some((row, rest)) = Row::take(rows) {
            let (fate, source, size) = (row.fate, row.source, rows.len() - rest.len());
            let (own, rest) = std::mem::take(&mut rows).split_at_mut(size);
            if fate != Fate::Bad
                && let Some(number) = numbers.get(source as usize)
            {
                own[SOURCE_AT..SOURCE_AT + 4].copy_from_slice(&number.to_le_bytes());
            }
            rows = rest;
        }
    }
}

/// Lines that were read together.
#[derive(Debug, Default)]
pub struct Extent {
    /// The first unit of its texts in those of the file, and how many they are.
    pub first: u64,
    pub units: u64,
    symbols_at: u64,
    edges_at: u64,
    rows_at: u64,
    rows: u64,
    /// Code points before each checkpoint, where units are bytes.
    checkpoints: Vec<u32>,
}

/// The lines of an extent before it has a place.
#[derive(Debug, Default, PartialEq)]
pub struct Lines {
    pub symbols: Vec<u8>,
    pub edges: Vec<u8>,
    pub rows: Vec<u8>,
    pub units: u64,
}

/// Stores that are filled while files are read, in any order of extents.
struct Stores {
    symbols: Store,
    edges: Store,
    rows: Store,
}

/// The input as it is being read.
pub struct Filling {
    unit: Unit,
    stores: Mutex<Stores>,
    shards: Vec<Mutex<Vec<Extent>>>,
}

impl Filling {
    pub fn new(unit: Unit, shards: usize, scratch: &Scratch) -> Self {
        let stores = Stores {
            symbols: Store::new(scratch, "texts"),
            edges: Store::new(scratch, "words"),
            rows: Store::new(scratch, "rows"),
        };
        let shards = (0..shards).map(|_| Mutex::default()).collect();
        Self { unit, stores: Mutex::new(stores), shards }
    }

    /// Takes the next lines of a file, and returns the place of their first unit.
    ///
    /// # Errors
    /// `Io` with the path of an intermediate file; `Record` for a file of more than 2^40 units.
    pub fn append(&self, shard: usize, lines: &Lines) -> Result<Place> {
        let mut extents = self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
        let first = extents.last().map_or(0, |last| last.first + last.units);
        if first + lines.units >= 1 << super::records::UNIT_BITS {
            return Err(Error::record("the texts of this file are larger than 2^40 units"));
        }
        let mut extent = Extent {
            first,
            units: lines.units,
            rows: lines.rows.len() as u64,
            checkpoints: self.checkpoints(&lines.symbols),
            ..Extent::default()
        };
        {
            let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
            extent.symbols_at = stores.symbols.len();
            extent.edges_at = stores.edges.len();
            extent.rows_at = stores.rows.len();
            stores.symbols.append(&lines.symbols)?;
            stores.edges.append(&lines.edges)?;
            stores.rows.append(&lines.rows)?;
        }
        extents.push(extent);
        Ok(place(shard, first))
    }

    fn checkpoints(&self, symbols: &[u8]) -> Vec<u32> {
        if self.unit != Unit::Bytes {
            return Vec::new();
        }
        let mut chars = 0;
        symbols
            .chunks(CHECKPOINT)
            .map(|chunk| {
                let before = chars;
                chars += count_chars(chunk) as u32;
                before
            })
            .collect()
    }

    /// The input, read.
    pub fn finish(self) -> Corpus {
        let stores = self.stores.into_inner().unwrap_or_else(PoisonError::into_inner);
        let shards = self
            .shards
            .into_iter()
            .map(|extents| extents.into_inner().unwrap_or_else(PoisonError::into_inner))
            .collect();
        Corpus { unit: self.unit, stores, shards }
    }
}

/// The input, read.
pub struct Corpus {
    pub unit: Unit,
    stores: Stores,
    shards: Vec<Vec<Extent>>,
}

/// A document that a place is in, with the code point that the place is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub shard: usize,
    pub line: u64,
    /// Raw JSON.
    pub id: Vec<u8>,
    pub char: u64,
}

impl Corpus {
    pub fn extents(&self, shard: usize) -> &[Extent] {
        &self.shards[shard]
    }

    /// The symbols of `units` units from `at` on, which lie in one extent.
    ///
    /// # Errors
    /// `Io` or `Asset` when they cannot be read back.
    pub fn symbols<'s>(
        &'s self,
        at: Place,
        units: u64,
        buffer: &'s mut Vec<u8>,
    ) -> Result<&'s [u8]> {
        let extent = self.extent(at)?;
        let width = self.unit.width() as u64;
        let from = extent.symbols_at + (unit_of(at) - extent.first) * width;
        self.stores.symbols.read(from, from + units * width, buffer)
    }

    /// The rows of an extent.
    ///
    /// # Errors
    /// `Io` or `Asset` when they cannot be read back.
    pub fn rows<'s>(&'s self, extent: &Extent, buffer: &'s mut Vec<u8>) -> Result<&'s [u8]> {
        self.stores.rows.read(extent.rows_at, extent.rows_at + extent.rows, buffer)
    }

    /// Where the words from `at` on begin and end, in code points of their document.
    ///
    /// # Errors
    /// `Io` or `Asset` when they cannot be read back.
    pub fn edges(&self, at: Place, words: u64, buffer: &mut Vec<u8>) -> Result<Vec<(u32, u32)>> {
        let extent = self.extent(at)?;
        let width = EDGE_BYTES as u64;
        let from = extent.edges_at + (unit_of(at) - extent.first) * width;
        let bytes = self.stores.edges.read(from, from + words * width, buffer)?;
        let edges = bytes.chunks_exact(EDGE_BYTES);
        Ok(edges.map(|edge| (number::<4>(edge, 0) as u32, number::<4>(edge, 4) as u32)).collect())
    }

    fn extent(&self, at: Place) -> Result<&Extent> {
        let extents = &self.shards[shard_of(at)];
        let unit = unit_of(at);
        let index = extents.partition_point(|extent| extent.first + extent.units <= unit);
        extents.get(index).ok_or_else(|| misplaced(at))
    }

    /// The document at `at`.
    ///
    /// # Errors
    /// `Io` or `Asset` when intermediates cannot be read back.
    pub fn locate(&self, at: Place) -> Result<Location> {
        let extent = self.extent(at)?;
        let mut buffer = Vec::new();
        let mut rows = self.rows(extent, &mut buffer)?;
        let mut start = extent.first;
        while let Some((row, rest)) = Row::take(rows) {
            if start + row.units > unit_of(at) {
                let char = self.char_at(extent, start, unit_of(at), at)?;
                let (shard, line, id) = (shard_of(at), row.line, row.id.to_vec());
                return Ok(Location { shard, line, id, char });
            }
            start += row.units;
            rows = rest;
        }
        Err(misplaced(at))
    }

    /// Code points of a document, which begins at the unit `start`, before the unit `unit`.
    fn char_at(&self, extent: &Extent, start: u64, unit: u64, at: Place) -> Result<u64> {
        match self.unit {
            Unit::Characters => Ok(unit - start),
            Unit::Words => {
                let edges = self.edges(at, 1, &mut Vec::new())?;
                Ok(edges.first().map_or(0, |(start, _)| u64::from(*start)))
            }
            Unit::Bytes => {
                let before = self.chars_before(extent, start)?;
                Ok(self.chars_before(extent, unit)? - before)
            }
        }
    }

    fn chars_before(&self, extent: &Extent, unit: u64) -> Result<u64> {
        let byte = unit - extent.first;
        let checkpoint = (byte as usize / CHECKPOINT).min(extent.checkpoints.len() - 1);
        let from = extent.symbols_at + (checkpoint * CHECKPOINT) as u64;
        let mut buffer = Vec::new();
        let bytes = self.stores.symbols.read(from, extent.symbols_at + byte, &mut buffer)?;
        Ok(u64::from(extent.checkpoints[checkpoint]) + count_chars(bytes) as u64)
    }
}

fn misplaced(at: Place) -> Error {
    let message = format!("no document is at unit {} of file {}", unit_of(at), shard_of(at));
    Error::new(ErrorKind::Panic(message))
}
