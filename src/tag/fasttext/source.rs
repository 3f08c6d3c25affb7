//! Bounded little-endian reads of a model file.
//!
//! Every length field of the file is untrusted: it is compared with the bytes that are left
//! before anything is allocated, so a damaged file gives an error that names the part it broke
//! in, never a panic or a huge allocation.

use crate::error::{Error, Result};
use std::io::{BufRead, BufReader, ErrorKind as IoKind, Read};

/// Longest word that is believed; a damaged dictionary has no terminators for megabytes.
const MAX_WORD: u64 = 1 << 20;
/// Floats are decoded through a buffer of this many bytes.
const CHUNK: usize = 1 << 16;

/// A model file being read, with the bytes that are still to come.
pub(super) struct Source<R> {
    inner: BufReader<R>,
    left: u64,
}

impl<R: Read> Source<R> {
    pub(super) fn new(inner: R, length: u64) -> Self {
        Self { inner: BufReader::with_capacity(CHUNK, inner), left: length }
    }

    pub(super) fn left(&self) -> u64 {
        self.left
    }

    pub(super) fn byte(&mut self, what: &str) -> Result<u8> {
        Ok(self.array::<1>(what)?[0])
    }

    pub(super) fn i32(&mut self, what: &str) -> Result<i32> {
        Ok(i32::from_le_bytes(self.array(what)?))
    }

    pub(super) fn i64(&mut self, what: &str) -> Result<i64> {
        Ok(i64::from_le_bytes(self.array(what)?))
    }

    /// A count that must not be negative and whose items take at least `size` bytes each.
    pub(super) fn fits(&self, count: i64, size: u64, what: &str) -> Result<usize> {
        let bytes = u64::try_from(count).ok().and_then(|count| count.checked_mul(size));
        match (bytes, usize::try_from(count)) {
            (Some(bytes), Ok(count)) if bytes <= self.left => Ok(count),
            _ => Err(Error::asset(format!(
                "damaged fastText model: {what} claims {count} items, but {} bytes are left",
                self.left
            ))),
        }
    }

    pub(super) fn bytes(&mut self, length: usize, what: &str) -> Result<Vec<u8>> {
        self.fits(length as i64, 1, what)?;
        let mut bytes = vec![0; length];
        self.fill(&mut bytes, what)?;
        Ok(bytes)
    }

    pub(super) fn floats(&mut self, length: usize, what: &str) -> Result<Vec<f32>> {
        self.fits(length as i64, 4, what)?;
        let mut floats = vec![0.0; length];
        self.fill_floats(&mut floats, what)?;
        Ok(floats)
    }

    pub(super) fn fill_floats(&mut self, floats: &mut [f32], what: &str) -> Result<()> {
        let mut buffer = vec![0; CHUNK];
        for part in floats.chunks_mut(CHUNK / 4) {
            let bytes = &mut buffer[..part.len() * 4];
            self.fill(bytes, what)?;
            for (float, raw) in part.iter_mut().zip(bytes.chunks_exact(4)) {
                *float = f32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]]);
            }
        }
        Ok(())
    }

    /// Appends a NUL-terminated word to `arena`, without its terminator.
    pub(super) fn word(&mut self, arena: &mut Vec<u8>, what: &str) -> Result<()> {
        let mut limited = (&mut self.inner).take(self.left.min(MAX_WORD));
        let length = limited.read_until(0, arena)?;
        self.left -= length as u64;
        if arena.pop() == Some(0) && length > 0 { Ok(()) } else { Err(cut_short(what)) }
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes, what)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8], what: &str) -> Result<()> {
        if bytes.len() as u64 > self.left {
            return Err(cut_short(what));
        }
        self.inner.read_exact(bytes).map_err(|cause| match cause.kind() {
            IoKind::UnexpectedEof => cut_short(what),
            _ => cause.into(),
        })?;
        self.left -= bytes.len() as u64;
        Ok(())
    }
}

fn cut_short(what: &str) -> Error {
    Error::asset(format!("damaged fastText model: it ends within {what}"))
}
