//! The n-grams of a document that occur more than once, for growing n.
//!
//! Where an n-gram is repeated, the (n-1)-grams at its first and second word are repeated too, so
//! only places where both are need to be looked at: all others occur once. On ordinary text few
//! places are left from n = 3 on. An n-gram is known exactly by the numbers of those two
//! (n-1)-grams.

use super::index::{Index, mix};

/// A place and the number of the n-gram that begins there.
#[derive(Clone, Copy)]
struct Place {
    at: u32,
    number: u32,
}

#[derive(Clone, Copy)]
struct Ngram {
    key: u64,
    count: u32,
}

/// The most common n-gram: where it is first and how often it is found.
#[derive(Debug, PartialEq, Clone, Copy)]
pub(super) struct MostCommon {
    pub at: usize,
    pub count: usize,
}

#[derive(Default)]
pub(super) struct Ngrams {
    /// Where repeated n-grams begin, ascending.
    places: Vec<Place>,
    ngrams: Vec<Ngram>,
    index: Index,
}

impl Ngrams {
    pub(super) fn clear(&mut self) {
        self.places.clear();
        self.places.shrink_to(1 << 20);
        self.ngrams.clear();
        self.ngrams.shrink_to(1 << 20);
    }

    /// Adds a repeated word, in the order of the text.
    #[inline(always)]
    pub(super) fn push_word(&mut self, at: usize, number: u32) {
        self.places.push(Place { at: at as u32, number });
    }

    /// Goes from repeated n-grams to repeated (n+1)-grams and returns the most common of them.
    ///
    /// Of those with the same count it is the one that begins first; where none is repeated, it
    /// is the one at the beginning of the text.
    pub(super) fn lengthen(&mut self) -> MostCommon {
        let pairs = self.places.windows(2).filter(|pair| pair[0].at + 1 == pair[1].at).count();
        self.ngrams.clear();
        self.index.clear(pairs / 2);
        let (mut kept, mut most) = (0, 1);
        for next in 1..self.places.len() {
            let (first, second) = (self.places[next - 1], self.places[next]);
            if first.at + 1 != second.at {
                continue;
            }
            let key = u64::from(first.number) << 32 | u64::from(second.number);
            let ngrams = &mut self.ngrams;
            let (number, new) = self.index.number(mix(key, 0), |at| ngrams[at as usize].key == key);
            if new {
                ngrams.push(Ngram { key, count: 1 });
            } else {
                let ngram = &mut ngrams[number as usize];
                ngram.count += 1;
                most = most.max(ngram.count);
            }
            // Never ahead of what is read: place `next - 1` has been read already.
            self.places[kept] = Place { at: first.at, number };
            kept += 1;
        }
        self.places.truncate(kept);
        let ngrams = &self.ngrams;
        self.places.retain(|place| ngrams[place.number as usize].count > 1);
        let first = self.places.iter().find(|place| ngrams[place.number as usize].count == most);
        MostCommon { at: first.map_or(0, |place| place.at as usize), count: most as usize }
    }

    /// Where the repeated n-grams begin.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> + '_ {
        self.places.iter().map(|place| place.at as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    /// First place and count of each n-gram, and the most common one, by the definition.
    fn naive(words: &[u32], n: usize) -> (Vec<usize>, MostCommon) {
        let mut counts: HashMap<&[u32], usize> = HashMap::new();
        for ngram in words.windows(n) {
            *counts.entry(ngram).or_default() += 1;
        }
        let count = |at: usize| counts[&words[at..at + n]];
        let all = 0..(words.len() + 1).saturating_sub(n);
        let mut most = MostCommon { at: 0, count: 1 };
        for at in all.clone() {
            if count(at) > most.count {
                most = MostCommon { at, count: count(at) };
            }
        }
        (all.filter(|&at| count(at) > 1).collect(), most)
    }

    proptest! {
        #[test]
        fn repeated_ngrams_are_those_of_the_definition(
            words in prop::collection::vec(0u32..4, 0..60)
        ) {
            let mut ngrams = Ngrams::default();
            ngrams.clear();
            for at in naive(&words, 1).0 {
                ngrams.push_word(at, words[at]);
            }
            for n in 2..=10 {
                let most = ngrams.lengthen();
                let (places, expected) = naive(&words, n);
                prop_assert_eq!(ngrams.places().collect::<Vec<_>>(), places);
                prop_assert_eq!(most, expected);
            }
        }
    }
}
