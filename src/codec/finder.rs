//! Where in a deflate stream a block may begin, found without what lies before it.
//!
//! Only blocks with codes of their own are looked for (RFC 1951, 3.2.7): their headers say so much that
//! chance hardly ever forms one. 64 bits at a time are tested for the first thirteen bits, of which one
//! place in five passes; then the lengths of the code-length code
//! must fill it, which one in some hundred does; what is left is read as a header.

use super::block::PRECODE_ORDER;
use super::input::{Input, Register};
use super::tables::Tables;

/// Places that one look at 64 bits decides, each by itself and the twelve bits behind it.
const PLACES: usize = 48;

/// Bytes behind a place that a header may take, and that its test reads at once.
const HEADER: usize = 600;

/// Whether the finder would stop where these bits come next: behind the first, which is set in the last
/// block of a stream, they tell the kind.
pub(super) fn is_findable(bits: u8) -> bool {
    bits & 0b110 == 0b100
}

/// The first bit of `bytes` with which a block may begin, if there is one before the last [`HEADER`] bytes.
pub(super) fn find(bytes: &[u8], tables: &mut Tables) -> Option<usize> {
    let last = bytes.len().checked_sub(HEADER)?;
    (0..last).step_by(PLACES / 8).find_map(|byte| {
        let mut places = plausible(word(bytes, byte));
        while places != 0 {
            let bit = 8 * byte + places.trailing_zeros() as usize;
            if precode_is_complete(bytes, bit) && is_header(bytes, bit, tables) {
                return Some(bit);
            }
            places &= places - 1;
        }
        None
    })
}

fn word(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight))
}

/// The places among the first [`PLACES`] where the kind of block and the numbers of symbols are possible:
/// at most 286 and 30, which is to say that not all of the upper four of five bits are set.
fn plausible(word: u64) -> u64 {
    let kind = !(word >> 1) & (word >> 2);
    let many = |at: u32| word >> at & word >> (at + 1) & word >> (at + 2) & word >> (at + 3);
    kind & !many(4) & !many(9) & ((1 << PLACES) - 1)
}

/// Lengths of the code-length code that are looked up at once, of three bits each.
const GROUP: usize = 4;

/// The share of a full code that the lengths in twelve bits take, in 128ths (they are 7 at most).
const SHARES: [u16; 1 << (3 * GROUP)] = shares();

const fn shares() -> [u16; 1 << (3 * GROUP)] {
    let mut table = [0; 1 << (3 * GROUP)];
    let mut lengths = 0;
    while lengths < table.len() {
        let mut rest = lengths;
        while rest > 0 {
            if rest & 7 > 0 {
                table[lengths] += 128 >> (rest & 7);
            }
            rest >>= 3;
        }
        lengths += 1;
    }
    table
}

/// Whether the lengths of the code-length code of the header at `bit` make a code without a gap.
fn precode_is_complete(bytes: &[u8], bit: usize) -> bool {
    let read = |bit: usize| word(bytes, bit / 8) >> (bit % 8);
    let sent = (read(bit + 13) & 15) as usize + 4;
    // 57 bits at most, of which a word has as many behind any bit.
    let lengths = read(bit + 17) & ((1 << (3 * sent)) - 1);
    let share = |group: usize| SHARES[(lengths >> (3 * GROUP * group)) as usize % SHARES.len()];
    (0..PRECODE_ORDER.len().div_ceil(GROUP)).map(share).sum::<u16>() == 128
}

/// Whether a whole header of a block can be read at `bit`.
fn is_header(bytes: &[u8], bit: usize, tables: &mut Tables) -> bool {
    let begun = (bit % 8) as u32;
    let register = Register::of_byte(bytes[bit / 8], begun);
    let mut input = Input::new(&bytes[bit / 8 + 1..], false, register);
    input.refill();
    input.register.take(3);
    tables.read(&mut input).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, FlushCompress};
    use proptest::prelude::*;

    fn naive(bytes: &[u8], bit: usize, tables: &mut Tables) -> bool {
        let bits =
            (bytes[bit / 8] >> (bit % 8)) as u16 | u16::from(bytes[bit / 8 + 1]) << (8 - bit % 8);
        is_findable(bits as u8) && is_header(bytes, bit, tables)
    }

    proptest! {
        #[test]
        fn the_first_header_is_found_wherever_it_begins(
            noise in proptest::collection::vec(any::<u8>(), 0..300),
            words in proptest::collection::vec("[a-z]{1,9}", 300..400),
            shift in 0usize..8,
        ) {
            let text = words.join(" ");
            let mut deflated = vec![0; 1 << 16];
            let mut encoder = Compress::new(Compression::new(6), false);
            encoder.compress(text.as_bytes(), &mut deflated, FlushCompress::Sync).unwrap();
            deflated.truncate(encoder.total_out() as usize);
            let mut bytes = noise;
            let mut held = 0u16;
            for byte in deflated {
                held |= u16::from(byte) << shift;
                bytes.push(held as u8);
                held >>= 8;
            }
            bytes.push(held as u8);
            bytes.extend([0; HEADER]);
            let mut tables = Tables::new();
            let expected = (0..8 * (bytes.len() - HEADER)).find(|&bit| naive(&bytes, bit, &mut tables));
            prop_assert_eq!(find(&bytes, &mut tables), expected);
        }
    }

    #[test]
    fn chance_forms_no_header() {
        let mut state = 7u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 56) as u8
        })
        .take(1 << 20)
        .collect();
        assert_eq!(find(&noise, &mut Tables::new()), None);
        assert_eq!(find(&noise[..100], &mut Tables::new()), None);
        assert_eq!(find(&[], &mut Tables::new()), None);
    }
}
