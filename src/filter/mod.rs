//! Filters: JSONPath and jq compiled once to one predicate over a lazily parsed record.
//!
//! ```text
//! rules ─► jsonpath, jq ─► Filter, Selector      which parts of a record they reach: needs
//! raw slices of a record (record) ─► parse ─► tape of values (value, number) ─► verdict
//! ```
//!
//! A [`Filter`] is made once per run and shared by all threads; each thread has a [`Scratch`].

mod jq;
mod json;
mod jsonpath;
mod needs;
mod number;
mod parse;
mod predicate;
mod record;
mod scan;
mod selector;
#[cfg(test)]
mod tests;
mod value;

pub use predicate::{Filter, Named, Scratch, Syntax, Verdict};
pub use record::RecordView;
pub use selector::{ScoredSpan, Selector};
