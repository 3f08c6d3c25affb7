//! How alike two candidates are: by their shingle sets, or estimated from what the first pass kept.

use super::blocks::Store;
use super::records::Candidate;
use super::run::ClusterRun;
use super::sets::Sets;
use super::signature::{Minhash, jaccard};
use super::sketch::Sketch;
use crate::error::{Error, Result};

/// What candidates are compared by.
pub enum Likeness {
    Sets(Sets),
    Sketches(Sketches),
}

/// The scratch of one thread.
#[derive(Default)]
pub struct Loaded {
    one: Vec<[u8; 4]>,
    two: Vec<[u8; 4]>,
}

impl Likeness {
    /// The similarity of two candidates; 0 as soon as it is certain to be below `threshold`.
    ///
    /// # Errors
    /// `Io` or `Asset` of intermediate files.
    pub fn similarity(&self, a: u32, b: u32, threshold: f64, loaded: &mut Loaded) -> Result<f64> {
        match self {
            Self::Sets(sets) => {
                let lengths = (sets.len(a), sets.len(b));
                let (short, long) = (lengths.0.min(lengths.1), lengths.0.max(lengths.1));
                if (short as f64) < threshold * long as f64 {
                    return Ok(0.0);
                }
                sets.load(a, &mut loaded.one)?;
                sets.load(b, &mut loaded.two)?;
                Ok(jaccard(&loaded.one, &loaded.two, threshold))
            }
            Self::Sketches(sketches) => Ok(sketches.load(a)?.similarity(&sketches.load(b)?)),
        }
    }

    /// The sketch of a candidate.
    ///
    /// # Errors
    /// As [`Likeness::similarity`].
    pub fn sketch(&self, minhash: &Minhash, at: u32, loaded: &mut Loaded) -> Result<Sketch> {
        match self {
            Self::Sets(sets) => {
                sets.load(at, &mut loaded.one)?;
                Ok(minhash.sketch(loaded.one.iter().map(|bytes| u32::from_le_bytes(*bytes))))
            }
            Self::Sketches(sketches) => sketches.load(at),
        }
    }
}

/// The sketches of candidates, by their numbers.
pub struct Sketches {
    store: Store,
}

impl Sketches {
    /// Picks those of `candidates` out of what the first pass has kept of all documents.
    ///
    /// # Errors
    /// `Io` or `Asset` of intermediate files.
    pub fn of(run: &ClusterRun, candidates: &[Candidate]) -> Result<Self> {
        let mut store = Store::new(&run.scratch, "candidate-sketches");
        let mut wanted = candidates.iter().peekable();
        let mut bytes = [0; Sketch::BYTES];
        for part in run.sketches.finish() {
            part.for_each(|found| {
                if wanted.next_if(|one| one.doc == found.doc).is_some() {
                    found.sketch.put(&mut bytes);
                    store.append(&bytes)?;
                }
                Ok(())
            })?;
        }
        match wanted.next() {
            None => Ok(Self { store }),
            Some(_) => Err(Error::asset("a candidate has no sketch")),
        }
    }

    fn load(&self, candidate: u32) -> Result<Sketch> {
        let from = u64::from(candidate) * Sketch::BYTES as u64;
        let mut buffer = Vec::new();
        let bytes = self.store.read(from, from + Sketch::BYTES as u64, &mut buffer)?;
        Ok(Sketch::get(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dedupe::cluster::blocks::Scratch;

    #[test]
    fn sketches_come_back_by_number_from_memory_and_disk() {
        let folder = tempfile::tempdir().unwrap();
        for room in [0, 1 << 20] {
            let mut store = Store::new(&Scratch::new(folder.path(), room), "sketches");
            let made: Vec<Sketch> =
                (0..600).map(|n| Sketch::of([n, n + 1].into_iter(), 1)).collect();
            let mut bytes = [0; Sketch::BYTES];
            for sketch in &made {
                sketch.put(&mut bytes);
                store.append(&bytes).unwrap();
            }
            let likeness = Likeness::Sketches(Sketches { store });
            let mut loaded = Loaded::default();
            for at in [0, 1, 299, 598] {
                let found = likeness.similarity(at, at + 1, 0.9, &mut loaded).unwrap();
                let (one, two) = (&made[at as usize], &made[at as usize + 1]);
                assert_eq!(found, one.similarity(two));
            }
        }
    }
}
