//! Scanning, escaping and numbers, against `serde_json`.

use super::strings::{find_special_portable, is_special};
use super::*;
use proptest::prelude::*;

fn fields(line: &str) -> Scan<Vec<(String, String)>> {
    let mut seen = Vec::new();
    let text = |raw: &[u8]| String::from_utf8(raw.to_vec()).unwrap();
    object(line.as_bytes(), |key, value| seen.push((text(key), text(value))))?;
    Ok(seen)
}

#[test]
fn splits_an_object_into_raw_fields() {
    let line = r#" { "a" : [1, {"b": "}"}] ,"c":"x\"y", "d":1.10,"e":9007199254740993 } "#;
    let expected =
        [("a", r#"[1, {"b": "}"}]"#), ("c", r#""x\"y""#), ("d", "1.10"), ("e", "9007199254740993")];
    assert_eq!(fields(line).unwrap(), expected.map(|(k, v)| (k.into(), v.into())));
    assert_eq!(fields("{}").unwrap(), []);
}

#[test]
fn refuses_what_is_not_json() {
    for line in [
        "",
        "[]",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1}}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":nul}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{a:1}",
        "{\"a\":[1,]}",
        "{\"a\":[1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":-}",
        "{\"a\":1e}",
        "{\"a\":\"x}",
        "{\"a\":NaN}",
    ] {
        assert!(fields(line).is_err(), "{line}");
    }
}

#[test]
fn nesting_has_a_limit_and_no_stack() {
    let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(fields(&deep(MAX_DEPTH)).is_ok());
    assert!(fields(&deep(MAX_DEPTH + 1)).is_err());
    assert!(fields(&deep(1_000_000)).is_err());
}

#[test]
fn lone_surrogates_have_no_text() {
    let mut out = Vec::new();
    unescape(br#""\ud83d\ude00""#, &mut out).unwrap();
    assert_eq!(out, "😀".as_bytes());
    for raw in [r#""\ud83d""#, r#""\ude00""#, r#""\ud83d\u0041""#, r#""\ud83dx""#] {
        assert!(unescape(raw.as_bytes(), &mut Vec::new()).is_err(), "{raw}");
    }
}

#[test]
fn digits_are_those_of_every_size() {
    for value in (0..100_000).chain((0..100_000).map(|n| n * 999 + 98_765)).chain([99_999_999]) {
        let mut out = Vec::new();
        let mut last = Digits::default();
        write_span(value, 100_000_000, f64::from(value), &mut last, &mut out);
        write_span(value, value, f64::from(value), &mut last, &mut out);
        let expected = format!("[{value},100000000,{value}.0],[{value},{value},{value}.0],");
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

fn score(value: f64) -> String {
    let mut out = Vec::new();
    write_score(value, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn scores_are_rounded_as_python_rounds() {
    for (value, expected) in [
        (0.0, "0.0"),
        (1.0, "1.0"),
        (0.5, "0.5"),
        (2.0 / 3.0, "0.66667"),
        (0.000_015, "0.00002"), // 1.5e-05 is a little above the tie
        (0.000_025, "0.00003"),
        (1e-9, "0.0"),
        (-0.25, "-0.25"),
        (123_456_789.0, "123456789.0"),
        (1e15, "1000000000000000.0"),
        (0.123_455, "0.12345"), // Python: round(0.123455, 5)
        (2.675_005, "2.67501"),
    ] {
        assert_eq!(score(value), expected, "{value:e}");
    }
}

proptest! {
    #[test]
    fn integers_are_written_as_rust_prints_them(value in any::<u64>(), bits in 0u32..64) {
        let value = value >> bits;
        let mut out = Vec::new();
        write_int(value, &mut out);
        prop_assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
    }

    #[test]
    fn spans_are_written_number_by_number(
        start in any::<u32>(), end in any::<u32>(), whole in any::<u32>(), bits in 0u32..32, other in prop::num::f64::ANY,
    ) {
        for score in [f64::from(whole >> bits), -f64::from(whole >> bits), f64::from(whole) / 64.0, other] {
            if !score.is_finite() {
                continue;
            }
            let (start, end) = (start >> bits, end >> (bits / 2));
            let mut out = b"x".to_vec();
            let mut last = Digits::default();
            write_span(start, end, score, &mut last, &mut out);
            // Once from where the last one ended.
            write_span(end, start, score, &mut last, &mut out);
            let score = self::score(score);
            let expected = format!("x[{start},{end},{score}],[{end},{start},{score}],");
            prop_assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn escape_and_unescape_are_inverse(text in any::<String>()) {
        let mut raw = Vec::new();
        escape(text.as_bytes(), &mut raw);
        prop_assert_eq!(skip_string(&raw, 0).unwrap().0, raw.len());
        prop_assert_eq!(serde_json::from_slice::<String>(&raw).unwrap(), text.clone());
        let mut back = Vec::new();
        unescape(&raw, &mut back).unwrap();
        prop_assert_eq!(back, text.into_bytes());
    }

    #[test]
    fn accepts_exactly_what_serde_json_accepts(line in r#"[\[\]{}",:0-9a.eE+\- tfnul\\]{0,24}"#) {
        let ours = skip_value(line.as_bytes(), 0).is_ok_and(|end| end == line.len());
        let theirs = serde_json::from_str::<&serde_json::value::RawValue>(&line)
            .is_ok_and(|raw| raw.get().len() == line.len());
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn special_bytes_are_found_alike(bytes in proptest::collection::vec(any::<u8>(), 0..80), from in 0usize..20) {
        let from = from.min(bytes.len());
        let naive = (from..bytes.len()).find(|&i| is_special(bytes[i])).unwrap_or(bytes.len());
        prop_assert_eq!(find_special(&bytes, from), naive);
        prop_assert_eq!(find_special_portable(&bytes, from), naive);
    }

    #[test]
    fn scores_match_exact_rounding(value in -2.0f64..2.0) {
        let exact: f64 = format!("{value:.5}").parse().unwrap();
        let back: f64 = score(value).parse().unwrap();
        prop_assert_eq!(back, exact);
    }
}
