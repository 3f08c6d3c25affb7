//! From a hidden vector to probabilities, one way per training loss.
//!
//! Softmax and the two sigmoid losses score every label; hierarchical softmax walks a Huffman
//! tree that is rebuilt from the label counts. All of them hand on `ln(p + 1e-5)` rounded to f32,
//! and the probability reported is `exp` of that: so the reference does, and the detour is
//! visible in the fourth decimal of small probabilities.

use super::heap::Best;
use super::matrix::Output;
use crate::error::{Error, Result};

/// Entries and range of the reference's sigmoid table.
const SIGMOID_STEPS: usize = 512;
const SIGMOID_MAX: f32 = 8.0;

/// The loss a model was trained with decides how it is read.
pub(super) enum Loss {
    Softmax,
    /// Negative sampling and one-vs-all: a sigmoid per label, from a table.
    Sigmoid(Vec<f32>),
    Tree(Tree),
}

impl Loss {
    pub(super) fn new(code: i32, counts: &[i64]) -> Result<Self> {
        match code {
            1 => Ok(Self::Tree(Tree::new(counts)?)),
            2 | 4 => Ok(Self::Sigmoid(sigmoid_table())),
            3 => Ok(Self::Softmax),
            _ => Err(Error::asset(format!("fastText loss {code} is not known"))),
        }
    }

    /// The k best labels whose probability is not below `threshold`, into `best`.
    pub(super) fn predict(
        &self,
        output: &Output,
        hidden: &[f32],
        threshold: f32,
        scratch: &mut Scratch,
        best: &mut Best,
    ) -> Result<()> {
        if let Self::Tree(tree) = self {
            return tree.walk(output, hidden, threshold, &mut scratch.nodes, best);
        }
        let scores = &mut scratch.scores;
        self.score(output, hidden, scores)?;
        for (label, &score) in scores.iter().enumerate() {
            if score < threshold {
                continue;
            }
            let log = log(score);
            if !best.refuses(log) {
                best.push(log, label as u32);
            }
        }
        Ok(())
    }

    /// The score of every label; not for trees.
    fn score(&self, output: &Output, hidden: &[f32], scores: &mut Vec<f32>) -> Result<()> {
        output.dot_all(hidden, scores)?;
        match self {
            Self::Softmax => softmax(scores),
            Self::Sigmoid(table) => scores.iter_mut().for_each(|score| {
                *score = sigmoid(table, *score);
            }),
            Self::Tree(_) => {}
        }
        Ok(())
    }

    /// The probability of one label among all, at no threshold; `None` if a tree leaves it out.
    pub(super) fn predict_label(
        &self,
        output: &Output,
        hidden: &[f32],
        label: u32,
        scratch: &mut Scratch,
        best: &mut Best,
    ) -> Result<Option<f32>> {
        if let Self::Tree(tree) = self {
            best.start(output.labels());
            tree.walk(output, hidden, 0.0, &mut scratch.nodes, best)?;
            let found = best.finish().iter().find(|scored| scored.1 == label);
            return Ok(found.map(|scored| scored.0.exp()));
        }
        if let Self::Sigmoid(table) = self {
            let score = sigmoid(table, output.dot(hidden, label as usize)?);
            return Ok((score >= 0.0).then(|| log(score).exp()));
        }
        self.score(output, hidden, &mut scratch.scores)?;
        let score = scratch.scores[label as usize];
        Ok(Some(log(score).exp()))
    }
}

/// Buffers of a prediction, kept between predictions.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    scores: Vec<f32>,
    nodes: Vec<(u32, f32)>,
}

fn log(probability: f32) -> f32 {
    (f64::from(probability) + 1e-5).ln() as f32
}

fn softmax(scores: &mut [f32]) {
    let first = scores.first().copied().unwrap_or(0.0);
    let max = scores.iter().fold(first, |max, &score| if score < max { max } else { score });
    let mut total = 0.0;
    for score in scores.iter_mut() {
        // The reference calls the exp of C, in double precision.
        *score = f64::from(*score - max).exp() as f32;
        total += *score;
    }
    scores.iter_mut().for_each(|score| *score /= total);
}

fn sigmoid_table() -> Vec<f32> {
    let entry = |step: usize| {
        let x = (step as f32 * 2.0 * SIGMOID_MAX) / SIGMOID_STEPS as f32 - SIGMOID_MAX;
        (1.0 / (1.0 + f64::from((-x).exp()))) as f32
    };
    (0..=SIGMOID_STEPS).map(entry).collect()
}

fn sigmoid(table: &[f32], x: f32) -> f32 {
    if x < -SIGMOID_MAX {
        0.0
    } else if x > SIGMOID_MAX {
        1.0
    } else {
        // Not a number ends up at the first entry, as nothing else can be meant by it.
        table[((x + SIGMOID_MAX) * SIGMOID_STEPS as f32 / SIGMOID_MAX / 2.0) as usize]
    }
}

/// The Huffman tree of a hierarchical softmax: leaves are labels, the last node is the root.
pub(super) struct Tree {
    /// Children of the inner nodes, left and right; node `i` here is node `leaves + i`.
    children: Vec<(u32, u32)>,
    leaves: u32,
}

impl Tree {
    /// Counts come sorted from the largest to the smallest, as the trainer leaves them.
    fn new(counts: &[i64]) -> Result<Self> {
        let leaves = counts.len();
        let mut weights = counts.to_vec();
        let mut children = Vec::with_capacity(leaves.saturating_sub(1));
        let (mut leaf, mut node) = (leaves, leaves);
        for _ in 1..leaves {
            let mut smallest = || {
                let inner = weights.get(node);
                if leaf > 0 && inner.is_none_or(|&inner| weights[leaf - 1] < inner) {
                    leaf -= 1;
                    leaf
                } else {
                    node += 1;
                    node - 1
                }
            };
            let (left, right) = (smallest(), smallest());
            let total = weights[left].checked_add(weights[right]);
            let total = total.filter(|&total| (0..1_000_000_000_000_000).contains(&total));
            weights.push(total.ok_or_else(|| {
                Error::asset("damaged fastText model: the label counts are impossible")
            })?);
            children.push((left as u32, right as u32));
        }
        Ok(Self { children, leaves: leaves as u32 })
    }

    /// Depth first, left before right, which decides the order of equal scores.
    fn walk(
        &self,
        output: &Output,
        hidden: &[f32],
        threshold: f32,
        nodes: &mut Vec<(u32, f32)>,
        best: &mut Best,
    ) -> Result<()> {
        let floor = log(threshold);
        nodes.clear();
        nodes.push((self.leaves + self.children.len() as u32 - 1, 0.0));
        while let Some((node, score)) = nodes.pop() {
            if score < floor || best.refuses(score) {
                continue;
            }
            let Some(inner) = node.checked_sub(self.leaves) else {
                best.push(score, node);
                continue;
            };
            let (left, right) = self.children[inner as usize];
            let x = output.dot(hidden, inner as usize)?;
            let turn = (1.0 / f64::from(1.0 + (-x).exp())) as f32;
            nodes.push((right, score + log(turn)));
            nodes.push((left, score + log((1.0 - f64::from(turn)) as f32)));
        }
        Ok(())
    }
}
