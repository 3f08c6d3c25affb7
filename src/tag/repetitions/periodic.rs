//! Periodic parts of a sequence of words or tokens.
//!
//! A sequence has the period p where each item equals the one p places before it. Such a part that
//! goes on for `times` periods is found by looking at every (`times` - 1) · p-th place alone, so
//! ordinary text costs next to nothing; the part itself is walked once for each period.

use std::ops::{Range, RangeInclusive};

/// A part of a sequence that cannot be extended without breaking its period.
#[derive(Debug, Clone, PartialEq)]
pub struct Periodic {
    pub items: Range<usize>,
    pub period: usize,
}

impl Periodic {
    /// How many whole periods there are.
    pub fn times(&self) -> usize {
        self.items.len() / self.period
    }
}

/// The parts of a sequence of `len` items with one of `periods` for at least `times` (two or
/// more) periods, by period and then in order; a multiple of a part's period is one of its periods.
pub fn periodic(
    len: usize,
    periods: RangeInclusive<usize>,
    times: usize,
    equal: impl Fn(usize, usize) -> bool,
) -> Vec<Periodic> {
    let mut found = Vec::new();
    for period in periods.filter(|&period| period > 0) {
        let Some(min) = period.checked_mul(times - 1) else { break };
        let mut at = min - 1;
        while at + period < len {
            if equal(at, at + period) {
                let start = (0..at).rev().find(|&x| !equal(x, x + period)).map_or(0, |x| x + 1);
                let end = (at + 1..len - period).find(|&x| !equal(x, x + period));
                at = end.unwrap_or(len - period);
                if at - start >= min {
                    found.push(Periodic { items: start..at + period, period });
                }
            }
            at += min;
        }
    }
    found
}

/// Leaves out what lies in another part; of two at the same place the first is kept.
pub fn outermost(found: &mut Vec<Periodic>) {
    found.sort_by_key(|part| (part.items.start, std::cmp::Reverse(part.items.end)));
    let mut end = 0;
    found.retain(|part| {
        let keep = part.items.end > end;
        end = end.max(part.items.end);
        keep
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(items: &[u8], periods: RangeInclusive<usize>, times: usize) -> Vec<Periodic> {
        let mut found = Vec::new();
        for period in periods {
            let mut start = 0;
            for at in period..=items.len() {
                if at == items.len() || items[at] != items[at - period] {
                    let part = Periodic { items: start..at, period };
                    if part.times() >= times {
                        found.push(part);
                    }
                    start = at + 1 - period;
                }
            }
        }
        found
    }

    proptest! {
        #[test]
        fn agrees_with_the_naive_way(
            parts in prop::collection::vec(("[abc]{1,14}", 1usize..40), 0..6), times in 2usize..34
        ) {
            let items: String = parts.iter().map(|(part, times)| part.repeat(*times)).collect();
            let items = items.as_bytes();
            let found = periodic(items.len(), 1..=13, times, |a, b| items[a] == items[b]);
            prop_assert_eq!(found, naive(items, 1..=13, times));
        }
    }
}
