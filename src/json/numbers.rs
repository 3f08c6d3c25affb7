//! Numbers as JSON has them: offsets, and scores as Python prints them.
//!
//! Offsets and most scores are whole and have eight digits at most. Those are found all at once, in
//! one word and without a branch that hangs on how many there are.

/// Numbers below have no more digits than a word has bytes.
const EIGHT_DIGITS: u32 = 100_000_000;

/// Room for a span of three such numbers: brackets, commas, digits and `.0`.
const SPAN: usize = 1 + (8 + 1) + (8 + 1) + (8 + 4);

/// Appends `[start,end,score]` and a comma. `last` is what the end of the span before was written
/// with: one span often starts where another ends.
#[inline]
pub fn write_span(start: u32, end: u32, score: f64, last: &mut Digits, out: &mut Vec<u8>) {
    // A negative score becomes 0, which differs from it in its bits, as it does from -0.0.
    let whole = score as u32;
    if f64::from(whole).to_bits() != score.to_bits() || start.max(end).max(whole) >= EIGHT_DIGITS {
        return write_any_span(start, end, score, out);
    }
    let first = if last.value == start { *last } else { Digits::of(start) };
    *last = Digits::of(end);
    out.reserve(SPAN);
    // SAFETY: there is room for numbers of eight digits each and all that is around them, and only
    // what was written becomes part of `out`. Checking each piece costs a third of the time.
    unsafe {
        let begin = out.as_mut_ptr().add(out.len());
        begin.write(b'[');
        let at = first.put(begin.add(1), b",");
        let at = last.put(at, b",");
        let at = Digits::of(whole).put(at, b".0],");
        out.set_len(out.len() + at.offset_from_unsigned(begin));
    }
}

/// The decimal digits of a number below 10^8.
#[derive(Clone, Copy, Debug)]
pub struct Digits {
    value: u32,
    count: usize,
    /// The first in the lowest byte.
    digits: u64,
}

impl Default for Digits {
    fn default() -> Self {
        Self::of(0)
    }
}

impl Digits {
    #[inline]
    fn of(value: u32) -> Self {
        // Halves of four digits, quarters of two, then digits: each step divides all parts at once
        // by a product that is exact for numbers of their size.
        let halves = u64::from(value / 10_000) | u64::from(value % 10_000) << 32;
        let tens = ((halves * 10_486) >> 20) & 0x0000_007f_0000_007f;
        let quarters = tens | (halves - 100 * tens) << 16;
        let tens = ((quarters * 103) >> 10) & 0x000f_000f_000f_000f;
        let eight = tens | (quarters - 10 * tens) << 8;
        // A zero has one digit, too.
        let zeros = (eight | 1 << 56).trailing_zeros() / 8;
        let digits = (eight | 0x3030_3030_3030_3030) >> (8 * zeros);
        Self { value, count: 8 - zeros as usize, digits }
    }

    /// Writes them and what follows them; returns where that ends.
    ///
    /// # Safety
    /// There is room for eight digits and what follows from `at` on.
    #[inline]
    unsafe fn put<const N: usize>(self, at: *mut u8, then: &[u8; N]) -> *mut u8 {
        // SAFETY: the digits are at most eight, and the caller has made room for those and the rest.
        unsafe {
            at.cast::<[u8; 8]>().write(self.digits.to_le_bytes());
            let behind = at.add(self.count);
            behind.cast::<[u8; N]>().write(*then);
            behind.add(N)
        }
    }
}

#[cold]
fn write_any_span(start: u32, end: u32, score: f64, out: &mut Vec<u8>) {
    out.push(b'[');
    write_int(u64::from(start), out);
    out.push(b',');
    write_int(u64::from(end), out);
    out.push(b',');
    write_score(score, out);
    out.extend_from_slice(b"],");
}

/// Appends an integer.
pub fn write_int(value: u64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value;
    // Two digits for each division: offsets have four or five of them.
    while rest >= 10 {
        let pair = (rest % 100) as u8;
        rest /= 100;
        at -= 2;
        digits[at] = b'0' + pair / 10;
        digits[at + 1] = b'0' + pair % 10;
    }
    if rest > 0 || at == digits.len() {
        at -= 1;
        digits[at] = b'0' + rest as u8;
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a score as Python's `round(score, 5)` prints it: at most five decimals, at least one,
/// so that it reads back as a float.
pub fn write_score(score: f64, out: &mut Vec<u8>) {
    if score == 1.0 {
        // Most spans only say that something is there.
        out.extend_from_slice(b"1.0");
        return;
    }
    let scaled = score * 1e5;
    let nearest = scaled.round();
    // Within 2^53 the product is off by less than one part in 2^52; away from a tie the nearest
    // integer is therefore the digits of the exactly rounded result.
    if scaled.abs() < 1e11 && ((scaled - nearest).abs() - 0.5).abs() > 1e-4 {
        let negative = score.is_sign_negative();
        let units = nearest.abs() as u64;
        if negative {
            out.push(b'-');
        }
        write_int(units / 100_000, out);
        out.push(b'.');
        let mut fraction = units % 100_000;
        let mut width = 10_000;
        loop {
            out.push(b'0' + (fraction / width) as u8);
            fraction %= width;
            width /= 10;
            if fraction == 0 || width == 0 {
                break;
            }
        }
    } else {
        // `{:.5}` rounds the exact binary value, half to even, as Python does.
        let rounded: f64 = format!("{score:.5}").parse().unwrap_or(score);
        let digits = format!("{rounded}");
        out.extend_from_slice(digits.as_bytes());
        if !digits.contains('.') {
            out.extend_from_slice(b".0");
        }
    }
}
