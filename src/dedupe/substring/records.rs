//! What is sorted: anchors by content, repeats by place.

use crate::dedupe::cluster::sorter::{Record, number};

/// The place of a unit: the file in the upper bits, the unit in the file's texts in the lower ones.
pub type Place = u64;

/// Bits of a place that count units.
pub const UNIT_BITS: u32 = 40;

pub fn place(shard: usize, unit: u64) -> Place {
    (shard as u64) << UNIT_BITS | unit
}

pub fn shard_of(place: Place) -> usize {
    (place >> UNIT_BITS) as usize
}

pub fn unit_of(place: Place) -> u64 {
    place & ((1 << UNIT_BITS) - 1)
}

/// A k-gram that windows have chosen, or several of them with the same context at equal distances
/// (in periodic text, which would otherwise have an anchor at each place).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Anchor {
    /// Hash of what all windows of a group have in common, first of all the k-gram.
    pub key: u64,
    /// Hash of the context and of where the anchor is in it.
    pub context: u128,
    pub at: Place,
    /// Units from the first window's start to the anchor.
    pub before: u32,
    /// Number of windows.
    pub windows: u32,
    pub stride: u32,
    pub count: u32,
}

impl Anchor {
    /// Starts of its windows, relative to the anchor.
    pub fn range(&self) -> (i64, i64) {
        let first = -i64::from(self.before);
        (first, first + i64::from(self.windows) - 1)
    }
}

impl Record for Anchor {
    const BYTES: usize = 48;

    fn put(&self, out: &mut [u8]) {
        out[..8].copy_from_slice(&self.key.to_le_bytes());
        out[8..24].copy_from_slice(&self.context.to_le_bytes());
        out[24..32].copy_from_slice(&self.at.to_le_bytes());
        for (index, value) in
            [self.before, self.windows, self.stride, self.count].into_iter().enumerate()
        {
            out[32 + index * 4..36 + index * 4].copy_from_slice(&value.to_le_bytes());
        }
    }

    fn get(bytes: &[u8]) -> Self {
        Self {
            key: number::<8>(bytes, 0) as u64,
            context: number::<16>(bytes, 8),
            at: number::<8>(bytes, 24) as u64,
            before: number::<4>(bytes, 32) as u32,
            windows: number::<4>(bytes, 36) as u32,
            stride: number::<4>(bytes, 40) as u32,
            count: number::<4>(bytes, 44) as u32,
        }
    }

    fn prefix(&self) -> u64 {
        self.key
    }
}

/// Repeats: windows from `at` on whose first occurrences are the windows from `source` on; `count`
/// times at distances of `stride`, each time with the same source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    pub at: Place,
    pub source: Place,
    pub windows: u64,
    pub stride: u32,
    pub count: u32,
}

impl Mark {
    /// The place behind the last unit that the repeats cover, for windows of `length` units.
    pub fn end(&self, length: u64) -> Place {
        self.at + u64::from(self.count - 1) * u64::from(self.stride) + self.windows + length - 1
    }
}

impl Record for Mark {
    const BYTES: usize = 32;

    fn put(&self, out: &mut [u8]) {
        out[..8].copy_from_slice(&self.at.to_le_bytes());
        out[8..16].copy_from_slice(&self.source.to_le_bytes());
        out[16..24].copy_from_slice(&self.windows.to_le_bytes());
        out[24..28].copy_from_slice(&self.stride.to_le_bytes());
        out[28..32].copy_from_slice(&self.count.to_le_bytes());
    }

    fn get(bytes: &[u8]) -> Self {
        Self {
            at: number::<8>(bytes, 0) as u64,
            source: number::<8>(bytes, 8) as u64,
            windows: number::<8>(bytes, 16) as u64,
            stride: number::<4>(bytes, 24) as u32,
            count: number::<4>(bytes, 28) as u32,
        }
    }

    fn prefix(&self) -> u64 {
        self.at
    }
}
