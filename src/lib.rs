//! The engine of dolma.
//!
//! Whole shards in, temporary files out: no network, no defaults of options, no Python per
//! document unless a Python tagger was asked for. Arrows point down only:
//!
//! ```text
//! python ─► tag, dedupe, mix ─► filter, text, codec, run ─► document, error, memory
//! ```
//!
//! Offsets and lengths that leave the engine are Unicode code points of `text`, half-open, as
//! Python slices; `text.rs` is the only place that counts them.

pub mod codec;
pub mod dedupe;
pub mod document;
pub mod error;
pub mod filter;
pub mod json;
mod memory;
pub mod mix;
#[cfg(feature = "python")]
mod python;
pub mod run;
pub mod shard;
pub mod tag;
pub mod text;
pub mod zipped;

pub use error::{Error, Result};
