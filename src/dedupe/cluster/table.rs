//! Tables that are read and changed at any place: in memory while there is room, else in a file.
//!
//! The file is mapped and has no name: it is this process's alone and gone with it, as memory that
//! is swapped out would be. It is written in full before it is mapped, so that a full disk is an
//! error there and not a fault at some later access.

use super::blocks::Scratch;
use super::records::Candidate;
use super::sketch::Sketch;
use crate::error::Result;
use std::fs::File;
use std::io::Write;
use std::ops::{Deref, DerefMut};
use std::os::fd::AsRawFd;
use std::ptr::NonNull;

/// What may stand in a table.
///
/// # Safety
/// Every pattern of bits is a value, and no byte is padding.
pub unsafe trait Plain: Copy + Send + Sync {}

// SAFETY: integers.
unsafe impl Plain for u8 {}
// SAFETY: integers.
unsafe impl Plain for u32 {}
// SAFETY: integers.
unsafe impl Plain for u64 {}
// SAFETY: two integers of eight bytes each, `repr(C)`.
unsafe impl Plain for Candidate {}
// SAFETY: an array of integers, `repr(transparent)`.
unsafe impl Plain for Sketch {}

/// Entries of one kind, numbered from 0.
pub struct Table<T> {
    name: &'static str,
    scratch: Scratch,
    /// Bytes of the room that are held.
    held: u64,
    memory: Vec<T>,
    mapped: Option<Mapped<T>>,
}

/// A file without a name, as memory.
struct Mapped<T> {
    start: NonNull<T>,
    /// Entries that there is room for, at least one, and those that are in use.
    capacity: usize,
    length: usize,
}

// SAFETY: the mapping is owned, and `T` may be sent and shared.
unsafe impl<T: Plain> Send for Mapped<T> {}
// SAFETY: as above; changes need a mutable reference.
unsafe impl<T: Plain> Sync for Mapped<T> {}

impl<T: Plain> Table<T> {
    /// An empty table.
    pub fn new(name: &'static str, scratch: &Scratch) -> Self {
        Self { name, scratch: scratch.clone(), held: 0, memory: Vec::new(), mapped: None }
    }

    /// A table of these entries.
    ///
    /// # Errors
    /// `Io` with the path of the file.
    pub fn of(
        name: &'static str,
        scratch: &Scratch,
        entries: impl ExactSizeIterator<Item = T>,
    ) -> Result<Self> {
        let mut table = Self::new(name, scratch);
        table.reserve(entries.len())?;
        entries.into_iter().try_for_each(|entry| table.push(entry))?;
        Ok(table)
    }

    /// # Errors
    /// `Io` with the path of the file.
    pub fn push(&mut self, entry: T) -> Result<()> {
        if self.len() == self.capacity() {
            self.reserve((self.len() * 2).max(1 << 10))?;
        }
        match &mut self.mapped {
            None => self.memory.push(entry),
            Some(mapped) => {
                mapped.length += 1;
                if let Some(last) = self.last_mut() {
                    *last = entry;
                }
            }
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.mapped.as_ref().map_or(self.memory.capacity(), |mapped| mapped.capacity)
    }

    /// Makes room for `capacity` entries in all.
    fn reserve(&mut self, capacity: usize) -> Result<()> {
        let bytes = (capacity * size_of::<T>()) as u64;
        if self.mapped.is_none() && self.scratch.take(bytes.saturating_sub(self.held)) {
            self.held = self.held.max(bytes);
            self.memory.reserve_exact(capacity - self.memory.len());
            return Ok(());
        }
        let mut mapped = Mapped::new(self.scratch.unnamed(self.name, bytes)?, capacity)?;
        mapped.length = self.len();
        mapped.copy_from_slice(self);
        self.mapped = Some(mapped);
        self.memory = Vec::new();
        self.scratch.give(std::mem::take(&mut self.held));
        Ok(())
    }
}

impl<T> Drop for Table<T> {
    fn drop(&mut self) {
        self.scratch.give(self.held);
    }
}

impl<T: Plain> Deref for Table<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.mapped.as_deref().unwrap_or(&self.memory)
    }
}

impl<T: Plain> DerefMut for Table<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.mapped.as_deref_mut().unwrap_or(&mut self.memory)
    }
}

impl<T: Plain> Mapped<T> {
    /// Maps `file`, which has the bytes of `capacity` entries.
    fn new(file: File, capacity: usize) -> Result<Self> {
        // SAFETY: a new mapping of a file that nobody else can open, as long as the file is.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                capacity * size_of::<T>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        match NonNull::new(start.cast::<T>()) {
            Some(start) if start.as_ptr().cast() != libc::MAP_FAILED => {
                Ok(Self { start, capacity, length: 0 })
            }
            _ => Err(std::io::Error::last_os_error().into()),
        }
    }
}

impl<T: Plain> Deref for Mapped<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: `length` is at most `capacity`; a mapping starts at a page, so it is aligned, and
        // any bytes are values of `T`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

impl<T: Plain> DerefMut for Mapped<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and the mapping is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }
}

impl<T> Drop for Mapped<T> {
    fn drop(&mut self) {
        // SAFETY: what `new` has mapped, and nothing borrows it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.capacity * size_of::<T>()) };
    }
}

/// Writes `bytes` zeros, so that the file has its room on the disk.
pub(super) fn fill(file: &mut File, bytes: u64) -> std::io::Result<()> {
    let zeros = vec![0; 1 << 16];
    let mut left = bytes;
    while left > 0 {
        let some = left.min(zeros.len() as u64);
        file.write_all(&zeros[..some as usize])?;
        left -= some;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_table_is_a_list_wherever_it_is(
            entries in proptest::collection::vec(any::<u64>(), 1..5000),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 0..50),
            room in prop::sample::select(vec![0u64, 10_000, 1 << 30]),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let scratch = Scratch::new(folder.path(), room);
            let mut list = entries.clone();
            let mut pushed = Table::new("table", &scratch);
            entries.iter().for_each(|entry| pushed.push(*entry).unwrap());
            let mut made = Table::of("table", &scratch, entries.iter().copied()).unwrap();
            for (index, value) in changes {
                let at = index.index(list.len());
                (list[at], pushed[at], made[at]) = (value, value, value);
            }
            prop_assert_eq!(&*pushed, &list[..]);
            prop_assert_eq!(&*made, &list[..]);
            if room != 10_000 {
                prop_assert_eq!(scratch.spilled() > 0, room == 0);
            }
            drop((pushed, made));
            prop_assert!(scratch.take(room));
            prop_assert!(std::fs::read_dir(folder.path()).map_or(true, |mut all| all.next().is_none()));
        }
    }
}
