//! The matches of `(.+?)(\s?\1){3,}` without trying them one by one.
//!
//! A match is a unit and at least three more copies of it, each with at most one white space
//! before it; of all matches the leftmost counts, and of those with one start the shortest unit.
//! Back-references make a search engine try every unit at every place. Here the places are
//! derived from stretches that equal the text some bytes further on (`stretches.rs`):
//!
//! - A unit has no newline, so its copies are inside lines. At least two neighbours share a line,
//!   or the two in the middle are two equal lines.
//! - Neighbours in a line are a stretch at the distance of the unit's length, or more by the white
//!   space between them.
//! - A unit that is itself a repetition is never the shortest.
//!
//! So every line gives a few [`Starts`]; only these are looked at. Lengths are in bytes, which
//! order units with one start as code points do.

use super::stretches::{Finder, Stretch};
use super::widest_space;
use crate::text::unicode::is_space;
use memchr::{memchr, memmem};
use std::ops::Range;

/// A match of the expression, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Match {
    pub range: Range<usize>,
    pub unit: usize,
}

/// Places where a match may start.
#[derive(Debug, Clone, Copy)]
struct Starts {
    first: usize,
    /// The last one, included.
    last: usize,
    /// Bytes of the unit.
    unit: usize,
    which: Which,
}

/// Which characters between the first and the last place are starts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Which {
    All,
    /// Those with white space of this many bytes behind the unit.
    BeforeSpace(usize),
    /// Those where a match of the character alone starts.
    Single,
}

/// Memory for one text after the other.
#[derive(Default)]
pub(super) struct Searcher {
    finder: Finder,
    /// The stretches of a line at the last four distances, by distance modulo 4.
    stretches: [Vec<Stretch>; 4],
    starts: Vec<Starts>,
    active: Vec<Starts>,
}

/// Bytes of the white space at `at`.
#[inline]
fn space_at(text: &str, at: usize) -> Option<usize> {
    match text.as_bytes().get(at) {
        Some(b' ' | b'\t'..=b'\r' | 0x1c..=0x1f) => Some(1),
        Some(0xc2 | 0xe1..=0xe3) => {
            let c = text.get(at..)?.chars().next()?;
            is_space(c).then(|| c.len_utf8())
        }
        _ => None,
    }
}

/// Bytes of the white space that ends at `at`.
fn space_before(text: &str, at: usize) -> Option<usize> {
    let c = text.get(..at)?.chars().next_back()?;
    is_space(c).then(|| c.len_utf8())
}

impl Searcher {
    /// Calls `see` with each match of `text`, in order.
    pub(super) fn search(&mut self, text: &str, mut see: impl FnMut(Match)) {
        self.starts.clear();
        let slack = widest_space(text);
        self.add_single_bytes(text, slack);
        if slack > 1 {
            self.add_wide_spaces(text);
        }
        let mut before: Option<Range<usize>> = None;
        let mut start = 0;
        loop {
            let end = memchr(b'\n', &text.as_bytes()[start..]).map_or(text.len(), |at| start + at);
            self.add_line(text, start..end, slack);
            if let Some(before) = before.filter(|before| text[before.clone()] == text[start..end]) {
                Line::outside(text).chain(before.start, end - start, &mut self.starts);
            }
            before = (end > start).then_some(start..end);
            if end == text.len() {
                break;
            }
            start = end + 1;
        }
        self.choose(text, &mut see);
    }

    /// Units of one byte: a pass of its own, because nearly every byte would be looked at anyway.
    fn add_single_bytes(&mut self, text: &str, slack: usize) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at + 3 < bytes.len() {
            let near = bytes[at] == bytes[at + 1] || bytes[at] == bytes[at + 2];
            let far =
                || slack > 1 && bytes[at + 3..].iter().take(slack - 1).any(|b| *b == bytes[at]);
            if (near || far())
                && bytes[at].is_ascii()
                && let Some(end) = match_end(text, at, 1)
            {
                self.push_single(at, end - 1);
                at = end;
                continue;
            }
            at += 1;
        }
    }

    /// White space of several bytes as the unit, which other white space may stand between.
    fn add_wide_spaces(&mut self, text: &str) {
        let mut end = 0;
        for (at, c) in text.char_indices() {
            if at >= end
                && !c.is_ascii()
                && is_space(c)
                && let Some(found) = match_end(text, at, c.len_utf8())
            {
                self.push_single(at, found - 1);
                end = found;
            }
        }
    }

    fn push_single(&mut self, first: usize, last: usize) {
        self.starts.push(Starts { first, last, unit: 1, which: Which::Single });
    }

    /// Matches of units of at least two bytes that have two copies in this line.
    fn add_line(&mut self, text: &str, line: Range<usize>, slack: usize) {
        let bytes = &text.as_bytes()[line.clone()];
        // Two copies of two bytes.
        if bytes.len() < 4 {
            return;
        }
        self.finder.begin(bytes);
        self.stretches.iter_mut().for_each(Vec::clear);
        let farthest = bytes.len().midpoint(slack);
        let mut last_found = 0;
        for distance in 2..=farthest + slack {
            let found = &mut self.stretches[distance % 4];
            if distance <= farthest {
                let min = distance.saturating_sub(slack).max(2);
                self.finder.find(bytes, distance, min, found);
            } else {
                found.clear();
            }
            if !found.is_empty() {
                last_found = distance;
            }
            // All that a unit needs is known when the distance with the widest space is.
            if last_found + slack >= distance && distance >= slack + 2 && last_found > 0 {
                let line = Line { text, range: line.clone(), stretches: Some(&self.stretches) };
                line.unit(distance - slack, slack, &mut self.starts);
            }
        }
    }

    /// The matches among all starts: the leftmost, then the leftmost behind it.
    fn choose(&mut self, text: &str, see: &mut impl FnMut(Match)) {
        self.starts.sort_unstable_by_key(|starts| (starts.first, starts.unit));
        self.active.clear();
        let (mut from, mut next) = (0, 0);
        loop {
            let mut best: Option<(usize, usize)> = None;
            self.active.retain_mut(|starts| match starts.next(text, from) {
                Some((at, unit)) => {
                    starts.first = at;
                    best = Some(best.map_or((at, unit), |best| best.min((at, unit))));
                    true
                }
                None => false,
            });
            while let Some(starts) = self.starts.get(next) {
                if best.is_some_and(|(at, _)| at < starts.first) {
                    break;
                }
                next += 1;
                let mut starts = *starts;
                if let Some((at, unit)) = starts.next(text, from) {
                    starts.first = at;
                    best = Some(best.map_or((at, unit), |best| best.min((at, unit))));
                    self.active.push(starts);
                }
            }
            let Some((at, unit)) = best else { return };
            // A start is only put down where a match was seen; one character on is a safe answer.
            let end = match_end(text, at, unit).unwrap_or(at + 1);
            debug_assert!(end > at + unit, "a start without a match");
            see(Match { range: at..end, unit });
            from = end;
        }
    }
}

impl Starts {
    /// The first start at `from` or behind, and its unit.
    fn next(&self, text: &str, from: usize) -> Option<(usize, usize)> {
        let mut places = from.max(self.first)..=self.last;
        let found = places.find(|&at| {
            text.is_char_boundary(at)
                && match self.which {
                    Which::All => true,
                    Which::BeforeSpace(len) => space_at(text, at + self.unit) == Some(len),
                    Which::Single => match_end(text, at, char_len(text, at)).is_some(),
                }
        })?;
        let unit = if self.which == Which::Single { char_len(text, found) } else { self.unit };
        Some((found, unit))
    }
}

fn char_len(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(1, char::len_utf8)
}

/// A line and what is known of it.
struct Line<'a> {
    text: &'a str,
    range: Range<usize>,
    stretches: Option<&'a [Vec<Stretch>; 4]>,
}

impl<'a> Line<'a> {
    /// For units of which nothing is known.
    fn outside(text: &'a str) -> Self {
        Self { text, range: 0..0, stretches: None }
    }

    fn found(&self, distance: usize) -> &'a [Stretch] {
        self.stretches.map_or(&[], |stretches| &stretches[distance % 4])
    }

    /// Puts down the starts with a unit of `unit` bytes.
    fn unit(&self, unit: usize, slack: usize, starts: &mut Vec<Starts>) {
        let (base, end) = (self.range.start, self.range.end);
        for stretch in self.found(unit).iter().filter(|stretch| stretch.len() >= unit) {
            let (first, behind) = (base + stretch.start, base + stretch.end);
            if stretch.len() >= 3 * unit {
                starts.push(Starts { first, last: behind - 3 * unit, unit, which: Which::All });
            }
            // Copies in the lines before and behind follow a copy at the line's ends.
            if stretch.start == 0 {
                self.chain(first, unit, starts);
            }
            if behind + unit == end {
                self.chain(behind - unit, unit, starts);
            }
        }
        for space in 1..=slack {
            let distance = unit + space;
            for stretch in self.found(distance).iter().filter(|stretch| stretch.len() >= unit) {
                self.spaced(base + stretch.start..base + stretch.end, unit, space, starts);
            }
        }
    }

    /// Starts of copies with `space` bytes of white space between some, in a stretch.
    fn spaced(&self, at: Range<usize>, unit: usize, space: usize, starts: &mut Vec<Starts>) {
        let distance = unit + space;
        if at.len() >= 3 * distance - space {
            let last = at.end + space - 3 * distance;
            let which = Which::BeforeSpace(space);
            starts.push(Starts { first: at.start, last, unit, which });
        }
        // Beyond three copies from either end all neighbours are in the stretch, too.
        let head = at.start + unit..(at.start + unit + 3 * distance).min(at.end + 1);
        let tail = head.end.max((at.end + 1).saturating_sub(3 * distance))..at.end + 1;
        for place in head.chain(tail) {
            if space_at(self.text, place) == Some(space) {
                self.chain(place - unit, unit, starts);
            }
        }
    }

    /// Puts down the copy at `at` and up to two before it, those that three more follow.
    fn chain(&self, at: usize, unit: usize, starts: &mut Vec<Starts>) {
        if !self.text.is_char_boundary(at) || !self.text.is_char_boundary(at + unit) {
            return;
        }
        let mut behind = 0;
        let mut copy = at;
        while behind < 3 {
            let Some(next) = self.forward(copy, unit) else { break };
            (copy, behind) = (next, behind + 1);
        }
        let mut copy = at;
        for before in 0..3 {
            if before + behind >= 3 {
                starts.push(Starts { first: copy, last: copy, unit, which: Which::All });
            }
            let Some(next) = self.back(copy, unit) else { break };
            copy = next;
        }
    }

    /// The copy behind the one at `at`.
    fn forward(&self, at: usize, unit: usize) -> Option<usize> {
        let end = at + unit;
        let spaced = space_at(self.text, end).map(|space| end + space);
        let spaced = spaced.filter(|&next| self.are_equal(at, next, unit));
        spaced.or_else(|| self.are_equal(at, end, unit).then_some(end))
    }

    /// The copy before the one at `at`.
    fn back(&self, at: usize, unit: usize) -> Option<usize> {
        let before = |end: usize| end.checked_sub(unit).filter(|&b| self.are_equal(b, at, unit));
        let spaced = space_before(self.text, at).and_then(|space| before(at - space));
        spaced.or_else(|| before(at))
    }

    /// Whether `unit` bytes are the same at two places, the first of which comes first.
    fn are_equal(&self, first: usize, second: usize, unit: usize) -> bool {
        let Range { start, end } = self.range;
        if self.stretches.is_some() && (start..end).contains(&first) && second < end {
            // A copy does not go over the line's end.
            let found = self.found(second - first);
            let from = first - start;
            let at = found.partition_point(|stretch| stretch.start <= from);
            return at > 0 && found[at - 1].end >= from + unit;
        }
        let bytes = self.text.as_bytes();
        let copy = |at: usize| bytes.get(at..at + unit);
        copy(second).is_some_and(|second| copy(first) == Some(second))
    }
}

/// Where the match at `at` with a unit of `unit` bytes ends, if there is one.
///
/// Each copy takes the white space before it if it can; only the first three may have to go back
/// on that, because the match needs no more.
fn match_end(text: &str, at: usize, unit: usize) -> Option<usize> {
    let copy = text.as_bytes().get(at..at + unit)?;
    if copy.contains(&b'\n') {
        return None;
    }
    let follows = |at: usize| {
        text.as_bytes().get(at..at + unit).filter(|next| *next == copy).map(|_| at + unit)
    };
    let spaced = |at: usize| space_at(text, at).and_then(|space| follows(at + space));
    let step = |at: usize, then: &dyn Fn(usize) -> Option<usize>| {
        spaced(at).and_then(then).or_else(|| follows(at).and_then(then))
    };
    let mut end = step(at + unit, &|at| step(at, &|at| step(at, &Some)))?;
    while let Some(next) = spaced(end).or_else(|| follows(end)) {
        end = next;
    }
    Some(end)
}

impl Match {
    /// How often the unit is in the match, without overlaps.
    pub(super) fn times(&self, text: &str) -> usize {
        let found = &text.as_bytes()[self.range.clone()];
        memmem::find_iter(found, &found[..self.unit]).count()
    }
}
