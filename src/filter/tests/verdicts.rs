//! Verdicts of whole filters, and typed selections.

use serde_json::{Value, json};

use super::Document;
use crate::filter::{Filter, ScoredSpan, Scratch, Selector, Syntax, Verdict};

fn filter(include: &[&str], exclude: &[&str], syntax: Syntax) -> Filter {
    let owned = |rules: &[&str]| rules.iter().map(|rule| (*rule).to_owned()).collect::<Vec<_>>();
    Filter::compile(&owned(include), &owned(exclude), syntax).unwrap()
}

fn verdict(filter: &Filter, record: Value) -> Result<Verdict, String> {
    let document = Document::new(&record, &[]);
    document
        .view(|view| filter.verdict(view, &mut Scratch::default()))
        .map_err(|error| error.to_string())
}

#[test]
fn a_filter_is_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Filter>();
    shared::<Selector>();
}

#[test]
fn the_first_exclude_rule_that_holds_is_reported() {
    let filter = filter(
        &["$.keep", "$.attributes[?(@.a[0][2] > 0)]"],
        &["$.attributes[?(@.b)]", "$.attributes[?(@.c)]"],
        Syntax::JsonPath,
    );
    for (record, expected) in [
        (json!({"keep": null}), Verdict::Keep),
        (json!({"attributes": {"a": [[0, 1, 1]]}}), Verdict::Keep),
        (json!({"attributes": {"a": [[0, 1, 0]], "b": []}}), Verdict::DropNotIncluded),
        (json!({"keep": 1, "attributes": {"c": 0}}), Verdict::DropExcluded(1)),
        (json!({"keep": 1, "attributes": {"c": 0, "b": 0}}), Verdict::DropExcluded(0)),
    ] {
        assert_eq!(verdict(&filter, record), Ok(expected));
    }
}

#[test]
fn no_rules_keep_everything() {
    assert_eq!(verdict(&filter(&[], &[], Syntax::Jq), json!({"x": 1})), Ok(Verdict::Keep));
}

#[test]
fn several_outputs_must_all_be_true_to_include_and_one_excludes() {
    let include = filter(&[".a[]"], &[], Syntax::Jq);
    let exclude = filter(&[], &[".a[]"], Syntax::Jq);
    for (values, included, excluded) in [
        (json!([1, true, "x"]), true, true),
        (json!([1, 0]), false, true),
        (json!([0, null]), false, false),
        (json!([]), false, false),
    ] {
        let keeps = |filter, keep| {
            assert_eq!(verdict(filter, json!({"a": values})).unwrap() == Verdict::Keep, keep);
        };
        keeps(&include, included);
        keeps(&exclude, !excluded);
    }
}

#[test]
fn an_evaluation_error_names_the_rule_and_the_cause() {
    let rules = filter(&[], &[".attributes.a[0][2] < 50"], Syntax::Jq);
    let error = "cannot evaluate `.attributes.a[0][2] < 50`: [0] of null: what it is an element \
                 of is missing";
    assert_eq!(verdict(&rules, json!({"attributes": {}})), Err(error.to_owned()));
}

#[test]
fn an_error_after_a_true_output_is_still_an_error() {
    let rules = filter(&[], &["true, (.a | .b)"], Syntax::Jq);
    assert!(verdict(&rules, json!({"a": 1})).is_err());
}

#[test]
fn rules_after_the_one_that_decides_are_not_evaluated() {
    let rules = filter(&["true", ".a.b.c"], &[".x", ".a.b.c"], Syntax::Jq);
    assert_eq!(verdict(&rules, json!({"x": 1})), Ok(Verdict::DropExcluded(0)));
    let rules = filter(&["false"], &[".a.b.c"], Syntax::Jq);
    assert_eq!(verdict(&rules, json!({})), Ok(Verdict::DropNotIncluded));
}

#[test]
fn attributes_that_rules_name_are_listed_once_in_order() {
    let rules = filter(
        &["$.attributes[?(@.z && @['a b'][0][2] > 0)]"],
        &["$@.attributes[?(@.c || @.z)]", "$.metadata[?(@.m == 1)]", "$.attributes.d"],
        Syntax::JsonPath,
    );
    let named = |name: &str, key: &str| (name.to_string(), format!("filter.{key}"));
    assert_eq!(
        rules.attributes(),
        [
            named("z", "include[0]"),
            named("a b", "include[0]"),
            named("c", "exclude[0]"),
            named("d", "exclude[2]")
        ]
    );
    let fields = [named("attributes", "include[0]"), named("metadata", "exclude[1]")];
    assert_eq!(rules.fields(), fields);
    assert!(!rules.is_unbounded());
    let rules =
        filter(&[".attributes.x[0][2] > 0"], &[".attributes | .y | length > 2"], Syntax::Jq);
    assert_eq!(rules.fields(), [named("attributes", "include[0]")]);
    assert_eq!(rules.attributes(), [named("x", "include[0]"), named("y", "exclude[0]")]);
    assert!(!rules.is_unbounded());
}

#[test]
fn rules_that_read_attributes_generically_are_unbounded() {
    for rule in [".attributes | keys | length > 1", ".attributes[]", "..", "reduce . as $x (0; 1)"]
    {
        assert!(filter(&[rule], &[], Syntax::Jq).is_unbounded(), "{rule}");
    }
    for rule in ["$..a", "$.attributes.*", "$.attributes[?(@..a)]", "$[*]"] {
        assert!(filter(&[rule], &[], Syntax::JsonPath).is_unbounded(), "{rule}");
    }
    assert!(!filter(&[".text | length > 5"], &[], Syntax::Jq).is_unbounded());
}

#[test]
fn the_texts_of_the_rules_are_kept() {
    let rules = filter(&["$.a"], &["$.b", "$.c"], Syntax::JsonPath);
    assert_eq!(rules.rules(), (vec!["$.a"], vec!["$.b", "$.c"]));
}

#[test]
fn one_scratch_serves_records_of_any_shape() {
    let filter = filter(&[], &["$.attributes[?(@.a[0][2] > 0.5)]"], Syntax::JsonPath);
    let mut scratch = Scratch::default();
    let long = json!({"attributes": {"a": [[0, 1, 0.7], [1, 2, 0.1]], "b": [1, 2, 3]}});
    for (record, expected) in [
        (long.clone(), Verdict::DropExcluded(0)),
        (json!({}), Verdict::Keep),
        (json!({"attributes": {"b": 1}}), Verdict::Keep),
        (long, Verdict::DropExcluded(0)),
    ] {
        let document = Document::new(&record, &[]);
        assert_eq!(document.view(|view| filter.verdict(view, &mut scratch)).unwrap(), expected);
    }
}

fn selector(text: &str, syntax: Syntax) -> Selector {
    Selector::compile(text, syntax).unwrap()
}

fn spans(selector: &Selector, record: Value) -> Result<Vec<ScoredSpan>, String> {
    let mut spans = Vec::new();
    let document = Document::new(&record, &[]);
    document
        .view(|view| selector.select_spans(view, &mut Scratch::default(), &mut spans))
        .map(|()| spans)
        .map_err(|error| error.to_string())
}

fn string(selector: &Selector, record: Value) -> Result<Option<String>, String> {
    let mut out = String::new();
    let document = Document::new(&record, &[]);
    document
        .view(|view| selector.select_string(view, &mut Scratch::default(), &mut out))
        .map(|found| found.then_some(out))
        .map_err(|error| error.to_string())
}

#[test]
fn spans_are_selected_by_either_syntax() {
    let record = |list: Value| json!({"attributes": {"pii": {"email": list}}});
    for selector in [
        selector("$.attributes.pii.email", Syntax::JsonPath),
        selector("$.attributes.pii.email[*]", Syntax::JsonPath),
        selector(".attributes?.pii?.email?", Syntax::Jq),
        selector(".attributes.pii.email[]?", Syntax::Jq),
        selector(".attributes.pii.email | map(select(.[2] > -9))", Syntax::Jq),
    ] {
        let two = record(json!([[0, 3, 1], [5, 9, 0.5]]));
        assert_eq!(spans(&selector, two), Ok(vec![(0, 3, 1.0), (5, 9, 0.5)]));
        assert_eq!(spans(&selector, record(json!([[2, 2, 1]]))), Ok(vec![(2, 2, 1.0)]));
        assert_eq!(spans(&selector, record(json!([]))), Ok(vec![]));
    }
    let missing = selector("$.attributes.pii.email", Syntax::JsonPath);
    assert_eq!(spans(&missing, json!({"attributes": {}})), Ok(vec![]));
}

#[test]
fn what_is_no_span_is_refused_with_what_was_found() {
    let selector = selector("$.s", Syntax::JsonPath);
    for (value, expected) in [
        (json!(5), "expected a list of spans, found number"),
        (json!([[0, 1]]), "expected a span [start, end, score], found [0,1]"),
        (json!(["x"]), "expected a span [start, end, score], found \"x\""),
    ] {
        let error = format!("`$.s`: {expected}");
        assert_eq!(spans(&selector, json!({"s": value})), Err(error));
    }
    // What becomes of these is for the editing of spans to say.
    assert_eq!(spans(&selector, json!({"s": [[3, 2, 1]]})), Ok(vec![(3, 2, 1.0)]));
    assert_eq!(spans(&selector, json!({"s": [[-1, 2, 1]]})), Ok(vec![(-1, 2, 1.0)]));
    for value in [json!([[0, 1.5, 1]]), json!([[0, 1, "1"]])] {
        let error = spans(&selector, json!({"s": value})).unwrap_err();
        assert!(error.contains("whole offsets and a number, found ["), "{error}");
    }
}

#[test]
fn strings_are_selected_decoded() {
    let text = selector("$.text", Syntax::JsonPath);
    assert_eq!(text.as_plain_path().unwrap(), ["text"]);
    assert_eq!(string(&text, json!({"text": "a\n\"é😀"})), Ok(Some("a\n\"é😀".to_owned())));
    assert_eq!(string(&text, json!({"id": "1"})), Ok(None));
    assert_eq!(string(&text, json!({"text": null})), Ok(None));
    let error = "`$.text`: expected a string, found number";
    assert_eq!(string(&text, json!({"text": 5})), Err(error.to_owned()));

    let first = selector("$..url", Syntax::JsonPath);
    assert_eq!(first.as_plain_path(), None);
    let record = json!({"z": {"url": "second"}, "a": {"url": "first"}});
    assert_eq!(string(&first, record), Ok(Some("first".to_owned())));

    let joined = selector(r#""<" + .metadata.kind + ">""#, Syntax::Jq);
    let record = json!({"metadata": {"kind": "e\"mail"}});
    assert_eq!(string(&joined, record), Ok(Some("<e\"mail>".to_owned())));
    assert!(string(&selector(".a, .b", Syntax::Jq), json!({"a": "x", "b": "y"})).is_err());
}

#[test]
fn a_selection_is_null_one_value_or_a_list() {
    let record = json!({"a": {"x": 1, "y": [2.50]}, "b": "t\n"});
    let document = Document::new(&record, &[]);
    for (text, syntax, expected) in [
        ("$.a", Syntax::JsonPath, r#"{"x":1,"y":[2.5]}"#),
        ("$.a.*", Syntax::JsonPath, "[1,[2.5]]"),
        ("$.a.*.length()", Syntax::JsonPath, "2"),
        ("$.none", Syntax::JsonPath, "null"),
        (".a.x, .b", Syntax::Jq, r#"[1,"t\n"]"#),
        (".a.x + 1", Syntax::Jq, "2"),
        ("empty", Syntax::Jq, "null"),
    ] {
        let selector = selector(text, syntax);
        let selected = document.view(|view| selector.select(view, &mut Scratch::default()));
        assert_eq!(selected.unwrap(), expected, "{text}");
    }
}
