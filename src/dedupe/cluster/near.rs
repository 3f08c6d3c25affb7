//! Clusters of documents that are alike: bands bring candidates together, the similarity of their
//! shingle sets joins them.
//!
//! Documents with the same words in the same order collapse before anything is compared: the first
//! stands for all. Within a bucket (documents that share a band) all pairs of a small one are
//! compared; in a large one, which a template shared by thousands makes, only neighbours in a few
//! orders by further minima, so that the work is linear in the size of the bucket. What is joined
//! already is not compared. Buckets are worked on in blocks of a fixed size, each against the
//! components that the blocks before it left, so that threads do not show.

use super::blocks::Store;
use super::findings::{Cluster, Findings, SAMPLES};
use super::records::{Candidate, Doc, Entry, Member, Verdict};
use super::run::{ClusterRun, Resolved, Shuffle, Watch};
use super::sets::Sets;
use super::signature::{LANES, Minhash, jaccard};
use super::union::Union;
use super::verdicts::Verdicts;
use crate::error::{Error, Result};
use crate::run::Progress;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Buckets up to this size are compared pair by pair.
const SMALL: usize = 16;
/// Minima that an order of a large bucket is made of, and orders: together a block of permutations.
const ORDER: usize = 4;
/// Documents after each that it is compared with, in each order.
const NEIGHBOURS: usize = 2;
/// Members of the buckets of a block, at least.
const BLOCK: usize = 1 << 14;
/// Memory for each candidate: itself, where its set is, its component.
const PER_CANDIDATE: u64 = 40;
/// Marks the first member of a bucket; free in every document's number.
const FIRST: u64 = 1 << 63;
/// Pairs of candidates that are similar enough.
type Edges = Vec<(u32, u32)>;
/// Records that are handed on at once.
const BATCH: usize = 4096;

/// What the bands brought together.
pub struct Buckets {
    stores: Vec<Store>,
    /// Documents that share a band with another, in input order.
    pub candidates: Vec<Candidate>,
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
/// `Io` or `Asset` of intermediate files; `Config` where the candidates do not fit into memory.
pub fn buckets(run: &ClusterRun, progress: &Progress) -> Result<Buckets> {
    let stores = run.in_parallel(run.bands.finish(), |index, part| {
        let mut store = Store::new(&run.scratch, format!("buckets-{index}"));
        let mut pending = Vec::with_capacity(BATCH);
        // The first of a band, until it has company.
        let mut alone: Option<Candidate> = None;
        let mut band = None;
        let mut watch = Watch::new(progress);
        part.for_each(|found| {
            watch.look()?;
            let one = Candidate { doc: found.doc, content: found.content };
            if band != Some(found.hash) {
                (band, alone) = (Some(found.hash), Some(one));
                return Ok(());
            }
            if let Some(first) = alone.take() {
                store.append(&(first.doc.0 | FIRST).to_le_bytes())?;
                pending.push(first);
            }
            store.append(&found.doc.0.to_le_bytes())?;
            pending.push(one);
            if pending.len() >= BATCH {
                run.candidates.push_all(&mut pending)?;
            }
            Ok(())
        })?;
        run.candidates.push_all(&mut pending)?;
        Ok(store)
    })?;
    let limit = (run.memory / 2 / PER_CANDIDATE).min(u64::from(u32::MAX)) as usize;
    let mut candidates = Vec::new();
    for part in run.candidates.finish() {
        part.for_each(|candidate| {
            if candidates.len() == limit {
                return Err(Error::config(format!(
                    "memory: more than {limit} documents share a band with another; they need \
                     {PER_CANDIDATE} bytes each, and half of the memory. Give more memory, or more \
                     rows to a band"
                )));
            }
            candidates.push(candidate);
            Ok(())
        })?;
    }
    Ok(Buckets { stores, candidates })
}

/// Joins candidates and forms clusters.
///
/// # Errors
/// `Io` or `Asset` of intermediate files; `Cancelled`.
pub fn resolve(
    run: &ClusterRun,
    buckets: &Buckets,
    sets: &Sets,
    progress: &Progress,
) -> Result<Resolved> {
    let Shuffle::Minhash(minhash) = &run.shuffle else {
        return Err(Error::config("only MinHash compares candidates"));
    };
    let union = join(run, minhash, buckets, sets, progress)?;
    let (roots, shared) = union.finish();
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
        let (pending, buffers) = (Vec::with_capacity(BATCH), (Vec::new(), Vec::new()));
        let findings = Findings::default();
        let mut clusters = Clusters { run, sets, pending, findings, group: None, buffers };
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
    sets: &Sets,
    progress: &Progress,
) -> Result<Union> {
    let mut union = Union::new(buckets.candidates.len());
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
                        join_block(run, minhash, &block, sets, &mut union, progress)?;
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
    join_block(run, minhash, &block, sets, &mut union, progress)?;
    Ok(union)
}

fn join_block(
    run: &ClusterRun,
    minhash: &Minhash,
    block: &[Vec<u32>],
    sets: &Sets,
    union: &mut Union,
    progress: &Progress,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<(usize, Result<Edges>)>> = Mutex::new(Vec::new());
    let before = &*union;
    std::thread::scope(|scope| {
        for _ in 0..run.threads.min(block.len()) {
            scope.spawn(|| {
                let mut comparison = Comparison::new(minhash, sets, before, progress);
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

/// The comparison of one thread.
struct Comparison<'r> {
    minhash: &'r Minhash,
    sets: &'r Sets,
    union: &'r Union,
    progress: &'r Progress,
    /// Of the members of a bucket: components as far as they are known.
    labels: Vec<u32>,
    one: Vec<[u8; 4]>,
    two: Vec<[u8; 4]>,
    scratch: Vec<u32>,
}

impl<'r> Comparison<'r> {
    fn new(minhash: &'r Minhash, sets: &'r Sets, union: &'r Union, progress: &'r Progress) -> Self {
        let (one, two, scratch) = (Vec::new(), Vec::new(), Vec::new());
        Self { minhash, sets, union, progress, labels: Vec::new(), one, two, scratch }
    }

    /// The pairs of a bucket that are similar enough, without those that others imply.
    fn bucket(&mut self, members: &[u32]) -> Result<Edges> {
        if self.progress.is_cancelled() {
            return Err(Error::cancelled());
        }
        self.labels.clear();
        self.labels.extend(members.iter().map(|member| self.union.root(*member)));
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
        let lengths = (self.sets.len(members[a]), self.sets.len(members[b]));
        let (short, long) = (lengths.0.min(lengths.1), lengths.0.max(lengths.1));
        if (short as f64) < self.minhash.threshold * long as f64 {
            return Ok(());
        }
        self.sets.load(members[a], &mut self.one)?;
        self.sets.load(members[b], &mut self.two)?;
        if jaccard(&self.one, &self.two, self.minhash.threshold) < self.minhash.threshold {
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
        let mut minima: Vec<[u32; LANES]> = Vec::with_capacity(members.len());
        for member in members {
            self.sets.load(*member, &mut self.one)?;
            let shingles = self.one.iter().map(|bytes| u32::from_le_bytes(*bytes));
            minima.push(self.minhash.second(shingles, &mut self.scratch));
        }
        // Of a pair at the threshold, fewer equal minima than this are 4.5 standard deviations off.
        let (share, lanes) = (self.minhash.threshold, LANES as f64);
        let expected = share * lanes - 4.5 * (lanes * share * (1.0 - share)).sqrt();
        let mut order: Vec<usize> = (0..members.len()).collect();
        for first in (0..LANES).step_by(ORDER) {
            let key = |index: &usize| {
                let mut key = [0; ORDER];
                key.copy_from_slice(&minima[*index][first..first + ORDER]);
                (key, *index)
            };
            order.sort_unstable_by_key(key);
            for (at, a) in order.iter().enumerate() {
                if self.progress.is_cancelled() {
                    return Err(Error::cancelled());
                }
                for b in order[at + 1..].iter().take(NEIGHBOURS) {
                    let equal = minima[*a].iter().zip(&minima[*b]).filter(|(a, b)| a == b).count();
                    if equal as f64 >= expected {
                        self.compare(members, *a.min(b), *a.max(b), edges)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Documents of equal content, on the way to their clusters.
struct Contents<'r> {
    run: &'r ClusterRun,
    buckets: &'r Buckets,
    roots: &'r [u32],
    shared: &'r [bool],
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
            let root =
                number.filter(|at| self.shared[*at as usize]).map(|at| self.roots[at as usize]);
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
    sets: &'r Sets,
    pending: Vec<Verdict>,
    findings: Findings,
    group: Option<Gathered>,
    buffers: (Vec<[u8; 4]>, Vec<[u8; 4]>),
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
        *self.findings.matrix.entry((kept.source, member.source)).or_default() += 1;
        let similarity = if kept.candidate == member.candidate {
            Verdict::SAME
        } else {
            let (one, two) = &mut self.buffers;
            self.sets.load(kept.candidate, one)?;
            self.sets.load(member.candidate, two)?;
            (jaccard(one, two, 0.0) * f64::from(Verdict::SAME)).round() as u32
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
