//! JSONPath: forms of the recipes by hand, and everything against jsonpath-rust 0.3.5.

use jsonpath_rust::JsonPathFinder;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::Document;
use crate::filter::json as text;
use crate::filter::jsonpath::Item;
use crate::filter::jsonpath::JsonPath;
use crate::filter::needs::Needs;
use crate::filter::parse::read;
use crate::filter::value::Tape;

/// What `find` of the published library returns, from a compiled path.
fn find(expression: &str, document: &Document, whole: bool) -> Value {
    let mut needs = Needs::default();
    let path = JsonPath::compile(expression, whole, &mut needs).unwrap();
    needs.finish();
    document.view(|view| {
        let mut tape = Tape::default();
        let root = read(view, &needs, &mut tape).unwrap();
        let mut found = Vec::new();
        path.each(&tape, root, &mut |item| {
            found.push(match item {
                Item::Node(node) => {
                    let mut out = String::new();
                    text::write(&tape, node, &mut out);
                    serde_json::from_str(&out).unwrap()
                }
                Item::Count(count) => json!(count),
                Item::Missing => panic!("a missing item is no result"),
            });
            true
        });
        assert_eq!(path.matches(&tape, root), !found.is_empty());
        if found.is_empty() { Value::Null } else { Value::Array(found) }
    })
}

fn finds(expression: &str, document: Value) -> Value {
    find(expression, &Document::new(&document, &[]), true)
}

fn matches(expression: &str, document: Value) -> bool {
    find(expression, &Document::new(&document, &[]), false) != Value::Null
}

fn refusal(expression: &str) -> String {
    JsonPath::compile(expression, false, &mut Needs::default()).unwrap_err().to_string()
}

#[test]
fn a_threshold_over_the_attributes_object_tests_the_object() {
    let rule = "$.attributes[?(@.e__gopher_v1__word_count[0][2] < 50)]";
    let record =
        |score: Value| json!({"attributes": {"e__gopher_v1__word_count": [[0, 9, score]]}});
    assert!(matches(rule, record(json!(49))));
    assert!(matches(rule, record(json!(49.9))));
    assert!(!matches(rule, record(json!(50))));
    assert!(!matches(rule, record(json!("49"))));
    assert!(!matches(rule, json!({"attributes": {}})));
    assert!(!matches(rule, json!({"attributes": {"e__gopher_v1__word_count": []}})));
    assert!(!matches(rule, json!({})));
}

#[test]
fn the_guarded_form_of_the_recipes_works_with_and_without_the_attribute() {
    let rule = "$@.attributes[?(@.bff && @.bff[0] && @.bff[0][2] >= 1.0)]";
    assert!(matches(rule, json!({"attributes": {"bff": [[0, 30, 1.0]]}})));
    assert!(matches(rule, json!({"attributes": {"bff": [[0, 30, 1]]}})));
    assert!(!matches(rule, json!({"attributes": {"bff": [[0, 30, 0.5], [1, 2, 1.0]]}})));
    assert!(!matches(rule, json!({"attributes": {"bff": []}})));
    assert!(!matches(rule, json!({"attributes": {"other": 1}})));
}

#[test]
fn a_quoted_name_and_a_negation_work_as_in_the_url_recipes() {
    let rule = "$.attributes[?(@['list__porn_v1__url'] && !@['list__allow_v1__url'])]";
    assert!(matches(rule, json!({"attributes": {"list__porn_v1__url": [[0, 1, 1]]}})));
    assert!(matches(rule, json!({"attributes": {"list__porn_v1__url": []}})));
    let allowed = json!({"attributes": {"list__porn_v1__url": [], "list__allow_v1__url": []}});
    assert!(!matches(rule, allowed));
}

#[test]
fn m10_comparisons_at_equality_do_not_depend_on_how_the_number_was_written() {
    for (score, literal) in [("1", "1.0"), ("1.0", "1"), ("1.0", "1.0"), ("1", "1"), ("1e0", "1")] {
        let record = format!(r#"{{"attributes": {{"a": [[0, 1, {score}]]}}}}"#);
        let record: Value = serde_json::from_str(&record).unwrap();
        for (sign, expected) in
            [("==", true), ("!=", false), ("<", false), ("<=", true), (">", false), (">=", true)]
        {
            let rule = format!("$.attributes[?(@.a[0][2] {sign} {literal})]");
            assert_eq!(matches(&rule, record.clone()), expected, "{rule} on {score}");
        }
    }
}

#[test]
fn integers_are_compared_without_rounding() {
    let record = json!({"a": {"n": 9_007_199_254_740_993_i64}});
    assert!(matches("$.a[?(@.n > 9007199254740992)]", record.clone()));
    assert!(!matches("$.a[?(@.n == 9007199254740992.0)]", record));
}

#[test]
fn pruned_reading_does_not_hide_what_a_comparison_looks_at() {
    let record = json!({"a": {"x": {"k": 1}, "y": {"k": 1}, "z": {"k": 2}}});
    assert!(matches("$.a[?(@.x == @.y)]", record.clone()));
    assert!(!matches("$.a[?(@.x == @.z)]", record.clone()));
    assert!(matches("$.a[?(@.x && @.x.k == 1)]", record));
}

#[test]
fn paths_find_values_in_order() {
    let record = json!({"b": {"u": [1, 2, 3]}, "a": {"u": "x"}, "text": "t"});
    assert_eq!(finds("$.text", record.clone()), json!(["t"]));
    assert_eq!(finds("$..u", record.clone()), json!(["x", [1, 2, 3]]));
    assert_eq!(finds("$.b.u[-1:]", record.clone()), json!([3]));
    assert_eq!(finds("$.b.u[0,2]", record.clone()), json!([1, 3]));
    assert_eq!(finds("$['text','b'].u", record.clone()), json!([[1, 2, 3]]));
    assert_eq!(finds("$.b.u.length()", record.clone()), json!([3]));
    assert_eq!(finds("$.b.u[0:9]", record.clone()), Value::Null);
    assert_eq!(finds("$.missing", record), Value::Null);
}

#[test]
fn plain_paths_are_recognised() {
    let plain = |expression: &str| {
        JsonPath::compile(expression, true, &mut Needs::default()).unwrap().plain()
    };
    assert_eq!(plain("$.text").unwrap(), ["text"]);
    assert_eq!(plain("$.metadata['the url']").unwrap(), ["metadata", "the url"]);
    for other in ["$", "$.a[0]", "$..a", "$.a[?(@.b)]"] {
        assert_eq!(plain(other), None, "{other}");
    }
}

#[test]
fn what_is_not_the_dialect_is_refused_with_place_and_expectation() {
    for (expression, expected) in [
        ("text", "at character 1: expected a path that starts with `$`, such as `$.text`"),
        ("", "at character 1: expected a path that starts with `$`, such as `$.text`"),
        (
            "$.a[-1]",
            "at character 5: expected an index that is not negative; the last element is `[-1:]`",
        ),
        ("$.a[?(@.x == \"y\")]", "at character 14: expected single quotes around a string"),
        (
            "$.a[?(@.x > )]",
            "at character 13: expected `@...`, `$...`, a string, number, true, false or null",
        ),
        ("$.a[0", "at character 6: expected `]`"),
        ("$.a[::0]", "at character 8: expected a step of 1 or more"),
        (
            "$.é b",
            "at character 3: expected a name, `*`, `[` or `length()` after the dot; other names go in `['...']`",
        ),
        ("$.a b", "at character 5: expected `.name`, `[...]` or the end of the path"),
    ] {
        let message = format!("cannot use the JSONPath `{expression}`: {expected}");
        assert_eq!(refusal(expression), message);
    }
    assert!(refusal("$.a[?(@.x ~= '[')]").contains("expected a regular expression"));
    assert!(refusal("$.a[-1,0]").contains("whole and not negative"));
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2i64..4).prop_map(Value::from),
        // Never a whole number: there the published library is wrong.
        (-2i32..4).prop_map(|n| json!(f64::from(n) + 0.5)),
        "[ab]{0,2}".prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 24, 4, |inner| {
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
        |(text, extra, attributes)| json!({"text": text, "extra": extra, "attributes": attributes}),
    )
}

fn step() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[abc]".prop_map(|name| format!(".{name}")),
        2 => "[abc]".prop_map(|name| format!("['{name}']")),
        3 => (0usize..4).prop_map(|index| format!("[{index}]")),
        1 => Just("[*]".to_owned()),
        1 => Just(".*".to_owned()),
        1 => Just("..*".to_owned()),
        1 => "[abc]".prop_map(|name| format!("..{name}")),
        1 => Just("['a','b']".to_owned()),
        1 => Just("[0,2]".to_owned()),
        1 => (-3i32..4, -3i32..4, 1u32..3).prop_map(|(s, e, t)| format!("[{s}:{e}:{t}]")),
        1 => Just("[1:]".to_owned()),
        1 => Just("[:-1]".to_owned()),
        1 => Just(".length()".to_owned()),
    ]
}

fn operand() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::collection::vec(step(), 0..3).prop_map(|steps| format!("@{}", steps.concat())),
        1 => prop::collection::vec(step(), 0..3).prop_map(|steps| format!("$.extra{}", steps.concat())),
        2 => scalar().prop_map(|value| value.to_string().replace('"', "'")),
        1 => Just("[0,1]".to_owned()),
        1 => Just("['a','ab']".to_owned()),
        1 => Just("['a']".to_owned()),
        1 => Just("'a.?'".to_owned()),
    ]
}

fn logic() -> impl Strategy<Value = String> {
    let sign = prop::sample::select(vec![
        "==", "!=", "<", ">", "<=", ">=", "~=", "in", "nin", "size", "noneOf", "anyOf", "subsetOf",
    ]);
    let atom = prop_oneof![
        operand(),
        (operand(), sign, operand()).prop_map(|(l, sign, r)| format!("{l} {sign} {r}")),
    ];
    atom.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("{l} && {r}")),
            (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("({l} || {r})")),
            (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("{l} || {r}")),
            inner.prop_map(|l| format!("!({l})")),
        ]
    })
}

fn expression() -> impl Strategy<Value = String> {
    let root =
        prop::sample::select(vec!["$", "$@", "$", "$.attributes", "$@.attributes", "$.extra"]);
    let tail = prop_oneof![
        3 => prop::collection::vec(step(), 0..4).prop_map(|steps| steps.concat()),
        4 => (step(), logic(), prop::collection::vec(step(), 0..2))
            .prop_map(|(step, logic, steps)| format!("{step}[?({logic})]{}", steps.concat())),
        4 => logic().prop_map(|logic| format!("[?({logic})]")),
    ];
    (root, tail).prop_map(|(root, tail)| format!("{root}{tail}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn results_are_those_of_the_published_library(record in record(), expression in expression()) {
        let mut finder = JsonPathFinder::from_str("{}", &expression).unwrap();
        finder.set_json(Box::new(record.clone()));
        let expected = finder.find();
        let document = Document::new(&record, &[]);
        prop_assert_eq!(find(&expression, &document, true), expected.clone(), "{}", expression);
        // Read for a yes or no, fewer parts of the record are there, with the same answer.
        let mut needs = Needs::default();
        let path = JsonPath::compile(&expression, false, &mut needs).unwrap();
        needs.finish();
        let matched = document.view(|view| {
            let mut tape = Tape::default();
            let root = read(view, &needs, &mut tape).unwrap();
            path.matches(&tape, root)
        });
        prop_assert_eq!(matched, expected != Value::Null, "{}", expression);
    }

    #[test]
    fn what_the_published_library_accepts_is_accepted(noise in r#"[\$@]\.?[a-c.\[\]'()?&|!<=> 0-2:,*]{0,14}"#) {
        let theirs = std::panic::catch_unwind(|| {
            let mut finder = JsonPathFinder::from_str("{}", &noise).ok()?;
            finder.set_json(Box::new(json!({"a": [[1]], "b": {"c": 1}})));
            Some(finder.find())
        });
        if let Ok(Some(expected)) = theirs {
            let ours = JsonPath::compile(&noise, true, &mut Needs::default());
            prop_assert!(ours.is_ok(), "{}", noise);
            let document = Document::new(&json!({"a": [[1]], "b": {"c": 1}}), &[]);
            prop_assert_eq!(find(&noise, &document, true), expected, "{}", noise);
        }
    }
}
