//! The kernel: units of a document in, spans out.
//!
//! Attribute types are the labels, then `not_<label>`, `doc_<label>` and `doc_not_<label>` where
//! those are asked for. Spans are written in the order of the published taggers: all labels of all
//! units, then all negatives in the same order, then the scores of the document.

use super::clean::{Cleaner, is_python_space};
use super::model::Model;
use super::predict::Predictor;
use super::settings::{Settings, Unit};
use crate::error::{Error, Result};
use crate::tag::{Document, Kernel, Options, Spans, Worker};
use crate::text::{Text, count_chars};

/// The prefix that training data gives to labels.
const PREFIX: &str = "__label__";

pub(super) struct FastText {
    model: Model,
    settings: Settings,
    /// Indexes of the wanted labels in the order of the option; empty for all.
    wanted: Vec<u32>,
    /// The label that the option `score_of` names.
    score_of: Option<u32>,
    /// The kind of each label, if it is kept.
    kinds: Vec<Option<u16>>,
    types: Vec<String>,
    /// How many kinds are labels; each further group of kinds has as many.
    names: u16,
}

pub(crate) fn build(options: &Options) -> Result<Box<dyn Kernel>> {
    let settings = Settings::parse(options)?;
    let model = Model::load(&settings.model)?;
    Ok(Box::new(FastText::new(model, settings)?))
}

impl FastText {
    fn new(model: Model, settings: Settings) -> Result<Self> {
        let name = |label: &String| match settings.strip_label_prefix {
            true => label.replace(PREFIX, ""),
            false => label.clone(),
        };
        let all: Vec<String> = model.labels().iter().map(name).collect();
        let find = |label: &String| match all.iter().position(|known| known == label) {
            Some(index) => Ok(index as u32),
            None => Err(Error::config(format!(
                "fasttext: {} has no label {label:?}",
                settings.model.display()
            ))),
        };
        let wanted = settings.labels.iter().map(find).collect::<Result<Vec<_>>>()?;
        let mut kinds = vec![None; all.len()];
        let score_of = settings.score_of.as_ref().map(find).transpose()?;
        let kept: Vec<String> = if score_of.is_some() {
            kinds.fill(Some(0));
            vec!["score".to_owned()]
        } else if wanted.is_empty() {
            kinds.iter_mut().enumerate().for_each(|(kind, slot)| *slot = Some(kind as u16));
            all.clone()
        } else {
            wanted.iter().zip(0..).for_each(|(&label, kind)| kinds[label as usize] = Some(kind));
            settings.labels.clone()
        };
        let names = u16::try_from(kept.len())
            .ok()
            .filter(|&names| names <= u16::MAX / 4)
            .ok_or_else(|| Error::asset(format!("{} labels are too many", kept.len())))?;
        let mut types = kept.clone();
        if settings.negatives {
            types.extend(kept.iter().map(|name| format!("not_{name}")));
        }
        if settings.doc_score {
            types.extend(kept.iter().map(|name| format!("doc_{name}")));
            types.extend(kept.iter().map(|name| format!("doc_not_{name}")));
        }
        Ok(Self { model, settings, wanted, score_of, kinds, types, names })
    }
}

impl Kernel for FastText {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(Scorer {
            kernel: self,
            predictor: Predictor::new(&self.model),
            cleaner: Cleaner::new(self.settings.lowercase, self.settings.separators),
            predictions: Vec::new(),
        })
    }
}

struct Scorer<'k> {
    kernel: &'k FastText,
    predictor: Predictor<'k>,
    cleaner: Cleaner,
    predictions: Vec<(u32, f32)>,
}

impl Worker for Scorer<'_> {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let first = out.spans.len();
        match self.kernel.settings.unit {
            Unit::Document => {
                self.score(doc.text.as_str(), 0, doc.text.chars(), out)?;
            }
            Unit::Paragraph => self.score_paragraphs(doc.text, out)?,
        }
        self.derive(doc.text.chars(), first, out);
        Ok(())
    }
}

impl Scorer<'_> {
    fn score_paragraphs(&mut self, text: &Text<'_>, out: &mut Spans) -> Result<()> {
        let mut start = 0;
        for paragraph in text.as_str().split_inclusive('\n') {
            let length = match text.is_ascii() {
                true => paragraph.len(),
                false => count_chars(paragraph.as_bytes()),
            };
            if !paragraph.chars().all(is_python_space) {
                self.score(paragraph, start, start + length, out)?;
            }
            start += length;
        }
        Ok(())
    }

    /// Appends the spans of one unit.
    fn score(&mut self, text: &str, start: usize, end: usize, out: &mut Spans) -> Result<()> {
        let Settings { threshold, top_k, missing, score_of, last, .. } = &self.kernel.settings;
        let text = self.cleaner.clean(text);
        let predictions = &mut self.predictions;
        if let ([label], 0, true) = (&self.kernel.wanted[..], *top_k, *threshold == 0.0) {
            predictions.clear();
            let found = self.predictor.predict_label(text, *label)?;
            predictions.extend(found.map(|score| (*label, score)));
        } else {
            let k = if score_of.is_some() { 1 } else { *top_k };
            self.predictor.predict(text, k, *threshold, predictions)?;
        }
        if let Some(last) = last {
            // Stable, so that each group stays in the order of its scores.
            let labels = self.kernel.model.labels();
            predictions.sort_by_key(|&(label, _)| labels[label as usize].contains(last));
        }
        for &(label, score) in predictions.iter() {
            if let Some(kind) = self.kernel.kinds[label as usize] {
                let score = self.kernel.as_score(label, score);
                self.kernel.push(kind, start, end, score, out);
            }
        }
        if let Some(missing) = missing {
            for &label in &self.kernel.wanted {
                let found = predictions.iter().any(|&(predicted, _)| predicted == label);
                if let (false, Some(kind)) = (found, self.kernel.kinds[label as usize]) {
                    self.kernel.push(kind, start, end, *missing, out);
                }
            }
        }
        Ok(())
    }

    /// Appends what follows from the spans since `first`.
    fn derive(&self, chars: usize, first: usize, out: &mut Spans) {
        let FastText { settings, names, .. } = self.kernel;
        let end = out.spans.len();
        if settings.negatives {
            for index in first..end {
                let span = out.spans[index];
                let (start, end) = (span.start as usize, span.end as usize);
                out.push(span.kind + names, start, end, 1.0 - span.score);
            }
        }
        if !settings.doc_score {
            return;
        }
        let group = names * (1 + u16::from(settings.negatives));
        for kind in 0..*names {
            let spans = out.spans[first..end].iter().filter(|span| span.kind == kind);
            let total =
                spans.fold(0.0, |sum, span| sum + f64::from(span.end - span.start) * span.score);
            let (score, rest) = match chars {
                0 => (0.0, 0.0),
                _ => (total / chars as f64, 1.0 - total / chars as f64),
            };
            out.push(group + kind, 0, chars, score);
            out.push(group + names + kind, 0, chars, rest);
        }
    }
}

impl FastText {
    fn as_score(&self, label: u32, probability: f32) -> f64 {
        let probability = f64::from(probability);
        match self.score_of {
            Some(wanted) if wanted != label => 1.0 - probability,
            _ => probability,
        }
    }

    fn push(&self, kind: u16, start: usize, end: usize, score: f64, out: &mut Spans) {
        if self.settings.above.is_some_and(|above| score <= above) {
            return;
        }
        let score = match self.settings.round {
            Some(decimals) => round(score, decimals),
            None => score,
        };
        out.push(kind, start, end, score);
    }
}

/// Rounds the exact decimal value of `score`, ties to even, as Python's `round`.
fn round(score: f64, decimals: usize) -> f64 {
    format!("{score:.decimals$}").parse().unwrap_or(score)
}
