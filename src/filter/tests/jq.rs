//! jq: what recipes write, by hand, and the covered subset against the interpreter.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Document;
use crate::filter::jq::{Jq, Output};
use crate::filter::json as text;
use crate::filter::needs::Needs;
use crate::filter::parse::read;
use crate::filter::value::Tape;

fn compile(expression: &str) -> (Jq, Needs) {
    let mut needs = Needs::default();
    let jq = Jq::compile(expression, &mut needs).unwrap();
    needs.finish();
    (jq, needs)
}

fn outputs((jq, needs): &(Jq, Needs), document: &Document) -> Result<Vec<Value>, String> {
    document.view(|view| {
        let mut tape = Tape::default();
        let root = read(view, needs, &mut tape).unwrap();
        let outputs = jq.outputs(&tape, root)?;
        let value = |output| {
            let json = match output {
                Output::Json(json) => json,
                Output::Node(node) => {
                    let mut json = String::new();
                    text::write(&tape, node, &mut json);
                    json
                }
            };
            serde_json::from_str(&json).unwrap()
        };
        Ok(outputs.into_iter().map(value).collect())
    })
}

fn truths((jq, needs): &(Jq, Needs), document: &Document) -> Result<Vec<bool>, String> {
    document.view(|view| {
        let mut tape = Tape::default();
        let root = read(view, needs, &mut tape).unwrap();
        let mut all = Vec::new();
        jq.truths(&tape, root, |truth| all.push(truth)).map(|()| all)
    })
}

/// The outputs of an expression that must not need the interpreter.
fn native(expression: &str, record: Value) -> Result<Vec<Value>, String> {
    let compiled = compile(expression);
    assert!(compiled.0.is_native(), "{expression}");
    outputs(&compiled, &Document::new(&record, &[]))
}

#[test]
fn a_threshold_reads_one_score() {
    let rule = ".attributes.e__gopher_v1__word_count[0][2] < 50";
    let record =
        |score: Value| json!({"attributes": {"e__gopher_v1__word_count": [[0, 9, score]]}});
    assert_eq!(native(rule, record(json!(49.5))), Ok(vec![json!(true)]));
    assert_eq!(native(rule, record(json!(50))), Ok(vec![json!(false)]));
    assert_eq!(native(rule, record(json!(null))), Ok(vec![json!(true)]));
    assert_eq!(native(rule, record(json!("9"))), Ok(vec![json!(false)]));
}

#[test]
fn a_missing_attribute_is_an_error_and_not_a_verdict() {
    let rule = ".attributes.a[0][2] < 50";
    for (record, expected) in [
        (json!({"attributes": {}}), "[0] of null: what it is an element of is missing"),
        (json!({"attributes": {"a": []}}), "[2] of null: what it is an element of is missing"),
        (json!({}), "`a` of null: what it is a part of is missing"),
        (json!({"attributes": {"a": 1}}), "cannot index number with 0"),
    ] {
        assert_eq!(native(rule, record), Err(expected.to_owned()));
    }
}

#[test]
fn guards_let_a_missing_attribute_pass() {
    let rule = r#"(.attributes.a | if type == "array" and length > 0 and .[0] != null
        and .[0][2] != null then .[0][2] > 0.5 else false end)"#;
    for (attributes, expected) in [
        (json!({}), false),
        (json!({"a": []}), false),
        (json!({"a": [null]}), false),
        (json!({"a": [[0, 1]]}), false),
        (json!({"a": [[0, 1, 0.5]]}), false),
        (json!({"a": [[0, 1, 0.6]]}), true),
    ] {
        let record = json!({"attributes": attributes});
        assert_eq!(native(rule, record), Ok(vec![json!(expected)]));
    }
    let spans = ".attributes?.pii?.email?";
    assert_eq!(native(spans, json!({"attributes": {}})), Ok(vec![]));
    assert_eq!(native(spans, json!({"attributes": {"pii": {}}})), Ok(vec![json!(null)]));
    assert_eq!(native(spans, json!({"attributes": {"pii": {"email": [1]}}})), Ok(vec![json!([1])]));
}

#[test]
fn a_share_of_the_text_is_computed_over_code_points() {
    let rule = "(.attributes.d | length == 0) or ((.attributes.d | map(.[2] * (.[1] - .[0])) | add)
        / (.text | length) <= 0.3)";
    let record = |text: &str| json!({"text": text, "attributes": {"d": [[0, 2, 1], [3, 4, 0.5]]}});
    assert_eq!(native(rule, record("ééééééééé")), Ok(vec![json!(true)]));
    assert_eq!(native(rule, record("éééééééé")), Ok(vec![json!(false)]));
    assert_eq!(native(rule, json!({"text": "", "attributes": {"d": []}})), Ok(vec![json!(true)]));
}

#[test]
fn attributes_chosen_by_the_beginning_of_their_name_are_all_read() {
    let rule = r#".attributes | to_entries | map(select(.key | startswith("pre_")) | .value[0][2])
        | any(. > 1)"#;
    let record = json!({"attributes": {"other": [[0, 1, 9]], "pre_b": [[0, 1, 2]]}});
    assert_eq!(native(rule, record), Ok(vec![json!(true)]));
}

#[test]
fn names_that_are_not_identifiers_are_quoted() {
    let rule = r#".attributes."fine-score" != null and .attributes["fine-score"][0][-1] * 2 > 1"#;
    let record = json!({"attributes": {"fine-score": [[0, 1, 0.6]]}});
    assert_eq!(native(rule, record), Ok(vec![json!(true)]));
}

#[test]
fn what_is_beyond_the_subset_runs_in_the_interpreter() {
    for (expression, expected) in [
        ("reduce .a[] as $x (0; . + $x)", json!([6])),
        ("{n: (.a | length)}", json!([{"n": 3}])),
        ("def f: . + 1; .a | map(f)", json!([[2, 3, 4]])),
        (".text | split(\" \")", json!([["a", "\"b\\\n"]])),
        (".a |= map(. * 2) | .a", json!([[2, 4, 6]])),
        (".a | sort_by(-.)", json!([[3, 2, 1]])),
    ] {
        let compiled = compile(expression);
        assert!(!compiled.0.is_native(), "{expression}");
        let document = Document::new(&json!({"a": [1, 2, 3], "text": "a \"b\\\n"}), &[]);
        assert_eq!(outputs(&compiled, &document).map(Value::from), Ok(expected), "{expression}");
    }
}

#[test]
fn an_interpreter_that_panics_is_an_error_of_the_document() {
    let compiled = compile("(.a // .b) |= 1");
    let error = outputs(&compiled, &Document::new(&json!({"a": 1}), &[])).unwrap_err();
    assert_eq!(error, "the jq interpreter cannot evaluate this filter");
}

#[test]
fn what_does_not_compile_is_refused_with_the_place() {
    let refusal = |expression: &str| {
        Jq::compile(expression, &mut Needs::default()).err().unwrap().to_string()
    };
    assert!(refusal(".x | sum").ends_with("at character 6: undefined filter"));
    assert!(refusal("$x").ends_with("at character 1: undefined variable"));
    assert!(refusal(".a[0").starts_with("cannot use the jq filter `.a[0`: at character "));
    let expected = refusal(".a >").split_once("expected one of ").unwrap().1.to_string();
    assert!(expected.split(", ").is_sorted(), "{expected}");
    assert!(refusal(r#".a | test("[")"#).contains("expected a regular expression"));
    assert!(refusal("").contains("at character 1"));
}

#[test]
fn zero_and_whatever_is_empty_is_false() {
    let compiled = compile(".a[]");
    let values =
        json!({"a": [null, false, 0, 0.0, -0.0, "", [], {}, true, 1, 0.1, "0", [0], {"k": 0}]});
    let expected: Vec<bool> = (0..14).map(|index| index >= 8).collect();
    assert_eq!(truths(&compiled, &Document::new(&values, &[])), Ok(expected));
}

#[test]
fn integers_are_compared_without_rounding() {
    let record = json!({"n": 9_007_199_254_740_993_i64});
    assert_eq!(native(".n > 9007199254740992", record.clone()), Ok(vec![json!(true)]));
    assert_eq!(native(".n == 9007199254740992.0", record), Ok(vec![json!(false)]));
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2i64..4).prop_map(Value::from),
        (-4i32..8).prop_map(|n| json!(f64::from(n) * 0.5)),
        "[abé\"]{0,3}".prop_map(Value::from),
    ];
    scalar.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[abc]", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn record() -> impl Strategy<Value = Value> {
    let spans = prop::collection::vec((0i64..3, 0i64..3, -1i64..3), 0..3);
    (value(), value(), prop::collection::btree_map("[abc]", spans, 0..3)).prop_map(
        |(text, extra, attributes)| json!({"text": text, "a": extra, "attributes": attributes}),
    )
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => Just(".".to_owned()),
        4 => "[abc]".prop_map(|name| format!(".{name}")),
        3 => "[abc]".prop_map(|name| format!(".attributes.{name}")),
        3 => ("[abc]", 0usize..2, -1i32..3).prop_map(|(n, i, j)| format!(".attributes.{n}[{i}][{j}]")),
        2 => "[abc]".prop_map(|name| format!(".attributes?.{name}?")),
        1 => Just(".text".to_owned()),
        1 => Just(".[]".to_owned()),
        1 => Just(".[]?".to_owned()),
        1 => Just(".[1:]".to_owned()),
        1 => Just(".[:-1]?".to_owned()),
        1 => Just(".[\"a\"][0]?".to_owned()),
        2 => prop::sample::select(vec![
            "0", "1", "1.0", "0.5", "-1", "\"a\"", "\"\"", "null", "true", "false", "[]", "empty",
        ]).prop_map(str::to_owned),
        2 => prop::sample::select(vec![
            "length", "type", "not", "add", "any", "all", "min", "max", "keys", "to_entries",
            "first", "last", "ascii_downcase",
        ]).prop_map(str::to_owned),
        1 => prop::sample::select(vec![
            "has(\"a\")", "has(0)", "contains(\"a\")", "startswith(\"a\")", "endswith(\"b\")",
            "test(\"a.?\")", "test(\"b$\"; \"i\")",
        ]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        let op = prop::sample::select(vec![
            "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "and", "or", "//", ",", "|", "|", "|",
        ]);
        let one = prop::sample::select(vec![
            "map", "select", "any", "all", "first", "has", "contains", "startswith",
        ]);
        prop_oneof![
            4 => (inner.clone(), op, inner.clone()).prop_map(|(l, op, r)| format!("({l} {op} {r})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("{l} | {r}")),
            2 => (one, inner.clone()).prop_map(|(f, x)| format!("{f}({x})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(g, c)| format!("any({g}; {c})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(g, c)| format!("all({g}; {c})")),
            1 => (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(c, t, e)| format!("if {c} then {t} else {e} end")),
            1 => (inner.clone(), inner.clone()).prop_map(|(c, t)| format!("if {c} then {t} end")),
            1 => (inner.clone(), inner.clone()).prop_map(|(x, f)| format!("({x} as $v | {f} , $v)")),
            1 => (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(x, y, f)| format!("({x} as $v | {y} as $w | {f} | [$v, $w, .])")),
            1 => inner.clone().prop_map(|x| format!("[{x}]")),
            1 => inner.clone().prop_map(|x| format!("({x})?")),
            1 => inner.clone().prop_map(|x| format!("-({x})")),
            1 => inner.clone().prop_map(|x| format!("({x})[0]")),
            1 => inner.prop_map(|x| format!("({x}) / 2")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6000, max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn the_subset_agrees_with_the_interpreter(record in record(), expression in expression()) {
        let native = compile(&expression);
        prop_assert!(native.0.is_native(), "{}", expression);
        let mut needs = Needs::default();
        let foreign = Jq::compile_foreign(&expression, &mut needs).unwrap();
        needs.finish();
        let foreign = (foreign, needs);
        let document = Document::new(&record, &[]);
        let (ours, theirs) = (outputs(&native, &document), outputs(&foreign, &document));
        prop_assert_eq!(&ours.clone().ok(), &theirs.clone().ok(), "{}: {:?} {:?}", expression, ours, theirs);
        prop_assert_eq!(truths(&native, &document).ok(), truths(&foreign, &document).ok());
    }
}
