//! What the taggers of a run did, for reports and while it goes on.

use super::raise;
use crate::tag::tally::{Effort, Scores, Tally};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::time::Duration;

/// Sums over the taggers of a run.
#[pyclass(frozen)]
pub struct TaggerTally {
    names: Vec<String>,
    pub inner: Tally,
}

/// The shares of scores that quantiles are given for.
const QUANTILES: [(&str, f64); 7] = [
    ("p01", 0.01),
    ("p10", 0.1),
    ("p25", 0.25),
    ("p50", 0.5),
    ("p75", 0.75),
    ("p90", 0.9),
    ("p99", 0.99),
];

#[pymethods]
impl TaggerTally {
    /// Of taggers with these names, in the order of the run.
    #[new]
    fn new(names: Vec<String>) -> Self {
        Self { names, inner: Tally::default() }
    }

    /// Adds what a `BatchTagger` says of a batch of a shard; `seconds` is what all of its work took.
    fn absorb(&self, shard: usize, account: &[u8], seconds: f64) -> PyResult<()> {
        let mut rest = account;
        let mut efforts = Vec::with_capacity(self.names.len());
        for _ in &self.names {
            efforts.push(raise(Effort::decode(&mut rest))?);
        }
        self.inner.absorb(shard, &efforts, Duration::from_secs_f64(seconds.max(0.0)));
        Ok(())
    }

    /// Says that nothing more comes of a shard; one that is not `done` is in no report.
    fn settle(&self, shard: usize, done: bool) {
        self.inner.settle(shard, done);
    }

    /// Seconds of all work, and for each tagger its name, seconds, documents and spans so far.
    fn live(&self) -> (f64, Vec<(String, f64, u64, u64)>) {
        let account = self.inner.live();
        let each = self.names.iter().zip(&account.efforts);
        let each = each.map(|(name, effort)| {
            (name.clone(), effort.time.as_secs_f64(), effort.documents, effort.spans)
        });
        (account.time.as_secs_f64(), each.collect())
    }

    /// All that is known of the shards that are done, by tagger.
    fn report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let report = PyDict::new(py);
        let account = self.inner.done();
        for (name, effort) in self.names.iter().zip(&account.efforts) {
            report.set_item(name, one(py, effort, account.time)?)?;
        }
        Ok(report)
    }
}

fn one<'py>(py: Python<'py>, effort: &Effort, all: Duration) -> PyResult<Bound<'py, PyDict>> {
    let seconds = effort.time.as_secs_f64();
    let part = |of: f64, what: f64| if of > 0.0 { what / of } else { 0.0 };
    let dict = PyDict::new(py);
    dict.set_item("documents", effort.documents)?;
    dict.set_item("seconds", round(seconds))?;
    dict.set_item("documents_per_second", part(seconds, effort.documents as f64).round())?;
    dict.set_item("share_of_time", round(part(all.as_secs_f64(), seconds)))?;
    dict.set_item("spans", effort.spans)?;
    dict.set_item("documents_without_span", effort.silent)?;
    dict.set_item("errors", effort.errors)?;
    dict.set_item("documents_put_aside", effort.skipped)?;
    let types = PyDict::new(py);
    for (name, scores) in &effort.scores {
        types.set_item(name, distribution(py, scores)?)?;
    }
    dict.set_item("scores", types)?;
    Ok(dict)
}

fn distribution<'py>(py: Python<'py>, scores: &Scores) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("count", scores.count)?;
    dict.set_item("min", scores.min())?;
    dict.set_item("mean", round(scores.mean()))?;
    dict.set_item("max", scores.max())?;
    for (name, share) in QUANTILES {
        dict.set_item(name, round(scores.quantile(share)))?;
    }
    Ok(dict)
}

/// To five decimals, as scores are written.
fn round(number: f64) -> f64 {
    (number * 1e5).round() / 1e5
}
