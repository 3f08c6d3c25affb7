//! How small a text becomes, without keeping what it becomes.

use libdeflater::{CompressionLvl, Compressor as Libdeflate};

use crate::error::{Error, Result};

/// The levels of the command-line tools when they are given none.
const ZSTD_LEVEL: i32 = 3;
const GZIP_LEVEL: i32 = 6;

/// Measures one text after the other; a text is one frame or member.
pub struct Gauge {
    zstd: zstd::bulk::Compressor<'static>,
    gzip: Libdeflate,
    buffer: Vec<u8>,
}

/// A buffer that grew beyond this goes back to the allocator.
const KEPT: usize = 1 << 22;

impl Gauge {
    pub fn new() -> Result<Self> {
        let gzip = CompressionLvl::new(GZIP_LEVEL)
            .map_err(|_| Error::config(format!("gzip has no level {GZIP_LEVEL}")))?;
        Ok(Self {
            zstd: zstd::bulk::Compressor::new(ZSTD_LEVEL)?,
            gzip: Libdeflate::new(gzip),
            buffer: Vec::new(),
        })
    }

    /// Bytes of the text as a frame of Zstandard.
    pub fn zstd(&mut self, text: &[u8]) -> Result<usize> {
        self.reserve(zstd::zstd_safe::compress_bound(text.len()));
        Ok(self.zstd.compress_to_buffer(text, &mut self.buffer[..])?)
    }

    /// Bytes of the text as a gzip file.
    pub fn gzip(&mut self, text: &[u8]) -> Result<usize> {
        let bound = self.gzip.gzip_compress_bound(text.len());
        self.reserve(bound);
        let written = self.gzip.gzip_compress(text, &mut self.buffer);
        written.map_err(|cause| Error::codec(format!("gzip: {cause}")))
    }

    fn reserve(&mut self, bytes: usize) {
        if self.buffer.len() > KEPT && bytes <= KEPT {
            self.buffer = Vec::new();
        }
        if self.buffer.len() < bytes {
            self.buffer.resize(bytes, 0);
        }
    }
}
