//! What earlier runs kept, in a file: later runs compare with it and add to it.
//!
//! The file lists the kept keys of each document file that was absorbed, in the order in which they
//! were: 8 bytes of magic, the length and text of a description (JSON, the caller's), the XXH3-64
//! of both; then the keys, and their XXH3-128. Every part is checked before it is believed.

use super::blocks::{Scratch, Store};
use super::ledger::{Fate, Ledger, Row};
use super::rank::REFERENCE;
use super::records::{Doc, Entry, Kept};
use super::run::ClusterRun;
use super::sorter::{Part, Record, number};
use crate::dedupe::sources::OTHERS;
use crate::error::{Error, Result};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

const MAGIC: &[u8; 8] = b"DOLMAIX\x01";
/// Bytes of a key before its source and id.
const HEAD: usize = 16 + 4 + 4 + 8 + 4 + 4;
/// Longer descriptions, sources and ids than this are damage.
const LONGEST: u64 = 1 << 32;
/// Keys that are handed on at once.
const BATCH: usize = 4096;

/// The kept keys of a run's own shards, in input order.
pub struct Keys {
    store: Store,
    /// For each shard.
    pub counts: Vec<u64>,
}

impl Keys {
    /// # Errors
    /// `Io` or `Asset` of intermediate files.
    pub fn new(parts: Vec<Part<Kept>>, shards: usize, scratch: &Scratch) -> Result<Self> {
        let mut keys = Self { store: Store::new(scratch, "kept-keys"), counts: vec![0; shards] };
        let mut bytes = [0; Kept::BYTES];
        for part in parts {
            part.for_each(|kept| {
                keys.counts[kept.doc.shard()] += 1;
                kept.put(&mut bytes);
                keys.store.append(&bytes)
            })?;
        }
        Ok(keys)
    }
}

/// The description of an index.
///
/// # Errors
/// `Asset` for a file that is no index or is damaged, `Io` when it cannot be read.
pub fn describe(path: &Path) -> Result<String> {
    open(path).map(|(_, description)| description).map_err(|error| error.at(path))
}

fn open(path: &Path) -> Result<(BufReader<File>, String)> {
    let mut file = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut header = vec![0; 16];
    fill(&mut file, &mut header)?;
    if header[..8] != *MAGIC {
        return Err(Error::asset("not an index of this version of dolma"));
    }
    let length = number::<8>(&header, 8) as u64;
    if length > LONGEST {
        return Err(damaged("its header is not what was written"));
    }
    header.resize(16 + length as usize, 0);
    fill(&mut file, &mut header[16..])?;
    let mut sum = [0; 8];
    fill(&mut file, &mut sum)?;
    if sum != xxh3_64(&header).to_le_bytes() {
        return Err(damaged("the checksum of its header is wrong"));
    }
    let description = String::from_utf8(header.split_off(16))
        .map_err(|_| damaged("its description is not text"))?;
    Ok((file, description))
}

fn fill(file: &mut impl Read, buffer: &mut [u8]) -> Result<()> {
    file.read_exact(buffer).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => damaged("it is cut short"),
        _ => error.into(),
    })
}

fn damaged(what: &str) -> Error {
    Error::asset(format!(
        "the index is damaged: {what}. Restore it, or delete it and the attributes to build it anew"
    ))
}

/// Reads the keys of an index into the first shards of a run; `counts` has those of each file that
/// was absorbed.
///
/// # Errors
/// As [`describe`]; `Io` of intermediate files.
pub fn load(run: &ClusterRun, path: &Path, counts: &[u64]) -> Result<()> {
    read(run, path, counts).map_err(|error| error.at(path))
}

fn read(run: &ClusterRun, path: &Path, counts: &[u64]) -> Result<()> {
    let (mut file, _) = open(path)?;
    let mut hasher = Xxh3::new();
    let (mut entries, mut bytes) = (Vec::with_capacity(BATCH), Vec::new());
    for (shard, count) in counts.iter().enumerate() {
        let mut ledger = Ledger::new(&run.shelf, shard);
        let (mut line, mut place) = (0, 0);
        for _ in 0..*count {
            bytes.resize(HEAD, 0);
            fill(&mut file, &mut bytes)?;
            let source = number::<4>(&bytes, 32) as usize;
            let id = number::<4>(&bytes, 36) as usize;
            bytes.resize(HEAD + source + id, 0);
            fill(&mut file, &mut bytes[HEAD..])?;
            hasher.update(&bytes);
            let own_line = number::<8>(&bytes, 24) as u64;
            if own_line != line {
                (line, place) = (own_line, ledger.end());
                let mut row = Vec::new();
                let id = &bytes[HEAD + source..];
                Row { fate: Fate::Compared, line, id }.put(&mut row);
                ledger.append(&row, 1, 1)?;
            }
            let name = String::from_utf8_lossy(&bytes[HEAD..HEAD + source]);
            let (start, end) = (number::<4>(&bytes, 16) as u32, number::<4>(&bytes, 20) as u32);
            let doc = Doc::new(shard, place);
            let (hash, source) = (number::<16>(&bytes, 0), run.sources.number(&name));
            entries.push(Entry { hash, rank: REFERENCE, doc, start, end, source });
            if entries.len() == BATCH {
                run.take(entries.drain(..))?;
            }
        }
        run.keep_ledger(ledger, None)?;
    }
    run.take(entries.drain(..))?;
    let mut sum = [0; 16];
    fill(&mut file, &mut sum)?;
    if sum != hasher.digest128().to_le_bytes() {
        return Err(damaged("the checksum of its keys is wrong"));
    }
    Ok(())
}

/// Writes an index: the keys of `old`, if there is one, then those that this run kept.
///
/// # Errors
/// `Io` with the path; `Asset` when `old` or an intermediate is damaged.
pub fn save(
    run: &ClusterRun,
    keys: &Keys,
    old: Option<&Path>,
    path: &Path,
    description: &str,
) -> Result<()> {
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&(description.len() as u64).to_le_bytes());
    header.extend_from_slice(description.as_bytes());
    let at = |error: std::io::Error| Error::from(error).at(path);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).map_err(at)?);
    out.write_all(&header).map_err(at)?;
    out.write_all(&xxh3_64(&header).to_le_bytes()).map_err(at)?;
    let mut hasher = Xxh3::new();
    if let Some(old) = old {
        copy(old, &mut out, &mut hasher).map_err(|error| error.at(old))?;
    }
    let sources = run.sources.names();
    let (mut buffer, mut raw, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    let mut from = 0;
    while from < keys.store.len() {
        let to = (from + (Kept::BYTES * 1024) as u64).min(keys.store.len());
        for record in keys.store.read(from, to, &mut raw)?.chunks_exact(Kept::BYTES) {
            let kept = Kept::get(record);
            let (id, line) = run.locate(kept.doc, &mut buffer)?;
            let source = sources.get(&kept.source).map_or(OTHERS, String::as_str);
            bytes.clear();
            bytes.extend_from_slice(&kept.hash.to_le_bytes());
            bytes.extend_from_slice(&kept.start.to_le_bytes());
            bytes.extend_from_slice(&kept.end.to_le_bytes());
            bytes.extend_from_slice(&line.to_le_bytes());
            bytes.extend_from_slice(&(source.len() as u32).to_le_bytes());
            bytes.extend_from_slice(&(id.len() as u32).to_le_bytes());
            bytes.extend_from_slice(source.as_bytes());
            bytes.extend_from_slice(&id);
            hasher.update(&bytes);
            out.write_all(&bytes).map_err(at)?;
        }
        from = to;
    }
    out.write_all(&hasher.digest128().to_le_bytes()).map_err(at)?;
    let file = out.into_inner().map_err(|error| at(error.into_error()))?;
    file.sync_all().map_err(at)
}

/// Copies the keys of an index without their checksum, which is checked.
fn copy(old: &Path, out: &mut impl Write, hasher: &mut Xxh3) -> Result<()> {
    let (mut file, description) = open(old)?;
    let size = file.get_ref().metadata()?.len();
    let head = 16 + description.len() as u64 + 8;
    let mut left = size.checked_sub(head + 16).ok_or_else(|| damaged("it is cut short"))?;
    let mut buffer = vec![0; 1 << 16];
    while left > 0 {
        let chunk = &mut buffer[..left.min(1 << 16) as usize];
        fill(&mut file, chunk)?;
        hasher.update(chunk);
        out.write_all(chunk)?;
        left -= chunk.len() as u64;
    }
    let mut sum = [0; 16];
    fill(&mut file, &mut sum)?;
    if sum == hasher.digest128().to_le_bytes() {
        Ok(())
    } else {
        Err(damaged("the checksum of its keys is wrong"))
    }
}
