//! Hits by hand, and against a naive search of every pattern at every place.

use super::*;
use crate::text::Text;
use proptest::prelude::*;
use std::io::Write;

fn options(words: &[&str]) -> Options {
    let list = words.iter().map(|word| (*word).to_owned()).collect();
    Options::from([("words".to_owned(), OptionValue::List(list))])
}

fn give(name: &str, value: &str) -> Options {
    Options::from([(name.to_owned(), OptionValue::Str(value.to_owned()))])
}

type Row = (u16, u32, u32, f64);

fn tag_with(options: &Options, text: &str) -> Vec<Row> {
    let kernel = build(options).unwrap();
    let mut out = Spans::default();
    let text = Text::new(text);
    kernel.worker().tag(&Document { id: "1", text: &text, metadata: None }, &mut out).unwrap();
    out.spans.iter().map(|span| (span.kind, span.start, span.end, span.score)).collect()
}

fn tag(words: &[&str], text: &str) -> Vec<Row> {
    tag_with(&options(words), text)
}

fn hits(words: &[&str], text: &str) -> Vec<(u32, u32)> {
    tag(words, text).iter().filter(|row| row.0 == MATCH).map(|row| (row.1, row.2)).collect()
}

fn refused(options: &Options) -> String {
    build(options).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn the_example_of_the_documentation() {
    assert_eq!(
        tag(&["bad", "very bad"], "Very\nBAD, not badly"),
        [(MATCH, 0, 8, 1.0), (COUNT, 0, 19, 1.0), (FRAC, 0, 19, 0.5)]
    );
}

#[test]
fn an_empty_text_has_its_scores() {
    assert_eq!(tag(&["bad"], ""), [(COUNT, 0, 0, 0.0), (FRAC, 0, 0, 0.0)]);
    assert_eq!(tag(&["bad"], " \n"), [(COUNT, 0, 2, 0.0), (FRAC, 0, 2, 0.0)]);
}

#[test]
fn only_whole_words_match() {
    assert_eq!(
        hits(&["ass"], "class assess ass, ass_ _ass ass1 éass assé (ass)"),
        [(13, 16), (44, 47)]
    );
    assert_eq!(hits(&["c++"], "C++ c++x c++."), [(0, 3), (9, 12)]);
    // The longest candidate is no whole word, the shorter one is.
    assert_eq!(hits(&["bad", "bad ass"], "bad assess bad ass"), [(0, 3), (11, 18)]);
}

#[test]
fn case_and_white_space_do_not_matter() {
    assert_eq!(hits(&["ÉTÉ chaud"], "İ été \u{a0}\n CHAUD"), [(2, 14)]);
    assert_eq!(hits(&["straße", "οδος"], "STRAẞE ΟΔΟΣ"), [(0, 6), (7, 11)]);
}

#[test]
fn a_word_with_two_hits_counts_once() {
    assert_eq!(
        tag(&["bad", "very bad"], "bad/bad so Very  bad"),
        [
            (MATCH, 0, 3, 1.0),
            (MATCH, 4, 7, 1.0),
            (MATCH, 11, 20, 1.0),
            (COUNT, 0, 20, 3.0),
            (FRAC, 0, 20, 0.75)
        ]
    );
}

#[test]
fn the_unit_bounds_phrases_and_scores() {
    let text = "é bad\nvery\n\nbad";
    assert_eq!(hits(&["very bad", "bad"], text), [(2, 5), (6, 15)]);
    let mut options = options(&["very bad", "bad"]);
    options.extend(give("unit", "paragraph"));
    assert_eq!(build(&options).unwrap().types(), ["match", "paragraph_count", "paragraph_frac"]);
    assert_eq!(
        tag_with(&options, text),
        [
            (MATCH, 2, 5, 1.0),
            (MATCH, 12, 15, 1.0),
            (COUNT, 0, 6, 1.0),
            (COUNT, 6, 11, 0.0),
            (COUNT, 12, 15, 1.0),
            (FRAC, 0, 6, 0.5),
            (FRAC, 6, 11, 0.0),
            (FRAC, 12, 15, 1.0)
        ]
    );
}

#[test]
fn lists_are_read_from_files() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "\u{FEFF}# comment\r\nbad\r\n\n  very   bad \n").unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    assert_eq!(tag_with(&give("path", &path), "x Very bad")[0], (MATCH, 2, 10, 1.0));
    file.write_all(b"\xFF").unwrap();
    assert_eq!(refused(&give("path", &path)), format!("{path}: the word list is not UTF-8"));
}

#[test]
fn options_that_cannot_be_used_are_refused() {
    assert_eq!(
        refused(&give("word", "a")),
        "wordlist: unknown option \"word\" (meant words?); there are words, path, unit"
    );
    assert_eq!(
        refused(&give("unit", "paragraf")),
        "wordlist: unknown unit \"paragraf\" (meant paragraph?); there are document, paragraph"
    );
    assert_eq!(
        refused(&give("unit", "x")),
        "wordlist: unknown unit \"x\"; there are document, paragraph"
    );
    assert_eq!(refused(&give("words", "a")), "wordlist: words must be a list of strings");
    assert_eq!(refused(&Options::new()), "wordlist: no words; give words or path");
    assert_eq!(refused(&options(&[" "])), "wordlist: no words; give words or path");
    assert!(refused(&give("path", "/does/not/exist")).starts_with("/does/not/exist: "));
}

#[test]
fn a_long_list_gives_the_same_hits() {
    let many: Vec<String> = (0..20_000).map(|index| format!("word{index}")).collect();
    let mut list: Vec<&str> = many.iter().map(String::as_str).collect();
    list.push("bad");
    assert_eq!(hits(&list, "word19999, bad word20000"), [(0, 9), (11, 14)]);
}

/// Every pattern at every character, whole words only, leftmost and longest.
fn naive(patterns: &[&str], text: &str) -> Vec<(u32, u32)> {
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let joins = |c: Option<&char>| c.is_some_and(|&c| c == '_' || c.is_alphanumeric());
    // The end of the pattern if it stands at `at`.
    let matches = |at: usize, pattern: &str| {
        let mut end = at;
        for c in pattern.chars() {
            let space = text[end..].iter().take_while(|c| c.is_whitespace()).count();
            match (c, space) {
                (' ', 1..) => end += space,
                _ if text.get(end) == Some(&c) => end += 1,
                _ => return None,
            }
        }
        (!joins(text.get(end))).then_some(end)
    };
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let starts = at == 0 || !joins(text.get(at - 1));
        let end = patterns.iter().filter_map(|pattern| matches(at, pattern)).max();
        match end {
            Some(end) if starts => {
                found.push((at as u32, end as u32));
                at = end;
            }
            _ => at += 1,
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]
    #[test]
    fn hits_are_those_of_a_naive_search(text in "((ab|a b|é |abc|b-|A B)?[aAbB \n\u{a0}éÉ_1-]?){0,60}") {
        let patterns = ["ab", "a b", "a b c", "é", "b-", "b-a", "abc", "a é b", "-"];
        prop_assert_eq!(hits(&patterns, &text), naive(&patterns, &text));
        let rows = tag(&patterns, &text);
        let frac = rows[rows.len() - 1].3;
        prop_assert!((0.0..=1.0).contains(&frac));
    }
}
