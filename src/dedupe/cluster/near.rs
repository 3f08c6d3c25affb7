//! Clusters of documents that are alike: bands bring candidates together, their similarity joins
//! them.
//!
//! Documents with the same words in the same order collapse before anything is compared: the first
//! stands for all. Buckets (documents that share a band) are worked on in blocks of a fixed size,
//! each against the components that the blocks before it left, so that threads do not show.

use super::blocks::Store;
use super::compare::{Common, Comparison, Edges};
use super::findings::{Cluster, Findings, SAMPLES};
use super::likeness::{Likeness, Loaded};
use super::records::{Candidate, Doc, Entry, Member, Verdict};
use super::run::{ClusterRun, Resolved, Shuffle, Watch};
use super::signature::Minhash;
use super::table::Table;
use super::union::Union;
use super::verdicts::Verdicts;
use crate::error::{Error, Result};
use crate::run::Progress;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Members of the buckets of a block, at least.
const BLOCK: usize = 1 << 14;
/// Candidates that can be numbered; the last number stands for none.
const MOST: usize = u32::MAX as usize;
/// Memory for each member of the largest bucket: its number, its component, its place in an order.
const PER_MEMBER: u64 = 24;
/// Marks the first member of a bucket; free in every document's number.
const FIRST: u64 = 1 << 63;
/// Records that are handed on at once.
const BATCH: usize = 4096;

/// What the bands brought together.
pub struct Buckets {
    stores: Vec<Store>,
    /// Documents that share a band with another, in input order.
    pub candidates: Table<Candidate>,
}

impl Buckets {
    /// The shards that have candidates.
    pub fn shards(&self) -> Vec<usize> {
        let mut shards: Vec<usize> = self.candidates.iter().map(|one| one.doc.shard()).collect();
        shards.dedup();
        shards
    }

    fn number(&self, doc: Doc) -> Option<u32> {
        self.candidates.binary_search_by_key(&doc, |one| one.doc).ok().map(|at| at as u32)
    }
}

/// Sorts the bands and keeps what is in company.
///
/// # Errors
/// `Io` or `Asset` of intermediate files; `Config` where a bucket does not fit into memory.
pub fn buckets(run: &ClusterRun, progress: &Progress) -> Result<Buckets> {
    let found = run.in_parallel(run.bands.finish(), |index, part| {
        let mut store = Store::new(&run.scratch, format!("buckets-{index}"));
        let mut pending = Vec::with_capacity(BATCH);
        // The first of a band, until it has company.
        let mut alone: Option<Candidate> = None;
        let mut band = None;
        let (mut members, mut most) = (0u64, 0);
        let mut watch = Watch::new(progress);
        part.for_each(|found| {
            watch.look()?;
            let one = Candidate { doc: found.doc, content: found.content };
            if band != Some(found.hash) {
                (band, alone) = (Some(found.hash), Some(one));
                (members, most) = (1, most.max(members));
                return Ok(());
            }
            if let Some(first) = alone.take() {
                store.append(&(first.doc.0 | FIRST).to_le_bytes())?;
                pending.push(first);
            }
            store.append(&found.doc.0.to_le_bytes())?;
            members += 1;
            pending.push(one);
            if pending.len() >= BATCH {
                run.candidates.push_all(&mut pending)?;
            }
            Ok(())
        })?;
        run.candidates.push_all(&mut pending)?;
        Ok((store, most.max(members)))
    })?;
    let most = found.iter().map(|(_, most)| *most).max().unwrap_or_default();
    if most * PER_MEMBER > run.memory / 2 {
        return Err(Error::config(format!(
            "memory: {most} documents share one band; they need {PER_MEMBER} bytes each, and half of the memory. \
             Give more memory, or more rows to a band"
        )));
    }
    let mut candidates = Table::new("candidates", &run.scratch);
    for part in run.candidates.finish() {
        part.for_each(|candidate| {
            if candidates.len() == MOST {
                return Err(Error::config(format!(
                    "dedupe.minhash: more than {MOST} documents share a band with another; give more rows to a band"
                )));
            }
            candidates.push(candidate)
        })?;
    }
    let stores = found.into_iter().map(|(store, _)| store).collect();
    Ok(Buckets { stores, candidates })
}

/// Joins candidates and forms clusters.
///
/// # Errors
/// `Io` or `Asset` of intermediate files; `Cancelled`.
pub fn resolve(
    run: &ClusterRun,
    buckets: &Buckets,
    likeness: &Likeness,
    progress: &Progress,
) -> Result<Resolved> {
    let Shuffle::Minhash(minhash) = &run.shuffle else {
        return Err(Error::config("only MinHash compares candidates"));
    };
    let union = join(run, minhash, buckets, likeness, progress)?;
    let (roots, shared) = union.finish(&run.scratch)?;
    let found = run.in_parallel(run.placed.finish(), |_, part| {
        let pending = Vec::with_capacity(BATCH);
        let findings = Findings::default();
        let mut contents = Contents {
            run,
            buckets,
            roots: &roots,
            shared: &shared,
            pending,
            findings,
            group: None,
        };
        let mut watch = Watch::new(progress);
        part.for_each(|entry| {
            watch.look()?;
            contents.take(entry)
        })?;
        contents.close()?;
        run.members.push_all(&mut contents.pending)?;
        Ok(contents.findings)
    })?;
    let mut findings = Findings::default();
    found.into_iter().for_each(|part| findings.add(part));
    let found = run.in_parallel(run.members.finish(), |_, part| {
        let (pending, loaded) = (Vec::with_capacity(BATCH), Loaded::default());
        let findings = Findings::default();
        let mut clusters = Clusters { run, likeness, pending, findings, group: None, loaded };
        let mut watch = Watch::new(progress);
        part.for_each(|member| {
            watch.look()?;
            clusters.take(member)
        })?;
        clusters.close();
        run.verdicts.push_all(&mut clusters.pending)?;
        Ok(clusters.findings)
    })?;
    found.into_iter().for_each(|part| findings.add(part));
    let verdicts = Verdicts::new(run.verdicts.finish(), run.names.len(), &run.scratch)?;
    Ok(Resolved { findings, verdicts, kept: None })
}

/// The components of candidates that are similar enough.
fn join(
    run: &ClusterRun,
    minhash: &Minhash,
    buckets: &Buckets,
    likeness: &Likeness,
    progress: &Progress,
) -> Result<Union> {
    let mut union = Union::new(buckets.candidates.len(), &run.scratch)?;
    let mut block: Vec<Vec<u32>> = Vec::new();
    let mut members = 0;
    let mut raw = Vec::new();
    for store in &buckets.stores {
        let mut at = 0;
        while at < store.len() {
            let to = (at + (1 << 16)).min(store.len());
            for bytes in store.read(at, to, &mut raw)?.as_chunks::<8>().0 {
                let number = u64::from_le_bytes(*bytes);
                if number & FIRST != 0 {
                    if members >= BLOCK {
                        join_block(run, minhash, &block, likeness, &mut union, progress)?;
                        (members, block) = (0, Vec::new());
                    }
                    block.push(Vec::new());
                }
                let candidate = buckets.number(Doc(number & !FIRST)).ok_or_else(|| {
                    Error::asset("a bucket names a document that is no candidate")
                })?;
                if let Some(bucket) = block.last_mut() {
                    bucket.push(candidate);
                    members += 1;
                }
            }
            at = to;
        }
    }
    join_block(run, minhash, &block, likeness, &mut union, progress)?;
    Ok(union)
}

fn join_block(
    run: &ClusterRun,
    minhash: &Minhash,
    block: &[Vec<u32>],
    likeness: &Likeness,
    union: &mut Union,
    progress: &Progress,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<(usize, Result<Edges>)>> = Mutex::new(Vec::new());
    let common = Common { minhash, likeness, union, progress, scratch: &run.scratch };
    std::thread::scope(|scope| {
        for _ in 0..run.threads.min(block.len()) {
            scope.spawn(|| {
                let mut comparison = Comparison::new(common);
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(bucket) = block.get(index) else { return };
                    let edges = comparison.bucket(bucket);
                    if matches!(&edges, Ok(edges) if edges.is_empty()) {
                        continue;
                    }
                    found.lock().unwrap_or_else(PoisonError::into_inner).push((index, edges));
                }
            });
        }
    });
    for (_, edges) in found.into_inner().unwrap_or_else(PoisonError::into_inner) {
        for (a, b) in edges? {
            union.join(a, b);
        }
    }
    Ok(())
}

/// Documents of equal content, on the way to their clusters.
struct Contents<'r> {
    run: &'r ClusterRun,
    buckets: &'r Buckets,
    roots: &'r [u32],
    shared: &'r [u8],
    pending: Vec<Member>,
    findings: Findings,
    group: Option<Group>,
}

struct Group {
    first: Entry<false>,
    /// The first as a member, until it was handed on.
    waiting: Option<Member>,
    member: Member,
}

impl Contents<'_> {
    fn take(&mut self, entry: Entry<false>) -> Result<()> {
        self.findings.compared += u64::from(entry.doc.shard() >= self.run.references);
        let same = self.group.as_ref().is_some_and(|group| group.first.hash == entry.hash);
        if !same {
            self.close()?;
            let number = self.buckets.number(entry.doc);
            let root = number
                .filter(|at| self.shared[*at as usize] != 0)
                .map(|at| self.roots[at as usize]);
            let (cluster, root_doc) = match root {
                Some(root) => {
                    let root = self.buckets.candidates[root as usize];
                    (root.content, root.doc)
                }
                None => ((entry.hash >> 64) as u64, entry.doc),
            };
            let candidate = number.unwrap_or(Member::ALONE);
            let member = member(&entry, cluster, root_doc, candidate);
            self.group = Some(Group { first: entry, waiting: Some(member), member });
            if root.is_some() {
                self.release();
            }
            return self.hand_on();
        }
        self.release();
        if let Some(group) = &self.group {
            let Member { cluster, root, candidate, .. } = group.member;
            self.pending.push(member(&entry, cluster, root, candidate));
        }
        self.hand_on()
    }

    fn release(&mut self) {
        if let Some(first) = self.group.as_mut().and_then(|group| group.waiting.take()) {
            self.pending.push(first);
        }
    }

    fn hand_on(&mut self) -> Result<()> {
        if self.pending.len() >= BATCH {
            self.run.members.push_all(&mut self.pending)?;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        let Some(group) = self.group.take() else { return Ok(()) };
        if group.waiting.is_some() && group.first.doc.shard() >= self.run.references {
            self.findings.singletons += 1;
        }
        Ok(())
    }
}

fn member(entry: &Entry<false>, cluster: u64, root: Doc, candidate: u32) -> Member {
    let Entry { rank, doc, start, end, source, .. } = *entry;
    Member { cluster, root, rank, doc, start, end, source, candidate }
}

/// Clusters, the kept member of each first.
struct Clusters<'r> {
    run: &'r ClusterRun,
    likeness: &'r Likeness,
    pending: Vec<Verdict>,
    findings: Findings,
    group: Option<Gathered>,
    loaded: Loaded,
}

struct Gathered {
    kept: Member,
    foreign: bool,
    own: u64,
    cluster: Cluster,
}

impl Clusters<'_> {
    fn take(&mut self, member: Member) -> Result<()> {
        let own = member.doc.shard() >= self.run.references;
        let same = self.group.as_ref().is_some_and(|group| {
            (group.kept.cluster, group.kept.root) == (member.cluster, member.root)
        });
        let Some(group) = self.group.as_mut().filter(|_| same) else {
            self.close();
            let cluster = Cluster { id: member.cluster, size: 1, samples: vec![member.doc] };
            self.group =
                Some(Gathered { kept: member, foreign: !own, own: u64::from(own), cluster });
            return Ok(());
        };
        if !own {
            return Ok(());
        }
        group.own += 1;
        group.cluster.size += 1;
        if group.cluster.samples.len() < SAMPLES {
            group.cluster.samples.push(member.doc);
        }
        let kept = group.kept;
        self.findings.copied(self.run.named(), kept.source, member.source);
        let similarity = if kept.candidate == member.candidate {
            Verdict::SAME
        } else {
            let (one, two) = (kept.candidate, member.candidate);
            let found = self.likeness.similarity(one, two, 0.0, &mut self.loaded)?;
            (found * f64::from(Verdict::SAME)).round() as u32
        };
        self.pending.push(Verdict {
            doc: member.doc,
            start: member.start,
            end: member.end,
            cluster: member.cluster,
            kept: kept.doc,
            kept_start: kept.start,
            kept_end: kept.end,
            similarity,
        });
        if self.pending.len() >= BATCH {
            self.run.verdicts.push_all(&mut self.pending)?;
        }
        Ok(())
    }

    fn close(&mut self) {
        if let Some(group) = self.group.take() {
            self.findings.settle(group.own, group.foreign, group.cluster);
        }
    }
}
