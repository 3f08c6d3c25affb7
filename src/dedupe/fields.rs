//! The content of frames: numbers, texts and records one behind the other, in an order that writer and
//! reader know.

use super::cluster::sorter::{Record, number};
use crate::shard::Bad;
use std::path::Path;
use std::sync::Arc;

pub fn put_number(value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_le_bytes());
}

pub fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_number(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

pub fn put_texts(texts: &[String], out: &mut Vec<u8>) {
    put_number(texts.len() as u64, out);
    texts.iter().for_each(|text| put_bytes(text.as_bytes(), out));
}

pub fn put_records<R: Record>(records: &[R], out: &mut Vec<u8>) {
    put_number(records.len() as u64, out);
    for record in records {
        let at = out.len();
        out.resize(at + R::BYTES, 0);
        record.put(&mut out[at..]);
    }
}

pub fn put_bad(bad: &[Bad], out: &mut Vec<u8>) {
    put_number(bad.len() as u64, out);
    for line in bad {
        put_number(line.line, out);
        put_bytes(line.error.as_bytes(), out);
        put_bytes(&line.raw, out);
    }
}

/// Fields that are still to be read. Each comes back as it was put, or is None.
pub struct Fields<'b>(pub &'b [u8]);

impl<'b> Fields<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn number(&mut self) -> Option<u64> {
        self.take(8).map(|bytes| number::<8>(bytes, 0) as u64)
    }

    pub fn numbers<const N: usize>(&mut self) -> Option<[u64; N]> {
        let mut numbers = [0; N];
        for value in &mut numbers {
            *value = self.number()?;
        }
        Some(numbers)
    }

    pub fn bytes(&mut self) -> Option<&'b [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }

    pub fn texts(&mut self) -> Option<Vec<String>> {
        let mut texts = Vec::new();
        for _ in 0..self.number()? {
            texts.push(self.text()?);
        }
        Some(texts)
    }

    pub fn records<R: Record>(&mut self) -> Option<Vec<R>> {
        let size = usize::try_from(self.number()?).ok()?.checked_mul(R::BYTES)?;
        Some(self.take(size)?.chunks_exact(R::BYTES).map(R::get).collect())
    }

    /// Bad lines of the document file `path`.
    pub fn bad(&mut self, path: &Path) -> Option<Vec<Bad>> {
        let path: Arc<Path> = Arc::from(path);
        let mut bad = Vec::new();
        for _ in 0..self.number()? {
            let (line, error, raw) = (self.number()?, self.text()?, self.bytes()?.to_vec());
            bad.push(Bad { path: Arc::clone(&path), line, error, raw });
        }
        Some(bad)
    }
}
