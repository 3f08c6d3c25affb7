//! Bytes of the source as bits, least significant first, for decoding.

use super::inflate::Fault;

/// The next bits of the input.
#[derive(Clone, Copy, Default)]
pub(super) struct Register {
    /// Those beyond the count are zero or the next ones of the input.
    bits: u64,
    /// How many there are, in the low byte; what stands above it means nothing, so that entries of
    /// decoding tables can be subtracted whole.
    count: u32,
}

impl Register {
    /// What is left of a byte of which `begun` bits, fewer than eight, were used.
    pub(super) fn of_byte(byte: u8, begun: u32) -> Self {
        Self { bits: u64::from(byte) >> begun, count: 8 - begun }
    }

    #[inline(always)]
    pub(super) fn bits(self) -> u64 {
        self.bits
    }

    #[inline(always)]
    pub(super) fn count(self) -> u32 {
        self.count & 0xff
    }

    /// Brings the bits to 56 at least, out of the next eight bytes; returns how many were used up.
    #[inline(always)]
    pub(super) fn refill(&mut self, next: [u8; 8]) -> usize {
        self.bits |= u64::from_le_bytes(next) << (self.count & 63);
        let used = 7 - (self.count >> 3 & 7);
        self.count |= 56;
        used as usize
    }

    /// Drops the bits that are in the low byte of `entry`.
    #[inline(always)]
    pub(super) fn skip(&mut self, entry: u32) {
        self.bits >>= entry & 63;
        self.count = self.count.wrapping_sub(entry);
    }

    /// The base of a length or distance plus its extra bits, which are dropped with its code.
    #[inline(always)]
    pub(super) fn value(&mut self, entry: u32) -> usize {
        let used = self.bits & !(u64::MAX << (entry & 63));
        self.skip(entry);
        (entry >> 16) as usize + (used >> (entry >> 8 & 15)) as usize
    }

    /// Takes up to 16 bits.
    pub(super) fn take(&mut self, count: u32) -> u32 {
        let value = self.bits & ((1 << count) - 1);
        self.skip(count);
        value as u32
    }
}

/// The buffered part of the source, and the bits that were taken out of it.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    /// Whether the source ends with these bytes.
    pub(super) ended: bool,
    pub(super) register: Register,
    /// Zero bytes taken for what lies beyond the end.
    missing: u32,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8], ended: bool, register: Register) -> Self {
        Self { bytes, at: 0, ended, register, missing: 0 }
    }

    /// Brings the bits to 56 at least.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        if let Some(bytes) = self.bytes[self.at..].first_chunk() {
            self.at += self.register.refill(*bytes);
        } else {
            self.refill_at_end();
        }
    }

    #[cold]
    fn refill_at_end(&mut self) {
        let Register { mut bits, .. } = self.register;
        let mut count = self.register.count();
        while count < 56 {
            match self.bytes.get(self.at) {
                Some(&byte) => {
                    bits |= u64::from(byte) << count;
                    self.at += 1;
                }
                None => self.missing += 1,
            }
            count += 8;
        }
        self.register = Register { bits, count };
    }

    /// Whether bits were used that are not there.
    #[inline(always)]
    pub(super) fn overrun(&self) -> bool {
        self.missing * 8 > self.register.count()
    }

    /// A code that does not exist was perhaps just cut off.
    pub(super) fn fault(&self, fault: Fault) -> Fault {
        if self.missing > 0 { Fault::Cut } else { fault }
    }

    /// Gives whole bytes back.
    pub(super) fn unread(&mut self) {
        let Register { bits, .. } = self.register;
        let count = self.register.count();
        let bytes = count / 8;
        self.at -= bytes.saturating_sub(self.missing) as usize;
        self.missing = self.missing.saturating_sub(bytes);
        self.register = Register { bits: bits & ((1 << (count % 8)) - 1), count: count % 8 };
    }
}
