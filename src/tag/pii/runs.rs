//! Runs of ASCII digits, found 64 bytes at a time.
//!
//! Phone numbers and IP addresses are rare and digits are not everywhere, so both scanners start
//! from these runs. Plain integer arithmetic does it without `unsafe` and at the same speed on
//! every machine.

const BLOCK: usize = 64;
const LOW: u64 = 0x0101_0101_0101_0101;

/// One bit for each byte of the block that is an ASCII digit, the first byte lowest.
fn digit_mask(block: &[u8; BLOCK]) -> u64 {
    // Vector code, as it has no early way out; half of the blocks of ordinary text end here.
    let any = block.iter().fold(0u8, |any, byte| any | u8::from(byte.wrapping_sub(b'0') < 10));
    if any == 0 {
        return 0;
    }
    let (words, _) = block.as_chunks::<8>();
    words.iter().enumerate().fold(0, |mask, (index, word)| {
        let x = u64::from_le_bytes(*word) ^ (LOW * u64::from(b'0'));
        // Digits are now 0..=9: the top bit stays clear, and clear still after adding 0x76.
        let over = (x & (LOW * 0x7F)) + LOW * 0x76;
        let flags = (!(over | x) & (LOW * 0x80)) >> 7;
        // Gathers the eight flags, one a byte, into the top byte.
        mask | (flags.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (index * 8)
    })
}

/// Calls `found(start, end)` for each maximal run of ASCII digits, from left to right.
pub fn for_each_digit_run(bytes: &[u8], mut found: impl FnMut(usize, usize)) {
    let mut open = None;
    let mut edges_of = |base: usize, mask: u64| {
        // A bit where digits begin, and one where they have ended.
        let mut edges = mask ^ (mask << 1 | u64::from(open.is_some()));
        while edges != 0 {
            let at = base + edges.trailing_zeros() as usize;
            edges &= edges - 1;
            match open.take() {
                Some(start) => found(start, at),
                None => open = Some(at),
            }
        }
    };
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    for (index, block) in blocks.iter().enumerate() {
        edges_of(index * BLOCK, digit_mask(block));
    }
    // Always shorter than a block, so the padding closes a run that reaches the end.
    let mut last = [0; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    edges_of(blocks.len() * BLOCK, digit_mask(&last));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn runs(bytes: &[u8]) -> Vec<(usize, usize)> {
        let mut all = Vec::new();
        for_each_digit_run(bytes, |start, end| all.push((start, end)));
        all
    }

    fn naive(bytes: &[u8]) -> Vec<(usize, usize)> {
        let mut all: Vec<(usize, usize)> = Vec::new();
        for at in (0..bytes.len()).filter(|&at| bytes[at].is_ascii_digit()) {
            match all.last_mut() {
                Some(last) if last.1 == at => last.1 = at + 1,
                _ => all.push((at, at + 1)),
            }
        }
        all
    }

    #[test]
    fn every_byte_value_is_classified() {
        for byte in 0..=255u8 {
            for at in [0, 7, 63, 64, 70] {
                let mut bytes = [b'x'; 128];
                bytes[at] = byte;
                assert_eq!(runs(&bytes), naive(&bytes), "{byte} at {at}");
            }
        }
    }

    proptest! {
        #[test]
        fn runs_are_those_of_a_plain_loop(bytes in prop::collection::vec(
            prop_oneof![Just(b'1'), Just(b'9'), Just(b'/'), Just(b':'), any::<u8>()], 0..300)) {
            prop_assert_eq!(runs(&bytes), naive(&bytes));
        }

        #[test]
        fn long_runs_cross_blocks(before in 0usize..130, digits in 0usize..260, after in 0usize..70) {
            let bytes = [vec![b'-'; before], vec![b'7'; digits], vec![b'-'; after]].concat();
            prop_assert_eq!(runs(&bytes), naive(&bytes));
        }
    }
}
