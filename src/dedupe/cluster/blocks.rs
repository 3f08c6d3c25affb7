//! Bytes that a run writes once and reads back: in memory while there is room, else in a file.
//!
//! Files are cut into blocks whose checksums stay in memory, so that a damaged intermediate is an
//! error with the file's name and never a wrong verdict. They do not outlive the process: a run
//! that is killed starts from its inputs again, and the folder is emptied first.

use super::table;
use crate::error::{Error, Result};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use xxhash_rust::xxh3::xxh3_64;

/// Bytes under one checksum: a random read costs this much reading and hashing.
const BLOCK: usize = 1 << 16;

/// Where the intermediates of a run go, and how much of them may stay in memory.
#[derive(Debug, Clone)]
pub struct Scratch {
    folder: PathBuf,
    room: Arc<Room>,
}

#[derive(Debug)]
struct Room {
    left: AtomicU64,
    spilled: AtomicU64,
}

impl Scratch {
    /// `room` bytes of stores stay in memory; files go into `folder`, made when it is needed.
    pub fn new(folder: &Path, room: u64) -> Self {
        let room = Room { left: AtomicU64::new(room), spilled: AtomicU64::new(0) };
        Self { folder: folder.to_path_buf(), room: Arc::new(room) }
    }

    /// Bytes that were written to disk so far.
    pub fn spilled(&self) -> u64 {
        self.room.spilled.load(Ordering::Relaxed)
    }

    /// Takes `bytes` of the room; false when they are not there.
    pub(super) fn take(&self, bytes: u64) -> bool {
        let left = &self.room.left;
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes))
            .is_ok()
    }

    pub(super) fn give(&self, bytes: u64) {
        self.room.left.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A new file of `bytes` zeros, which is gone when it is closed.
    ///
    /// # Errors
    /// `Io` with the path it had, for a full disk among others.
    pub(super) fn unnamed(&self, name: &str, bytes: u64) -> Result<File> {
        let (mut file, path) = self.create(name)?;
        let written = std::fs::remove_file(&path).and_then(|()| table::fill(&mut file, bytes));
        written.map_err(|error| Error::from(error).at(&path))?;
        self.room.spilled.fetch_add(bytes, Ordering::Relaxed);
        Ok(file)
    }

    /// A new file of blocks.
    ///
    /// # Errors
    /// `Io` with the path.
    pub fn file(&self, name: &str) -> Result<BlockFile> {
        let (file, path) = self.create(name)?;
        let room = Arc::clone(&self.room);
        Ok(BlockFile { file, path, room, written: 0, sums: Vec::new(), pending: Vec::new() })
    }

    fn create(&self, name: &str) -> Result<(File, PathBuf)> {
        std::fs::create_dir_all(&self.folder)
            .map_err(|error| Error::from(error).at(&self.folder))?;
        let path = self.folder.join(name);
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path);
        Ok((file.map_err(|error| Error::from(error).at(&path))?, path))
    }
}

/// A file under checksums; removed when it is dropped.
#[derive(Debug)]
pub struct BlockFile {
    file: File,
    path: PathBuf,
    room: Arc<Room>,
    /// Bytes in the file; the rest of the bytes are pending.
    written: u64,
    sums: Vec<u64>,
    pending: Vec<u8>,
}

impl BlockFile {
    pub fn size(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    /// # Errors
    /// `Io` with the path, for a full disk among others.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.pending.extend_from_slice(bytes);
        let whole = self.pending.len() / BLOCK * BLOCK;
        if whole == 0 {
            return Ok(());
        }
        self.sums.extend(self.pending[..whole].chunks(BLOCK).map(xxh3_64));
        self.file.write_all(&self.pending[..whole]).map_err(|e| Error::from(e).at(&self.path))?;
        self.written += whole as u64;
        self.room.spilled.fetch_add(whole as u64, Ordering::Relaxed);
        self.pending.drain(..whole);
        Ok(())
    }

    /// Replaces `out` by the bytes `from..to`; those of the last, unfinished block are in memory.
    ///
    /// # Errors
    /// `Io` when the file cannot be read, `Asset` when it is not what was written.
    pub fn read(&self, from: u64, to: u64, out: &mut Vec<u8>) -> Result<()> {
        out.clear();
        if from < self.written {
            let (first, last) = (from / BLOCK as u64, to.min(self.written).div_ceil(BLOCK as u64));
            let start = first * BLOCK as u64;
            out.resize((last * BLOCK as u64 - start) as usize, 0);
            self.file.read_exact_at(out, start).map_err(|error| match error.kind() {
                std::io::ErrorKind::UnexpectedEof => self.damaged("it is cut short"),
                _ => Error::from(error).at(&self.path),
            })?;
            let sums = &self.sums[first as usize..last as usize];
            if !out.chunks(BLOCK).zip(sums).all(|(block, sum)| xxh3_64(block) == *sum) {
                return Err(self.damaged("a checksum is wrong"));
            }
            out.drain(..(from - start) as usize);
            out.truncate((to.min(self.written) - from) as usize);
        }
        if to > self.written {
            let start = from.saturating_sub(self.written) as usize;
            out.extend_from_slice(&self.pending[start..(to - self.written) as usize]);
        }
        Ok(())
    }

    fn damaged(&self, what: &str) -> Error {
        let message = format!(
            "this intermediate file was changed or damaged while the run used it: {what}. Run the \
             command again; if it happens again, look at the disk"
        );
        Error::asset(message).at(&self.path)
    }
}

impl Drop for BlockFile {
    fn drop(&mut self) {
        // What cannot be removed now is removed with the folder.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A sequence of bytes that starts in memory and moves to a file when the room is used up.
#[derive(Debug)]
pub struct Store {
    name: String,
    scratch: Scratch,
    /// Bytes of the room that are held.
    held: u64,
    bytes: Vec<u8>,
    file: Option<BlockFile>,
}

impl Store {
    pub fn new(scratch: &Scratch, name: impl Into<String>) -> Self {
        let scratch = scratch.clone();
        Self { name: name.into(), scratch, held: 0, bytes: Vec::new(), file: None }
    }

    pub fn len(&self) -> u64 {
        self.file.as_ref().map_or(self.bytes.len() as u64, BlockFile::size)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// # Errors
    /// `Io` with the path of the file.
    pub fn append(&mut self, more: &[u8]) -> Result<()> {
        if let Some(file) = &mut self.file {
            return file.append(more);
        }
        let needed = self.bytes.len() + more.len();
        if needed > self.bytes.capacity() {
            let capacity = needed.max(self.bytes.capacity() * 2).next_multiple_of(1 << 10);
            if !self.scratch.take(capacity as u64 - self.held) {
                let mut file = self.scratch.file(&self.name)?;
                file.append(&std::mem::take(&mut self.bytes))?;
                file.append(more)?;
                self.scratch.give(std::mem::take(&mut self.held));
                self.file = Some(file);
                return Ok(());
            }
            self.held = capacity as u64;
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(more);
        Ok(())
    }

    /// The bytes `from..to`; `buffer` holds them where they come from a file.
    ///
    /// # Errors
    /// As [`BlockFile::read`].
    pub fn read<'s>(&'s self, from: u64, to: u64, buffer: &'s mut Vec<u8>) -> Result<&'s [u8]> {
        match &self.file {
            None => Ok(&self.bytes[from as usize..to as usize]),
            Some(file) => {
                file.read(from, to, buffer)?;
                Ok(buffer)
            }
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.scratch.give(self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_reads_as_written_in_memory_and_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..400_000u32).flat_map(u32::to_le_bytes).collect();
        for room in [0, 300_000, 1 << 30] {
            let scratch = Scratch::new(folder.path(), room);
            let mut store = Store::new(&scratch, "store");
            bytes.chunks(12_345).for_each(|chunk| store.append(chunk).unwrap());
            assert_eq!(store.len(), bytes.len() as u64);
            assert_eq!(scratch.spilled() > 0, room < bytes.len() as u64);
            let mut buffer = Vec::new();
            let end = bytes.len();
            for (from, to) in [(0, 0), (5, 70_000), (65_536, 131_072), (end - 7, end), (0, end)] {
                let read = store.read(from as u64, to as u64, &mut buffer).unwrap();
                assert!(read == &bytes[from..to], "{room} {from} {to}");
            }
            drop(store);
            assert_eq!(scratch.room.left.load(Ordering::Relaxed), room);
            assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
        }
    }

    #[test]
    fn damage_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(folder.path(), 0);
        let mut file = scratch.file("runs").unwrap();
        file.append(&vec![7; 3 * BLOCK]).unwrap();
        let mut out = Vec::new();
        let path = folder.path().join("runs");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[BLOCK + 9] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        file.read(0, BLOCK as u64, &mut out).unwrap();
        let error = file.read(BLOCK as u64 + 20, BLOCK as u64 + 30, &mut out).unwrap_err();
        assert!(error.to_string().contains("runs: this intermediate file"), "{error}");
        std::fs::write(&path, &bytes[..BLOCK]).unwrap();
        let error = file.read(2 * BLOCK as u64, 3 * BLOCK as u64, &mut out).unwrap_err();
        assert!(error.to_string().contains("cut short"), "{error}");
    }
}
