//! Lists of every form against addresses worked out by hand.

use super::super::testing::spans;
use super::super::{Kernel, OptionValue, Options, build};
use proptest::prelude::*;
use std::fs;
use tempfile::TempDir;

/// A kernel over a list with these lines.
fn over(name: &str, lines: &str, more: &[(&str, OptionValue)]) -> (TempDir, Box<dyn Kernel>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.txt");
    fs::write(&path, lines).unwrap();
    let mut options: Options =
        more.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    let files = vec![path.to_str().unwrap().to_owned()];
    options.insert("paths".to_owned(), OptionValue::List(files));
    let kernel = build(name, &options).unwrap();
    (folder, kernel)
}

/// Whether a document with this address gets the span.
fn hits(kernel: &dyn Kernel, url: &str) -> bool {
    let mut raw = b"{\"url\":".to_vec();
    crate::json::escape(url.as_bytes(), &mut raw);
    raw.push(b'}');
    let out = spans(kernel, "añb", Some(&raw));
    assert!(out.spans.iter().all(|span| (span.start, span.end, span.score) == (0, 3, 1.0)));
    !out.spans.is_empty()
}

const HOSTS: &str = "# comment\n0.0.0.0 ads.example\n127.0.0.1 www.hosts.example # why\n\
    127.0.0.1 localhost\nplain.example\nhttp://scheme.example/path\n||rule.example^\n\
    9.9.9.9 dns.example\n*.star.example\nxyz.example\r\n";

#[test]
fn hosts_are_found_whatever_the_form_of_their_line() {
    let (_folder, kernel) = over("url_hosts", HOSTS, &[]);
    for url in [
        "http://ads.example/x?y",
        "https://www.ads.example",
        "HOSTS.example:80/",
        "plain.example",
        "http://u:p@scheme.example/other",
        "http://rule.example/",
        "http://9.9.9.9/",
        "http://dns.example",
        "https://www.xyz.example/",
    ] {
        assert!(hits(&*kernel, url), "{url}");
    }
    for url in [
        "http://sub.ads.example/",
        "http://localhost/",
        "http://127.0.0.1/",
        "http://0.0.0.0/",
        "",
        "http://star.example",
        "ads.example.org",
        "mailto:x@ads.example",
        "http://[::1]/",
        // The published tagger strips letters: `wxyz` and `wwwxyz` are not `xyz`.
        "http://wxyz.example/",
        "http://wwwxyz.example/",
    ] {
        assert!(!hits(&*kernel, url), "{url}");
    }
}

#[test]
fn a_list_of_ones_own_covers_what_is_below_its_names() {
    let (_folder, kernel) = over("url_list", HOSTS, &[]);
    assert!(hits(&*kernel, "http://a.b.ads.example/"));
    assert!(!hits(&*kernel, "http://badads.example/"));
    let exact = [("subdomains", OptionValue::Bool(false))];
    let (_folder, kernel) = over("url_list", HOSTS, &exact);
    assert!(!hits(&*kernel, "http://a.b.ads.example/"));
    let whole = [("format", OptionValue::Str("addresses".to_owned()))];
    let (_folder, kernel) = over("url_list", "https://h.example/A/ # x\n", &whole);
    assert!(hits(&*kernel, "http://H.example/a?q"));
    assert!(!hits(&*kernel, "http://h.example/"));
}

#[test]
fn links_are_lines_as_they_are() {
    let (_folder, kernel) =
        over("url_links", "Evil.example\nevil.example/a\nhttp://b.example\n", &[]);
    assert!(hits(&*kernel, "https://evil.example/?q"));
    assert!(hits(&*kernel, "https://evil.example/a/"));
    assert!(!hits(&*kernel, "https://evil.example/b"));
    assert!(!hits(&*kernel, "http://b.example"));
}

#[test]
fn rules_block_addresses() {
    let rules = "[Adblock Plus]\n! comment\n||ads.example^\n/banner/*/ad_\n|http://start.example\n\
        @@||good.ads.example^\n||script.example^$script\n||third.example^$third-party\n/q?id=\n";
    let (_folder, kernel) = over("url_rules", rules, &[]);
    for url in [
        "https://ads.example/",
        "http://a.ads.example/x",
        "https://x.example/banner/1/ad_2",
        "start.example/page",
        "http://third.example/",
    ] {
        assert!(hits(&*kernel, url), "{url}");
    }
    for url in [
        "http://good.ads.example/",
        "http://myads.example/",
        "http://script.example/",
        "http://x.example/q?id=1",
        "",
    ] {
        assert!(!hits(&*kernel, url), "{url}");
    }
    let format = [("format", OptionValue::Str("rules".to_owned()))];
    let (_folder, kernel) = over("url_list", rules, &format);
    assert!(hits(&*kernel, "http://x.example/q?id=1"));
}

const WIKIDATA: &str = r#"[{"url":"https://www.paper.example/","description":"weekly newspaper"},
"#;

#[test]
fn hosts_of_wikidata_are_allowed() {
    let rows = WIKIDATA.replace(",\n", "]\n")
        + r#"[{"url":"http://shop.example","description":"online casino"},{"description":"x"},
"#
        .replace(",\n", ",{\"url\":\"http://a.news.co.example/x\",\"description\":\"magazine\"}]\n")
        .as_str();
    let (_folder, kernel) = over("url_wikidata", &rows, &[]);
    for url in ["http://paper.example/", "shop.example", "http://x.y.paper.example", "b.co.example"]
    {
        assert!(hits(&*kernel, url), "{url}");
    }
    assert!(hits(&*kernel, "http://any.other.co.example"));
    assert!(!hits(&*kernel, "http://other.example"));
    let (_folder, kernel) = over("url_wikidata", &rows, &[("exact", OptionValue::Bool(true))]);
    assert!(hits(&*kernel, "http://x.y.paper.example"));
    assert!(hits(&*kernel, "http://a.news.co.example"));
    for url in ["http://shop.example", "http://any.other.co.example", "http://co.example"] {
        assert!(!hits(&*kernel, url), "{url}");
    }
}

#[test]
fn what_is_no_list_is_refused() {
    let refusal = |name: &str, lines: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.txt");
        fs::write(&path, lines).unwrap();
        let files = OptionValue::Str(path.to_str().unwrap().to_owned());
        build(name, &Options::from([("paths".to_owned(), files)])).err().unwrap().to_string()
    };
    for name in ["url_hosts", "url_links", "url_rules", "url_wikidata"] {
        assert!(refusal(name, "\n").contains("list.txt: "), "{name}");
        assert!(
            build(name, &Options::new()).err().unwrap().to_string().contains("paths"),
            "{name}"
        );
    }
    assert!(refusal("url_wikidata", "<html>\n").contains("list.txt:1: not a list of rows"));
}

#[test]
fn words_of_three_kinds() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new();
    for (name, words) in
        [("strict", "# list\nbad thing\n"), ("hard", "#hard\n"), ("soft", "one\ntwo\n")]
    {
        let path = folder.path().join(name);
        fs::write(&path, words).unwrap();
        options.insert(name.to_owned(), OptionValue::Str(path.to_str().unwrap().to_owned()));
    }
    let kernel = build("url_words", &options).unwrap();
    let rows = |url: &str| {
        let raw = format!("{{\"url\":\"{url}\"}}");
        let out = spans(&*kernel, "abc", Some(raw.as_bytes()));
        out.spans.iter().map(|span| (span.kind, span.score)).collect::<Vec<_>>()
    };
    assert_eq!(rows("http://x.example/my-bad-things"), [(0, 1.0), (3, 1.0)]);
    assert_eq!(rows("http://HARD.example/hard"), [(1, 1.0), (3, 1.0)]);
    assert_eq!(rows("http://one.example/one"), [(2, 1.0)]);
    assert_eq!(rows("http://one.example/two"), [(2, 2.0), (3, 1.0)]);
    assert_eq!(rows("http://hardly.example/ones"), []);
}

proptest! {
    /// A list of names alone is not given to the engine, which would say the same.
    #[test]
    fn names_block_as_the_engine_does(
        names in prop::collection::vec("(www\\.)?[ab]{2,3}(\\.[ab]{2,3}){0,2}", 1..6),
        host in "(www\\.)?[ab]{2,3}(\\.[ab]{2,3}){0,3}",
    ) {
        // The engine looks at the first place of a name in a host alone, and misses `aa` in `aaa.aa`.
        let once = |name: &String| host.matches(name.trim_start_matches("www.")).count() <= 1;
        prop_assume!(names.iter().all(once));
        let rules: Vec<String> = names.iter().map(|name| format!("||{name}^")).collect();
        let (_folder, kernel) = over("url_rules", &rules.join("\n"), &[]);
        let url = format!("http://{host}/x");
        let blocked = super::adblock::Rules::in_engine(&rules).block(&url, &host);
        prop_assert_eq!(hits(&*kernel, &url), blocked);
    }

    /// The set of names that a user would write down by hand, against the one that is read.
    #[test]
    fn domains_agree_with_a_naive_search(
        names in prop::collection::vec("[ab]{2,3}(\\.[ab]{2,3}){0,2}", 1..6),
        host in "[ab]{2,3}(\\.[ab]{2,3}){0,3}",
    ) {
        let (_folder, kernel) = over("url_list", &names.join("\n"), &[]);
        let naive = names.iter().any(|name| host == *name || host.ends_with(&format!(".{name}")));
        prop_assert_eq!(hits(&*kernel, &format!("https://{host}/x")), naive);
    }
}
