//! Segments set aside in a file of their own, to be joined with others later.
//!
//! One output file is often built from several inputs that are worked on at the same time: each
//! writes a part, and a [`super::Writer`] then joins the parts in order by copying their bytes. A
//! part is no valid file of its format; what makes it one (header, checksum, length) is known only
//! to the [`Part`] in memory, so a part that outlives its run is of no use to anybody.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use crc32fast::Hasher;

use super::compressor::Segment;
use super::format::Encoding;
use crate::error::{Error, Result};

/// Bytes copied at a time.
const BLOCK: usize = 256 * 1024;

/// A finished part.
#[derive(Clone, Debug)]
pub struct Part {
    path: PathBuf,
    encoding: Encoding,
    segment: Segment,
    bytes: u64,
}

impl Part {
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The part seen as one segment.
    pub fn segment(&self) -> Segment {
        self.segment
    }

    /// Size of the part's file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Calls `each` on the bytes of the part's file in order; an error if they are not as many as
    /// were written.
    pub(super) fn for_each_block(&self, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let at_part = |cause: std::io::Error| Error::from(cause).at(&self.path);
        let mut file = File::open(&self.path).map_err(at_part)?;
        let mut block = Vec::with_capacity(BLOCK);
        let mut seen = 0;
        loop {
            block.clear();
            (&mut file).take(BLOCK as u64).read_to_end(&mut block).map_err(at_part)?;
            if block.is_empty() {
                break;
            }
            seen += block.len() as u64;
            each(&block)?;
        }
        if seen == self.bytes {
            return Ok(());
        }
        let message = format!("part has {seen} bytes where {} were written", self.bytes);
        Err(Error::codec(message).at(&self.path))
    }
}

/// A part being written.
pub struct PartWriter {
    path: PathBuf,
    encoding: Encoding,
    file: BufWriter<File>,
    crc: Hasher,
    text: u64,
    bytes: u64,
}

impl PartWriter {
    /// Creates `path`, or empties it.
    pub fn create(path: &Path, encoding: Encoding) -> Result<Self> {
        let file = File::create(path).map_err(|cause| Error::from(cause).at(path))?;
        let (path, file) = (path.to_path_buf(), BufWriter::new(file));
        Ok(Self { path, encoding, file, crc: Hasher::new(), text: 0, bytes: 0 })
    }

    /// Appends what a [`super::Compressor`] of the same encoding made.
    pub fn append(&mut self, bytes: &[u8], segment: Segment) -> Result<()> {
        self.file.write_all(bytes).map_err(|cause| Error::from(cause).at(&self.path))?;
        self.crc.combine(&Hasher::new_with_initial_len(segment.crc, segment.len));
        self.text += segment.len;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Ends the part. It is not flushed to disk: only the run that wrote it can use it.
    pub fn finish(mut self) -> Result<Part> {
        self.file.flush().map_err(|cause| Error::from(cause).at(&self.path))?;
        let segment = Segment { crc: self.crc.finalize(), len: self.text };
        Ok(Part { path: self.path, encoding: self.encoding, segment, bytes: self.bytes })
    }
}
