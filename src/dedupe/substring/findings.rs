//! What a search for repeated substrings found, for the report: shares of sources, and the longest
//! repeats.

use super::records::Place;
use crate::dedupe::sources::{Named, Sources};
use std::collections::BTreeMap;

/// Repeats that the report shows.
const LARGEST: usize = 20;

/// A repeat, for the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Largest {
    pub chars: u64,
    /// Where it is marked.
    pub at: Place,
    pub source: Place,
    pub sample: String,
}

/// What was found, for the report.
#[derive(Debug, Default)]
pub struct Findings {
    /// By the number of a source.
    pub sources: BTreeMap<u32, Share>,
    /// The longest first, one for each source of a repeat.
    pub largest: Vec<Largest>,
    /// Documents that earlier stages have marked.
    pub marked_before: u64,
}

/// What of a source was compared, and what of that is marked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    pub documents: u64,
    pub documents_marked: u64,
    pub chars: u64,
    pub marked_chars: u64,
    pub spans: u64,
}

impl Findings {
    pub fn add(&mut self, other: Self) {
        self.marked_before += other.marked_before;
        for (source, share) in other.sources {
            self.sources.entry(source).or_default().add(&share);
        }
        other.largest.into_iter().for_each(|one| {
            if self.enters(&one) {
                self.enter(one);
            }
        });
    }

    /// What was found in each source that the report names.
    pub fn shares(&self, sources: &Sources) -> Vec<(String, Share)> {
        let documents = self.sources.iter().map(|(number, share)| (*number, share.documents));
        let named = Named::new(sources.names(), &documents.collect());
        let mut shares = vec![Share::default(); named.table.len()];
        self.sources.iter().for_each(|(number, share)| shares[named.place(*number)].add(share));
        let told = named.table.into_iter().map(|(name, _)| name).zip(shares);
        told.filter(|(_, share)| share.documents > 0).collect()
    }

    /// The sum over all sources.
    pub fn total(&self) -> Share {
        let mut total = Share::default();
        self.sources.values().for_each(|share| total.add(share));
        total
    }

    /// Whether a repeat is longer than the shortest that is shown, or takes the place of one with
    /// the same source.
    pub fn enters(&self, one: &Largest) -> bool {
        match self.largest.iter().find(|other| other.source == one.source) {
            Some(other) => before(one, other),
            None => {
                self.largest.len() < LARGEST
                    || self.largest.last().is_some_and(|least| before(one, least))
            }
        }
    }

    /// Takes a repeat that [enters](Self::enters).
    pub fn enter(&mut self, one: Largest) {
        self.largest.retain(|other| other.source != one.source);
        let at = self.largest.partition_point(|other| before(other, &one));
        self.largest.insert(at, one);
        self.largest.truncate(LARGEST);
    }
}

/// Longer ones come first, then earlier ones.
fn before(left: &Largest, right: &Largest) -> bool {
    (std::cmp::Reverse(left.chars), left.at) < (std::cmp::Reverse(right.chars), right.at)
}

impl Share {
    fn add(&mut self, other: &Self) {
        self.documents += other.documents;
        self.documents_marked += other.documents_marked;
        self.chars += other.chars;
        self.marked_chars += other.marked_chars;
        self.spans += other.spans;
    }
}
