//! Raw deflate streams, decoded in constant memory (RFC 1951).
//!
//! The loop looks symbols up in tables of 2^11 and 2^8 entries, each of which holds all that is
//! known of its symbol, out of 64 bits that are refilled without a branch. It asks for input and
//! for room once per turn, not per symbol. The source is asked for enough bytes in advance that no
//! symbol and no block header has to be taken up again in the middle.

use super::source::Source;
use super::tables::{BAD, END, EXCEPTION, LITERAL, Tables};
use crate::error::Result;

/// What a match may refer back to.
const WINDOW: usize = 32 * 1024;

/// Text decoded at a time: with the window and the tables it stays in the second-level cache.
const CHUNK: usize = 128 * 1024;

/// Room that a turn of the loop may write to: three literals, a match of 258 and the overhang of
/// its last copy.
const ROOM: usize = 3 + 258 + 32;

/// Input that a turn may read, and the largest header of a block with a byte to spare: 17 bits, 19
/// lengths of 3 bits and 320 symbols of at most 14 bits.
const TURN: usize = 32;
const HEADER: usize = 600;

/// Why a stream cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Cut,
    Damaged,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Stored(usize),
    Coded,
    End,
}

/// The decoder, reusable for one stream after the other.
pub(super) struct Inflate {
    text: Vec<u8>,
    /// Where text goes; all that lies before is of this stream.
    at: usize,
    bits: u64,
    count: u32,
    state: State,
    last: bool,
    tables: Tables,
}

impl Inflate {
    pub(super) fn new() -> Self {
        Self {
            text: vec![0; WINDOW + CHUNK + ROOM],
            at: 0,
            bits: 0,
            count: 0,
            state: State::Header,
            last: false,
            tables: Tables::new(),
        }
    }

    /// Forgets the last stream.
    pub(super) fn reset(&mut self) {
        (self.at, self.bits, self.count) = (0, 0, 0);
        (self.state, self.last) = (State::Header, false);
    }

    /// Appends some more text to `out`; true once the stream has ended, with the source just
    /// behind it.
    pub(super) fn read(
        &mut self,
        source: &mut Source,
        out: &mut Vec<u8>,
    ) -> Result<std::result::Result<bool, Fault>> {
        let (bytes, ended) = source.peek_many(HEADER)?;
        let mut input =
            Input { bytes, at: 0, ended, bits: self.bits, count: self.count, missing: 0 };
        let start = self.at;
        let result = self.run(&mut input);
        input.unread();
        (self.bits, self.count) = (input.bits, input.count);
        let consumed = input.at;
        source.consume(consumed);
        if let Err(fault) = result {
            return Ok(Err(fault));
        }
        out.extend_from_slice(&self.text[start..self.at]);
        if self.at >= WINDOW + CHUNK {
            self.text.copy_within(self.at - WINDOW..self.at, 0);
            self.at = WINDOW;
        }
        Ok(Ok(self.state == State::End))
    }

    /// Decodes until the stream ends, the chunk is full or input runs low.
    fn run(&mut self, input: &mut Input<'_>) -> std::result::Result<(), Fault> {
        while self.at < WINDOW + CHUNK {
            match self.state {
                State::Header => {
                    if !input.ended && input.bytes.len() - input.at < HEADER {
                        return Ok(());
                    }
                    self.header(input).map_err(|fault| input.fault(fault))?;
                }
                State::Stored(left) => {
                    if !self.stored(input, left)? {
                        return Ok(());
                    }
                }
                State::Coded => {
                    self.coded(input)?;
                    if self.state == State::Coded {
                        return Ok(());
                    }
                }
                State::End => return Ok(()),
            }
        }
        Ok(())
    }

    fn header(&mut self, input: &mut Input<'_>) -> std::result::Result<(), Fault> {
        input.refill();
        self.last = input.take(1) == 1;
        match input.take(2) {
            0 => {
                input.take(input.count % 8);
                input.unread();
                input.refill();
                let length = input.take(16);
                if length != !input.take(16) & 0xffff {
                    return Err(Fault::Damaged);
                }
                self.state = State::Stored(length as usize);
                input.unread();
            }
            1 => {
                self.tables.fixed();
                self.state = State::Coded;
            }
            2 => {
                self.tables.read(input)?;
                self.state = State::Coded;
            }
            _ => return Err(Fault::Damaged),
        }
        if input.overrun() { Err(Fault::Cut) } else { Ok(()) }
    }

    /// Copies stored bytes; false when there is no more input.
    fn stored(&mut self, input: &mut Input<'_>, left: usize) -> std::result::Result<bool, Fault> {
        let rest = &input.bytes[input.at..];
        let count = left.min(rest.len()).min(WINDOW + CHUNK - self.at);
        self.text[self.at..self.at + count].copy_from_slice(&rest[..count]);
        self.at += count;
        input.at += count;
        if count == left {
            self.next_block();
        } else {
            self.state = State::Stored(left - count);
            if count == rest.len() {
                return if input.ended { Err(Fault::Cut) } else { Ok(false) };
            }
        }
        Ok(true)
    }

    fn next_block(&mut self) {
        self.state = if self.last { State::End } else { State::Header };
    }

    /// Decodes symbols of a block with codes.
    fn coded(&mut self, input: &mut Input<'_>) -> std::result::Result<(), Fault> {
        let mut local = *input;
        let result = self.symbols(&mut local);
        *input = local;
        result.map_err(|fault| input.fault(fault))
    }

    fn symbols(&mut self, input: &mut Input<'_>) -> std::result::Result<(), Fault> {
        let text = &mut self.text[..];
        let tables = &self.tables;
        let mut at = self.at;
        let ended = loop {
            if at >= WINDOW + CHUNK || (input.bytes.len() - input.at < TURN && !input.ended) {
                break false;
            }
            if input.overrun() {
                return Err(Fault::Cut);
            }
            input.refill();
            let mut entry = tables.litlen(input.bits);
            // Two literals of the first table take 22 bits, which leaves 34 for a length.
            if entry & LITERAL != 0 {
                input.skip(entry);
                text[at] = (entry >> 16) as u8;
                at += 1;
                entry = tables.litlen(input.bits);
                if entry & LITERAL != 0 {
                    input.skip(entry);
                    text[at] = (entry >> 16) as u8;
                    at += 1;
                    entry = tables.litlen(input.bits);
                    if entry & LITERAL != 0 {
                        input.skip(entry);
                        text[at] = (entry >> 16) as u8;
                        at += 1;
                        continue;
                    }
                }
            }
            if entry & EXCEPTION != 0 {
                entry = tables.litlen_tail(entry, input);
                if entry & LITERAL != 0 {
                    text[at] = (entry >> 16) as u8;
                    at += 1;
                    input.skip(entry);
                    continue;
                }
                if entry & END != 0 {
                    input.skip(entry);
                    break true;
                }
                if entry & BAD != 0 {
                    return Err(Fault::Damaged);
                }
            }
            let length = input.value(entry);
            input.refill();
            let mut entry = tables.distance(input.bits);
            if entry & EXCEPTION != 0 {
                entry = tables.distance_tail(entry, input);
                if entry & BAD != 0 {
                    return Err(Fault::Damaged);
                }
            }
            let distance = input.value(entry);
            if distance > at {
                return Err(Fault::Damaged);
            }
            copy_match(text, at, distance, length);
            at += length;
        };
        self.at = at;
        if input.overrun() {
            return Err(Fault::Cut);
        }
        if ended {
            self.next_block();
        }
        Ok(())
    }
}

/// Repeats `length` bytes from `distance` before `at`; up to 31 bytes behind them are overwritten.
#[inline(always)]
fn copy_match(text: &mut [u8], at: usize, distance: usize, length: usize) {
    let from = at - distance;
    if distance >= 16 {
        // Most matches are done with these two, and with no guess as to their length.
        copy::<16>(text, from, at);
        copy::<16>(text, from + 16, at + 16);
        let mut done = 32;
        while done < length {
            copy::<16>(text, from + done, at + done);
            done += 16;
        }
        return;
    }
    if distance >= 8 {
        let mut done = 0;
        while done < length {
            copy::<8>(text, from + done, at + done);
            done += 8;
        }
    } else if distance == 1 {
        let byte = text[from];
        text[at..at + length].fill(byte);
    } else {
        for done in 0..length {
            text[at + done] = text[from + done];
        }
    }
}

#[inline(always)]
fn copy<const N: usize>(text: &mut [u8], from: usize, to: usize) {
    if let Some(bytes) = text[from..].first_chunk::<N>().copied()
        && let Some(place) = text[to..].first_chunk_mut::<N>()
    {
        *place = bytes;
    }
}

/// Bytes of the source as bits, least significant first.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Whether the source ends with these bytes.
    ended: bool,
    /// The next bits; those beyond `count` are zero or the next ones of `bytes`.
    bits: u64,
    count: u32,
    /// Zero bytes taken for what lies beyond the end.
    missing: u32,
}

impl Input<'_> {
    /// Brings the bits to 56 at least.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        if let Some(bytes) = self.bytes[self.at..].first_chunk() {
            self.bits |= u64::from_le_bytes(*bytes) << self.count;
            self.at += ((63 - self.count) / 8) as usize;
            self.count |= 56;
        } else {
            self.refill_at_end();
        }
    }

    #[cold]
    fn refill_at_end(&mut self) {
        while self.count < 56 {
            match self.bytes.get(self.at) {
                Some(&byte) => {
                    self.bits |= u64::from(byte) << self.count;
                    self.at += 1;
                }
                None => self.missing += 1,
            }
            self.count += 8;
        }
    }

    /// Whether bits were used that are not there.
    #[inline(always)]
    pub(super) fn overrun(&self) -> bool {
        self.missing * 8 > self.count
    }

    /// A code that does not exist was perhaps just cut off.
    fn fault(&self, fault: Fault) -> Fault {
        if self.missing > 0 { Fault::Cut } else { fault }
    }

    #[inline(always)]
    pub(super) fn drop_bits(&mut self, count: u32) {
        self.bits >>= count;
        self.count -= count;
    }

    #[inline(always)]
    pub(super) fn bits(&self) -> u64 {
        self.bits
    }

    /// Takes up to 16 bits.
    pub(super) fn take(&mut self, count: u32) -> u32 {
        let value = self.bits & ((1 << count) - 1);
        self.drop_bits(count);
        value as u32
    }

    #[inline(always)]
    fn skip(&mut self, entry: u32) {
        self.drop_bits(entry & 0xff);
    }

    /// The base of an entry plus its extra bits.
    #[inline(always)]
    fn value(&mut self, entry: u32) -> usize {
        let all = entry & 0xff;
        let extra = (self.bits & ((1 << all) - 1)) >> (entry >> 8 & 15);
        self.drop_bits(all);
        (entry >> 16) as usize + extra as usize
    }

    /// Gives whole bytes back.
    fn unread(&mut self) {
        let bytes = self.count / 8;
        self.at -= bytes.saturating_sub(self.missing) as usize;
        self.missing = self.missing.saturating_sub(bytes);
        self.count %= 8;
        self.bits &= (1 << self.count) - 1;
    }
}
