//! From anchors to repeats: which windows of a group are equal, and which of them is the first.
//!
//! The distinct contexts of a group are told apart by cutting the range of windows in halves: all
//! windows in a range have the text between the last one's start and the first one's end in common
//! with the anchor, so contexts that differ there share no window of the range. A context that is
//! there again needs no comparison at all. A group with too many contexts for memory is sorted again,
//! each context cut in two, by more text than the k-gram.

use super::anchors::{Winnow, context_hash};
use super::corpus::Corpus;
use super::records::{Anchor, Mark, Place, shard_of};
use crate::dedupe::cluster::blocks::Scratch;
use crate::dedupe::cluster::sorter::{Part, Sorter};
use crate::error::{Error, Result};
use crate::run::Progress;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128};

/// Distinct contexts of a group that are compared in memory.
const MAX_CONTEXTS: usize = 1 << 18;
/// Copies of contexts that wait for the comparison; the ones after them name the first copy of
/// their context as the source. Constant, so that results do not depend on the memory.
const MAX_COPIES: usize = 1 << 20;
/// Symbols of contexts that are held in memory while they are compared; beyond it, each is read
/// when it is needed.
const HELD_BYTES: u64 = 64 << 20;
/// Marks that wait before they are handed over.
const BATCH: usize = 1 << 12;

/// How groups are compared.
#[derive(Clone, Copy)]
pub struct Limits {
    pub contexts: usize,
    pub copies: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { contexts: MAX_CONTEXTS, copies: MAX_COPIES }
    }
}

/// What the comparison works on.
pub struct Matching<'m> {
    pub winnow: Winnow,
    pub corpus: &'m Corpus,
    pub marks: &'m Sorter<Mark>,
    pub limits: Limits,
    pub threads: usize,
    /// Parts that anchors are sorted in.
    pub parts: usize,
    pub progress: &'m Progress,
}

impl Matching<'_> {
    /// Pushes the repeats among the windows of `anchors` to `marks`.
    ///
    /// # Errors
    /// `Io` or `Asset` of intermediate files; `Cancelled`.
    pub fn run(&self, anchors: Sorter<Anchor>, scratch: &Scratch, memory: u64) -> Result<()> {
        let mut level = anchors;
        let mut cell = self.winnow.choice;
        for name in ["cells-a", "cells-b"].into_iter().cycle() {
            let half = cell.div_ceil(2);
            let finer = Sorter::new(name, scratch, self.parts, memory);
            let parts = level.finish();
            if parts.iter().all(Part::is_empty) {
                return Ok(());
            }
            let queue: Mutex<VecDeque<Part<Anchor>>> = Mutex::new(parts.into());
            let failure: Mutex<Option<Error>> = Mutex::new(None);
            std::thread::scope(|scope| {
                for _ in 0..self.threads {
                    scope.spawn(|| {
                        while let Some(part) =
                            queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
                        {
                            let worked = self.part(part, half, &finer);
                            if let Err(error) = worked {
                                let mut slot =
                                    failure.lock().unwrap_or_else(PoisonError::into_inner);
                                slot.get_or_insert(error);
                                return;
                            }
                        }
                    });
                }
            });
            if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
                return Err(error);
            }
            (level, cell) = (finer, half);
        }
        Ok(())
    }

    fn part(&self, part: Part<Anchor>, half: u64, finer: &Sorter<Anchor>) -> Result<()> {
        let mut group = Group {
            matching: self,
            finer,
            half,
            contexts: Vec::new(),
            copies: Vec::new(),
            crowded: false,
            last: None,
            cells: Vec::new(),
            marks: Vec::new(),
            texts: Texts::default(),
        };
        let mut seen = 0u32;
        part.for_each(|anchor| {
            seen = seen.wrapping_add(1);
            if seen.is_multiple_of(1 << 16) && self.progress.is_cancelled() {
                return Err(Error::cancelled());
            }
            group.take(anchor)
        })?;
        group.close()?;
        group.hand_over(0)
    }
}

/// Anchors with the same key.
struct Group<'g> {
    matching: &'g Matching<'g>,
    finer: &'g Sorter<Anchor>,
    half: u64,
    /// The first anchor of each context.
    contexts: Vec<Anchor>,
    /// Further anchors, with the number of their context.
    copies: Vec<(u32, Anchor)>,
    /// Whether there were too many contexts, so that they are sorted again.
    crowded: bool,
    last: Option<Anchor>,
    cells: Vec<Anchor>,
    marks: Vec<Mark>,
    texts: Texts,
}

/// Windows (by their starts relative to the anchor) whose source is in another context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Same {
    first: i64,
    last: i64,
    source: u32,
}

impl Group<'_> {
    /// Takes the next anchor in the order of key, context and place.
    fn take(&mut self, anchor: Anchor) -> Result<()> {
        if self.last.is_some_and(|last| last.key != anchor.key) {
            self.close()?;
        }
        match self.last {
            Some(first) if first.context == anchor.context => self.copy(first, anchor),
            _ => {
                self.last = Some(anchor);
                if self.crowded {
                    return self.cut(anchor);
                }
                if self.contexts.len() == self.matching.limits.contexts && self.half > 0 {
                    return self.crowd(anchor);
                }
                self.contexts.push(anchor);
                Ok(())
            }
        }
    }

    /// Takes an anchor whose context stood at `first` before.
    fn copy(&mut self, first: Anchor, anchor: Anchor) -> Result<()> {
        // Of the windows of a copy that is so near, the source may be in another context.
        let apart = disjoint(anchor.at, first.at, self.matching.winnow.length);
        if apart && (self.crowded || self.copies.len() >= self.matching.limits.copies) {
            let (from, to) = anchor.range();
            return self.mark(&anchor, from, to, first.at);
        }
        if self.crowded {
            return self.cut(anchor);
        }
        self.copies.push((self.contexts.len() as u32 - 1, anchor));
        Ok(())
    }

    /// Gives up on comparing in memory.
    fn crowd(&mut self, anchor: Anchor) -> Result<()> {
        self.crowded = true;
        let contexts = std::mem::take(&mut self.contexts);
        for (context, copy) in std::mem::take(&mut self.copies) {
            self.copy(contexts[context as usize], copy)?;
        }
        contexts.into_iter().try_for_each(|context| self.cut(context))?;
        self.cut(anchor)
    }

    /// Cuts the windows of an anchor in two, to be sorted by the text that each half has in common.
    fn cut(&mut self, anchor: Anchor) -> Result<()> {
        let (first, last) = anchor.range();
        let length = self.matching.winnow.length as i64;
        let half = self.half as i64;
        let mut from = first;
        while from <= last {
            // Cells are counted down from the anchor, so they are the same for all.
            let cell = -from / half;
            let (low, high) = (-cell * half - half + 1, -cell * half);
            let to = last.min(high);
            let (at, units) = (shift(anchor.at, high), (low + length - high) as u64);
            let width = self.matching.corpus.unit.width() as i64;
            let symbols = self.matching.corpus.symbols(
                shift(anchor.at, first),
                (last - first + length) as u64,
                &mut self.texts.buffer,
            )?;
            let common = (at - shift(anchor.at, first)) as usize * width as usize;
            // What the cell's windows have in common begins with the last one; where only some of
            // them are there, they contain it just the same.
            let common = &symbols[common..common + units as usize * width as usize];
            let key = xxh3_64_with_seed(common, cell as u64);
            let context = &symbols
                [((from - first) * width) as usize..((to - first + length) * width) as usize];
            let (before, windows) = (-from as u32, (to - from + 1) as u32);
            // Windows after the anchor's end would have a negative number before it; there are none.
            let context = context_hash(context, before, windows);
            self.cells.push(Anchor { key, context, before, windows, ..anchor });
            from = to + 1;
        }
        if self.cells.len() >= BATCH {
            self.finer.push_all(&mut self.cells)?;
        }
        Ok(())
    }

    /// Compares what the group holds.
    fn close(&mut self) -> Result<()> {
        self.last = None;
        if std::mem::take(&mut self.crowded) {
            return self.finer.push_all(&mut self.cells);
        }
        let contexts = std::mem::take(&mut self.contexts);
        let copies = std::mem::take(&mut self.copies);
        if contexts.len() > 1 || !copies.is_empty() || contexts.iter().any(|one| one.count > 1) {
            let same = self.compare(&contexts)?;
            for (index, context) in contexts.iter().enumerate() {
                self.mark_all(context, &same[index], &contexts, context.at)?;
            }
            for (context, copy) in &copies {
                let first = contexts[*context as usize].at;
                self.mark_all(copy, &same[*context as usize], &contexts, first)?;
            }
        }
        (self.contexts, self.copies) = (contexts, copies);
        self.contexts.clear();
        self.copies.clear();
        Ok(())
    }

    /// For each context, the windows that stand in an earlier one.
    fn compare(&mut self, contexts: &[Anchor]) -> Result<Vec<Vec<Same>>> {
        let mut same = vec![Vec::new(); contexts.len()];
        if contexts.len() > 1 {
            let mut order: Vec<u32> = (0..contexts.len() as u32).collect();
            order.sort_unstable_by_key(|index| contexts[*index as usize].at);
            self.texts.load(self.matching, contexts)?;
            let first = -(self.matching.winnow.choice as i64 - 1);
            self.split(contexts, &order, first, 0, &mut same)?;
        }
        Ok(same)
    }

    /// Compares the windows that begin in `first..=last` of contexts in the order of their places.
    fn split(
        &mut self,
        contexts: &[Anchor],
        members: &[u32],
        first: i64,
        last: i64,
        same: &mut [Vec<Same>],
    ) -> Result<()> {
        let length = self.matching.winnow.length as i64;
        let mut hashed = Vec::with_capacity(members.len());
        for (rank, member) in members.iter().enumerate() {
            let (from, to) = contexts[*member as usize].range();
            if from.max(first) <= to.min(last) {
                let hash =
                    self.texts.hash(self.matching, contexts, *member, last, first + length)?;
                hashed.push((hash, rank, *member));
            }
        }
        hashed.sort_unstable();
        let mut class = Vec::new();
        for equal in hashed.chunk_by(|left, right| left.0 == right.0) {
            if equal.len() < 2 {
                continue;
            }
            class.clear();
            class.extend(equal.iter().map(|(_, _, member)| *member));
            let clip = |member: u32| {
                let (from, to) = contexts[member as usize].range();
                (from.max(first), to.min(last))
            };
            let (from, to) = clip(class[0]);
            let mut uniform = class.iter().all(|member| clip(*member) == (from, to));
            if uniform && first < last {
                let whole =
                    self.texts.hash(self.matching, contexts, class[0], from, to + length)?;
                for member in &class[1..] {
                    uniform = uniform
                        && self.texts.hash(self.matching, contexts, *member, from, to + length)?
                            == whole;
                }
            }
            if uniform {
                for member in &class[1..] {
                    join(
                        &mut same[*member as usize],
                        Same { first: from, last: to, source: class[0] },
                    );
                }
            } else {
                let middle = first + (last - first) / 2;
                let members = class.clone();
                self.split(contexts, &members, first, middle, same)?;
                self.split(contexts, &members, middle + 1, last, same)?;
            }
        }
        Ok(())
    }

    /// Marks the windows of `anchor`: those in `same` by their context there, the others by `own`.
    fn mark_all(
        &mut self,
        anchor: &Anchor,
        same: &[Same],
        contexts: &[Anchor],
        own: Place,
    ) -> Result<()> {
        let (mut from, last) = anchor.range();
        for found in same {
            if from < found.first {
                self.mark(anchor, from, found.first - 1, own)?;
            }
            self.mark(anchor, found.first, found.last, contexts[found.source as usize].at)?;
            from = found.last + 1;
        }
        if from <= last {
            self.mark(anchor, from, last, own)?;
        }
        Ok(())
    }

    /// Marks the windows `from..=to` of `anchor` and of its repetitions, where they are apart from
    /// their source.
    fn mark(&mut self, anchor: &Anchor, from: i64, to: i64, source: Place) -> Result<()> {
        let length = self.matching.winnow.length;
        let mut mark = Mark {
            at: shift(anchor.at, from),
            source: shift(source, from),
            windows: (to - from + 1) as u64,
            stride: anchor.stride,
            count: anchor.count,
        };
        if !disjoint(mark.at, mark.source, length) {
            let missing = mark.source + length - mark.at;
            let skipped = if mark.count == 1 { 1 } else { missing.div_ceil(mark.stride.into()) };
            if skipped >= u64::from(mark.count) {
                return Ok(());
            }
            mark.at += skipped * u64::from(mark.stride);
            mark.count -= skipped as u32;
        }
        if mark.count == 1 {
            mark.stride = 0;
        }
        self.marks.push(mark);
        self.hand_over(BATCH)
    }

    fn hand_over(&mut self, from: usize) -> Result<()> {
        if self.marks.len() > from {
            self.matching.marks.push_all(&mut self.marks)?;
        }
        if from == 0 {
            self.finer.push_all(&mut self.cells)?;
        }
        Ok(())
    }
}

/// Whether a window at `at` does not overlap one at `source`, which is not after it.
fn disjoint(at: Place, source: Place, length: u64) -> bool {
    shard_of(at) != shard_of(source) || at - source >= length
}

fn shift(at: Place, by: i64) -> Place {
    at.wrapping_add_signed(by)
}

/// Appends to windows that are in order.
fn join(windows: &mut Vec<Same>, next: Same) {
    match windows.last_mut() {
        Some(last) if last.source == next.source && last.last + 1 == next.first => {
            last.last = next.last;
        }
        _ => windows.push(next),
    }
}

/// The symbols of a group's contexts.
#[derive(Default)]
struct Texts {
    held: Vec<u8>,
    /// Where each begins in `held`; empty where they are read one by one.
    starts: Vec<usize>,
    buffer: Vec<u8>,
}

impl Texts {
    fn load(&mut self, matching: &Matching<'_>, contexts: &[Anchor]) -> Result<()> {
        let width = matching.corpus.unit.width() as u64;
        let length = matching.winnow.length;
        let units = |context: &Anchor| u64::from(context.windows) + length - 1;
        self.held.clear();
        self.starts.clear();
        if contexts.iter().map(units).sum::<u64>() * width > HELD_BYTES {
            return Ok(());
        }
        for context in contexts {
            self.starts.push(self.held.len());
            let at = shift(context.at, context.range().0);
            let symbols = matching.corpus.symbols(at, units(context), &mut self.buffer)?;
            self.held.extend_from_slice(symbols);
        }
        Ok(())
    }

    /// The hash of the units `from..to` relative to a context's anchor.
    fn hash(
        &mut self,
        matching: &Matching<'_>,
        contexts: &[Anchor],
        index: u32,
        from: i64,
        to: i64,
    ) -> Result<u128> {
        let context = &contexts[index as usize];
        if let Some(start) = self.starts.get(index as usize) {
            let width = matching.corpus.unit.width();
            let at = start + (from - context.range().0) as usize * width;
            return Ok(xxh3_128(&self.held[at..at + (to - from) as usize * width]));
        }
        let at = shift(context.at, from);
        let symbols = matching.corpus.symbols(at, (to - from) as u64, &mut self.buffer)?;
        Ok(xxh3_128(symbols))
    }
}
