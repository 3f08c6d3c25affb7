//! Words in addresses: the second half of the URL filter of RefinedWeb.
//!
//! Adult and spam sites say what they are in their address. Penedo et al. 2023 (RefinedWeb, G.1)
//! tell three kinds of words apart by how sure they are, and `datatrove` published lists for them.

use super::{Document, Kernel, OptionValue, Options, Spans, Worker, lists, metadata, only};
use crate::error::{Error, Result};
use aho_corasick::{AhoCorasick, MatchKind};
use std::collections::HashMap;
use std::path::Path;

const NAME: &str = "url_words";

/// So many different soft words are enough.
const SOFT_WORDS: i64 = 2;

const STRICT: u16 = 0;
const HARD: u16 = 1;
const SOFT: u16 = 2;
const BLOCKED: u16 = 3;

/// `url_words`: words of three lists in the address.
///
/// Options: `strict`, `hard`, `soft` (files with one word a line), `soft_words` (how many).
pub(crate) fn build(options: &Options) -> Result<Box<dyn Kernel>> {
    only(NAME, options, &["strict", "hard", "soft", "soft_words"])?;
    let needed = match options.get("soft_words") {
        None => SOFT_WORDS,
        Some(OptionValue::Int(count)) if *count > 0 => *count,
        Some(_) => return Err(Error::config("url_words: soft_words is a number from 1")),
    };
    let strict = AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .build(read(options, "strict")?)
        .map_err(|cause| Error::config(format!("{NAME}: {cause}")))?;
    let mut words = HashMap::new();
    for (kind, name) in [(SOFT, "soft"), (HARD, "hard")] {
        for word in read(options, name)? {
            let next = words.len();
            words.entry(word).or_insert((kind, next)).0 = kind;
        }
    }
    let types = ["strict", "hard", "soft", "blocked"].map(str::to_owned).to_vec();
    Ok(Box::new(UrlWords { strict, words, needed: needed as usize, types }))
}

/// The words of a list, as letters and digits alone: so they are looked for.
fn read(options: &Options, name: &str) -> Result<Vec<Vec<u8>>> {
    let path = match options.get(name) {
        None => return Ok(Vec::new()),
        Some(OptionValue::Str(path)) => path,
        Some(_) => return Err(Error::config(format!("{NAME}: {name} is a path"))),
    };
    let mut words: Vec<Vec<u8>> = Vec::new();
    lists::each_line(Path::new(path), |line| {
        // A word may begin with `#`; a comment goes on with a space.
        if !line.starts_with("# ") {
            let lower = line.bytes().filter(u8::is_ascii_alphanumeric);
            words.push(lower.map(|byte| byte.to_ascii_lowercase()).collect());
        }
        Ok(())
    })?;
    words.retain(|word| !word.is_empty());
    words.sort_unstable();
    words.dedup();
    Ok(words)
}

struct UrlWords {
    strict: AhoCorasick,
    /// Whole words with their kind and number; a word of both lists is hard.
    words: HashMap<Vec<u8>, (u16, usize)>,
    needed: usize,
    types: Vec<String>,
}

impl Kernel for UrlWords {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn reads_text(&self) -> bool {
        false
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(Reader {
            parts: vec![false; self.strict.patterns_len()],
            words: vec![false; self.words.len()],
            list: self,
            raw: Vec::new(),
            letters: Vec::new(),
        })
    }
}

struct Reader<'a> {
    list: &'a UrlWords,
    raw: Vec<u8>,
    letters: Vec<u8>,
    /// Which strict and which other words the address has.
    parts: Vec<bool>,
    words: Vec<bool>,
}

/// Notes that word `at` is there; 1 the first time.
fn note(seen: &mut [bool], at: usize) -> usize {
    usize::from(!std::mem::replace(&mut seen[at], true))
}

impl Worker for Reader<'_> {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let Some(url) = metadata::string(doc.metadata, "url", &mut self.raw) else {
            return Ok(());
        };
        let lower = url.to_ascii_lowercase();
        self.parts.fill(false);
        self.words.fill(false);
        let mut counts = [0; 3];
        for word in lower.as_bytes().split(|b| !b.is_ascii_alphanumeric()) {
            if let Some(&(kind, number)) = self.list.words.get(word) {
                counts[usize::from(kind)] += note(&mut self.words, number);
            }
        }
        self.letters.clear();
        self.letters.extend(lower.bytes().filter(u8::is_ascii_alphanumeric));
        for hit in self.list.strict.find_overlapping_iter(&self.letters) {
            counts[usize::from(STRICT)] += note(&mut self.parts, hit.pattern().as_usize());
        }
        for (kind, &count) in (STRICT..).zip(&counts).filter(|(_, count)| **count > 0) {
            out.push(kind, 0, doc.text.chars(), count as f64);
        }
        let [strict, hard, soft] = counts;
        if strict > 0 || hard > 0 || soft >= self.list.needed {
            out.push(BLOCKED, 0, doc.text.chars(), 1.0);
        }
        Ok(())
    }
}
