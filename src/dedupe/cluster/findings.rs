//! What a run found, for its report: sizes of clusters, the largest ones, who copied whom.

use super::records::Doc;
use crate::dedupe::sources::Named;
use crate::error::{Error, ErrorKind, Result};
use std::collections::BTreeMap;

/// Clusters that are reported with samples.
pub const LARGEST: usize = 20;
/// Members of each that are shown: the kept one and the first duplicates.
pub const SAMPLES: usize = 4;

/// A cluster as it is being gone through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    pub id: u64,
    /// Members, those that are only compared with among them.
    pub size: u64,
    /// The kept one and the first duplicates.
    pub samples: Vec<Doc>,
}

/// Counts over clusters; those of several threads are added up.
#[derive(Debug, Default)]
pub struct Findings {
    /// Keys of this run's own documents that were compared.
    pub compared: u64,
    pub singletons: u64,
    pub clusters: u64,
    /// Clusters whose kept member is only compared with.
    pub foreign: u64,
    pub duplicates: u64,
    /// Clusters by size: the n-th counts those of 2^n to 2^(n+1) - 1 members.
    pub sizes: BTreeMap<u32, u64>,
    pub largest: Vec<Cluster>,
    /// Duplicates by the source of the kept copy and of the duplicate, as the report names them.
    pub matrix: BTreeMap<(usize, usize), u64>,
}

impl Findings {
    /// Counts a cluster of two or more members.
    fn cluster(&mut self, cluster: Cluster) {
        *self.sizes.entry(cluster.size.ilog2()).or_default() += 1;
        let enters = self.largest.len() < LARGEST
            || self.largest.last().is_some_and(|least| before(&cluster, least));
        if enters {
            let at = self.largest.partition_point(|other| before(other, &cluster));
            self.largest.insert(at, cluster);
            self.largest.truncate(LARGEST);
        }
    }

    /// Takes a finished group of `own` members of this run; the kept one is not among them where
    /// it is `foreign`.
    pub fn settle(&mut self, own: u64, foreign: bool, cluster: Cluster) {
        let duplicates = if foreign { own } else { own.saturating_sub(1) };
        if duplicates == 0 {
            self.singletons += u64::from(own == 1);
            return;
        }
        self.clusters += 1;
        self.foreign += u64::from(foreign);
        self.duplicates += duplicates;
        self.cluster(cluster);
    }

    /// Counts a duplicate by the numbers of its source and of that of the kept copy.
    pub fn copied(&mut self, named: &Named, kept: u32, duplicate: u32) {
        *self.matrix.entry((named.place(kept), named.place(duplicate))).or_default() += 1;
    }

    pub fn add(&mut self, other: Self) {
        self.compared += other.compared;
        self.singletons += other.singletons;
        self.clusters += other.clusters;
        self.foreign += other.foreign;
        self.duplicates += other.duplicates;
        for (size, count) in other.sizes {
            *self.sizes.entry(size).or_default() += count;
        }
        for (pair, count) in other.matrix {
            *self.matrix.entry(pair).or_default() += count;
        }
        self.largest.extend(other.largest);
        self.largest.sort_by(|a, b| {
            if before(a, b) { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater }
        });
        self.largest.truncate(LARGEST);
    }

    /// Every key that went in is kept or a duplicate, and each cluster keeps exactly one.
    ///
    /// # Errors
    /// `Panic`: a bug that must not become a wrong verdict.
    pub fn check(&self, went_in: u64) -> Result<()> {
        let survivors = self.clusters - self.foreign + self.singletons;
        if self.compared == went_in && survivors + self.duplicates == went_in {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Panic(format!(
            "{went_in} keys were compared, but {} were grouped: {} singletons + {} clusters, {} of \
             them kept elsewhere, + {} duplicates",
            self.compared, self.singletons, self.clusters, self.foreign, self.duplicates
        ))))
    }
}

/// Larger clusters first; of equal size the one whose kept document comes first.
fn before(a: &Cluster, b: &Cluster) -> bool {
    (b.size, &a.samples, a.id) < (a.size, &b.samples, b.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_clusters_are_the_same_however_they_are_counted() {
        let clusters: Vec<Cluster> = (0..200u64)
            .map(|n| Cluster { id: n, size: 2 + n * 7919 % 50, samples: vec![Doc(n * 31 % 200)] })
            .collect();
        let mut whole = Findings::default();
        clusters.iter().cloned().for_each(|cluster| whole.cluster(cluster));
        for cut in [1, 50, 199] {
            let (mut left, mut right) = (Findings::default(), Findings::default());
            clusters[..cut].iter().cloned().for_each(|cluster| right.cluster(cluster));
            clusters[cut..].iter().cloned().for_each(|cluster| left.cluster(cluster));
            left.add(right);
            assert_eq!(left.largest, whole.largest);
            assert_eq!(left.sizes, whole.sizes);
        }
        assert!(whole.largest.windows(2).all(|pair| pair[0].size >= pair[1].size));
    }

    #[test]
    fn a_key_that_got_lost_is_an_error() {
        let findings = Findings {
            compared: 5,
            singletons: 2,
            clusters: 1,
            duplicates: 2,
            ..Findings::default()
        };
        findings.check(5).unwrap();
        assert!(findings.check(6).is_err());
        assert!(Findings { duplicates: 1, ..findings }.check(5).is_err());
    }
}
