//! Connected components of numbered nodes; the root of each is its least node.

/// Nodes `0..n`, each alone at first.
#[derive(Debug)]
pub struct Union {
    parents: Vec<u32>,
}

impl Union {
    pub fn new(nodes: usize) -> Self {
        Self { parents: (0..nodes as u32).collect() }
    }

    /// The least node of the component of `node`.
    pub fn root(&self, mut node: u32) -> u32 {
        while self.parents[node as usize] != node {
            node = self.parents[node as usize];
        }
        node
    }

    /// Makes one component of those of `a` and `b`.
    pub fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.shorten(a), self.shorten(b));
        self.parents[a.max(b) as usize] = a.min(b);
    }

    /// The root of `node`, with the way there halved for the next time.
    fn shorten(&mut self, mut node: u32) -> u32 {
        while self.parents[node as usize] != node {
            let next = self.parents[self.parents[node as usize] as usize];
            self.parents[node as usize] = next;
            node = next;
        }
        node
    }

    /// For each node, its root, and whether it has company.
    pub fn finish(mut self) -> (Vec<u32>, Vec<bool>) {
        let nodes = self.parents.len();
        let mut shared = vec![false; nodes];
        for node in 0..nodes as u32 {
            let root = self.shorten(node);
            self.parents[node as usize] = root;
            if root != node {
                shared[node as usize] = true;
                shared[root as usize] = true;
            }
        }
        (self.parents, shared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn components_are_those_of_a_slow_search(
            edges in proptest::collection::vec((0..30u32, 0..30u32), 0..40),
        ) {
            let mut labels: Vec<u32> = (0..30).collect();
            let mut union = Union::new(30);
            for (a, b) in &edges {
                union.join(*a, *b);
                let (a, b) = (labels[*a as usize], labels[*b as usize]);
                labels.iter_mut().for_each(|label| if *label == a.max(b) { *label = a.min(b) });
            }
            let (roots, shared) = union.finish();
            prop_assert_eq!(&roots, &labels);
            for node in 0..30 {
                let company = labels.iter().filter(|label| **label == labels[node]).count() > 1;
                prop_assert_eq!(shared[node], company);
            }
        }
    }
}
