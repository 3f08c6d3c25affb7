//! Clusters of equal keys.
//!
//! Keys are compared by their XXH3-128: among n different keys the chance that any two are taken
//! for one is below n² / 2^129, 1e-14 for 2.6e12 keys.

use super::findings::{Cluster, Findings, SAMPLES};
use super::index::Keys;
use super::records::{Entry, Kept, Verdict};
use super::run::{ClusterRun, Resolved, Watch};
use super::verdicts::Verdicts;
use crate::error::Result;
use crate::run::Progress;

/// Verdicts that are handed on at once.
const BATCH: usize = 4096;

/// A group of equal keys on the way.
struct Group {
    kept: Entry<true>,
    foreign: bool,
    /// Members of this run's own.
    own: u64,
    cluster: Cluster,
}

/// The grouping of one part.
struct Grouping<'r> {
    run: &'r ClusterRun,
    findings: Findings,
    pending: Vec<Verdict>,
    kept: Vec<Kept>,
    group: Option<Group>,
}

/// Groups all keys.
///
/// # Errors
/// `Io` or `Asset` of intermediate files; `Cancelled`.
pub fn resolve(run: &ClusterRun, progress: &Progress) -> Result<Resolved> {
    let found = run.in_parallel(run.ranked.finish(), |_, part| {
        let pending = Vec::with_capacity(BATCH);
        let (findings, kept) = (Findings::default(), Vec::new());
        let mut grouping = Grouping { run, findings, pending, kept, group: None };
        let mut watch = Watch::new(progress);
        part.for_each(|entry| {
            watch.look()?;
            grouping.take(entry)
        })?;
        grouping.close();
        run.verdicts.push_all(&mut grouping.pending)?;
        run.kept.push_all(&mut grouping.kept)?;
        Ok(grouping.findings)
    })?;
    let mut findings = Findings::default();
    found.into_iter().for_each(|part| findings.add(part));
    let verdicts = Verdicts::new(run.verdicts.finish(), run.names.len(), &run.scratch)?;
    let shards = run.names.len();
    let kept =
        run.remember.then(|| Keys::new(run.kept.finish(), shards, &run.scratch)).transpose()?;
    Ok(Resolved { findings, verdicts, kept })
}

impl Grouping<'_> {
    fn take(&mut self, entry: Entry<true>) -> Result<()> {
        let own = entry.doc.shard() >= self.run.references;
        self.findings.compared += u64::from(own);
        let same = self.group.as_ref().is_some_and(|group| group.kept.hash == entry.hash);
        let Some(group) = self.group.as_mut().filter(|_| same) else {
            self.close();
            if own && self.run.remember {
                let Entry { doc, start, end, hash, source, .. } = entry;
                self.kept.push(Kept { doc, start, end, hash, source });
                if self.kept.len() == BATCH {
                    self.run.kept.push_all(&mut self.kept)?;
                }
            }
            let id = (entry.hash >> 64) as u64;
            let cluster = Cluster { id, size: 1, samples: vec![entry.doc] };
            self.group = Some(Group { kept: entry, foreign: !own, own: u64::from(own), cluster });
            return Ok(());
        };
        if !own {
            return Ok(());
        }
        group.own += 1;
        group.cluster.size += 1;
        if group.cluster.samples.len() < SAMPLES {
            group.cluster.samples.push(entry.doc);
        }
        self.findings.copied(self.run.named(), group.kept.source, entry.source);
        self.pending.push(Verdict {
            doc: entry.doc,
            start: entry.start,
            end: entry.end,
            cluster: group.cluster.id,
            kept: group.kept.doc,
            kept_start: group.kept.start,
            kept_end: group.kept.end,
            similarity: Verdict::SAME,
        });
        if self.pending.len() == BATCH {
            self.run.verdicts.push_all(&mut self.pending)?;
        }
        Ok(())
    }

    fn close(&mut self) {
        let Some(group) = self.group.take() else { return };
        self.findings.settle(group.own, group.foreign, group.cluster);
    }
}
