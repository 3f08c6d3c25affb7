//! The outside of a run, as a Python object: files on request, news of every shard.

use crate::error::{Error, ErrorKind, Result};
use crate::run;
use crate::shard::{Done, Files, Host};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Counters that move while the engine works, and the brake.
#[pyclass(frozen)]
#[derive(Default)]
pub struct Progress {
    pub inner: Arc<run::Progress>,
}

#[pymethods]
impl Progress {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Documents processed so far.
    #[getter]
    fn documents(&self) -> u64 {
        self.inner.documents.load(Ordering::Relaxed)
    }

    /// Uncompressed bytes read so far.
    #[getter]
    fn bytes(&self) -> u64 {
        self.inner.bytes.load(Ordering::Relaxed)
    }

    /// Compressed bytes of inputs read so far.
    #[getter]
    fn input_bytes(&self) -> u64 {
        self.inner.input_bytes.load(Ordering::Relaxed)
    }

    /// Shards that are finished or failed.
    #[getter]
    fn shards(&self) -> u64 {
        self.inner.shards.load(Ordering::Relaxed)
    }

    #[getter]
    fn cancelled(&self) -> bool {
        self.inner.is_cancelled()
    }

    /// Stops the run at the next batch of each thread.
    fn cancel(&self) {
        self.inner.cancelled.store(true, Ordering::Relaxed);
    }

    /// Adds to the counters, for work that Python drives.
    fn add(&self, documents: u64, shards: u64) {
        run::Progress::add(&self.inner.documents, documents);
        run::Progress::add(&self.inner.shards, shards);
    }
}

/// A host in Python: `files(index) -> (inputs, outputs)`, `done(index, …)`, `failed(index, text)`.
pub struct PyHost {
    pub object: Py<PyAny>,
}

impl PyHost {
    /// An error of the host's own, as it should be shown.
    fn translate(py: Python<'_>, error: &PyErr) -> Error {
        let message = error.value(py).to_string();
        Error::new(ErrorKind::Io(std::io::Error::other(message)))
    }
}

impl Host<Done> for PyHost {
    fn files(&self, shard: usize) -> Result<Files> {
        Python::attach(|py| {
            let (inputs, outputs): (Vec<PathBuf>, Vec<PathBuf>) = self
                .object
                .bind(py)
                .call_method1("files", (shard,))
                .and_then(|files| files.extract())
                .map_err(|error| Self::translate(py, &error))?;
            Ok(Files { inputs, outputs })
        })
    }

    fn report(&self, shard: usize, outcome: Result<Done>) {
        Python::attach(|py| {
            let host = self.object.bind(py);
            let told = match outcome {
                Ok(done) => {
                    let counts = done.counts;
                    let counts = (counts.read, counts.written, counts.dropped, counts.bad);
                    let written: Vec<(u64, String)> = done
                        .written
                        .iter()
                        .map(|(size, sum)| (*size, format!("{sum:032x}")))
                        .collect();
                    let bad: Vec<_> = done
                        .bad
                        .iter()
                        .map(|bad| {
                            let path = bad.path.display().to_string();
                            (path, bad.line, bad.error.clone(), PyBytes::new(py, &bad.raw))
                        })
                        .collect();
                    let hash = done.content_hash.map(|hash| format!("{hash:032x}"));
                    let lapses: Vec<_> = done
                        .lapses
                        .into_iter()
                        .map(|(path, line, id, tagger, reason)| {
                            (path.display().to_string(), line, id, tagger, reason)
                        })
                        .collect();
                    let outcome = (shard, counts, written, bad, done.details, hash, lapses);
                    host.call_method1("done", outcome)
                }
                Err(error) => host.call_method1("failed", (shard, error.to_string())),
            };
            if let Err(error) = told {
                // `done` and `failed` handle their own failures; this is a bug worth seeing.
                error.write_unraisable(py, Some(host));
            }
        });
    }
}
