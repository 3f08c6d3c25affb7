//! The decoding tables of a block of deflate.
//!
//! An entry holds in its low byte the bits to take, with extra bits; in the next four the bits of
//! the code alone; in its upper half the literal or the base of a length or distance. Codes longer
//! than the first table's index lead to a second table behind it.
//!
//! Where the code of a literal and that of the length after it fit into the index together, one entry stands
//! for both: in text of three bytes for one, two thirds of the matches behind literals are found so, and the
//! processor need not guess whether a literal or a match comes next.

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

/// In the entry of a length that is no exception: a literal comes before it, which is in the seven bits above
/// the base.
const PAIR_BIT: u32 = 13;
const PAIR_LITERAL: u32 = 25;
/// The first literal that does not fit there.
const PAIR_END: u16 = 128;

/// As many as make pairs frequent and stay in the first-level cache: with 11 and 13 inflating takes 4 % longer.
pub(super) const LITLEN_BITS: u32 = 12;
const DISTANCE_BITS: u32 = 8;
const PRECODE_BITS: u32 = 7;

/// Symbols of the two alphabets, with the two of each that RFC 1951 leaves unused.
const LITLEN_SYMBOLS: usize = 288;
const DISTANCE_SYMBOLS: usize = 32;

/// More than any complete code needs: beside the first table at most half as many second tables as there
/// are symbols, of at most 8 entries for lengths and literals; zlib's `enough` program gives 402 entries for
/// distances of up to 15 bits behind a first table of 8.
const LITLEN_ROOM: usize = 8192;
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
        self.fill(&lengths, &[5; DISTANCE_SYMBOLS]);
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
        let entry = |symbol| (symbol as u32) << 16;
        Code::new(&precode_lengths).fill(PRECODE_BITS, &mut precode, entry, false);

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
        self.fill(litlen, distance);
        Ok(())
    }

    fn fill(&mut self, litlen: &[u8], distance: &[u8]) {
        Code::new(litlen).fill(LITLEN_BITS, &mut self.litlen, litlen_entry, true);
        Code::new(distance).fill(DISTANCE_BITS, &mut self.distance, distance_entry, false);
    }
}

/// The literal in front of a length, and how many there are of it: one or none.
#[inline(always)]
pub(super) fn literal_before(entry: u32) -> (u8, usize) {
    ((entry >> PAIR_LITERAL) as u8, (entry >> PAIR_BIT & 1) as usize)
}

/// The base of a length, without the literal in front of it.
#[inline(always)]
pub(super) fn length_base(entry: u32) -> usize {
    (entry >> 16 & ((1 << (PAIR_LITERAL - 16)) - 1)) as usize
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

/// A code: the bits of each symbol, as they are sent, and the symbols from the shortest code to the longest.
struct Code {
    codes: [u16; LITLEN_SYMBOLS],
    symbols: [u16; LITLEN_SYMBOLS],
    /// Where those of each length end.
    ends: [usize; MAX_BITS + 1],
}

impl Code {
    fn new(lengths: &[u8]) -> Self {
        let mut codes = [0; LITLEN_SYMBOLS];
        huffman::codes(lengths, &mut codes[..lengths.len()]);
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
        let mut symbols = [0; LITLEN_SYMBOLS];
        for (symbol, &length) in lengths.iter().enumerate() {
            if length > 0 {
                symbols[next[usize::from(length)]] = symbol as u16;
                next[usize::from(length)] += 1;
            }
        }
        Self { codes, symbols, ends }
    }

    /// The symbols whose codes have a length, in their own order.
    fn of_length(&self, length: u32) -> &[u16] {
        &self.symbols[self.ends[length as usize - 1]..self.ends[length as usize]]
    }

    /// Fills `table` with the entries of the symbols, index bits in the order they are sent; with `pairs`, also
    /// with those of a literal and a length.
    ///
    /// Codes come from the shortest to the longest, and the table doubles with each bit of their length: what
    /// there is of it is copied behind itself, so that every entry is made once.
    fn fill(&self, index_bits: u32, table: &mut [u32], entry: impl Fn(usize) -> u32, pairs: bool) {
        table[0] = BAD | EXCEPTION;
        for length in 1..=index_bits {
            let size = 1 << (length - 1);
            table.copy_within(..size, size);
            for &symbol in self.of_length(length) {
                let symbol = usize::from(symbol);
                table[usize::from(self.codes[symbol])] = entry(symbol) + (length << 8 | length);
            }
            if pairs {
                self.pair(length, table, &entry);
            }
        }
        let first = 1 << index_bits;
        let mut next = first;
        for length in (index_bits + 1..=MAX_BITS as u32).rev() {
            let rest = length - index_bits;
            for &symbol in self.of_length(length) {
                let symbol = usize::from(symbol);
                let code = usize::from(self.codes[symbol]);
                let lead = &mut table[code % first];
                if *lead == BAD | EXCEPTION {
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

    /// Sets the entries of all literals and lengths that have `length` bits together, in place of those of the
    /// literals alone.
    fn pair(&self, length: u32, table: &mut [u32], entry: impl Fn(usize) -> u32) {
        for first in 1..length {
            let literals = self.of_length(first);
            let literals = &literals[..literals.partition_point(|&symbol| symbol < PAIR_END)];
            let matches = self.of_length(length - first);
            let known = matches.partition_point(|&symbol| usize::from(symbol) <= END_OF_BLOCK);
            for &symbol in matches[known..].iter().filter(|_| !literals.is_empty()) {
                let symbol = usize::from(symbol);
                let code = usize::from(self.codes[symbol]) << first;
                let entry = entry(symbol) + (length << 8 | length);
                if entry & EXCEPTION != 0 {
                    continue;
                }
                for &literal in literals {
                    let at = usize::from(self.codes[usize::from(literal)]) | code;
                    table[at] = entry | 1 << PAIR_BIT | u32::from(literal) << PAIR_LITERAL;
                }
            }
        }
    }
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
        Code::new(lengths).fill(index_bits, &mut table, |symbol| (symbol as u32) << 16, false);
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

        #[test]
        fn a_literal_and_a_length_are_one_entry_where_their_codes_fit(
            powers in proptest::collection::vec(prop_oneof![0u32..3, 0u32..23], 286),
        ) {
            let counts: Vec<u32> = powers.iter().map(|power| (1 << power) - 1).collect();
            let mut lengths = vec![0; counts.len()];
            huffman::code_lengths(&counts, MAX_BITS, &mut lengths);
            let mut table = vec![BAD; LITLEN_ROOM];
            Code::new(&lengths).fill(LITLEN_BITS, &mut table, litlen_entry, true);
            let plain = filled(&lengths, LITLEN_BITS);
            for bits in 0..1 << LITLEN_BITS {
                let entry = table[bits as usize];
                let (symbol, first) = look_up(&plain, LITLEN_BITS, bits).expect("the code is complete");
                let (next, second) = look_up(&plain, LITLEN_BITS, bits >> first).expect("as above");
                let paired = symbol < 128 && next > END_OF_BLOCK && first + second <= LITLEN_BITS;
                if paired {
                    let base = usize::from(LENGTH_BASE[next - 257]);
                    let extra = u32::from(LENGTH_EXTRA[next - 257]);
                    prop_assert_eq!(literal_before(entry), (symbol as u8, 1));
                    prop_assert_eq!(length_base(entry), base);
                    prop_assert_eq!(entry & 0xff, first + second + extra);
                    prop_assert_eq!(entry >> 8 & 15, first + second);
                    prop_assert_eq!(entry & (EXCEPTION | LITERAL), 0);
                } else if first <= LITLEN_BITS {
                    let extra = if symbol > END_OF_BLOCK { LENGTH_EXTRA[symbol - 257] } else { 0 };
                    let kind = litlen_entry(symbol) & (EXCEPTION | LITERAL);
                    prop_assert_eq!(entry & (EXCEPTION | LITERAL), kind);
                    prop_assert_eq!(entry & 0xff, first + u32::from(extra));
                    prop_assert!(kind != 0 || literal_before(entry).1 == 0);
                }
            }
        }
    }
}
