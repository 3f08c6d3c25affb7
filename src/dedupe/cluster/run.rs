//! A run that forms clusters: what its passes share.

use super::blocks::Scratch;
use super::findings::Findings;
use super::index::Keys;
use super::ledger::{Ledger, Shelf};
use super::rank::Keep;
use super::records::{Band, Candidate, Doc, Entry, Kept, Member, Sketched, Verdict};
use super::signature::{Minhash, Verify};
use super::sorter::{Part, Record, Sorter};
use super::verdicts::Verdicts;
use crate::codec::Format;
use crate::dedupe::keys::{Limits, Unit};
use crate::dedupe::sources::{Named, Sources};
use crate::error::{Error, Result};
use crate::run::Progress;
use crate::shard::Buffers;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Records between looks at whether the run was cancelled.
const LOOK_EVERY: u64 = 1 << 16;

/// What makes two documents candidates for one cluster.
pub enum Shuffle {
    Exact(Unit),
    Minhash(Minhash),
}

/// What the recipe asks for.
pub struct Plan {
    pub shuffle: Shuffle,
    pub limits: Limits,
    pub keep: Keep,
    /// The attribute that marks duplicates.
    pub attribute: String,
    /// Whether rows say which copy is kept.
    pub explain: bool,
    pub input_format: Option<Format>,
    pub output_format: Option<Format>,
    pub level: Option<u8>,
    pub max_bad: u64,
    /// The first shards are only compared with.
    pub references: usize,
    /// The first shards, references too, are in an index and not read.
    pub indexed: usize,
    /// Whether kept keys are remembered for an index.
    pub remember: bool,
    /// Attribute files of a shard that say what earlier stages have marked.
    pub marks: usize,
    /// Files of each shard as messages call them: documents, then attributes.
    pub names: Vec<Vec<PathBuf>>,
    pub threads: usize,
    /// Bytes that records and stores may take before they are spilled.
    pub memory: u64,
}

/// A run, from its first pass to its last.
pub struct ClusterRun {
    pub plan: Plan,
    pub scratch: Scratch,
    pub buffers: Buffers,
    pub shelf: Shelf,
    pub ledgers: Vec<Mutex<Option<Ledger>>>,
    pub(super) ranked: Sorter<Entry<true>>,
    pub(super) placed: Sorter<Entry<false>>,
    pub(super) bands: Sorter<Band>,
    pub(super) sketches: Sorter<Sketched>,
    pub(super) candidates: Sorter<Candidate>,
    pub(super) members: Sorter<Member>,
    pub(super) verdicts: Sorter<Verdict>,
    pub(super) kept: Sorter<Kept>,
    pub(super) sources: Sources,
    named: OnceLock<Named>,
}

impl std::ops::Deref for ClusterRun {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.plan
    }
}

/// What came of the comparison.
pub struct Resolved {
    pub findings: Findings,
    pub verdicts: Verdicts,
    /// What an index is to remember.
    pub kept: Option<Keys>,
}

impl ClusterRun {
    /// Intermediates that do not fit into memory go into `folder`.
    ///
    /// # Errors
    /// `Config` for more files than can be numbered.
    pub fn new(plan: Plan, folder: &Path) -> Result<Self> {
        if plan.names.len() > Doc::MAX_SHARDS {
            return Err(Error::config(format!(
                "documents: more than {} files cannot be deduplicated in one run",
                Doc::MAX_SHARDS
            )));
        }
        let memory = plan.memory;
        let parts = plan.threads.next_power_of_two();
        // Shares of the memory, in sixteenths; of sorters that are never filled at one time the
        // memory is the same.
        let share = |sixteenths: u64| memory / 16 * sixteenths;
        let room = match &plan.shuffle {
            Shuffle::Exact(_) => 4,
            Shuffle::Minhash(minhash) if minhash.verify == Verify::Signature => 4,
            Shuffle::Minhash(_) => 6,
        };
        let scratch = Scratch::new(folder, share(room));
        Ok(Self {
            ledgers: plan.names.iter().map(|_| Mutex::new(None)).collect(),
            ranked: Sorter::new("keys", &scratch, parts, share(8)),
            placed: Sorter::new("contents", &scratch, parts, share(2)),
            bands: Sorter::new("bands", &scratch, parts, share(6)),
            // By document, whose first bits are hardly ever different.
            sketches: Sorter::new("sketches", &scratch, 1, share(2)),
            candidates: Sorter::new("candidates", &scratch, 1, share(2)),
            members: Sorter::new("members", &scratch, parts, share(2)),
            verdicts: Sorter::new("verdicts", &scratch, 1, share(2)),
            kept: Sorter::new("kept", &scratch, 1, share(2)),
            sources: Sources::default(),
            named: OnceLock::new(),
            buffers: Buffers::default(),
            shelf: Shelf::new(&scratch),
            scratch,
            plan,
        })
    }

    /// Takes compared keys.
    pub fn take(&self, keys: impl Iterator<Item = Entry<false>>) -> Result<()> {
        match self.shuffle {
            Shuffle::Exact(_) => self.ranked.push_all(&mut keys.map(Entry::by_rank).collect()),
            Shuffle::Minhash(_) => self.placed.push_all(&mut keys.collect()),
        }
    }

    pub fn take_bands(&self, bands: impl Iterator<Item = Band>) -> Result<()> {
        self.bands.push_all(&mut bands.collect())
    }

    pub fn take_sketches(&self, sketches: impl Iterator<Item = Sketched>) -> Result<()> {
        self.sketches.push_all(&mut sketches.collect())
    }

    /// The sources as the report names them; asked for when all is read.
    pub fn named(&self) -> &Named {
        self.named.get_or_init(|| self.sources.named())
    }

    /// Takes the ledger of a shard that was read to its end; `content` is the hash of its bytes.
    ///
    /// # Errors
    /// `Io` with the path of the file that rows are spilled to.
    pub fn keep_ledger(&self, mut ledger: Ledger, content: Option<u128>) -> Result<()> {
        ledger.close()?;
        ledger.content = content;
        let slot = &self.ledgers[ledger.shard()];
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(ledger);
        Ok(())
    }

    /// Calls `with` on the ledger of a shard.
    ///
    /// # Errors
    /// `Config` when the shard was not read.
    pub fn ledger<T>(&self, shard: usize, with: impl FnOnce(&Ledger) -> Result<T>) -> Result<T> {
        let slot = self.ledgers[shard].lock().unwrap_or_else(PoisonError::into_inner);
        match slot.as_ref() {
            Some(ledger) => with(ledger),
            None => {
                Err(Error::config("this file was not read in the first pass")
                    .at(&self.names[shard][0]))
            }
        }
    }

    /// Id (raw JSON) and line of a document.
    ///
    /// # Errors
    /// `Io` or `Asset` when the ledger cannot be read back.
    pub fn locate(&self, doc: Doc, buffer: &mut Vec<u8>) -> Result<(Vec<u8>, u64)> {
        self.ledger(doc.shard(), |ledger| {
            let found = ledger.at(doc.place(), buffer, |row| (row.id.to_vec(), row.line))?;
            found.ok_or_else(|| Error::asset("the row of a document is not where it was put"))
        })
    }

    /// Runs `work` on each part, on all threads; the results are in the order of the parts.
    pub(super) fn in_parallel<R: Record, T: Send>(
        &self,
        parts: Vec<Part<R>>,
        work: impl Fn(usize, Part<R>) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let total = parts.len();
        let queue = Mutex::new(parts.into_iter().enumerate());
        let results = Mutex::new(Vec::with_capacity(total));
        std::thread::scope(|scope| {
            for _ in 0..self.threads.min(total) {
                scope.spawn(|| {
                    loop {
                        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                        let Some((index, part)) = next else { return };
                        let result = work(index, part);
                        let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                        results.push((index, result));
                    }
                });
            }
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(index, _)| *index);
        let found: Vec<T> = results.into_iter().map(|(_, result)| result).collect::<Result<_>>()?;
        if found.len() == total {
            Ok(found)
        } else {
            Err(Error::new(crate::error::ErrorKind::Panic("a comparing thread was lost".into())))
        }
    }
}

/// Looks now and then whether the run was cancelled.
pub struct Watch<'p> {
    progress: &'p Progress,
    seen: u64,
}

impl<'p> Watch<'p> {
    pub fn new(progress: &'p Progress) -> Self {
        Self { progress, seen: 0 }
    }

    /// # Errors
    /// `Cancelled`.
    pub fn look(&mut self) -> Result<()> {
        self.seen += 1;
        if self.seen.is_multiple_of(LOOK_EVERY) && self.progress.is_cancelled() {
            return Err(Error::cancelled());
        }
        Ok(())
    }
}
