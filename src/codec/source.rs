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
    ended: bool,
    read: u64,
    hash: Xxh3Default,
}

impl Source {
    pub(super) fn new(input: Box<dyn Read + Send>) -> Self {
        Self::within(input, 0)
    }

    /// Over the rest of a file, from a byte of it on.
    pub(super) fn within(input: Box<dyn Read + Send>, from: u64) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            at: 0,
            end: 0,
            ended: false,
            read: from,
            hash: Xxh3Default::new(),
        }
    }

    /// How far the file was read.
    pub(super) fn read(&self) -> u64 {
        self.read
    }

    /// The byte of the file that comes next.
    pub(super) fn position(&self) -> u64 {
        self.read - (self.end - self.at) as u64
    }

    /// The XXH3-128 of the bytes read from the file so far.
    pub(super) fn hash(&self) -> u128 {
        self.hash.digest128()
    }

    /// What is buffered, after a read if that was nothing; empty at the end of the file.
    pub(super) fn peek(&mut self) -> Result<&[u8]> {
        Ok(self.peek_many(1)?.0)
    }

    /// What is buffered, after reads if that was less than `least`, and whether the file is known
    /// to end there. Less comes only at its end.
    pub(super) fn peek_many(&mut self, least: usize) -> Result<(&[u8], bool)> {
        if self.end - self.at < least && !self.ended {
            self.buffer.resize(BUFFER, 0);
            self.buffer.copy_within(self.at..self.end, 0);
            self.end -= self.at;
            self.at = 0;
            while self.end < least && !self.ended {
                let count = match self.input.read(&mut self.buffer[self.end..]) {
                    Err(cause) if cause.kind() == ErrorKind::Interrupted => continue,
                    result => result?,
                };
                self.hash.update(&self.buffer[self.end..self.end + count]);
                self.end += count;
                self.read += count as u64;
                self.ended = count == 0;
            }
        }
        Ok((&self.buffer[self.at..self.end], self.ended))
    }

    /// Drops the first `count` bytes of what [`Source::peek`] gave.
    pub(super) fn consume(&mut self, count: usize) {
        self.at = (self.at + count).min(self.end);
    }

    /// Goes on to a byte of the file; false where it ends before.
    pub(super) fn skip_to(&mut self, position: u64) -> Result<bool> {
        while self.position() < position {
            let missing = (position - self.position()) as usize;
            let there = self.peek()?.len();
            if there == 0 {
                return Ok(false);
            }
            self.consume(missing.min(there));
        }
        Ok(true)
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
