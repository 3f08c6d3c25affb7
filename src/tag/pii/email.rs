//! The e-mail expression of the earlier tool, matched without backtracking.
//!
//! ```text
//! [.\s@,?!;:)(]*  ([^\s@]+ @ [^\s@,?!;:)(]+?)  [.\s@,?!;:)(]?  [\s\n\r]
//!      lead        name        domain            trail        space
//! ```
//!
//! Searched as Python's `finditer` does: leftmost match, greedy and lazy repeats as written, no
//! overlaps. Why one pass from `@` to `@` finds the same matches, with "soft" for the characters
//! of the lead class:
//!
//! - The name holds no `@` and the domain neither, so a match belongs to one `@`. What follows it
//!   ([`Tail`]) does not depend on where the match began; an `@` without a tail is no match.
//! - The name must reach back from `@` without white space or another `@`; the furthest it can
//!   reach is `name`. All a match can begin with is soft characters before that, so the leftmost
//!   start for this `@` is the start of the soft run that ends at `name`. It never lies left of
//!   the start for an earlier `@` with a tail: both runs would be one.
//! - So the first `@` with a tail fixes the start. From there the greedy lead takes the whole
//!   soft run and gives back one character at a time ([`resolve`]): the last `@` that can follow
//!   wins, which may be a later one where the run goes on beyond the first.

use super::chars::{AT, SOFT, SPACE, is, previous, space_len, space_len_before};
use memchr::{memchr, memrchr};

/// One match, in bytes of the text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    pub start: usize,
    /// Start of the captured name.
    pub name: usize,
    pub at: usize,
    /// End of the captured domain.
    pub domain_end: usize,
    pub end: usize,
}

/// What follows an `@` in a match.
#[derive(Debug, Clone, Copy)]
struct Tail {
    domain_end: usize,
    end: usize,
}

/// Calls `found` for each match in `text`, from left to right.
pub fn for_each_email(text: &[u8], mut found: impl FnMut(Match)) {
    // No match may begin before the end of the last one.
    let mut floor = 0;
    let mut next = 0;
    while let Some(offset) = memchr(b'@', &text[next..]) {
        let at = next + offset;
        next = at + 1;
        if !has_name(text, at, floor) {
            continue;
        }
        let Some(tail) = tail(text, at) else { continue };
        let start = soft_start(text, name_start(text, at, floor), floor);
        let hit = resolve(text, start, at, tail);
        found(hit);
        floor = hit.end;
        next = floor;
    }
}

/// Whether at least one character that a name may have stands before the `@`.
fn has_name(text: &[u8], at: usize, floor: usize) -> bool {
    at > floor && text[at - 1] != b'@' && space_len_before(text, at) == 0
}

/// The furthest that the name before `at` reaches back. Never crosses an `@`, so all calls
/// together are linear.
fn name_start(text: &[u8], at: usize, floor: usize) -> usize {
    let mut start = at;
    while start > floor {
        let before = start - 1;
        if is(text[before], AT | SPACE) {
            break;
        }
        // White space of several bytes is known once its first byte is reached.
        let wide = space_len(text, before);
        if wide > 0 {
            return before + wide;
        }
        start = before;
    }
    start
}

/// Start of the run of lead characters that ends at `end`.
fn soft_start(text: &[u8], end: usize, floor: usize) -> usize {
    let mut start = end;
    while start > floor {
        if is(text[start - 1], SOFT | AT | SPACE) {
            start -= 1;
        } else if space_len_before(text, start) > 0 {
            start = previous(text, start);
        } else {
            break;
        }
    }
    start
}

/// End of the run of lead characters that begins at `start`.
fn soft_end(text: &[u8], start: usize) -> usize {
    let mut end = start;
    while let Some(&byte) = text.get(end) {
        match if is(byte, SOFT | AT) { 1 } else { space_len(text, end) } {
            0 => break,
            width => end += width,
        }
    }
    end
}

/// The shortest domain after `at` that a trail and white space follow.
fn tail(text: &[u8], at: usize) -> Option<Tail> {
    let domain = at + 1;
    let mut stop = domain;
    while !is(*text.get(stop)?, SOFT | AT) || text[stop] == b'.' {
        if space_len(text, stop) > 0 {
            break;
        }
        stop += 1;
    }
    let space = space_len(text, stop);
    // A domain cannot end earlier than before a full stop that is its last character.
    if space > 0 && stop > domain + 1 && text[stop - 1] == b'.' {
        return Some(Tail { domain_end: stop - 1, end: stop + space });
    }
    if stop == domain {
        return None;
    }
    // `stop` is a lead character: first as the trail, then as the white space itself.
    let after = stop + space.max(1);
    match space_len(text, after) {
        0 if space == 0 => None,
        0 => Some(Tail { domain_end: stop, end: after }),
        second => Some(Tail { domain_end: stop, end: after + second }),
    }
}

/// The match that begins at `start`, where `first` is the first `@` that can be in it.
fn resolve(text: &[u8], start: usize, first: usize, first_tail: Tail) -> Match {
    let hit = |name: usize, at: usize, tail: Tail| Match {
        start,
        name,
        at,
        domain_end: tail.domain_end,
        end: tail.end,
    };
    let lead_end = soft_end(text, start);
    if lead_end <= first {
        return hit(lead_end, first, first_tail);
    }
    // The lead covers `first`. Nothing given back: the name begins right after it.
    if let Some(at) = name_end(text, lead_end)
        && let Some(tail) = tail(text, at)
    {
        return hit(lead_end, at, tail);
    }
    // Given back up to an `@` inside: the name is the one soft character before it.
    let mut limit = lead_end;
    while let Some(offset) = memrchr(b'@', &text[first + 1..limit]) {
        let at = first + 1 + offset;
        if is(text[at - 1], SOFT)
            && let Some(tail) = tail(text, at)
        {
            return hit(at - 1, at, tail);
        }
        limit = at;
    }
    hit(first - 1, first, first_tail)
}

/// The `@` that ends the name beginning at `start`, if one does.
fn name_end(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        match *text.get(at)? {
            b'@' if at > start => return Some(at),
            b'@' => return None,
            _ if space_len(text, at) > 0 => return None,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::chars::PYTHON_SPACE;
    use super::*;
    use proptest::prelude::*;
    use regex::Regex;

    fn matches(text: &str) -> Vec<[usize; 5]> {
        let mut all = Vec::new();
        for_each_email(text.as_bytes(), |m| {
            all.push([m.start, m.name, m.at, m.domain_end, m.end]);
        });
        all
    }

    /// The expression itself; the regex crate finds what a backtracking matcher finds.
    fn reference() -> Regex {
        let s = PYTHON_SPACE.trim_matches(['[', ']']);
        Regex::new(&format!("[.{s}@,?!;:)(]*([^{s}@]+@[^{s}@,?!;:)(]+?)[.{s}@,?!;:)(]?[{s}]"))
            .unwrap()
    }

    fn naive(reference: &Regex, text: &str) -> Vec<[usize; 5]> {
        reference
            .captures_iter(text)
            .map(|found| {
                let (all, group) = (found.get(0).unwrap(), found.get(1).unwrap());
                let at = group.start() + group.as_str().find('@').unwrap();
                [all.start(), group.start(), at, group.end(), all.end()]
            })
            .collect()
    }

    #[test]
    fn the_span_carries_its_surroundings() {
        assert_eq!(matches("to (me@x.org) Bye"), [[2, 4, 6, 12, 14]]);
        assert_eq!(matches("to (me@x.org). Bye"), [[0usize; 5]; 0]);
        assert_eq!(matches("me@x.org. "), [[0, 0, 2, 8, 10]]);
        assert_eq!(matches("me@x.org"), [[0usize; 5]; 0]);
        // The greedy lead swallows an address that would have matched.
        assert_eq!(matches(".@. b@c.d "), [[0, 4, 5, 9, 10]]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn matches_are_those_of_the_expression(text in "[ab.@@@ ,(\n\t\u{a0}\u{3000}é٣\u{1c}\u{205f}!-]{0,24}") {
            thread_local!(static REFERENCE: Regex = reference());
            REFERENCE.with(|reference| {
                prop_assert_eq!(matches(&text), naive(reference, &text));
                Ok(())
            })?;
        }

        #[test]
        fn punctuation_only(text in "[a.@ (]{0,16}") {
            thread_local!(static REFERENCE: Regex = reference());
            REFERENCE.with(|reference| {
                prop_assert_eq!(matches(&text), naive(reference, &text));
                Ok(())
            })?;
        }
    }
}
