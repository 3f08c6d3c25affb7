//! Lists of spans, `[start,end,score],[start,end,score],…`: most of what attribute files hold.
//!
//! Nearly every span begins where the last one ended, and ends as the last one did: two matches
//! whose places follow from the commas, and a few digits in between that nothing predicts. These
//! matches are too short for the table, which is looked into once for each span: a list may be
//! there twice, as where one line is marked for two reasons.

use super::deflate::{Sink, Table, WINDOW, guess, load, match_length};

/// Bytes in which a span has to end for a list to be followed.
const SPAN: usize = 32;

/// The most tokens that a span becomes: two matches, and literals in pairs.
const SPAN_TOKENS: usize = 2 + SPAN / 2;

/// The shortest match of deflate, and the length of what stands between two spans.
const SEAM: usize = 3;

/// How far before a bracket and behind it this reads.
const BEFORE: usize = 7;
const BEHIND: usize = SPAN + 16;

/// The first bracket of eight bytes that opens a span and has another before it.
#[inline(always)]
pub(super) fn seam(data: &[u8], at: usize, eight: u64) -> Option<usize> {
    let brackets = equal(eight, b'[');
    if brackets == 0 {
        return None;
    }
    let bracket = at + brackets.trailing_zeros() as usize / 8;
    let before = bracket.checked_sub(2)?;
    (data[before..bracket] == *b"],").then_some(bracket)
}

/// Takes the spans of a list from the one that opens at `open` and of which all before `at` is
/// taken, as far as it is a list and there is room for tokens; returns how far that is.
pub(super) fn follow(
    data: &[u8],
    (mut at, mut open): (usize, usize),
    table: &mut Table,
    sink: &mut Sink<'_>,
) -> usize {
    let Some(last) = data.len().checked_sub(BEHIND) else { return at };
    // Where the end of the last span stands: where this one begins, as a rule.
    let mut end = None;
    while (BEFORE..=last).contains(&open) && sink.room() >= SPAN_TOKENS {
        let mut commas = commas(data, open + 1);
        let first = open + 1 + commas.trailing_zeros() as usize;
        commas &= commas.wrapping_sub(1);
        commas &= commas.wrapping_sub(1);
        let next = open + 2 + commas.trailing_zeros() as usize;
        if commas == 0 || data[next - 2] != b']' || data[next] != b'[' || at + SEAM > next + 1 {
            break;
        }
        if let Some(end) = end {
            // Eight bytes alike are a span that was there before, and seldom alone.
            let here = load(data, at);
            let distance = guess(table, here, at);
            if load(data, at - distance) == here && distance.wrapping_sub(1) < WINDOW {
                let length = match_length(data, at, distance, 0);
                sink.matched(length, distance);
                return at + length;
            }
            let differs = here ^ load(data, end);
            let same = (differs.trailing_zeros() as usize / 8).min(next + 1 - SEAM - at);
            if same >= SEAM {
                sink.matched(same, at - end);
                at += same;
            }
        }
        let differs = load(data, next - BEFORE) ^ load(data, open - BEFORE);
        let same = (differs.leading_zeros() as usize / 8).min(next + 1 - at);
        sink.literals(&data[at..next + 1 - same]);
        sink.matched(same, next - open);
        at = next + 1;
        end = Some(first + 1);
        open = next;
    }
    at
}

/// The bytes of `word` that are `byte`, by their top bits.
#[inline(always)]
fn equal(word: u64, byte: u8) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOW: u64 = 0x7f * ONES;
    let differs = word ^ (ONES * u64::from(byte));
    !((differs & LOW) + LOW | differs | LOW)
}

/// Which of the next [`SPAN`] bytes are commas.
#[inline(always)]
fn commas(data: &[u8], at: usize) -> u32 {
    // The product moves the top bits of eight bytes next to each other.
    let eight = |lane: usize| {
        equal(load(data, at + 8 * lane), b',').wrapping_mul(0x0002_0408_1020_4081) >> 56
    };
    (eight(0) | eight(1) << 8 | eight(2) << 16 | eight(3) << 24) as u32
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use crate::codec::Format;
    use crate::codec::tests::{
        check_round_trip, encoding, flate2_reads, libdeflate_reads, noise, written,
    };

    /// A list of spans as attribute files hold it: each begins where the last one ends, or `gap` later.
    fn spans(count: usize, gap: usize, score: &str) -> Vec<u8> {
        let mut text = b"{\"paragraph\":[".to_vec();
        let mut start = 0;
        for step in noise(count) {
            let end = start + step as usize;
            text.extend_from_slice(format!("[{start},{end},{step}{score}],").as_bytes());
            start = end + gap;
        }
        text.pop();
        text.extend_from_slice(b"]}\n");
        text
    }

    #[test]
    fn lists_of_spans_become_smaller_than_at_the_best_level_of_zlib() {
        for gap in [0, 1] {
            let list = spans(30_000, gap, ".0");
            check_round_trip(&[&list, &list[..list.len() / 2], &list]);
            let size = written(&[&list], encoding(Format::Gzip, 1)).len();
            let mut best = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            best.write_all(&list).unwrap();
            let best = best.finish().unwrap().len();
            assert!(size < best, "{size} {best}");
        }
    }

    #[test]
    fn a_list_that_is_there_twice_is_a_match() {
        let once = spans(900, 3, ".5");
        let twice = [once.clone(), once.clone()].concat();
        let [once, twice] =
            [once, twice].map(|text| written(&[&text], encoding(Format::Gzip, 1)).len());
        assert!(twice < once + once / 5, "{once} {twice}");
    }

    #[test]
    fn lists_may_end_and_change_anywhere() {
        let list = spans(9, 1, ".0");
        let texts: Vec<Vec<u8>> =
            (0..list.len()).map(|end| [&list[..], &list[..end], b"[[],["].concat()).collect();
        for text in texts {
            assert_eq!(flate2_reads(&written(&[&text], encoding(Format::Gzip, 1))), text);
        }
    }

    /// Spans and what is nearly one, again and again.
    fn any_lists() -> impl Strategy<Value = Vec<u8>> {
        let span = prop_oneof![
            (0usize..99_999, 0usize..40).prop_map(|(at, n)| format!("[{at},{},{n}.0],", at + n)),
            (0usize..999, "-?[0-9]{1,9}\\.[0-9]{1,5}")
                .prop_map(|(at, n)| format!("[{at},{at},{n}],")),
            r#"[\[\],0-9]{1,12}"#,
            Just("],[".to_owned()),
            Just("]],\"other\":[[0,9,1.0],".to_owned()),
        ];
        (proptest::collection::vec(span, 1..30), proptest::collection::vec(any::<u8>(), 0..300))
            .prop_map(|(spans, order)| {
                order.iter().flat_map(|&at| spans[at as usize % spans.len()].bytes()).collect()
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn any_lists_are_read_back(texts in proptest::collection::vec(any_lists(), 1..4)) {
            let texts: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
            let file = written(&texts, encoding(Format::Gzip, 1));
            let whole = texts.concat();
            prop_assert_eq!(&flate2_reads(&file), &whole);
            prop_assert_eq!(&libdeflate_reads(&file, whole.len()), &whole);
        }
    }
}
