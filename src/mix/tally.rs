//! What a mix counts: documents by what became of them, with their bytes and words.

use super::engine::Stream;
use super::stream::Fate;
use crate::shard::Counts;
use std::collections::BTreeMap;

/// What was counted, for the report.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) counts: Counts,
    pub(super) fates: BTreeMap<Fate, Cost>,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) words_in: u64,
    pub(super) words_out: u64,
    pub(super) spans_replaced: u64,
    pub(super) seen: Vec<bool>,
}

/// The documents that met one fate.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    pub(super) documents: u64,
    /// Of their fields, as they came.
    pub(super) bytes: u64,
    /// Of their texts, as they came; counted on request.
    pub(super) words: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.counts += other.counts;
        for (fate, cost) in other.fates {
            let total = self.fates.entry(fate).or_default();
            total.documents += cost.documents;
            total.bytes += cost.bytes;
            total.words += cost.words;
        }
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.words_in += other.words_in;
        self.words_out += other.words_out;
        self.spans_replaced += other.spans_replaced;
        self.seen.resize(other.seen.len(), false);
        self.seen.iter_mut().zip(other.seen).for_each(|(seen, other)| *seen |= other);
    }

    /// The numbers of the report, by path.
    pub(super) fn details(&self, stream: &Stream) -> Vec<(Vec<String>, f64)> {
        let mut details = Vec::new();
        let mut put = |path: &[&str], value: u64| {
            let root = ["streams", stream.name.as_str()];
            let path = root.iter().chain(path).map(ToString::to_string).collect();
            details.push((path, value as f64));
        };
        put(&["documents_in"], self.counts.read);
        put(&["documents_out"], self.counts.written);
        put(&["bytes_in"], self.bytes_in);
        put(&["bytes_out"], self.bytes_out);
        put(&["spans_replaced"], self.spans_replaced);
        if self.words_in > 0 {
            put(&["words_in"], self.words_in);
            put(&["words_out"], self.words_out);
        }
        for (fate, cost) in &self.fates {
            let path: &[&str] = match fate {
                Fate::Written => continue,
                Fate::Edited => &["edited"],
                Fate::NotIncluded => &["dropped", "not included"],
                Fate::Excluded(rule) => &["dropped", &stream.rules.exclude_names[*rule]],
                Fate::TooShort => &["dropped", "min_text_length"],
            };
            put(&[path, &["documents"]].concat(), cost.documents);
            put(&[path, &["bytes"]].concat(), cost.bytes);
            if self.words_in > 0 {
                put(&[path, &["words"]].concat(), cost.words);
            }
        }
        for (name, seen) in stream.watched.iter().zip(&self.seen) {
            if !seen {
                put(&["unseen_attributes", name], 1);
            }
        }
        details
    }
}
