//! What is read of a record, what is refused, and how attributes merge.

use serde_json::{Value, json};

use super::Document;
use crate::filter::json;
use crate::filter::needs::Needs;
use crate::filter::parse::read;
use crate::filter::record::RecordView;
use crate::filter::value::Tape;

fn whole(view: &RecordView<'_>) -> Result<Value, String> {
    let mut needs = Needs::default();
    needs.need_whole(Needs::ROOT);
    needs.finish();
    let mut tape = Tape::default();
    let root = read(view, &needs, &mut tape).map_err(|error| error.to_string())?;
    let mut text = String::new();
    json::write(&tape, root, &mut text);
    Ok(serde_json::from_str(&text).unwrap())
}

fn value_of(raw: &str) -> Result<Value, String> {
    whole(&RecordView { fields: &[(b"x", raw.as_bytes())], attributes: &[] })
        .map(|record| record["x"].clone())
}

/// The value of `attributes.a.b` when only that is needed.
fn pruned(raw: &str) -> Result<Option<String>, String> {
    let mut needs = Needs::default();
    let (top, attributes) = needs.child(Needs::ROOT, "attributes");
    let (a, inner) = needs.child(attributes, "a");
    let (b, end) = needs.child(inner, "b");
    needs.need_whole(end);
    needs.finish();
    let mut tape = Tape::default();
    let view = RecordView { fields: &[], attributes: &[raw.as_bytes()] };
    let root = read(&view, &needs, &mut tape).map_err(|error| error.to_string())?;
    let found = tape
        .get(root, "attributes", Some(top))
        .and_then(|node| tape.get(node, "a", Some(a)))
        .and_then(|node| tape.get(node, "b", Some(b)));
    Ok(found.map(|node| {
        let mut text = String::new();
        json::write(&tape, node, &mut text);
        text
    }))
}

#[test]
fn whole_records_read_as_serde_json_reads_them() {
    for raw in [
        r#"null"#,
        r#" [ 1 , -2.5e+3, "a\u00e9\"", true,false , null, [], {} ] "#,
        r#"{"b": {"y": 1, "x": [2]}, "a": "text", "é": 0}"#,
    ] {
        assert_eq!(value_of(raw).unwrap(), serde_json::from_str::<Value>(raw).unwrap());
    }
}

#[test]
fn of_a_repeated_key_the_last_value_counts() {
    assert_eq!(value_of(r#"{"a":1,"b":2,"\u0061":3}"#).unwrap(), json!({"a": 3, "b": 2}));
    assert_eq!(pruned(r#"{"a":{"b":1,"b":2},"a":{"\u0062":3}}"#).unwrap().unwrap(), "3");
    assert_eq!(pruned(r#"{"a":{"b":1},"a":{}}"#).unwrap(), None);
    let fields: [(&[u8], &[u8]); 2] = [(b"x", b"1"), (b"x", b"2")];
    let record = whole(&RecordView { fields: &fields, attributes: &[] }).unwrap();
    assert_eq!(record, json!({"x": 2}));
}

#[test]
fn text_that_is_not_json_is_refused_even_where_it_is_skipped() {
    for raw in [
        "",
        "{",
        "[1,]",
        "[1 2]",
        "01",
        "1.",
        "-",
        "+1",
        "1e",
        "tru",
        "nul",
        "\"a",
        r#""\x""#,
        r#""\u12g4""#,
        "{\"a\"}",
        "{\"a\":1,}",
        "{a:1}",
        "[1]]",
        "1 2",
        "NaN",
        "'a'",
    ] {
        assert!(value_of(raw).is_err(), "{raw}");
        assert!(pruned(&format!("{{\"other\":{raw}}}")).is_err(), "{raw}");
        assert!(pruned(&format!("{{\"a\":{{\"b\":{raw}}}}}")).is_err(), "{raw}");
    }
    let error = value_of("[1,]").unwrap_err();
    assert_eq!(error, "expected a JSON value at byte 3 of field `x`");
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(value_of(&nested(120)).is_ok());
    let error = "JSON nested deeper than 128 levels";
    assert!(value_of(&nested(129)).unwrap_err().starts_with(error));
    assert!(value_of(&"[".repeat(1_000_000)).unwrap_err().starts_with(error));
    assert!(pruned(&format!("{{\"skipped\":{}", "{\"k\":".repeat(1_000_000))).is_err());
}

#[test]
fn rows_override_the_attributes_of_the_document() {
    let document = Document::new(
        &json!({"id": "1", "attributes": {"a": 1, "b": 1, "c": 1}}),
        &[json!({"b": 2, "c": 2}), json!({"c": 3, "d": 3})],
    );
    let record = document.view(whole).unwrap();
    assert_eq!(record["attributes"], json!({"a": 1, "b": 2, "c": 3, "d": 3}));
}

#[test]
fn attributes_that_are_no_object_yield_to_rows_only() {
    let own = json!({"attributes": null});
    assert_eq!(Document::new(&own, &[]).view(whole).unwrap(), own);
    let rows = [json!({"a": 1})];
    assert_eq!(Document::new(&own, &rows).view(whole).unwrap(), json!({"attributes": {"a": 1}}));
    assert_eq!(Document::new(&json!({}), &[]).view(whole).unwrap(), json!({}));
    assert!(whole(&RecordView { fields: &[], attributes: &[b"[]"] }).is_err());
}

#[test]
fn bytes_that_are_not_utf8_are_refused_where_they_are_read() {
    let view = RecordView { fields: &[(b"x", b"\"\xff\"")], attributes: &[] };
    assert!(whole(&view).unwrap_err().starts_with("invalid UTF-8"));
}
