//! Length-limited prefix codes for deflate (RFC 1951, section 3.2.2).
//!
//! Code lengths come from Huffman's tree built in place over sorted frequencies (Moffat and
//! Katajainen, 1995); lengths beyond the limit are shortened by moving leaves, as in Annex K.3 of
//! the JPEG standard. Ties are broken by symbol, so that the same counts give the same code.

/// The longest code of any alphabet of deflate.
pub(super) const MAX_BITS: usize = 15;

/// The largest alphabet: literals, end of block and match lengths.
const MAX_SYMBOLS: usize = 288;

/// Sets `lengths[symbol]` to the length of its code, zero where `counts` is zero.
///
/// At least two symbols always get a code: some inflaters refuse an incomplete one.
pub(super) fn code_lengths(counts: &[u32], limit: usize, lengths: &mut [u8]) {
    lengths.fill(0);
    let mut leaves = [0u64; MAX_SYMBOLS];
    let mut used = 0;
    for (symbol, &count) in counts.iter().enumerate() {
        if count > 0 {
            leaves[used] = u64::from(count) << 16 | symbol as u64;
            used += 1;
        }
    }
    let unused = counts.iter().enumerate().filter(|(_, count)| **count == 0);
    for (symbol, _) in unused.take(2usize.saturating_sub(used)) {
        leaves[used] = 1 << 16 | symbol as u64;
        used += 1;
    }
    let leaves = &mut leaves[..used];
    leaves.sort_unstable();

    let mut depths = [0u32; MAX_SYMBOLS];
    for (depth, leaf) in depths.iter_mut().zip(leaves.iter()) {
        *depth = (leaf >> 16) as u32;
    }
    tree_depths(&mut depths[..used]);
    let per_length = limited(&depths[..used], limit);

    let mut rarest_first = leaves.iter();
    for length in (1..=limit).rev() {
        for leaf in rarest_first.by_ref().take(per_length[length] as usize) {
            lengths[(leaf & 0xffff) as usize] = length as u8;
        }
    }
}

/// Turns ascending weights into the depths of their leaves, in place.
fn tree_depths(nodes: &mut [u32]) {
    let count = nodes.len();
    // Phase one: weights become parents' indices; merged nodes take the front of the slice.
    let (mut root, mut leaf) = (0, 0);
    for next in 0..count - 1 {
        let mut weight = 0;
        for _ in 0..2 {
            if leaf >= count || (root < next && nodes[root] < nodes[leaf]) {
                weight += nodes[root];
                nodes[root] = next as u32;
                root += 1;
            } else {
                weight += nodes[leaf];
                leaf += 1;
            }
        }
        nodes[next] = weight;
    }
    // Phase two: depths of the inner nodes, from the root down.
    nodes[count - 2] = 0;
    for next in (0..count - 2).rev() {
        nodes[next] = nodes[nodes[next] as usize] + 1;
    }
    // Phase three: what is free at each depth after the inner nodes are the leaves.
    let (mut inner, mut write) = (count as isize - 2, count);
    let (mut available, mut depth) = (1, 0);
    while available > 0 {
        let mut taken = 0;
        while inner >= 0 && nodes[inner as usize] == depth {
            taken += 1;
            inner -= 1;
        }
        while available > taken {
            write -= 1;
            nodes[write] = depth;
            available -= 1;
        }
        available = 2 * taken;
        depth += 1;
    }
}

/// How many codes have each length, none longer than `limit`, with a full Kraft sum.
fn limited(depths: &[u32], limit: usize) -> [u32; MAX_BITS + 1] {
    let mut per_length = [0u32; MAX_BITS + 1];
    let mut kraft = 0u64;
    for &depth in depths {
        let length = (depth as usize).min(limit);
        per_length[length] += 1;
        kraft += 1 << (limit - length);
    }
    while kraft > 1 << limit {
        // A leaf above the limit moves one level down and takes a leaf of the last level as its
        // sibling: the sum falls by exactly one unit of the last level.
        let mut length = limit - 1;
        while per_length[length] == 0 {
            length -= 1;
        }
        per_length[length] -= 1;
        per_length[length + 1] += 2;
        per_length[limit] -= 1;
        kraft -= 1;
    }
    per_length
}

/// The canonical codes of `lengths`, each with its bits reversed: deflate sends them last bit first.
pub(super) fn codes(lengths: &[u8], codes: &mut [u16]) {
    let mut per_length = [0u16; MAX_BITS + 1];
    for &length in lengths {
        per_length[length as usize] += 1;
    }
    per_length[0] = 0;
    let mut next = [0u16; MAX_BITS + 1];
    for length in 1..=MAX_BITS {
        next[length] = next[length - 1].wrapping_add(per_length[length - 1]) << 1;
    }
    for (code, &length) in codes.iter_mut().zip(lengths) {
        if length > 0 {
            *code = next[length as usize].reverse_bits() >> (16 - u32::from(length));
            next[length as usize] = next[length as usize].wrapping_add(1);
        } else {
            *code = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lengths_of(counts: &[u32], limit: usize) -> Vec<u8> {
        let mut lengths = vec![0; counts.len()];
        code_lengths(counts, limit, &mut lengths);
        lengths
    }

    #[test]
    fn follows_the_example_of_the_rfc() {
        let lengths = [3, 3, 3, 3, 3, 2, 4, 4];
        let mut found = [0; 8];
        codes(&lengths, &mut found);
        let expected = ["010", "011", "100", "101", "110", "00", "1110", "1111"];
        for ((code, length), expected) in found.iter().zip(lengths).zip(expected) {
            let text: String =
                (0..length).map(|bit| if code >> bit & 1 == 1 { '1' } else { '0' }).collect();
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn gives_two_codes_even_to_no_symbols() {
        assert_eq!(lengths_of(&[0, 0, 0], 15), [1, 1, 0]);
        assert_eq!(lengths_of(&[0, 0, 9], 15), [1, 0, 1]);
    }

    #[test]
    fn limits_fibonacci_weights() {
        let mut weights = vec![1u32, 1];
        while weights.len() < 30 {
            weights.push(weights[weights.len() - 1] + weights[weights.len() - 2]);
        }
        let lengths = lengths_of(&weights, 15);
        assert_eq!(lengths.iter().max(), Some(&15));
        assert_eq!(lengths.iter().map(|&n| 1u32 << (15 - n)).sum::<u32>(), 1 << 15);
    }

    proptest! {
        #[test]
        fn codes_are_complete_and_within_the_limit(
            counts in proptest::collection::vec(prop_oneof![Just(0u32), 1u32..5, 1u32..1_000_000], 2..286),
            limit in 9usize..=15,
        ) {
            let lengths = lengths_of(&counts, limit);
            let sum: u64 = lengths.iter().filter(|&&n| n > 0).map(|&n| 1u64 << (limit - n as usize)).sum();
            prop_assert_eq!(sum, 1 << limit);
            for (count, length) in counts.iter().zip(&lengths) {
                prop_assert!(*count == 0 || *length > 0);
            }
        }

        #[test]
        fn without_a_binding_limit_the_cost_is_that_of_huffman(
            counts in proptest::collection::vec(1u32..64, 2..40),
        ) {
            let mut heap: std::collections::BinaryHeap<_> =
                counts.iter().map(|&n| std::cmp::Reverse(u64::from(n))).collect();
            let mut best = 0;
            while heap.len() > 1 {
                let sum = heap.pop().unwrap().0 + heap.pop().unwrap().0;
                best += sum;
                heap.push(std::cmp::Reverse(sum));
            }
            let lengths = lengths_of(&counts, 15);
            let cost: u64 = counts.iter().zip(&lengths).map(|(&n, &l)| u64::from(n) * u64::from(l)).sum();
            prop_assert_eq!(cost, best);
        }
    }
}
