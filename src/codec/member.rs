//! What surrounds the deflate stream of a gzip member: its header and its trailer (RFC 1952).

use crc32fast::Hasher;

use super::source::Source;
use crate::error::{Error, Result};

const HEADER_CRC: u8 = 2;
const EXTRA_FIELD: u8 = 4;
const FILE_NAME: u8 = 8;
const COMMENT: u8 = 16;
const RESERVED: u8 = 0xe0;

/// Reads a header from its third byte on; the first two, the magic number, were read.
///
/// # Errors
/// `Codec` when it is damaged or cut short, behind `decompressed` bytes of text.
pub(super) fn skip_header(source: &mut Source, decompressed: u64) -> Result<()> {
    let mut header = Header { crc: Hasher::new(), decompressed };
    header.crc.update(&[0x1f, 0x8b]);
    header.skip(source)
}

/// A header as it is read, under its own checksum.
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

/// What a member says of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trailer {
    pub(super) crc: u32,
    /// Modulo 2^32.
    pub(super) length: u32,
}

impl Trailer {
    /// Reads what follows the deflate stream; None where the source ends before.
    pub(super) fn read(source: &mut Source) -> Result<Option<Self>> {
        let mut bytes = [0; 8];
        for byte in &mut bytes {
            let Some(next) = source.byte()? else { return Ok(None) };
            *byte = next;
        }
        let [a, b, c, d, e, f, g, h] = bytes;
        Ok(Some(Self {
            crc: u32::from_le_bytes([a, b, c, d]),
            length: u32::from_le_bytes([e, f, g, h]),
        }))
    }
}

pub(super) fn cut(decompressed: u64) -> Error {
    Error::codec(format!(
        "gzip stream ends in the middle of a member: the file is truncated \
         ({decompressed} bytes decompressed so far)"
    ))
}
