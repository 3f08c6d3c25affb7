//! Filter rules in the language of Adblock Plus, applied to addresses of documents.
//!
//! The rules run in Brave's engine, as in the published package. A document is asked for as a
//! resource of no kind from nowhere: rules for scripts or images, or for pages of certain sites, do
//! not fire. Lists that only name hosts, `||name^`, as most do, are a set of names: the engine
//! would be asked under a lock that all threads share.

use super::lists::{self, Strings};
use crate::error::{Error, Result};
use adblock::engine::Engine;
use adblock::lists::{FilterSet, ParseOptions};
use adblock::request::Request;
use adblock::url_parser::{ResolvesDomain, set_domain_resolver};
use std::path::PathBuf;

/// Compiled rules.
pub enum Rules {
    Names(Strings),
    Engine(Box<Engine>),
}

/// Registered domains only decide who is a third party, and from nowhere everything is one.
struct WholeHost;

impl ResolvesDomain for WholeHost {
    fn get_host_domain(&self, host: &str) -> (usize, usize) {
        (0, host.len())
    }
}

impl Rules {
    /// Reads lists; `!` starts a comment.
    ///
    /// # Errors
    /// `Io` and `Codec` when a list cannot be read, `Asset` when it has no rule.
    pub fn read(name: &str, paths: &[PathBuf]) -> Result<Self> {
        let mut rules: Vec<String> = Vec::new();
        for path in paths {
            lists::each_line(path, |line| {
                if !line.is_empty() && !line.starts_with('!') {
                    rules.push(line.to_owned());
                }
                Ok(())
            })?;
        }
        // The header of a list is no rule.
        rules.retain(|rule| !(rule.starts_with('[') && rule.ends_with(']')));
        rules.iter_mut().for_each(without_www);
        rules.sort_unstable();
        rules.dedup();
        if rules.is_empty() {
            let error = Error::asset(format!("{name}: the list has no rule"));
            return Err(paths.iter().fold(error, |error, path| error.at(path)));
        }
        Ok(match names(&rules) {
            Some(names) => Self::Names(names),
            None => Self::Engine(Box::new(compile(&rules))),
        })
    }

    /// The same rules in the engine, whatever they are.
    #[cfg(test)]
    pub fn in_engine(rules: &[String]) -> Self {
        let mut rules = rules.to_vec();
        rules.iter_mut().for_each(without_www);
        Self::Engine(Box::new(compile(&rules)))
    }

    /// Whether the rules block an address with a scheme, whose host is `host`.
    pub fn block(&self, url: &str, host: &str) -> bool {
        match self {
            Self::Names(names) => names.covers(host),
            Self::Engine(engine) => Request::new(url, "", "", "GET")
                .is_ok_and(|request| engine.check_network_request(&request).should_block()),
        }
    }
}

fn compile(rules: &[String]) -> Engine {
    // Another user of the engine in this process may have set one: any will do.
    let _ = set_domain_resolver(Box::new(WholeHost));
    let mut set = FilterSet::new(false);
    set.add_filter_list(rules.join("\n"), ParseOptions::default());
    Engine::new_with_filter_set(set)
}

/// Takes `www.` off the name that a rule begins with, as the engine of the published package does:
/// what is blocked under `www.` is blocked without it.
fn without_www(rule: &mut String) {
    if let Some(at) = ["||", "@@||"]
        .iter()
        .find_map(|mark| rule.strip_prefix(mark)?.starts_with("www.").then_some(mark.len()))
    {
        rule.replace_range(at..at + "www.".len(), "");
    }
}

/// The names of rules that are all `||name^`.
fn names(rules: &[String]) -> Option<Strings> {
    let mut names = Strings::default();
    for rule in rules {
        let name = rule.strip_prefix("||")?.strip_suffix('^')?;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
        if name.len() < 2 || !name.bytes().all(plain) || name.starts_with('.') {
            return None;
        }
        names.insert(name);
    }
    Some(names)
}
