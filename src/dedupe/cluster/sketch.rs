//! Sketches of shingle sets, of fixed size: similarities are estimated from them where the sets are
//! not at hand, or are too many to be compared with each other.
//!
//! One permutation hashing (Li, Owen and Zhang, 2012): the permuted shingles fall into bins, and
//! each bin keeps its least. Of the bins that either of two sets fills, the share in which both have
//! the same least shingle is an unbiased estimate of their Jaccard similarity, exact for sets much
//! smaller than the number of bins. Of a least shingle four bits are kept (b-bit minwise hashing, Li
//! and König, 2010); what is equal by chance is taken off again. Nothing here depends on the
//! permutations of the bands: what brought two documents together would flatter them.

use super::sorter::number;

pub const BINS: usize = 512;
const WORDS: usize = BINS / 16;
/// The bits of a hash behind the number of its bin.
const BIN_SHIFT: u32 = 32 - BINS.trailing_zeros();
/// What four bits can say of a filled bin; 0 is an empty one.
const CODES: u64 = 15;
/// The lowest bit of each code in a word.
const LOWEST: u64 = 0x1111_1111_1111_1111;
/// Bins that decide an order of documents, and how many such orders there are.
const PARTS: u32 = 4;
pub const ORDERS: usize = 8;

/// Sixteen bins to a word, the first in the lowest bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Sketch([u64; WORDS]);

impl Sketch {
    pub const BYTES: usize = WORDS * 8;

    /// Of a set of shingles, each once or several times.
    pub fn of(shingles: impl Iterator<Item = u32>, seed: u64) -> Self {
        let seed = permute((seed ^ seed >> 32) as u32);
        // The greatest hash is taken for an empty bin: one shingle of 2^32.
        let mut least = [u32::MAX; BINS];
        for shingle in shingles {
            let hash = permute(shingle ^ seed);
            let bin = &mut least[(hash >> BIN_SHIFT) as usize];
            *bin = hash.min(*bin);
        }
        let mut words = [0; WORDS];
        for (bin, hash) in least.into_iter().enumerate().filter(|(_, hash)| *hash != u32::MAX) {
            let code = ((u64::from(hash.wrapping_mul(0x9E37_79B1)) * CODES) >> 32) + 1;
            words[bin / 16] |= code << (bin % 16 * 4);
        }
        Self(words)
    }

    /// The estimated Jaccard similarity; 1 for equal sets, 0 for two empty ones.
    pub fn similarity(&self, other: &Self) -> f64 {
        let (mut either, mut both, mut equal) = (0, 0, 0);
        for (a, b) in self.0.iter().zip(&other.0) {
            let (left, right) = (filled(*a), filled(*b));
            either += (left | right).count_ones();
            both += (left & right).count_ones();
            equal += (left & right & !filled(a ^ b)).count_ones();
        }
        if either == 0 {
            return 0.0;
        }
        // Of bins with different shingles, one in `CODES` shows the same code.
        let chance = f64::from(both - equal) / (CODES - 1) as f64;
        ((f64::from(equal) - chance) / f64::from(either)).max(0.0)
    }

    /// A number that two sets share in each of `ORDERS` orders with the probability J^4, and others
    /// hardly ever: the first filled bins from some place on, with their codes.
    pub fn order(&self, order: usize) -> u64 {
        let (mut key, mut found) = (0, 0);
        let start = order * BINS / ORDERS;
        for bin in (start..BINS).chain(0..start) {
            let code = self.0[bin / 16] >> (bin % 16 * 4) & 0xF;
            if code != 0 {
                key = key << 16 | (bin as u64) << 4 | code;
                found += 1;
                if found == PARTS {
                    break;
                }
            }
        }
        key
    }

    pub fn put(&self, out: &mut [u8]) {
        for (word, out) in self.0.iter().zip(out.chunks_exact_mut(8)) {
            out.copy_from_slice(&word.to_le_bytes());
        }
    }

    pub fn get(bytes: &[u8]) -> Self {
        Self(std::array::from_fn(|word| number::<8>(bytes, word * 8) as u64))
    }
}

/// The standard error of an estimate at the similarity `jaccard`, for sets much larger than the
/// number of bins; that of smaller ones is less.
pub fn standard_error(jaccard: f64) -> f64 {
    let chance = 1.0 / CODES as f64;
    let equal = jaccard + (1.0 - jaccard) * chance;
    (equal * (1.0 - equal) / BINS as f64).sqrt() / (1.0 - chance)
}

/// The lowest bit of each code that is not 0.
fn filled(word: u64) -> u64 {
    let pairs = word | word >> 1;
    (pairs | pairs >> 2) & LOWEST
}

/// A permutation of all 32-bit numbers (the finalizer of MurmurHash3, by Appleby).
fn permute(mut value: u32) -> u32 {
    value = (value ^ value >> 16).wrapping_mul(0x85EB_CA6B);
    value = (value ^ value >> 13).wrapping_mul(0xC2B2_AE35);
    value ^ value >> 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Two sketches of sets with so many elements in common and of their own.
    fn pair(common: u32, own: (u32, u32), seed: u32) -> (Sketch, Sketch) {
        let element = |n: u32| permute(n.wrapping_mul(0x9E37_79B1) ^ permute(seed));
        let shared = (0..common).map(element);
        let of = |from: u32, count: u32| (from..from + count).map(element);
        (
            Sketch::of(shared.clone().chain(of(common, own.0)), 7),
            Sketch::of(shared.chain(of(common + own.0, own.1)), 7),
        )
    }

    /// The mean of many estimates is the similarity, their spread the standard error at most, for
    /// sets smaller and larger than the number of bins.
    #[test]
    fn estimates_are_unbiased_and_as_exact_as_they_say() {
        for total in [20, 100, 512, 1500, 20_000] {
            for percent in [20, 50, 70, 80, 90, 98] {
                let common = total * percent / 100;
                let own = ((total - common) / 3, total - common - (total - common) / 3);
                let jaccard = f64::from(common) / f64::from(total);
                let trials = 400;
                let errors: Vec<f64> = (0..trials)
                    .map(|seed| pair(common, own, seed))
                    .map(|(a, b)| a.similarity(&b) - jaccard)
                    .collect();
                let mean = errors.iter().sum::<f64>() / f64::from(trials);
                let spread = (errors.iter().map(|e| e * e).sum::<f64>() / f64::from(trials)).sqrt();
                let expected = standard_error(jaccard);
                let doubt = expected / f64::from(trials).sqrt();
                assert!(mean.abs() < 4.0 * doubt, "{total} {percent}: {mean} {doubt}");
                assert!(spread < 1.15 * expected, "{total} {percent}: {spread} {expected}");
                if total > 10_000 {
                    assert!(spread > 0.85 * expected, "{total} {percent}: {spread} {expected}");
                }
                if total == 20 {
                    assert!(spread < 0.85 * expected, "{total} {percent}: {spread} {expected}");
                }
            }
        }
    }

    #[test]
    fn orders_bring_the_alike_together_and_hardly_anybody_else() {
        for total in [60, 3000] {
            let (mut same, mut chance) = (0, 0);
            for seed in 0..500 {
                let (a, b) = pair(total * 9 / 10, (total / 20, total / 20), seed);
                let (c, d) = pair(0, (total, total), seed);
                for order in 0..ORDERS {
                    same += u32::from(a.order(order) == b.order(order));
                    chance += u32::from(c.order(order) == d.order(order));
                }
            }
            let share = f64::from(same) / (500 * ORDERS) as f64;
            assert!((share - 0.9f64.powi(4)).abs() < 0.04, "{share}");
            assert!(chance < 3, "{chance}");
        }
        let none = Sketch::of(std::iter::empty(), 1);
        assert_eq!((none.order(3), none.similarity(&none)), (0, 0.0));
    }

    #[test]
    fn the_seed_changes_what_is_sketched() {
        assert_ne!(Sketch::of(0..100, 1), Sketch::of(0..100, 2));
    }

    proptest! {
        #[test]
        fn estimates_have_no_order_and_stay_in_range(
            a in proptest::collection::vec(any::<u32>(), 0..700),
            b in proptest::collection::vec(any::<u32>(), 0..700),
            shared in proptest::collection::vec(any::<u32>(), 0..700),
        ) {
            let of = |own: &[u32]| Sketch::of(own.iter().chain(&shared).copied(), 3);
            let (one, two) = (of(&a), of(&b));
            prop_assert_eq!(one.similarity(&two), two.similarity(&one));
            prop_assert!((0.0..=1.0).contains(&one.similarity(&two)));
            let again = Sketch::of(shared.iter().rev().chain(a.iter().rev()).copied(), 3);
            prop_assert_eq!(one, again);
            if !(a.is_empty() && shared.is_empty()) {
                prop_assert_eq!(one.similarity(&again), 1.0);
            }
            let mut bytes = vec![0; Sketch::BYTES];
            one.put(&mut bytes);
            prop_assert_eq!(Sketch::get(&bytes), one);
        }
    }
}
