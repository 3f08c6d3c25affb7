//! Taggers of a document's address, `metadata.url`: block lists, allow lists, words.
//!
//! Where a page comes from says much of what it is worth, and looking it up costs nothing beside
//! reading the page. Lists of hosts, of addresses and of filter rules are each a kernel of one
//! option, the files; an address on the list gives the span `url` over the whole document, score
//! 1, and one that is not gives none.

mod adblock;
mod address;
mod entries;
mod lists;
mod wikidata;
mod words;

pub(super) use words::build as words;

use super::{Document, Kernel, OptionValue, Options, Spans, Worker, metadata};
use crate::error::{Error, Result};
use adblock::Rules;
use address::Address;
use lists::{Strings, bare};
use wikidata::Allowed;

/// What an address is looked up in.
enum Lookup {
    /// The host is listed; `www.` is the same as none.
    Hosts(Strings),
    /// The host or a domain above it is listed.
    Domains(Strings),
    /// The whole address is listed.
    Addresses(Strings),
    /// A filter rule fires for it, without its query where `query` is false.
    Rules { rules: Rules, query: bool },
    /// The host or the last two labels of it are listed.
    Wikidata(Allowed),
}

struct List {
    lookup: Lookup,
    types: Vec<String>,
}

fn list(lookup: Lookup) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(List { lookup, types: vec!["url".to_owned()] }))
}

/// Refuses options other than `known`.
fn only(name: &str, options: &Options, known: &[&str]) -> Result<()> {
    match options.keys().find(|option| !known.contains(&option.as_str())) {
        Some(option) => Err(Error::config(format!("{name} has no option {option:?}"))),
        None => Ok(()),
    }
}

/// `url_hosts`: the host is on one of the lists `paths`.
pub(super) fn hosts(options: &Options) -> Result<Box<dyn Kernel>> {
    only("url_hosts", options, &["paths"])?;
    let paths = lists::paths("url_hosts", options)?;
    list(Lookup::Hosts(lists::hosts("url_hosts", &paths)?))
}

/// `url_links`: the address, without scheme and query, is a line of one of the lists `paths`.
pub(super) fn links(options: &Options) -> Result<Box<dyn Kernel>> {
    only("url_links", options, &["paths"])?;
    let paths = lists::paths("url_links", options)?;
    list(Lookup::Addresses(lists::verbatim("url_links", &paths)?))
}

/// `url_rules`: a rule of the filter lists `paths` blocks the address without its query.
pub(super) fn rules(options: &Options) -> Result<Box<dyn Kernel>> {
    only("url_rules", options, &["paths"])?;
    let rules = Rules::read("url_rules", &lists::paths("url_rules", options)?)?;
    list(Lookup::Rules { rules, query: false })
}

/// `url_wikidata`: the host is that of a row of the Wikidata answers `paths`; with `exact`, of one
/// that describes what it is and is not for adults.
pub(super) fn wikidata(options: &Options) -> Result<Box<dyn Kernel>> {
    only("url_wikidata", options, &["paths", "exact"])?;
    let exact = match options.get("exact") {
        None => false,
        Some(OptionValue::Bool(exact)) => *exact,
        Some(_) => return Err(Error::config("url_wikidata: exact is true or false")),
    };
    list(Lookup::Wikidata(Allowed::read(&lists::paths("url_wikidata", options)?, exact)?))
}

/// `url_list`: a list of the user's, `paths`, whose `format` is `hosts` (names, hosts files,
/// `||name^`; with `subdomains`, the default, also what is below them), `addresses` (without scheme
/// and query) or `rules` (filter rules, which see the whole address).
pub(super) fn own_list(options: &Options) -> Result<Box<dyn Kernel>> {
    const NAME: &str = "url_list";
    only(NAME, options, &["paths", "format", "subdomains"])?;
    let subdomains = match options.get("subdomains") {
        None => true,
        Some(OptionValue::Bool(subdomains)) => *subdomains,
        Some(_) => return Err(Error::config("url_list: subdomains is true or false")),
    };
    let format = match options.get("format") {
        None => "hosts",
        Some(OptionValue::Str(format)) => format.as_str(),
        Some(_) => return Err(Error::config("url_list: format is a string")),
    };
    let paths = lists::paths(NAME, options)?;
    match format {
        "hosts" if subdomains => list(Lookup::Domains(lists::hosts(NAME, &paths)?)),
        "hosts" => list(Lookup::Hosts(lists::hosts(NAME, &paths)?)),
        "addresses" => list(Lookup::Addresses(lists::addresses(NAME, &paths)?)),
        "rules" => list(Lookup::Rules { rules: Rules::read(NAME, &paths)?, query: true }),
        other => Err(Error::config(format!(
            "url_list: format is hosts, addresses or rules, not {other:?}"
        ))),
    }
}

impl Kernel for List {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn reads_text(&self) -> bool {
        false
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(Looker {
            lookup: &self.lookup,
            address: Address::default(),
            raw: Vec::new(),
            scratch: String::new(),
        })
    }
}

struct Looker<'a> {
    lookup: &'a Lookup,
    address: Address,
    raw: Vec<u8>,
    scratch: String,
}

impl Worker for Looker<'_> {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let Some(url) = metadata::string(doc.metadata, "url", &mut self.raw) else {
            return Ok(());
        };
        let read = match self.lookup {
            Lookup::Addresses(_) | Lookup::Rules { query: false, .. } => self.address.read(url),
            _ => self.address.read_host(url),
        };
        if !read {
            return Ok(());
        }
        let host = bare(self.address.host());
        let found = match self.lookup {
            Lookup::Hosts(set) => set.contains(host),
            Lookup::Domains(set) => set.covers(host),
            Lookup::Addresses(set) => set.contains(self.address.as_str()),
            Lookup::Wikidata(allowed) => allowed.contains(host),
            Lookup::Rules { rules, query: true } => rules.block(url, self.address.host()),
            Lookup::Rules { rules, query: false } => {
                self.scratch.clear();
                self.scratch.push_str("http://");
                self.scratch.push_str(self.address.as_str());
                rules.block(&self.scratch, self.address.host())
            }
        };
        if found {
            out.push(0, 0, doc.text.chars(), 1.0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
