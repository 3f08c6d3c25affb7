//! The default encoder: one greedy pass over the text, one Huffman code per block.
//!
//! A segment becomes a run of non-final deflate blocks that ends on a byte (RFC 1951, with an
//! empty stored block as in zlib's sync flush), so that segments made by different threads can be
//! laid end to end inside one gzip member. Each starts from an empty window and a cleared table:
//! the bytes depend on the segment alone.
//!
//! Two positions are looked up per turn. Where neither begins a match both bytes become one token;
//! the choice between the two, and the first sixteen bytes of a match, take no branch, since no
//! predictor would guess them.

use std::hint::select_unpredictable;

use super::bits::Bits;
use super::block::{Block, EXTRA_SHIFT, HALF, NOTHING, SECOND, SECOND_SHIFT};

/// Tokens per block: some 150 KB of text, long enough to pay for a code, short enough to follow
/// the text and to stay in the second-level cache.
const BLOCK_TOKENS: usize = 32 * 1024;

/// The longest match and the farthest, as fixed by RFC 1951.
const MAX_MATCH: usize = 258;
const WINDOW: usize = 32 * 1024;

/// Bits of eight bytes beyond the six that a match needs at least. With six, text both shrinks
/// more and is parsed faster than with four: short matches from afar cost as much as literals.
const IGNORED: u32 = 16;

/// How far beyond a position its two looks and the first sixteen bytes of a match read.
const LOOKAHEAD: usize = 17;

/// 16 KB of 16-bit positions: the first-level cache holds them beside the text. Twice as many give
/// one percent in size and cost three in speed.
const HASH_BITS: u32 = 13;

/// After this many literal pairs in a row the input is taken as incompressible, and ever more of
/// it passes between two looks at the table.
const PATIENCE: usize = 128;

/// The reusable state of one thread.
pub(super) struct Deflater {
    /// The last position of each hash, modulo 2^16: any value is a guess that the text confirms.
    table: Box<[u16; 1 << HASH_BITS]>,
    tokens: Box<[u32; BLOCK_TOKENS]>,
    block: Block,
}

impl Deflater {
    pub(super) fn new() -> Self {
        Self {
            table: Box::new([0; 1 << HASH_BITS]),
            tokens: Box::new([0; BLOCK_TOKENS]),
            block: Block::new(),
        }
    }

    /// Appends the segment of `data` to `out`.
    pub(super) fn compress(&mut self, data: &[u8], out: &mut Vec<u8>) {
        self.table.fill(0);
        let mut bits = Bits::new(out);
        let mut start = 0;
        while start < data.len() {
            self.block.clear();
            let (used, end) = self.parse(data, start);
            self.block.write(&data[start..end], &self.tokens[..used], &mut bits);
            start = end;
        }
        bits.reserve(8);
        bits.put(0, 3);
        bits.align();
        bits.put(0xffff_0000, 32);
        bits.finish();
    }

    /// Fills the tokens of one block from `start`; returns their number and where the block ends.
    fn parse(&mut self, data: &[u8], start: usize) -> (usize, usize) {
        let table = &mut *self.table;
        let mut sink = Sink { tokens: &mut self.tokens, used: 0, block: &mut self.block };
        let mut at = start;
        let mut misses = 0;
        let last = data.len().saturating_sub(LOOKAHEAD - 1);
        while at < last && sink.used + 2 <= BLOCK_TOKENS {
            let here = load(data, at);
            let next = load(data, at + 1);
            let near = guess(table, here, at);
            let far = guess(table, next, at + 1);
            let near_differs = load(data, at - near) ^ here;
            let far_differs = load(data, at + 1 - far) ^ next;
            let near_hit = near_differs << IGNORED == 0 && near.wrapping_sub(1) < WINDOW;
            let far_hit = far_differs << IGNORED == 0 && far.wrapping_sub(1) < WINDOW;
            if !(near_hit | far_hit) {
                sink.pair(here as u8, (here >> 8) as u8);
                at += 2;
                misses += 1;
                if misses > PATIENCE {
                    let room = (misses / PATIENCE).min(16).min(BLOCK_TOKENS - sink.used);
                    at = sink.pairs(data, at, room.min((data.len() - at) / 2));
                }
                continue;
            }
            misses = 0;
            sink.literal_unless(near_hit, here as u8);
            at += usize::from(!near_hit);
            let distance = select_unpredictable(near_hit, near, far);
            let differs = select_unpredictable(near_hit, near_differs, far_differs);
            let length = match_length(data, at, distance, differs);
            sink.matched(length, distance);
            at += length;
            if at < last {
                let inside = at - 2;
                table[hash(load(data, inside))] = inside as u16;
            }
        }
        if at >= last {
            while at < data.len() && sink.used < BLOCK_TOKENS {
                sink.literal_unless(false, data[at]);
                at += 1;
            }
        }
        (sink.used, at)
    }
}

/// Where tokens go, and the counts of their halves.
struct Sink<'a> {
    tokens: &'a mut [u32; BLOCK_TOKENS],
    used: usize,
    block: &'a mut Block,
}

impl Sink<'_> {
    #[inline(always)]
    fn token(&mut self, first: usize, second: usize, extra: usize) {
        self.block.firsts[first % HALF] += 1;
        self.block.seconds[second % HALF] += 1;
        self.tokens[self.used] = (first | second << SECOND_SHIFT | extra << EXTRA_SHIFT) as u32;
        self.used += 1;
    }

    #[inline(always)]
    fn literal_unless(&mut self, not: bool, byte: u8) {
        let one = u32::from(!not);
        self.block.firsts[byte as usize] += one;
        self.tokens[self.used] = (byte as usize | NOTHING << SECOND_SHIFT) as u32;
        self.used += one as usize;
    }

    #[inline(always)]
    fn pair(&mut self, byte: u8, next: u8) {
        self.token(byte as usize, SECOND + next as usize, 0);
    }

    #[cold]
    fn pairs(&mut self, data: &[u8], at: usize, count: usize) -> usize {
        for pair in data[at..at + 2 * count].chunks_exact(2) {
            self.pair(pair[0], pair[1]);
        }
        at + 2 * count
    }

    #[inline(always)]
    fn matched(&mut self, length: usize, distance: usize) {
        let less = (distance - 1) as u32;
        let (symbol, extra) = if less < 4 {
            (less, 0)
        } else {
            let extra_bits = 30 - less.leading_zeros();
            (2 * extra_bits + (less >> extra_bits), less & ((1 << extra_bits) - 1))
        };
        self.token(256 + length - 3, symbol as usize, extra as usize);
    }
}

/// The eight bytes at `at`, of which the first is the lowest.
#[inline(always)]
fn load(data: &[u8], at: usize) -> u64 {
    debug_assert!(at + 8 <= data.len());
    // SAFETY: `parse` loads within `LOOKAHEAD` bytes of a position that has as many behind it,
    // `long_match` within the length that it has checked, and both from positions before those:
    // see `guess` for why no distance reaches before the start. Checking each
    // load costs a twentieth of the encoder's speed.
    unsafe { data.as_ptr().add(at).cast::<u64>().read_unaligned().to_le() }
}

#[inline(always)]
fn hash(bytes: u64) -> usize {
    ((bytes << IGNORED).wrapping_mul(0x9e37_79b1_85eb_ca87) >> (64 - HASH_BITS)) as usize
}

/// The distance from `at` to the last position with the same hash; zero or beyond the window when
/// there is none.
///
/// It is at most `at`: the table holds zeros and earlier positions, modulo 2^16. Below 2^16 their
/// difference is exact, and from there on it is smaller than 2^16. What is farther away than that
/// reads as something nearer, which the text itself then confirms or not.
#[inline(always)]
fn guess(table: &mut [u16; 1 << HASH_BITS], bytes: u64, at: usize) -> usize {
    let slot = &mut table[hash(bytes)];
    let distance = (at as u16).wrapping_sub(*slot);
    *slot = at as u16;
    distance as usize
}

/// The length of a match of which the first eight bytes differ in `differs`.
#[inline(always)]
fn match_length(data: &[u8], at: usize, distance: usize, differs: u64) -> usize {
    let more = load(data, at + 8) ^ load(data, at + 8 - distance);
    let more = select_unpredictable(differs == 0, more.trailing_zeros(), 0);
    let length = (differs.trailing_zeros() + more) as usize / 8;
    if length < 16 { length } else { long_match(data, at, distance) }
}

/// The length of a match whose first sixteen bytes are known to agree.
fn long_match(data: &[u8], at: usize, distance: usize) -> usize {
    let most = MAX_MATCH.min(data.len() - at);
    let mut length = 16;
    while length + 8 <= most {
        let differs = load(data, at + length) ^ load(data, at + length - distance);
        if differs != 0 {
            return length + differs.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    while length < most && data[at + length] == data[at + length - distance] {
        length += 1;
    }
    length
}
