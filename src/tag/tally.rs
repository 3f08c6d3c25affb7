//! What taggers did: time, spans, failures, and how their scores are distributed.
//!
//! Scores are counted as they are written, in units of 1e-5, so every number here is an integer:
//! parts can be added in any order and the sum is the same. Quantiles come from bins that are at
//! most a sixteenth of their value wide. A thread counts into dense bins ([`Histogram`]), which
//! become sparse ones ([`Scores`]) at the end of a batch.

use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Units in a score of one.
const UNITS: f64 = 1e5;
/// Bins of a power of two.
const SUB_BITS: u32 = 4;
/// Bins of one sign.
const HALF: usize = 1 << 10;

/// A score in units: the nearest integer, halves away from zero, and the last one beyond its range.
#[inline]
fn units(score: f64) -> i64 {
    // Half a unit less the least step, which would take the number below a half up to one.
    const HALF: f64 = 0.5 - f64::EPSILON / 4.0;
    let scaled = score * UNITS;
    // Instructions where `round` is a call, but for processors that have it.
    (scaled + HALF.copysign(scaled)) as i64
}

/// The bin of a score in units; negative ones are in the second half.
fn bin(units: i64) -> usize {
    let size = units.unsigned_abs();
    let index = if size < 1 << SUB_BITS {
        size as usize
    } else {
        let exponent = size.ilog2();
        let fraction = (size >> (exponent - SUB_BITS)) as usize & ((1 << SUB_BITS) - 1);
        ((exponent - SUB_BITS + 1) as usize) << SUB_BITS | fraction
    };
    if units < 0 { HALF + index } else { index }
}

/// The middle of a bin, in units.
fn middle(bin: usize) -> f64 {
    let (sign, index) = if bin >= HALF { (-1.0, bin - HALF) } else { (1.0, bin) };
    if index < 1 << SUB_BITS {
        return sign * index as f64;
    }
    let shift = (index >> SUB_BITS) as i32 - 1;
    let low = ((1 << SUB_BITS) + (index & ((1 << SUB_BITS) - 1))) as f64;
    sign * (low * f64::powi(2.0, shift) + (f64::powi(2.0, shift) - 1.0) / 2.0)
}

/// How the scores of one attribute type are distributed; dense, for one thread.
pub struct Histogram {
    bins: Box<[u32; 2 * HALF]>,
    /// Bins that are not zero.
    touched: Vec<u16>,
    scores: Scores,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { bins: Box::new([0; 2 * HALF]), touched: Vec::new(), scores: Scores::default() }
    }
}

impl Histogram {
    /// Counts scores, which must be finite.
    #[inline]
    pub fn add(&mut self, scores: impl Iterator<Item = f64>) {
        // In registers: what is loaded and stored for each score has to wait for the one before.
        let Scores { mut count, mut sum, mut low, mut high, .. } = self.scores;
        for units in scores.map(units) {
            count += 1;
            sum += i128::from(units);
            low = low.min(units);
            high = high.max(units);
            let bin = bin(units) % (2 * HALF);
            if self.bins[bin] == 0 {
                self.touched.push(bin as u16);
            }
            self.bins[bin] += 1;
        }
        let scores = &mut self.scores;
        (scores.count, scores.sum, scores.low, scores.high) = (count, sum, low, high);
    }

    /// What was counted since the last call.
    pub fn take(&mut self) -> Scores {
        let mut scores = std::mem::take(&mut self.scores);
        self.touched.sort_unstable();
        for bin in self.touched.drain(..) {
            let count = std::mem::take(&mut self.bins[usize::from(bin)]);
            scores.bins.insert(bin, u64::from(count));
        }
        scores
    }
}

/// How the scores of one attribute type are distributed; sparse, to be added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scores {
    pub count: u64,
    sum: i128,
    low: i64,
    high: i64,
    bins: BTreeMap<u16, u64>,
}

impl Default for Scores {
    fn default() -> Self {
        Self { count: 0, sum: 0, low: i64::MAX, high: i64::MIN, bins: BTreeMap::new() }
    }
}

impl Scores {
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
        for (bin, count) in &other.bins {
            *self.bins.entry(*bin).or_default() += count;
        }
    }

    /// The smallest score.
    pub fn min(&self) -> f64 {
        self.low as f64 / UNITS
    }

    /// The largest score.
    pub fn max(&self) -> f64 {
        self.high as f64 / UNITS
    }

    pub fn mean(&self) -> f64 {
        self.sum as f64 / UNITS / self.count as f64
    }

    /// The score below which a share of all scores lies, off by at most a thirty-second of it.
    pub fn quantile(&self, share: f64) -> f64 {
        let rank = (share * (self.count.saturating_sub(1)) as f64).round() as u64;
        let mut before = 0;
        // The second half counts away from zero.
        let negative = self.bins.range(HALF as u16..).rev();
        for (&bin, &count) in negative.chain(self.bins.range(..HALF as u16)) {
            before += count;
            if before > rank {
                return middle(usize::from(bin)).clamp(self.low as f64, self.high as f64) / UNITS;
            }
        }
        self.max()
    }
}

/// What a tagger did to some documents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effort {
    pub documents: u64,
    pub spans: u64,
    /// Documents that got no span.
    pub silent: u64,
    /// Documents on which it failed, and that have no spans of it.
    pub errors: u64,
    /// Documents on which it failed, and that were put aside.
    pub skipped: u64,
    pub time: Duration,
    pub scores: BTreeMap<String, Scores>,
}

impl Effort {
    pub fn add(&mut self, other: &Self) {
        self.documents += other.documents;
        self.spans += other.spans;
        self.silent += other.silent;
        self.errors += other.errors;
        self.skipped += other.skipped;
        self.time += other.time;
        for (name, scores) in &other.scores {
            match self.scores.get_mut(name) {
                Some(known) => known.add(scores),
                None => drop(self.scores.insert(name.clone(), scores.clone())),
            }
        }
    }

    /// The same without the distribution of scores.
    pub fn without_scores(&self) -> Self {
        let Self { documents, spans, silent, errors, skipped, time, .. } = *self;
        Self { documents, spans, silent, errors, skipped, time, scores: BTreeMap::new() }
    }

    /// The same as bytes, for another process.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let time = self.time.as_nanos() as u64;
        let numbers = [self.documents, self.spans, self.silent, self.errors, self.skipped, time];
        numbers.iter().for_each(|number| put(*number, out));
        put(self.scores.len() as u64, out);
        for (name, scores) in &self.scores {
            put(name.len() as u64, out);
            out.extend_from_slice(name.as_bytes());
            put(scores.count, out);
            out.extend_from_slice(&scores.sum.to_le_bytes());
            put(scores.low as u64, out);
            put(scores.high as u64, out);
            put(scores.bins.len() as u64, out);
            for (bin, count) in &scores.bins {
                put(u64::from(*bin), out);
                put(*count, out);
            }
        }
    }

    /// Reads what [`Effort::encode`] wrote, from the front of `bytes`.
    ///
    /// # Errors
    /// `Config` for bytes that it did not write.
    pub fn decode(bytes: &mut &[u8]) -> Result<Self> {
        let mut effort = Self {
            documents: get(bytes)?,
            spans: get(bytes)?,
            silent: get(bytes)?,
            errors: get(bytes)?,
            skipped: get(bytes)?,
            time: Duration::from_nanos(get(bytes)?),
            scores: BTreeMap::new(),
        };
        for _ in 0..get(bytes)? {
            let name = String::from_utf8_lossy(cut(bytes, 0)?).into_owned();
            let mut scores = Scores { count: get(bytes)?, ..Scores::default() };
            let sum = cut(bytes, 16)?.try_into().map_err(|_| strange())?;
            scores.sum = i128::from_le_bytes(sum);
            scores.low = get(bytes)? as i64;
            scores.high = get(bytes)? as i64;
            for _ in 0..get(bytes)? {
                let bin = u16::try_from(get(bytes)?).map_err(|_| strange())?;
                scores.bins.insert(bin, get(bytes)?);
            }
            effort.scores.insert(name, scores);
        }
        Ok(effort)
    }
}

fn put(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn get(bytes: &mut &[u8]) -> Result<u64> {
    let number = cut(bytes, 8)?.try_into().map_err(|_| strange())?;
    Ok(u64::from_le_bytes(number))
}

/// The next `size` bytes; with 0, as many as the number before them says.
fn cut<'b>(bytes: &mut &'b [u8], size: usize) -> Result<&'b [u8]> {
    let size = if size == 0 { get(bytes)? as usize } else { size };
    let (piece, rest) = bytes.split_at_checked(size).ok_or_else(strange)?;
    *bytes = rest;
    Ok(piece)
}

fn strange() -> Error {
    Error::config("the account of a batch is damaged")
}

/// What the taggers did, in the order of the run, and the time of all work.
#[derive(Debug, Default, Clone)]
pub struct Account {
    pub efforts: Vec<Effort>,
    pub time: Duration,
}

impl Account {
    fn add(&mut self, efforts: &[Effort], time: Duration) {
        if self.efforts.len() < efforts.len() {
            self.efforts.resize(efforts.len(), Effort::default());
        }
        self.efforts.iter_mut().zip(efforts).for_each(|(total, effort)| total.add(effort));
        self.time += time;
    }
}

/// What the taggers of a run did so far. What becomes of a shard is known at its end: until then its
/// account is kept apart, so that the batches of one that fails, which depend on chance, are in no report.
#[derive(Debug, Default)]
pub struct Tally {
    sums: Mutex<Sums>,
}

#[derive(Debug, Default)]
struct Sums {
    done: Account,
    open: BTreeMap<usize, Account>,
}

impl Tally {
    /// Adds what the taggers did to a batch of a shard, and the time of everything that was done to it.
    pub fn absorb(&self, shard: usize, efforts: &[Effort], time: Duration) {
        self.lock().open.entry(shard).or_default().add(efforts, time);
    }

    /// Says that nothing more comes of a shard, and whether it is done.
    pub fn settle(&self, shard: usize, done: bool) {
        let mut sums = self.lock();
        if let Some(account) = sums.open.remove(&shard)
            && done
        {
            sums.done.add(&account.efforts, account.time);
        }
    }

    /// Of the shards that are done.
    pub fn done(&self) -> Account {
        self.lock().done.clone()
    }

    /// Of all work so far; without scores, which are many.
    pub fn live(&self) -> Account {
        let sums = self.lock();
        let mut all = Account::default();
        for account in std::iter::once(&sums.done).chain(sums.open.values()) {
            let efforts: Vec<_> = account.efforts.iter().map(Effort::without_scores).collect();
            all.add(&efforts, account.time);
        }
        all
    }

    fn lock(&self) -> MutexGuard<'_, Sums> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scores(values: &[f64]) -> Scores {
        let mut histogram = Histogram::default();
        histogram.add(values.iter().copied());
        let taken = histogram.take();
        assert_eq!(histogram.take(), Scores::default());
        taken
    }

    #[test]
    fn small_numbers_have_bins_of_their_own() {
        for units in -16..=16 {
            assert_eq!(middle(bin(units)), units as f64);
        }
        assert!(bin(i64::MAX) < HALF && bin(i64::MIN) < 2 * HALF);
    }

    #[test]
    fn scores_are_summed_up() {
        let found = scores(&[0.0, 0.25, 1.0, -3.0, 100.0]);
        assert_eq!((found.count, found.min(), found.max()), (5, -3.0, 100.0));
        assert_eq!(found.mean(), 98.25 / 5.0);
        assert_eq!((found.quantile(0.0), found.quantile(1.0)), (-3.0, 100.0));
        assert!((found.quantile(0.5) - 0.25).abs() < 0.01);
    }

    #[test]
    fn shards_that_fail_are_seen_while_they_last() {
        let some = |documents| [Effort { documents, ..Effort::default() }];
        let second = Duration::from_secs(1);
        let documents = |account: &Account| account.efforts.first().map_or(0, |e| e.documents);
        let tally = Tally::default();
        tally.absorb(0, &some(1), second);
        tally.absorb(7, &some(20), second);
        tally.absorb(0, &some(300), second);
        assert_eq!((documents(&tally.live()), documents(&tally.done())), (321, 0));
        tally.settle(0, true);
        tally.settle(7, false);
        tally.settle(8, true);
        assert_eq!((documents(&tally.live()), documents(&tally.done())), (301, 301));
        assert_eq!(tally.done().time, 2 * second);
    }

    proptest! {
        #[test]
        fn units_are_the_nearest_integers(score in prop::num::f64::ANY, halves in -1_000_000_000i64..1_000_000_000) {
            for score in [score, halves as f64 / 2e5, (halves as f64 / 2e5).next_up(), (halves as f64 / 2e5).next_down()] {
                prop_assert_eq!(units(score), (score * UNITS).round() as i64);
            }
        }

        #[test]
        fn quantiles_are_near_the_sorted_values(
            mut values in prop::collection::vec(-1e6..1e6f64, 1..300), share in 0.0..=1.0f64
        ) {
            let found = scores(&values);
            values.sort_by(f64::total_cmp);
            let exact = values[(share * (values.len() - 1) as f64).round() as usize];
            let near = found.quantile(share);
            prop_assert!((near - exact).abs() <= exact.abs() / 32.0 + 1e-5, "{near} {exact}");
        }

        #[test]
        fn parts_add_up_in_any_order_and_survive_the_way(
            values in prop::collection::vec(prop::num::f64::NORMAL, 0..200), cut in 0usize..200
        ) {
            let cut = cut.min(values.len());
            let part = |values: &[f64]| Effort {
                documents: values.len() as u64,
                time: Duration::from_nanos(7),
                scores: BTreeMap::from([("é_x".to_owned(), scores(values))]),
                ..Effort::default()
            };
            let (mut forward, mut backward) = (part(&values[..cut]), part(&values[cut..]));
            let (first, second) = (forward.clone(), backward.clone());
            forward.add(&second);
            backward.add(&first);
            prop_assert_eq!(&forward, &backward);
            prop_assert_eq!(&forward.scores["é_x"], &scores(&values));
            let mut bytes = Vec::new();
            forward.encode(&mut bytes);
            prop_assert!(Effort::decode(&mut &bytes[..bytes.len() - 1]).is_err());
            prop_assert_eq!(Effort::decode(&mut bytes.as_slice()).unwrap(), forward);
        }
    }
}
