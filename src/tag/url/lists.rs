//! Sets of names and addresses, read from the files of block lists.
//!
//! A set keeps 64-bit hashes: five million names take 75 MB and one probe, and the chance that an
//! address which is on no list is taken for one that is stays below one in a trillion.

use super::address::Address;
use super::entries::{Entry, entry};
use crate::codec::Lines;
use crate::error::{Error, Result};
use crate::json;
use crate::tag::{OptionValue, Options};
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

/// Bytes of a list that are read at a time.
const BLOCK: usize = 1 << 20;

/// The keys are hashes already.
#[derive(Debug, Default)]
pub struct Given(u64);

impl Hasher for Given {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// A set of strings, by hash.
#[derive(Debug, Default)]
pub struct Strings(HashSet<u64, BuildHasherDefault<Given>>);

impl Strings {
    pub fn insert(&mut self, text: &str) {
        self.0.insert(xxh3_64(text.as_bytes()));
    }

    pub fn contains(&self, text: &str) -> bool {
        self.0.contains(&xxh3_64(text.as_bytes()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `host` or a domain above it is in the set.
    pub fn covers(&self, host: &str) -> bool {
        let mut rest = host;
        loop {
            if self.contains(rest) {
                return true;
            }
            match rest.split_once('.') {
                Some((_, parent)) => rest = parent,
                None => return false,
            }
        }
    }
}

/// A host without `www.` in front: lists and addresses have it or not by chance.
pub fn bare(host: &str) -> &str {
    let mut host = host;
    while let Some(rest) = host.strip_prefix("www.") {
        if !rest.contains('.') {
            break;
        }
        host = rest;
    }
    host
}

/// The option `paths`: the files of a list.
pub fn paths(name: &str, options: &Options) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for (option, value) in options {
        match (option.as_str(), value) {
            ("paths", OptionValue::List(list)) => paths.extend(list.iter().map(PathBuf::from)),
            ("paths", OptionValue::Str(path)) => paths.push(PathBuf::from(path)),
            _ => {}
        }
    }
    if paths.is_empty() {
        return Err(Error::config(format!("{name}: paths names no list")));
    }
    Ok(paths)
}

/// Calls `visit` with every line of a list, of any compression, without white space around it.
///
/// # Errors
/// `Io` and `Codec` when it cannot be read; what `visit` gives. What is not UTF-8 is replaced.
pub fn each_line(path: &Path, mut visit: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let mut lines = Lines::open(path).map_err(|error| error.at(path))?;
    let mut buffer = Vec::new();
    while let Some(batch) = lines.next_batch(&mut buffer, BLOCK).map_err(|error| error.at(path))? {
        for (line, number) in buffer.split(|&b| b == b'\n').zip(batch.first_line..) {
            let line = String::from_utf8_lossy(line);
            visit(line.trim()).map_err(|error| error.at(path).on_line(number))?;
        }
    }
    Ok(())
}

/// An empty list blocks nothing and so looks like a clean corpus: it is refused.
pub fn refuse_empty(set: Strings, name: &str, paths: &[PathBuf]) -> Result<Strings> {
    if set.is_empty() {
        let error = Error::asset(format!("{name}: no line of the list is an entry"));
        return Err(paths.first().map_or_else(|| Error::asset(""), |path| error.at(path)));
    }
    Ok(set)
}

/// The hosts that lists name, without `www.`.
pub fn hosts(name: &str, paths: &[PathBuf]) -> Result<Strings> {
    let mut set = Strings::default();
    let mut address = Address::default();
    let mut insert = |set: &mut Strings, text: &str| {
        if address.read(text) {
            set.insert(bare(address.host()));
        }
    };
    for path in paths {
        each_line(path, |line| {
            match entry(&line.to_lowercase()) {
                Entry::Nothing | Entry::Unknown => {}
                Entry::Address(text) => insert(&mut set, text),
                Entry::Host { ip, name } => {
                    ip.into_iter().for_each(|ip| set.insert(ip));
                    name.into_iter().for_each(|name| insert(&mut set, name));
                }
                Entry::Name(name) => set.insert(bare(name)),
            }
            Ok(())
        })?;
    }
    refuse_empty(set, name, paths)
}

/// Lines as they are, in lower case, as the published list of addresses is used.
pub fn verbatim(name: &str, paths: &[PathBuf]) -> Result<Strings> {
    let mut set = Strings::default();
    for path in paths {
        each_line(path, |line| {
            if !line.is_empty() && !line.starts_with('#') {
                set.insert(&line.to_lowercase());
            }
            Ok(())
        })?;
    }
    refuse_empty(set, name, paths)
}

/// Whole addresses, cleaned as those of documents are.
pub fn addresses(name: &str, paths: &[PathBuf]) -> Result<Strings> {
    let mut set = Strings::default();
    let mut address = Address::default();
    for path in paths {
        each_line(path, |line| {
            let first = line.split_whitespace().next().unwrap_or_default();
            if !first.starts_with('#') && address.read(first) {
                set.insert(address.as_str());
            }
            Ok(())
        })?;
    }
    refuse_empty(set, name, paths)
}

/// A row of a Wikidata answer.
#[derive(Debug, Default)]
pub struct Row {
    pub url: String,
    pub description: Option<String>,
}

/// Calls `visit` with every row that has an address; a file is JSON lists of objects, one a line.
///
/// # Errors
/// `Asset` for a line that is no list of objects.
pub fn each_row(path: &Path, mut visit: impl FnMut(&Row)) -> Result<()> {
    let wrong = |error: json::JsonError| Error::asset(format!("not a list of rows: {error}"));
    each_line(path, |line| {
        if line.is_empty() {
            return Ok(());
        }
        let bytes = line.as_bytes();
        let list = || Error::asset("not a list of rows: it starts with something else than '['");
        let mut at = bytes.first().filter(|&&b| b == b'[').map(|_| 1).ok_or_else(list)?;
        loop {
            at = json::skip_space(bytes, at);
            match bytes.get(at) {
                Some(b']') => return Ok(()),
                Some(b',') => at += 1,
                _ => {
                    let end = json::skip_value(bytes, at).map_err(wrong)?;
                    if let Some(row) = row(&bytes[at..end]) {
                        visit(&row);
                    }
                    at = end;
                }
            }
        }
    })
}

fn row(object: &[u8]) -> Option<Row> {
    let mut buffer = Vec::new();
    let mut text =
        |key| crate::tag::metadata::string(Some(object), key, &mut buffer).map(str::to_owned);
    Some(Row { url: text("url")?, description: text("description") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn www_is_cut_where_something_is_left() {
        assert_eq!(bare("www.example.org"), "example.org");
        assert_eq!(bare("www.www.example.org"), "example.org");
        assert_eq!(bare("wikipedia.org"), "wikipedia.org");
        assert_eq!(bare("wwwest.example"), "wwwest.example");
        assert_eq!(bare("www.com"), "www.com");
    }

    #[test]
    fn a_set_covers_what_is_below_its_names() {
        let mut set = Strings::default();
        set.insert("bad.example");
        assert!(set.covers("bad.example") && set.covers("a.b.bad.example"));
        assert!(!set.covers("notbad.example") && !set.covers("example") && !set.covers(""));
    }
}
