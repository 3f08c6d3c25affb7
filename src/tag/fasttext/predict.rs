//! One thread's predictions with a shared model.

use super::features::Features;
use super::heap::Best;
use super::loss::Scratch;
use super::model::Model;
use crate::error::Result;

/// Predicts with one model, one text at a time, reusing its buffers.
pub struct Predictor<'m> {
    model: &'m Model,
    features: Features<'m>,
    scratch: Scratch,
    best: Best,
}

impl<'m> Predictor<'m> {
    pub fn new(model: &'m Model) -> Self {
        let features = Features::new(model);
        Self { model, features, scratch: Scratch::default(), best: Best::default() }
    }

    /// Replaces `out` by the `k` best labels (0: all) whose probability is not below
    /// `threshold`, from the most to the least probable, as the reference orders them.
    ///
    /// A text none of whose tokens the model knows has no labels.
    ///
    /// # Errors
    /// `Asset` if the model's numbers are broken.
    pub fn predict(
        &mut self,
        text: &str,
        k: usize,
        threshold: f32,
        out: &mut Vec<(u32, f32)>,
    ) -> Result<()> {
        out.clear();
        let Some(hidden) = self.features.read(text) else { return Ok(()) };
        let Model { loss, output, .. } = self.model;
        let labels = output.labels();
        self.best.start(if k == 0 { labels } else { k }, labels);
        loss.predict(output, hidden, threshold, &mut self.scratch, &mut self.best)?;
        out.extend(self.best.finish().iter().map(|&(log, label)| (label, log.exp())));
        Ok(())
    }

    /// The probability of one label: what [`Predictor::predict`] gives for it when it asks for
    /// all labels, but without ranking them. `None` if it would leave the label out.
    ///
    /// # Errors
    /// `Asset` if the model's numbers are broken.
    pub fn predict_label(&mut self, text: &str, label: u32) -> Result<Option<f32>> {
        let Some(hidden) = self.features.read(text) else { return Ok(None) };
        let Model { loss, output, .. } = self.model;
        loss.predict_label(output, hidden, label, &mut self.scratch)
    }
}
