//! Compressed and plain files, in and out, chosen by suffix.
//!
//! [`Reader`] gives the bytes of a file and [`Lines`] its lines in batches; a file that is cut
//! short or damaged is an error, never an early end. Output is made of independently compressed
//! segments: threads turn text into segments with a [`Compressor`] each, and a [`Writer`] lays them
//! end to end, so that the bytes of a file do not depend on how many threads made it. Idle threads
//! [`Prefetch`] a gzip file for the one that reads it.
//!
//! ```text
//! Source ─► Gunzip, Unzstd ─► Reader ─► Lines        Compressor ─► PartWriter ─► Part ─► Writer
//!             ▲                                           └─────────────────────────────┘
//! Prefetch ─► Stretch
//! ```

mod bits;
mod block;
mod compressor;
mod deflate;
mod finder;
mod format;
mod gauge;
mod gunzip;
mod huffman;
mod inflate;
mod input;
mod lines;
mod markers;
mod member;
mod part;
mod prefetch;
mod reader;
mod source;
mod stretch;
mod symbols;
mod tables;
#[cfg(test)]
mod tests;
mod unzstd;
mod writer;

pub use compressor::{Compressor, Segment};
pub use format::{Encoding, Format};
pub use gauge::Gauge;
pub use lines::{Batch, Lines};
pub use part::{Part, PartWriter};
pub use prefetch::{Claim, Prefetch};
pub use reader::{Reader, open};
pub use stretch::Scratch;
pub use writer::{Writer, Written};
