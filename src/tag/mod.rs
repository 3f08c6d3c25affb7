//! Tagger kernels: one file each, one table of names.
//!
//! A [`Kernel`] is built once per run (loads its model or list) and hands every thread a
//! [`Worker`] with its own scratch tables, reused from document to document.

mod c4;
mod code;
mod compressibility;
mod concentration;
pub mod engine;
mod entropy;
pub mod fasttext;
mod fineweb;
mod gopher;
mod length;
mod license;
mod madlad;
mod metadata;
mod multilingual;
mod pii;
mod pretokens;
mod punctuation;
mod random;
mod redpajama;
mod refinedweb;
pub mod repetitions;
pub mod row;
mod segments;
mod stop_words;
mod stops;
mod structure;
pub mod tally;
mod url;
mod wordlist;

use crate::error::{Error, Result};
use crate::text::Text;
use std::collections::BTreeMap;
use std::fmt;

/// One option of a kernel, as the Python tagger declares it.
#[derive(Debug, Clone, PartialEq)]
pub enum OptionValue {
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    List(Vec<String>),
}

/// As it would stand in a recipe.
impl fmt::Display for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Str(value) => write!(f, "{value:?}"),
            Self::List(values) => write!(f, "{values:?}"),
        }
    }
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
    /// Index into [`Kernel::types`], and behind their end into [`Spans::names`].
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
    /// Types that only this document has.
    pub names: Vec<String>,
}

/// More types than this of its own no document has.
const MAX_NAMES: usize = 1000;

impl Spans {
    pub fn push(&mut self, kind: u16, start: usize, end: usize, score: f64) {
        self.spans.push(Span { kind, start: start as u32, end: end as u32, score });
    }

    /// The kind of a type that is not among `types`; `None` for a document that has too many.
    pub fn named(&mut self, types: &[String], name: &str) -> Option<u16> {
        let known = self.names.iter().position(|known| known == name);
        let index = match known {
            Some(index) => index,
            None if self.names.len() < MAX_NAMES => {
                self.names.push(name.to_owned());
                self.names.len() - 1
            }
            None => return None,
        };
        u16::try_from(types.len() + index).ok()
    }

    pub fn clear(&mut self) {
        self.spans.clear();
        self.names.clear();
    }
}

/// A tagger in Rust, shared by all threads of a run.
pub trait Kernel: Send + Sync {
    /// The attribute types that the kernel can emit (the third part of an attribute's name).
    fn types(&self) -> &[String];

    /// Whether more of a text is read than its length in code points. Where no tagger of a run reads more,
    /// the escapes of texts are not undone, and a document's text is [`Text::of_length`].
    fn reads_text(&self) -> bool {
        true
    }

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
    ("bytes_length_v1", length::bytes),
    ("c4_v1", c4::v1),
    ("c4_v2", c4::v2),
    ("c4_v3", c4::v3),
    ("cc_re", license::links),
    ("cc_re_fast", license::fast_links),
    ("char_length_strip_ws_v1", length::stripped_chars),
    ("char_length_v1", length::chars),
    ("char_length_with_paragraphs_v1", length::paragraph_chars),
    ("code_composition", fasttext::composition::build),
    ("code_copyright_comments_v1", code::copyright::v1),
    ("code_copyright_comments_v2", code::copyright::v2),
    ("code_redpajama_taggers_v1", code::redpajama::build),
    ("code_stack_rules_v1", code::stack::build),
    ("compressibility_v1", compressibility::build),
    ("doc_count_v1", length::documents),
    ("entropy_v1", entropy::build),
    ("fasttext", fasttext::build),
    ("fineweb_quality_v1", fineweb::build),
    ("gopher_repetition_v1", gopher::repetition),
    ("gopher_v1", gopher::v1),
    ("gopher_v2", gopher::v2),
    ("gopher_v3", gopher::v3),
    ("license_optout_v1", license::optout),
    ("madlad400_v1", madlad::build),
    ("math_density_v1", structure::math),
    ("multilingual_length_v3", multilingual::build),
    ("not_alphanum_paragraph_v1", punctuation::punctuation),
    ("olmo_pretokenizer_v1", pretokens::document),
    ("olmo_pretokenizer_with_paragraphs_v1", pretokens::paragraphs),
    ("paragraph_repetitions_v1", repetitions::paragraphs_v1),
    ("pii_regex_v1", pii::published::build_v1),
    ("pii_regex_v2", pii::published::build_v2),
    ("pii_regex_v3", pii::v3::build),
    ("pii_regex_with_counts_fast_v2", pii::published::build_fast_v2),
    ("pii_regex_with_counts_v2", pii::published::build_counts_v2),
    ("random_number_v1", random::random),
    ("redpajama_v2", redpajama::build),
    ("refinedweb_lines_v1", refinedweb::build),
    ("repetitions_v1", repetitions::v1),
    ("repetitions_v3", repetitions::v3),
    ("stop_words_v1", stop_words::build),
    ("structure_v1", structure::structure),
    ("uniseg_length_paragraphs_v1", segments::paragraphs),
    ("uniseg_length_paragraphs_with_doc_length_v1", segments::paragraphs_and_sum),
    ("uniseg_length_paragraphs_with_empty_v1", segments::all_paragraphs),
    ("uniseg_length_v1", segments::document),
    ("url_hosts", url::hosts),
    ("url_links", url::links),
    ("url_list", url::own_list),
    ("url_rules", url::rules),
    ("url_wikidata", url::wikidata),
    ("url_words", url::words),
    ("whitespace_tokenizer_v1", length::tokens),
    ("whitespace_tokenizer_with_paragraphs_v1", length::paragraph_tokens),
    ("word_concentration_v1", concentration::build),
    ("word_repetitions_v1", repetitions::words_v1),
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

/// For kernels that have no options.
fn refuse_options(name: &str, options: &Options) -> Result<()> {
    match options.keys().next() {
        Some(option) => Err(Error::config(format!("{name} has no option {option:?}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A case of a kernel's test in one line.

    use super::*;

    /// Type, start, end, score.
    pub(crate) type Row = (&'static str, usize, usize, f64);

    /// What the kernel says of a document with this text and the id "id".
    pub(crate) fn rows(kernel: &str, text: &str) -> Vec<Row> {
        let kernel = build(kernel, &Options::new()).unwrap();
        let out = spans(&*kernel, text, None);
        let name = |kind: u16| &*kernel.types()[kind as usize].clone().leak();
        out.spans
            .iter()
            .map(|s| (name(s.kind), s.start as usize, s.end as usize, s.score))
            .collect()
    }

    /// The spans of a document with the id "id"; the same by its length alone, where that is all that is read.
    pub(crate) fn spans(kernel: &dyn Kernel, text: &str, metadata: Option<&[u8]>) -> Spans {
        let tag = |text: &Text<'_>| {
            let mut out = Spans::default();
            kernel.worker().tag(&Document { id: "id", text, metadata }, &mut out).unwrap();
            out
        };
        let text = Text::new(text);
        let out = tag(&text);
        if !kernel.reads_text() {
            let short = tag(&Text::of_length(text.chars()));
            assert_eq!((&short.spans, &short.names), (&out.spans, &out.names));
        }
        out
    }

    #[test]
    fn only_a_few_kernels_read_no_text() {
        let built =
            KERNELS.iter().filter_map(|(name, build)| Some((name, build(&Options::new()).ok()?)));
        let without = built.filter(|(_, kernel)| !kernel.reads_text());
        let names: Vec<_> = without.map(|(&name, _)| name).collect();
        assert_eq!(names, ["char_length_v1", "doc_count_v1", "random_number_v1", "url_words"]);
    }

    #[test]
    fn kernels_are_named_once_and_refuse_unknown_options() {
        for (at, (name, _)) in KERNELS.iter().enumerate() {
            assert!(KERNELS[..at].iter().all(|(other, _)| other != name), "{name}");
            let options = Options::from([("nonsense".to_owned(), OptionValue::Bool(true))]);
            assert!(build(name, &options).is_err(), "{name}");
        }
    }
}
