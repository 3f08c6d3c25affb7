//! Files of framed pieces under checksums: what one run leaves for another to go on with.
//!
//! A file is 8 bytes of magic, then frames: a length, the XXH3-64 of length and content under the
//! frame's number as seed, the content. The first frame is a text that says what the file is, the
//! last is marked as such. So a byte that changed, a frame that is missing, doubled or in another
//! place, and a file that was cut short or belongs to something else, are each an error before
//! anything of the frame is believed.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::{Xxh3, Xxh3Builder};

const MAGIC: &[u8; 8] = b"DOLMAFR\x01";
/// Bytes before the content of a frame.
const HEAD: usize = 16;
/// Marks the length of the last frame.
const LAST: u64 = 1 << 63;
const BUFFER: usize = 1 << 18;

/// A file of frames being written. Dropped before [`Frames::finish`], it is cut short.
pub struct Frames {
    path: PathBuf,
    file: BufWriter<File>,
    /// Frames so far.
    count: u64,
    bytes: u64,
    hash: Xxh3,
}

/// A file of frames being read.
pub struct FrameReader {
    path: PathBuf,
    file: BufReader<File>,
    count: u64,
    left: u64,
}

/// What [`FrameReader::next`] comes by.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    Inner,
    /// Nothing comes after it.
    Last,
}

impl Frames {
    /// Creates `path`, with the folders above it; `identity` says what the file is.
    ///
    /// # Errors
    /// `Io` with the path.
    pub fn create(path: &Path, identity: &str) -> Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Error::from(error).at(folder))?;
        }
        let file = File::create(path).map_err(|error| Error::from(error).at(path))?;
        let file = BufWriter::with_capacity(BUFFER, file);
        let mut frames =
            Self { path: path.to_path_buf(), file, count: 0, bytes: 0, hash: Xxh3::new() };
        frames.write(MAGIC)?;
        frames.put(identity.as_bytes(), 0)?;
        Ok(frames)
    }

    /// # Errors
    /// `Io` with the path, for a full disk among others.
    pub fn append(&mut self, content: &[u8]) -> Result<()> {
        self.put(content, 0)
    }

    /// Appends the last frame; returns the size of the file and the XXH3-128 of its bytes.
    ///
    /// # Errors
    /// `Io` with the path.
    pub fn finish(mut self, content: &[u8]) -> Result<(u64, u128)> {
        self.put(content, LAST)?;
        self.file.flush().map_err(|error| Error::from(error).at(&self.path))?;
        Ok((self.bytes, self.hash.digest128()))
    }

    fn put(&mut self, content: &[u8], mark: u64) -> Result<()> {
        let length = content.len() as u64 | mark;
        let sum = checksum(self.count, length, content);
        self.count += 1;
        self.write(&length.to_le_bytes())?;
        self.write(&sum.to_le_bytes())?;
        self.write(content)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| Error::from(error).at(&self.path))?;
        self.bytes += bytes.len() as u64;
        self.hash.update(bytes);
        Ok(())
    }
}

impl FrameReader {
    /// Opens a file that was written under `identity`.
    ///
    /// # Errors
    /// `Asset` with the path for one that is damaged, missing or something else; `Io` when it cannot
    /// be read.
    pub fn open(path: &Path, identity: &str) -> Result<Self> {
        let file = File::open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::asset("it is gone").at(path),
            _ => Error::from(error).at(path),
        })?;
        let left = file.metadata().map_err(|error| Error::from(error).at(path))?.len();
        let file = BufReader::with_capacity(BUFFER, file);
        let mut reader = Self { path: path.to_path_buf(), file, count: 0, left };
        let mut magic = [0; MAGIC.len()];
        reader.fill(&mut magic)?;
        if magic != *MAGIC {
            return Err(reader.damaged("it does not begin as it should"));
        }
        let mut found = Vec::new();
        reader.next(&mut found)?;
        if found != identity.as_bytes() {
            return Err(reader.damaged("it was made of something else"));
        }
        Ok(reader)
    }

    /// Replaces `out` by the content of the next frame.
    ///
    /// # Errors
    /// `Asset` with the path when it is not what was written, `Io` when it cannot be read.
    pub fn next(&mut self, out: &mut Vec<u8>) -> Result<Frame> {
        let mut head = [0; HEAD];
        self.fill(&mut head)?;
        let (length, sum) = head.split_at(HEAD / 2);
        let length = length.iter().rev().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        let size = length & !LAST;
        if size > self.left {
            return Err(self.damaged("it is cut short"));
        }
        out.clear();
        out.resize(size as usize, 0);
        self.fill(out)?;
        if sum != checksum(self.count, length, out).to_le_bytes() {
            return Err(self.damaged("a checksum is wrong"));
        }
        self.count += 1;
        if length & LAST == 0 {
            return Ok(Frame::Inner);
        }
        if self.left > 0 {
            return Err(self.damaged("it goes on after its end"));
        }
        Ok(Frame::Last)
    }

    /// An error about what this file holds.
    pub fn damaged(&self, what: &str) -> Error {
        Error::asset(what).at(&self.path)
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<()> {
        self.file.read_exact(buffer).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => self.damaged("it is cut short"),
            _ => Error::from(error).at(&self.path),
        })?;
        self.left = self.left.saturating_sub(buffer.len() as u64);
        Ok(())
    }
}

fn checksum(number: u64, length: u64, content: &[u8]) -> u64 {
    let mut hash = Xxh3Builder::new().with_seed(number).build();
    hash.update(&length.to_le_bytes());
    hash.update(content);
    hash.digest()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(path: &Path, contents: &[Vec<u8>]) -> (u64, u128) {
        let (last, inner) = contents.split_last().unwrap();
        let mut frames = Frames::create(path, "identity").unwrap();
        inner.iter().for_each(|content| frames.append(content).unwrap());
        frames.finish(last).unwrap()
    }

    fn read(path: &Path, identity: &str) -> Result<Vec<Vec<u8>>> {
        let mut reader = FrameReader::open(path, identity)?;
        let mut all = Vec::new();
        loop {
            let mut content = Vec::new();
            let frame = reader.next(&mut content)?;
            all.push(content);
            if frame == Frame::Last {
                return Ok(all);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_change_is_an_error(
            contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 1..6),
            bit in 0..8u32, place in any::<prop::sample::Index>(),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("below/file");
            let (size, sum) = written(&path, &contents);
            let bytes = std::fs::read(&path).unwrap();
            prop_assert_eq!((size, sum), (bytes.len() as u64, xxhash_rust::xxh3::xxh3_128(&bytes)));
            prop_assert_eq!(read(&path, "identity").unwrap(), contents);
            let at = place.index(bytes.len());
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            std::fs::write(&path, &changed).unwrap();
            prop_assert!(read(&path, "identity").is_err());
            std::fs::write(&path, &bytes[..at]).unwrap();
            prop_assert!(read(&path, "identity").is_err());
            std::fs::write(&path, [bytes.as_slice(), &[0]].concat()).unwrap();
            prop_assert!(read(&path, "identity").is_err());
        }
    }

    #[test]
    fn frames_that_change_places_and_other_files_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        written(&path, &[b"one".to_vec(), b"two".to_vec(), Vec::new()]);
        assert!(read(&path, "another").unwrap_err().to_string().contains("something else"));
        let bytes = std::fs::read(&path).unwrap();
        let start = MAGIC.len() + HEAD + "identity".len();
        let size = HEAD + 3;
        let mut swapped = bytes.clone();
        swapped[start..start + size].copy_from_slice(&bytes[start + size..start + 2 * size]);
        swapped[start + size..start + 2 * size].copy_from_slice(&bytes[start..start + size]);
        std::fs::write(&path, &swapped).unwrap();
        assert!(read(&path, "identity").unwrap_err().to_string().contains("checksum"));
        std::fs::remove_file(&path).unwrap();
        assert!(read(&path, "identity").unwrap_err().to_string().contains("it is gone"));
    }
}
