//! Shards over threads: who reads, who works, and in which order results are taken.
//!
//! A shard is read in batches by one thread at a time; batches are processed by any thread and
//! written in order, so output depends on nothing but input and config. As long as shards are
//! left each thread keeps to one of its own; a single large shard is shared by all of them, and a
//! thread that finds it being read may decompress ahead of the reader. A stage that needs a decision
//! in input order over the whole run (deduplication) is `ORDERED`: batches of later shards may be
//! processed ahead, within a memory bound, and wait for their turn.
//!
//! An error or a panic is that shard's failure: the other shards go on.

mod balance;
mod slot;
mod stage;
mod state;

use crate::codec::{Claim, Scratch};
use crate::error::{Error, ErrorKind, Result};
use slot::{Phase, Slot};
pub use stage::{Progress, Stage};
use state::State;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

enum Task<S: Stage> {
    Open(usize),
    Read(usize, S::Source),
    Emit(usize, usize, S::Work),
    Prefetch(Claim),
    Stop,
}

struct Runner<'a, S: Stage> {
    stage: &'a S,
    progress: &'a Progress,
    threads: usize,
    /// Bytes of processed batches that may wait for their turn before only the head shard is read.
    hold_limit: usize,
    state: Mutex<State<S>>,
    changed: Condvar,
}

/// Runs `stage` over `shards` shards on `threads` threads, `hold_limit` bytes of processed batches
/// at most waiting for their turn. Every started shard is reported; when the run is cancelled the
/// open ones are reported as cancelled and the rest are not started.
///
/// # Errors
/// Only when a thread's scratch cannot be made; failures of shards go to [`Stage::report`].
pub fn run<S: Stage>(
    stage: &S,
    shards: usize,
    threads: usize,
    hold_limit: usize,
    progress: &Progress,
) -> Result<()> {
    let threads = threads.max(1);
    let runner = Runner {
        stage,
        progress,
        threads,
        hold_limit,
        state: Mutex::new(State::new((0..shards).map(|_| Slot::new()).collect())),
        changed: Condvar::new(),
    };
    let locals: Vec<_> = (0..threads).map(|_| stage.local()).collect::<Result<_>>()?;
    drop(locals);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| runner.work());
        }
    });
    Ok(())
}

impl<S: Stage> Runner<'_, S> {
    fn lock(&self) -> MutexGuard<'_, State<S>> {
        // A panic while the lock is held cannot leave the state half changed: every section only
        // moves values; the panic itself is reported as its shard's failure.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut local = match self.stage.local() {
            Ok(local) => local,
            Err(_) => return, // Made once before the threads started; cannot fail differently.
        };
        let mut own = None;
        let mut scratch = None;
        loop {
            match self.next_task(own) {
                Task::Open(shard) => {
                    own = Some(shard);
                    self.open(shard);
                }
                Task::Read(shard, source) => {
                    own = Some(shard);
                    self.read(&mut local, shard, source);
                }
                Task::Emit(shard, batch, work) => self.emit(&mut local, shard, batch, work),
                Task::Prefetch(claim) => {
                    // What goes wrong shows where the file is read.
                    let _ = self.guard(|| {
                        claim.decode(scratch.get_or_insert_with(Scratch::default));
                        Ok(())
                    });
                }
                Task::Stop => return,
            }
        }
    }

    fn next_task(&self, own: Option<usize>) -> Task<S> {
        let mut state = self.lock();
        loop {
            if self.progress.is_cancelled() {
                self.cancel(&mut state);
            }
            if let Some((shard, batch, work)) = state.decided.pop_front() {
                state.shards[shard].busy += 1;
                return Task::Emit(shard, batch, work);
            }
            if state.closed == state.shards.len() {
                self.changed.notify_all();
                return Task::Stop;
            }
            let choice =
                if S::ORDERED { self.choose_ordered(&state) } else { self.choose(&state, own) };
            if let Some(shard) = choice {
                let chosen = &mut state.shards[shard];
                chosen.busy += 1;
                match chosen.source.take() {
                    Some(source) => return Task::Read(shard, source),
                    None => {
                        chosen.phase = Phase::Opening;
                        state.open += 1;
                        return Task::Open(shard);
                    }
                }
            }
            if let Some(claim) = state.claim(self.threads) {
                return Task::Prefetch(claim);
            }
            // The time-out only bounds how late a cancellation is seen.
            state = match self.changed.wait_timeout(state, std::time::Duration::from_millis(200)) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    fn readable(&self, shard: &Slot<S>) -> bool {
        let waiting = shard.read - shard.written;
        shard.source.is_some() && shard.failure.is_none() && waiting < 2 * self.threads + 2
    }

    /// Its own shard first, then one that nobody has opened, then any.
    fn choose(&self, state: &State<S>, own: Option<usize>) -> Option<usize> {
        if let Some(own) = own
            && self.readable(&state.shards[own])
        {
            return Some(own);
        }
        if state.open < self.threads
            && let Some(pending) = self.find(state, |shard| shard.phase == Phase::Pending)
        {
            return Some(pending);
        }
        self.find(state, |shard| self.readable(shard))
    }

    fn find(&self, state: &State<S>, wanted: impl Fn(&Slot<S>) -> bool) -> Option<usize> {
        (state.low..state.shards.len()).find(|&index| wanted(&state.shards[index]))
    }

    /// The earliest shard that can be read; past the memory bound only the one whose turn it is.
    fn choose_ordered(&self, state: &State<S>) -> Option<usize> {
        let horizon =
            if state.held > self.hold_limit { state.head + 1 } else { state.shards.len() };
        let horizon = horizon.min(state.shards.len());
        (state.head.min(horizon)..horizon).find(|&index| {
            let shard = &state.shards[index];
            match shard.phase {
                Phase::Pending => state.open <= self.threads,
                Phase::Open if index == state.head => self.readable(shard),
                Phase::Open => shard.source.is_some() && shard.failure.is_none(),
                _ => false,
            }
        })
    }

    fn open(&self, shard: usize) {
        let opened = self.guard(|| self.stage.open(shard));
        let mut state = self.lock();
        let slot = &mut state.shards[shard];
        slot.busy -= 1;
        slot.phase = Phase::Open;
        match opened {
            Ok((source, sink)) => {
                slot.prefetch = S::prefetch(&source);
                slot.source = Some(source);
                slot.sink = Some(sink);
            }
            Err(error) => slot.fail(0, error),
        }
        self.settle(state, shard);
    }

    fn read(&self, local: &mut S::Local<'_>, shard: usize, mut source: S::Source) {
        let begin = Instant::now();
        let batch = self.guard(|| self.stage.read(&mut source));
        let time = begin.elapsed();
        let mut state = self.lock();
        state.balance.read(time);
        let slot = &mut state.shards[shard];
        let index = slot.read;
        slot.source = Some(source);
        let batch = match batch {
            Ok(Some(batch)) => batch,
            Ok(None) => {
                slot.phase = Phase::Ended;
                slot.busy -= 1;
                return self.settle(state, shard);
            }
            Err(error) => {
                slot.fail(index, error);
                slot.busy -= 1;
                return self.settle(state, shard);
            }
        };
        slot.read += 1;
        drop(state);
        self.changed.notify_one();

        let begin = Instant::now();
        let work = self.guard(|| self.stage.process(local, shard, batch));
        self.lock().balance.worked(begin.elapsed());
        let work = match work {
            Ok(work) => work,
            Err(error) => return self.fail(shard, index, error),
        };
        if !S::ORDERED {
            return self.emit(local, shard, index, work);
        }
        let mut state = self.lock();
        state.held += self.stage.held(&work);
        state.shards[shard].processed.insert(index, work);
        state.shards[shard].busy -= 1;
        self.settle(state, shard);
    }

    fn emit(&self, local: &mut S::Local<'_>, shard: usize, batch: usize, work: S::Work) {
        let begin = Instant::now();
        let output = self.guard(|| self.stage.emit(local, shard, work));
        let time = begin.elapsed();
        let output = match output {
            Ok(output) => output,
            Err(error) => return self.fail(shard, batch, error),
        };
        let mut state = self.lock();
        state.balance.worked(time);
        let slot = &mut state.shards[shard];
        slot.emitted.insert(batch, output);
        // Whoever finds the sink free writes all that is in order.
        while let Some(mut sink) = state.shards[shard].take_sink() {
            let slot = &mut state.shards[shard];
            let next = slot.written;
            let Some(output) = slot.emitted.remove(&next) else {
                slot.sink = Some(sink);
                break;
            };
            drop(state);
            let written = self.guard(|| self.stage.write(&mut sink, output));
            state = self.lock();
            let slot = &mut state.shards[shard];
            slot.sink = Some(sink);
            match written {
                Ok(()) => slot.written += 1,
                Err(error) => {
                    slot.fail(next, error);
                    break;
                }
            }
        }
        state.shards[shard].busy -= 1;
        self.settle(state, shard);
    }

    fn fail(&self, shard: usize, batch: usize, error: Error) {
        let mut state = self.lock();
        state.shards[shard].fail(batch, error);
        state.shards[shard].busy -= 1;
        self.settle(state, shard);
    }

    /// Lets decisions proceed and closes the shard when nothing of it is left to do.
    fn settle<'g>(&'g self, mut state: MutexGuard<'g, State<S>>, shard: usize) {
        if S::ORDERED {
            state = self.decide(state);
        }
        // Deciding may have completed an earlier failed shard as well as this one.
        let from = if S::ORDERED { state.low.min(shard) } else { shard };
        for index in from..=shard {
            state = self.close_if_done(state, index);
        }
        while state.shards.get(state.low).is_some_and(|slot| slot.phase == Phase::Closed) {
            state.low += 1;
        }
        drop(state);
        self.changed.notify_all();
    }

    fn decide<'g>(&'g self, mut state: MutexGuard<'g, State<S>>) -> MutexGuard<'g, State<S>> {
        if state.deciding {
            return state;
        }
        state.deciding = true;
        while state.head < state.shards.len() {
            let head = state.head;
            let slot = &mut state.shards[head];
            let next = slot.decided;
            // Past the limit when a batch failed after its decision, in being written.
            if slot.decidable().is_some_and(|limit| next >= limit) {
                if slot.phase == Phase::Opening {
                    break;
                }
                state.head += 1;
                continue;
            }
            let Some(mut work) = slot.processed.remove(&next) else { break };
            drop(state);
            let held = self.stage.held(&work);
            let verdict = self.guard(|| self.stage.decide(&mut work));
            state = self.lock();
            state.held -= held;
            state.shards[head].decided += 1;
            match verdict {
                Ok(()) => state.decided.push_back((head, next, work)),
                Err(error) => state.shards[head].fail(next, error),
            }
            self.changed.notify_one();
        }
        state.deciding = false;
        state
    }

    fn close_if_done<'g>(
        &'g self,
        mut state: MutexGuard<'g, State<S>>,
        shard: usize,
    ) -> MutexGuard<'g, State<S>> {
        let queued = state.decided.iter().any(|(index, ..)| *index == shard);
        let passed = !S::ORDERED || state.head > shard;
        let slot = &mut state.shards[shard];
        if matches!(slot.phase, Phase::Pending | Phase::Closed) || slot.busy > 0 {
            return state;
        }
        let outcome = match slot.failure.take() {
            Some((batch, error)) if passed && !queued => Err((batch, error)),
            Some(failure) => {
                slot.failure = Some(failure);
                return state;
            }
            None if slot.phase == Phase::Ended && slot.written == slot.read => Ok(()),
            None => return state,
        };
        slot.phase = Phase::Closed;
        let dropped: Vec<S::Work> = std::mem::take(&mut slot.processed).into_values().collect();
        slot.emitted.clear();
        let (source, sink) = (slot.source.take(), slot.sink.take());
        slot.prefetch = None;
        let held: usize = dropped.iter().map(|work| self.stage.held(work)).sum();
        if !matches!(&outcome, Ok(())) {
            state.held -= held.min(state.held);
        }
        drop(state);
        let outcome = match (outcome, source, sink) {
            (Ok(()), Some(source), Some(sink)) => {
                self.guard(|| self.stage.finish(shard, source, sink))
            }
            (Err((_, error)), ..) => Err(error),
            (Ok(()), ..) => Err(Error::new(ErrorKind::Panic("a shard lost its file".into()))),
        };
        let _ = self.guard(|| {
            self.stage.report(shard, outcome);
            Ok(())
        });
        Progress::add(&self.progress.shards, 1);
        let mut state = self.lock();
        state.open -= 1;
        state.closed += 1;
        state
    }

    /// Fails what is open and drops what was not started.
    fn cancel(&self, state: &mut State<S>) {
        state.decided.clear();
        let mut skipped = 0;
        for slot in &mut state.shards {
            match slot.phase {
                Phase::Pending => {
                    slot.phase = Phase::Closed;
                    skipped += 1;
                }
                Phase::Closed => {}
                _ => slot.fail(0, Error::cancelled()),
            }
        }
        state.closed += skipped;
        if S::ORDERED {
            state.head = state.shards.len();
        }
        // Shards that nobody is busy with have nobody else to close them.
        let idle: Vec<usize> = (0..state.shards.len())
            .filter(|&index| {
                state.shards[index].phase != Phase::Closed && state.shards[index].busy == 0
            })
            .collect();
        for index in idle {
            let slot = &mut state.shards[index];
            slot.phase = Phase::Closed;
            let error = slot.failure.take().map_or_else(Error::cancelled, |(_, error)| error);
            slot.processed.clear();
            slot.emitted.clear();
            (slot.source, slot.sink, slot.prefetch) = (None, None, None);
            state.open -= 1;
            state.closed += 1;
            let _ = self.guard(|| {
                self.stage.report(index, Err(error));
                Ok(())
            });
        }
    }

    fn guard<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(result) => result,
            Err(panic) => {
                let message = panic
                    .downcast_ref::<&str>()
                    .map(ToString::to_string)
                    .or_else(|| panic.downcast_ref::<String>().cloned())
                    .unwrap_or_else(|| "panic without a message".into());
                Err(Error::new(ErrorKind::Panic(message)))
            }
        }
    }
}

#[cfg(test)]
mod tests;
