//! A run, from its first pass to its last.

use super::anchors::Winnow;
use super::corpus::Corpus;
use super::findings::Findings;
use super::gather::{Gather, Plan, parts};
use super::gathered::Gathering;
use super::mark::Mark;
use super::marks::Marks;
use super::matching::{Limits, Matching};
use super::records::{Anchor, Mark as Repeat, UNIT_BITS};
use crate::dedupe::cluster::blocks::Scratch;
use crate::dedupe::cluster::sorter::{Record, Sorter};
use crate::dedupe::readings::{Load, Target};
use crate::dedupe::sources::Sources;
use crate::error::{Error, ErrorKind, Result};
use crate::run::{self, Progress};
use crate::shard::{Done, Host};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What was found, with what it is told from.
pub struct Found {
    pub corpus: Corpus,
    pub marks: Marks,
    pub sources: Sources,
    pub findings: Findings,
}

#[derive(Default)]
enum State {
    #[default]
    /// A pass is under way, or has failed.
    Busy,
    Gathering(Box<Gathering>),
    Found(Box<Found>),
}

/// Its passes are called in the order load and gather, compare, mark.
pub struct SubstringRun {
    pub plan: Plan,
    pub limits: Limits,
    pub scratch: Scratch,
    state: Mutex<State>,
}

/// Bytes that the intermediates of a run over so much text take, in memory and on disk: symbols,
/// anchors, and a repeat for each.
pub fn intermediates(winnow: &Winnow, text_bytes: u64) -> u64 {
    // Words are hashes of eight bytes and edges of as many, for five letters and a space or more.
    let (units, stored) = match winnow.unit {
        super::symbols::Unit::Bytes => (text_bytes, text_bytes),
        super::symbols::Unit::Characters => (text_bytes, text_bytes * 4),
        super::symbols::Unit::Words => (text_bytes / 5, text_bytes / 5 * 16),
    };
    stored + winnow.anchors(units) * (Anchor::BYTES + Repeat::BYTES) as u64
}

impl SubstringRun {
    /// Intermediates that do not fit into memory go into `folder`.
    ///
    /// # Errors
    /// `Config` for more files than can be numbered.
    pub fn new(plan: Plan, folder: &Path) -> Result<Self> {
        let most = 1usize << (64 - UNIT_BITS);
        if plan.names.len() > most {
            let message = format!("documents: at most {most} files can be compared in one run");
            return Err(Error::config(message));
        }
        let scratch = Scratch::new(folder, plan.memory / 4);
        let state = Mutex::new(State::Gathering(Box::new(Gathering::new(&plan, &scratch))));
        Ok(Self { plan, limits: Limits::default(), scratch, state })
    }

    /// The first pass, over these shards; failures of files go to the host.
    ///
    /// # Errors
    /// None but those of a thread's scratch.
    pub fn gather(
        &self,
        shards: Vec<usize>,
        target: Target<'_>,
        host: &dyn Host<Done>,
        progress: &Progress,
    ) -> Result<()> {
        self.gathering(|gathering| {
            let (plan, count) = (&self.plan, shards.len());
            let stage = Gather { plan, gathering, shards, target, host, progress };
            run::run(&stage, count, plan.threads, 0, progress)
        })
    }

    /// Takes these shards from their readings; returns those that are damaged by place, with what is
    /// wrong. Where there are any, this run is of no more use.
    ///
    /// # Errors
    /// None but those of a thread's scratch.
    pub fn load(
        &self,
        shards: Vec<usize>,
        identities: Vec<String>,
        host: &dyn Host<Done>,
        progress: &Progress,
    ) -> Result<Vec<(usize, String)>> {
        self.gathering(|gathering| {
            Load::new(gathering, shards, identities, host, progress).all(self.plan.threads)
        })
    }

    fn gathering<T>(&self, pass: impl FnOnce(&Gathering) -> Result<T>) -> Result<T> {
        let State::Gathering(gathering) = std::mem::take(&mut *self.state()) else {
            return Err(out_of_order());
        };
        let outcome = pass(&gathering)?;
        *self.state() = State::Gathering(gathering);
        Ok(outcome)
    }

    /// Finds the repeats.
    ///
    /// # Errors
    /// `Io` or `Asset` of intermediate files; `Cancelled`.
    pub fn compare(&self, progress: &Progress) -> Result<()> {
        let State::Gathering(gathering) = std::mem::take(&mut *self.state()) else {
            return Err(out_of_order());
        };
        let Gathering { filling, anchors, sources, .. } = *gathering;
        let corpus = filling.finish();
        // Parts are by place, whose first bits are hardly ever different.
        let marks = Sorter::new("repeats", &self.scratch, 1, self.plan.memory / 8);
        let matching = Matching {
            winnow: self.plan.winnow,
            corpus: &corpus,
            marks: &marks,
            limits: self.limits,
            threads: self.plan.threads,
            parts: parts(&self.plan),
            progress,
        };
        matching.run(anchors, &self.scratch, self.plan.memory / 8)?;
        let marks = Marks::new(
            marks.finish(),
            self.plan.winnow.length,
            self.plan.names.len(),
            &self.scratch,
        )?;
        let findings = Findings::default();
        *self.state() = State::Found(Box::new(Found { corpus, marks, sources, findings }));
        Ok(())
    }

    /// The last pass, over the shards whose rows are to be written.
    ///
    /// # Errors
    /// None but those of a thread's scratch.
    pub fn mark(
        &self,
        shards: Vec<usize>,
        host: &dyn Host<Done>,
        progress: &Progress,
    ) -> Result<()> {
        let State::Found(mut found) = std::mem::take(&mut *self.state()) else {
            return Err(out_of_order());
        };
        let count = shards.len();
        let findings = Mutex::default();
        let stage = Mark {
            plan: &self.plan,
            corpus: &found.corpus,
            marks: &found.marks,
            shards,
            host,
            findings,
            progress,
        };
        let outcome = run::run(&stage, count, self.plan.threads, 0, progress);
        let findings = stage.findings.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.findings = findings;
        *self.state() = State::Found(found);
        outcome
    }

    /// Calls `with` on what was found.
    ///
    /// # Errors
    /// When the passes before were not made.
    pub fn found<T>(&self, with: impl FnOnce(&Found) -> Result<T>) -> Result<T> {
        match &*self.state() {
            State::Found(found) => with(found),
            _ => Err(out_of_order()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn out_of_order() -> Error {
    let message = "the passes of a run come in the order load and gather, compare, mark";
    Error::new(ErrorKind::Panic(message.into()))
}
