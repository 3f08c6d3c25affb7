//! A Bloom filter that remembers what it was made of.
//!
//! Classic bits with enhanced double hashing (Dillinger and Manolios, 2004) of one 128-bit key,
//! sized to the bit. The file carries its parameters, a caller's description (what was absorbed,
//! which kind of keys) and checksums of both parts, so that a damaged or foreign filter is an
//! error and never a wrong verdict.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

const MAGIC: &[u8; 8] = b"DOLMABF\x02";
/// First four bytes of the published tool's filters, little-endian.
const PUBLISHED_MAGIC: u32 = 0x81F0_F117;
/// More hash functions than this cost time without a measurable gain at any sane rate (1e-9).
const MAX_HASHES: u32 = 30;
/// With a size but nothing to derive the number of hash functions from: optimal at 11.5 bits per
/// key, where the rate is 0.4 %, and far below that while the filter is emptier.
const DEFAULT_HASHES: u32 = 8;

/// Size and number of hash functions of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// A multiple of 64.
    pub bits: u64,
    pub hashes: u32,
}

impl Shape {
    /// The smallest filter that holds `keys` at the false-positive `rate`: `m = -n ln p / ln² 2`
    /// bits and `k = m/n ln 2` functions.
    ///
    /// # Errors
    /// `Config` unless `keys > 0` and `0 < rate < 1`.
    pub fn for_keys(keys: u64, rate: f64) -> Result<Self> {
        if keys == 0 || !(rate > 0.0 && rate < 1.0) {
            return Err(Error::config(
                "bloom_filter: give size_in_bytes, or estimated_doc_count (> 0) with \
                 desired_false_positive_rate (between 0 and 1)",
            ));
        }
        let ln2 = std::f64::consts::LN_2;
        let hashes = ((-rate.log2()).round() as u32).clamp(1, MAX_HASHES);
        // For a whole number k the bits that give the rate are -k n / ln(1 - p^(1/k)).
        let per_key = -f64::from(hashes) / (1.0 - rate.powf(1.0 / f64::from(hashes))).ln();
        let bits = (keys as f64 * per_key.max(1.0 / ln2)).ceil();
        Self::new(bits as u64, hashes)
    }

    /// A filter of `bytes`, with the number of functions that suits `keys` or, unknown that, `rate`.
    ///
    /// # Errors
    /// `Config` for zero bytes.
    pub fn for_bytes(bytes: u64, keys: u64, rate: f64) -> Result<Self> {
        let bits = bytes.saturating_mul(8);
        let hashes = if keys > 0 {
            (bits as f64 / keys as f64 * std::f64::consts::LN_2)
                .round()
                .clamp(1.0, f64::from(MAX_HASHES)) as u32
        } else if rate > 0.0 && rate < 1.0 {
            ((-rate.log2()).round() as u32).clamp(1, MAX_HASHES)
        } else {
            DEFAULT_HASHES
        };
        Self::new(bits, hashes)
    }

    fn new(bits: u64, hashes: u32) -> Result<Self> {
        if bits == 0 {
            return Err(Error::config("bloom_filter: a filter needs at least one byte"));
        }
        Ok(Self { bits: bits.div_ceil(64) * 64, hashes })
    }

    /// The share of new keys taken for known ones once `keys` are in: `(1 - e^(-kn/m))^k`.
    pub fn rate_at(&self, keys: u64) -> f64 {
        let fill = 1.0 - (-f64::from(self.hashes) * keys as f64 / self.bits as f64).exp();
        fill.powi(self.hashes as i32)
    }

    pub fn bytes(&self) -> u64 {
        self.bits / 8
    }
}

/// The filter: bits in memory, with a description that travels in its file.
#[derive(Debug)]
pub struct BloomFilter {
    shape: Shape,
    words: Vec<u64>,
    /// Keys that were new when they were inserted.
    inserted: u64,
    /// The caller's account of what is in the filter; opaque here.
    pub description: String,
}

impl BloomFilter {
    pub fn new(shape: Shape) -> Result<Self> {
        let count = usize::try_from(shape.bits / 64)
            .map_err(|_| Error::config("bloom_filter: larger than this machine can address"))?;
        let mut words = Vec::new();
        words.try_reserve_exact(count).map_err(|_| {
            Error::config(format!("bloom_filter: {} bytes of memory cannot be had", shape.bytes()))
        })?;
        words.resize(count, 0);
        Ok(Self { shape, words, inserted: 0, description: String::new() })
    }

    pub fn shape(&self) -> Shape {
        self.shape
    }

    pub fn inserted(&self) -> u64 {
        self.inserted
    }

    /// The share of bits that are set.
    pub fn fill(&self) -> f64 {
        let ones: u64 = self.words.iter().map(|word| u64::from(word.count_ones())).sum();
        ones as f64 / self.shape.bits as f64
    }

    #[inline]
    fn positions(&self, key: u128) -> impl Iterator<Item = u64> + use<> {
        let bits = u128::from(self.shape.bits);
        let mut position = key as u64;
        let mut step = (key >> 64) as u64 | 1;
        (0..u64::from(self.shape.hashes)).map(move |round| {
            let at = ((u128::from(position) * bits) >> 64) as u64;
            position = position.wrapping_add(step);
            step = step.wrapping_add(round + 1);
            at
        })
    }

    /// Asks the memory for the words of a key that will be looked up soon.
    #[inline]
    pub fn prefetch(&self, key: u128) {
        #[cfg(target_arch = "x86_64")]
        for at in self.positions(key) {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let word = self.words.as_ptr().wrapping_add((at / 64) as usize);
            // SAFETY: a prefetch does not access memory in the language's sense, and the address
            // is inside the allocation because positions are below `bits`.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(word.cast()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = key;
    }

    #[inline]
    pub fn contains(&self, key: u128) -> bool {
        self.positions(key).all(|at| self.words[(at / 64) as usize] >> (at % 64) & 1 == 1)
    }

    /// Adds a key; returns whether it was there already (or seems so).
    #[inline]
    pub fn insert(&mut self, key: u128) -> bool {
        let mut known = true;
        for at in self.positions(key) {
            let word = &mut self.words[(at / 64) as usize];
            let bit = 1 << (at % 64);
            known &= *word & bit != 0;
            *word |= bit;
        }
        self.inserted += u64::from(!known);
        known
    }

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
        header.extend_from_slice(&self.shape.bits.to_le_bytes());
        header.extend_from_slice(&self.shape.hashes.to_le_bytes());
        header.extend_from_slice(&self.inserted.to_le_bytes());
        header.extend_from_slice(&(self.description.len() as u64).to_le_bytes());
        header.extend_from_slice(self.description.as_bytes());
        file.write_all(&header)?;
        file.write_all(&xxh3_64(&header).to_le_bytes())?;
        let mut hasher = Xxh3::new();
        let mut buffer = Vec::with_capacity(1 << 16);
        for chunk in self.words.chunks(1 << 13) {
            buffer.clear();
            buffer.extend(chunk.iter().flat_map(|word| word.to_le_bytes()));
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
        let mut header = vec![0u8; 36];
        read_exactly(&mut file, &mut header, size)?;
        if header[..4] == PUBLISHED_MAGIC.to_le_bytes() {
            return Err(Error::asset(
                "this filter was written by the published dolma 1.x, whose hashes depend on the \
                 build that wrote it; it cannot be used. Give another file name and build it anew",
            ));
        }
        if header[..8] != *MAGIC {
            return Err(Error::asset("not a filter of this version of dolma"));
        }
        let number = |at: usize| {
            let mut eight = [0u8; 8];
            eight.copy_from_slice(&header[at..at + 8]);
            u64::from_le_bytes(eight)
        };
        let bits = number(8);
        let hashes = number(16) as u32;
        let (inserted, length) = (number(20), number(28));
        let expected = 36u64.saturating_add(length).saturating_add(8 + bits / 8 + 16);
        if expected != size || bits == 0 || bits % 64 != 0 || hashes == 0 {
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
        let shape = Shape { bits, hashes };
        let mut filter = if with_bits {
            Self::new(shape)?
        } else {
            Self { shape, words: Vec::new(), inserted: 0, description: String::new() }
        };
        (filter.inserted, filter.description) = (inserted, description);
        if with_bits {
            filter.read_bits(&mut file, size)?;
        }
        Ok(filter)
    }

    fn read_bits(&mut self, file: &mut impl Read, size: u64) -> Result<()> {
        let mut hasher = Xxh3::new();
        let mut buffer = vec![0u8; 1 << 16];
        for chunk in self.words.chunks_mut(1 << 13) {
            let bytes = &mut buffer[..chunk.len() * 8];
            read_exactly(file, bytes, size)?;
            hasher.update(bytes);
            for (word, eight) in chunk.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *word = u64::from_le_bytes(*eight);
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
    fn sizes_are_the_textbook_ones() {
        // n=2,337,305 at 1e-15: 21.0 MB, k = 50 by the formula, capped here at 30.
        assert_eq!(Shape::for_keys(1_000_000, 0.01).unwrap(), Shape { bits: 9_592_960, hashes: 7 });
        let large = Shape::for_keys(60_000_000_000, 1e-6).unwrap();
        assert!((large.bytes() as f64 / 215.7e9 - 1.0).abs() < 0.01, "{large:?}");
        for (keys, rate) in [(1000, 0.5), (1000, 1e-3), (1_000_000, 1e-8)] {
            let shape = Shape::for_keys(keys, rate).unwrap();
            assert!(
                (shape.rate_at(keys) / rate - 1.0).abs() < 0.05,
                "{shape:?} {}",
                shape.rate_at(keys)
            );
        }
        assert!(Shape::for_keys(0, 0.1).is_err());
        assert!(Shape::for_keys(10, 0.0).is_err());
        assert_eq!(Shape::for_bytes(1024, 0, 0.0).unwrap().hashes, DEFAULT_HASHES);
        assert_eq!(Shape::for_bytes(1024, 5, 0.0).unwrap().hashes, MAX_HASHES);
    }

    #[test]
    fn the_measured_rate_is_the_requested_one() {
        let (keys, rate) = (200_000, 0.01);
        let mut filter = BloomFilter::new(Shape::for_keys(keys, rate).unwrap()).unwrap();
        let early = (0..keys).filter(|&n| filter.insert(key(n))).count() as u64;
        assert_eq!(filter.inserted(), keys - early);
        assert!((0..keys).all(|n| filter.contains(key(n))));
        let probes = 1_000_000;
        let wrong = (keys..keys + probes).filter(|&n| filter.contains(key(n))).count();
        let measured = wrong as f64 / probes as f64;
        assert!((measured / rate - 1.0).abs() < 0.1, "measured {measured}");
        assert!((filter.fill().powi(filter.shape().hashes as i32) / rate - 1.0).abs() < 0.1);
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
            (back.shape, &back.words, back.inserted, &back.description),
            (filter.shape, &filter.words, filter.inserted, &filter.description)
        );
        assert_eq!(BloomFilter::describe(&path).unwrap().description, filter.description);
    }

    #[test]
    fn every_damage_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("filter.bin");
        let mut filter = BloomFilter::new(Shape { bits: 256, hashes: 3 }).unwrap();
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
}
