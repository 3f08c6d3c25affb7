//! Lists of spans, `[start,end,score],[start,end,score],…`: most of what attribute files hold.
//!
//! Nearly every span begins where the last one ended, and ends as the last one did: two matches
//! whose places follow from the commas, and a few digits in between that nothing predicts. Taking
//! them so needs no look into the table, and finds matches that are too short for it.

use super::deflate::{Sink, Table, WINDOW, guess, load, match_length};

/// Bytes in which a span has to end for a list to be followed.
const SPAN: usize = 32;

/// The most tokens that a span becomes: two matches, and literals in pairs.
pub(super) const SPAN_TOKENS: usize = 2 + SPAN / 2;

/// The shortest match of deflate, and the length of what stands between two spans.
const SEAM: usize = 3;

/// How far before a bracket and behind it this reads.
const BEFORE: usize = 7;
const BEHIND: usize = SPAN + 16;

/// The first bracket of eight bytes that opens a span and has another before it.
#[inline(always)]
pub(super) fn seam(data: &[u8], at: usize, eight: u64) -> Option<usize> {
    let brackets = equal(eight, b'[');
    if brackets == 0 {
        return None;
    }
    let bracket = at + brackets.trailing_zeros() as usize / 8;
    let before = bracket.checked_sub(2)?;
    (data[before..bracket] == *b"],").then_some(bracket)
}

/// Takes the spans of a list from the one that opens at `open` and of which all before `at` is
/// taken, as far as it is a list and there is room for tokens; returns how far that is.
pub(super) fn follow(
    data: &[u8],
    (mut at, mut open): (usize, usize),
    table: &mut Table,
    sink: &mut Sink<'_>,
) -> usize {
    let Some(last) = data.len().checked_sub(BEHIND) else { return at };
    // Where the end of the last span stands.
    let mut end = None;
    while (BEFORE..=last).contains(&open) && sink.room() >= SPAN_TOKENS {
        let mut commas = commas(data, open + 1);
        let first = open + 1 + commas.trailing_zeros() as usize;
        commas &= commas.wrapping_sub(1);
        commas &= commas.wrapping_sub(1);
        let next = open + 2 + commas.trailing_zeros() as usize;
        if commas == 0 || data[next - 2] != b']' || data[next] != b'[' || at + SEAM > next + 1 {
            break;
        }
        if let Some(end) = end {
            let here = load(data, at);
            let distance = guess(table, here, at);
            if load(data, at - distance) == here && distance.wrapping_sub(1) < WINDOW {
                let length = match_length(data, at, distance, 0);
                sink.matched(length, distance);
                return at + length;
            }
            let differs = here ^ load(data, end);
            let same = (differs.trailing_zeros() as usize / 8).min(next + 1 - SEAM - at);
            if same >= SEAM {
                sink.matched(same, at - end);
                at += same;
            }
        }
        let differs = load(data, next - BEFORE) ^ load(data, open - BEFORE);
        let same = (differs.leading_zeros() as usize / 8).min(next + 1 - at);
        sink.literals(&data[at..next + 1 - same]);
        sink.matched(same, next - open);
        at = next + 1;
        end = Some(first + 1);
        open = next;
    }
    at
}

/// The bytes of `word` that are `byte`, by their top bits.
#[inline(always)]
fn equal(word: u64, byte: u8) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOW: u64 = 0x7f * ONES;
    let differs = word ^ (ONES * u64::from(byte));
    !((differs & LOW) + LOW | differs | LOW)
}

/// Which of the next [`SPAN`] bytes are commas.
#[inline(always)]
fn commas(data: &[u8], at: usize) -> u32 {
    // The product moves the top bits of eight bytes next to each other.
    let eight = |lane: usize| {
        equal(load(data, at + 8 * lane), b',').wrapping_mul(0x0002_0408_1020_4081) >> 56
    };
    (eight(0) | eight(1) << 8 | eight(2) << 16 | eight(3) << 24) as u32
}
