//! `code_composition`: which lines of a document are code, and which prose.
//!
//! A fastText model labels every line; how often the label changes between code and prose, how
//! many lines have each label, and how sure the model was are what tells a tutorial from a dump.

use super::model::Model;
use super::predict::Predictor;
use crate::error::{Error, Result};
use crate::tag::code::is_line_end;
use crate::tag::{Document, Kernel, OptionValue, Options, Spans, Worker};
use crate::text::unicode;
use std::path::Path;

/// Lines of up to so many characters are not shown to the model.
const SHORT: usize = 3;

/// The label of short lines.
const OTHER: &str = "other";

const BOUNDARIES: u16 = 0;

/// `code_composition`: `boundaries`, and `<label>_pct`, `<label>`, `<label>_entropy` for each label
/// that a line has.
///
/// Option: `model`, a fastText model whose labels are, or include, `code` and `prose`.
pub(crate) fn build(options: &Options) -> Result<Box<dyn Kernel>> {
    let mut model = None;
    for (name, value) in options {
        match (name.as_str(), value) {
            ("model", OptionValue::Str(path)) => model = Some(Model::load(Path::new(path))?),
            _ => return Err(Error::config(format!("code_composition: unknown option {name:?}"))),
        }
    }
    let model = model.ok_or_else(|| Error::config("code_composition: model names no file"))?;
    let mut labels: Vec<String> = model
        .labels()
        .iter()
        .map(|label| label.trim_start_matches("__label__").to_owned())
        .collect();
    if !labels.iter().any(|label| label == OTHER) {
        labels.push(OTHER.to_owned());
    }
    if labels.len() > usize::from(u16::MAX) / 3 - 1 {
        return Err(Error::asset(format!("{} labels are too many", labels.len())));
    }
    let mut types = vec!["boundaries".to_owned()];
    for label in &labels {
        types.extend([format!("{label}_pct"), label.clone(), format!("{label}_entropy")]);
    }
    Ok(Box::new(Composition { model, labels, types }))
}

struct Composition {
    model: Model,
    labels: Vec<String>,
    types: Vec<String>,
}

impl Kernel for Composition {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(Reader {
            kernel: self,
            predictor: Predictor::new(&self.model),
            predictions: Vec::new(),
            counts: Vec::new(),
        })
    }
}

struct Reader<'k> {
    kernel: &'k Composition,
    predictor: Predictor<'k>,
    predictions: Vec<(u32, f32)>,
    /// Label, lines, sum of entropies, in the order of their first lines.
    counts: Vec<(usize, usize, f64)>,
}

impl Worker for Reader<'_> {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        self.counts.clear();
        let mut boundaries = 0;
        let mut before = None;
        for line in doc.text.as_str().split(is_line_end).map(unicode::strip) {
            if line.is_empty() {
                continue;
            }
            let (label, entropy) = self.label(line)?;
            match self.counts.iter_mut().find(|(known, ..)| *known == label) {
                Some((_, lines, sum)) => (*lines, *sum) = (*lines + 1, *sum + entropy),
                None => self.counts.push((label, 1, entropy)),
            }
            let kind = ["code", "prose"].iter().position(|kind| self.kernel.labels[label] == *kind);
            boundaries += usize::from(kind.is_some() && before.is_some() && kind != before);
            before = kind;
        }
        let chars = doc.text.chars();
        out.push(BOUNDARIES, 0, chars, boundaries as f64);
        let total: usize = self.counts.iter().map(|(_, lines, _)| lines).sum();
        for &(label, lines, entropies) in &self.counts {
            let first = 1 + 3 * label as u16;
            let share = format!("{:.2}", lines as f64 / total as f64).parse().unwrap_or(0.0);
            out.push(first, 0, chars, share);
            out.push(first + 1, 0, chars, lines as f64);
            out.push(first + 2, 0, chars, entropies / lines as f64);
        }
        Ok(())
    }
}

impl Reader<'_> {
    /// The label of a line, and the entropy of the probabilities of all labels, in bits.
    fn label(&mut self, line: &str) -> Result<(usize, f64)> {
        let other = || self.kernel.labels.iter().position(|label| label == OTHER).unwrap_or(0);
        if line.chars().nth(SHORT).is_none() {
            return Ok((other(), 0.0));
        }
        self.predictor.predict(line, 0, 0.0, &mut self.predictions)?;
        let Some(&(best, _)) = self.predictions.first() else { return Ok((other(), 0.0)) };
        let probabilities = self.predictions.iter().map(|&(_, score)| f64::from(score));
        let entropy = probabilities.filter(|p| *p > 0.0).fold(0.0, |sum, p| sum - p * p.log2());
        Ok((best as usize, entropy))
    }
}
