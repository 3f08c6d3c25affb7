//! A hash index of numbered things that live elsewhere.
//!
//! The things (words, n-grams, lines) are numbered 0, 1, 2… in the order in which they are first
//! seen and kept by the caller in a vector; the index only finds the number again. A slot is 32
//! bits of the hash and the number, so a stranger is turned away without touching the things, and
//! the caller compares what is left exactly. Slots are cleared for each document; they are 8
//! bytes, so that costs less than one look-up a word.

/// Numbers by hash, open addressing with linear probing.
#[derive(Default)]
pub(super) struct Index {
    slots: Vec<u64>,
    len: usize,
}

/// Slots of an empty index.
const MIN_SLOTS: usize = 64;

/// An index that grew beyond this (32 MiB) gives its memory back before the next document.
const KEPT_SLOTS: usize = 1 << 22;

impl Index {
    /// Forgets everything and makes room for about `expected` things; more may come.
    pub(super) fn clear(&mut self, expected: usize) {
        let slots = (expected * 2).next_power_of_two().clamp(MIN_SLOTS, KEPT_SLOTS);
        if self.slots.capacity() > KEPT_SLOTS {
            self.slots = Vec::new();
        }
        self.slots.clear();
        self.slots.resize(slots, 0);
        self.len = 0;
    }

    /// The number of the thing with this hash for which `same` holds, or else the next number.
    ///
    /// The second value says whether it is new; the caller then keeps the thing.
    #[inline(always)]
    pub(super) fn number(&mut self, hash: u64, same: impl Fn(u32) -> bool) -> (u32, bool) {
        let tag = hash >> 32;
        let slots = self.slots.as_mut_slice();
        if slots.is_empty() {
            // Only before the first `clear`.
            return (0, true);
        }
        let mask = slots.len() - 1;
        let mut at = tag as usize;
        loop {
            let slot = slots[at & mask];
            if slot == 0 {
                break;
            }
            // The number in a slot is one more than the thing's, so that no slot in use is zero.
            let number = (slot as u32).wrapping_sub(1);
            if slot >> 32 == tag && same(number) {
                return (number, false);
            }
            at += 1;
        }
        let number = self.len as u32;
        slots[at & mask] = tag << 32 | u64::from(number + 1);
        self.len += 1;
        if self.len * 2 > slots.len() {
            self.grow();
        }
        (number, true)
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

/// Mixes two 64-bit values into one, every bit of the result depending on every bit given: the
/// two halves of a 128-bit product, folded.
#[inline(always)]
pub(super) fn mix(a: u64, b: u64) -> u64 {
    // Two odd constants with as many ones as zeros, from the digits of pi.
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
            let mut things: Vec<u64> = Vec::new();
            for n in (0..3000u64).chain(0..3000) {
                let thing = n * 7 + round;
                let (number, new) = index.number(mix(thing, 1), |at| things[at as usize] == thing);
                assert_eq!((u64::from(number), new), (n, things.len() as u64 == n));
                if new {
                    things.push(thing);
                }
            }
        }
    }

    #[test]
    fn things_with_the_same_hash_are_told_apart() {
        let mut index = Index::default();
        index.clear(10);
        let mut things: Vec<u32> = Vec::new();
        for thing in [5, 6, 5, 7, 6] {
            let (number, new) = index.number(u64::MAX, |at| things[at as usize] == thing);
            if new {
                things.push(thing);
            }
            assert_eq!(things[number as usize], thing);
        }
        assert_eq!(things, [5, 6, 7]);
    }
}
