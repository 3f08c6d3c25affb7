//! Tagger kernels: one file each, one table of names.
//!
//! A [`Kernel`] is built once per run (loads its model or list) and hands every thread a
//! [`Worker`] with its own scratch tables, reused from document to document.

mod pii;
mod wordlist;

use crate::error::{Error, Result};
use crate::text::Text;
use std::collections::BTreeMap;

/// One option of a kernel, as the Python tagger declares it.
#[derive(Debug, Clone, PartialEq)]
pub enum OptionValue {
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    List(Vec<String>),
}

/// The options of a kernel by name; a kernel refuses what it does not know.
pub type Options = BTreeMap<String, OptionValue>;

/// What a kernel sees of a document.
pub struct Document<'a> {
    pub id: &'a str,
    pub text: &'a Text<'a>,
    /// The raw JSON value of `metadata`, if the document has one.
    pub metadata: Option<&'a [u8]>,
}

/// One span of one attribute type; offsets are code points of the text, half-open.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Index into [`Kernel::types`].
    pub kind: u16,
    pub start: u32,
    pub end: u32,
    /// Rounded to five decimals when it is written.
    pub score: f64,
}

/// The spans of one document under one tagger, in the order in which they are written.
///
/// Attribute keys appear in the row in the order of each type's first span.
#[derive(Debug, Default)]
pub struct Spans {
    pub spans: Vec<Span>,
}

impl Spans {
    pub fn push(&mut self, kind: u16, start: usize, end: usize, score: f64) {
        self.spans.push(Span { kind, start: start as u32, end: end as u32, score });
    }

    pub fn clear(&mut self) {
        self.spans.clear();
    }
}

/// A tagger in Rust, shared by all threads of a run.
pub trait Kernel: Send + Sync {
    /// The attribute types that the kernel can emit (the third part of an attribute's name).
    fn types(&self) -> &[String];

    /// A worker for one thread.
    fn worker(&self) -> Box<dyn Worker + '_>;
}

/// The per-thread half of a kernel.
pub trait Worker {
    /// Appends the spans of `doc` to `out`. Must not depend on documents seen before.
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()>;
}

type Build = fn(&Options) -> Result<Box<dyn Kernel>>;

/// Every kernel by name: the only list.
const KERNELS: &[(&str, Build)] = &[
    ("pii_regex_v1", pii::published::build_v1),
    ("pii_regex_v2", pii::published::build_v2),
    ("pii_regex_with_counts_v2", pii::published::build_counts_v2),
    ("pii_regex_with_counts_fast_v2", pii::published::build_fast_v2),
    ("pii_regex_v3", pii::v3::build),
    ("wordlist", wordlist::build),
];

/// Builds the kernel called `name`.
///
/// # Errors
/// `Config` for an unknown name or option, `Asset` for a model or list that cannot be used.
pub fn build(name: &str, options: &Options) -> Result<Box<dyn Kernel>> {
    match KERNELS.iter().find(|(known, _)| *known == name) {
        Some((_, build)) => build(options),
        None => Err(Error::config(format!("no kernel is called {name:?}"))),
    }
}

/// The names of all kernels.
pub fn names() -> impl Iterator<Item = &'static str> {
    KERNELS.iter().map(|(name, _)| *name)
}
