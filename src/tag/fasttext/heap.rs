//! The k best labels, in the reference's order down to ties.
//!
//! The reference collects predictions in a binary min-heap of the C++ standard library and
//! sorts it at the end. Labels with equal scores come out in an order that only that heap's
//! steps explain (and with k = 1 the last of them wins), so its steps are reproduced: push
//! sifts up, pop moves the hole to a leaf along the smaller children and sifts up from there.

/// A label's log-probability and index.
pub(super) type Scored = (f32, u32);

/// `a` belongs below `b` in the heap: the root is the smallest score.
fn after(a: Scored, b: Scored) -> bool {
    a.0 > b.0
}

#[derive(Debug, Default)]
pub(super) struct Best {
    heap: Vec<Scored>,
    k: usize,
    /// Scores in the order of their pushes, when all labels are wanted.
    pushed: Vec<Scored>,
    all: bool,
}

impl Best {
    /// Forgets everything; up to `labels` scores will be pushed and the `k` best kept.
    pub(super) fn start(&mut self, k: usize, labels: usize) {
        self.heap.clear();
        self.pushed.clear();
        self.k = k;
        self.all = k >= labels;
    }

    /// Whether there is room for every label.
    pub(super) fn takes_all(&self) -> bool {
        self.all
    }

    /// Whether a score cannot enter any more.
    pub(super) fn refuses(&self, score: f32) -> bool {
        self.heap.len() == self.k && self.heap.first().is_some_and(|worst| score < worst.0)
    }

    pub(super) fn push(&mut self, score: f32, label: u32) {
        if self.all {
            self.pushed.push((score, label));
        } else {
            self.sift(score, label);
        }
    }

    fn sift(&mut self, score: f32, label: u32) {
        self.heap.push((score, label));
        let last = self.heap.len() - 1;
        sift_up(&mut self.heap, last, 0, (score, label));
        if self.heap.len() > self.k {
            pop(&mut self.heap);
            self.heap.pop();
        }
    }

    /// The labels from the best to the worst.
    pub(super) fn finish(&mut self) -> &[Scored] {
        if self.all {
            // Scores that all differ have one order: only ties need the heap's steps.
            self.heap.extend_from_slice(&self.pushed);
            self.heap.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
            if self.heap.windows(2).all(|pair| pair[0].0 > pair[1].0) {
                return &self.heap;
            }
            self.heap.clear();
            for index in 0..self.pushed.len() {
                let (score, label) = self.pushed[index];
                self.sift(score, label);
            }
        }
        let sorted = &mut self.heap[..];
        for end in (2..=sorted.len()).rev() {
            pop(&mut sorted[..end]);
        }
        sorted
    }
}

fn sift_up(heap: &mut [Scored], mut hole: usize, top: usize, value: Scored) {
    while hole > top && after(heap[(hole - 1) / 2], value) {
        heap[hole] = heap[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    heap[hole] = value;
}

/// Moves the root to the end and restores the heap before it.
fn pop(heap: &mut [Scored]) {
    let Some(last) = heap.len().checked_sub(1).filter(|&last| last > 0) else { return };
    let value = heap[last];
    heap[last] = heap[0];
    let rest = &mut heap[..last];
    let mut hole = 0;
    while 2 * hole + 2 < rest.len() {
        let (left, right) = (2 * hole + 1, 2 * hole + 2);
        let child = if after(rest[right], rest[left]) { left } else { right };
        rest[hole] = rest[child];
        hole = child;
    }
    if 2 * hole + 2 == rest.len() {
        rest[hole] = rest[2 * hole + 1];
        hole = 2 * hole + 1;
    }
    sift_up(rest, hole, 0, value);
}
