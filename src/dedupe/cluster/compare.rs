//! The comparison of a bucket: documents that share a band.
//!
//! All pairs of a small bucket are compared; in a large one, which a template shared by thousands
//! makes, only neighbours in a few orders by sketches, so that the work is linear in its size. What
//! is joined already is not compared.

use super::blocks::Scratch;
use super::likeness::{Likeness, Loaded};
use super::signature::Minhash;
use super::sketch::{ORDERS, Sketch, standard_error};
use super::table::Table;
use super::union::Union;
use crate::error::{Error, Result};
use crate::run::Progress;

/// Buckets up to this size are compared pair by pair.
const SMALL: usize = 16;
/// Sketches of a bucket that are simply held in memory: 4 MiB for each thread.
const FEW: usize = 1 << 14;
/// Documents after each that it is compared with, in each order.
const NEIGHBOURS: usize = 2;
/// Standard errors of an estimate by which a pair may miss the threshold and is still compared.
const DOUBT: f64 = 4.5;
/// Pairs of candidates that are similar enough.
pub type Edges = Vec<(u32, u32)>;

/// What the comparisons of all threads have in common.
#[derive(Clone, Copy)]
pub struct Common<'r> {
    pub minhash: &'r Minhash,
    pub likeness: &'r Likeness,
    /// The components that earlier buckets have left.
    pub union: &'r Union,
    pub progress: &'r Progress,
    pub scratch: &'r Scratch,
}

/// The comparison of one thread.
pub struct Comparison<'r> {
    common: Common<'r>,
    /// Of the members of a bucket: components as far as they are known.
    labels: Vec<u32>,
    loaded: Loaded,
}

impl<'r> Comparison<'r> {
    pub fn new(common: Common<'r>) -> Self {
        Self { common, labels: Vec::new(), loaded: Loaded::default() }
    }

    /// The pairs of a bucket that are similar enough, without those that others imply.
    ///
    /// # Errors
    /// `Io` or `Asset` of intermediate files; `Cancelled`.
    pub fn bucket(&mut self, members: &[u32]) -> Result<Edges> {
        self.stop_if_cancelled()?;
        self.labels.clear();
        self.labels.extend(members.iter().map(|member| self.common.union.root(*member)));
        let mut edges = Vec::new();
        if members.len() <= SMALL {
            for later in 1..members.len() {
                for earlier in 0..later {
                    self.compare(members, earlier, later, &mut edges)?;
                }
            }
        } else {
            self.large(members, &mut edges)?;
        }
        Ok(edges)
    }

    fn compare(&mut self, members: &[u32], a: usize, b: usize, edges: &mut Edges) -> Result<()> {
        if self.labels[a] == self.labels[b] {
            return Ok(());
        }
        let Common { minhash, likeness, .. } = self.common;
        let threshold = minhash.threshold;
        let found = likeness.similarity(members[a], members[b], threshold, &mut self.loaded)?;
        if found < threshold {
            return Ok(());
        }
        edges.push((members[a], members[b]));
        let (from, to) = (self.labels[a].max(self.labels[b]), self.labels[a].min(self.labels[b]));
        if members.len() <= SMALL {
            self.labels.iter_mut().filter(|label| **label == from).for_each(|label| *label = to);
        } else {
            // Renaming all would make the work quadratic; what is missed is compared once more.
            (self.labels[a], self.labels[b]) = (to, to);
        }
        Ok(())
    }

    /// Compares neighbours in orders in which similar documents are likely to stand together.
    fn large(&mut self, members: &[u32], edges: &mut Edges) -> Result<()> {
        let Common { minhash, likeness, scratch, .. } = self.common;
        let (mut few, mut many) = (Vec::new(), Table::new("bucket", scratch));
        for member in members {
            let sketch = likeness.sketch(minhash, *member, &mut self.loaded)?;
            if members.len() <= FEW {
                few.push(sketch);
            } else {
                many.push(sketch)?;
            }
        }
        let sketches: &[Sketch] = if members.len() <= FEW { &few } else { &many };
        let threshold = minhash.threshold;
        let least = threshold - DOUBT * standard_error(threshold);
        let mut order: Vec<(u64, u32)> = Vec::with_capacity(members.len());
        for number in 0..ORDERS {
            order.clear();
            order.extend(sketches.iter().zip(0..).map(|(one, at)| (one.order(number), at)));
            order.sort_unstable();
            for (place, (_, a)) in order.iter().enumerate() {
                if place % 1024 == 0 {
                    self.stop_if_cancelled()?;
                }
                for (_, b) in order[place + 1..].iter().take(NEIGHBOURS) {
                    let (a, b) = (*a.min(b) as usize, *a.max(b) as usize);
                    if self.labels[a] == self.labels[b] {
                        continue;
                    }
                    if sketches[a].similarity(&sketches[b]) >= least {
                        self.compare(members, a, b, edges)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn stop_if_cancelled(&self) -> Result<()> {
        if self.common.progress.is_cancelled() { Err(Error::cancelled()) } else { Ok(()) }
    }
}
