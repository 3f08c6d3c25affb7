//! Mixing: documents joined with their attributes, filtered, edited and written.

pub mod engine;
pub mod row;
pub mod spans;
pub mod stream;
mod tally;
