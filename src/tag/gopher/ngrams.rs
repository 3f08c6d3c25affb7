//! The n-grams of a document that occur more than once, for growing n.
//!
//! Where an n-gram is repeated, the (n-1)-grams at its first and second word are repeated too, so
//! only places where both are need to be looked at: all others occur once. On ordinary text few
//! places are left from n = 4 on. An n-gram is known exactly by the numbers of those two
//! (n-1)-grams, and its own number is its slot in a table that is used again for each n.
//!
//! Whether a place is kept is a coin toss to the processor, so the loops write always and advance
//! by 0 or 1.

use crate::text::Numbered;
use crate::text::index::mix;
use std::hint::select_unpredictable;

/// A place and what is there: first the numbers of two (n-1)-grams, then that of the n-gram.
#[derive(Clone, Copy, Default)]
struct Place {
    ngram: u64,
    at: u32,
}

/// Empty unless of the current generation.
#[derive(Clone, Copy, Default)]
struct Slot {
    ngram: u64,
    generation: u32,
    count: u32,
}

/// The bit of a slot's count that says that [`Ngrams::repeats`] has met the n-gram. Counts stay
/// below it: a text has less than 2^31 words.
const MET: u32 = 1 << 31;

impl Slot {
    fn count(&self) -> u32 {
        self.count & !MET
    }
}

/// The code points of the words that n-grams at ascending places cover, each counted once.
fn cover(places: impl Iterator<Item = usize>, n: usize, chars_before: &[u32]) -> u64 {
    let (mut chars, mut covered) = (0, 0);
    for at in places {
        chars += u64::from(chars_before[at + n] - chars_before[at.max(covered)]);
        covered = at + n;
    }
    chars
}

/// What is known of the n-grams of one size.
#[derive(Debug, PartialEq, Clone, Copy)]
pub(super) struct Repeated {
    /// Where the most common n-gram is first; of several, the one that begins first; the
    /// beginning of the text if none is repeated.
    pub most_common_at: usize,
    pub most_common_count: usize,
    /// The code points of all occurrences of n-grams that occur more than once.
    pub chars: u64,
}

#[derive(Default)]
pub(super) struct Ngrams {
    /// Places of (n-1)-grams, ascending; the first `len` of them count.
    places: Vec<Place>,
    len: usize,
    table: Vec<Slot>,
    generation: u32,
    /// How many distinct words and (n-1)-grams there are, at most.
    distinct_words: usize,
    distinct: usize,
    /// The number of the last word pushed, if it is a repeated one.
    last: Option<u32>,
}

/// Places and slots beyond this (16 MiB) are given back before the next document.
const KEPT: usize = 1 << 20;

/// Slots for up to `ngrams` distinct n-grams: many empty ones where they are cheap, so that most
/// n-grams have the first slot they ask for, and at least a quarter where memory would run out.
fn slots(ngrams: usize) -> usize {
    let slots = if ngrams < 1 << 16 { ngrams * 4 } else { ngrams + ngrams / 3 };
    slots.next_power_of_two()
}

impl Ngrams {
    /// Forgets the last document and takes the words of the next.
    #[inline(never)]
    pub(super) fn read(&mut self, words: &Numbered) {
        self.clear(words.numbers().len(), words.distinct().len());
        for (at, &number) in words.numbers().iter().enumerate() {
            self.push_word(at, number, words.word(number).count > 1);
        }
    }

    /// Forgets the last document; the next has `words` words, of which `distinct` differ.
    fn clear(&mut self, words: usize, distinct: usize) {
        if self.places.len() > KEPT {
            self.places = Vec::new();
        }
        if self.table.len() > KEPT {
            self.table = Vec::new();
        }
        if self.places.len() < words {
            self.places.resize(words, Place::default());
        }
        self.len = 0;
        self.last = None;
        self.distinct_words = distinct;
        self.distinct = distinct;
    }

    /// Adds the word at `at`, in the order of the text.
    #[inline(always)]
    fn push_word(&mut self, at: usize, number: u32, repeated: bool) {
        let first = self.last.unwrap_or_default();
        let ngram = u64::from(first) << 32 | u64::from(number);
        self.places[self.len] = Place { ngram, at: (at as u32).wrapping_sub(1) };
        self.len += usize::from(self.last.is_some() & repeated);
        self.last = repeated.then_some(number);
    }

    /// Goes from n - 1 to n and says what is repeated.
    ///
    /// `chars_before` are the code points of the words before each word; they are only added up
    /// if `SUM` is true.
    pub(super) fn lengthen<const SUM: bool>(&mut self, n: usize, chars_before: &[u32]) -> Repeated {
        self.count();
        self.keep_repeated::<SUM>(n, chars_before)
    }

    /// Goes from n - 1 to n: counts the n-grams, which the methods below then measure. They must
    /// be called before [`Ngrams::keep`], which ends the turn of this n.
    pub(super) fn advance(&mut self) {
        self.count();
    }

    /// Leaves only what can be part of a repeated (n+1)-gram.
    pub(super) fn keep(&mut self, n: usize) {
        self.keep_repeated::<false>(n, &[]);
    }

    /// Where repeated n-grams are, ascending, with their slots.
    fn repeated(&self) -> impl Iterator<Item = (usize, usize)> {
        let places = self.places[..self.len].iter();
        let places = places.map(|place| (place.at as usize, place.ngram as usize));
        places.filter(|&(_, slot)| self.table[slot].count() > 1)
    }

    /// The code points of the words that are part of a repeated n-gram, each counted once.
    pub(super) fn covered(&self, n: usize, chars_before: &[u32]) -> u64 {
        cover(self.repeated().map(|(at, _)| at), n, chars_before)
    }

    /// The same for the n-gram that is found most often; of several, the one with the most code
    /// points, then the first. Zero if none is repeated.
    pub(super) fn covered_by_most_common(&self, n: usize, chars_before: &[u32]) -> u64 {
        let mut most = (0, 0);
        let mut most_slot = None;
        for (at, slot) in self.repeated() {
            let measure = (self.table[slot].count(), chars_before[at + n] - chars_before[at]);
            if measure > most {
                (most, most_slot) = (measure, Some(slot));
            }
        }
        let here = self.repeated().filter(|&(_, slot)| Some(slot) == most_slot);
        cover(here.map(|(at, _)| at), n, chars_before)
    }

    /// Where the most common n-gram is first, and how often it is found; of several, the one that
    /// begins first; the beginning of the text if none is repeated.
    pub(super) fn most_common(&self) -> (usize, usize) {
        let mut most = (0, 1);
        for (at, slot) in self.repeated() {
            let count = self.table[slot].count() as usize;
            if count > most.1 {
                most = (at, count);
            }
        }
        most
    }

    /// The code points of n-grams that were met before, when one walks through the text and steps
    /// over each such n-gram as a whole: the n-grams that begin in it are not met.
    pub(super) fn repeats(&mut self, n: usize, chars_before: &[u32]) -> u64 {
        let mut chars = 0;
        let mut next = 0;
        for place in &self.places[..self.len] {
            let at = place.at as usize;
            let slot = &mut self.table[place.ngram as usize];
            if at < next {
                continue;
            }
            if slot.count & MET != 0 {
                chars += u64::from(chars_before[at + n] - chars_before[at]);
                next = at + n;
            }
            slot.count |= MET;
        }
        chars
    }

    /// Replaces pairs of (n-1)-grams by the slots of n-grams, and counts these.
    fn count(&mut self) {
        let slots = slots(self.len.min(self.distinct.saturating_mul(self.distinct_words)));
        if self.table.len() < slots {
            self.table.resize(slots, Slot::default());
        }
        self.generation = self.generation.wrapping_add(1);
        if self.generation == 0 {
            self.table.fill(Slot::default());
            self.generation = 1;
        }
        let generation = self.generation;
        let table = &mut self.table[..slots];
        self.distinct = 0;
        for place in &mut self.places[..self.len] {
            let ngram = place.ngram;
            let fits = |slot: &Slot| (slot.generation != generation) | (slot.ngram == ngram);
            let mut at = mix(ngram, 0) as usize & (table.len() - 1);
            while !fits(&table[at]) {
                at = (at + 1) & (table.len() - 1);
            }
            let slot = &mut table[at];
            let new = slot.generation != generation;
            let before = select_unpredictable(new, 0, slot.count);
            self.distinct += usize::from(new);
            *slot = Slot { ngram, generation, count: before + 1 };
            place.ngram = at as u64;
        }
    }

    /// Goes from slots of n-grams to pairs of repeated ones at neighbouring places.
    #[inline(never)]
    fn keep_repeated<const SUM: bool>(&mut self, n: usize, chars_before: &[u32]) -> Repeated {
        let mut all = Repeated { most_common_at: 0, most_common_count: 1, chars: 0 };
        // A number that is neighbour to none.
        let mut last = Place { ngram: 0, at: u32::MAX - 1 };
        let mut kept = 0;
        for read in 0..self.len {
            let place = self.places[read];
            let count = self.table[place.ngram as usize].count() as usize;
            let at = place.at as usize;
            let repeated = count > 1;
            if count > all.most_common_count {
                (all.most_common_at, all.most_common_count) = (at, count);
            }
            if SUM {
                let chars = chars_before[at + n] - chars_before[at];
                all.chars += u64::from(select_unpredictable(repeated, chars, 0));
            }
            // Never ahead of what is read.
            self.places[kept] = Place { ngram: last.ngram << 32 | place.ngram, at: last.at };
            kept += usize::from(repeated & (last.at + 1 == place.at));
            last.at = select_unpredictable(repeated, place.at, u32::MAX - 1);
            last.ngram = place.ngram;
        }
        self.len = kept;
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{HashMap, HashSet};

    /// By the definition.
    fn naive(words: &[u32], n: usize, chars_before: &[u32]) -> Repeated {
        let mut counts: HashMap<&[u32], usize> = HashMap::new();
        for ngram in words.windows(n) {
            *counts.entry(ngram).or_default() += 1;
        }
        let mut all = Repeated { most_common_at: 0, most_common_count: 1, chars: 0 };
        for (at, ngram) in words.windows(n).enumerate() {
            if counts[ngram] > all.most_common_count {
                (all.most_common_at, all.most_common_count) = (at, counts[ngram]);
            }
            if counts[ngram] > 1 {
                all.chars += u64::from(chars_before[at + n] - chars_before[at]);
            }
        }
        all
    }

    proptest! {
        #[test]
        fn repeated_ngrams_are_those_of_the_definition(
            documents in prop::collection::vec(prop::collection::vec(0u32..4, 0..60), 1..4)
        ) {
            let mut ngrams = Ngrams::default();
            for words in documents {
                let chars_before: Vec<u32> =
                    (0..=words.len()).map(|end| words[..end].iter().sum::<u32>()).collect();
                let distinct: HashSet<&u32> = words.iter().collect();
                ngrams.clear(words.len(), distinct.len());
                for (at, &word) in words.iter().enumerate() {
                    let repeated = words.iter().filter(|&&other| other == word).count() > 1;
                    ngrams.push_word(at, word, repeated);
                }
                for n in 2..=10 {
                    let found = ngrams.lengthen::<true>(n, &chars_before);
                    prop_assert_eq!(found, naive(&words, n, &chars_before));
                }
            }
        }
    }

    #[test]
    fn generations_may_wrap_around() {
        let mut ngrams = Ngrams { generation: u32::MAX - 1, ..Ngrams::default() };
        for _ in 0..4 {
            ngrams.clear(4, 2);
            for (at, word) in [1, 2, 1, 2].into_iter().enumerate() {
                ngrams.push_word(at, word, true);
            }
            let found = ngrams.lengthen::<true>(2, &[0, 1, 2, 3, 4]);
            assert_eq!(found, Repeated { most_common_at: 0, most_common_count: 2, chars: 4 });
        }
    }
}
