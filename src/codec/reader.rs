//! The decompressed bytes of one file, whatever its format, in blocks and in constant memory.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::Format;
use super::gunzip::Gunzip;
use super::prefetch::Prefetch;
use super::source::Source;
use super::unzstd::Unzstd;
use crate::error::{Error, Result};

/// Opens `path` in the format that its suffix names.
pub fn open(path: &Path) -> Result<Reader> {
    Reader::open(path, Format::from_path(path))
}

/// A file being read.
pub struct Reader {
    path: PathBuf,
    source: Source,
    decoder: Decoder,
    prefetch: Option<Arc<Prefetch>>,
    size: u64,
    decompressed: u64,
    ended: bool,
}

enum Decoder {
    Plain,
    Gzip(Box<Gunzip>),
    Zstd(Unzstd),
}

impl Reader {
    /// Opens `path` in the given format, whatever its name says.
    pub fn open(path: &Path, format: Format) -> Result<Self> {
        let file = File::open(path).map_err(|cause| Error::from(cause).at(path))?;
        let size = file.metadata().map_err(|cause| Error::from(cause).at(path))?.len();
        let file = Arc::new(file);
        let prefetch = (format == Format::Gzip).then(|| Prefetch::new(&file, size)).flatten();
        Self::with(Box::new(file), path, size, format, prefetch)
    }

    /// Over bytes that are no file.
    #[cfg(test)]
    pub(super) fn over(
        input: Box<dyn Read + Send>,
        path: &Path,
        size: u64,
        format: Format,
    ) -> Result<Self> {
        Self::with(input, path, size, format, None)
    }

    pub(super) fn with(
        input: Box<dyn Read + Send>,
        path: &Path,
        size: u64,
        format: Format,
        prefetch: Option<Arc<Prefetch>>,
    ) -> Result<Self> {
        let decoder = match format {
            Format::Plain => Decoder::Plain,
            Format::Gzip => Decoder::Gzip(Box::new(Gunzip::new(prefetch.clone()))),
            Format::Zstd => Decoder::Zstd(Unzstd::new().map_err(|error| error.at(path))?),
        };
        let source = Source::new(input);
        let (path, decompressed, ended) = (path.to_path_buf(), 0, false);
        Ok(Self { path, source, decoder, prefetch, size, decompressed, ended })
    }

    /// Where idle threads find something of this file to decode.
    pub fn prefetch(&self) -> Option<&Arc<Prefetch>> {
        self.prefetch.as_ref()
    }

    /// Appends at least `target` decompressed bytes to `buffer`, fewer only at the end of the
    /// file; false once the end is reached, which may be with or after the last bytes.
    ///
    /// After an error what was appended is not to be used, nor is the reader.
    pub fn read_block(&mut self, buffer: &mut Vec<u8>, target: usize) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let start = buffer.len();
        let more = match &mut self.decoder {
            Decoder::Plain => self.source.append(buffer, target).map(|appended| appended == target),
            Decoder::Gzip(gunzip) => gunzip.read(&mut self.source, buffer, target),
            Decoder::Zstd(unzstd) => unzstd.read(&mut self.source, buffer, target),
        }
        .map_err(|error| error.at(&self.path))?;
        self.decompressed += (buffer.len() - start) as u64;
        self.ended = !more;
        Ok(more)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The size of the file when it was opened.
    pub fn compressed_size(&self) -> u64 {
        self.size
    }

    /// Bytes of the file read so far.
    pub fn compressed_read(&self) -> u64 {
        self.source.read()
    }

    /// Bytes given out so far.
    pub fn decompressed(&self) -> u64 {
        self.decompressed
    }

    /// The XXH3-128 of the file as it lies on disk, once all of it has been read.
    pub fn content_hash(&self) -> Option<u128> {
        self.ended.then(|| self.source.hash())
    }
}
