//! The rows of tokens seen before.
//!
//! Cutting a token into character n-grams and hashing each costs far more than adding their
//! rows, and text repeats its tokens. The cache keeps what is only a function of the model and
//! the token, so results cannot depend on documents seen before; when it is full it starts over,
//! which bounds its memory.

use super::token::Token;
use crate::memory::prefetch;

/// Slots of the table, a power of two; at most half of them are used.
const SLOTS: usize = 1 << 16;
/// Longer tokens are rarely seen twice.
pub(super) const MAX_TOKEN: usize = 64;
/// Bounds of the two arenas: about what half the slots need in English.
const MAX_KEYS: usize = 1 << 20;
const MAX_ROWS: usize = 1 << 20;

/// Row count of a token that is not read at all.
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Default)]
struct Slot {
    hash: u32,
    key: u32,
    rows: u32,
    row_count: u32,
    /// Zero marks an empty slot: no token is empty.
    key_length: u32,
}

pub(super) struct Cache {
    slots: Vec<Slot>,
    used: usize,
    keys: Vec<u8>,
    rows: Vec<u32>,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self { slots: vec![Slot::default(); SLOTS], used: 0, keys: Vec::new(), rows: Vec::new() }
    }

    /// The rows of `token`, made by `make` if it is new; `None` if `make` said that it has none.
    pub(super) fn get(
        &mut self,
        token: Token<'_>,
        make: impl FnOnce(&mut Vec<u32>) -> bool,
    ) -> Option<&[u32]> {
        let index = match self.find(token.bytes, token.hash) {
            Ok(index) => index,
            Err(index) => self.insert(index, token.bytes, token.hash, make),
        };
        let Slot { rows, row_count, .. } = self.slots[index];
        (row_count != NONE).then(|| &self.rows[rows as usize..][..row_count as usize])
    }

    /// Asks for what [`Cache::get`] will look at first.
    #[inline]
    pub(super) fn prefetch(&self, token: Token<'_>) {
        prefetch(&self.slots, home(token.hash));
    }

    fn find(&self, token: &[u8], hash: u32) -> Result<usize, usize> {
        let mut index = home(hash);
        loop {
            let slot = &self.slots[index];
            if slot.key_length == 0 {
                return Err(index);
            }
            let key = slot.key as usize;
            if slot.hash == hash && self.keys[key..key + slot.key_length as usize] == *token {
                return Ok(index);
            }
            index = (index + 1) & (SLOTS - 1);
        }
    }

    fn insert(
        &mut self,
        mut index: usize,
        token: &[u8],
        hash: u32,
        make: impl FnOnce(&mut Vec<u32>) -> bool,
    ) -> usize {
        let full = self.used >= SLOTS / 2 || self.keys.len() > MAX_KEYS;
        if full || self.rows.len() > MAX_ROWS {
            self.slots.fill(Slot::default());
            self.used = 0;
            self.keys.clear();
            self.rows.clear();
            index = home(hash);
        }
        let (key, start) = (self.keys.len(), self.rows.len());
        self.keys.extend_from_slice(token);
        let has_rows = make(&mut self.rows);
        self.used += 1;
        self.slots[index] = Slot {
            hash,
            key: key as u32,
            key_length: token.len() as u32,
            rows: start as u32,
            row_count: if has_rows { (self.rows.len() - start) as u32 } else { NONE },
        };
        index
    }
}

/// FNV mixes upwards only: fold the high bits in.
fn home(hash: u32) -> usize {
    (hash ^ (hash >> 16)) as usize & (SLOTS - 1)
}
