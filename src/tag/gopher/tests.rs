//! Gopher's numbers by hand, and against the rules written down naively.

use crate::tag::testing::{Row, rows};
use crate::text::unicode::{is_letter, is_space};
use proptest::prelude::*;
use std::collections::HashMap;
use std::hash::Hash;

fn score(text: &str, kind: &str) -> Option<f64> {
    rows("gopher_v1", text).iter().find(|row| row.0 == kind).map(|row| row.3)
}

#[test]
fn one_document_by_hand() {
    // 10 words of 1, 3, 1, 3, 1, 3, 4, 1, 2, 4 code points: 23.
    let text = "a the a the a the #100 … é… 字字字字";
    let expected: Vec<(&str, f64)> = vec![
        // "a the" three times; "a the a" and "a the a the" are the first of those found twice.
        ("fraction_of_characters_in_most_common_2grams", 12.0 / 23.0),
        ("fraction_of_characters_in_most_common_3grams", 10.0 / 23.0),
        ("fraction_of_characters_in_most_common_4grams", 16.0 / 23.0),
        ("fraction_of_characters_in_duplicate_5grams", 0.0),
        ("fraction_of_characters_in_duplicate_6grams", 0.0),
        ("fraction_of_characters_in_duplicate_7grams", 0.0),
        ("fraction_of_characters_in_duplicate_8grams", 0.0),
        ("fraction_of_characters_in_duplicate_9grams", 0.0),
        ("fraction_of_characters_in_duplicate_10grams", 0.0),
        ("character_count", 32.0),
        ("word_count", 10.0),
        ("median_word_length", 2.5),
        ("symbol_to_word_ratio", 3.0 / 10.0),
        // "#100" and "…" have no letter.
        ("fraction_of_words_with_alpha_character", 8.0 / 10.0),
        ("required_word_count", 3.0),
        ("fraction_of_lines_starting_with_bullet_point", 0.0),
        ("fraction_of_lines_ending_with_ellipsis", 0.0),
        ("fraction_of_duplicate_lines", 0.0),
        ("fraction_of_characters_in_duplicate_lines", 0.0),
    ];
    let expected: Vec<Row> =
        expected.into_iter().map(|(kind, score)| (kind, 0, 32, score)).collect();
    assert_eq!(rows("gopher_v1", text), expected);
}

#[test]
fn ngrams_longer_than_the_text_are_not_reported() {
    assert_eq!(rows("gopher_v1", "one two three").len(), 2 + 10);
    assert_eq!(rows("gopher_v1", " \n ").len(), 10);
    let empty = rows("gopher_v1", "");
    assert_eq!(empty.len(), 10);
    assert!(empty.iter().all(|row| (row.1, row.2, row.3) == (0, 0, 0.0)));
}

#[test]
fn duplicate_ngrams_count_each_occurrence() {
    // 5-grams: abcde twice, bcdef, cdefa, defab, efabc, fabcd once; all of 5 code points.
    let value = score("a b c d e f a b c d e", "fraction_of_characters_in_duplicate_5grams");
    assert_eq!(value, Some(10.0 / 35.0));
}

#[test]
fn lines_of_both_versions() {
    let text = "* a…\n\n\n* a…\n-";
    let line_scores = |kernel| rows(kernel, text).iter().map(|row| row.3).collect::<Vec<_>>();
    assert_eq!(line_scores("gopher_v1")[10..], [3.0 / 5.0, 2.0 / 5.0, 4.0 / 5.0, 8.0 / 7.0]);
    assert_eq!(line_scores("gopher_v2")[10..], [3.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0, 8.0 / 7.0]);
}

#[test]
fn hostile_documents_take_linear_time() {
    let repeated = "word ".repeat(100_000);
    assert_eq!(score(&repeated, "fraction_of_characters_in_duplicate_10grams"), Some(1.0));
    let long = "x".repeat(50_000_000);
    assert_eq!(score(&long, "median_word_length"), Some(50_000_000.0));
    assert_eq!(score(&"😀".repeat(10_000_000), "word_count"), Some(1.0));
    assert_eq!(score(&"\n".repeat(10_000_000), "fraction_of_duplicate_lines"), Some(1.0));
    let distinct: String = (0..300_000).map(|n| format!("{n} ")).collect();
    assert_eq!(score(&distinct, "word_count"), Some(300_000.0));
}

/// Counts by value, in the order in which the values are first seen.
fn counter<T: Hash + Eq + Clone>(items: impl Iterator<Item = T>) -> Vec<(T, usize)> {
    let mut at: HashMap<T, usize> = HashMap::new();
    let mut counts: Vec<(T, usize)> = Vec::new();
    for item in items {
        let place = *at.entry(item.clone()).or_insert(counts.len());
        match counts.get_mut(place) {
            Some((_, count)) => *count += 1,
            None => counts.push((item, 1)),
        }
    }
    counts
}

fn chars(words: &[&str]) -> usize {
    words.iter().map(|word| word.chars().count()).sum()
}

fn naive_ngrams(words: &[&str]) -> Vec<(String, f64)> {
    let mut scores = Vec::new();
    for n in 2..=10.min(words.len()) {
        let counts = counter(words.windows(n));
        if n <= 4 {
            let mut most = counts[0];
            for &ngram in &counts {
                if ngram.1 > most.1 {
                    most = ngram;
                }
            }
            let score = (most.1 * chars(most.0)) as f64 / chars(words).max(1) as f64;
            scores.push((format!("fraction_of_characters_in_most_common_{n}grams"), score));
        } else {
            let sum = |least: usize| {
                let some = counts.iter().filter(|ngram| ngram.1 >= least);
                some.map(|ngram| ngram.1 * chars(ngram.0)).sum::<usize>()
            };
            let score = sum(2) as f64 / sum(1).max(1) as f64;
            scores.push((format!("fraction_of_characters_in_duplicate_{n}grams"), score));
        }
    }
    scores
}

fn naive(text: &str, skip_empty: bool) -> Vec<(String, f64)> {
    let words: Vec<&str> = text.split(is_space).filter(|word| !word.is_empty()).collect();
    let mut lines: Vec<&str> = text.split('\n').collect();
    if skip_empty {
        let last = lines.len() - 1;
        let keep = |(at, line): (usize, &&str)| at == 0 || at == last || !line.is_empty();
        lines =
            lines.iter().enumerate().filter(|&pair| keep(pair)).map(|(_, line)| *line).collect();
    }
    let mut lengths: Vec<usize> = words.iter().map(|word| word.chars().count()).collect();
    lengths.sort_unstable();
    let median = match lengths.len() {
        0 => 0.0,
        n => (lengths[(n - 1) / 2] + lengths[n / 2]) as f64 / 2.0,
    };
    let some = |test: &dyn Fn(&str) -> bool| words.iter().filter(|word| test(word)).count() as f64;
    let per_word = |count: f64| count / words.len().max(1) as f64;
    let starts = lines.iter().filter(|line| line.starts_with(['*', '-'])).count() as f64;
    let ends = lines.iter().filter(|line| line.ends_with('…')).count() as f64;
    let repeated = || counter(lines.iter()).into_iter().filter(|(_, count)| *count > 1);
    let duplicates = repeated().map(|(_, count)| count).sum::<usize>() as f64;
    let in_lines =
        repeated().map(|(line, count)| count * line.chars().count()).sum::<usize>() as f64;
    let required = ["the", "be", "to", "of", "and", "that", "have", "with"];
    let scores = [
        text.chars().count() as f64,
        words.len() as f64,
        median,
        per_word(some(&|word| word.contains(['#', '…']))),
        per_word(some(&|word| word.chars().any(is_letter))),
        some(&|word| required.contains(&word)),
        starts / lines.len() as f64,
        ends / lines.len() as f64,
        duplicates / lines.len() as f64,
        in_lines / chars(&words).max(1) as f64,
    ];
    let mut all = naive_ngrams(&words);
    all.extend(super::TYPES.map(str::to_owned).into_iter().zip(scores));
    all
}

proptest! {
    #[test]
    fn every_number_agrees_with_the_rules_spelled_out(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                " ", " ", " ", "\n", "\n", "\n\n\n", "\u{a0}", "\u{3000}", "\u{1c}", "a", "b", "the",
                "have", "the\0", "#", "…", "1", "é", "字", "* ", "-", "a b a b ", "* a…\n",
                "internationalisation", "a-word-of-more-than-sixteen-bytes", "\u{345}", "😀",
                "a word of code points that is longer than sixty-three of them is", "xxxxxxxxxxxxxxx",
            ]), 1..80),
        long in 0usize..150,
    ) {
        let text = parts.concat() + &"y".repeat(long);
        let end = text.chars().count();
        for (kernel, skip_empty) in [("gopher_v1", false), ("gopher_v2", true)] {
            let found: Vec<(String, f64)> = rows(kernel, &text)
                .into_iter()
                .map(|row| {
                    assert_eq!((row.1, row.2), (0, end));
                    (row.0.to_owned(), row.3)
                })
                .collect();
            prop_assert_eq!(found, naive(&text, skip_empty));
        }
    }
}
