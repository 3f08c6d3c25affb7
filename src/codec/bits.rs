//! Bits into bytes, as deflate packs them: least significant first.

/// Fewer than eight bits that are not yet a byte, and where that byte will be.
#[derive(Clone, Copy)]
pub(super) struct Packer {
    at: usize,
    held: u64,
    count: u32,
}

impl Packer {
    /// Appends the low `count` bits of `value`, at most 56, the others being zero.
    #[inline(always)]
    pub(super) fn put(&mut self, out: &mut [u8], value: u64, count: u32) {
        self.held |= value << self.count;
        self.count += count;
        if let Some(place) = out[self.at..].first_chunk_mut() {
            *place = self.held.to_le_bytes();
        }
        self.at += (self.count / 8) as usize;
        self.held >>= self.count & !7;
        self.count &= 7;
    }
}

/// The end of `out`, written bit by bit.
pub(super) struct Bits<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) packer: Packer,
}

impl<'a> Bits<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        let at = out.len();
        Self { out, packer: Packer { at, held: 0, count: 0 } }
    }

    /// Makes room for `bytes` more, and for the eight that a store touches.
    pub(super) fn reserve(&mut self, bytes: usize) {
        self.out.resize(self.packer.at + bytes + 16, 0);
    }

    /// As [`Packer::put`], within what was reserved.
    pub(super) fn put(&mut self, value: u64, count: u32) {
        self.packer.put(self.out, value, count);
    }

    pub(super) fn align(&mut self) {
        self.put(0, (8 - self.packer.count) % 8);
    }

    /// Appends whole bytes; only where a byte begins.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let at = self.packer.at;
        self.out[at..at + bytes.len()].copy_from_slice(bytes);
        self.packer.at += bytes.len();
    }

    pub(super) fn finish(self) {
        self.out.truncate(self.packer.at);
    }
}
