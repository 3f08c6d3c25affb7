//! Connected components of numbered nodes; the root of each is its least node.

use super::blocks::Scratch;
use super::table::Table;
use crate::error::Result;

/// Nodes `0..n`, each alone at first.
pub struct Union {
    parents: Table<u32>,
}

impl Union {
    /// # Errors
    /// `Io` of an intermediate file.
    pub fn new(nodes: usize, scratch: &Scratch) -> Result<Self> {
        let own = (0..nodes).map(|node| node as u32);
        Ok(Self { parents: Table::of("components", scratch, own)? })
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

    /// For each node, its root, and 1 if it has company, else 0.
    ///
    /// # Errors
    /// As [`Union::new`].
    pub fn finish(mut self, scratch: &Scratch) -> Result<(Table<u32>, Table<u8>)> {
        let nodes = self.parents.len();
        let mut shared = Table::of("company", scratch, (0..nodes).map(|_| 0))?;
        for node in 0..nodes {
            let root = self.shorten(node as u32);
            self.parents[node] = root;
            if root as usize != node {
                shared[node] = 1;
                shared[root as usize] = 1;
            }
        }
        Ok((self.parents, shared))
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
            room in prop::sample::select(vec![0u64, 1 << 20]),
        ) {
            let mut labels: Vec<u32> = (0..30).collect();
            let folder = tempfile::tempdir().unwrap();
            let scratch = Scratch::new(folder.path(), room);
            let mut union = Union::new(30, &scratch).unwrap();
            for (a, b) in &edges {
                union.join(*a, *b);
                let (a, b) = (labels[*a as usize], labels[*b as usize]);
                labels.iter_mut().for_each(|label| if *label == a.max(b) { *label = a.min(b) });
            }
            let (roots, shared) = union.finish(&scratch).unwrap();
            prop_assert_eq!(&*roots, &labels[..]);
            for node in 0..30 {
                let company = labels.iter().filter(|label| **label == labels[node]).count() > 1;
                prop_assert_eq!(shared[node] != 0, company);
            }
        }
    }
}
