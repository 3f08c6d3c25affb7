//! gzip members, one after the other, in constant memory (RFC 1952).
//!
//! The header and trailer are read here, not by the inflater, so that every way in which a file can
//! be cut short or damaged has its own message and none ends the stream silently.

use crc32fast::Hasher;

use super::inflate::{Fault, Inflate};
use super::source::Source;
use crate::error::{Error, Result};

const HEADER_CRC: u8 = 2;
const EXTRA_FIELD: u8 = 4;
const FILE_NAME: u8 = 8;
const COMMENT: u8 = 16;
const RESERVED: u8 = 0xe0;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Body,
    Between,
    End,
}

pub(super) struct Gunzip {
    inflate: Inflate,
    state: State,
    crc: Hasher,
    /// Bytes of this member and of the members before it.
    length: u64,
    before: u64,
}

impl Gunzip {
    pub(super) fn new() -> Self {
        Self {
            inflate: Inflate::new(),
            state: State::Start,
            crc: Hasher::new(),
            length: 0,
            before: 0,
        }
    }

    /// Appends at least `target` bytes to `out`; false at the end of the last member.
    pub(super) fn read(
        &mut self,
        source: &mut Source,
        out: &mut Vec<u8>,
        target: usize,
    ) -> Result<bool> {
        let start = out.len();
        while out.len() - start < target {
            match self.state {
                State::Start => self.open_first(source)?,
                State::Body => self.inflate(source, out)?,
                State::Between => self.open_next(source)?,
                State::End => return Ok(false),
            }
        }
        Ok(true)
    }

    fn open_first(&mut self, source: &mut Source) -> Result<()> {
        match source.byte()? {
            None => Err(Error::codec("the file is empty: it is not even an empty gzip stream")),
            Some(0x1f) => self.open(source),
            Some(_) => Err(Error::codec("not a gzip stream: it does not start with 1f 8b")),
        }
    }

    /// Goes on with the next member, or past zeros to the end of the file: tapes and some object
    /// stores pad with zeros, and gzip(1) takes them too.
    fn open_next(&mut self, source: &mut Source) -> Result<()> {
        match source.byte()? {
            None => self.state = State::End,
            Some(0x1f) => return self.open(source),
            Some(0) => loop {
                match source.byte()? {
                    None => {
                        self.state = State::End;
                        break;
                    }
                    Some(0) => {}
                    Some(_) => return Err(self.garbage()),
                }
            },
            Some(_) => return Err(self.garbage()),
        }
        Ok(())
    }

    fn garbage(&self) -> Error {
        Error::codec(format!(
            "bytes that are not gzip follow the last gzip member ({} bytes decompressed so far)",
            self.before
        ))
    }

    /// Reads a member's header from its second byte on.
    fn open(&mut self, source: &mut Source) -> Result<()> {
        let mut header = Header { crc: Hasher::new(), decompressed: self.before };
        header.crc.update(&[0x1f]);
        if header.byte(source)? != 0x8b {
            return Err(if self.state == State::Start {
                Error::codec("not a gzip stream: it does not start with 1f 8b")
            } else {
                self.garbage()
            });
        }
        header.skip(source)?;
        self.inflate.reset();
        self.crc = Hasher::new();
        self.length = 0;
        self.state = State::Body;
        Ok(())
    }

    fn inflate(&mut self, source: &mut Source, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        let ended = self.inflate.read(source, out)?.map_err(|fault| {
            let decompressed = self.before + self.length;
            match fault {
                Fault::Cut => cut(decompressed),
                Fault::Damaged => Error::codec(format!(
                    "the gzip stream is damaged ({decompressed} bytes decompressed so far)"
                )),
            }
        })?;
        self.crc.update(&out[start..]);
        self.length += (out.len() - start) as u64;
        if ended {
            self.close(source)?;
        }
        Ok(())
    }

    /// Reads a member's trailer and checks the member against it.
    fn close(&mut self, source: &mut Source) -> Result<()> {
        let mut trailer = [0; 8];
        let total = self.before + self.length;
        for byte in &mut trailer {
            *byte = source.byte()?.ok_or_else(|| cut(total))?;
        }
        let [a, b, c, d, e, f, g, h] = trailer;
        let found = std::mem::take(&mut self.crc).finalize();
        let expected = u32::from_le_bytes([a, b, c, d]);
        if found != expected {
            return Err(Error::codec(format!(
                "the gzip stream is damaged: its checksum is {found:08x}, not {expected:08x} \
                 ({total} bytes decompressed)"
            )));
        }
        let expected = u32::from_le_bytes([e, f, g, h]);
        if self.length as u32 != expected {
            return Err(Error::codec(format!(
                "the gzip stream is damaged: a member of {} bytes says that it has {expected} \
                 (modulo 2^32)",
                self.length
            )));
        }
        self.before = total;
        self.state = State::Between;
        Ok(())
    }
}

/// A member's header as it is read, under its own checksum.
struct Header {
    crc: Hasher,
    decompressed: u64,
}

impl Header {
    fn byte(&mut self, source: &mut Source) -> Result<u8> {
        let byte = source.byte()?.ok_or_else(|| cut(self.decompressed))?;
        self.crc.update(&[byte]);
        Ok(byte)
    }

    fn short(&mut self, source: &mut Source) -> Result<u16> {
        Ok(u16::from_le_bytes([self.byte(source)?, self.byte(source)?]))
    }

    /// Reads everything behind the two bytes of the magic number.
    fn skip(&mut self, source: &mut Source) -> Result<()> {
        let method = self.byte(source)?;
        let flags = self.byte(source)?;
        if method != 8 || flags & RESERVED != 0 {
            return Err(Error::codec(format!(
                "the gzip header is damaged: method {method}, flags {flags:#04x}"
            )));
        }
        // Time, extra flags and system.
        for _ in 0..6 {
            self.byte(source)?;
        }
        if flags & EXTRA_FIELD != 0 {
            for _ in 0..self.short(source)? {
                self.byte(source)?;
            }
        }
        for text in [FILE_NAME, COMMENT] {
            if flags & text != 0 {
                while self.byte(source)? != 0 {}
            }
        }
        if flags & HEADER_CRC != 0 {
            let found = self.crc.clone().finalize() as u16;
            let expected = self.short(source)?;
            if found != expected {
                return Err(Error::codec(format!(
                    "the gzip header is damaged: its checksum is {found:04x}, not {expected:04x}"
                )));
            }
        }
        Ok(())
    }
}

fn cut(decompressed: u64) -> Error {
    Error::codec(format!(
        "gzip stream ends in the middle of a member: the file is truncated \
         ({decompressed} bytes decompressed so far)"
    ))
}
