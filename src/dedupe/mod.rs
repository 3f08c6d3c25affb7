//! Deduplication: what was seen before is marked in attribute files, never removed.
//!
//! Shards are parsed in parallel into lists of 128-bit keys; the filter sees the keys strictly in
//! input order, so that the first copy by (file, line) is the one kept, for any number of threads;
//! rows are then formatted and compressed in parallel again.

pub mod bloom;
pub mod cluster;
pub mod engine;
pub mod fields;
pub mod frames;
pub mod keys;
pub mod merge;
pub mod ngrams;
pub mod normalize;
pub mod readings;
pub mod sources;
pub mod substring;
