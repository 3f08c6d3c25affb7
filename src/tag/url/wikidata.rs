//! Hosts of websites and periodicals that Wikidata knows.

use super::address::Address;
use super::lists::{self, Row, Strings, bare};
use crate::error::Result;
use std::path::PathBuf;

/// Words of a description that leave a row out: adult content, gossip, jokes, places where anybody
/// posts.
const UNWANTED: [&str; 28] = [
    "4chan",
    "adult",
    "betting",
    "camming",
    "casino",
    "celebrity",
    "comedy",
    "comic",
    "crowdfunding",
    "dating",
    "escort",
    "freemium",
    "gambling",
    "gossip",
    "hentai",
    "humor",
    "image",
    "imageboard",
    "image hosting",
    "joke",
    "nudity",
    "online database",
    "porn",
    "satire",
    "sex",
    "social media",
    "tabloid",
    "tracker",
];

/// Words of a description that does not say what the site is.
const VAGUE: [&str; 2] = ["company", "website"];

/// Parts of an address that leave a row out.
const UNWANTED_DOMAINS: [&str; 9] =
    [".xxx", ".adult", ".sex", ".porn", ".sexy", ".dating", ".cam", ".tube", ".chat"];

/// Hosts that are allowed.
pub struct Allowed {
    hosts: Strings,
    /// Whether a host has to be listed, or a domain above it; otherwise hosts that agree in their
    /// last two labels are one, as published.
    exact: bool,
}

impl Allowed {
    /// Reads Wikidata answers; `exact` keeps the rows that describe themselves and are clean.
    ///
    /// # Errors
    /// `Io` and `Codec` when one cannot be read, `Asset` when it is none or has no row.
    pub fn read(paths: &[PathBuf], exact: bool) -> Result<Self> {
        let mut hosts = Strings::default();
        let mut address = Address::default();
        for path in paths {
            lists::each_row(path, |row| {
                if (!exact || is_clean(row)) && address.read(row.url.trim()) {
                    let host = bare(address.host());
                    hosts.insert(host);
                    if !exact {
                        last_two(host).into_iter().for_each(|end| hosts.insert(end));
                    }
                }
            })?;
        }
        Ok(Self { hosts: lists::refuse_empty(hosts, "url_wikidata", paths)?, exact })
    }

    /// Whether `host`, without `www.`, is allowed.
    pub fn contains(&self, host: &str) -> bool {
        if self.exact {
            return self.hosts.covers(host);
        }
        self.hosts.contains(host) || last_two(host).is_some_and(|end| self.hosts.contains(end))
    }
}

/// The last two labels of a host that has more.
fn last_two(host: &str) -> Option<&str> {
    let mut dots = memchr::memrchr_iter(b'.', host.as_bytes());
    dots.nth(1).map(|at| &host[at + 1..])
}

fn is_clean(row: &Row) -> bool {
    let Some(description) = row.description.as_deref().map(str::to_lowercase) else {
        return false;
    };
    let has = |words: &[&str], text: &str| words.iter().any(|word| text.contains(word));
    !has(&UNWANTED, &description) && !has(&VAGUE, &description) && !has(&UNWANTED_DOMAINS, &row.url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_say_what_they_are() {
        let row = |url: &str, description: Option<&str>| Row {
            url: url.to_owned(),
            description: description.map(str::to_owned),
        };
        assert!(is_clean(&row("https://a.example/", Some("weekly newspaper"))));
        assert!(!is_clean(&row("https://a.example/", None)));
        assert!(!is_clean(&row("https://a.example/", Some("Online Casino"))));
        assert!(!is_clean(&row("https://a.example/", Some("news website"))));
        assert!(!is_clean(&row("https://a.sexy/", Some("magazine"))));
    }

    #[test]
    fn the_last_two_labels() {
        assert_eq!(last_two("a.b.c"), Some("b.c"));
        assert_eq!(last_two("b.c"), None);
        assert_eq!(last_two("c"), None);
    }
}
