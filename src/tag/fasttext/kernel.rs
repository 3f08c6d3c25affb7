//! The kernel: units of a document in, spans out.
//!
//! Attribute types are the labels, then `not_<label>`, `doc_<label>` and `doc_not_<label>` where
//! those are asked for, and `other` at the end. Spans are written in the order of the published
//! taggers: all labels of all units, then all negatives in the same order, then the scores of the
//! document.

use super::clean::{Cleaner, is_python_space};
use super::labels::{Codes, PREFIX};
use super::model::Model;
use super::predict::Predictor;
use super::settings::{Settings, Unit};
use crate::error::{Error, Result};
use crate::tag::{Document, Kernel, Options, Spans, Worker};
use crate::text::{Text, count_chars, sentences};

pub(super) struct FastText {
    model: Model,
    settings: Settings,
    /// Distinct names of the labels; what follows counts names, not labels.
    names: Vec<String>,
    /// The name of each label, where several labels share one.
    merged: Option<Vec<u32>>,
    /// Indexes of the wanted names in the order of the option; empty for all.
    wanted: Vec<u32>,
    /// The label that the option `score_of` names.
    score_of: Option<u32>,
    /// The kind of each name, if it is kept.
    kinds: Vec<Option<u16>>,
    types: Vec<String>,
    /// How many kinds are labels; each further group of kinds has as many.
    group: u16,
}

pub(crate) fn build(options: &Options) -> Result<Box<dyn Kernel>> {
    let settings = Settings::parse(options)?;
    let model = Model::load(&settings.model)?;
    Ok(Box::new(FastText::new(model, settings)?))
}

impl FastText {
    fn new(model: Model, settings: Settings) -> Result<Self> {
        let (names, merged) = names(&model, &settings);
        let find = |label: &String| {
            let code = settings.label_codes.name(label.strip_prefix(PREFIX).unwrap_or(label));
            let is = |known: &String| {
                known == label
                    || known.strip_prefix(PREFIX).unwrap_or(known) == code.as_str()
                    || label.strip_prefix(PREFIX) == Some(known)
            };
            match names.iter().position(is) {
                Some(index) => Ok(index as u32),
                None => Err(Error::config(format!(
                    "fasttext: {} has no label {label:?}; it has {}",
                    settings.model.display(),
                    first_few(&names)
                ))),
            }
        };
        let wanted = settings.labels.iter().map(find).collect::<Result<Vec<_>>>()?;
        let mut kinds = vec![None; names.len()];
        let score_of = settings.score_of.as_ref().map(find).transpose()?;
        let kept: Vec<String> = if score_of.is_some() {
            kinds.fill(Some(0));
            vec!["score".to_owned()]
        } else if wanted.is_empty() {
            kinds.iter_mut().enumerate().for_each(|(kind, slot)| *slot = Some(kind as u16));
            names.clone()
        } else {
            wanted.iter().zip(0..).for_each(|(&label, kind)| kinds[label as usize] = Some(kind));
            wanted.iter().map(|&label| names[label as usize].clone()).collect()
        };
        let group = u16::try_from(kept.len())
            .ok()
            .filter(|&group| group <= u16::MAX / 4)
            .ok_or_else(|| Error::asset(format!("{} labels are too many", kept.len())))?;
        let mut types = kept.clone();
        if settings.negatives {
            types.extend(kept.iter().map(|name| format!("not_{name}")));
        }
        if settings.doc_score {
            types.extend(kept.iter().map(|name| format!("doc_{name}")));
            types.extend(kept.iter().map(|name| format!("doc_not_{name}")));
        }
        if settings.other {
            types.push("other".to_owned());
        }
        Ok(Self { model, settings, names, merged, wanted, score_of, kinds, types, group })
    }
}

/// The distinct names of a model's labels, and which one each label has if they share any.
fn names(model: &Model, settings: &Settings) -> (Vec<String>, Option<Vec<u32>>) {
    let codes = settings.label_codes;
    let name = |label: &String| match settings.strip_label_prefix || codes != Codes::Model {
        true => codes.name(&label.replace(PREFIX, "")),
        false => label.clone(),
    };
    let all: Vec<String> = model.labels().iter().map(name).collect();
    let mut distinct: Vec<String> = Vec::new();
    let mut index_of = std::collections::HashMap::new();
    let merged: Vec<u32> = all
        .into_iter()
        .map(|name| {
            *index_of.entry(name.clone()).or_insert_with(|| {
                distinct.push(name);
                distinct.len() as u32 - 1
            })
        })
        .collect();
    let shared = distinct.len() < merged.len();
    (distinct, shared.then_some(merged))
}

fn first_few(names: &[String]) -> String {
    let few = names.iter().take(6).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > 6 { format!("{few} and {} more", names.len() - 6) } else { few }
}

impl Kernel for FastText {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(Scorer {
            kernel: self,
            predictor: Predictor::new(&self.model),
            cleaner: Cleaner::new(self.settings.cleaning),
            predictions: Vec::new(),
            sums: Vec::new(),
        })
    }
}

struct Scorer<'k> {
    kernel: &'k FastText,
    predictor: Predictor<'k>,
    cleaner: Cleaner,
    predictions: Vec<(u32, f32)>,
    /// The sum of the labels of each name.
    sums: Vec<f32>,
}

/// Bytes before a unit in its piece of the text, and the unit.
type Trim = fn(&str) -> (usize, &str);

impl Worker for Scorer<'_> {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let first = out.spans.len();
        match self.kernel.settings.unit {
            Unit::Document => {
                self.score(doc.text.as_str(), 0, doc.text.chars(), out)?;
            }
            Unit::Paragraph => {
                let lines = doc.text.as_str().split_inclusive('\n');
                self.score_pieces(doc.text, lines, |piece| (0, piece), out)?;
            }
            Unit::Line => {
                let lines = doc.text.as_str().split_inclusive('\n');
                let trim: Trim = |piece| (0, piece.trim_end_matches(['\r', '\n']));
                self.score_pieces(doc.text, lines, trim, out)?;
            }
            Unit::Sentence => {
                let trim: Trim = |piece| {
                    let unit = piece.trim_start_matches(is_python_space);
                    (piece.len() - unit.len(), unit.trim_end_matches(is_python_space))
                };
                self.score_pieces(doc.text, sentences(doc.text.as_str()), trim, out)?;
            }
        }
        self.derive(doc.text.chars(), first, out);
        Ok(())
    }
}

impl Scorer<'_> {
    fn score_pieces<'t>(
        &mut self,
        text: &Text<'t>,
        pieces: impl Iterator<Item = &'t str>,
        trim: Trim,
        out: &mut Spans,
    ) -> Result<()> {
        let chars = |part: &str| match text.is_ascii() {
            true => part.len(),
            false => count_chars(part.as_bytes()),
        };
        let mut start = 0;
        for piece in pieces {
            let (before, unit) = trim(piece);
            if !unit.chars().all(is_python_space) {
                let first = start + chars(&piece[..before]);
                self.score(unit, first, first + chars(unit), out)?;
            }
            start += chars(piece);
        }
        Ok(())
    }

    /// Appends the spans of one unit.
    fn score(&mut self, text: &str, start: usize, end: usize, out: &mut Spans) -> Result<()> {
        let Settings { missing, last, .. } = &self.kernel.settings;
        self.predict(text)?;
        let predictions = &mut self.predictions;
        if let Some(last) = last {
            // Stable, so that each group stays in the order of its scores.
            let names = &self.kernel.names;
            predictions.sort_by_key(|&(label, _)| names[label as usize].contains(last));
        }
        if self.kernel.settings.other {
            let is_wanted = |label: u32| self.kernel.kinds[label as usize].is_some();
            let of_set = predictions.iter().filter(|&&(label, _)| is_wanted(label));
            let set: f64 = of_set.map(|&(_, score)| f64::from(score)).sum();
            self.kernel.push(self.kernel.group, start, end, (1.0 - set).clamp(0.0, 1.0), out);
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

    /// Replaces `predictions` by the names of a unit with their scores, best first.
    fn predict(&mut self, text: &str) -> Result<()> {
        let Settings { threshold, top_k, score_of, .. } = &self.kernel.settings;
        let text = self.cleaner.clean(text);
        let predictions = &mut self.predictions;
        if let Some(merged) = &self.kernel.merged {
            self.predictor.predict(text, 0, 0.0, predictions)?;
            merge(predictions, merged, self.kernel.names.len(), &mut self.sums);
            predictions.retain(|&(_, score)| score >= *threshold);
            let k = if score_of.is_some() { 1 } else { *top_k };
            predictions.truncate(if k == 0 { predictions.len() } else { k });
            return Ok(());
        }
        let one = *top_k == 0 && *threshold == 0.0 && !self.kernel.settings.other;
        if let ([label], true) = (&self.kernel.wanted[..], one) {
            predictions.clear();
            let found = self.predictor.predict_label(text, *label)?;
            predictions.extend(found.map(|score| (*label, score)));
            return Ok(());
        }
        let k = if score_of.is_some() { 1 } else { *top_k };
        self.predictor.predict(text, k, *threshold, predictions)
    }

    /// Appends what follows from the spans since `first`.
    fn derive(&self, chars: usize, first: usize, out: &mut Spans) {
        let FastText { settings, group: names, .. } = self.kernel;
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

/// Replaces labels by their names, the scores of a name's labels by their sum (1 at most), best
/// first; equal ones in the order of the names.
fn merge(predictions: &mut Vec<(u32, f32)>, merged: &[u32], names: usize, sums: &mut Vec<f32>) {
    sums.clear();
    sums.resize(names, -1.0);
    for &(label, score) in predictions.iter() {
        let sum = &mut sums[merged[label as usize] as usize];
        *sum = (sum.max(0.0) + score).min(1.0);
    }
    predictions.clear();
    let found = sums.iter().zip(0..).filter(|&(&sum, _)| sum >= 0.0);
    predictions.extend(found.map(|(&sum, name)| (name, sum)));
    predictions.sort_by(|a, b| b.1.total_cmp(&a.1));
}

/// Rounds the exact decimal value of `score`, ties to even, as Python's `round`.
fn round(score: f64, decimals: usize) -> f64 {
    format!("{score:.decimals$}").parse().unwrap_or(score)
}
