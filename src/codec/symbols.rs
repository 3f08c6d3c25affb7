//! The symbols of a deflate block, decoded where there is plenty of input.
//!
//! This loop is most of what reading costs. A turn takes no more than [`TURN`] bytes, which are there
//! when it begins; what is nearer to the end is left to the careful loop in `inflate.rs`. The next
//! symbol is looked up before a match is copied, so that the processor does both at once. Bits are refilled
//! behind literals and behind a match: they suffice for three literals and a look-up, or for a literal, a
//! length and a distance.

use super::inflate::{Fault, LIMIT, OVERHANG, Text, Unit};
#[cfg(target_arch = "x86_64")]
use super::input::Bmi2;
use super::input::{Input, Low, Shift};
use super::tables::{BAD, END, EXCEPTION, LITERAL, Tables, literal_before};

/// Input that a turn may read: eight bytes at each of three refills, which use up seven at most.
const TURN: usize = 32;

/// Decodes into `text` from `at` on until the block ends (true) or input or room run low (false). At a fault
/// `at` is behind what could be decoded.
pub(super) fn decode<U: Unit>(
    text: &mut Text<U>,
    at: &mut usize,
    tables: &Tables,
    input: &mut Input<'_>,
) -> Result<bool, Fault> {
    #[cfg(target_arch = "x86_64")]
    if let Some(low) = Bmi2::detect() {
        // SAFETY: the processor has what the function is compiled for. With it, shifts by a number
        // of bits that only the input tells are one step: inflating takes 7 % less time.
        return unsafe { decode_bmi2(text, at, tables, input, low) };
    }
    decode_here(text, at, tables, input, Shift)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "bmi1,bmi2")]
fn decode_bmi2<U: Unit>(
    text: &mut Text<U>,
    at: &mut usize,
    tables: &Tables,
    input: &mut Input<'_>,
    low: Bmi2,
) -> Result<bool, Fault> {
    decode_here(text, at, tables, input, low)
}

#[inline(always)]
fn decode_here<U: Unit>(
    text: &mut Text<U>,
    place: &mut usize,
    tables: &Tables,
    input: &mut Input<'_>,
    low: impl Low,
) -> Result<bool, Fault> {
    let (mut register, mut at) = (input.register, *place);
    let mut bytes = &input.bytes[input.at..];
    if bytes.len() < TURN || at >= LIMIT {
        return Ok(false);
    }
    macro_rules! refill {
        () => {
            // Always so, within a turn.
            if let Some(eight) = bytes.first_chunk() {
                let used = register.refill(*eight);
                bytes = bytes.get(used..).unwrap_or_default();
            }
        };
    }
    refill!();
    let mut entry = tables.litlen(register.bits());
    macro_rules! literal {
        () => {
            register.skip(entry);
            text[at] = U::from((entry >> 16) as u8);
            at += 1;
            entry = tables.litlen(register.bits());
        };
    }
    let ended = loop {
        if bytes.len() < TURN || at >= LIMIT {
            break Ok(false);
        }
        if entry & LITERAL != 0 {
            literal!();
            if entry & LITERAL != 0 {
                literal!();
                if entry & LITERAL != 0 {
                    literal!();
                    refill!();
                    continue;
                }
            }
            refill!();
        }
        if entry & EXCEPTION != 0 {
            entry = tables.litlen_tail(entry, &mut register);
            // Its code is up to four bits longer than what the first table tells.
            refill!();
            if entry & LITERAL != 0 {
                literal!();
                refill!();
                continue;
            }
            if entry & END != 0 {
                register.skip(entry);
                break Ok(true);
            }
            if entry & BAD != 0 {
                break Err(Fault::Damaged);
            }
        }
        // 17 bits at most go into this length, with a literal before it, which leaves 39 for a distance.
        let (literal, count) = literal_before(entry);
        text[at] = U::from(literal);
        at += count;
        let length = register.length(entry, low);
        let mut entry_of_distance = tables.distance(register.bits());
        if entry_of_distance & EXCEPTION != 0 {
            entry_of_distance = tables.distance_tail(entry_of_distance, &mut register);
            if entry_of_distance & BAD != 0 {
                break Err(Fault::Damaged);
            }
        }
        let distance = register.distance(entry_of_distance, low);
        if distance > at {
            break Err(Fault::Damaged);
        }
        let to = at;
        at += length;
        refill!();
        entry = tables.litlen(register.bits());
        copy_match(text, to, distance, length);
    };
    *place = at;
    (input.register, input.at) = (register, input.bytes.len() - bytes.len());
    ended
}

/// Repeats `length` units from `distance` before `at`, neither of which is more than a stream can ask for;
/// up to 31 units behind them are overwritten.
#[inline(always)]
pub(super) fn copy_match<U: Unit>(text: &mut Text<U>, at: usize, distance: usize, length: usize) {
    // Once for all copies of a match: looking at each of them takes 3 % of the time of inflating.
    if distance > at || at + length + OVERHANG > text.len() {
        return;
    }
    let from = at - distance;
    if distance >= 16 {
        // Most matches are done with these two, and with no guess as to their length.
        // SAFETY: `from` is before `at`, and what is written from there on ends with the overhang.
        unsafe {
            copy::<16, U>(text, from, at);
            copy::<16, U>(text, from + 16, at + 16);
        }
        let mut done = 32;
        while done < length {
            // SAFETY: as above.
            unsafe { copy::<16, U>(text, from + done, at + done) };
            done += 16;
        }
        return;
    }
    if distance >= 8 {
        let mut done = 0;
        while done < length {
            // SAFETY: as above.
            unsafe { copy::<8, U>(text, from + done, at + done) };
            done += 8;
        }
    } else if distance == 1 {
        let unit = text[from];
        text[at..at + length].fill(unit);
    } else {
        for done in 0..length {
            text[at + done] = text[from + done];
        }
    }
}

/// # Safety
/// `N` units must be in `text` from either place on.
#[inline(always)]
unsafe fn copy<const N: usize, U: Unit>(text: &mut Text<U>, from: usize, to: usize) {
    debug_assert!(from.max(to) + N <= text.len());
    // SAFETY: so the caller says; all units are read before one is written.
    unsafe {
        let units = text.as_ptr().add(from).cast::<[U; N]>().read_unaligned();
        text.as_mut_ptr().add(to).cast::<[U; N]>().write_unaligned(units);
    }
}
