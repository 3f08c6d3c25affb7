//! The search for repeated substrings, pass by pass.

use super::host::{Progress, PyHost};
use super::raise;
use super::runs::format;
use crate::dedupe::readings::Target;
use crate::dedupe::substring::anchors::Winnow;
use crate::dedupe::substring::findings::Share;
use crate::dedupe::substring::gather::Plan;
use crate::dedupe::substring::run::{SubstringRun, intermediates};
use crate::dedupe::substring::symbols::Unit;
use pyo3::prelude::*;
use std::path::PathBuf;

/// The section `dedupe.substring` of a recipe, as far as the engine needs it.
#[derive(FromPyObject)]
pub struct SubstringPlan {
    attribute: String,
    min_length: u64,
    unit: String,
    merge_distance: u64,
    explain: bool,
    input_format: Option<String>,
    output_format: Option<String>,
    level: Option<u8>,
}

/// `(path, line, id as JSON)` of a document.
type Document = (String, u64, String);
/// Name of a source, documents, marked documents, code points, marked code points.
type Source = (String, u64, u64, u64, u64);

/// See `dolma._core.Substrings`.
#[pyclass(frozen)]
pub struct Substrings {
    run: SubstringRun,
}

#[pymethods]
impl Substrings {
    #[new]
    #[pyo3(signature = (*, plan, names, folder, memory, max_bad, threads))]
    fn new(
        plan: SubstringPlan,
        names: Vec<Vec<PathBuf>>,
        folder: PathBuf,
        memory: u64,
        max_bad: u64,
        threads: usize,
    ) -> PyResult<Self> {
        let make = || {
            let plan = Plan {
                winnow: Winnow::new(plan.min_length, Unit::from_name(&plan.unit)?),
                merge_distance: plan.merge_distance,
                attribute: plan.attribute,
                explain: plan.explain,
                input_format: format(plan.input_format.as_deref())?,
                output_format: format(plan.output_format.as_deref())?,
                level: plan.level,
                max_bad,
                names,
                threads: threads.max(1),
                memory,
            };
            SubstringRun::new(plan, &folder)
        };
        raise(make()).map(|run| Self { run })
    }

    /// Bytes of intermediates for so many bytes of text.
    #[staticmethod]
    fn intermediates(min_length: u64, unit: &str, text_bytes: u64) -> PyResult<u64> {
        let unit = raise(Unit::from_name(unit))?;
        Ok(intermediates(&Winnow::new(min_length, unit), text_bytes))
    }

    /// The first pass, over these shards; with identities, into a file for each as well.
    #[pyo3(signature = (shards, identities, host, progress))]
    fn gather(
        &self,
        py: Python<'_>,
        shards: Vec<usize>,
        identities: Option<Vec<String>>,
        host: Py<PyAny>,
        progress: &Progress,
    ) -> PyResult<()> {
        let host = PyHost { object: host };
        let progress = &*progress.inner;
        let target = identities.as_deref().map_or(Target::Run, Target::Both);
        raise(py.detach(|| self.run.gather(shards, target, &host, progress)))
    }

    /// The first pass, over these shards, into a file for each, made under its identity.
    fn write_readings(
        &self,
        py: Python<'_>,
        shards: Vec<usize>,
        identities: Vec<String>,
        host: Py<PyAny>,
        progress: &Progress,
    ) -> PyResult<()> {
        let host = PyHost { object: host };
        let progress = &*progress.inner;
        let target = Target::Readings(&identities);
        raise(py.detach(|| self.run.gather(shards, target, &host, progress)))
    }

    /// Takes shards from their readings; returns those that are damaged by place, with what is wrong.
    fn load_readings(
        &self,
        py: Python<'_>,
        shards: Vec<usize>,
        identities: Vec<String>,
        host: Py<PyAny>,
        progress: &Progress,
    ) -> PyResult<Vec<(usize, String)>> {
        let host = PyHost { object: host };
        let progress = &*progress.inner;
        raise(py.detach(|| self.run.load(shards, identities, &host, progress)))
    }

    /// Finds the repeats.
    fn compare(&self, py: Python<'_>, progress: &Progress) -> PyResult<()> {
        let progress = &*progress.inner;
        raise(py.detach(|| self.run.compare(progress)))
    }

    /// The last pass, over the shards whose rows are to be written.
    fn mark(
        &self,
        py: Python<'_>,
        shards: Vec<usize>,
        host: Py<PyAny>,
        progress: &Progress,
    ) -> PyResult<()> {
        let host = PyHost { object: host };
        let progress = &*progress.inner;
        raise(py.detach(|| self.run.mark(shards, &host, progress)))
    }

    /// Bytes that went to disk.
    fn spilled(&self) -> u64 {
        self.run.scratch.spilled()
    }

    /// What was marked in each source.
    fn sources(&self) -> PyResult<Vec<Source>> {
        let row = |(name, share): (String, Share)| {
            let Share { documents, documents_marked, chars, marked_chars, .. } = share;
            (name, documents, documents_marked, chars, marked_chars)
        };
        raise(self.run.found(|found| {
            Ok(found.findings.shares(&found.sources).into_iter().map(row).collect())
        }))
    }

    /// The longest repeats: `(code points, where it is marked, what is kept, sample)`.
    fn largest(&self) -> PyResult<Vec<(u64, Document, Document, String)>> {
        raise(self.run.found(|found| {
            let document = |place| {
                found.corpus.locate(place).map(|location| {
                    let path =
                        self.run.plan.names[location.shard][0].to_string_lossy().into_owned();
                    (path, location.line, String::from_utf8_lossy(&location.id).into_owned())
                })
            };
            let largest = found.findings.largest.iter();
            largest
                .map(|one| {
                    Ok((one.chars, document(one.at)?, document(one.source)?, one.sample.clone()))
                })
                .collect()
        }))
    }
}
