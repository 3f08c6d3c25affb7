//! The Python face: arguments in, engine, results out. The only user of pyo3.
//!
//! Whole runs are one call each, made without the interpreter's lock; the engine asks a host
//! object for files and tells it what became of every shard. Errors become the exceptions of
//! `dolma.errors`, by kind.

mod batches;
mod clusters;
mod fasttext;
mod filters;
mod host;
mod runs;
mod substring;
mod tally;
mod tokenizer;
mod words;

use crate::error::{Error, ErrorKind};
use pyo3::prelude::*;

/// The exception of `dolma.errors` for an engine's error.
fn exception(error: &Error) -> PyErr {
    let name = match error.kind {
        ErrorKind::Config(_) => "DolmaConfigError",
        ErrorKind::Asset(_) => "DolmaAssetError",
        ErrorKind::Io(_) => "DolmaStorageError",
        ErrorKind::Panic(_) => "DolmaFatalError",
        ErrorKind::Cancelled => "DolmaShardError",
        _ => "DolmaRustPipelineError",
    };
    let message = error.to_string();
    Python::attach(|py| {
        let class = py.import("dolma.errors").and_then(|errors| errors.getattr(name));
        match class.and_then(|class| class.call1((message,))) {
            Ok(instance) => PyErr::from_value(instance),
            Err(error) => error,
        }
    })
}

fn raise<T>(result: crate::Result<T>) -> PyResult<T> {
    result.map_err(|error| exception(&error))
}

/// The SHA-256 of bytes, in hexadecimal.
#[pyfunction]
fn sha256(data: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The XXH3-128 of a file's bytes, in hexadecimal.
#[pyfunction]
fn hash_file(py: Python<'_>, path: std::path::PathBuf) -> PyResult<String> {
    let hash = py.detach(|| -> crate::Result<u128> {
        use std::io::Read;
        let located = |error: std::io::Error| Error::from(error).at(&path);
        let mut file = std::fs::File::open(&path).map_err(located)?;
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = file.read(&mut buffer).map_err(located)?;
            if read == 0 {
                return Ok(hasher.digest128());
            }
            hasher.update(&buffer[..read]);
        }
    });
    raise(hash).map(|hash| format!("{hash:032x}"))
}

/// Python's allocator aligns objects to 16 bytes; more would be undefined behaviour.
const fn fits_python<T>() {
    assert!(align_of::<T>() <= 16, "put the over-aligned part into a Box");
}
const _: () = fits_python::<host::Progress>();
const _: () = fits_python::<filters::BloomFilter>();
const _: () = fits_python::<clusters::Clusters>();
const _: () = fits_python::<substring::Substrings>();
const _: () = fits_python::<batches::BatchReader>();
const _: () = fits_python::<fasttext::FastText>();
const _: () = fits_python::<batches::BatchTagger>();
const _: () = fits_python::<batches::SegmentWriter>();
const _: () = fits_python::<tally::TaggerTally>();

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<host::Progress>()?;
    module.add_class::<filters::BloomFilter>()?;
    module.add_class::<clusters::Clusters>()?;
    module.add_class::<substring::Substrings>()?;
    module.add_class::<batches::BatchReader>()?;
    module.add_class::<batches::BatchTagger>()?;
    module.add_class::<batches::SegmentWriter>()?;
    module.add_class::<fasttext::FastText>()?;
    module.add_function(wrap_pyfunction!(fasttext::fasttext_clean, module)?)?;
    module.add_function(wrap_pyfunction!(words::sentence_ends, module)?)?;
    module.add_class::<tally::TaggerTally>()?;
    module.add_function(wrap_pyfunction!(sha256, module)?)?;
    module.add_function(wrap_pyfunction!(hash_file, module)?)?;
    module.add_function(wrap_pyfunction!(runs::tag, module)?)?;
    module.add_function(wrap_pyfunction!(runs::kernel_names, module)?)?;
    module.add_function(wrap_pyfunction!(runs::kernel_types, module)?)?;
    module.add_function(wrap_pyfunction!(runs::dedupe, module)?)?;
    module.add_function(wrap_pyfunction!(runs::check_key, module)?)?;
    module.add_function(wrap_pyfunction!(runs::merge_parts, module)?)?;
    module.add_function(wrap_pyfunction!(runs::mix, module)?)?;
    module.add_function(wrap_pyfunction!(runs::rule_names, module)?)?;
    module.add_function(wrap_pyfunction!(runs::find_names, module)?)?;
    module.add_function(wrap_pyfunction!(words::word_ends, module)?)?;
    module.add_function(wrap_pyfunction!(words::repeated_parts, module)?)?;
    Ok(())
}
