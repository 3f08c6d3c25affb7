//! A tokenizer of Python's, for deduplication over tokens.

use crate::dedupe::cluster::tokens::Tokenizer;
use crate::error::{Error, Result};
use pyo3::prelude::*;

/// Calls `encode(text)`, which returns a list of ids.
pub struct PyTokenizer {
    pub encode: Py<PyAny>,
}

impl Tokenizer for PyTokenizer {
    fn encode(&self, text: &str, ids: &mut Vec<u32>) -> Result<()> {
        let found: PyResult<Vec<u32>> =
            Python::attach(|py| self.encode.call1(py, (text,))?.extract(py));
        ids.extend(found.map_err(|error| Error::asset(format!("the tokenizer failed: {error}")))?);
        Ok(())
    }
}
