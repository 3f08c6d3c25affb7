//! Whole runs: one call for each command.

use super::filters::BloomFilter;
use super::host::{Progress, PyHost};
use super::raise;
use super::tally::TaggerTally;
use crate::codec::{Encoding, Format, Lines, Reader};
use crate::dedupe::engine::DedupeRun;
use crate::dedupe::keys::{Limits, Partition, Unit};
use crate::dedupe::merge::{Kind, MergeRun};
use crate::dedupe::ngrams::Ngrams;
use crate::document;
use crate::error::{Error, Result};
use crate::filter::{Named, Syntax};
use crate::json;
use crate::mix::engine::{Assembly, Input, MixRun, Stream};
use crate::mix::stream::{Replacement, Rules, RulesConfig};
use crate::run;
use crate::shard::{self, Buffers};
use crate::tag::engine::{TagRun, Tagger};
use crate::tag::row::{OnError, variable_name};
use crate::tag::{OptionValue, Options, build, names as all_kernels};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;

/// Bytes of keys that may wait for their turn, over all shards: enough to keep many threads busy,
/// little beside the filter of any run that needs them.
const HOLD_LIMIT: usize = 512 << 20;

/// A tagger with a kernel, as `dolma.taggers` declares it.
#[derive(FromPyObject)]
pub struct TaggerSpec {
    pub name: String,
    pub prefix: String,
    pub output: usize,
    pub kernel: String,
    pub options: Py<PyDict>,
}

/// Reads the options of a kernel from a dict.
pub fn options(py: Python<'_>, dict: &Py<PyDict>) -> PyResult<Options> {
    let mut options = Options::new();
    for (key, value) in dict.bind(py).iter() {
        let value = if value.is_instance_of::<pyo3::types::PyBool>() {
            OptionValue::Bool(value.extract()?)
        } else if let Ok(int) = value.extract::<i64>() {
            OptionValue::Int(int)
        } else if let Ok(float) = value.extract::<f64>() {
            OptionValue::Float(float)
        } else if let Ok(text) = value.extract::<String>() {
            OptionValue::Str(text)
        } else {
            OptionValue::List(value.extract()?)
        };
        options.insert(key.extract()?, value);
    }
    Ok(options)
}

/// Builds the kernels of a run.
pub fn taggers(py: Python<'_>, specs: &[TaggerSpec]) -> PyResult<Vec<Tagger>> {
    specs
        .iter()
        .map(|spec| {
            let options = options(py, &spec.options)?;
            let kernel = raise(py.detach(|| build(&spec.kernel, &options)))?;
            let (name, prefix) = (spec.name.clone(), spec.prefix.clone());
            Ok(Tagger { name, prefix, output: spec.output, kernel })
        })
        .collect()
}

/// Runs kernels over document files.
#[pyfunction]
#[pyo3(signature = (*, names, taggers, outputs, max_bad, on_error, threads, tally, host, progress))]
#[expect(clippy::too_many_arguments, reason = "keyword-only in Python")]
pub fn tag(
    py: Python<'_>,
    names: Vec<PathBuf>,
    taggers: Vec<TaggerSpec>,
    outputs: usize,
    max_bad: u64,
    on_error: &str,
    threads: usize,
    tally: &TaggerTally,
    host: Py<PyAny>,
    progress: &Progress,
) -> PyResult<()> {
    let on_error = raise(OnError::from_name(on_error))?;
    let tally = &tally.inner;
    let taggers = self::taggers(py, &taggers)?;
    let host = PyHost { object: host };
    let shards = names.len();
    let progress = &*progress.inner;
    let buffers = Buffers::default();
    let host = &host;
    let run = TagRun { taggers, names, outputs, max_bad, on_error, tally, host, progress, buffers };
    raise(py.detach(|| run::run(&run, shards, threads, 0, progress)))
}

/// The names of all kernels.
#[pyfunction]
pub fn kernel_names() -> Vec<&'static str> {
    all_kernels().collect()
}

/// The attribute types that a kernel can emit, as they are written.
#[pyfunction]
pub fn kernel_types(py: Python<'_>, name: &str, options: Py<PyDict>) -> PyResult<Vec<String>> {
    let options = self::options(py, &options)?;
    let kernel = raise(build(name, &options))?;
    Ok(kernel.types().iter().map(|name| variable_name(name)).collect())
}

/// The section `dedupe` of a recipe, as far as the engine needs it.
#[derive(FromPyObject)]
pub struct DedupePlan {
    attribute: String,
    key: Option<String>,
    normalize: Vec<String>,
    separator: Option<String>,
    ngram_length: usize,
    stride: usize,
    overlap_threshold: f64,
    skip_short_paragraphs: bool,
    num_partitions: u64,
    partition_index: u64,
    skip_empty: bool,
    min_length: usize,
    min_words: usize,
    read_only: bool,
    input_format: Option<String>,
    output_format: Option<String>,
    level: Option<u8>,
}

fn ngrams(plan: &DedupePlan) -> Result<Option<Ngrams>> {
    let (length, stride) = (plan.ngram_length, plan.stride);
    let make = || Ngrams::new(length, stride, plan.overlap_threshold, plan.skip_short_paragraphs);
    (length > 0).then(make).transpose()
}

/// What is compared: documents by a key or paragraphs, of which one is given.
pub fn unit(
    key: Option<&str>,
    normalize: &[String],
    separator: Option<&str>,
    ngrams: Option<Ngrams>,
) -> Result<Unit> {
    match (key, separator) {
        (Some(key), None) => Unit::document(key, normalize),
        (None, Some(separator)) => Ok(Unit::Paragraph { separator: separator.into(), ngrams }),
        _ => Err(Error::config("dedupe: give either documents or paragraphs")),
    }
}

/// Raises `DolmaConfigError` unless `key` is a JSONPath and the steps of `normalize` exist.
#[pyfunction]
pub fn check_key(key: &str, normalize: Vec<String>) -> PyResult<()> {
    raise(Unit::document(key, &normalize)).map(|_| ())
}

pub fn format(name: Option<&str>) -> Result<Option<Format>> {
    name.map(Format::from_name).transpose()
}

/// Marks what a filter knows in document files, in order.
#[pyfunction]
#[pyo3(signature = (*, names, plan, filter, max_bad, threads, host, progress))]
#[expect(clippy::too_many_arguments, reason = "keyword-only in Python")]
pub fn dedupe(
    py: Python<'_>,
    names: Vec<Vec<PathBuf>>,
    plan: DedupePlan,
    filter: &BloomFilter,
    max_bad: u64,
    threads: usize,
    host: Py<PyAny>,
    progress: &Progress,
) -> PyResult<()> {
    let unit = raise(ngrams(&plan).and_then(|ngrams| {
        unit(plan.key.as_deref(), &plan.normalize, plan.separator.as_deref(), ngrams)
    }))?;
    let partition = raise(Partition::new(plan.partition_index, plan.num_partitions))?;
    let input_format = raise(format(plan.input_format.as_deref()))?;
    let output_format = raise(format(plan.output_format.as_deref()))?;
    let host = PyHost { object: host };
    let shards = names.len();
    let progress = &*progress.inner;
    let run = DedupeRun {
        unit,
        limits: Limits {
            skip_empty: plan.skip_empty,
            min_length: plan.min_length,
            min_words: plan.min_words,
        },
        partition,
        attribute: plan.attribute,
        read_only: plan.read_only,
        filter: Mutex::new(filter.take()?),
        names,
        input_format,
        output_format,
        level: plan.level,
        max_bad,
        host: &host,
        progress,
        buffers: Buffers::default(),
    };
    let outcome = py.detach(|| run::run(&run, shards, threads, HOLD_LIMIT, progress));
    filter.put(run.filter.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner));
    raise(outcome)
}

/// Joins the attributes that the parts of a partitioned run wrote: `names` are the files of each
/// shard, `parts` the attribute of each part.
#[pyfunction]
#[pyo3(signature = (*, names, plan, parts, threads, host, progress))]
pub fn merge_parts(
    py: Python<'_>,
    names: Vec<Vec<PathBuf>>,
    plan: DedupePlan,
    parts: Vec<String>,
    threads: usize,
    host: Py<PyAny>,
    progress: &Progress,
) -> PyResult<()> {
    let kind = match (&plan.key, plan.ngram_length) {
        (Some(_), _) => Kind::Documents,
        (None, 0) => Kind::Paragraphs,
        (None, _) => Kind::Ngrams { threshold: plan.overlap_threshold as f32 },
    };
    let host = PyHost { object: host };
    let shards = names.len();
    let progress = &*progress.inner;
    let run = MergeRun {
        kind,
        parts,
        attribute: plan.attribute,
        names,
        output_format: raise(format(plan.output_format.as_deref()))?,
        level: plan.level,
        host: &host,
        progress,
    };
    raise(py.detach(|| run::run(&run, shards, threads, 0, progress)))
}

/// A span replacement of a stream.
#[derive(FromPyObject)]
pub struct ReplacementPlan {
    span: String,
    min_score: Option<f64>,
    max_score: Option<f64>,
    replacement: String,
    syntax: String,
}

/// A stream of a mix.
#[derive(FromPyObject)]
pub struct StreamPlan {
    name: String,
    include: Vec<String>,
    exclude: Vec<String>,
    syntax: String,
    replacements: Vec<ReplacementPlan>,
    discard: Vec<String>,
    min_text_length: usize,
    joins: bool,
    count_words: bool,
    input_format: Option<String>,
    output_format: String,
    level: Option<u8>,
    watched: Vec<String>,
}

/// A document file of a mix with its attribute files.
#[derive(FromPyObject)]
pub struct InputPlan {
    stream: usize,
    output: usize,
    names: Vec<PathBuf>,
    relative: String,
}

fn syntax(name: &str) -> Result<Syntax> {
    match name {
        "jsonpath" => Ok(Syntax::JsonPath),
        "jq" => Ok(Syntax::Jq),
        _ => Err(Error::config(format!("unknown syntax {name:?}: it is \"jsonpath\" or \"jq\""))),
    }
}

fn rules(plan: &StreamPlan) -> Result<Rules> {
    let replacements = plan
        .replacements
        .iter()
        .map(|replacement| {
            Ok(Replacement {
                span: replacement.span.clone(),
                min_score: replacement.min_score,
                max_score: replacement.max_score,
                replacement: replacement.replacement.clone(),
                syntax: syntax(&replacement.syntax)?,
            })
        })
        .collect::<Result<_>>()?;
    Rules::compile(&RulesConfig {
        include: plan.include.clone(),
        exclude: plan.exclude.clone(),
        syntax: Some(syntax(&plan.syntax)?),
        replacements,
        discard: plan.discard.clone(),
        min_text_length: plan.min_text_length,
        joins: plan.joins,
        count_words: plan.count_words,
    })
}

fn stream(plan: StreamPlan) -> Result<Stream> {
    Ok(Stream {
        rules: rules(&plan)?,
        input_format: format(plan.input_format.as_deref())?,
        encoding: Encoding::new(Format::from_name(&plan.output_format)?, plan.level)?,
        name: plan.name,
        watched: plan.watched,
    })
}

/// The attributes that the expressions of a stream name, and the fields at the top of a document, each
/// with the key of the first one, below that of the stream; compiles them, and so checks them.
#[pyfunction]
pub fn rule_names(plan: StreamPlan) -> PyResult<(Vec<Named>, Vec<Named>)> {
    raise(rules(&plan)).map(|rules| (rules.attributes(), rules.fields()))
}

/// Joins, filters, edits and writes streams.
#[pyfunction]
#[pyo3(signature = (*, streams, inputs, max_bad, threads, host, progress))]
pub fn mix(
    py: Python<'_>,
    streams: Vec<StreamPlan>,
    inputs: Vec<InputPlan>,
    max_bad: u64,
    threads: usize,
    host: Py<PyAny>,
    progress: &Progress,
) -> PyResult<()> {
    let streams = raise(streams.into_iter().map(stream).collect::<Result<Vec<_>>>())?;
    let mut offsets: Vec<Vec<usize>> = Vec::new();
    let mut ends: Vec<usize> = Vec::new();
    let inputs: Vec<Input> = inputs
        .into_iter()
        .map(|plan| {
            if plan.output >= offsets.len() {
                offsets.resize(plan.output + 1, Vec::new());
                ends.resize(plan.output + 1, 0);
            }
            let index = offsets[plan.output].len();
            offsets[plan.output].push(ends[plan.output]);
            ends[plan.output] += plan.names.len();
            let InputPlan { stream, output, names, relative } = plan;
            Input { stream, output, index, names, relative }
        })
        .collect();
    let outputs = offsets.into_iter().map(|offsets| Mutex::new(Assembly::new(offsets))).collect();
    let host = PyHost { object: host };
    let shards = inputs.len();
    let progress = &*progress.inner;
    let buffers = Buffers::default();
    let run = MixRun { streams, inputs, outputs, max_bad, host: &host, progress, buffers };
    raise(py.detach(|| run::run(&run, shards, threads, 0, progress)))
}

/// Which of `wanted` no row of a file has, and all names that were seen on the way; reads no further
/// than it must. They are attributes, of attribute rows or of documents that have some of their own, or
/// `fields` of documents.
#[pyfunction]
#[pyo3(signature = (path, wanted, input_format=None, fields=false))]
pub fn find_names(
    py: Python<'_>,
    path: PathBuf,
    wanted: Vec<String>,
    input_format: Option<String>,
    fields: bool,
) -> PyResult<(Vec<String>, Vec<String>)> {
    let search = || -> Result<(Vec<String>, Vec<String>)> {
        let mut missing: BTreeSet<String> = wanted.into_iter().collect();
        let mut seen = BTreeSet::new();
        let mut buffer = Vec::new();
        let format = match format(input_format.as_deref())? {
            Some(format) => format,
            None => Format::of_rows(&path, &path)?,
        };
        let mut lines = Lines::new(Reader::open(&path, format)?);
        while !missing.is_empty() && lines.next_batch(&mut buffer, 1 << 16)?.is_some() {
            for line in shard::split_lines(&buffer) {
                // A row that cannot be read fails its shard later, with its place.
                let mut holder = fields.then_some(line);
                if !fields {
                    let _ = json::object(line, |key, value| {
                        if &*document::key(key) == b"attributes" {
                            holder = Some(value);
                        }
                    });
                }
                let _ = json::object(holder.unwrap_or(b"{}"), |key, _| {
                    if let Ok(key) = std::str::from_utf8(&document::key(key))
                        && !seen.contains(key)
                    {
                        missing.remove(key);
                        seen.insert(key.to_string());
                    }
                });
            }
        }
        Ok((missing.into_iter().collect(), seen.into_iter().collect()))
    };
    raise(py.detach(search))
}
