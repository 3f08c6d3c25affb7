//! Deduplication that forms clusters, pass by pass.

use super::host::{Progress, PyHost};
use super::raise;
use super::runs::{format, unit};
use super::tokenizer::PyTokenizer;
use crate::dedupe::cluster::findings::Findings;
use crate::dedupe::cluster::gather::Gather;
use crate::dedupe::cluster::likeness::Likeness;
use crate::dedupe::cluster::mark::Mark;
use crate::dedupe::cluster::near::{self, Buckets};
use crate::dedupe::cluster::rank::Keep;
use crate::dedupe::cluster::records::Doc;
use crate::dedupe::cluster::run::{ClusterRun, Plan, Resolved, Shuffle};
use crate::dedupe::cluster::sets::{Collect, Sets};
use crate::dedupe::cluster::signature::{self, Method, Minhash, Pieces, Verify};
use crate::dedupe::cluster::sketch::{Sketch, standard_error};
use crate::dedupe::cluster::{exact, index};
use crate::dedupe::keys::{self, Limits, Unit};
use crate::dedupe::readings::{Load, Target};
use crate::error::{Error, Result};
use crate::run;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The comparison by MinHash, as the recipe describes it.
#[derive(FromPyObject)]
pub struct MinhashSpec {
    key: String,
    normalize: Vec<String>,
    shingles: String,
    ngram: usize,
    bands: usize,
    rows: usize,
    threshold: f64,
    verify: String,
    short: String,
    seed: u64,
}

/// The section `dedupe` of a recipe, as far as the engine needs it.
#[derive(FromPyObject)]
pub struct ClusterPlan {
    attribute: String,
    key: Option<String>,
    normalize: Vec<String>,
    separator: Option<String>,
    minhash: Option<MinhashSpec>,
    skip_empty: bool,
    min_length: usize,
    min_words: usize,
    policy: String,
    field: Option<String>,
    keep_attribute: Option<String>,
    keep_sources: Vec<String>,
    explain: bool,
    references: usize,
    indexed: usize,
    remember: bool,
    marks: usize,
    input_format: Option<String>,
    output_format: Option<String>,
    level: Option<u8>,
}

/// How a cluster is reported: `(id, members, samples)`, a sample as `(id as JSON, path, line)`.
type Sample = (String, String, u64);
type Largest = (String, u64, Vec<Sample>);

/// A run from its first pass to its last; see `dolma.commands.clusters`.
#[pyclass(frozen)]
pub struct Clusters {
    run: ClusterRun,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    near: Option<(Buckets, Option<Likeness>)>,
    resolved: Option<Resolved>,
}

fn keep(plan: &ClusterPlan) -> Result<Keep> {
    let field = || {
        let missing = || Error::config(format!("dedupe.keep.field: {} needs one", plan.policy));
        plan.field.as_deref().ok_or_else(missing)
    };
    Ok(match plan.policy.as_str() {
        "first" => Keep::First,
        "longest" => Keep::Longest,
        "newest" => Keep::by_field(true, field()?)?,
        "oldest" => Keep::by_field(false, field()?)?,
        "highest" => Keep::Highest(plan.keep_attribute.clone().unwrap_or_default()),
        "source" => Keep::Source(plan.keep_sources.clone()),
        other => return Err(Error::config(format!("dedupe.keep.policy: no policy {other:?}"))),
    })
}

fn minhash(spec: &MinhashSpec, tokenizer: Option<Py<PyAny>>) -> Result<Minhash> {
    let (key, normalizer) = keys::key("dedupe.minhash", &spec.key, &spec.normalize)?;
    let pieces = match (spec.shingles.as_str(), tokenizer) {
        ("words", None) => Pieces::Words,
        ("characters", None) => Pieces::Characters,
        ("tokens", Some(encode)) => Pieces::Tokens(Box::new(PyTokenizer { encode })),
        _ => return Err(Error::config("dedupe.minhash.tokenizer: tokens need one, and only they")),
    };
    let signature = spec.verify == "signature";
    let MinhashSpec { ngram, bands, rows, threshold, seed, .. } = *spec;
    Ok(Minhash::new(Method {
        key,
        normalizer,
        pieces,
        ngram,
        bands,
        rows,
        threshold,
        verify: if signature { Verify::Signature } else { Verify::Jaccard },
        compare_short: spec.short == "exact",
        seed,
    }))
}

fn exact(plan: &ClusterPlan) -> Result<Unit> {
    unit(plan.key.as_deref(), &plan.normalize, plan.separator.as_deref(), None)
}

fn shuffle(plan: &ClusterPlan, tokenizer: Option<Py<PyAny>>) -> Result<Shuffle> {
    match &plan.minhash {
        Some(spec) => Ok(Shuffle::Minhash(minhash(spec, tokenizer)?)),
        None => Ok(Shuffle::Exact(exact(plan)?)),
    }
}

#[pymethods]
impl Clusters {
    /// A run over `names`: for each shard its document file and the attribute files beside it.
    /// `tokenizer` gives the ids of a text's tokens, where those are compared.
    #[new]
    #[pyo3(signature = (*, plan, names, folder, memory, max_bad, threads, tokenizer=None))]
    fn new(
        plan: ClusterPlan,
        names: Vec<Vec<PathBuf>>,
        folder: PathBuf,
        memory: u64,
        max_bad: u64,
        threads: usize,
        tokenizer: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let make = || -> Result<ClusterRun> {
            let plan = Plan {
                shuffle: shuffle(&plan, tokenizer)?,
                limits: Limits {
                    skip_empty: plan.skip_empty,
                    min_length: plan.min_length,
                    min_words: plan.min_words,
                },
                keep: keep(&plan)?,
                explain: plan.explain,
                references: plan.references,
                indexed: plan.indexed,
                remember: plan.remember,
                marks: plan.marks,
                input_format: format(plan.input_format.as_deref())?,
                output_format: format(plan.output_format.as_deref())?,
                level: plan.level,
                attribute: plan.attribute,
                max_bad,
                names,
                threads: threads.max(1),
                memory,
            };
            ClusterRun::new(plan, &folder)
        };
        raise(make()).map(|run| Self { run, state: Mutex::default() })
    }

    /// Raises `DolmaConfigError` for a plan that cannot be meant.
    #[staticmethod]
    fn check(plan: ClusterPlan) -> PyResult<()> {
        let checked = match &plan.minhash {
            Some(spec) => keys::key("dedupe.minhash", &spec.key, &spec.normalize).map(drop),
            None => exact(&plan).map(drop),
        };
        raise(checked.and_then(|()| keep(&plan))).map(drop)
    }

    /// The probability that two documents of a similarity share a band.
    #[staticmethod]
    fn probability(bands: usize, rows: usize, similarity: f64) -> f64 {
        signature::probability(bands, rows, similarity)
    }

    /// The standard error of a similarity that is estimated from sketches, and their size in bytes.
    #[staticmethod]
    fn estimate(similarity: f64) -> (f64, usize) {
        (standard_error(similarity), Sketch::BYTES)
    }

    /// The description of a saved index.
    #[staticmethod]
    fn describe_index(path: PathBuf) -> PyResult<String> {
        raise(index::describe(&path))
    }

    /// Reads an index into the first shards; `counts` has the keys of each.
    fn load_index(&self, py: Python<'_>, path: PathBuf, counts: Vec<u64>) -> PyResult<()> {
        raise(py.detach(|| index::load(&self.run, &path, &counts)))
    }

    /// Writes an index of the keys in `old` and those that this run has kept.
    #[pyo3(signature = (path, old, description))]
    fn save_index(
        &self,
        py: Python<'_>,
        path: PathBuf,
        old: Option<PathBuf>,
        description: &str,
    ) -> PyResult<()> {
        let state = self.state();
        let Some(keys) = state.resolved.as_ref().and_then(|found| found.kept.as_ref()) else {
            return Err(out_of_order());
        };
        raise(py.detach(|| index::save(&self.run, keys, old.as_deref(), &path, description)))
    }

    /// How many keys of each shard are kept, for an index.
    fn kept_keys(&self) -> PyResult<Vec<u64>> {
        let state = self.state();
        let kept = state.resolved.as_ref().and_then(|found| found.kept.as_ref());
        kept.map(|keys| keys.counts.clone()).ok_or_else(out_of_order)
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
        let target = identities.as_deref().map_or(Target::Run, Target::Both);
        self.read(py, shards, target, host, progress)
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
        self.read(py, shards, Target::Readings(&identities), host, progress)
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
        let load = Load::new(&self.run, shards, identities, &host, progress);
        raise(py.detach(|| load.all(self.run.threads)))
    }

    /// For each of these shards a hash of its verdicts; `identities` are those of all shards.
    fn digests(
        &self,
        py: Python<'_>,
        shards: Vec<usize>,
        identities: Vec<String>,
    ) -> PyResult<Vec<String>> {
        let state = self.state();
        let Some(resolved) = &state.resolved else { return Err(out_of_order()) };
        let digest = |shard| resolved.verdicts.digest(shard, &identities);
        let digests: Result<Vec<u128>> = py.detach(|| shards.into_iter().map(digest).collect());
        Ok(raise(digests)?.iter().map(|digest| format!("{digest:032x}")).collect())
    }

    /// Which shards have candidates that must be read again; none where keys are compared exactly,
    /// or similarities estimated.
    fn candidates(&self, py: Python<'_>, progress: &Progress) -> PyResult<Vec<usize>> {
        let Shuffle::Minhash(minhash) = &self.run.shuffle else { return Ok(Vec::new()) };
        let found = py.detach(|| {
            let buckets = near::buckets(&self.run, &progress.inner)?;
            let likeness = match minhash.verify {
                Verify::Signature => Some(Likeness::by_sketches(&self.run, &buckets.candidates)?),
                Verify::Jaccard if buckets.candidates.is_empty() => {
                    Some(Likeness::Sets(Sets::new(&self.run, 0)?))
                }
                Verify::Jaccard => None,
            };
            Ok((buckets, likeness))
        });
        let (buckets, likeness) = raise(found)?;
        let shards = if likeness.is_some() { Vec::new() } else { buckets.shards() };
        self.state().near = Some((buckets, likeness));
        Ok(shards)
    }

    /// The second pass of MinHash, over the shards that have candidates.
    fn collect(
        &self,
        py: Python<'_>,
        shards: Vec<usize>,
        host: Py<PyAny>,
        progress: &Progress,
    ) -> PyResult<()> {
        let host = PyHost { object: host };
        let progress = &*progress.inner;
        let Some((buckets, _)) = self.state().near.take() else { return Err(out_of_order()) };
        let collected = py.detach(|| {
            let count = shards.len();
            let stage = Collect::new(&self.run, &buckets.candidates, shards, &host, progress)?;
            run::run(&stage, count, self.run.threads, 0, progress)?;
            Ok(stage.finish())
        });
        self.state().near = Some((buckets, Some(Likeness::Sets(raise(collected)?))));
        Ok(())
    }

    /// Forms the clusters; returns how many keys went in and were compared.
    fn resolve(&self, py: Python<'_>, progress: &Progress) -> PyResult<u64> {
        let near = self.state().near.take();
        let resolved = py.detach(|| match (&self.run.shuffle, near) {
            (Shuffle::Exact(_), _) => exact::resolve(&self.run, &progress.inner),
            (Shuffle::Minhash(_), Some((buckets, Some(likeness)))) => {
                near::resolve(&self.run, &buckets, &likeness, &progress.inner)
            }
            _ => Err(Error::config("collect comes before resolve")),
        });
        let resolved = raise(resolved)?;
        let mut keys = 0;
        for shard in self.run.references..self.run.names.len() {
            keys += raise(self.run.ledger(shard, |ledger| Ok(ledger.keys)))?;
        }
        raise(resolved.findings.check(keys))?;
        self.state().resolved = Some(resolved);
        Ok(keys)
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
        let Some(resolved) = self.state().resolved.take() else { return Err(out_of_order()) };
        let outcome = py.detach(|| {
            let count = shards.len();
            let stage = Mark { run: &self.run, resolved: &resolved, shards, host: &host, progress };
            run::run(&stage, count, self.run.threads, 0, progress)
        });
        self.state().resolved = Some(resolved);
        raise(outcome)
    }

    /// Counts by name: compared, singletons, clusters, foreign, duplicates, spilled_bytes.
    fn totals(&self) -> PyResult<Vec<(&'static str, u64)>> {
        let spilled = self.run.scratch.spilled();
        self.findings(|found| {
            vec![
                ("compared", found.compared),
                ("singletons", found.singletons),
                ("clusters", found.clusters),
                ("kept_elsewhere", found.foreign),
                ("duplicates", found.duplicates),
                ("spilled_bytes", spilled),
            ]
        })
    }

    /// How many clusters have from 2^n to 2^(n+1) - 1 members, as `(2^n, count)`.
    fn sizes(&self) -> PyResult<Vec<(u64, u64)>> {
        self.findings(|found| found.sizes.iter().map(|(n, count)| (1 << n, *count)).collect())
    }

    /// The largest clusters with samples, the kept document first.
    fn largest(&self) -> PyResult<Vec<Largest>> {
        let clusters = self.findings(|found| found.largest.clone())?;
        let mut buffer = Vec::new();
        let mut sample = |doc: &Doc| -> Result<Sample> {
            let (id, line) = self.run.locate(*doc, &mut buffer)?;
            let path = self.run.names[doc.shard()][0].to_string_lossy().into_owned();
            Ok((String::from_utf8_lossy(&id).into_owned(), path, line))
        };
        clusters
            .iter()
            .map(|cluster| {
                let samples = raise(cluster.samples.iter().map(&mut sample).collect())?;
                Ok((format!("{:016x}", cluster.id), cluster.size, samples))
            })
            .collect()
    }

    /// Sources as the report names them, with how many documents of each were compared.
    fn sources(&self) -> Vec<(String, u64)> {
        self.run.named().table.clone()
    }

    /// Duplicates by the places of two sources among these: that of the kept copy, that of the duplicate.
    fn matrix(&self) -> PyResult<Vec<(usize, usize, u64)>> {
        self.findings(|found| found.matrix.iter().map(|((a, b), n)| (*a, *b, *n)).collect())
    }
}

impl Clusters {
    fn read(
        &self,
        py: Python<'_>,
        shards: Vec<usize>,
        target: Target<'_>,
        host: Py<PyAny>,
        progress: &Progress,
    ) -> PyResult<()> {
        let host = PyHost { object: host };
        let progress = &*progress.inner;
        let count = shards.len();
        let stage = Gather { run: &self.run, shards, target, host: &host, progress };
        raise(py.detach(|| run::run(&stage, count, self.run.threads, 0, progress)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn findings<T>(&self, with: impl FnOnce(&Findings) -> T) -> PyResult<T> {
        match &self.state().resolved {
            Some(resolved) => Ok(with(&resolved.findings)),
            None => Err(out_of_order()),
        }
    }
}

fn out_of_order() -> PyErr {
    PyRuntimeError::new_err(
        "the passes of a run come in the order gather, candidates, collect, resolve, mark",
    )
}
