//! The symbols of a deflate block, decoded where there is plenty of input.
//!
//! This loop is most of what reading costs. A turn takes no more than [`TURN`] bytes, which are there
//! when it begins; what is nearer to the end is left to the careful loop in `inflate.rs`. The next
//! symbol is looked up before a match is copied, so that the processor does both at once, and bits
//! are refilled once in a turn: they suffice for a literal, a length and a distance.

use super::inflate::{Fault, LIMIT, Text, Unit};
use super::input::Input;
use super::tables::{BAD, END, EXCEPTION, LITERAL, Tables};

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
    if std::is_x86_feature_detected!("bmi2") {
        // SAFETY: the processor has what the function is compiled for. With it, shifts by a number
        // of bits that only the input tells are one step: inflating takes 7 % less time.
        return unsafe { decode_bmi2(text, at, tables, input) };
    }
    decode_here(text, at, tables, input)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "bmi1,bmi2")]
fn decode_bmi2<U: Unit>(
    text: &mut Text<U>,
    at: &mut usize,
    tables: &Tables,
    input: &mut Input<'_>,
) -> Result<bool, Fault> {
    decode_here(text, at, tables, input)
}

#[inline(always)]
fn decode_here<U: Unit>(
    text: &mut Text<U>,
    place: &mut usize,
    tables: &Tables,
    input: &mut Input<'_>,
) -> Result<bool, Fault> {
    let bytes = input.bytes;
    let Some(last) = bytes.len().checked_sub(TURN) else { return Ok(false) };
    let (mut register, mut next, mut at) = (input.register, input.at, *place);
    if next > last || at >= LIMIT {
        return Ok(false);
    }
    macro_rules! refill {
        () => {
            // Always so, within a turn.
            if let Some(Ok(eight)) = bytes.get(next..next + 8).map(<[u8; 8]>::try_from) {
                next += register.refill(eight);
            }
        };
    }
    refill!();
    let mut entry = tables.litlen(register.bits());
    let ended = loop {
        if next > last || at >= LIMIT {
            break Ok(false);
        }
        if entry & LITERAL != 0 {
            register.skip(entry);
            text[at] = U::from((entry >> 16) as u8);
            at += 1;
            entry = tables.litlen(register.bits());
            if entry & LITERAL != 0 {
                register.skip(entry);
                text[at] = U::from((entry >> 16) as u8);
                at += 1;
                refill!();
                entry = tables.litlen(register.bits());
                continue;
            }
        }
        if entry & EXCEPTION != 0 {
            entry = tables.litlen_tail(entry, &mut register);
            // Its code is up to four bits longer than what the first table tells.
            refill!();
            if entry & LITERAL != 0 {
                register.skip(entry);
                text[at] = U::from((entry >> 16) as u8);
                at += 1;
                refill!();
                entry = tables.litlen(register.bits());
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
        // At most 11 bits went into a literal and 16 into this length, which leaves 29 for a distance.
        let length = register.value(entry);
        let mut entry_of_distance = tables.distance(register.bits());
        if entry_of_distance & EXCEPTION != 0 {
            entry_of_distance = tables.distance_tail(entry_of_distance, &mut register);
            if entry_of_distance & BAD != 0 {
                break Err(Fault::Damaged);
            }
        }
        let distance = register.value(entry_of_distance);
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
    (input.register, input.at) = (register, next);
    ended
}

/// Repeats `length` units from `distance` before `at`; up to 31 units behind them are overwritten.
#[inline(always)]
pub(super) fn copy_match<U: Unit>(text: &mut Text<U>, at: usize, distance: usize, length: usize) {
    let from = at - distance;
    if distance >= 16 {
        // Most matches are done with these two, and with no guess as to their length.
        copy::<16, U>(text, from, at);
        copy::<16, U>(text, from + 16, at + 16);
        let mut done = 32;
        while done < length {
            copy::<16, U>(text, from + done, at + done);
            done += 16;
        }
        return;
    }
    if distance >= 8 {
        let mut done = 0;
        while done < length {
            copy::<8, U>(text, from + done, at + done);
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

#[inline(always)]
fn copy<const N: usize, U: Unit>(text: &mut Text<U>, from: usize, to: usize) {
    if let Some(units) = text[from..].first_chunk::<N>().copied()
        && let Some(place) = text[to..].first_chunk_mut::<N>()
    {
        *place = units;
    }
}
