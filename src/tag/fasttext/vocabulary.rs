//! The words and labels of a model, and the entry of each.
//!
//! A slot of the table holds the head of its word beside the entry, so that most look-ups touch
//! one cache line and only long words are compared where they are kept. Slots are asked for ahead
//! of the look-up: the table of a large vocabulary is in no cache.

use super::token::{HEAD, Token};
use crate::error::{Error, Result};
use crate::memory::{filled, prefetch};

const EMPTY: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Slot {
    head: u64,
    entry: u32,
    /// Where the word is in the arena.
    start: u32,
}

pub(super) struct Vocabulary {
    /// The words one after the other, each with a NUL after it; none contains one.
    arena: Vec<u8>,
    /// Open addressing; the size is a power of two.
    slots: Vec<Slot>,
}

impl Vocabulary {
    pub(super) fn new(size: usize) -> Self {
        let empty = Slot { head: 0, entry: EMPTY, start: 0 };
        Self { arena: Vec::new(), slots: filled((size * 2).next_power_of_two(), empty) }
    }

    /// Adds what `read` appends to the arena, a word without its NUL, and returns where it is. Of
    /// equal words the last one counts.
    pub(super) fn add(
        &mut self,
        entry: u32,
        read: impl FnOnce(&mut Vec<u8>) -> Result<()>,
    ) -> Result<u32> {
        let start = u32::try_from(self.arena.len())
            .map_err(|_| Error::asset("damaged fastText model: the words exceed 4 GiB"))?;
        read(&mut self.arena)?;
        let word = Token::new(&self.arena[start as usize..]);
        let (slot, head) = (self.slot(word), word.head);
        self.slots[slot] = Slot { head, entry, start };
        self.arena.push(0);
        Ok(start)
    }

    /// The word that starts there.
    pub(super) fn word(&self, start: u32) -> &[u8] {
        let rest = &self.arena[start as usize..];
        &rest[..memchr::memchr(0, rest).unwrap_or(rest.len())]
    }

    #[inline]
    pub(super) fn find(&self, token: Token<'_>) -> Option<u32> {
        let entry = self.slots[self.slot(token)].entry;
        (entry != EMPTY).then_some(entry)
    }

    /// Asks for what [`Vocabulary::find`] will look at.
    #[inline]
    pub(super) fn prefetch(&self, token: Token<'_>) {
        prefetch(&self.slots, token.hash as usize & (self.slots.len() - 1));
    }

    /// The slot that holds the token, or the empty one where it would go.
    #[inline]
    fn slot(&self, token: Token<'_>) -> usize {
        let mask = self.slots.len() - 1;
        let mut index = token.hash as usize & mask;
        loop {
            let slot = self.slots[index];
            if slot.entry == EMPTY || (slot.head == token.head && self.holds(slot, token.bytes)) {
                return index;
            }
            index = (index + 1) & mask;
        }
    }

    /// Whether a token is the word of a slot that has its head.
    #[inline]
    fn holds(&self, slot: Slot, token: &[u8]) -> bool {
        token.len() < HEAD || {
            let rest = self.arena.get(slot.start as usize + HEAD..).unwrap_or_default();
            let length = token.len() - HEAD;
            rest.get(length) == Some(&0) && rest[..length] == token[HEAD..]
        }
    }
}
