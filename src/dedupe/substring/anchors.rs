//! The anchors of a document: for each window the k-gram with the smallest hash, the first of
//! equal ones. Linear in the text, whatever is in it: minima of windows come from minima of block
//! ends and block beginnings.

use super::records::Anchor;
use super::symbols::{Byte, Character, Symbol, Unit, Word};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// The largest number of k-grams in a window: places in two blocks fit into 16 bits.
const MAX_CHOICE: u64 = 1 << 15;
/// Of the hash, what is compared; the rest of the number is the place.
const HASH_BITS: u64 = !0xffff;
/// Multiplier of the rolling hash (odd), and of the finalizer of MurmurHash3 (Appleby, public
/// domain).
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;
const MIX: u64 = 0xff51_afd7_ed55_8ccd;
/// An odd number without pattern (the digits of pi), which spreads small ones over 128 bits.
const SPREAD: u128 = 0x243f_6a88_85a3_08d3_1319_8a2e_0370_7345;
/// Chains that a new anchor may continue: periods with so many anchors in them are still joined.
const OPEN_CHAINS: usize = 4;

/// How windows choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Winnow {
    /// Units in a window.
    pub length: u64,
    /// Units in a k-gram.
    pub gram: u64,
    /// k-grams in a window.
    pub choice: u64,
    pub unit: Unit,
}

impl Winnow {
    /// Longer k-grams make smaller groups, fewer of them in a window more anchors: two in
    /// `choice + 1` units. A quarter of the window was the fastest on real text.
    pub fn new(length: u64, unit: Unit) -> Self {
        let choice = (length - length / 4).clamp(1, MAX_CHOICE);
        Self { length, gram: length + 1 - choice, choice, unit }
    }

    /// Anchors in a text of so many units, about.
    pub fn anchors(&self, units: u64) -> u64 {
        units * 2 / (self.choice + 1)
    }
}

/// Finds anchors; keeps its buffers.
#[derive(Default)]
pub struct Scanner {
    /// Hashes of the k-grams of a block, with room for their places in the low bits.
    hashes: Vec<u64>,
    /// The smallest hash from each place of the block before to its end, with its place.
    suffix: Vec<u64>,
}

/// The document that is being scanned.
struct Scan<'a> {
    winnow: Winnow,
    symbols: &'a [u8],
    base: u64,
    /// Where its anchors begin in `out`.
    first: usize,
    out: &'a mut Vec<Anchor>,
}

impl Scanner {
    /// Appends the anchors of a document's `symbols`, which begin at the place `base`.
    pub fn scan(&mut self, winnow: &Winnow, symbols: &[u8], base: u64, out: &mut Vec<Anchor>) {
        match winnow.unit {
            Unit::Bytes => self.scan_as::<Byte>(winnow, symbols, base, out),
            Unit::Characters => self.scan_as::<Character>(winnow, symbols, base, out),
            Unit::Words => self.scan_as::<Word>(winnow, symbols, base, out),
        }
    }

    fn scan_as<S: Symbol>(
        &mut self,
        winnow: &Winnow,
        symbols: &[u8],
        base: u64,
        out: &mut Vec<Anchor>,
    ) {
        let units = symbols.len() / S::WIDTH;
        if (units as u64) < winnow.length {
            return;
        }
        let (gram, choice) = (winnow.gram as usize, winnow.choice as usize);
        let grams = units - gram + 1;
        let windows = units - winnow.length as usize + 1;
        let leaving = (0..gram).fold(1u64, |power, _| power.wrapping_mul(BASE));
        let mut hash = (0..gram).fold(0u64, |hash, index| {
            hash.wrapping_mul(BASE).wrapping_add(S::value(symbols, index))
        });
        let first = out.len();
        let mut scan = Scan { winnow: *winnow, symbols, base, first, out };
        let (mut anchor, mut from) = (usize::MAX, 0);
        let mut block = 0;
        self.suffix.clear();
        loop {
            // The k-grams of this block; of the last one there may be none.
            self.hashes.clear();
            let end = (block + choice).min(grams);
            for index in block..end {
                self.hashes.push(mix(hash) & HASH_BITS);
                if index + gram < units {
                    hash = hash
                        .wrapping_mul(BASE)
                        .wrapping_add(S::value(symbols, index + gram))
                        .wrapping_sub(S::value(symbols, index).wrapping_mul(leaving));
                }
            }
            // Windows that begin in the block before.
            if !self.suffix.is_empty() {
                let start = block - choice;
                let count = self.suffix.len().min(windows - start);
                let mut least = u64::MAX;
                for (index, suffix) in self.suffix[..count].iter().enumerate() {
                    let chosen = start + (least.min(*suffix) & !HASH_BITS) as usize;
                    if chosen != anchor {
                        if anchor != usize::MAX {
                            scan.push(anchor, from, start + index);
                        }
                        (anchor, from) = (chosen, start + index);
                    }
                    if let Some(hash) = self.hashes.get(index) {
                        least = least.min(hash | (choice + index) as u64);
                    }
                }
                if start + count == windows {
                    scan.push(anchor, from, windows);
                    return;
                }
            }
            self.suffix.clear();
            self.suffix.resize(self.hashes.len(), 0);
            let mut least = u64::MAX;
            for (index, hash) in self.hashes.iter().enumerate().rev() {
                least = least.min(hash | index as u64);
                self.suffix[index] = least;
            }
            block += choice;
        }
    }
}

#[inline(always)]
fn mix(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 33).wrapping_mul(MIX);
    hash ^ hash >> 33
}

/// The hash of a context; of two that are equal the anchor stands at the same place.
pub fn context_hash(context: &[u8], before: u32, windows: u32) -> u128 {
    // Not as a seed: of short inputs, XXH3 mixes the seed with nothing but an exclusive or.
    let place = u128::from(windows) << 32 | u128::from(before);
    xxh3_128(context) ^ place.wrapping_mul(SPREAD)
}

impl Scan<'_> {
    /// Takes the anchor at `at` that the windows `from..to` have chosen.
    fn push(&mut self, at: usize, from: usize, to: usize) {
        let width = self.winnow.unit.width();
        let length = self.winnow.length as usize;
        let context = &self.symbols[from * width..(to - 1 + length) * width];
        let (before, windows) = ((at - from) as u32, (to - from) as u32);
        let hash = context_hash(context, before, windows);
        let place = self.base + at as u64;
        let open = self.out.len().saturating_sub(OPEN_CHAINS).max(self.first);
        for chain in self.out[open..].iter_mut().rev() {
            if chain.context != hash || chain.count == u32::MAX {
                continue;
            }
            let step = place - chain.at;
            if chain.count == 1 && step <= self.winnow.length {
                chain.stride = step as u32;
            } else if chain.count == 1 || step != u64::from(chain.stride) * u64::from(chain.count) {
                continue;
            }
            chain.count += 1;
            return;
        }
        let gram = self.winnow.gram as usize;
        let key = xxh3_64(&self.symbols[at * width..(at + gram) * width]);
        let anchor = Anchor { key, context: hash, at: place, before, windows, stride: 0, count: 1 };
        self.out.push(anchor);
    }
}
