//! fastText models for taggers in Python, and the cleaning of texts that models are trained on.

use super::raise;
use crate::error::Error;
use crate::tag::fasttext::{Cleaner, Cleaning, Model, Predictor};
use pyo3::prelude::*;
use std::path::PathBuf;

/// A supervised fastText model, `.bin` or `.ftz`; predicts with the bits of the reference.
#[pyclass(frozen, module = "dolma._core")]
pub struct FastText {
    model: Model,
}

#[pymethods]
impl FastText {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        raise(py.detach(|| Model::load(&path))).map(|model| Self { model })
    }

    /// The labels as they were trained.
    #[getter]
    fn labels(&self) -> Vec<String> {
        self.model.labels().to_vec()
    }

    /// For each text, read as one line, its `k` best labels (0: all) with their probabilities, of
    /// `threshold` or more, the most probable first.
    #[pyo3(signature = (texts, k=0, threshold=0.0))]
    fn predict(
        &self,
        py: Python<'_>,
        texts: Vec<String>,
        k: usize,
        threshold: f32,
    ) -> PyResult<Vec<Vec<(String, f32)>>> {
        let found = py.detach(|| -> crate::Result<Vec<Vec<(String, f32)>>> {
            let mut predictor = Predictor::new(&self.model);
            let mut best = Vec::new();
            let labels = self.model.labels();
            texts
                .iter()
                .map(|text| {
                    predictor.predict(text, k, threshold, &mut best)?;
                    let named = |&(label, score): &(u32, f32)| (&labels[label as usize], score);
                    Ok(best.iter().map(named).map(|(label, p)| (label.clone(), p)).collect())
                })
                .collect()
        });
        raise(found)
    }
}

/// Texts as a model reads them that was trained with these options of the kernel `fasttext`.
#[pyfunction]
pub fn fasttext_clean(
    py: Python<'_>,
    texts: Vec<String>,
    options: Vec<String>,
) -> PyResult<Vec<String>> {
    let mut cleaning = Cleaning::default();
    if let Some(unknown) = options.iter().find(|name| !cleaning.set(name, true)) {
        return raise(Err(Error::config(format!("texts cannot be cleaned by {unknown:?}"))));
    }
    Ok(py.detach(|| {
        let mut cleaner = Cleaner::new(cleaning);
        texts.iter().map(|text| cleaner.clean(text).to_owned()).collect()
    }))
}
