//! The records that a run sorts: keys of documents, bands and sketches, members of clusters, and
//! verdicts.

use super::sketch::Sketch;
use super::sorter::{Record, number};
use std::cmp::Ordering;

/// A document of the run: its shard in the upper bits, and where its row stands in the shard's
/// ledger. The order of these numbers is the order of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Doc(pub u64);

impl Doc {
    /// Bits of the place in a ledger: a terabyte of rows without their texts.
    const PLACE: u32 = 40;
    /// The highest bit stays free.
    pub const MAX_SHARDS: usize = 1 << (63 - Self::PLACE);

    pub fn new(shard: usize, place: u64) -> Self {
        Self((shard as u64) << Self::PLACE | place)
    }

    pub fn shard(self) -> usize {
        (self.0 >> Self::PLACE) as usize
    }

    pub fn place(self) -> u64 {
        self.0 & ((1 << Self::PLACE) - 1)
    }
}

/// A compared key: a document, or a paragraph of one. Sorted by hash and then, `BY_RANK`, by how
/// much it is preferred; otherwise by its place in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<const BY_RANK: bool> {
    pub hash: u128,
    /// The less, the rather kept; 0 for documents that are only compared with.
    pub rank: u64,
    pub doc: Doc,
    /// Code points.
    pub start: u32,
    pub end: u32,
    /// Which source, by number; no part of the order.
    pub source: u32,
}

impl<const BY_RANK: bool> Entry<BY_RANK> {
    fn key(&self) -> (u128, u64, Doc, u32) {
        (self.hash, if BY_RANK { self.rank } else { 0 }, self.doc, self.start)
    }
}

impl Entry<false> {
    /// The same, sorted by its rank.
    pub fn by_rank(self) -> Entry<true> {
        let Self { hash, rank, doc, start, end, source } = self;
        Entry { hash, rank, doc, start, end, source }
    }
}

impl<const BY_RANK: bool> Ord for Entry<BY_RANK> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl<const BY_RANK: bool> PartialOrd for Entry<BY_RANK> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<const BY_RANK: bool> Record for Entry<BY_RANK> {
    const BYTES: usize = 44;

    fn put(&self, out: &mut [u8]) {
        out[..16].copy_from_slice(&self.hash.to_le_bytes());
        out[16..24].copy_from_slice(&self.rank.to_le_bytes());
        out[24..32].copy_from_slice(&self.doc.0.to_le_bytes());
        out[32..36].copy_from_slice(&self.start.to_le_bytes());
        out[36..40].copy_from_slice(&self.end.to_le_bytes());
        out[40..44].copy_from_slice(&self.source.to_le_bytes());
    }

    fn get(bytes: &[u8]) -> Self {
        Self {
            hash: number::<16>(bytes, 0),
            rank: number::<8>(bytes, 16) as u64,
            doc: Doc(number::<8>(bytes, 24) as u64),
            start: number::<4>(bytes, 32) as u32,
            end: number::<4>(bytes, 36) as u32,
            source: number::<4>(bytes, 40) as u32,
        }
    }

    fn prefix(&self) -> u64 {
        (self.hash >> 64) as u64
    }
}

/// A band of a document's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Band {
    /// Of the band's number and values.
    pub hash: u64,
    /// Of the document's words: of documents with the same, the first stands for all.
    pub content: u64,
    pub doc: Doc,
}

impl Record for Band {
    const BYTES: usize = 24;

    fn put(&self, out: &mut [u8]) {
        out[..8].copy_from_slice(&self.hash.to_le_bytes());
        out[8..16].copy_from_slice(&self.content.to_le_bytes());
        out[16..24].copy_from_slice(&self.doc.0.to_le_bytes());
    }

    fn get(bytes: &[u8]) -> Self {
        Self {
            hash: number::<8>(bytes, 0) as u64,
            content: number::<8>(bytes, 8) as u64,
            doc: Doc(number::<8>(bytes, 16) as u64),
        }
    }

    fn prefix(&self) -> u64 {
        self.hash
    }

    fn covers(&self, later: &Self) -> bool {
        (self.hash, self.content) == (later.hash, later.content)
    }
}

/// A document that shares a band with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(C)]
pub struct Candidate {
    pub doc: Doc,
    pub content: u64,
}

impl Record for Candidate {
    const BYTES: usize = 16;

    fn put(&self, out: &mut [u8]) {
        out[..8].copy_from_slice(&self.doc.0.to_le_bytes());
        out[8..16].copy_from_slice(&self.content.to_le_bytes());
    }

    fn get(bytes: &[u8]) -> Self {
        let doc = Doc(number::<8>(bytes, 0) as u64);
        Self { doc, content: number::<8>(bytes, 8) as u64 }
    }

    fn prefix(&self) -> u64 {
        self.doc.0
    }

    fn covers(&self, later: &Self) -> bool {
        self.doc == later.doc
    }
}

/// A document with what its similarity to others is estimated from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sketched {
    pub doc: Doc,
    pub sketch: Sketch,
}

impl Record for Sketched {
    const BYTES: usize = 8 + Sketch::BYTES;

    fn put(&self, out: &mut [u8]) {
        out[..8].copy_from_slice(&self.doc.0.to_le_bytes());
        self.sketch.put(&mut out[8..Self::BYTES]);
    }

    fn get(bytes: &[u8]) -> Self {
        Self { doc: Doc(number::<8>(bytes, 0) as u64), sketch: Sketch::get(&bytes[8..]) }
    }

    fn prefix(&self) -> u64 {
        self.doc.0
    }
}

/// A member of a cluster, the kept one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// What rows call the cluster: a hash of its first member's words.
    pub cluster: u64,
    /// Its first member, which tells it from any other.
    pub root: Doc,
    pub rank: u64,
    pub doc: Doc,
    pub start: u32,
    pub end: u32,
    pub source: u32,
    /// Whose shingles are its own: a place among the candidates, or `ALONE`.
    pub candidate: u32,
}

impl Member {
    /// Not a candidate: its words are those of every other member.
    pub const ALONE: u32 = u32::MAX;
}

impl Record for Member {
    const BYTES: usize = 48;

    fn put(&self, out: &mut [u8]) {
        out[..8].copy_from_slice(&self.cluster.to_le_bytes());
        out[8..16].copy_from_slice(&self.root.0.to_le_bytes());
        out[16..24].copy_from_slice(&self.rank.to_le_bytes());
        out[24..32].copy_from_slice(&self.doc.0.to_le_bytes());
        out[32..36].copy_from_slice(&self.start.to_le_bytes());
        out[36..40].copy_from_slice(&self.end.to_le_bytes());
        out[40..44].copy_from_slice(&self.source.to_le_bytes());
        out[44..48].copy_from_slice(&self.candidate.to_le_bytes());
    }

    fn get(bytes: &[u8]) -> Self {
        Self {
            cluster: number::<8>(bytes, 0) as u64,
            root: Doc(number::<8>(bytes, 8) as u64),
            rank: number::<8>(bytes, 16) as u64,
            doc: Doc(number::<8>(bytes, 24) as u64),
            start: number::<4>(bytes, 32) as u32,
            end: number::<4>(bytes, 36) as u32,
            source: number::<4>(bytes, 40) as u32,
            candidate: number::<4>(bytes, 44) as u32,
        }
    }

    fn prefix(&self) -> u64 {
        self.cluster
    }
}

/// A key that stays, for an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kept {
    pub doc: Doc,
    pub start: u32,
    pub end: u32,
    pub hash: u128,
    pub source: u32,
}

impl Record for Kept {
    const BYTES: usize = 36;

    fn put(&self, out: &mut [u8]) {
        out[..8].copy_from_slice(&self.doc.0.to_le_bytes());
        out[8..12].copy_from_slice(&self.start.to_le_bytes());
        out[12..16].copy_from_slice(&self.end.to_le_bytes());
        out[16..32].copy_from_slice(&self.hash.to_le_bytes());
        out[32..36].copy_from_slice(&self.source.to_le_bytes());
    }

    fn get(bytes: &[u8]) -> Self {
        Self {
            doc: Doc(number::<8>(bytes, 0) as u64),
            start: number::<4>(bytes, 8) as u32,
            end: number::<4>(bytes, 12) as u32,
            hash: number::<16>(bytes, 16),
            source: number::<4>(bytes, 32) as u32,
        }
    }

    fn prefix(&self) -> u64 {
        self.doc.0
    }
}

/// What is written about a duplicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Verdict {
    pub doc: Doc,
    pub start: u32,
    pub end: u32,
    pub cluster: u64,
    pub kept: Doc,
    pub kept_start: u32,
    pub kept_end: u32,
    /// In units of 1e-5.
    pub similarity: u32,
}

impl Verdict {
    /// Of equal keys.
    pub const SAME: u32 = 100_000;
}

impl Record for Verdict {
    const BYTES: usize = 44;

    fn put(&self, out: &mut [u8]) {
        out[..8].copy_from_slice(&self.doc.0.to_le_bytes());
        out[8..12].copy_from_slice(&self.start.to_le_bytes());
        out[12..16].copy_from_slice(&self.end.to_le_bytes());
        out[16..24].copy_from_slice(&self.cluster.to_le_bytes());
        out[24..32].copy_from_slice(&self.kept.0.to_le_bytes());
        out[32..36].copy_from_slice(&self.kept_start.to_le_bytes());
        out[36..40].copy_from_slice(&self.kept_end.to_le_bytes());
        out[40..44].copy_from_slice(&self.similarity.to_le_bytes());
    }

    fn get(bytes: &[u8]) -> Self {
        Self {
            doc: Doc(number::<8>(bytes, 0) as u64),
            start: number::<4>(bytes, 8) as u32,
            end: number::<4>(bytes, 12) as u32,
            cluster: number::<8>(bytes, 16) as u64,
            kept: Doc(number::<8>(bytes, 24) as u64),
            kept_start: number::<4>(bytes, 32) as u32,
            kept_end: number::<4>(bytes, 36) as u32,
            similarity: number::<4>(bytes, 40) as u32,
        }
    }

    fn prefix(&self) -> u64 {
        self.doc.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round<R: Record + std::fmt::Debug>(record: R) {
        let mut bytes = vec![0; R::BYTES];
        record.put(&mut bytes);
        assert!(R::get(&bytes) == record);
    }

    proptest! {
        #[test]
        fn records_come_back_as_they_were(a: u128, b: u64, c: u64, d: u64, e: u32, f: u32, g: u32) {
            let doc = Doc(c);
            round(Entry::<true> { hash: a, rank: b, doc, start: e, end: f, source: g });
            round(Band { hash: b, content: c, doc: Doc(d) });
            round(Kept { doc, start: e, end: f, hash: a, source: g });
            round(Candidate { doc, content: b });
            round(Sketched { doc, sketch: Sketch::of([e, f, g].into_iter(), b) });
            round(Member { cluster: b, root: Doc(d), rank: c, doc: Doc(d), start: e, end: f, source: g, candidate: e });
            round(Verdict {
                doc, start: e, end: f, cluster: b, kept: Doc(d), kept_start: g, kept_end: f, similarity: e,
            });
        }
    }
}
