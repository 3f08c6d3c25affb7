//! One block of deflate: its tokens, counted, become the smallest of the three forms of a block
//! (RFC 1951, 3.2.3): stored, with the fixed code, or with a code of its own.

use super::bits::Bits;
use super::huffman::{self, MAX_BITS};

/// Literal/length symbols, with the two that RFC 1951 leaves unused cut off.
const LITLEN_SYMBOLS: usize = 286;
const DISTANCE_SYMBOLS: usize = 30;
pub(super) const END_OF_BLOCK: usize = 256;

/// A token's second half is a distance symbol, [`NOTHING`], or [`SECOND`] plus a literal.
pub(super) const NOTHING: usize = 30;
pub(super) const SECOND: usize = 32;

/// Where a token's second half and the extra bits of its distance start.
pub(super) const SECOND_SHIFT: u32 = 9;
pub(super) const EXTRA_SHIFT: u32 = 18;
pub(super) const HALF: usize = 512;

/// The first length of each length symbol from 257 and its extra bits (RFC 1951, 3.2.5).
pub(super) const LENGTH_BASE: [u16; 29] = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
    163, 195, 227, 258,
];
pub(super) const LENGTH_EXTRA: [u8; 29] =
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];

/// The order in which lengths of the code-length code are sent (RFC 1951, 3.2.7).
pub(super) const PRECODE_ORDER: [usize; 19] =
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The index into [`LENGTH_BASE`] of each match length less three.
const LENGTH_INDEX: [u8; 256] = length_index();

const fn length_index() -> [u8; 256] {
    let mut table = [0u8; 256];
    let mut length = 3;
    let mut index = 0;
    while length <= 258 {
        if index + 1 < 29 && length >= LENGTH_BASE[index + 1] as usize {
            index += 1;
        }
        table[length - 3] = index as u8;
        length += 1;
    }
    table
}

/// Extra bits of a distance symbol (RFC 1951, 3.2.5).
pub(super) const fn distance_extra(symbol: usize) -> u32 {
    if symbol < 4 { 0 } else { (symbol as u32 >> 1) - 1 }
}

/// What the tokens of a block are counted and written with.
pub(super) struct Block {
    /// How often each value of a token's halves occurs.
    pub(super) firsts: [u32; HALF],
    pub(super) seconds: [u32; HALF],
    first_codes: [u32; HALF],
    second_codes: [u32; HALF],
}

impl Block {
    pub(super) fn new() -> Self {
        Self {
            firsts: [0; HALF],
            seconds: [0; HALF],
            first_codes: [0; HALF],
            second_codes: [0; HALF],
        }
    }

    pub(super) fn clear(&mut self) {
        self.firsts.fill(0);
        self.seconds.fill(0);
    }

    /// Writes the block of `text` in the smallest of the three forms.
    pub(super) fn write(&mut self, text: &[u8], tokens: &[u32], bits: &mut Bits<'_>) {
        let (litlen, distance) = self.symbol_counts();
        let dynamic = Codes::dynamic(&litlen, &distance);
        let header = Header::new(&dynamic);
        let fixed = Codes::fixed();
        let dynamic_cost = header.cost + dynamic.cost(&litlen, &distance);
        let fixed_cost = 3 + fixed.cost(&litlen, &distance);
        let stored_cost = stored_cost(text.len());
        if stored_cost <= dynamic_cost.min(fixed_cost) {
            bits.reserve(text.len() + 16 + 5 * (text.len() / STORED_MAX + 1));
            write_stored(text, bits);
            return;
        }
        bits.reserve(dynamic_cost.min(fixed_cost) / 8 + 32);
        if dynamic_cost < fixed_cost {
            header.write(bits);
            self.write_tokens(&dynamic, tokens, bits);
        } else {
            bits.put(0b010, 3);
            self.write_tokens(&fixed, tokens, bits);
        }
    }

    /// How often each symbol of the two alphabets occurs, from the counts of the tokens' halves.
    fn symbol_counts(&self) -> ([u32; LITLEN_SYMBOLS], [u32; DISTANCE_SYMBOLS]) {
        let mut litlen = [0; LITLEN_SYMBOLS];
        let counts = self.firsts.iter().zip(&self.seconds[SECOND..]);
        for (total, (first, second)) in litlen[..256].iter_mut().zip(counts) {
            *total = first + second;
        }
        litlen[END_OF_BLOCK] = 1;
        for (length, &index) in LENGTH_INDEX.iter().enumerate() {
            litlen[257 + index as usize] += self.firsts[256 + length];
        }
        let mut distance = [0; DISTANCE_SYMBOLS];
        distance.copy_from_slice(&self.seconds[..DISTANCE_SYMBOLS]);
        (litlen, distance)
    }

    /// The tables of the emitter: code and extra bits of each possible half of a token.
    fn fill_tables(&mut self, codes: &Codes) {
        for literal in 0..256 {
            let (code, length) = (codes.litlen[literal], codes.litlen_lengths[literal]);
            let (code, length) = (u32::from(code), u32::from(length));
            self.first_codes[literal] = code << 5 | length;
            self.second_codes[SECOND + literal] = code << 10 | length << 5 | length;
        }
        for (length, &index) in LENGTH_INDEX.iter().enumerate() {
            let index = index as usize;
            let code = u32::from(codes.litlen[257 + index]);
            let bits = u32::from(codes.litlen_lengths[257 + index]);
            let extra = (length + 3) as u32 - u32::from(LENGTH_BASE[index]);
            self.first_codes[256 + length] =
                (extra << bits | code) << 5 | (bits + u32::from(LENGTH_EXTRA[index]));
        }
        for symbol in 0..DISTANCE_SYMBOLS {
            let bits = u32::from(codes.distance_lengths[symbol]);
            self.second_codes[symbol] = u32::from(codes.distance[symbol]) << 10
                | (bits + distance_extra(symbol)) << 5
                | bits;
        }
        self.second_codes[NOTHING] = 0;
    }

    fn write_tokens(&mut self, codes: &Codes, tokens: &[u32], bits: &mut Bits<'_>) {
        self.fill_tables(codes);
        // A copy of its own stays in registers.
        let mut packer = bits.packer;
        for &token in tokens {
            let first = self.first_codes[token as usize % HALF];
            let second = self.second_codes[(token >> SECOND_SHIFT) as usize % HALF];
            let first_bits = first & 31;
            let extra = u64::from(token >> EXTRA_SHIFT) << (second & 31);
            let tail = (u64::from(second >> 10) | extra) << first_bits;
            // 20 + 28 bits at most.
            let count = first_bits + (second >> 5 & 31);
            packer.put(bits.out, u64::from(first >> 5) | tail, count);
        }
        bits.packer = packer;
        let length = u32::from(codes.litlen_lengths[END_OF_BLOCK]);
        bits.put(u64::from(codes.litlen[END_OF_BLOCK]), length);
    }
}

/// The codes of one block.
struct Codes {
    litlen_lengths: [u8; LITLEN_SYMBOLS],
    litlen: [u16; LITLEN_SYMBOLS],
    distance_lengths: [u8; DISTANCE_SYMBOLS],
    distance: [u16; DISTANCE_SYMBOLS],
}

impl Codes {
    fn of(litlen_lengths: [u8; LITLEN_SYMBOLS], distance_lengths: [u8; DISTANCE_SYMBOLS]) -> Self {
        let mut litlen = [0; LITLEN_SYMBOLS];
        let mut distance = [0; DISTANCE_SYMBOLS];
        huffman::codes(&litlen_lengths, &mut litlen);
        huffman::codes(&distance_lengths, &mut distance);
        Self { litlen_lengths, litlen, distance_lengths, distance }
    }

    fn dynamic(litlen: &[u32; LITLEN_SYMBOLS], distance: &[u32; DISTANCE_SYMBOLS]) -> Self {
        let mut litlen_lengths = [0; LITLEN_SYMBOLS];
        let mut distance_lengths = [0; DISTANCE_SYMBOLS];
        huffman::code_lengths(litlen, MAX_BITS, &mut litlen_lengths);
        huffman::code_lengths(distance, MAX_BITS, &mut distance_lengths);
        Self::of(litlen_lengths, distance_lengths)
    }

    /// RFC 1951, 3.2.6.
    fn fixed() -> Self {
        // The two unused symbols count: the longer codes start behind theirs.
        let mut lengths = [8; LITLEN_SYMBOLS + 2];
        lengths[144..256].fill(9);
        lengths[256..280].fill(7);
        let mut litlen = [0; LITLEN_SYMBOLS + 2];
        huffman::codes(&lengths, &mut litlen);
        let mut codes = Self::of([0; LITLEN_SYMBOLS], [5; DISTANCE_SYMBOLS]);
        codes.litlen_lengths.copy_from_slice(&lengths[..LITLEN_SYMBOLS]);
        codes.litlen.copy_from_slice(&litlen[..LITLEN_SYMBOLS]);
        codes
    }

    /// The bits of all symbols with their extra bits.
    fn cost(&self, litlen: &[u32; LITLEN_SYMBOLS], distance: &[u32; DISTANCE_SYMBOLS]) -> usize {
        let mut cost = 0;
        for (symbol, &count) in litlen.iter().enumerate() {
            let extra = if symbol > END_OF_BLOCK { LENGTH_EXTRA[symbol - 257] } else { 0 };
            cost += count as usize * (self.litlen_lengths[symbol] + extra) as usize;
        }
        for (symbol, &count) in distance.iter().enumerate() {
            let bits = u32::from(self.distance_lengths[symbol]) + distance_extra(symbol);
            cost += count as usize * bits as usize;
        }
        cost
    }
}

/// The header of a dynamic block: the code lengths, run-length coded (RFC 1951, 3.2.7).
struct Header {
    litlen_used: usize,
    distance_used: usize,
    /// Symbols of the code-length code, each with its extra bits and their number.
    runs: Vec<(u8, u8, u8)>,
    lengths: [u8; 19],
    codes: [u16; 19],
    sent: usize,
    /// In bits, with the three of the block.
    cost: usize,
}

impl Header {
    fn new(codes: &Codes) -> Self {
        let litlen_used = used(&codes.litlen_lengths, 257);
        let distance_used = used(&codes.distance_lengths, 1);
        let mut all = [0; LITLEN_SYMBOLS + DISTANCE_SYMBOLS];
        all[..litlen_used].copy_from_slice(&codes.litlen_lengths[..litlen_used]);
        all[litlen_used..litlen_used + distance_used]
            .copy_from_slice(&codes.distance_lengths[..distance_used]);
        let runs = runs(&all[..litlen_used + distance_used]);
        let mut counts = [0; 19];
        let mut cost = 0;
        for &(symbol, _, bits) in &runs {
            counts[symbol as usize] += 1;
            cost += bits as usize;
        }
        let mut lengths = [0; 19];
        huffman::code_lengths(&counts, 7, &mut lengths);
        let mut header_codes = [0; 19];
        huffman::codes(&lengths, &mut header_codes);
        let last = PRECODE_ORDER.iter().rposition(|&symbol| lengths[symbol] > 0).unwrap_or(0);
        let sent = (last + 1).max(4);
        for (&count, &length) in counts.iter().zip(&lengths) {
            cost += count as usize * length as usize;
        }
        cost += 3 + 5 + 5 + 4 + 3 * sent;
        Self { litlen_used, distance_used, runs, lengths, codes: header_codes, sent, cost }
    }

    fn write(&self, bits: &mut Bits<'_>) {
        bits.put(0b100, 3);
        bits.put((self.litlen_used - 257) as u64, 5);
        bits.put((self.distance_used - 1) as u64, 5);
        bits.put((self.sent - 4) as u64, 4);
        for &symbol in &PRECODE_ORDER[..self.sent] {
            bits.put(u64::from(self.lengths[symbol]), 3);
        }
        for &(symbol, extra, count) in &self.runs {
            let length = u32::from(self.lengths[symbol as usize]);
            bits.put(u64::from(self.codes[symbol as usize]), length);
            bits.put(u64::from(extra), u32::from(count));
        }
    }
}

/// The number of lengths up to the last that is not zero, at least `least`.
fn used(lengths: &[u8], least: usize) -> usize {
    lengths.iter().rposition(|&length| length > 0).map_or(0, |last| last + 1).max(least)
}

/// Code lengths as symbols of the code-length code: 16 repeats the last length 3 to 6 times, 17
/// and 18 are 3 to 10 and 11 to 138 zeros.
fn runs(lengths: &[u8]) -> Vec<(u8, u8, u8)> {
    let mut runs = Vec::with_capacity(lengths.len());
    for group in lengths.chunk_by(|a, b| a == b) {
        let (value, mut left) = (group[0], group.len());
        if value != 0 {
            runs.push((value, 0, 0));
            left -= 1;
        }
        while left >= 3 {
            let taken = match (value, left) {
                (0, 11..) => {
                    let taken = left.min(138);
                    runs.push((18, (taken - 11) as u8, 7));
                    taken
                }
                (0, _) => {
                    runs.push((17, (left - 3) as u8, 3));
                    left
                }
                _ => {
                    let taken = left.min(6);
                    runs.push((16, (taken - 3) as u8, 2));
                    taken
                }
            };
            left -= taken;
        }
        runs.extend(std::iter::repeat_n((value, 0, 0), left));
    }
    runs
}

/// The most bytes that one stored block holds.
const STORED_MAX: usize = 65535;

/// The most bits that `length` bytes take as stored blocks.
fn stored_cost(length: usize) -> usize {
    8 * length + (3 + 7 + 32) * length.div_ceil(STORED_MAX)
}

fn write_stored(text: &[u8], bits: &mut Bits<'_>) {
    for chunk in text.chunks(STORED_MAX) {
        bits.put(0, 3);
        bits.align();
        let length = chunk.len() as u64;
        bits.put(length | (!length & 0xffff) << 16, 32);
        bits.bytes(chunk);
    }
}
