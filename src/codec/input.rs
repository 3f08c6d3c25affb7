//! Bytes of the source as bits, least significant first, for decoding.

use super::inflate::Fault;
use super::tables;

/// A way to mask bits.
pub(super) trait Low: Copy {
    /// The lowest bits of `bits`, as many as the low byte of `entry` says: fewer than 64.
    fn of(self, bits: u64, entry: u32) -> u64;
}

/// With instructions that every processor has.
#[derive(Clone, Copy)]
pub(super) struct Shift;

impl Low for Shift {
    #[inline(always)]
    fn of(self, bits: u64, entry: u32) -> u64 {
        bits & !(u64::MAX << (entry & 63))
    }
}

/// With the instruction of BMI2, which takes the low byte of a register as it is: inflating takes 5 % less
/// time. Only to be had where the processor has it.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Bmi2(());

#[cfg(target_arch = "x86_64")]
impl Bmi2 {
    pub(super) fn detect() -> Option<Self> {
        std::is_x86_feature_detected!("bmi2").then_some(Self(()))
    }
}

#[cfg(target_arch = "x86_64")]
impl Low for Bmi2 {
    #[inline(always)]
    fn of(self, bits: u64, entry: u32) -> u64 {
        // SAFETY: that there is a `self` says that the processor has the instruction.
        unsafe { std::arch::x86_64::_bzhi_u64(bits, entry) }
    }
}

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

    /// The base of a distance plus its extra bits, which are dropped with its code.
    #[inline(always)]
    pub(super) fn distance(&mut self, entry: u32, low: impl Low) -> usize {
        (entry >> 16) as usize + self.extra(entry, low)
    }

    /// The same of a length, whose code may come behind that of a literal.
    #[inline(always)]
    pub(super) fn length(&mut self, entry: u32, low: impl Low) -> usize {
        tables::length_base(entry) + self.extra(entry, low)
    }

    #[inline(always)]
    fn extra(&mut self, entry: u32, low: impl Low) -> usize {
        let used = low.of(self.bits, entry);
        self.skip(entry);
        (used >> (entry >> 8 & 15)) as usize
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
