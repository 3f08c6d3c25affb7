//! Text into segments: the part of writing that runs in many threads.
//!
//! A segment is what one piece of text becomes, whoever compresses it and whatever came before.

use libdeflater::{CompressionLvl, Compressor as Libdeflate};

use super::deflate::Deflater;
use super::format::{Encoding, Format};
use crate::error::{Error, Result};

/// What a [`super::Writer`] must know of a segment besides its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// CRC-32 of the text, where the trailer of the file needs it; else zero.
    pub crc: u32,
    /// Length of the text.
    pub len: u64,
}

/// The reusable state of one thread.
pub struct Compressor {
    encoder: Encoder,
}

enum Encoder {
    /// Plain files, and zstd: one frame is one stream, so the writer compresses.
    Copy,
    Fast(Box<Deflater>),
    Member(Libdeflate),
}

impl Compressor {
    pub fn new(encoding: Encoding) -> Result<Self> {
        let encoder = if encoding.format() != Format::Gzip {
            Encoder::Copy
        } else if encoding.is_one_member() {
            Encoder::Fast(Box::new(Deflater::new()))
        } else {
            let level = CompressionLvl::new(i32::from(encoding.level()))
                .map_err(|_| Error::config(format!("gzip has no level {}", encoding.level())))?;
            Encoder::Member(Libdeflate::new(level))
        };
        Ok(Self { encoder })
    }

    /// Appends the segment of `text` to `out`.
    pub fn compress(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<Segment> {
        let mut segment = Segment { crc: 0, len: text.len() as u64 };
        if text.is_empty() {
            return Ok(segment);
        }
        match &mut self.encoder {
            Encoder::Copy => out.extend_from_slice(text),
            Encoder::Fast(deflater) => {
                deflater.compress(text, out);
                segment.crc = crc32fast::hash(text);
            }
            Encoder::Member(member) => {
                let start = out.len();
                out.resize(start + member.gzip_compress_bound(text.len()), 0);
                let written = member
                    .gzip_compress(text, &mut out[start..])
                    .map_err(|cause| Error::codec(format!("gzip: {cause}")))?;
                out.truncate(start + written);
            }
        }
        Ok(segment)
    }
}
