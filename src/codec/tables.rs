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
fn fill(lengths: &[u8], index_bits: u32, table: &mut [u32], entry: impl Fn(usize) -> u32) {
    let mut codes = [0; LITLEN_SYMBOLS];
    huffman::codes(lengths, &mut codes[..lengths.len()]);
    let first = 1 << index_bits;
    table[..first].fill(BAD | EXCEPTION);
    // How many bits the second table of each prefix needs.
    let mut longest = [0u8; 1 << LITLEN_BITS];
    for (&code, &length) in codes.iter().zip(lengths) {
        if u32::from(length) > index_bits {
            let prefix = &mut longest[code as usize % first];
            *prefix = (*prefix).max(length - index_bits as u8);
        }
    }
    let mut next = first;
    for (prefix, &bits) in longest[..first].iter().enumerate() {
        if bits > 0 {
            table[prefix] = (next as u32) << 16 | EXCEPTION | u32::from(bits);
            next += 1 << bits;
        }
    }
    for (symbol, (&code, &length)) in codes.iter().zip(lengths).enumerate() {
        let length = u32::from(length);
        if length == 0 {
            continue;
        }
        if length <= index_bits {
            let entry = entry(symbol) + (length << 8 | length);
            table[..first]
                .iter_mut()
                .skip(code as usize)
                .step_by(1 << length)
                .for_each(|e| *e = entry);
        } else {
            let lead = table[code as usize % first];
            let start = (lead >> 16) as usize;
            let size = 1 << (lead & 0xff);
            let rest = length - index_bits;
            let entry = entry(symbol) + (rest << 8 | rest);
            table[start..start + size]
                .iter_mut()
                .skip(code as usize >> index_bits)
                .step_by(1 << rest)
                .for_each(|e| *e = entry);
        }
    }
}
