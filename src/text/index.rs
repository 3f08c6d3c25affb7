//! A hash index of numbered things that live elsewhere.
//!
//! The things (words, lines) are numbered 1, 2, 3… in the order in which they are first seen and
//! kept by the caller in a vector; the index only finds the number again. A slot is 32 bits of the
//! hash and the number, so a stranger is turned away without touching the things, and the caller
//! compares what is left exactly. Slots are cleared for each document; they are 8 bytes, so that
//! costs less than one look-up a word.
//!
//! Whether a word is new or seen before is a coin toss to the processor. The first slot is
//! therefore handled alike in both cases: number 0, which an empty slot holds, is a thing of the
//! caller that equals nothing, so that it can be compared like any other.

use std::hint::select_unpredictable;

/// Numbers by hash, open addressing with linear probing.
pub struct Index {
    /// A power of two of them.
    slots: Vec<u64>,
    /// The last number given.
    len: u32,
}

/// Slots of an empty index.
const MIN_SLOTS: usize = 64;

/// An index that grew beyond this (32 MiB) gives its memory back before the next document.
const KEPT_SLOTS: usize = 1 << 22;

impl Default for Index {
    fn default() -> Self {
        Self { slots: vec![0; MIN_SLOTS], len: 0 }
    }
}

impl Index {
    /// Forgets everything and makes room for about `expected` things; more may come.
    pub fn clear(&mut self, expected: usize) {
        let slots = (expected * 2).next_power_of_two().clamp(MIN_SLOTS, KEPT_SLOTS);
        if self.slots.capacity() > KEPT_SLOTS {
            self.slots = Vec::new();
        }
        self.slots.clear();
        self.slots.resize(slots, 0);
        self.len = 0;
    }

    /// How many things there are.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// The number of the thing with this hash for which `same` holds, or else the next number.
    ///
    /// The caller then keeps the thing, if its number is a new one.
    #[inline(always)]
    pub fn number(&mut self, hash: u64, same: impl Fn(usize) -> bool) -> usize {
        let tag = hash >> 32;
        let slots = self.slots.as_mut_slice();
        let mut at = tag as usize & (slots.len() - 1);
        let mut slot = slots[at];
        let matches = |slot: u64| (slot >> 32 == tag) & same(slot as u32 as usize);
        if !(matches(slot) | (slot == 0)) {
            (at, slot) = probe(slots, at, matches);
        }
        let new = slot == 0;
        let number = select_unpredictable(new, self.len + 1, slot as u32);
        slots[at] = tag << 32 | u64::from(number);
        self.len += u32::from(new);
        if self.len as usize * 2 > slots.len() {
            self.grow();
        }
        number as usize
    }

    #[cold]
    fn grow(&mut self) {
        let mut slots = vec![0; self.slots.len() * 4];
        let mask = slots.len() - 1;
        for &slot in self.slots.iter().filter(|&&slot| slot != 0) {
            let mut at = (slot >> 32) as usize;
            while slots[at & mask] != 0 {
                at += 1;
            }
            slots[at & mask] = slot;
        }
        self.slots = slots;
    }
}

/// The first slot after `at` that matches or is empty; at least half of them are empty.
#[inline(always)]
fn probe(slots: &[u64], mut at: usize, matches: impl Fn(u64) -> bool) -> (usize, u64) {
    loop {
        at = (at + 1) & (slots.len() - 1);
        if slots[at] == 0 || matches(slots[at]) {
            return (at, slots[at]);
        }
    }
}

/// Mixes two 64-bit values into one, every bit of the result depending on every bit given: the
/// two halves of a 128-bit product, folded.
#[inline(always)]
pub fn mix(a: u64, b: u64) -> u64 {
    // Digits of pi: as good as any two numbers without a pattern.
    let product = u128::from(a ^ 0x243f_6a88_85a3_08d3) * u128::from(b ^ 0xa409_3822_299f_31d1);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_given_in_order_and_found_again_across_growth() {
        let mut index = Index::default();
        for round in 0..3u64 {
            index.clear(0);
            let mut things: Vec<Option<u64>> = vec![None];
            for n in (0..3000u64).chain(0..3000) {
                let thing = Some(n * 7 + round);
                let number = index.number(mix(n * 7 + round, 1), |at| things[at] == thing);
                assert_eq!(number as u64, n + 1);
                if number == things.len() {
                    things.push(thing);
                }
            }
            assert_eq!(index.len(), 3000);
        }
    }

    #[test]
    fn things_with_the_same_hash_are_told_apart() {
        for hash in [0, u64::MAX] {
            let mut index = Index::default();
            let mut things = vec![0];
            for thing in [5, 6, 5, 7, 6] {
                let number = index.number(hash, |at| things[at] == thing);
                if number == things.len() {
                    things.push(thing);
                }
                assert_eq!(things[number], thing);
            }
            assert_eq!(things, [0, 5, 6, 7]);
        }
    }
}
