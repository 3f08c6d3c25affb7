//! A gzip file that is decoded in several places at once, by threads that have nothing better to do.
//!
//! The file is divided into chunks. An idle thread claims the first ahead of the reader that is nobody's,
//! and decodes the [`Stretch`] that begins in it. The reader asks between two blocks for the stretch that
//! begins there, and goes on behind it; a stretch that begins anywhere else rests on a wrong guess and is
//! dropped. So what is read never depends on whether, or by whom, it was decoded beforehand.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::stretch::{Scratch, Stretch};

/// Compressed bytes of a chunk: many blocks, so that the search for the first of them costs little.
const CHUNK: u64 = 512 * 1024;

/// Chunks ahead of the reader that may be claimed, at most: each holds some megabytes of text.
const MOST: u64 = 64;

/// Useless chunks in a row behind which a file is not worth trying: it may be stored, not compressed.
const ENOUGH: u32 = 3;

/// Texts that are kept for their room: a reader gives them back one by one.
const SPARE: usize = 2;

enum Chunk {
    /// Being decoded, from this bit on once it is known.
    Busy(Option<u64>),
    Ready(Stretch),
    Useless,
}

#[derive(Default)]
struct State {
    chunks: BTreeMap<u64, Chunk>,
    useless: u32,
    /// Room for text that was used and can be again.
    texts: Vec<Vec<u16>>,
}

/// The file, shared by its reader and those who decode ahead of it.
pub struct Prefetch {
    /// As the reader has it open: what its name leads to may be another one by now.
    file: Arc<File>,
    size: u64,
    /// The size of a chunk.
    chunk: u64,
    /// The byte that the reader has come to; beyond the file when it has no use for more.
    reached: AtomicU64,
    /// Whether a chunk was ever claimed.
    used: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

impl Prefetch {
    /// None for a file that is too small to be worth it.
    pub(super) fn new(file: &Arc<File>, size: u64) -> Option<Arc<Self>> {
        Self::in_chunks(file, size, CHUNK)
    }

    fn in_chunks(file: &Arc<File>, size: u64, chunk: u64) -> Option<Arc<Self>> {
        (size > 2 * chunk).then(|| {
            Arc::new(Self {
                file: Arc::clone(file),
                size,
                chunk,
                reached: AtomicU64::new(0),
                used: AtomicBool::new(false),
                state: Mutex::default(),
                changed: Condvar::new(),
            })
        })
    }

    /// Something to decode ahead of the reader, if there is any of the `share` of the file, at most 1, that
    /// others than the reader are to decode, among the next `most` chunks.
    ///
    /// A chunk is left to the reader where it will be there before somebody else is done: decoding it takes
    /// the reader less, for it knows the window.
    pub fn claim(self: &Arc<Self>, share: f64, most: u64) -> Option<Claim> {
        let mut state = self.lock();
        if state.useless >= ENOUGH {
            return None;
        }
        let (size, reached) = (self.chunk, self.reached.load(Ordering::Relaxed));
        let here = reached / size;
        // Chunks spread evenly.
        let is_shared =
            |chunk: u64| ((chunk + 1) as f64 * share) as u64 > (chunk as f64 * share) as u64;
        // How far away a chunk is, in bytes that the reader decodes in the same time.
        let mut distance = size - reached % size;
        for chunk in here + 1..=here + most.min(MOST) {
            // What remains behind the last whole chunk is soon read.
            if (chunk + 1) * size > self.size {
                break;
            }
            distance += match state.chunks.get(&chunk) {
                Some(Chunk::Busy(_) | Chunk::Ready(_)) => size / 4,
                None if distance > size + size / 8 && is_shared(chunk) => {
                    state.chunks.insert(chunk, Chunk::Busy(None));
                    self.used.store(true, Ordering::Relaxed);
                    return Some(Claim { prefetch: Arc::clone(self), chunk });
                }
                _ => size,
            };
        }
        None
    }

    /// Chunks ahead of the reader that are in memory, or will be.
    pub fn ahead(&self) -> u64 {
        let state = self.lock();
        state.chunks.values().filter(|chunk| !matches!(chunk, Chunk::Useless)).count() as u64
    }

    /// Whether anything was ever decoded ahead.
    pub(crate) fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// Tells how far the file was read.
    pub(super) fn reach(&self, byte: u64) {
        self.reached.store(byte, Ordering::Relaxed);
    }

    /// Takes back the text of a stretch.
    pub(super) fn give(&self, text: Vec<u16>) {
        let mut state = self.lock();
        if state.texts.len() < SPARE {
            state.texts.push(text);
        }
    }

    /// Tells that nobody reads on.
    pub(super) fn close(&self) {
        self.reach(self.size);
        *self.lock() = State::default();
    }

    /// The stretch that begins with a bit of the file, where a block begins; waits for it where it is
    /// being decoded.
    pub(super) fn take(&self, bit: u64) -> Option<Stretch> {
        self.reach(bit / 8);
        let chunk = bit / 8 / self.chunk;
        let mut state = self.lock();
        state.chunks = state.chunks.split_off(&chunk);
        loop {
            let start = match state.chunks.get(&chunk)? {
                Chunk::Useless => return None,
                Chunk::Busy(start) => *start,
                Chunk::Ready(stretch) => Some(stretch.start),
            };
            match start {
                Some(start) if start > bit => return None,
                Some(start) if start < bit => {
                    state.give_up(chunk);
                    return None;
                }
                _ => {}
            }
            if let Chunk::Ready(_) = state.chunks.get(&chunk)? {
                state.useless = 0;
                let Some(Chunk::Ready(stretch)) = state.chunks.remove(&chunk) else { return None };
                return Some(stretch);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is left half changed: every section only moves values.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn give_up(&mut self, chunk: u64) {
        self.useless += 1;
        self.put(chunk, Chunk::Useless);
    }

    /// Unless the reader is past it.
    fn put(&mut self, chunk: u64, value: Chunk) {
        if let Some(place) = self.chunks.get_mut(&chunk) {
            *place = value;
        }
    }
}

/// A chunk that somebody is to decode. Dropping it gives the chunk up, so that nobody waits for it.
pub struct Claim {
    prefetch: Arc<Prefetch>,
    chunk: u64,
}

impl Claim {
    /// Decodes the chunk; what cannot be decoded is left to the reader, who tells why.
    pub fn decode(self, scratch: &mut Scratch) {
        scratch.text = self.prefetch.lock().texts.pop().unwrap_or_default();
        let from = self.chunk * self.prefetch.chunk;
        let to = from + self.prefetch.chunk;
        let found = |start| self.put(Chunk::Busy(Some(start)));
        let stretch = scratch.decode(&self.prefetch.file, from, to, found);
        // Of what is given up, which may be long.
        scratch.text = Vec::new();
        if let Ok(Some(stretch)) = stretch {
            self.put(Chunk::Ready(stretch));
        }
    }

    fn put(&self, value: Chunk) {
        self.prefetch.lock().put(self.chunk, value);
        self.prefetch.changed.notify_all();
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut state = self.prefetch.lock();
        if let Some(Chunk::Busy(_)) = state.chunks.get(&self.chunk) {
            state.give_up(self.chunk);
        }
        drop(state);
        self.prefetch.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::reader::Reader;
    use crate::codec::{Compressor, Encoding, Format, Writer};
    use crate::error::Result;
    use flate2::{Compression, GzBuilder};
    use proptest::prelude::*;
    use std::io::Write;
    use std::path::Path;
    use std::sync::atomic::AtomicU32;

    /// Chunks in which a block of zlib's begins more often than not.
    const SMALL: u64 = 40_000;

    /// Lines in which much repeats, some of it far away.
    fn lines(length: usize, seed: u64) -> Vec<u8> {
        let mut state = seed;
        let mut text = Vec::new();
        while text.len() < length {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let number = state >> 40;
            let back = (number as usize) % 30_000;
            if number.is_multiple_of(3) && back > 80 && back < text.len() {
                let from = text.len() - back;
                text.extend_from_within(from..from + 60);
            }
            text.extend_from_slice(
                format!("{{\"id\": {number}, \"text\": \"né {}\"}}\n", number * 77).as_bytes(),
            );
        }
        text.truncate(length);
        text
    }

    fn member(text: &[u8], level: u32) -> Vec<u8> {
        let mut encoder = GzBuilder::new().filename("a").write(Vec::new(), Compression::new(level));
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn own(text: &[u8], level: u8, path: &Path) -> Vec<u8> {
        let encoding = Encoding::new(Format::Gzip, Some(level)).unwrap();
        let mut compressor = Compressor::new(encoding).unwrap();
        let mut writer = Writer::create(path, encoding).unwrap();
        for piece in text.chunks(50_000) {
            let mut bytes = Vec::new();
            let segment = compressor.compress(piece, &mut bytes).unwrap();
            writer.append(&bytes, segment).unwrap();
        }
        writer.finish().unwrap();
        std::fs::read(path).unwrap()
    }

    /// What a reader gives with `help` before each of its blocks.
    fn read(
        path: &Path,
        chunk: u64,
        target: usize,
        mut help: impl FnMut(&Arc<Prefetch>),
    ) -> Result<Vec<u8>> {
        let size = std::fs::metadata(path).unwrap().len();
        let file = Arc::new(File::open(path).unwrap());
        let prefetch = Prefetch::in_chunks(&file, size, chunk);
        let mut reader = Reader::with(Box::new(file), path, size, Format::Gzip, prefetch.clone())?;
        let mut text = Vec::new();
        loop {
            if let Some(prefetch) = &prefetch {
                help(prefetch);
            }
            if !reader.read_block(&mut text, target)? {
                let file = std::fs::read(path).unwrap();
                assert_eq!(reader.content_hash(), Some(xxhash_rust::xxh3::xxh3_128(&file)));
                assert_eq!(reader.compressed_read(), size);
                return Ok(text);
            }
        }
    }

    /// Texts in the forms in which they come: a stream, many members, stored, ours, with zeros behind.
    fn file(form: u8, text: &[u8], path: &Path) -> Vec<u8> {
        match form {
            0 => member(text, 6),
            1 => member(text, 3),
            2 => text.chunks(9_000).flat_map(|piece| member(piece, 9)).collect(),
            3 => text.chunks(700).flat_map(|piece| member(piece, 6)).collect(),
            4 => member(text, 0),
            5 => own(text, 1, path),
            6 => own(text, 6, path),
            _ => [member(text, 6), member(b"", 6), vec![0; 9_000]].concat(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn help_changes_neither_text_nor_errors(
            form in 0u8..8,
            length in 0usize..1_200_000,
            chunk in 2_000u64..60_000,
            seed in any::<u64>(),
            target in 1usize..200_000,
            help in proptest::collection::vec((0usize..6, 0.1f64..1.0), 1..9),
            damage in proptest::option::of((any::<prop::sample::Index>(), 1u8.., any::<bool>())),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.gz");
            let mut bytes = file(form, &lines(length, seed), &path);
            if let Some((at, bits, cut)) = damage {
                let at = at.index(bytes.len());
                if cut { bytes.truncate(at) } else { bytes[at] ^= bits }
            }
            std::fs::write(&path, bytes).unwrap();
            let expected = read(&path, chunk, target, |_| ());
            let mut turns = help.iter().cycle();
            let mut scratch = Scratch::default();
            let found = read(&path, chunk, target, |prefetch| {
                let &(most, share) = turns.next().unwrap();
                let claims: Vec<_> = (0..most).map_while(|_| prefetch.claim(share, 9)).collect();
                // The later ones first; what is dropped is the reader's again.
                claims.into_iter().rev().skip(most / 5).for_each(|claim| claim.decode(&mut scratch));
            });
            match (found, expected) {
                (Ok(found), Ok(expected)) => prop_assert!(found == expected),
                (Err(found), Err(expected)) => {
                    prop_assert_eq!(found.to_string(), expected.to_string());
                }
                (found, expected) => prop_assert!(false, "{:?} {:?}", found.err(), expected.err()),
            }
        }
    }

    #[test]
    fn threads_that_help_all_the_time_are_of_use() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gz");
        let text = lines(5_000_000, 3);
        for form in [0, 1, 2, 5, 6] {
            std::fs::write(&path, file(form, &text, &path)).unwrap();
            let decoded = AtomicU32::new(0);
            let over = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let mut helpers = 0;
                let found = read(&path, SMALL, 50_000, |prefetch| {
                    while helpers < 3 {
                        helpers += 1;
                        let (prefetch, decoded, over) = (Arc::clone(prefetch), &decoded, &over);
                        scope.spawn(move || {
                            let mut scratch = Scratch::default();
                            while !over.load(Ordering::Relaxed) {
                                match prefetch.claim(1.0, 16) {
                                    Some(claim) => {
                                        claim.decode(&mut scratch);
                                        decoded.fetch_add(1, Ordering::Relaxed);
                                    }
                                    None => std::thread::yield_now(),
                                }
                            }
                        });
                    }
                });
                over.store(true, Ordering::Relaxed);
                assert!(found.unwrap() == text, "form {form}");
            });
            assert!(decoded.into_inner() > 5, "form {form}");
        }
    }

    fn prefetch(path: &Path, chunk: u64) -> Arc<Prefetch> {
        let file = Arc::new(File::open(path).unwrap());
        let size = file.metadata().unwrap().len();
        Prefetch::in_chunks(&file, size, chunk).unwrap()
    }

    /// Decodes all that may be; returns how many chunks are of use.
    fn decode_all(prefetch: &Arc<Prefetch>) -> u64 {
        let mut scratch = Scratch::default();
        while let Some(claim) = prefetch.claim(1.0, 16) {
            claim.decode(&mut scratch);
        }
        prefetch.ahead()
    }

    #[test]
    fn what_was_decoded_is_what_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gz");
        let text = lines(2_000_000, 5);
        for form in [0, 1, 2, 5, 6] {
            std::fs::write(&path, file(form, &text, &path)).unwrap();
            let (mut begun, mut put_in) = (false, false);
            let found = read(&path, SMALL, 50_000, |prefetch| {
                if !begun {
                    // All that may be ahead, but for what is left to the reader and blocks longer than a chunk.
                    let ready = decode_all(prefetch);
                    assert!(ready > 5, "form {form}: {ready}");
                    begun = true;
                }
                // Texts come back when they have been put in.
                put_in |= !prefetch.lock().texts.is_empty();
            });
            assert!(found.unwrap() == text && put_in, "form {form}");
        }
    }

    #[test]
    fn a_file_is_decoded_that_was_opened_not_what_has_its_name_now() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gz");
        std::fs::write(&path, member(&lines(2_000_000, 5), 6)).unwrap();
        let prefetch = prefetch(&path, SMALL);
        std::fs::rename(&path, folder.path().join("old.gz")).unwrap();
        std::fs::write(&path, vec![0; 2_000_000]).unwrap();
        assert!(decode_all(&prefetch) > 5);
    }

    #[test]
    fn text_that_is_little_of_its_chunk_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gz");
        let blanks = " ".repeat(10_000);
        let text: String = (0..15_000).map(|line| format!("{line}{blanks}\n")).collect();
        std::fs::write(&path, member(text.as_bytes(), 6)).unwrap();
        let prefetch = prefetch(&path, SMALL);
        assert_eq!(decode_all(&prefetch), 0);
        assert_eq!(prefetch.lock().useless, ENOUGH);
    }
}
