//! The options of the `fasttext` kernel, parsed once into a frozen form.
//!
//! The list of options is the `match` in [`Settings::set`]: nothing else is accepted.

use super::clean::{Cleaning, Separators};
use super::labels::Codes;
use crate::error::{Error, Result};
use crate::tag::{OptionValue, Options};
use std::path::PathBuf;

/// What one prediction is made for, and spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Document,
    /// A line that is not blank, with its line break.
    Paragraph,
    /// A line that is not blank, without its line break.
    Line,
    /// A sentence of `text::sentences` that is not blank, without the white space around it.
    Sentence,
}

#[derive(Debug)]
pub(super) struct Settings {
    /// `model`: the path of a .bin or .ftz file; required.
    pub(super) model: PathBuf,
    /// `unit`: see [`Unit`].
    pub(super) unit: Unit,
    /// `separators`, `lowercase`, `strip_accents`, `zero_digits`, `split_punctuation`.
    pub(super) cleaning: Cleaning,
    /// `label_codes`: see [`Codes`].
    pub(super) label_codes: Codes,
    /// `labels`: keep these only; none means all.
    pub(super) labels: Vec<String>,
    /// `other`: one more span `other`, the probability of all labels that are not in `labels`.
    pub(super) other: bool,
    /// `negatives`: for every span one of `not_<label>` with 1 - score, after all the others.
    pub(super) negatives: bool,
    /// `missing`: the score of a label in `labels` that is not predicted; without it, no span.
    pub(super) missing: Option<f64>,
    /// `strip_label_prefix`: call `__label__en` `en`.
    pub(super) strip_label_prefix: bool,
    /// `top_k`: how many labels are predicted; 0 means all.
    pub(super) top_k: usize,
    /// `threshold`: labels below it are not predicted.
    pub(super) threshold: f32,
    /// `above`: only scores greater than this have a span.
    pub(super) above: Option<f64>,
    /// `round`: decimals of the scores.
    pub(super) round: Option<usize>,
    /// `last`: labels that contain this come after the others.
    pub(super) last: Option<String>,
    /// `score_of`: one span `score` per unit, the probability of this label as the best label
    /// has it: its own, or else 1 minus the other's.
    pub(super) score_of: Option<String>,
    /// `doc_score`: per label of `labels`, `doc_<label>` and `doc_not_<label>`: the mean of the
    /// spans' scores by their lengths.
    pub(super) doc_score: bool,
}

impl Settings {
    pub(super) fn parse(options: &Options) -> Result<Self> {
        let mut settings = Self {
            model: PathBuf::new(),
            unit: Unit::Document,
            cleaning: Cleaning::default(),
            label_codes: Codes::Model,
            labels: Vec::new(),
            other: false,
            negatives: false,
            missing: None,
            strip_label_prefix: false,
            top_k: 0,
            threshold: 0.0,
            above: None,
            round: None,
            last: None,
            score_of: None,
            doc_score: false,
        };
        for (name, value) in options {
            settings.set(name, value)?;
        }
        settings.check()?;
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &OptionValue) -> Result<()> {
        use OptionValue::{Bool, Float, Int, List, Str};
        match (name, value) {
            ("model", Str(path)) => self.model = path.into(),
            ("unit", Str(unit)) => self.unit = Unit::parse(unit)?,
            ("separators", Str(name)) => self.cleaning.separators = Separators::parse(name)?,
            (name, Bool(on)) if self.cleaning.set(name, *on) => {}
            ("label_codes", Str(name)) => self.label_codes = Codes::parse(name)?,
            ("other", Bool(on)) => self.other = *on,
            ("labels", List(labels)) => self.labels = labels.clone(),
            ("labels", Str(label)) => self.labels = vec![label.clone()],
            ("negatives", Bool(on)) => self.negatives = *on,
            ("missing", Float(score)) => self.missing = Some(*score),
            ("missing", Int(score)) => self.missing = Some(*score as f64),
            ("strip_label_prefix", Bool(on)) => self.strip_label_prefix = *on,
            ("top_k", Int(k)) if *k >= 0 => self.top_k = *k as usize,
            ("threshold", Float(score)) => self.threshold = *score as f32,
            ("threshold", Int(score)) => self.threshold = *score as f32,
            ("above", Float(score)) => self.above = Some(*score),
            ("above", Int(score)) => self.above = Some(*score as f64),
            ("round", Int(decimals @ 0..=15)) => self.round = Some(*decimals as usize),
            ("last", Str(part)) => self.last = Some(part.clone()),
            ("score_of", Str(label)) => self.score_of = Some(label.clone()),
            ("doc_score", Bool(on)) => self.doc_score = *on,
            _ => {
                let wanted = match name {
                    "labels" => "a list of strings",
                    "top_k" => "a whole number from 0",
                    "round" => "a whole number from 0 to 15",
                    "missing" | "threshold" | "above" => "a number",
                    "model" | "unit" | "separators" | "label_codes" | "last" | "score_of" => {
                        "a string"
                    }
                    _ => "true or false",
                };
                return Err(Error::config(format!(
                    "fasttext: {name} must be {wanted}, not {value}"
                )));
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        let wrong = if self.model.as_os_str().is_empty() {
            "needs the option `model`"
        } else if self.doc_score && self.labels.is_empty() {
            "needs `labels` for `doc_score`"
        } else if self.missing.is_some() && self.labels.is_empty() {
            "needs `labels` for `missing`"
        } else if self.score_of.is_some() && (!self.labels.is_empty() || self.last.is_some()) {
            "has only one score with `score_of`: `labels` and `last` have no effect"
        } else if self.other && self.labels.is_empty() {
            "needs `labels` for `other`"
        } else if self.other
            && (self.negatives || self.doc_score || self.top_k > 0 || self.threshold > 0.0)
        {
            "cannot have `other` with `negatives`, `doc_score`, `top_k` or `threshold`"
        } else {
            return Ok(());
        };
        Err(Error::config(format!("fasttext {wrong}")))
    }
}

impl Unit {
    fn parse(name: &str) -> Result<Self> {
        match name {
            "document" => Ok(Self::Document),
            "paragraph" => Ok(Self::Paragraph),
            "line" => Ok(Self::Line),
            "sentence" => Ok(Self::Sentence),
            _ => Err(Error::config(format!(
                "fasttext: unit is \"document\", \"paragraph\", \"line\" or \"sentence\", not {name:?}"
            ))),
        }
    }
}
