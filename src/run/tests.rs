//! The scheduler: order, bounds, failures and cancelling.

use super::state::AHEAD;
use super::*;
use crate::codec::{Lines, Prefetch};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Shards of numbers; the decision sums everything seen before.
struct Sums {
    shards: Vec<Vec<u64>>,
    fail: Option<(usize, u64)>,
    /// The batch of any shard that cannot be written, by its place in the shard.
    unwritable: Option<usize>,
    /// A batch over which the decision fails.
    undecidable: Option<u64>,
    total: Mutex<u64>,
    reports: Mutex<BTreeMap<usize, std::result::Result<Vec<u64>, String>>>,
}

impl Stage for Sums {
    const ORDERED: bool = true;
    type Source = std::vec::IntoIter<u64>;
    type Sink = Vec<u64>;
    type Batch = u64;
    type Work = u64;
    type Output = u64;
    type Done = Vec<u64>;
    type Local<'s> = ();

    fn local(&self) -> Result<()> {
        Ok(())
    }
    fn open(&self, shard: usize) -> Result<(Self::Source, Vec<u64>)> {
        Ok((self.shards[shard].clone().into_iter(), Vec::new()))
    }
    fn read(&self, source: &mut Self::Source) -> Result<Option<u64>> {
        Ok(source.next())
    }
    fn process(&self, (): &mut (), shard: usize, batch: u64) -> Result<u64> {
        std::thread::sleep(Duration::from_micros(batch % 7 * 50));
        if self.fail == Some((shard, batch)) {
            return Err(Error::record(format!("bad {batch}")));
        }
        if batch == 666 {
            panic!("the beast");
        }
        Ok(batch)
    }
    fn held(&self, _: &u64) -> usize {
        8
    }
    fn decide(&self, work: &mut u64) -> Result<()> {
        if self.undecidable == Some(*work) {
            return Err(Error::record(format!("undecidable {work}")));
        }
        let mut total = self.total.lock().unwrap();
        *total += *work;
        *work = *total;
        Ok(())
    }
    fn emit(&self, (): &mut (), _: usize, work: u64) -> Result<u64> {
        std::thread::sleep(Duration::from_micros(work % 5 * 50));
        Ok(work)
    }
    fn write(&self, sink: &mut Vec<u64>, output: u64) -> Result<()> {
        if self.unwritable == Some(sink.len()) {
            return Err(Error::record("disk full"));
        }
        sink.push(output);
        Ok(())
    }
    fn finish(&self, _: usize, _: Self::Source, sink: Vec<u64>) -> Result<Vec<u64>> {
        Ok(sink)
    }
    fn report(&self, shard: usize, outcome: Result<Vec<u64>>) {
        let outcome = outcome.map_err(|error| error.to_string());
        assert!(self.reports.lock().unwrap().insert(shard, outcome).is_none());
    }
}

fn sums(shards: Vec<Vec<u64>>, fail: Option<(usize, u64)>) -> Sums {
    Sums {
        shards,
        fail,
        unwritable: None,
        undecidable: None,
        total: Mutex::new(0),
        reports: Mutex::default(),
    }
}

fn numbers() -> Vec<Vec<u64>> {
    (0..9).map(|shard| (0..shard * 5 % 23).map(|n| shard * 100 + n).collect()).collect()
}

#[test]
fn decisions_are_in_input_order_for_any_number_of_threads() {
    let mut total = 0;
    let expected: Vec<Vec<u64>> = numbers()
        .into_iter()
        .map(|shard| {
            shard
                .into_iter()
                .map(|n| {
                    total += n;
                    total
                })
                .collect()
        })
        .collect();
    for threads in [1, 2, 3, 8] {
        for hold in [0, 64, 1 << 20] {
            let stage = sums(numbers(), None);
            run(&stage, 9, threads, hold, &Progress::default()).unwrap();
            let got: Vec<_> =
                stage.reports.into_inner().unwrap().into_values().map(|r| r.unwrap()).collect();
            assert_eq!(got, expected, "{threads} threads, hold {hold}");
        }
    }
}

#[test]
fn a_failing_shard_fails_alone_and_alike() {
    for threads in [1, 2, 8] {
        let stage = sums(numbers(), Some((3, 304)));
        run(&stage, 9, threads, 1 << 20, &Progress::default()).unwrap();
        let reports = stage.reports.into_inner().unwrap();
        assert_eq!(reports.len(), 9);
        assert_eq!(reports[&3], Err("bad 304".to_string()));
        // 300..304 were decided before the failure; 304.. were not.
        let before: u64 = numbers()[..3].iter().flatten().sum::<u64>() + 300 + 301 + 302 + 303;
        assert_eq!(reports[&4].as_ref().unwrap()[0], before + 400, "{threads} threads");
    }
}

#[test]
fn a_shard_that_cannot_be_written_does_not_hold_up_the_others() {
    for threads in [1, 2, 8] {
        for place in [0, 1, 7] {
            for hold in [0, 1 << 20] {
                let mut stage = sums(numbers(), None);
                stage.unwritable = Some(place);
                run(&stage, 9, threads, hold, &Progress::default()).unwrap();
                let reports = stage.reports.into_inner().unwrap();
                let failed: Vec<_> = reports.values().map(|report| report.is_err()).collect();
                let expected: Vec<_> = numbers().iter().map(|s| s.len() > place).collect();
                assert_eq!(failed, expected, "{threads} threads, batch {place}, hold {hold}");
            }
        }
    }
}

#[test]
fn a_decision_that_fails_is_its_shards_failure() {
    for threads in [1, 2, 8] {
        let mut stage = sums(numbers(), None);
        stage.undecidable = Some(304);
        run(&stage, 9, threads, 1 << 20, &Progress::default()).unwrap();
        let reports = stage.reports.into_inner().unwrap();
        assert_eq!(reports[&3], Err("undecidable 304".to_string()));
        assert_eq!(reports.values().filter(|report| report.is_err()).count(), 1);
    }
}

#[test]
fn a_panic_is_its_shards_failure() {
    let stage = sums(vec![vec![1, 2], vec![666], vec![3]], None);
    run(&stage, 3, 2, 1 << 20, &Progress::default()).unwrap();
    let reports = stage.reports.into_inner().unwrap();
    assert!(reports[&1].as_ref().unwrap_err().contains("the beast"));
    assert_eq!(reports[&2], Ok(vec![6]));
}

#[test]
fn cancelling_stops_and_reports_what_was_open() {
    let progress = Progress::default();
    let stage = sums(vec![(0..100_000).collect(), vec![1]], None);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(30));
            progress.cancelled.store(true, Ordering::Relaxed);
        });
        run(&stage, 2, 2, 1 << 10, &progress).unwrap();
    });
    let reports = stage.reports.into_inner().unwrap();
    assert!(reports[&0].as_ref().unwrap_err().contains("cancelled"));
}

#[test]
fn no_shards_is_no_work() {
    run(&sums(vec![], None), 0, 4, 0, &Progress::default()).unwrap();
}

/// Reads a real file, and keeps the first bytes of its batches.
struct Batches<'p> {
    path: &'p std::path::Path,
    prefetch: Mutex<Option<Arc<Prefetch>>>,
    found: Mutex<Vec<(u64, u128)>>,
}

impl Stage for Batches<'_> {
    type Source = Lines;
    type Sink = Vec<(u64, u128)>;
    type Batch = (u64, Vec<u8>);
    type Work = (u64, u128);
    type Output = (u64, u128);
    type Done = Vec<(u64, u128)>;
    type Local<'s>
        = ()
    where
        Self: 's;

    fn local(&self) -> Result<()> {
        Ok(())
    }
    fn open(&self, _: usize) -> Result<(Lines, Self::Sink)> {
        let lines = Lines::open(self.path)?;
        *self.prefetch.lock().unwrap() = lines.reader().prefetch().cloned();
        Ok((lines, Vec::new()))
    }
    fn read(&self, source: &mut Lines) -> Result<Option<Self::Batch>> {
        let mut buffer = Vec::new();
        let batch = source.next_batch(&mut buffer, 100_000)?;
        Ok(batch.map(|batch| (batch.first_line, buffer)))
    }
    fn prefetch(source: &Lines) -> Option<Arc<Prefetch>> {
        source.reader().prefetch().cloned()
    }
    fn process(&self, (): &mut (), _: usize, (line, text): Self::Batch) -> Result<(u64, u128)> {
        Ok((line, xxhash_rust::xxh3::xxh3_128(&text)))
    }
    fn emit(&self, (): &mut (), _: usize, work: (u64, u128)) -> Result<(u64, u128)> {
        Ok(work)
    }
    fn write(&self, sink: &mut Self::Sink, output: (u64, u128)) -> Result<()> {
        sink.push(output);
        Ok(())
    }
    fn finish(&self, _: usize, _: Lines, sink: Self::Sink) -> Result<Self::Done> {
        Ok(sink)
    }
    fn report(&self, _: usize, outcome: Result<Self::Done>) {
        *self.found.lock().unwrap() = outcome.unwrap();
    }
}

#[test]
fn idle_threads_decompress_ahead_and_nothing_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl.gz");
    let file = std::fs::File::create(&path).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::new(6));
    for line in 0..400_000u64 {
        let number = line.wrapping_mul(6364136223846793005);
        writeln!(encoder, "{{\"id\": {line}, \"text\": \"{number:x} {}\"}}", number >> 40).unwrap();
    }
    encoder.finish().unwrap();
    let read = |threads| {
        let stage = Batches { path: &path, prefetch: Mutex::default(), found: Mutex::default() };
        run(&stage, 1, threads, 0, &Progress::default()).unwrap();
        let used = stage.prefetch.into_inner().unwrap().unwrap().is_used();
        (stage.found.into_inner().unwrap(), used)
    };
    let (expected, alone) = read(1);
    assert!(!alone && expected.len() > 100);
    for threads in [2, 5] {
        let (found, used) = read(threads);
        assert!(found == expected, "{threads} threads");
        assert!(used, "{threads} threads");
    }
}

#[test]
fn what_is_decompressed_ahead_is_bounded_over_all_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.gz");
    std::fs::File::create(&path).unwrap().set_len(20 << 20).unwrap();
    for threads in [2, 20] {
        let readers: Vec<_> = (0..6).map(|_| Lines::open(&path).unwrap()).collect();
        let slot = |reader: &Lines| {
            let mut slot = Slot::<Sums>::new();
            (slot.phase, slot.prefetch) = (Phase::Open, reader.reader().prefetch().cloned());
            slot
        };
        let mut state = State::new(readers.iter().map(slot).collect());
        for _ in 0..100 {
            state.balance.read(Duration::from_millis(1));
        }
        let mut claims: Vec<_> = std::iter::from_fn(|| state.claim(threads)).collect();
        assert_eq!(claims.len() as u64, AHEAD * threads as u64);
        // There is room again for what nobody can use.
        drop(claims.pop());
        assert!(state.claim(threads).is_some());
        state.shards.iter_mut().for_each(|slot| slot.phase = Phase::Ended);
        assert!(state.claim(threads).is_none());
    }
}
