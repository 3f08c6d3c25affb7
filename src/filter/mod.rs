//! Filters: JSONPath and jq compiled once to one predicate over a lazily parsed record.

pub mod jq;
pub mod json;
pub mod jsonpath;
pub mod needs;
pub mod number;
pub mod parse;
pub mod record;
#[cfg(test)]
mod tests;
pub mod value;
