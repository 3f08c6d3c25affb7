//! The decoding tables of a block of deflate.
//!
//! An entry holds in its low byte the bits to take, with extra bits; in the next four the bits of
//! the code alone; in its upper half the literal or the base of a length or distance. Codes longer
//! than the first table's index lead to a second table behind it.

use super::block::{END_OF_BLOCK, LENGTH_BASE, LENGTH_EXTRA, PRECODE_ORDER, distance_extra};
use super::huffman::{self, MAX_BITS};
use super::inflate::Fault;
use super::input::{Input, Register};

/// What is special about an entry. Second tables, the end of a block and codes that do not exist
/// are exceptions.
pub(super) const EXCEPTION: u32 = 1 << 12;
pub(super) const END: u32 = 1 << 13;
pub(super) const BAD: u32 = 1 << 14;
pub(super) const LITERAL: u32 = 1 << 15;

const LITLEN_BITS: u32 = 11;
const DISTANCE_BITS: u32 = 8;
const PRECODE_BITS: u32 = 7;

/// Symbols of the two alphabets, with the two of each that RFC 1951 leaves unused.
const LITLEN_SYMBOLS: usize = 288;
const DISTANCE_SYMBOLS: usize = 32;

/// More than any complete code needs: zlib's `enough` program gives 2342 and 402 entries for codes
/// of up to 15 bits behind first tables of 11 and 8 bits.
const LITLEN_ROOM: usize = 4096;
const DISTANCE_ROOM: usize = 1024;

pub(super) struct Tables {
    litlen: [u32; LITLEN_ROOM],
    distance: [u32; DISTANCE_ROOM],
    fixed: bool,
}

impl Tables {
    pub(super) fn new() -> Self {
        Self {
            litlen: [BAD | EXCEPTION; LITLEN_ROOM],
            distance: [BAD | EXCEPTION; DISTANCE_ROOM],
            fixed: false,
        }
    }

    #[inline(always)]
    pub(super) fn litlen(&self, bits: u64) -> u32 {
        self.litlen[bits as usize % (1 << LITLEN_BITS)]
    }

    #[inline(always)]
    pub(super) fn distance(&self, bits: u64) -> u32 {
        self.distance[bits as usize % (1 << DISTANCE_BITS)]
    }

    /// Follows an exception to the second table, if it leads there.
    #[inline(always)]
    pub(super) fn litlen_tail(&self, entry: u32, register: &mut Register) -> u32 {
        if entry & (END | BAD) != 0 {
            return entry;
        }
        register.skip(LITLEN_BITS);
        self.litlen[second(entry, register.bits()) % LITLEN_ROOM]
    }

    #[inline(always)]
    pub(super) fn distance_tail(&self, entry: u32, register: &mut Register) -> u32 {
        if entry & BAD != 0 {
            return entry;
        }
        register.skip(DISTANCE_BITS);
        self.distance[second(entry, register.bits()) % DISTANCE_ROOM]
    }

    /// Sets the tables to the fixed codes (RFC 1951, 3.2.6).
    pub(super) fn fixed(&mut self) {
        if self.fixed {
            return;
        }
        let mut lengths = [8; LITLEN_SYMBOLS];
        lengths[144..256].fill(9);
        lengths[256..280].fill(7);
        fill(&lengths, LITLEN_BITS, &mut self.litlen[..], litlen_entry);
        fill(&[5; DISTANCE_SYMBOLS], DISTANCE_BITS, &mut self.distance[..], distance_entry);
        self.fixed = true;
    }

    /// Reads the codes of a dynamic block (RFC 1951, 3.2.7).
    pub(super) fn read(&mut self, input: &mut Input<'_>) -> Result<(), Fault> {
        self.fixed = false;
        let litlen_used = input.register.take(5) as usize + 257;
        let distance_used = input.register.take(5) as usize + 1;
        let sent = input.register.take(4) as usize + 4;
        if litlen_used > 286 || distance_used > 30 {
            return Err(Fault::Damaged);
        }
        let mut precode_lengths = [0; 19];
        for &symbol in &PRECODE_ORDER[..sent] {
            input.refill();
            precode_lengths[symbol] = input.register.take(3) as u8;
        }
        let mut precode = [0; 1 << PRECODE_BITS];
        complete(&precode_lengths, false)?;
        fill(&precode_lengths, PRECODE_BITS, &mut precode, |symbol| (symbol as u32) << 16);

        let mut lengths = [0u8; 286 + 30 + 138];
        let total = litlen_used + distance_used;
        let mut at = 0;
        while at < total {
            input.refill();
            if input.overrun() {
                return Err(Fault::Cut);
            }
            let entry = precode[input.register.bits() as usize % (1 << PRECODE_BITS)];
            input.register.skip(entry);
            let (value, count) = match (entry >> 16, at) {
                (length @ ..16, _) => (length as u8, 1),
                (16, 0) => return Err(Fault::Damaged),
                (16, _) => (lengths[at - 1], 3 + input.register.take(2)),
                (17, _) => (0, 3 + input.register.take(3)),
                _ => (0, 11 + input.register.take(7)),
            };
            lengths[at..at + count as usize].fill(value);
            at += count as usize;
        }
        // Without an end a block could not end.
        if at > total || lengths[256] == 0 {
            return Err(Fault::Damaged);
        }
        let (litlen, distance) = lengths[..total].split_at(litlen_used);
        complete(litlen, true)?;
        complete(distance, true)?;
        fill(litlen, LITLEN_BITS, &mut self.litlen[..], litlen_entry);
        fill(distance, DISTANCE_BITS, &mut self.distance[..], distance_entry);
        Ok(())
    }
}

/// The index in the second table that `entry` leads to.
#[inline(always)]
fn second(entry: u32, bits: u64) -> usize {
    (entry >> 16) as usize + (bits & ((1 << (entry & 0xff)) - 1)) as usize
}

/// An error unless the lengths make a code that leaves no gap; one symbol alone may, if `lone`.
fn complete(lengths: &[u8], lone: bool) -> Result<(), Fault> {
    let used = lengths.iter().filter(|&&length| length > 0);
    let sum: u32 = used.clone().map(|&length| 1 << (MAX_BITS - length as usize)).sum();
    let one = used.clone().count() <= 1 && used.max().is_none_or(|&length| length == 1);
    if sum == 1 << MAX_BITS || (lone && one) { Ok(()) } else { Err(Fault::Damaged) }
}

/// What is known of a symbol before its code: base, extra bits and flags.
fn litlen_entry(symbol: usize) -> u32 {
    match symbol {
        0..256 => (symbol as u32) << 16 | LITERAL,
        END_OF_BLOCK => END | EXCEPTION,
        257..286 => {
            let index = symbol - 257;
            u32::from(LENGTH_BASE[index]) << 16 | u32::from(LENGTH_EXTRA[index])
        }
        _ => BAD | EXCEPTION,
    }
}

fn distance_entry(symbol: usize) -> u32 {
    match symbol {
        0..4 => (symbol as u32 + 1) << 16,
        4..30 => {
            let extra = distance_extra(symbol);
            (((2 + (symbol as u32 & 1)) << extra) + 1) << 16 | extra
        }
        _ => BAD | EXCEPTION,
    }
}

/// Fills `table` with the entries of a code's symbols, index bits in the order they are sent.
///
/// Codes come from the shortest to the longest, and the table doubles with each bit of their length: what
/// there is of it is copied behind itself, so that every entry is made once.
fn fill(lengths: &[u8], index_bits: u32, table: &mut [u32], entry: impl Fn(usize) -> u32) {
    let mut codes = [0; LITLEN_SYMBOLS];
    huffman::codes(lengths, &mut codes[..lengths.len()]);
    let mut symbols = [0; LITLEN_SYMBOLS];
    let ends = by_length(lengths, &mut symbols);
    let of_length = |length: u32| &symbols[ends[length as usize - 1]..ends[length as usize]];

    table[0] = BAD | EXCEPTION;
    for length in 1..=index_bits {
        let size = 1 << (length - 1);
        table.copy_within(..size, size);
        for &symbol in of_length(length) {
            let symbol = usize::from(symbol);
            table[usize::from(codes[symbol])] = entry(symbol) + (length << 8 | length);
        }
    }
    let first = 1 << index_bits;
    let mut next = first;
    for length in (index_bits + 1..=MAX_BITS as u32).rev() {
        let rest = length - index_bits;
        for &symbol in of_length(length) {
            let (symbol, code) = (usize::from(symbol), usize::from(codes[usize::from(symbol)]));
            let lead = &mut table[code % first];
            if *lead & BAD != 0 {
                // The longest code behind this prefix comes first and says how large its table is.
                *lead = (next as u32) << 16 | EXCEPTION | rest;
                next += 1 << rest;
            }
            let start = (*lead >> 16) as usize;
            let size = 1 << (*lead & 0xff);
            let entry = entry(symbol) + (rest << 8 | rest);
            let entries = table[start..start + size].iter_mut();
            entries.skip(code >> index_bits).step_by(1 << rest).for_each(|e| *e = entry);
        }
    }
}

/// The symbols that have codes, from the shortest code to the longest, and where those of each length end.
fn by_length(lengths: &[u8], symbols: &mut [u16; LITLEN_SYMBOLS]) -> [usize; MAX_BITS + 1] {
    let mut ends = [0; MAX_BITS + 1];
    for &length in lengths {
        ends[usize::from(length)] += 1;
    }
    ends[0] = 0;
    for length in 1..=MAX_BITS {
        ends[length] += ends[length - 1];
    }
    let mut next = [0; MAX_BITS + 1];
    next[1..].copy_from_slice(&ends[..MAX_BITS]);
    for (symbol, &length) in lengths.iter().enumerate() {
        if length > 0 {
            symbols[next[usize::from(length)]] = symbol as u16;
            next[usize::from(length)] += 1;
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The symbol that some bits begin with, and the length of its code; `None` where no code is.
    fn look_up(table: &[u32], index_bits: u32, bits: u64) -> Option<(usize, u32)> {
        let entry = table[bits as usize % (1 << index_bits)];
        if entry & BAD != 0 {
            return None;
        }
        if entry & EXCEPTION == 0 {
            return Some(((entry >> 16) as usize, entry & 0xff));
        }
        let entry = table[second(entry, bits >> index_bits)];
        Some(((entry >> 16) as usize, index_bits + (entry & 0xff)))
    }

    /// A table of symbols alone, that held those of another code before.
    fn filled(lengths: &[u8], index_bits: u32) -> Vec<u32> {
        let mut table = vec![7 << 16 | 0x307; LITLEN_ROOM];
        fill(lengths, index_bits, &mut table, |symbol| (symbol as u32) << 16);
        table
    }

    #[test]
    fn a_lone_code_leaves_the_other_bit_bad_and_no_code_both() {
        let table = filled(&[0, 0, 1, 0], DISTANCE_BITS);
        let none = filled(&[0; 4], DISTANCE_BITS);
        for bits in 0..1 << MAX_BITS {
            let expected = (bits % 2 == 0).then_some((2, 1));
            assert_eq!(look_up(&table, DISTANCE_BITS, bits), expected);
            assert_eq!(look_up(&none, DISTANCE_BITS, bits), None);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn every_code_is_found_whatever_follows_it(
            // Doubling counts give codes of every length, equal ones a flat code.
            powers in proptest::collection::vec(prop_oneof![0u32..3, 0u32..23], 2..=LITLEN_SYMBOLS),
            index_bits in prop_oneof![Just(LITLEN_BITS), Just(DISTANCE_BITS)],
        ) {
            let counts: Vec<u32> = powers.iter().map(|power| (1 << power) - 1).collect();
            let mut lengths = vec![0; counts.len()];
            huffman::code_lengths(&counts, MAX_BITS, &mut lengths);
            let mut codes = vec![0; counts.len()];
            huffman::codes(&lengths, &mut codes);
            let table = filled(&lengths, index_bits);
            for (symbol, (&code, &length)) in codes.iter().zip(&lengths).enumerate() {
                let length = u32::from(length);
                for rest in (0..1 << (MAX_BITS as u32 - length)).filter(|_| length > 0) {
                    let bits = u64::from(code) | rest << length;
                    prop_assert_eq!(look_up(&table, index_bits, bits), Some((symbol, length)));
                }
            }
        }
    }
}
