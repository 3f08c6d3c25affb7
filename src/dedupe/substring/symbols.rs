//! What a text is compared by: bytes, code points or words, each as a symbol of fixed width.

use crate::error::{Error, Result};
use unicode_segmentation::UnicodeSegmentation;
use xxhash_rust::xxh3::xxh3_64;

/// Bytes of where a word begins and ends.
pub const EDGE_BYTES: usize = 8;

/// The unit that lengths are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of the UTF-8 form.
    Bytes,
    /// Code points.
    Characters,
    /// Words by Unicode word boundaries (UAX 29), as 64-bit hashes; white space is not compared.
    Words,
}

impl Unit {
    /// # Errors
    /// `Config` for another name.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "bytes" => Ok(Self::Bytes),
            "characters" => Ok(Self::Characters),
            "words" => Ok(Self::Words),
            _ => Err(Error::config(format!("dedupe.substring.unit: {name:?} is not a unit"))),
        }
    }

    /// Bytes of a symbol.
    pub fn width(self) -> usize {
        match self {
            Self::Bytes => 1,
            Self::Characters => 4,
            Self::Words => 8,
        }
    }

    /// Bytes of the edges of a unit, which words alone have.
    pub fn edge_width(self) -> usize {
        if self == Self::Words { EDGE_BYTES } else { 0 }
    }

    /// Appends the symbols of `text`, and for words where each begins and ends in code points;
    /// returns the number of symbols.
    pub fn encode(self, text: &str, symbols: &mut Vec<u8>, edges: &mut Vec<u8>) -> u64 {
        let before = symbols.len();
        match self {
            Self::Bytes => symbols.extend_from_slice(text.as_bytes()),
            Self::Characters => {
                text.chars().for_each(|c| symbols.extend_from_slice(&u32::from(c).to_le_bytes()));
            }
            Self::Words => {
                let mut at = 0u32;
                for word in text.split_word_bounds() {
                    let start = at;
                    at += crate::text::count_chars(word.as_bytes()) as u32;
                    if !word.trim().is_empty() {
                        symbols.extend_from_slice(&xxh3_64(word.as_bytes()).to_le_bytes());
                        edges.extend_from_slice(&start.to_le_bytes());
                        edges.extend_from_slice(&at.to_le_bytes());
                    }
                }
            }
        }
        ((symbols.len() - before) / self.width()) as u64
    }
}

/// A symbol as a number, for the rolling hash.
pub trait Symbol {
    const WIDTH: usize;
    fn value(symbols: &[u8], index: usize) -> u64;
}

pub struct Byte;
pub struct Character;
pub struct Word;

impl Symbol for Byte {
    const WIDTH: usize = 1;
    #[inline(always)]
    fn value(symbols: &[u8], index: usize) -> u64 {
        u64::from(symbols[index]) + 1
    }
}

impl Symbol for Character {
    const WIDTH: usize = 4;
    #[inline(always)]
    fn value(symbols: &[u8], index: usize) -> u64 {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&symbols[index * 4..index * 4 + 4]);
        u64::from(u32::from_le_bytes(bytes)) + 1
    }
}

impl Symbol for Word {
    const WIDTH: usize = 8;
    #[inline(always)]
    fn value(symbols: &[u8], index: usize) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&symbols[index * 8..index * 8 + 8]);
        u64::from_le_bytes(bytes) | 1
    }
}
