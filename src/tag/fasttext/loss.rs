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
            return tree.walk(output, hidden, threshold, scratch, best);
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
    ) -> Result<Option<f32>> {
        if let Self::Tree(tree) = self {
            return tree.descend(output, hidden, label, &mut scratch.nodes);
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
    /// Nodes of a tree with the log-probability of reaching them.
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
    /// The inner node above each node, and whether the node is its right child.
    parents: Vec<(u32, bool)>,
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
        let mut parents = vec![(0, false); leaves + children.len()];
        for (inner, &(left, right)) in children.iter().enumerate() {
            parents[left as usize] = (inner as u32, false);
            parents[right as usize] = (inner as u32, true);
        }
        Ok(Self { children, parents, leaves: leaves as u32 })
    }

    fn root(&self) -> u32 {
        self.leaves + self.children.len() as u32 - 1
    }

    /// Depth first, left before right, which decides the order of equal scores.
    fn walk(
        &self,
        output: &Output,
        hidden: &[f32],
        threshold: f32,
        scratch: &mut Scratch,
        best: &mut Best,
    ) -> Result<()> {
        let floor = log(threshold);
        let Scratch { scores, nodes } = scratch;
        // With few labels wanted most branches are refused: score nodes when they are met.
        let all = best.takes_all();
        if all {
            output.dot_all(hidden, scores)?;
        }
        nodes.clear();
        nodes.push((self.root(), 0.0));
        while let Some((node, score)) = nodes.pop() {
            if score < floor || best.refuses(score) {
                continue;
            }
            let Some(inner) = node.checked_sub(self.leaves) else {
                best.push(score, node);
                continue;
            };
            let inner = inner as usize;
            let x = if all { scores[inner] } else { output.dot(hidden, inner)? };
            let turn = turn_right(x);
            let (left, right) = self.children[inner];
            nodes.push((right, score + log(turn)));
            nodes.push((left, score + log(turn_left(turn))));
        }
        Ok(())
    }

    /// The probability of one label; `None` if a walk at threshold 0 never arrives there.
    fn descend(
        &self,
        output: &Output,
        hidden: &[f32],
        label: u32,
        path: &mut Vec<(u32, f32)>,
    ) -> Result<Option<f32>> {
        path.clear();
        let mut node = label;
        while node != self.root() {
            path.push((node, 0.0));
            node = self.leaves + self.parents[node as usize].0;
        }
        let floor = log(0.0);
        let mut score = 0.0;
        for &(node, _) in path.iter().rev() {
            let (inner, is_right) = self.parents[node as usize];
            let turn = turn_right(output.dot(hidden, inner as usize)?);
            score += log(if is_right { turn } else { turn_left(turn) });
            if score < floor {
                return Ok(None);
            }
        }
        Ok(Some(score.exp()))
    }
}

/// The probability of the right child, rounded as the reference rounds it.
fn turn_right(x: f32) -> f32 {
    (1.0 / f64::from(1.0 + (-x).exp())) as f32
}

fn turn_left(right: f32) -> f32 {
    (1.0 - f64::from(right)) as f32
}
