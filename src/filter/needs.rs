//! Which parts of a record the rules can reach, found out once when they are compiled.
//!
//! A tree over the names that rules follow from the top of the record. Each name has a slot in its
//! object, so that a rule finds its value by index; names that no rule follows are skipped when a
//! record is read. Where a rule looks at an object as a whole (a wildcard, its length, printing it),
//! the tree says so and everything below is read.

use xxhash_rust::xxh3::xxh3_64;

/// The place of a node in the tree.
pub type NeedId = u32;

#[derive(Debug, Default)]
struct Need {
    whole: bool,
    keys: Vec<(Box<str>, NeedId)>,
    /// Open addressing over `keys`, twice as large: index + 1, 0 when free. Built by `finish`.
    table: Box<[u32]>,
}

/// The tree. The record itself is the node [`Needs::ROOT`].
#[derive(Debug)]
pub struct Needs {
    nodes: Vec<Need>,
}

impl Default for Needs {
    fn default() -> Self {
        Self { nodes: vec![Need::default()] }
    }
}

impl Needs {
    pub const ROOT: NeedId = 0;

    /// The slot of `key` in the object at `parent`, and its own place in the tree.
    pub fn child(&mut self, parent: NeedId, key: &str) -> (u32, NeedId) {
        let keys = &self.nodes[parent as usize].keys;
        if let Some(slot) = keys.iter().position(|(name, _)| &**name == key) {
            return (slot as u32, keys[slot].1);
        }
        let id = self.nodes.len() as NeedId;
        self.nodes.push(Need::default());
        let keys = &mut self.nodes[parent as usize].keys;
        keys.push((key.into(), id));
        (keys.len() as u32 - 1, id)
    }

    /// Records that a rule looks at everything below `place`.
    pub fn need_whole(&mut self, place: NeedId) {
        self.nodes[place as usize].whole = true;
    }

    /// Makes the look-up tables, after the last rule was compiled.
    pub fn finish(&mut self) {
        for node in &mut self.nodes {
            // A table without a free entry would make a search for a missing key endless.
            let size = (2 * node.keys.len()).next_power_of_two().max(2);
            let mut table = vec![0u32; size].into_boxed_slice();
            for (index, (key, _)) in node.keys.iter().enumerate() {
                let mut at = xxh3_64(key.as_bytes()) as usize & (size - 1);
                while table[at] != 0 {
                    at = (at + 1) & (size - 1);
                }

                table[at] = index as u32 + 1;
            }
            node.table = table;
        }
    }

    pub fn is_whole(&self, place: NeedId) -> bool {
        self.nodes[place as usize].whole
    }

    pub fn slots(&self, place: NeedId) -> usize {
        self.nodes[place as usize].keys.len()
    }

    /// The slot and place of a key as it is met in a record.
    #[inline]
    pub fn slot(&self, place: NeedId, key: &[u8]) -> Option<(u32, NeedId)> {
        let node = &self.nodes[place as usize];
        let mask = node.table.len().checked_sub(1)?;
        let mut at = xxh3_64(key) as usize & mask;
        loop {
            let index = node.table[at] as usize;
            if index == 0 {
                return None;
            }
            let (name, id) = &node.keys[index - 1];
            if name.as_bytes() == key {
                return Some((index as u32 - 1, *id));
            }
            at = (at + 1) & mask;
        }
    }

    /// The names below `place` that rules follow, in order of first use.
    pub fn names(&self, place: NeedId) -> impl Iterator<Item = &str> {
        self.nodes[place as usize].keys.iter().map(|(name, _)| &**name)
    }

    /// The fields of the record that rules follow, in order of first use.
    pub fn fields(&self) -> Vec<String> {
        self.names(Self::ROOT).map(str::to_owned).collect()
    }

    /// The keys below the record's `attributes` that rules follow, in order of first use.
    pub fn attributes(&self) -> Vec<String> {
        match self.find(Self::ROOT, "attributes") {
            Some(place) => self.names(place).map(str::to_owned).collect(),
            None => Vec::new(),
        }
    }

    /// The place of `key` below `parent`, if any rule follows it.
    pub fn find(&self, parent: NeedId, key: &str) -> Option<NeedId> {
        let keys = &self.nodes[parent as usize].keys;
        keys.iter().find(|(name, _)| &**name == key).map(|(_, id)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_slot_however_often_it_is_followed() {
        let mut needs = Needs::default();
        let (_, attributes) = needs.child(Needs::ROOT, "attributes");
        let a = needs.child(attributes, "a");
        let b = needs.child(attributes, "b");
        assert_eq!(needs.child(attributes, "a"), a);
        assert_eq!((a.0, b.0), (0, 1));
        needs.finish();
        assert_eq!(needs.slot(attributes, b"b"), Some(b));
        assert_eq!(needs.slot(attributes, b"c"), None);
        assert_eq!(needs.slot(a.1, b"a"), None);
        assert_eq!(needs.names(attributes).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn many_names_are_all_found() {
        let mut needs = Needs::default();
        let names: Vec<String> = (0..1000).map(|n| format!("attribute_{n}")).collect();
        for name in &names {
            needs.child(Needs::ROOT, name);
        }
        needs.finish();
        for (slot, name) in names.iter().enumerate() {
            assert_eq!(needs.slot(Needs::ROOT, name.as_bytes()).map(|s| s.0), Some(slot as u32));
        }
    }
}
