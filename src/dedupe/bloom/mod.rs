//! A Bloom filter that remembers what it was made of.
//!
//! The bits of a key lie in a few cache lines, one bit in each word of a line: a line costs one
//! cache miss, where the bits of a classic filter cost one each. Lines and bits come by double
//! hashing from one 128-bit key. `shape` says what that layout costs in size, `file` how a filter
//! is kept.

mod file;
mod shape;

use crate::error::{Error, Result};
use crate::memory::{FAR_BYTES, ask_for_large_pages, prefetch};
pub use shape::Shape;

/// Bits of a line, and its words.
const LINE_BITS: u64 = 512;
const WORDS: usize = 8;
/// An odd number without pattern (2^64 over the golden ratio): multiplying by it spreads a number
/// over the upper half of the product.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// A cache line of the filter.
#[repr(C, align(64))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line([u64; WORDS]);

impl Line {
    /// Sets one bit in each word, at the places that `pattern` says; whether all were set.
    #[inline]
    fn insert(&mut self, mut pattern: u64) -> bool {
        let mut missing = 0;
        for word in &mut self.0 {
            let bit = 1 << (pattern & 63);
            missing |= !*word & bit;
            *word |= bit;
            pattern >>= 6;
        }
        missing == 0
    }

    #[inline]
    fn contains(&self, mut pattern: u64) -> bool {
        let mut missing = 0;
        for word in &self.0 {
            missing |= !word & 1 << (pattern & 63);
            pattern >>= 6;
        }
        missing == 0
    }
}

/// The filter: bits in memory, with a description that travels in its file.
#[derive(Debug)]
pub struct BloomFilter {
    shape: Shape,
    lines: Vec<Line>,
    /// Keys that were new when they were inserted.
    inserted: u64,
    /// The caller's account of what is in the filter; opaque here.
    pub description: String,
}

impl BloomFilter {
    /// Keys between asking for a key's lines and testing them: a few memory latencies of work.
    pub(super) const AHEAD: usize = 16;

    /// # Errors
    /// `Config` when there is not enough memory.
    pub fn new(shape: Shape) -> Result<Self> {
        let count = usize::try_from(shape.lines)
            .map_err(|_| Error::config("bloom_filter: larger than this machine can address"))?;
        let mut lines = Vec::new();
        lines.try_reserve_exact(count).map_err(|_| {
            Error::config(format!("bloom_filter: {} bytes of memory cannot be had", shape.bytes()))
        })?;
        // At a gigabyte, inserting takes half the time with them (docs/performance.md).
        ask_for_large_pages(lines.spare_capacity_mut());
        lines.resize(count, Line([0; WORDS]));
        Ok(Self { shape, lines, inserted: 0, description: String::new() })
    }

    pub fn shape(&self) -> Shape {
        self.shape
    }

    pub fn inserted(&self) -> u64 {
        self.inserted
    }

    /// The share of bits that are set.
    pub fn fill(&self) -> f64 {
        let words = self.lines.iter().flat_map(|line| line.0);
        words.map(|word| u64::from(word.count_ones())).sum::<u64>() as f64
            / self.shape.bits() as f64
    }

    /// The share of new keys that are taken for known ones, by the bits that are set.
    pub fn rate(&self) -> f64 {
        let rate = |line: &Line| -> f64 {
            line.0.iter().map(|word| f64::from(word.count_ones()) / 64.0).product()
        };
        let mean = self.lines.iter().map(rate).sum::<f64>() / self.lines.len() as f64;
        mean.powi(self.shape.lines_per_key as i32)
    }

    /// The lines of a key, each with the pattern of its bits: the halves of the hash for the first
    /// line, and two of their sums, spread, for each after it.
    #[inline]
    fn places(&self, key: u128) -> impl Iterator<Item = (usize, u64)> + use<> {
        let lines = u128::from(self.shape.lines);
        let (high, low) = ((key >> 64) as u64, key as u64);
        let (mut place, mut pattern) = (high, low);
        (0..self.shape.lines_per_key).map(move |round| {
            let at = if round == 0 { place } else { spread(place) };
            let bits = if round == 0 { pattern } else { spread(pattern) };
            place = place.wrapping_add(low);
            pattern = pattern.wrapping_sub(high);
            (((u128::from(at) * lines) >> 64) as usize, bits)
        })
    }

    /// Asks the memory for the lines of a key that will be looked up soon.
    #[inline]
    pub(super) fn prefetch(&self, key: u128) {
        if self.shape.bytes() >= FAR_BYTES as u64 {
            self.places(key).for_each(|(at, _)| prefetch(&self.lines, at));
        }
    }

    /// Whether a key was inserted (or seems so).
    #[inline]
    pub fn contains(&self, key: u128) -> bool {
        self.places(key).all(|(at, pattern)| self.lines[at].contains(pattern))
    }

    /// Adds a key; returns whether it was there already (or seems so).
    #[inline]
    pub fn insert(&mut self, key: u128) -> bool {
        let mut known = true;
        for (at, pattern) in self.places(key) {
            known &= self.lines[at].insert(pattern);
        }
        self.inserted += u64::from(!known);
        known
    }

    /// Puts into `known`, for each of `keys` in order, whether it was there before it; adds them.
    pub fn insert_all<T>(&mut self, keys: &[T], hash: impl Fn(&T) -> u128, known: &mut Vec<bool>) {
        for (index, key) in keys.iter().enumerate() {
            if let Some(ahead) = keys.get(index + Self::AHEAD) {
                self.prefetch(hash(ahead));
            }
            known.push(self.insert(hash(key)));
        }
    }

    /// Puts into `known`, for each of `keys`, whether it is there.
    pub fn contains_all<T>(&self, keys: &[T], hash: impl Fn(&T) -> u128, known: &mut Vec<bool>) {
        for (index, key) in keys.iter().enumerate() {
            if let Some(ahead) = keys.get(index + Self::AHEAD) {
                self.prefetch(hash(ahead));
            }
            known.push(self.contains(hash(key)));
        }
    }
}

/// Both halves of a product in one word.
#[inline]
fn spread(number: u64) -> u64 {
    let product = u128::from(number) * u128::from(SPREAD);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use xxhash_rust::xxh3::xxh3_128;

    fn key(n: u64) -> u128 {
        xxh3_128(&n.to_le_bytes())
    }

    fn filled(keys: u64, rate: f64) -> BloomFilter {
        let mut filter = BloomFilter::new(Shape::for_keys(keys, rate).unwrap()).unwrap();
        (0..keys).for_each(|n| {
            filter.insert(key(n));
        });
        filter
    }

    /// Enough probes for 1,000 errors at least, so that 10 % are three standard deviations.
    #[test]
    fn the_measured_rate_is_the_requested_one() {
        for (keys, rate, probes) in [
            (100_000, 0.1, 1_000_000),
            (200_000, 0.01, 1_000_000),
            (200_000, 1e-3, 4_000_000),
            (500_000, 1e-4, 12_000_000),
        ] {
            let filter = filled(keys, rate);
            assert!((0..keys).all(|n| filter.contains(key(n))));
            let wrong = (keys..keys + probes).filter(|&n| filter.contains(key(n))).count();
            let measured = wrong as f64 / probes as f64;
            assert!((measured / rate - 1.0).abs() < 0.1, "{rate}: measured {measured}");
            assert!(
                (filter.rate() / rate - 1.0).abs() < 0.1,
                "{rate}: by its bits {}",
                filter.rate()
            );
        }
    }

    /// Rates too small to count, by the bits that are set.
    #[test]
    fn small_rates_are_met_by_the_bits() {
        for rate in [1e-6, 1e-8, 1e-12] {
            let filter = filled(300_000, rate);
            assert!((filter.rate() / rate - 1.0).abs() < 0.1, "{rate}: {}", filter.rate());
            let predicted = filter.shape().rate_at(300_000);
            assert!((filter.rate() / predicted - 1.0).abs() < 0.1, "{rate}: predicted {predicted}");
        }
    }

    /// A filter errs as often for keys that differ in few places as for any others.
    #[test]
    fn lines_and_patterns_are_independent() {
        let shape = Shape { lines: 64, lines_per_key: 6 };
        let filter = BloomFilter::new(shape).unwrap();
        let mut seen = vec![[0u32; 64]; 64 * 6];
        for n in 0..200_000 {
            for (round, (line, pattern)) in filter.places(key(n)).enumerate() {
                seen[round * 64 + line][(pattern & 63) as usize] += 1;
                seen[round * 64 + line][(pattern >> 42 & 63) as usize] += 1;
            }
        }
        // 400,000 marks on 4,096 cells in each round: a mean of 98, and six deviations are 60.
        for (place, cells) in seen.iter().enumerate() {
            assert!(cells.iter().all(|count| (38..158).contains(count)), "{place}: {cells:?}");
        }
    }

    #[test]
    fn all_at_once_is_one_after_the_other() {
        let keys: Vec<u64> = (0..3000).map(|n| n * n % 2003).collect();
        for keys_expected in [100, 5_000_000] {
            let shape = Shape::for_keys(keys_expected, 1e-4).unwrap();
            let (mut one, mut all) =
                (BloomFilter::new(shape).unwrap(), BloomFilter::new(shape).unwrap());
            let expected: Vec<bool> = keys.iter().map(|&n| one.insert(key(n))).collect();
            let mut known = Vec::new();
            all.insert_all(&keys, |&n| key(n), &mut known);
            assert_eq!(known, expected);
            assert_eq!((&one.lines, one.inserted), (&all.lines, all.inserted));
            known.clear();
            all.contains_all(&keys, |&n| key(n), &mut known);
            assert!(known.iter().all(|&known| known));
        }
    }
}
