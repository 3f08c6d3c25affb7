//! How alike two candidates are: by their shingle sets, or estimated from what the first pass kept.

use super::records::Candidate;
use super::run::ClusterRun;
use super::sets::Sets;
use super::signature::{Minhash, jaccard};
use super::sketch::Sketch;
use super::table::Table;
use crate::error::{Error, Result};

/// What candidates are compared by.
pub enum Likeness {
    Sets(Sets),
    /// By the numbers of candidates.
    Sketches(Table<Sketch>),
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
            Self::Sketches(sketches) => Ok(sketches[a as usize].similarity(&sketches[b as usize])),
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
            Self::Sketches(sketches) => Ok(sketches[at as usize]),
        }
    }

    /// By the sketches of `candidates`, among those that the first pass has kept of all documents.
    ///
    /// # Errors
    /// `Io` or `Asset` of intermediate files.
    pub fn by_sketches(run: &ClusterRun, candidates: &[Candidate]) -> Result<Self> {
        let mut sketches = Table::new("candidate-sketches", &run.scratch);
        let mut wanted = candidates.iter().peekable();
        for part in run.sketches.finish() {
            part.for_each(|found| match wanted.next_if(|one| one.doc == found.doc) {
                Some(_) => sketches.push(found.sketch),
                None => Ok(()),
            })?;
        }
        match wanted.next() {
            None => Ok(Self::Sketches(sketches)),
            Some(_) => Err(Error::asset("a candidate has no sketch")),
        }
    }
}
