//! The Bloom filter in Python: made or loaded before a run, saved after it.

use super::raise;
use crate::dedupe::bloom;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A Bloom filter; see `dolma.commands.dedupe` for what goes into its description.
#[pyclass(frozen)]
pub struct BloomFilter {
    /// None while a run has it.
    inner: Mutex<Option<bloom::BloomFilter>>,
}

impl BloomFilter {
    fn lock(&self) -> MutexGuard<'_, Option<bloom::BloomFilter>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, work: impl FnOnce(&mut bloom::BloomFilter) -> T) -> PyResult<T> {
        let mut inner = self.lock();
        inner.as_mut().map(work).ok_or_else(|| PyRuntimeError::new_err("a run has this filter"))
    }

    pub fn take(&self) -> PyResult<bloom::BloomFilter> {
        self.lock().take().ok_or_else(|| PyRuntimeError::new_err("a run has this filter"))
    }

    pub fn put(&self, filter: bloom::BloomFilter) {
        *self.lock() = Some(filter);
    }

    fn from(filter: bloom::BloomFilter) -> Self {
        Self { inner: Mutex::new(Some(filter)) }
    }
}

fn shape(size_in_bytes: u64, keys: u64, rate: f64) -> crate::Result<bloom::Shape> {
    if size_in_bytes > 0 {
        bloom::Shape::for_bytes(size_in_bytes, keys, rate)
    } else {
        bloom::Shape::for_keys(keys, rate)
    }
}

#[pymethods]
impl BloomFilter {
    /// An empty filter: of a size, or for a number of keys at a false-positive rate.
    #[new]
    fn new(size_in_bytes: u64, keys: u64, rate: f64) -> PyResult<Self> {
        raise(shape(size_in_bytes, keys, rate).and_then(bloom::BloomFilter::new)).map(Self::from)
    }

    /// `(bits, hashes)` that a filter made with the same arguments would have.
    #[staticmethod]
    fn plan(size_in_bytes: u64, keys: u64, rate: f64) -> PyResult<(u64, u32)> {
        raise(shape(size_in_bytes, keys, rate)).map(|shape| (shape.bits(), shape.hashes()))
    }

    /// The filter that was saved at `path`.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        raise(py.detach(|| bloom::BloomFilter::load(&path))).map(Self::from)
    }

    /// `(bits, hashes, inserted, description)` of a saved filter, without reading its bits.
    #[staticmethod]
    fn describe(path: PathBuf) -> PyResult<(u64, u32, u64, String)> {
        let filter = raise(bloom::BloomFilter::describe(&path))?;
        let shape = filter.shape();
        Ok((shape.bits(), shape.hashes(), filter.inserted(), filter.description))
    }

    /// Writes the filter to `path` and flushes it to the disk.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        raise(py.detach(|| self.with(|filter| filter.save(&path)))?)
    }

    #[getter]
    fn bits(&self) -> PyResult<u64> {
        self.with(|filter| filter.shape().bits())
    }

    #[getter]
    fn hashes(&self) -> PyResult<u32> {
        self.with(|filter| filter.shape().hashes())
    }

    /// Keys that were new when they were inserted.
    #[getter]
    fn inserted(&self) -> PyResult<u64> {
        self.with(|filter| filter.inserted())
    }

    /// The share of bits that are set.
    #[getter]
    fn fill(&self) -> PyResult<f64> {
        self.with(|filter| filter.fill())
    }

    /// The false-positive rate by the bits that are set.
    #[getter]
    fn rate(&self) -> PyResult<f64> {
        self.with(|filter| filter.rate())
    }

    /// The false-positive rate to expect once `keys` are in.
    fn rate_at(&self, keys: u64) -> PyResult<f64> {
        self.with(|filter| filter.shape().rate_at(keys))
    }

    /// The same for a filter of `bits` and `hashes` that is not made yet.
    #[staticmethod]
    fn predict(bits: u64, hashes: u32, keys: u64) -> f64 {
        bloom::Shape::of(bits, hashes).rate_at(keys)
    }

    #[getter]
    fn get_description(&self) -> PyResult<String> {
        self.with(|filter| filter.description.clone())
    }

    #[setter]
    fn set_description(&self, description: String) -> PyResult<()> {
        self.with(|filter| filter.description = description)
    }
}
