//! Shards in pieces, for taggers that are Python code: the parent reads batches of lines, workers
//! parse them once, run kernels in the same pass, and give back compressed rows.

use super::host::Progress;
use super::{exception, raise, runs};
use crate::codec::{Compressor, Encoding, Format, Lines, Segment, Writer};
use crate::document::{self, id_text};
use crate::error::{Error, Result};
use crate::json;
use crate::shard::{self, Bad, Batch, Documents, Visit};
use crate::tag::engine::{Keys, SpanWriter, close_row, open_row, placeholder_row, source};
use crate::tag::{self, Span, Spans, Worker};
use crate::text::{Text, TextBuffers};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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

/// A column of a row: a tagger with a kernel, or one in Python.
#[derive(FromPyObject)]
struct Column {
    name: String,
    prefix: String,
    output: usize,
    kernel: Option<String>,
    options: Py<PyDict>,
}

enum Maker {
    Kernel {
        worker: Box<dyn Worker>,
        keys: Keys,
        spent: Duration,
        spans: u64,
        silent: u64,
    },
    /// Types of spans as they come up.
    Python {
        keys: Keys,
        kinds: HashMap<String, u16>,
    },
}

/// Parses batches of lines, and writes rows of what kernels and Python taggers found.
#[pyclass(unsendable)]
pub struct BatchTagger {
    columns: Vec<(Column, Maker)>,
    outputs: usize,
    batch: Option<Batch>,
    allow_bad: bool,
    spans: Spans,
    writer: SpanWriter,
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

/// Segments by output, `(read, bad)`, bad lines, and for each kernel its name, spans, silent
/// documents and seconds.
type Rows<'py> = (
    Vec<(Bound<'py, PyBytes>, u32, u64)>,
    (u64, u64),
    Vec<BadLine<'py>>,
    Vec<(String, u64, u64, f64)>,
);

#[pymethods]
impl BatchTagger {
    #[new]
    fn new(
        py: Python<'_>,
        columns: Vec<Column>,
        outputs: usize,
        allow_bad: bool,
    ) -> PyResult<Self> {
        let columns = columns
            .into_iter()
            .map(|column| {
                let maker = match &column.kernel {
                    Some(kernel) => {
                        let options = runs::options(py, &column.options)?;
                        // Kernels live as long as the worker process that builds them.
                        let kernel: &'static dyn tag::Kernel =
                            Box::leak(raise(tag::build(kernel, &options))?);
                        let keys = Keys::new(&column.prefix, kernel.types());
                        let worker = kernel.worker();
                        Maker::Kernel { worker, keys, spent: Duration::ZERO, spans: 0, silent: 0 }
                    }
                    None => Maker::Python { keys: Keys::new("", &[]), kinds: HashMap::new() },
                };
                Ok((column, maker))
            })
            .collect::<PyResult<_>>()?;
        Ok(Self {
            columns,
            outputs,
            batch: None,
            allow_bad,
            spans: Spans::default(),
            writer: SpanWriter::default(),
            buffers: TextBuffers::default(),
        })
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
    /// found in the i-th document: an object with `spans`, or a dict of lists by type.
    fn rows<'py>(
        &mut self,
        py: Python<'py>,
        results: Vec<Bound<'py, PyList>>,
    ) -> PyResult<Rows<'py>> {
        let Some(batch) = self.batch.take() else {
            return Err(exception(&Error::config("rows() follows parse()")));
        };
        let mut rows = vec![Vec::new(); self.outputs];
        let mut bad: Vec<Bad> = Vec::new();
        let mut text = Vec::new();
        let mut document = 0;
        let mut failure: Option<PyErr> = None;
        let outcome = batch.for_each(self.allow_bad, &mut bad, |visit| {
            let Visit::Record(_, record) = visit else {
                rows.iter_mut().for_each(placeholder_row);
                return Ok(());
            };
            let raw_id = record.id()?;
            let id = id_text(raw_id);
            let text = document::string(record.text()?, &mut text)?;
            rows.iter_mut().for_each(|out| open_row(raw_id, out));
            let doc = Seen { id: &id, text, metadata: record.get("metadata"), index: document };
            document += 1;
            self.columns(&doc, &results, &mut rows).map_err(|error| match error {
                Trouble::Engine(error) => error,
                Trouble::Python(error) => {
                    let message = error.value(py).to_string();
                    failure = Some(error);
                    Error::tagger(message)
                }
            })?;
            rows.iter_mut().for_each(|out| close_row(source(record), out));
            Ok(())
        });
        if let Err(error) = outcome {
            return Err(exception(&error));
        }
        self.finish(py, &batch, rows, &bad)
    }
}

/// A document on its way through the columns.
struct Seen<'d> {
    id: &'d str,
    text: &'d str,
    metadata: Option<&'d [u8]>,
    index: usize,
}

enum Trouble {
    Engine(Error),
    Python(PyErr),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl From<PyErr> for Trouble {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl BatchTagger {
    fn columns(
        &mut self,
        doc: &Seen<'_>,
        results: &[Bound<'_, PyList>],
        rows: &mut [Vec<u8>],
    ) -> std::result::Result<(), Trouble> {
        let text = Text::with_buffers(doc.text, &self.buffers);
        let mut python = 0;
        for (column, maker) in &mut self.columns {
            let out = &mut rows[column.output];
            self.spans.clear();
            let named = |error: Error| {
                Error::tagger(format!("{}: document {:?}: {error}", column.name, doc.id))
            };
            match maker {
                Maker::Kernel { worker, keys, spent, spans, silent } => {
                    let start = Instant::now();
                    let input = tag::Document { id: doc.id, text: &text, metadata: doc.metadata };
                    worker.tag(&input, &mut self.spans)?;
                    let written = self.writer.write(keys, &self.spans.spans, text.chars(), out);
                    let written = written.map_err(named)?;
                    *spans += written;
                    *silent += u64::from(written == 0);
                    *spent += start.elapsed();
                }
                Maker::Python { keys, kinds } => {
                    let result = results[python].get_item(doc.index)?;
                    python += 1;
                    if let Ok(lists) = result.cast::<PyDict>() {
                        write_lists(lists, &column.prefix, text.chars(), out).map_err(named)?;
                        continue;
                    }
                    read_spans(&result, &column.prefix, keys, kinds, &mut self.spans).map_err(
                        |error| {
                            let found = Python::attach(|py| error.value(py).to_string());
                            named(Error::tagger(found))
                        },
                    )?;
                    self.writer.write(keys, &self.spans.spans, text.chars(), out).map_err(named)?;
                }
            }
        }
        Ok(())
    }

    fn finish<'py>(
        &mut self,
        py: Python<'py>,
        batch: &Batch,
        rows: Vec<Vec<u8>>,
        bad: &[Bad],
    ) -> PyResult<Rows<'py>> {
        let encoding = raise(Encoding::new(Format::from_path(&batch.path), None))?;
        let compressed = py.detach(|| -> Result<Vec<_>> {
            let mut compressor = Compressor::new(encoding)?;
            rows.iter().map(|rows| shard::compress(&mut compressor, rows)).collect()
        });
        let segments = raise(compressed)?
            .into_iter()
            .map(|part| (PyBytes::new(py, &part.bytes), part.segment.crc, part.segment.len))
            .collect();
        let bad_lines = bad
            .iter()
            .map(|bad| {
                let path = bad.path.display().to_string();
                (path, bad.line, bad.error.clone(), PyBytes::new(py, &bad.raw))
            })
            .collect();
        let mut efforts = Vec::new();
        for (column, maker) in &mut self.columns {
            if let Maker::Kernel { spent, spans, silent, .. } = maker {
                let effort = (std::mem::take(spans), std::mem::take(silent), std::mem::take(spent));
                efforts.push((column.name.clone(), effort.0, effort.1, effort.2.as_secs_f64()));
            }
        }
        Ok((segments, (batch.lines, bad.len() as u64), bad_lines, efforts))
    }
}

/// Reads the `spans` of a result.
fn read_spans(
    result: &Bound<'_, PyAny>,
    prefix: &str,
    keys: &mut Keys,
    kinds: &mut HashMap<String, u16>,
    out: &mut Spans,
) -> PyResult<()> {
    let py = result.py();
    for span in result.getattr(pyo3::intern!(py, "spans"))?.try_iter()? {
        let span = span?;
        let name = span.getattr(pyo3::intern!(py, "type"))?;
        let name = name.cast::<PyString>()?;
        let name = name.to_cow()?;
        let kind = match kinds.get(name.as_ref()) {
            Some(&kind) => kind,
            None => {
                let kind = keys.add(prefix, &name);
                kinds.insert(name.into_owned(), kind);
                kind
            }
        };
        let start: i64 = span.getattr(pyo3::intern!(py, "start"))?.extract()?;
        let end: i64 = span.getattr(pyo3::intern!(py, "end"))?.extract()?;
        let score: f64 = span.getattr(pyo3::intern!(py, "score"))?.extract()?;
        let narrow = |offset: i64| {
            u32::try_from(offset).map_err(|_| {
                pyo3::exceptions::PyValueError::new_err(format!(
                    "span [{start}, {end}, {score}] has an offset outside of any text"
                ))
            })
        };
        out.spans.push(Span { kind, start: narrow(start)?, end: narrow(end)?, score });
    }
    Ok(())
}

/// Writes a dict of lists by type, empty lists too (a tagger's `defaults`).
fn write_lists(
    lists: &Bound<'_, PyDict>,
    prefix: &str,
    chars: usize,
    out: &mut Vec<u8>,
) -> Result<()> {
    let strange = |kind: &Bound<'_, PyAny>, error: &PyErr| {
        Error::tagger(format!("the spans of {kind} are no list of [start, end, score]: {error}"))
    };
    for (kind, list) in lists.iter() {
        let name: String = kind.extract().map_err(|error| strange(&kind, &error))?;
        if name.is_empty() {
            continue;
        }
        let key = format!("{prefix}__{}", tag::engine::variable_name(&name));
        json::escape(key.as_bytes(), out);
        out.extend_from_slice(b":[");
        let spans = list.try_iter().map_err(|error| strange(&kind, &error))?;
        for (index, span) in spans.enumerate() {
            let (start, end, score) =
                span.and_then(|span| triple(&span)).map_err(|error| strange(&kind, &error))?;
            if start < 0 || start > end || end > chars as i64 || !score.is_finite() {
                return Err(Error::tagger(format!(
                    "span [{start}, {end}, {score}] does not fit a text of {chars} code points"
                )));
            }
            out.extend_from_slice(if index == 0 { b"[" } else { b",[" });
            json::write_int(start as u64, out);
            out.push(b',');
            json::write_int(end as u64, out);
            out.push(b',');
            json::write_score(score, out);
            out.push(b']');
        }
        out.extend_from_slice(b"],");
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
