//! One output file out of segments and parts, laid end to end in the order they are given.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crc32fast::Hasher;
use xxhash_rust::xxh3::Xxh3Default;
use zstd::stream::raw::{CParameter, Encoder, InBuffer, Operation, OutBuffer};

use super::compressor::Segment;
use super::format::{Encoding, Format};
use super::part::Part;
use crate::error::{Error, Result};

/// A gzip header without name and time, so that the same text gives the same file. The extra
/// flags say "fastest" and the system "unknown" (RFC 1952).
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

/// A final deflate block with the fixed code and nothing in it.
const FINAL_BLOCK: [u8; 2] = [3, 0];

/// Output of zstd collected at a time.
const CHUNK: usize = 256 * 1024;

/// What [`Writer::finish`] has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Size of the file.
    pub bytes: u64,
    /// Length of its text.
    pub text: u64,
    /// XXH3-128 of the file, equal to [`super::Reader::content_hash`] of it.
    pub checksum: u128,
}

/// A file being written. Dropped before [`Writer::finish`], it leaves an incomplete file behind.
pub struct Writer {
    path: PathBuf,
    encoding: Encoding,
    output: Output,
    crc: Hasher,
    text: u64,
    zstd: Option<Zstd>,
}

impl Writer {
    /// Creates `path`, or empties it.
    pub fn create(path: &Path, encoding: Encoding) -> Result<Self> {
        let start = || {
            let mut output = Output::new(File::create(path)?);
            if encoding.is_one_member() {
                output.write(&GZIP_HEADER)?;
            }
            let zstd = match encoding.format() {
                Format::Zstd => Some(Zstd::new(encoding.level())?),
                _ => None,
            };
            Ok::<_, std::io::Error>((output, zstd))
        };
        let (output, zstd) = start().map_err(|cause| Error::from(cause).at(path))?;
        let path = path.to_path_buf();
        Ok(Self { path, encoding, output, crc: Hasher::new(), text: 0, zstd })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends what a [`super::Compressor`] of the same encoding made.
    pub fn append(&mut self, bytes: &[u8], segment: Segment) -> Result<()> {
        self.put(bytes)?;
        self.count(segment);
        Ok(())
    }

    /// Appends the segments of a part of the same encoding. The part's file stays.
    pub fn append_part(&mut self, part: &Part) -> Result<()> {
        if part.encoding() != self.encoding {
            let message = format!("part {} has another encoding", part.path().display());
            return Err(Error::codec(message).at(&self.path));
        }
        part.for_each_block(|block| self.put(block))?;
        self.count(part.segment());
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.zstd {
            Some(zstd) => zstd.write(bytes, &mut self.output),
            None => self.output.write(bytes),
        }
        .map_err(|cause| Error::from(cause).at(&self.path))
    }

    fn count(&mut self, segment: Segment) {
        self.crc.combine(&Hasher::new_with_initial_len(segment.crc, segment.len));
        self.text += segment.len;
    }

    /// Ends the stream. Whoever gives the file its name waits for the disk.
    pub fn finish(mut self) -> Result<Written> {
        self.end().map_err(|cause| Error::from(cause).at(&self.path))?;
        let checksum = self.output.hash.digest128();
        Ok(Written { bytes: self.output.bytes, text: self.text, checksum })
    }

    fn end(&mut self) -> std::io::Result<()> {
        if let Some(zstd) = &mut self.zstd {
            zstd.finish(&mut self.output)?;
        }
        // Whole members need no end of their own, but a file without any is not gzip.
        let empty = self.encoding.format() == Format::Gzip && self.output.bytes == 0;
        if empty {
            self.output.write(&GZIP_HEADER)?;
        }
        if empty || self.encoding.is_one_member() {
            self.output.write(&FINAL_BLOCK)?;
            self.output.write(&std::mem::take(&mut self.crc).finalize().to_le_bytes())?;
            self.output.write(&(self.text as u32).to_le_bytes())?;
        }
        self.output.file.flush()
    }
}

/// Written bytes that may wait before they are sent to the disk. It takes them while the work goes on,
/// so that little is left to wait for when the file is done.
const BEHIND: u64 = 1 << 20;

/// The file, with what went into it counted and hashed.
struct Output {
    file: BufWriter<File>,
    bytes: u64,
    /// How many of them the disk was sent.
    sent: u64,
    hash: Xxh3Default,
}

impl Output {
    fn new(file: File) -> Self {
        Self { file: BufWriter::new(file), bytes: 0, sent: 0, hash: Xxh3Default::new() }
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        self.hash.update(bytes);
        if self.bytes - self.sent >= BEHIND {
            self.file.flush()?;
            send(self.file.get_ref(), self.sent, self.bytes);
            self.sent = self.bytes;
        }
        Ok(())
    }
}

/// Has the disk take part of a file, without waiting for it.
#[cfg(target_os = "linux")]
fn send(file: &File, from: u64, to: u64) {
    use std::os::fd::AsRawFd;

    let (offset, length) = (from as libc::off64_t, (to - from) as libc::off64_t);
    // SAFETY: the descriptor is open. That a file system knows no such thing does no harm.
    let _ = unsafe {
        libc::sync_file_range(file.as_raw_fd(), offset, length, libc::SYNC_FILE_RANGE_WRITE)
    };
}

#[cfg(not(target_os = "linux"))]
fn send(_: &File, _: u64, _: u64) {}

/// The one frame of a zstd file.
struct Zstd {
    encoder: Encoder<'static>,
    buffer: Vec<u8>,
}

impl Zstd {
    fn new(level: u8) -> std::io::Result<Self> {
        let mut encoder = Encoder::new(i32::from(level))?;
        encoder.set_parameter(CParameter::ChecksumFlag(true))?;
        Ok(Self { encoder, buffer: Vec::with_capacity(CHUNK) })
    }

    fn write(&mut self, text: &[u8], output: &mut Output) -> std::io::Result<()> {
        let mut input = InBuffer::around(text);
        while input.pos() < text.len() {
            self.encoder.run(&mut input, &mut OutBuffer::around(&mut self.buffer))?;
            output.write(&self.buffer)?;
        }
        Ok(())
    }

    fn finish(&mut self, output: &mut Output) -> std::io::Result<()> {
        loop {
            let left = self.encoder.finish(&mut OutBuffer::around(&mut self.buffer), true)?;
            output.write(&self.buffer)?;
            if left == 0 {
                return Ok(());
            }
        }
    }
}
