//! Repetitions held against the published expression and a naive search.

use super::*;
use crate::tag::testing::rows;
use crate::text::Text;
use proptest::prelude::*;

fn found(kernel: &str, text: &str) -> Vec<(usize, usize, f64)> {
    let rows = rows(kernel, text).into_iter().filter(|row| row.0 == "repetition");
    rows.map(|(_, start, end, score)| (start, end, score)).collect()
}

/// The matches of the published expression as a search engine with back-references finds them,
/// by characters: each place, each unit, each way to take white space.
fn naive(text: &str) -> Vec<(usize, usize)> {
    let text: Vec<char> = text.chars().collect();
    fn copies(text: &[char], at: usize, unit: &[char], done: usize) -> Option<usize> {
        let spaced = text.get(at).copied().filter(|&c| is_space(c)).map(|_| at + 1);
        for next in spaced.into_iter().chain([at]) {
            if text.get(next..next + unit.len()) == Some(unit)
                && let Some(end) = copies(text, next + unit.len(), unit, done + 1)
            {
                return Some(end);
            }
        }
        (done >= 3).then_some(at)
    }
    let mut matches = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let units = text[at..].iter().take_while(|&&c| c != '\n').count();
        match (1..=units).find_map(|n| copies(&text, at + n, &text[at..at + n], 0)) {
            Some(end) => {
                matches.push((at, end));
                at = end;
            }
            None => at += 1,
        }
    }
    matches
}

fn published(text: &str) -> Vec<(usize, usize)> {
    found("repetitions_v1", text).into_iter().map(|(start, end, _)| (start, end)).collect()
}

#[test]
fn a_unit_and_three_more_are_a_repetition() {
    assert!(published("haha ha").is_empty());
    assert_eq!(found("repetitions_v1", "so haha ha\tha!"), [(3, 13, 4.0)]);
    assert_eq!(found("repetitions_v1", "aaaaa"), [(0, 5, 5.0)]);
    // The space is in the unit of the first copy, so the last word is not.
    assert_eq!(found("repetitions_v1", " no no no no."), [(0, 12, 4.0)]);
    // Lines are joined by their newline, but no unit has one.
    assert_eq!(found("repetitions_v1", "yes!\nyes!\nyes!\nyes!\nno"), [(0, 19, 4.0)]);
    assert!(published("yes\n\nyes\n\nyes\n\nyes").is_empty());
    assert!(found("paragraph_repetitions_v1", "yes!\nyes!\nyes!\nyes!\n").is_empty());
    assert_eq!(found("paragraph_repetitions_v1", "é\nxé-é-é-é-\n"), [(3, 11, 4.0)]);
    assert_eq!(published("\u{3000}\u{3000} \u{3000}\u{3000}"), [(0, 5)]);
}

#[test]
fn the_document_has_three_numbers() {
    let rows = rows("repetitions_v1", "ha ha ha ha, 11111");
    assert_eq!(
        rows,
        [
            ("repetition", 0, 11, 4.0),
            ("repetition", 13, 18, 5.0),
            ("doc_max_score_repetition", 0, 18, 5.0),
            ("doc_max_length_repetition", 0, 18, 11.0),
            ("doc_frac_repetition", 0, 18, 16.0 / 18.0),
        ]
    );
    for kernel in ["repetitions_v1", "paragraph_repetitions_v1", "repetitions_v3"] {
        let rows = super::super::testing::rows(kernel, "");
        assert_eq!(rows.iter().map(|row| row.3).collect::<Vec<_>>(), [0.0; 3]);
    }
}

#[test]
fn version_3_takes_whole_parts_and_no_indentation() {
    // As version 1, which stops at the last whole copy.
    assert_eq!(found("repetitions_v3", "so haha haha"), []);
    assert_eq!(found("repetitions_v3", "ha ha ha ha"), [(0, 11, 4.0)]);
    assert_eq!(found("repetitions_v3", "lala lala lala lala la"), [(0, 22, 4.0)]);
    assert_eq!(found("repetitions_v3", "        x"), []);
    assert_eq!(found("repetitions_v3", "a\n\nb\n".repeat(5).as_str()), [(0, 25, 5.0)]);
    // The dashes are inside a larger repetition.
    assert_eq!(found("repetitions_v3", "x----y".repeat(4).as_str()), [(0, 24, 4.0)]);
    let unit = noise(LARGEST_UNIT);
    assert_eq!(found("repetitions_v3", &unit.repeat(4)).len(), 1);
    assert!(!found("repetitions_v3", &(unit + ".").repeat(4)).iter().any(|x| x.0 == 0));
}

#[test]
fn words_have_to_come_32_times() {
    for period in 1..=13 {
        let unit: String = (0..period).map(|word| format!("w{word}é ")).collect();
        assert_eq!(found("word_repetitions_v1", &unit.repeat(31)), []);
        let text = format!("x {}y", unit.repeat(32));
        let end = Text::new(&text).chars() - 2;
        assert_eq!(found("word_repetitions_v1", &text), [(2, end, 32.0)]);
    }
    let unit: String = (0..14).map(|word| format!("w{word} ")).collect();
    assert_eq!(found("word_repetitions_v1", &unit.repeat(40)), []);
    assert!(crate::tag::build("word_repetitions_v1", &one("times", 1)).is_err());
    assert!(crate::tag::build("word_repetitions_v1", &one("times", 2)).is_ok());
}

fn one(name: &str, value: i64) -> Options {
    Options::from([(name.to_owned(), OptionValue::Int(value))])
}

/// Bytes without a pattern.
fn noise(bytes: usize) -> String {
    let random = |i: usize| xxhash_rust::xxh3::xxh3_64(&i.to_le_bytes());
    (0..bytes).map(|i| char::from(b'!' + (random(i) % 64) as u8)).collect()
}

/// Texts that a search with back-references never ends on; here they are a matter of seconds even
/// without optimisation.
#[test]
fn hostile_texts_take_no_longer() {
    let noise = noise(300_000);
    let texts = [
        "a".repeat(1_000_000),
        "word ".repeat(100_000),
        "\u{1f600}".repeat(200_000),
        " ".repeat(1_000_000),
        "\n".repeat(1_000_000),
        "ab\n".repeat(200_000),
        ("a".repeat(999) + "b").repeat(500),
        format!("{}b", "a".repeat(300)).repeat(3) + &"c ".repeat(3).repeat(50_000),
        noise.repeat(3),
        noise,
    ];
    for text in &texts {
        for kernel in
            ["repetitions_v1", "paragraph_repetitions_v1", "repetitions_v3", "word_repetitions_v1"]
        {
            rows(kernel, text);
        }
    }
    assert_eq!(published(&texts[0]), [(0, 1_000_000)]);
    assert_eq!(published(&texts[1]), [(0, 499_999)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn short_texts_match_as_in_a_search_engine(text in "[ab \n\t\u{3000}é]{0,60}") {
        prop_assert_eq!(published(&text), naive(&text));
    }

    #[test]
    fn repeated_parts_match_as_in_a_search_engine(
        parts in prop::collection::vec(("[ab. \n\u{a0}\u{3000}é]{1,7}", "[ \n\u{3000}]?", 1usize..7), 1..9)
    ) {
        let text: String =
            parts.iter().map(|(part, gap, times)| format!("{part}{gap}").repeat(*times)).collect();
        prop_assert_eq!(published(&text), naive(&text));
    }

    #[test]
    fn loosely_repeated_parts_match_as_in_a_search_engine(
        unit in "[abc ]{1,9}", gaps in prop::collection::vec("[ \n\t\u{2003}]?", 0..9),
        end in "[ab\n]{0,9}"
    ) {
        let line: String = gaps.iter().map(|gap| format!("{gap}{unit}")).collect();
        let text = format!("{end}{line}{end}\n{line}{line}");
        prop_assert_eq!(published(&text), naive(&text));
    }

    #[test]
    fn lines_match_as_in_a_search_engine(
        lines in prop::collection::vec("[ab]{0,3}", 0..16), times in 1usize..6
    ) {
        let text = lines.join("\n").repeat(times);
        prop_assert_eq!(published(&text), naive(&text));
    }

    #[test]
    fn version_3_is_what_periods_say(
        parts in prop::collection::vec(("[ab \u{3000}é]{1,6}", 1usize..7), 1..6)
    ) {
        let text: String = parts.iter().map(|(part, times)| part.repeat(*times)).collect();
        let bytes = text.as_bytes();
        let mut parts = Vec::new();
        for period in 1..bytes.len() {
            let mut start = 0;
            for at in period..=bytes.len() {
                if at == bytes.len() || bytes[at] != bytes[at - period] {
                    let range = ceil_boundary(&text, start)..floor_boundary(&text, at);
                    if range.start < range.end {
                        parts.extend(whole_periods(&text, range, period));
                    }
                    start = at + 1 - period;
                }
            }
        }
        outermost(&mut parts);
        let expected: Vec<_> = parts.iter().map(|part| {
            let chars = |at: usize| text[..at].chars().count();
            (chars(part.items.start), chars(part.items.end))
        }).collect();
        let found = found("repetitions_v3", &text);
        prop_assert_eq!(found.into_iter().map(|x| (x.0, x.1)).collect::<Vec<_>>(), expected);
    }
}
