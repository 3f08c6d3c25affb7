//! Raw deflate streams, decoded in constant memory (RFC 1951).
//!
//! Symbols are looked up in tables of 2^12 and 2^8 entries, each of which holds all that is known of
//! its symbol, out of 64 bits that are refilled without a branch: by a fast loop (`symbols.rs`), and
//! by a careful one where the source ends. The source is asked for enough bytes in advance that no
//! symbol and no block header has to be taken up again in the middle.
//!
//! A stream can be taken up at any of its blocks, given the text before it; where that is not known yet,
//! text is made of [`Unit`]s that may stand for a place in it (`markers.rs`).

use super::input::{Input, Register, Shift};
use super::source::Source;
use super::symbols;
use super::tables::{BAD, EXCEPTION, LITERAL, Tables, literal_before};
use crate::error::Result;

/// What a match may refer back to.
pub(super) const WINDOW: usize = 32 * 1024;

/// Text decoded at a time: with the window and the tables it stays in the second-level cache.
const CHUNK: usize = 128 * 1024;

/// Where the last symbol of a chunk may begin.
pub(super) const LIMIT: usize = WINDOW + CHUNK;

/// What the copy of a match may write behind it.
pub(super) const OVERHANG: usize = 32;

/// Room for what that symbol and those of the same turn write: three literals and a match of 258.
const ROOM: usize = 3 + 258 + OVERHANG;

/// What text is made of: bytes, or something wider that a byte can be.
pub(super) trait Unit: Copy + Default + From<u8> {}

impl<U: Copy + Default + From<u8>> Unit for U {}

/// The window and behind it the chunk.
pub(super) type Text<U> = [U; LIMIT + ROOM];

/// Input that a symbol may take, and the largest header of a block with a byte to spare: 17 bits, 19
/// lengths of 3 bits and 320 symbols of at most 14 bits.
const SYMBOL: usize = 32;
const HEADER: usize = 600;

/// Why a stream cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Cut,
    Damaged,
}

/// Where [`Inflate::read`] stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Inside a block: there is more.
    Inside,
    /// Between two blocks; only told where it was asked for.
    Boundary,
    /// Behind the last block.
    End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Stored(usize),
    Coded,
    End,
}

/// The decoder, reusable for one stream after the other.
pub(super) struct Inflate<U> {
    text: Box<Text<U>>,
    /// Where text goes; all that lies before is of this stream.
    at: usize,
    register: Register,
    state: State,
    last: bool,
    tables: Box<Tables>,
    /// Whether to stop between blocks.
    pub(super) pausing: bool,
}

impl<U: Unit> Inflate<U> {
    pub(super) fn new() -> Self {
        Self {
            text: Box::new([U::default(); LIMIT + ROOM]),
            at: 0,
            register: Register::default(),
            state: State::Header,
            last: false,
            tables: Box::new(Tables::new()),
            pausing: false,
        }
    }

    /// Forgets the last stream.
    pub(super) fn reset(&mut self) {
        (self.at, self.register) = (0, Register::default());
        (self.state, self.last) = (State::Header, false);
    }

    /// Goes on with the block that begins at a bit of the file, behind `window`: all of its stream's text
    /// so far, or the last of it. The source is at the byte with that bit, which is taken from it.
    pub(super) fn resume(&mut self, source: &mut Source, bit: u64, window: &[U]) -> Result<()> {
        self.reset();
        self.at = window.len().min(WINDOW);
        self.text[..self.at].copy_from_slice(&window[window.len() - self.at..]);
        let begun = (bit % 8) as u32;
        if begun > 0
            && let Some(byte) = source.byte()?
        {
            self.register = Register::of_byte(byte, begun);
        }
        Ok(())
    }

    /// The last of the stream's text, as far as a match may reach.
    pub(super) fn window(&self) -> &[U] {
        &self.text[self.at.saturating_sub(WINDOW)..self.at]
    }

    /// The bit of the file with which what was not read begins.
    pub(super) fn position(&self, source: &Source) -> u64 {
        8 * source.position() - u64::from(self.register.count())
    }

    /// The next bits of the source, at least eight unless it ends.
    pub(super) fn next_bits(&self, source: &mut Source) -> Result<u8> {
        let next = source.peek()?.first().copied().unwrap_or(0);
        Ok((self.register.bits() | u64::from(next) << self.register.count()) as u8)
    }

    /// Appends some more text to `out`; once the stream has ended, the source is just behind it. At a fault
    /// all is appended that could be decoded.
    pub(super) fn read(
        &mut self,
        source: &mut Source,
        out: &mut Vec<U>,
    ) -> Result<std::result::Result<Stop, Fault>> {
        let (bytes, ended) = source.peek_many(HEADER)?;
        let mut input = Input::new(bytes, ended, self.register);
        let start = self.at;
        let result = self.run(&mut input);
        input.unread();
        self.register = input.register;
        let consumed = input.at;
        source.consume(consumed);
        out.extend_from_slice(&self.text[start..self.at]);
        if let Err(fault) = result {
            return Ok(Err(fault));
        }
        if self.at >= LIMIT {
            self.text.copy_within(self.at - WINDOW..self.at, 0);
            self.at = WINDOW;
        }
        Ok(Ok(match self.state {
            State::End => Stop::End,
            State::Header if self.pausing => Stop::Boundary,
            _ => Stop::Inside,
        }))
    }

    /// Decodes until the stream ends, the chunk is full, input runs low or there is a pause.
    fn run(&mut self, input: &mut Input<'_>) -> std::result::Result<(), Fault> {
        while self.at < LIMIT {
            match self.state {
                State::Header => {
                    if !input.ended && input.bytes.len() - input.at < HEADER {
                        return Ok(());
                    }
                    self.header(input).map_err(|fault| input.fault(fault))?;
                }
                State::Stored(left) => {
                    if !self.stored(input, left)? || self.pausing {
                        return Ok(());
                    }
                }
                State::Coded => {
                    self.coded(input)?;
                    if self.state == State::Coded || self.pausing {
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
        self.last = input.register.take(1) == 1;
        match input.register.take(2) {
            0 => {
                input.register.take(input.register.count() % 8);
                input.unread();
                input.refill();
                let length = input.register.take(16);
                if length != !input.register.take(16) & 0xffff {
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
        let count = left.min(rest.len()).min(LIMIT - self.at);
        for (unit, &byte) in self.text[self.at..self.at + count].iter_mut().zip(rest) {
            *unit = U::from(byte);
        }
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
        let ended = match symbols::decode(&mut self.text, &mut self.at, &self.tables, input)? {
            true => true,
            false => self.carefully(input).map_err(|fault| input.fault(fault))?,
        };
        if ended {
            self.next_block();
        }
        Ok(())
    }

    /// Decodes symbols as far as there is input for them; true at the end of the block.
    fn carefully(&mut self, input: &mut Input<'_>) -> std::result::Result<bool, Fault> {
        let ended = loop {
            if self.at >= LIMIT || (input.bytes.len() - input.at < SYMBOL && !input.ended) {
                break false;
            }
            if input.overrun() {
                return Err(Fault::Cut);
            }
            input.refill();
            let mut entry = self.tables.litlen(input.register.bits());
            if entry & EXCEPTION != 0 {
                entry = self.tables.litlen_tail(entry, &mut input.register);
            }
            if entry & LITERAL != 0 {
                input.register.skip(entry);
                self.text[self.at] = U::from((entry >> 16) as u8);
                self.at += 1;
                continue;
            }
            if entry & EXCEPTION != 0 {
                if entry & BAD != 0 {
                    return Err(Fault::Damaged);
                }
                input.register.skip(entry);
                break true;
            }
            let (literal, count) = literal_before(entry);
            self.text[self.at] = U::from(literal);
            self.at += count;
            let length = input.register.length(entry, Shift);
            input.refill();
            let mut entry = self.tables.distance(input.register.bits());
            if entry & EXCEPTION != 0 {
                entry = self.tables.distance_tail(entry, &mut input.register);
                if entry & BAD != 0 {
                    return Err(Fault::Damaged);
                }
            }
            let distance = input.register.distance(entry, Shift);
            if distance > self.at {
                return Err(Fault::Damaged);
            }
            symbols::copy_match(&mut self.text, self.at, distance, length);
            self.at += length;
        };
        if input.overrun() { Err(Fault::Cut) } else { Ok(ended) }
    }
}
