//! Shards in pieces, for taggers that are Python code: the parent reads batches of lines, workers
//! parse them once, run kernels in the same pass, and give back compressed rows.

use super::host::Progress;
use super::{exception, raise, runs};
use crate::codec::{Encoding, Format, Lines, Segment, Writer};
use crate::document::{self, id_text};
use crate::error::{Error, Result};
use crate::shard::{self, Bad, Batch, Documents, Packer, Visit};
use crate::tag::engine::{details, source};
use crate::tag::row::{Column, Keys, OnError, Rows};
use crate::tag::{self, Span, Spans, Worker};
use crate::text::{Text, TextBuffers};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A document file in batches of whole lines.
#[pyclass(frozen)]
pub struct BatchReader {
    /// Boxed for the same reason as `SegmentWriter::writer`.
    documents: Mutex<Box<Documents<'static>>>,
}

#[pymethods]
impl BatchReader {
    /// Opens `path`; messages call it `name`, whose suffix also says the format.
    #[new]
    fn new(path: PathBuf, name: PathBuf, progress: &Progress) -> PyResult<Self> {
        let format = Format::from_path(&name);
        let reader = crate::codec::Reader::open(&path, format).map_err(|error| error.at(&name));
        let lines = Lines::new(raise(reader)?);
        let documents = Documents::shared(lines, &name, Arc::clone(&progress.inner));
        Ok(Self { documents: Mutex::new(Box::new(documents)) })
    }

    /// `(lines, number of the first, how many)`, or None at the end of the file.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<(Bound<'py, PyBytes>, u64, u64)>> {
        let batch = py.detach(|| {
            self.documents.lock().unwrap_or_else(PoisonError::into_inner).next(Vec::new())
        });
        let batch = raise(batch)?;
        Ok(batch.map(|batch| (PyBytes::new(py, &batch.buffer), batch.first_line, batch.lines)))
    }
}

/// A file made of compressed segments.
#[pyclass(frozen)]
pub struct SegmentWriter {
    /// Boxed, because its compressor wants a cache line to itself, and Python's allocator gives
    /// objects 16 bytes of alignment.
    writer: Mutex<Option<Box<Writer>>>,
}

#[pymethods]
impl SegmentWriter {
    /// Creates `path`, in the format that the suffix of `name` says.
    #[new]
    fn new(path: PathBuf, name: PathBuf) -> PyResult<Self> {
        let encoding = raise(Encoding::new(Format::from_path(&name), None))?;
        let writer = raise(shard::create(&path, encoding))?;
        Ok(Self { writer: Mutex::new(Some(Box::new(writer))) })
    }

    /// Appends a segment that a `BatchTagger` made.
    fn append(&self, py: Python<'_>, bytes: Vec<u8>, crc: u32, len: u64) -> PyResult<()> {
        raise(py.detach(|| {
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            match writer.as_mut() {
                Some(writer) => writer.append(&bytes, Segment { crc, len }),
                None => Err(Error::config("the file is finished")),
            }
        }))
    }

    /// Ends the file and waits until it is on disk; `(bytes, checksum)`.
    fn finish(&self, py: Python<'_>) -> PyResult<(u64, String)> {
        let written = py.detach(|| {
            let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
            writer.ok_or_else(|| Error::config("the file is finished"))?.finish()
        });
        raise(written).map(|written| (written.bytes, format!("{:032x}", written.checksum)))
    }
}

/// A tagger with a kernel, or one in Python.
#[derive(FromPyObject)]
struct Planned {
    name: String,
    prefix: String,
    output: usize,
    kernel: Option<String>,
    options: Py<PyDict>,
}

/// What finds the spans of a column.
enum Maker {
    Kernel(Box<dyn Worker>),
    Python {
        prefix: String,
        /// Types of spans as they come up.
        kinds: HashMap<String, u16>,
    },
}

/// Parses batches of lines, and writes rows of what kernels and Python taggers found.
#[pyclass(unsendable)]
pub struct BatchTagger {
    columns: Vec<(Maker, Column)>,
    rows: Rows,
    batch: Option<Batch>,
    allow_bad: bool,
    buffers: TextBuffers,
}

/// A parsed document: line, id, text, source, version, metadata (raw JSON).
type Parsed<'py> = (
    u64,
    Bound<'py, PyString>,
    Bound<'py, PyString>,
    Bound<'py, PyString>,
    Option<Bound<'py, PyString>>,
    Option<Bound<'py, PyBytes>>,
);

/// A bad line: file, line, reason, the line itself.
type BadLine<'py> = (String, u64, String, Bound<'py, PyBytes>);

/// A document that a tagger failed on: file, line, id, tagger, reason.
type Lapsed = (String, u64, String, String, String);

/// Segments by output, `(read, bad)`, bad lines, survived failures, numbers for the report, and the
/// account for the tally.
type Tagged<'py> = (
    Vec<(Bound<'py, PyBytes>, u32, u64)>,
    (u64, u64),
    Vec<BadLine<'py>>,
    Vec<Lapsed>,
    Vec<(Vec<String>, f64)>,
    Bound<'py, PyBytes>,
);

#[pymethods]
impl BatchTagger {
    #[new]
    fn new(
        py: Python<'_>,
        taggers: Vec<Planned>,
        outputs: usize,
        allow_bad: bool,
        on_error: &str,
    ) -> PyResult<Self> {
        let columns = taggers
            .into_iter()
            .map(|tagger| {
                let Planned { name, prefix, output, kernel, options } = tagger;
                let (maker, keys) = match &kernel {
                    Some(kernel) => {
                        let options = runs::options(py, &options)?;
                        // Kernels live as long as the worker process that builds them.
                        let kernel: &'static dyn tag::Kernel =
                            Box::leak(raise(tag::build(kernel, &options))?);
                        (Maker::Kernel(kernel.worker()), Keys::new(&prefix, kernel.types()))
                    }
                    None => (Maker::Python { prefix, kinds: HashMap::new() }, Keys::default()),
                };
                Ok((maker, Column::new(name, output, keys)))
            })
            .collect::<PyResult<_>>()?;
        let rows = Rows::new(outputs, raise(OnError::from_name(on_error))?);
        Ok(Self { columns, rows, batch: None, allow_bad, buffers: TextBuffers::default() })
    }

    /// The documents of a batch of lines; bad lines are left out of the list.
    fn parse<'py>(
        &mut self,
        py: Python<'py>,
        lines: Vec<u8>,
        name: PathBuf,
        first_line: u64,
    ) -> PyResult<Vec<Parsed<'py>>> {
        let batch = Batch::new(&name, lines, first_line);
        let mut documents = Vec::with_capacity(batch.lines as usize);
        let mut text = Vec::new();
        let parsed = batch.for_each(self.allow_bad, &mut Vec::new(), |visit| {
            let Visit::Record(line, record) = visit else { return Ok(()) };
            let id = PyString::new(py, &id_text(record.id()?));
            let text = PyString::new(py, document::string(record.text()?, &mut text)?);
            let mut field = Vec::new();
            let mut string = |name| -> Result<Option<Bound<'py, PyString>>> {
                match record.get(name) {
                    Some(raw) if raw[0] == b'"' => {
                        Ok(Some(PyString::new(py, document::string(raw, &mut field)?)))
                    }
                    _ => Ok(None),
                }
            };
            let source = string("source")?.unwrap_or_else(|| PyString::new(py, ""));
            let version = string("version")?;
            let metadata = record.get("metadata").map(|raw| PyBytes::new(py, raw));
            documents.push((line, id, text, source, version, metadata));
            Ok(())
        });
        raise(parsed)?;
        self.batch = Some(batch);
        Ok(documents)
    }

    /// The rows of the batch that was parsed last; `results[k][i]` is what the k-th Python tagger
    /// found in the i-th document: an object with `spans`, a dict of lists by type, or a string
    /// that says why it failed. `seconds[k]` is what that took.
    fn rows<'py>(
        &mut self,
        py: Python<'py>,
        results: Vec<Bound<'py, PyList>>,
        seconds: Vec<f64>,
    ) -> PyResult<Tagged<'py>> {
        let Some(batch) = self.batch.take() else {
            return Err(exception(&Error::config("rows() follows parse()")));
        };
        self.rows.clear();
        let mut bad: Vec<Bad> = Vec::new();
        let mut text = Vec::new();
        let mut document = 0;
        let outcome = batch.for_each(self.allow_bad, &mut bad, |visit| {
            let (line, record) = match visit {
                Visit::Record(line, record) => (line, record),
                Visit::Bad(line) => {
                    self.rows.bad(line);
                    return Ok(());
                }
            };
            let raw_id = record.id()?;
            let id = id_text(raw_id);
            let text =
                Text::with_buffers(document::string(record.text()?, &mut text)?, &self.buffers);
            let doc = tag::Document { id: &id, text: &text, metadata: record.get("metadata") };
            let mut python = results.iter();
            self.rows.open(raw_id);
            for (index, (maker, column)) in self.columns.iter_mut().enumerate() {
                let place = (line, &*id, text.chars());
                self.rows.column((index, column), place, |keys, spans, promised| match maker {
                    Maker::Kernel(worker) => worker.tag(&doc, spans),
                    Maker::Python { prefix, kinds } => {
                        let list = python.next().ok_or_else(|| Error::config("no results"))?;
                        let mut types = Types { prefix, keys, kinds };
                        found(list, document, &mut types, spans, promised)
                    }
                })?;
            }
            document += 1;
            self.rows.close(line, source(record))
        });
        if let Err(error) = outcome {
            return Err(exception(&error));
        }
        let python = self.columns.iter_mut().filter(|(m, _)| matches!(m, Maker::Python { .. }));
        for ((_, column), seconds) in python.zip(seconds) {
            column.spent(Duration::from_secs_f64(seconds.max(0.0)));
        }
        self.finish(py, &batch, &bad)
    }
}

impl BatchTagger {
    fn finish<'py>(
        &mut self,
        py: Python<'py>,
        batch: &Batch,
        bad: &[Bad],
    ) -> PyResult<Tagged<'py>> {
        let encoding = raise(Encoding::new(Format::from_path(&batch.path), None))?;
        let outputs = &self.rows.outputs;
        let compressed = py.detach(|| -> Result<Vec<_>> {
            let mut packer = Packer::default();
            outputs.iter().map(|rows| packer.pack(encoding, rows)).collect()
        });
        let segments = raise(compressed)?
            .into_iter()
            .map(|part| (PyBytes::new(py, &part.bytes), part.segment.crc, part.segment.len))
            .collect();
        let path = batch.path.display().to_string();
        let bad_lines = bad
            .iter()
            .map(|bad| (path.clone(), bad.line, bad.error.clone(), PyBytes::new(py, &bad.raw)))
            .collect();
        let lapses = std::mem::take(&mut self.rows.lapses);
        let lapses = lapses.into_iter().map(|lapse| {
            let name = self.columns[lapse.tagger].1.name.clone();
            (path.clone(), lapse.line, lapse.id, name, lapse.reason)
        });
        let lapses = lapses.collect();
        let efforts = Rows::efforts(self.columns.iter_mut().map(|(_, column)| column));
        let (mut numbers, mut account) = (Vec::new(), Vec::new());
        for ((_, column), effort) in self.columns.iter().zip(&efforts) {
            numbers.extend(details(&column.name, effort));
            effort.encode(&mut account);
        }
        let counts = (batch.lines, bad.len() as u64);
        Ok((segments, counts, bad_lines, lapses, numbers, PyBytes::new(py, &account)))
    }
}

/// The types of a Python tagger.
struct Types<'t> {
    prefix: &'t str,
    keys: &'t mut Keys,
    kinds: &'t mut HashMap<String, u16>,
}

impl Types<'_> {
    fn kind(&mut self, name: &str) -> u16 {
        match self.kinds.get(name) {
            Some(&kind) => kind,
            None => {
                let kind = self.keys.add(self.prefix, name);
                self.kinds.insert(name.to_owned(), kind);
                kind
            }
        }
    }
}

/// What a Python tagger found in a document.
fn found(
    results: &Bound<'_, PyList>,
    document: usize,
    types: &mut Types<'_>,
    spans: &mut Spans,
    promised: &mut Vec<u16>,
) -> Result<()> {
    let py = results.py();
    let told = |error: PyErr| Error::tagger(error.value(py).to_string());
    let result = results.get_item(document).map_err(told)?;
    if let Ok(reason) = result.cast::<PyString>() {
        return Err(Error::tagger(reason.to_string()));
    }
    if let Ok(lists) = result.cast::<PyDict>() {
        return read_lists(lists, types, spans, promised);
    }
    read_spans(&result, types, spans)
}

/// Reads the `spans` of a result.
fn read_spans(result: &Bound<'_, PyAny>, types: &mut Types<'_>, out: &mut Spans) -> Result<()> {
    let py = result.py();
    let strange = |error: PyErr| {
        let why = error.value(py).to_string();
        Error::tagger(format!("its spans must be Span(start, end, type, score), in a list: {why}"))
    };
    let spans = result.getattr(pyo3::intern!(py, "spans")).map_err(strange)?;
    for span in spans.try_iter().map_err(strange)? {
        let (kind, place) = span.and_then(|span| fields(&span, types)).map_err(strange)?;
        push(out, kind, place).map_err(Error::tagger)?;
    }
    Ok(())
}

/// The type of a span, with its start, end and score.
fn fields(span: &Bound<'_, PyAny>, types: &mut Types<'_>) -> PyResult<(u16, (i64, i64, f64))> {
    let py = span.py();
    let name = span.getattr(pyo3::intern!(py, "type"))?;
    let kind = types.kind(&name.cast::<PyString>()?.to_cow()?);
    let start = span.getattr(pyo3::intern!(py, "start"))?.extract()?;
    let end = span.getattr(pyo3::intern!(py, "end"))?.extract()?;
    let score = span.getattr(pyo3::intern!(py, "score"))?.extract()?;
    Ok((kind, (start, end, score)))
}

/// Adds a span; says what is wrong with one that has no offsets.
fn push(
    out: &mut Spans,
    kind: u16,
    (start, end, score): (i64, i64, f64),
) -> std::result::Result<(), String> {
    let (Ok(from), Ok(to)) = (u32::try_from(start), u32::try_from(end)) else {
        return Err(format!("span [{start}, {end}, {score}] does not fit any text"));
    };
    out.spans.push(Span { kind, start: from, end: to, score });
    Ok(())
}

/// Reads a dict of lists by type, empty lists too (a tagger's `defaults`).
fn read_lists(
    lists: &Bound<'_, PyDict>,
    types: &mut Types<'_>,
    out: &mut Spans,
    promised: &mut Vec<u16>,
) -> Result<()> {
    let strange = |kind: &Bound<'_, PyAny>, error: &PyErr| {
        Error::tagger(format!("the spans of {kind} are no list of [start, end, score]: {error}"))
    };
    for (kind, list) in lists.iter() {
        let name: String = kind.extract().map_err(|error| strange(&kind, &error))?;
        let number = types.kind(&name);
        promised.push(number);
        for span in list.try_iter().map_err(|error| strange(&kind, &error))? {
            let span = span.and_then(|span| triple(&span));
            let span = span.map_err(|error| strange(&kind, &error))?;
            push(out, number, span).map_err(Error::tagger)?;
        }
    }
    Ok(())
}

/// Start, end and score: a tuple, or a list as some taggers' own `group_output` makes them.
fn triple(span: &Bound<'_, PyAny>) -> PyResult<(i64, i64, f64)> {
    if let Ok(list) = span.cast::<PyList>() {
        return list.to_tuple().extract();
    }
    span.extract()
}
