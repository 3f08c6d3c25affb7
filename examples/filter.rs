//! How long a verdict takes: 20 Gopher rules, in both syntaxes, on a record with 27 attributes.
//!
//! `cargo run --release --example filter` prints microseconds per document, one thread, with the
//! reading of the attributes from their JSON included. A word after it selects measurements by
//! their label.

use std::time::Instant;

use dolma_core::filter::{Filter, RecordView, Scratch, Syntax, Verdict};

/// Attributes of a Gopher tagger with a score that every rule below lets pass. The rules take the
/// thresholds of Rae et al. 2021 (arXiv:2112.11446), table A1; names as the recipes have them.
const RULES: [(&str, &str, &str, &str); 20] = [
    ("word_count", "523", "<", "50"),
    ("word_count", "523", ">", "100000"),
    ("median_word_length", "4.0", "<", "3"),
    ("median_word_length", "4.0", ">", "10"),
    ("symbol_to_word_ratio", "0.0019120458891013384", ">", "0.1"),
    ("fraction_of_words_with_alpha_character", "0.9732313575525813", "<", "0.8"),
    ("required_word_count", "6", "<", "2"),
    ("fraction_of_lines_starting_with_bullet_point", "0.0", ">", "0.9"),
    ("fraction_of_lines_ending_with_ellipsis", "0.041666666666666664", ">", "0.3"),
    ("fraction_of_duplicate_lines", "0.0", ">", "0.3"),
    ("fraction_of_characters_in_duplicate_lines", "0.0", ">", "0.3"),
    ("fraction_of_characters_in_most_common_2gram", "0.013186813186813187", ">", "0.2"),
    ("fraction_of_characters_in_most_common_3gram", "0.012454212454212455", ">", "0.18"),
    ("fraction_of_characters_in_most_common_4gram", "0.01575091575091575", ">", "0.16"),
    ("fraction_of_characters_in_duplicate_5grams", "0.008424908424908424", ">", "0.15"),
    ("fraction_of_characters_in_duplicate_6grams", "0.0", ">", "0.14"),
    ("fraction_of_characters_in_duplicate_7grams", "0.0", ">", "0.13"),
    ("fraction_of_characters_in_duplicate_8grams", "0.0", ">", "0.12"),
    ("fraction_of_characters_in_duplicate_9grams", "0.0", ">", "0.11"),
    ("fraction_of_characters_in_duplicate_10grams", "0.0", ">", "0.10"),
];

const PREFIX: &str = "exp__gopher_v1__";

/// The attributes of the rules and others that no rule names, 27 in all.
fn attributes() -> String {
    let mut names: Vec<(String, &str)> =
        RULES.iter().map(|(name, score, ..)| ((*name).to_owned(), *score)).collect();
    names.dedup();
    names.extend((names.len()..27).map(|n| (format!("attribute_that_no_rule_names_{n}"), "12.5")));
    let pairs: Vec<String> = names
        .iter()
        .map(|(name, score)| format!(r#""{PREFIX}{name}": [[0, 3276, {score}]]"#))
        .collect();
    format!("{{{}}}", pairs.join(", "))
}

fn measure(label: &str, rules: &[String], syntax: Syntax) -> Result<(), dolma_core::Error> {
    if std::env::args().nth(1).is_some_and(|wanted| !label.contains(&wanted)) {
        return Ok(());
    }
    let filter = Filter::compile(&[], rules, syntax)?;
    let attributes = attributes();
    let fields: [(&[u8], &[u8]); 4] = [
        (b"id", b"\"1\""),
        (b"text", b"\"It was a bright cold day in April.\""),
        (b"source", b"\"novel\""),
        (b"metadata", br#"{"url": "https://example.org/1984"}"#),
    ];
    let rows = [attributes.as_bytes()];
    let view = RecordView { fields: &fields, attributes: &rows };
    let mut scratch = Scratch::default();
    let mut best = f64::INFINITY;
    for _ in 0..20 {
        let rounds = 10_000;
        let start = Instant::now();
        for _ in 0..rounds {
            let verdict = filter.verdict(std::hint::black_box(&view), &mut scratch)?;
            assert_eq!(std::hint::black_box(verdict), Verdict::Keep);
        }
        best = best.min(start.elapsed().as_secs_f64() / f64::from(rounds) * 1e6);
    }
    #[expect(clippy::print_stdout, reason = "the result of the measurement")]
    {
        let bytes = attributes.len();
        println!("{label:<28} {best:6.2} us/document, {bytes} bytes of attributes");
    }
    Ok(())
}

fn main() -> Result<(), dolma_core::Error> {
    let rules = |form: &dyn Fn(String, &str, &str) -> String| -> Vec<String> {
        RULES
            .iter()
            .map(|(name, _, op, limit)| form(format!("{PREFIX}{name}"), op, limit))
            .collect()
    };
    let plain = rules(&|name, op, limit| format!("$.attributes[?(@.{name}[0][2] {op} {limit})]"));
    measure("JSONPath", &plain, Syntax::JsonPath)?;
    let guarded = rules(&|name, op, limit| {
        format!("$.attributes[?(@.{name} && @.{name}[0] && @.{name}[0][2] {op} {limit})]")
    });
    measure("JSONPath, guarded", &guarded, Syntax::JsonPath)?;
    let jq = rules(&|name, op, limit| format!(".attributes.{name}[0][2] {op} {limit}"));
    measure("jq", &jq, Syntax::Jq)?;
    let guarded = rules(&|name, op, limit| {
        format!(
            "(.attributes.{name} | if type == \"array\" and length > 0 and .[0] != null and \
             .[0][2] != null then .[0][2] {op} {limit} else false end)"
        )
    });
    measure("jq, guarded", &guarded, Syntax::Jq)?;
    let foreign: Vec<String> = jq.iter().map(|rule| format!("def f: .; f | {rule}")).collect();
    measure("jq, by the interpreter", &foreign, Syntax::Jq)
}
