//! The file of a filter: its layout, what it is made of, its bits, and checksums of both.
//!
//! A damaged or foreign filter is an error and never a wrong verdict.

use super::{BloomFilter, Line, Shape, WORDS};
use crate::error::{Error, Result};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

const MAGIC: &[u8; 7] = b"DOLMABF";
/// Of the layout of bits as well as of the file: with another, the same bits mean other keys.
const VERSION: u8 = 3;
/// First four bytes of the published tool's filters, little-endian.
const PUBLISHED_MAGIC: u32 = 0x81F0_F117;
/// Magic and version, lines, lines for each key, inserted keys, length of the description.
const HEADER_BYTES: usize = 36;
/// Lines that are encoded at once.
const CHUNK_LINES: usize = 1 << 10;

impl BloomFilter {
    /// Writes the filter to `path` and flushes it to the disk; the caller renames.
    ///
    /// # Errors
    /// `Io` with the path.
    pub fn save(&self, path: &Path) -> Result<()> {
        self.write(path).map_err(|error| Error::from(error).at(path))
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        let mut header = Vec::new();
        header.extend_from_slice(MAGIC);
        header.push(VERSION);
        header.extend_from_slice(&self.shape.lines.to_le_bytes());
        header.extend_from_slice(&self.shape.lines_per_key.to_le_bytes());
        header.extend_from_slice(&self.inserted.to_le_bytes());
        header.extend_from_slice(&(self.description.len() as u64).to_le_bytes());
        header.extend_from_slice(self.description.as_bytes());
        file.write_all(&header)?;
        file.write_all(&xxh3_64(&header).to_le_bytes())?;
        let mut hasher = Xxh3::new();
        let mut buffer = Vec::with_capacity(CHUNK_LINES * size_of::<Line>());
        for chunk in self.lines.chunks(CHUNK_LINES) {
            buffer.clear();
            buffer.extend(chunk.iter().flat_map(|line| line.0).flat_map(u64::to_le_bytes));
            hasher.update(&buffer);
            file.write_all(&buffer)?;
        }
        file.write_all(&hasher.digest128().to_le_bytes())?;
        file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
    }

    /// Reads a filter that [`BloomFilter::save`] wrote.
    ///
    /// # Errors
    /// `Asset` for a damaged, truncated or foreign file, the published tool's among them; `Io`
    /// when it cannot be read.
    pub fn load(path: &Path) -> Result<Self> {
        Self::read(path, true).map_err(|error| error.at(path))
    }

    /// The shape, the number of keys and the description of a saved filter, without its bits.
    ///
    /// # Errors
    /// As [`BloomFilter::load`], for the header alone.
    pub fn describe(path: &Path) -> Result<Self> {
        Self::read(path, false).map_err(|error| error.at(path))
    }

    fn read(path: &Path, with_bits: bool) -> Result<Self> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let mut file = BufReader::with_capacity(1 << 20, file);
        let mut header = vec![0u8; HEADER_BYTES];
        read_exactly(&mut file, &mut header, size)?;
        if header[..4] == PUBLISHED_MAGIC.to_le_bytes() {
            return Err(Error::asset(
                "this filter was written by the published dolma 1.x, whose hashes depend on the \
                 build that wrote it; it cannot be used. Give another file name and build it anew",
            ));
        }
        if header[..7] != *MAGIC {
            return Err(Error::asset("this is not a filter of dolma; give another file name"));
        }
        if header[7] != VERSION {
            return Err(Error::asset(format!(
                "this filter has format {}, which another version of dolma wrote; this one reads \
                 and writes format {VERSION}. Delete it to build it anew",
                header[7]
            )));
        }
        let number = |at: usize| {
            let mut eight = [0u8; 8];
            eight.copy_from_slice(&header[at..at + 8]);
            u64::from_le_bytes(eight)
        };
        let shape = Shape { lines: number(8), lines_per_key: number(16) as u32 };
        let (inserted, length) = (number(20), number(28));
        let checksums = 8 + 16;
        let expected =
            (HEADER_BYTES as u64 + checksums).saturating_add(length).saturating_add(shape.bytes());
        if expected != size || !shape.is_valid() {
            return Err(damaged(&format!(
                "it has {size} bytes where its header promises {expected}"
            )));
        }
        let start = header.len();
        header.resize(start + length as usize, 0);
        read_exactly(&mut file, &mut header[start..], size)?;
        let mut checksum = [0u8; 8];
        read_exactly(&mut file, &mut checksum, size)?;
        if checksum != xxh3_64(&header).to_le_bytes() {
            return Err(damaged("the checksum of its header is wrong"));
        }
        let description = String::from_utf8(header[start..].to_vec())
            .map_err(|_| damaged("its description is not text"))?;
        let mut filter = if with_bits {
            Self::new(shape)?
        } else {
            Self { shape, lines: Vec::new(), inserted: 0, description: String::new() }
        };
        (filter.inserted, filter.description) = (inserted, description);
        if with_bits {
            filter.read_bits(&mut file, size)?;
        }
        Ok(filter)
    }

    fn read_bits(&mut self, file: &mut impl Read, size: u64) -> Result<()> {
        let mut hasher = Xxh3::new();
        let mut buffer = vec![0u8; CHUNK_LINES * size_of::<Line>()];
        for chunk in self.lines.chunks_mut(CHUNK_LINES) {
            let bytes = &mut buffer[..size_of_val(chunk)];
            read_exactly(file, bytes, size)?;
            hasher.update(bytes);
            for (line, words) in chunk.iter_mut().zip(bytes.chunks_exact(WORDS * 8)) {
                for (word, eight) in line.0.iter_mut().zip(words.as_chunks::<8>().0) {
                    *word = u64::from_le_bytes(*eight);
                }
            }
        }
        let mut checksum = [0u8; 16];
        read_exactly(file, &mut checksum, size)?;
        if checksum == hasher.digest128().to_le_bytes() {
            Ok(())
        } else {
            Err(damaged("the checksum of its bits is wrong"))
        }
    }
}

fn read_exactly(file: &mut impl Read, buffer: &mut [u8], size: u64) -> Result<()> {
    file.read_exact(buffer).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => damaged(&format!("it ends after {size} bytes")),
        _ => error.into(),
    })
}

fn damaged(what: &str) -> Error {
    Error::asset(format!(
        "the filter is damaged: {what}. Delete it to build it anew, or restore it"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use xxhash_rust::xxh3::xxh3_128;

    fn key(n: u64) -> u128 {
        xxh3_128(&n.to_le_bytes())
    }

    #[test]
    fn a_saved_filter_is_the_same_filter() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("filter.bin");
        let mut filter = BloomFilter::new(Shape::for_keys(1000, 1e-4).unwrap()).unwrap();
        (0..500).for_each(|n| {
            filter.insert(key(n));
        });
        filter.description = "absorbed: a, b".into();
        filter.save(&path).unwrap();
        let back = BloomFilter::load(&path).unwrap();
        assert_eq!(
            (back.shape, &back.lines, back.inserted, &back.description),
            (filter.shape, &filter.lines, filter.inserted, &filter.description)
        );
        assert_eq!(BloomFilter::describe(&path).unwrap().description, filter.description);
    }

    #[test]
    fn every_damage_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("filter.bin");
        let mut filter = BloomFilter::new(Shape { lines: 2, lines_per_key: 3 }).unwrap();
        filter.insert(key(1));
        filter.description = "x".into();
        filter.save(&path).unwrap();
        let good = std::fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            std::fs::write(&path, &bad).unwrap();
            assert!(BloomFilter::load(&path).is_err(), "flipped byte {at}");
            std::fs::write(&path, &good[..at]).unwrap();
            assert!(BloomFilter::load(&path).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn filters_of_the_published_tool_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("old.bin");
        let mut old = PUBLISHED_MAGIC.to_le_bytes().to_vec();
        old.resize(100, 0);
        std::fs::write(&path, old).unwrap();
        assert!(BloomFilter::load(&path).unwrap_err().to_string().contains("published dolma 1.x"));
    }

    #[test]
    fn filters_of_another_version_are_refused_by_number() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("old.bin");
        let old = [&b"DOLMABF\x02"[..], &[0; 100]].concat();
        std::fs::write(&path, old).unwrap();
        let message = BloomFilter::load(&path).unwrap_err().to_string();
        assert!(message.contains("format 2") && message.contains("format 3"), "{message}");
    }
}
