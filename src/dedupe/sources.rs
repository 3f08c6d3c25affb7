//! The sources of a corpus, for its report: who has how many documents, and which are named.
//!
//! Names come in any order, from any thread, and there may be as many as documents. A bounded number
//! is counted one by one: those whose hashes are the smallest, which is the same choice in whatever
//! order they come, and complete, as one of them is never given up and taken up again. The report
//! names those of them with the most documents; all others are one.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use xxhash_rust::xxh3::xxh3_128;

/// Sources that are counted one by one, in some ten megabytes.
const COUNTED: usize = 1 << 16;
/// Sources that a report names.
const NAMED: usize = 1000;
/// What all others are called.
pub const OTHERS: &str = "(others)";
/// And their number.
const REST: u32 = u32::MAX;

/// The sources that were met, by number. Numbers depend on the order in which they came.
pub struct Sources {
    most: usize,
    met: Mutex<Met>,
}

#[derive(Default)]
struct Met {
    /// By the hash of the name.
    counted: BTreeMap<u128, (u32, String)>,
    numbers: u32,
    documents: HashMap<u32, u64>,
}

impl Default for Sources {
    fn default() -> Self {
        Self { most: COUNTED, met: Mutex::default() }
    }
}

impl Sources {
    /// The number of a source.
    pub fn number(&self, name: &str) -> u32 {
        if name == OTHERS {
            return REST;
        }
        let hash = xxh3_128(name.as_bytes());
        let mut met = self.met();
        if let Some((number, _)) = met.counted.get(&hash) {
            return *number;
        }
        let full = met.counted.len() >= self.most;
        if full && met.counted.last_key_value().is_some_and(|(last, _)| *last < hash) {
            return REST;
        }
        let number = met.numbers;
        met.numbers += 1;
        met.counted.insert(hash, (number, name.to_string()));
        if full {
            met.counted.pop_last();
        }
        number
    }

    /// Counts documents by the numbers of their sources.
    pub fn count(&self, counts: impl Iterator<Item = (u32, u64)>) {
        let mut met = self.met();
        for (source, count) in counts {
            *met.documents.entry(source).or_default() += count;
        }
    }

    /// The names of those that are counted one by one.
    pub fn names(&self) -> HashMap<u32, String> {
        self.met().counted.values().cloned().collect()
    }

    /// What a report calls them, once all documents are counted.
    pub fn named(&self) -> Named {
        let names = self.names();
        Named::new(names, &self.met().documents)
    }

    fn met(&self) -> MutexGuard<'_, Met> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sources that a report names, in its order.
#[derive(Debug, PartialEq, Eq)]
pub struct Named {
    /// Each with its documents; the last are all others.
    pub table: Vec<(String, u64)>,
    places: HashMap<u32, usize>,
}

impl Named {
    /// Those of `names` with the most `documents`.
    pub fn new(names: HashMap<u32, String>, documents: &HashMap<u32, u64>) -> Self {
        let count = |number: u32| documents.get(&number).copied().unwrap_or(0);
        let mut all: Vec<(u64, String, u32)> =
            names.into_iter().map(|(number, name)| (count(number), name, number)).collect();
        all.sort_unstable_by(|a, b| (b.0, &a.1).cmp(&(a.0, &b.1)));
        all.truncate(NAMED);
        let places = all.iter().enumerate().map(|(place, one)| (one.2, place)).collect();
        let named: u64 = all.iter().map(|one| one.0).sum();
        let others = documents.values().sum::<u64>() - named;
        let mut table: Vec<_> = all.into_iter().map(|(count, name, _)| (name, count)).collect();
        table.push((OTHERS.to_string(), others));
        Self { table, places }
    }

    /// Where a source stands in the table.
    pub fn place(&self, number: u32) -> usize {
        self.places.get(&number).copied().unwrap_or(self.table.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counted(documents: &[u16], most: usize) -> (Named, BTreeMap<String, u64>) {
        let sources = Sources { most, met: Mutex::default() };
        for name in documents {
            let number = sources.number(&format!("source {name}"));
            sources.count([(number, 1)].into_iter());
        }
        let named = sources.named();
        // What a caller who kept the numbers of its documents counts by them afterwards.
        let mut again = BTreeMap::new();
        for name in documents {
            let place = named.place(sources.number(&format!("source {name}")));
            *again.entry(named.table[place].0.clone()).or_default() += 1;
        }
        (named, again)
    }

    proptest! {
        #[test]
        fn the_table_is_the_same_in_whatever_order_documents_come(
            documents in proptest::collection::vec(0u16..60, 0..300), seed: u64, most in 1usize..80,
        ) {
            let mut shuffled = documents.clone();
            shuffled.sort_by_key(|name| u64::from(*name).wrapping_mul(seed | 1));
            let (table, again) = counted(&documents, most);
            let (other, _) = counted(&shuffled, most);
            prop_assert_eq!(&table.table, &other.table);
            prop_assert_eq!(table.table.iter().map(|one| one.1).sum::<u64>(), documents.len() as u64);
            prop_assert!(table.table.iter().all(|(name, n)| again.get(name).copied().unwrap_or(0) == *n));
        }
    }

    #[test]
    fn the_largest_sources_are_named() {
        let documents: Vec<u16> =
            (0..1500).flat_map(|name| vec![name; 1 + usize::from(name / 500)]).collect();
        let (named, _) = counted(&documents, COUNTED);
        assert_eq!(named.table.len(), NAMED + 1);
        assert!(named.table[..500].iter().all(|one| one.1 == 3));
        assert!(named.table[500..NAMED].iter().all(|one| one.1 == 2));
        assert_eq!(named.table[NAMED], (OTHERS.to_string(), 500));
    }

    #[test]
    fn a_source_with_the_name_of_the_others_is_one_of_them() {
        let sources = Sources::default();
        let numbers = [sources.number("a"), sources.number(OTHERS)];
        sources.count(numbers.into_iter().zip([2, 3]));
        let named = sources.named();
        assert_eq!(named.table, [("a".to_string(), 2), (OTHERS.to_string(), 3)]);
        assert_eq!(numbers.map(|number| named.place(number)), [0, 1]);
    }
}
