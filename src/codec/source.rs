//! The bytes of a file as they lie on disk: buffered, counted and hashed on their way to a decoder.

use std::io::{ErrorKind, Read};

use xxhash_rust::xxh3::Xxh3Default;

use crate::error::Result;

/// Bytes per read: large enough for a system call to be nothing, small enough for the cache.
const BUFFER: usize = 128 * 1024;

pub(super) struct Source {
    input: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    read: u64,
    hash: Xxh3Default,
}

impl Source {
    pub(super) fn new(input: Box<dyn Read + Send>) -> Self {
        Self { input, buffer: Vec::new(), at: 0, end: 0, read: 0, hash: Xxh3Default::new() }
    }

    /// Bytes read from the file so far.
    pub(super) fn read(&self) -> u64 {
        self.read
    }

    /// The XXH3-128 of the bytes read from the file so far.
    pub(super) fn hash(&self) -> u128 {
        self.hash.digest128()
    }

    /// What is buffered, after a read if that was nothing; empty at the end of the file.
    pub(super) fn peek(&mut self) -> Result<&[u8]> {
        if self.at == self.end {
            self.buffer.resize(BUFFER, 0);
            self.at = 0;
            self.end = loop {
                match self.input.read(&mut self.buffer) {
                    Err(cause) if cause.kind() == ErrorKind::Interrupted => {}
                    result => break result?,
                }
            };
            self.read += self.end as u64;
            self.hash.update(&self.buffer[..self.end]);
        }
        Ok(&self.buffer[self.at..self.end])
    }

    /// Drops the first `count` bytes of what [`Source::peek`] gave.
    pub(super) fn consume(&mut self, count: usize) {
        self.at = (self.at + count).min(self.end);
    }

    pub(super) fn byte(&mut self) -> Result<Option<u8>> {
        let byte = self.peek()?.first().copied();
        self.consume(1);
        Ok(byte)
    }

    /// Appends `count` bytes to `out`, past the buffer; fewer only at the end of the file.
    pub(super) fn append(&mut self, out: &mut Vec<u8>, count: usize) -> Result<usize> {
        let start = out.len();
        out.reserve(count);
        (&mut self.input).take(count as u64).read_to_end(out)?;
        self.hash.update(&out[start..]);
        self.read += (out.len() - start) as u64;
        Ok(out.len() - start)
    }
}
