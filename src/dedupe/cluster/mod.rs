//! Deduplication that forms clusters: exact keys and MinHash.
//!
//! One shuffle serves both. The first pass (`gather`) reads every document once and hands its keys,
//! under 128-bit hashes, to sorters that spill to disk when the memory is used up. Sorted, equal
//! keys stand together: groups become clusters, each with the copy that the policy keeps (`exact`,
//! `near`). The last pass (`mark`) writes attribute rows from what the first remembered. What the first
//! pass gives of a file can also be written down and loaded by another run (`super::readings`). Nothing
//! depends on threads, parts or memory: records are totally ordered.

pub mod blocks;
mod compare;
pub mod exact;
pub mod findings;
pub mod gather;
pub mod gathered;
pub mod index;
pub mod ledger;
pub mod likeness;
pub mod mark;
pub mod near;
pub mod rank;
pub mod records;
pub mod run;
pub mod sets;
pub mod signature;
pub mod sketch;
pub mod sorter;
pub mod table;
pub mod tokens;
mod union;
pub mod verdicts;
mod words;
