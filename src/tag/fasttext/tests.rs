//! The fixtures of `tests/data/fasttext` against what the reference predicted with them, damaged
//! files, and the kernel around it all. `make.py` beside the fixtures wrote them.

use super::heap::Best;
use super::kernel::build;
use super::source::Source;
use super::{Model, Predictor, sum};
use crate::error::ErrorKind;
use crate::tag::{Document, OptionValue, Options, Spans};
use crate::text::Text;
use proptest::prelude::*;
use serde_json::Value;
use std::path::PathBuf;

const MODELS: [&str; 5] = ["softmax.bin", "ova.bin", "pruned.ftz", "words.ftz", "qout.ftz"];

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/fasttext").join(name)
}

fn load(name: &str) -> Model {
    Model::load(&fixture(name)).unwrap()
}

fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(fixture("expected.json")).unwrap()).unwrap()
}

/// The reference was run with glibc, whose `expf` and `exp` others do not match to the last bit.
fn same(ours: f32, theirs: f32) -> bool {
    let tolerance = if cfg!(target_env = "gnu") { 0 } else { 2 };
    ours.to_bits().abs_diff(theirs.to_bits()) <= tolerance
}

fn assert_same(ours: &[(u32, f32)], theirs: &[(u32, f32)], context: &str) {
    let equal = ours.len() == theirs.len()
        && ours.iter().zip(theirs).all(|(a, b)| a.0 == b.0 && same(a.1, b.1));
    assert!(equal, "{context}: {ours:?} is not {theirs:?}");
}

#[test]
fn predictions_have_the_bits_of_the_reference() {
    let expected = expected();
    for name in MODELS {
        let model = load(name);
        let theirs = &expected["models"][name];
        let labels: Vec<&str> =
            theirs["labels"].as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect();
        assert_eq!(model.labels(), labels);
        let mut predictor = Predictor::new(&model);
        let mut ours = Vec::new();
        for case in theirs["cases"].as_array().unwrap() {
            let text = expected["texts"][case[0].as_u64().unwrap() as usize].as_str().unwrap();
            let (k, threshold) = (case[1].as_u64().unwrap(), case[2].as_f64().unwrap());
            predictor.predict(text, k as usize, threshold as f32, &mut ours).unwrap();
            let rows = case[3].as_array().unwrap().iter();
            let theirs: Vec<(u32, f32)> = rows
                .map(|row| (row[0].as_u64().unwrap() as u32, row[1].as_u64().unwrap() as u32))
                .map(|(label, bits)| (label, f32::from_bits(bits)))
                .collect();
            assert_same(&ours, &theirs, &format!("{name} k={k} t={threshold} {text:?}"));
        }
    }
}

#[test]
fn one_label_has_the_probability_that_all_labels_give_it() {
    let expected = expected();
    for name in MODELS {
        let model = load(name);
        let mut predictor = Predictor::new(&model);
        let mut all = Vec::new();
        for text in expected["texts"].as_array().unwrap().iter().map(|t| t.as_str().unwrap()) {
            predictor.predict(text, 0, 0.0, &mut all).unwrap();
            for label in 0..model.labels().len() as u32 {
                let one = predictor.predict_label(text, label).unwrap();
                let found = all.iter().find(|found| found.0 == label).map(|found| found.1);
                assert_eq!(one.map(f32::to_bits), found.map(f32::to_bits), "{name} {text:?}");
            }
        }
    }
}

#[test]
fn predictions_do_not_depend_on_texts_seen_before() {
    let model = load("pruned.ftz");
    let mut used = Predictor::new(&model);
    let mut out = Vec::new();
    // More tokens than the cache holds, so that it starts over on the way.
    for number in 0..50_000 {
        used.predict(&format!("token{number} kari"), 1, 0.0, &mut out).unwrap();
    }
    let text = "kari token7 token49999 lova";
    used.predict(text, 0, 0.0, &mut out).unwrap();
    let mut fresh = Vec::new();
    Predictor::new(&model).predict(text, 0, 0.0, &mut fresh).unwrap();
    assert_eq!(out, fresh);
}

#[test]
fn a_line_break_is_a_blank() {
    let model = load("softmax.bin");
    let mut predictor = Predictor::new(&model);
    let (mut broken, mut joined) = (Vec::new(), Vec::new());
    predictor.predict("kari\nlova\n\nrino", 0, 0.0, &mut broken).unwrap();
    predictor.predict("kari lova rino", 0, 0.0, &mut joined).unwrap();
    assert_eq!(broken, joined);
}

fn read(bytes: &[u8]) -> crate::error::Result<Model> {
    Model::read(&mut Source::new(bytes, bytes.len() as u64))
}

#[test]
fn a_model_cut_short_anywhere_is_an_asset_error() {
    for name in MODELS {
        let bytes = std::fs::read(fixture(name)).unwrap();
        let step = bytes.len() / 300 + 1;
        for length in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
            let error = read(&bytes[..length]).err().expect("a cut model was read");
            assert!(matches!(error.kind, ErrorKind::Asset(_)), "{name} at {length}: {error}");
        }
    }
}

#[test]
fn a_file_that_is_no_model_says_so() {
    let message = |bytes: &[u8]| read(bytes).err().unwrap().to_string();
    assert_eq!(message(b""), "not a fastText model");
    assert_eq!(message(b"<!DOCTYPE html><html>"), "not a fastText model");
    let mut bytes = std::fs::read(fixture("softmax.bin")).unwrap();
    bytes[4] = 13;
    assert_eq!(message(&bytes), "fastText file format 13 is not supported (11 and 12 are)");
    bytes[4] = 12;
    // The eighth hyper-parameter is the kind of model: 2 is skip-gram.
    bytes[8 + 7 * 4] = 2;
    assert_eq!(message(&bytes), "this fastText model holds word vectors, not a classifier");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever a byte is changed to, a model is refused or predicts without a panic.
    #[test]
    fn a_damaged_model_never_panics(
        which in 0..MODELS.len(),
        // Headers and length fields sit at both ends; the middle is mostly numbers.
        changes in prop::collection::vec((0.0..1.0f64, any::<bool>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = std::fs::read(fixture(MODELS[which])).unwrap();
        for (place, head, value) in changes {
            let range = if head { 92.min(bytes.len()) } else { bytes.len() };
            bytes[(place * range as f64) as usize] = value;
        }
        if let Ok(model) = read(&bytes) {
            let mut out = Vec::new();
            let mut predictor = Predictor::new(&model);
            let _ = predictor.predict("kari lova 日本 tagra kari", 0, 0.0, &mut out);
            let _ = predictor.predict_label("kari lova 日本 tagra kari", 0);
        }
    }

    #[test]
    fn rows_are_summed_in_order(
        width in 1..70usize,
        rows in prop::collection::vec(0..9u32, 0..80),
        seed in any::<u32>(),
    ) {
        let value = |i: usize| (seed.wrapping_mul(i as u32 + 1) >> 8) as f32 / 1e5 - 80.0;
        let data: Vec<f32> = (0..width * 9).map(value).collect();
        let mut naive = vec![0.5; width];
        for &row in &rows {
            for (sum, value) in naive.iter_mut().zip(&data[row as usize * width..]) {
                *sum += value;
            }
        }
        let mut sums = vec![0.5; width];
        sum::add_rows(&data, width, &rows, &mut sums);
        prop_assert_eq!(naive, sums);
    }

    #[test]
    fn the_best_are_the_largest(scores in prop::collection::vec(0..20u8, 1..60), k in 1..70usize) {
        let mut best = Best::default();
        best.start(k, scores.len());
        for (label, &score) in scores.iter().enumerate() {
            if !best.refuses(score.into()) {
                best.push(score.into(), label as u32);
            }
        }
        let found: Vec<f32> = best.finish().iter().map(|scored| scored.0).collect();
        let mut sorted: Vec<f32> = scores.iter().map(|&score| score.into()).collect();
        sorted.sort_by(|a, b| b.total_cmp(a));
        sorted.truncate(k);
        prop_assert_eq!(found, sorted);
    }
}

/// Orders printed by a C++ program (libstdc++ 12): `std::push_heap` per label in turn, then
/// `std::sort_heap`, with the comparison `a.first > b.first`.
#[test]
fn equal_scores_come_in_the_order_of_the_reference_heap() {
    let order = |scores: &[u8]| -> Vec<u32> {
        let mut best = Best::default();
        best.start(scores.len(), scores.len());
        for (label, &score) in scores.iter().enumerate() {
            best.push(score.into(), label as u32);
        }
        best.finish().iter().map(|scored| scored.1).collect()
    };
    assert_eq!(order(&[5, 5, 5, 5, 5, 5, 5]), [3, 1, 4, 6, 5, 2, 0]);
    assert_eq!(order(&[1, 2, 2, 1, 3, 3, 1, 2]), [5, 4, 7, 1, 2, 3, 6, 0]);
    assert_eq!(order(&[0, 0, 1, 0, 1, 0, 0, 2, 1, 0]), [7, 2, 8, 4, 3, 9, 1, 6, 5, 0]);
}

#[test]
fn of_equal_scores_the_last_wins_at_k_1() {
    let mut best = Best::default();
    best.start(1, 3);
    for label in 0..3 {
        best.push(-1.0, label);
    }
    assert_eq!(best.finish(), [(-1.0, 2)]);
}

fn options(more: &[(&str, OptionValue)]) -> Options {
    let path = fixture("softmax.bin").to_str().unwrap().to_owned();
    let mut options = Options::from([("model".to_owned(), OptionValue::Str(path))]);
    options.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    options
}

/// The spans of `text` as type, start, end and score.
fn tag(more: &[(&str, OptionValue)], text: &str) -> Vec<(String, u32, u32, f64)> {
    let kernel = build(&options(more)).unwrap();
    let text = Text::new(text);
    let mut out = Spans::default();
    let doc = Document { id: "1", text: &text, metadata: None };
    kernel.worker().tag(&doc, &mut out).unwrap();
    let types = kernel.types();
    let name = |kind: u16| types[usize::from(kind)].clone();
    out.spans.iter().map(|span| (name(span.kind), span.start, span.end, span.score)).collect()
}

fn score(label: u32, text: &str) -> f64 {
    Predictor::new(&load("softmax.bin")).predict_label(text, label).unwrap().unwrap().into()
}

const TRUE: OptionValue = OptionValue::Bool(true);

fn str(value: &str) -> OptionValue {
    OptionValue::Str(value.to_owned())
}

fn list(values: &[&str]) -> OptionValue {
    OptionValue::List(values.iter().map(|&value| value.to_owned()).collect())
}

#[test]
fn paragraphs_come_before_their_negatives_and_the_document() {
    let model = load("softmax.bin");
    let ka = model.labels().iter().position(|label| label == "__label__ka").unwrap() as u32;
    let asked = [
        ("labels", list(&["ka"])),
        ("strip_label_prefix", TRUE),
        ("lowercase", TRUE),
        ("unit", str("paragraph")),
        ("negatives", TRUE),
        ("doc_score", TRUE),
    ];
    let (one, two) = (score(ka, "kari é"), score(ka, "lova"));
    // 4 + 7 + 1 + 4 code points; the second and third paragraph are blank.
    let spans = tag(&asked, "\u{a0} \n KARI É\n\nLova");
    let mean = (8.0 * one + 4.0 * two) / 16.0;
    let row = |name: &str, start, end, score| (name.to_owned(), start, end, score);
    assert_eq!(
        spans,
        [
            row("ka", 3, 11, one),
            row("ka", 12, 16, two),
            row("not_ka", 3, 11, 1.0 - one),
            row("not_ka", 12, 16, 1.0 - two),
            row("doc_ka", 0, 16, mean),
            row("doc_not_ka", 0, 16, 1.0 - mean),
        ]
    );
    let empty = tag(&asked, "");
    assert_eq!(empty, [row("doc_ka", 0, 0, 0.0), row("doc_not_ka", 0, 0, 0.0)]);
}

#[test]
fn lines_and_sentences_are_scored_without_what_is_around_them() {
    let model = load("softmax.bin");
    let ka = model.labels().iter().position(|label| label == "__label__ka").unwrap() as u32;
    let spans = |unit: &str, text: &str| -> Vec<(u32, u32, f64)> {
        let found = tag(&[("labels", list(&["ka"])), ("unit", str(unit))], text);
        found.into_iter().map(|(_, start, end, score)| (start, end, score)).collect()
    };
    let text = "\u{a0} kari é.  Lova!\r\n \n日本語 mo";
    let all = score(ka, "kari é.  Lova!");
    assert_eq!(spans("line", text), [(0, 16, all), (20, 26, score(ka, "日本語 mo"))]);
    let sentences = [
        (2, 9, score(ka, "kari é.")),
        (11, 16, score(ka, "Lova!")),
        (20, 26, score(ka, "日本語 mo")),
    ];
    assert_eq!(spans("sentence", text), sentences);
    assert_eq!(spans("sentence", " \n\n"), []);
}

#[test]
fn what_is_not_in_a_set_of_labels_is_other() {
    let set = [("labels", list(&["ka", "__label__ul"])), ("other", TRUE)];
    let spans = tag(&set, "kari lova");
    let wanted: f64 = spans.iter().filter(|span| span.0 != "other").map(|span| span.3).sum();
    let other: Vec<f64> =
        spans.iter().filter(|span| span.0 == "other").map(|span| span.3).collect();
    assert_eq!(spans.len(), 3);
    assert_eq!(other, [(1.0 - wanted).clamp(0.0, 1.0)]);
}

#[test]
fn a_wanted_label_that_is_not_predicted_has_the_missing_score() {
    let asked = [("labels", list(&["__label__ul"])), ("threshold", OptionValue::Float(2.0))];
    assert_eq!(tag(&asked, "kari"), []);
    let missing = [&asked[..], &[("missing", OptionValue::Float(0.0))]].concat();
    assert_eq!(tag(&missing, "kari"), [("__label__ul".to_owned(), 0, 4, 0.0)]);
}

#[test]
fn labels_that_contain_the_last_part_come_last() {
    let names = |more: &[(&str, OptionValue)]| -> Vec<String> {
        tag(more, "voxe quipha voge voxe").into_iter().map(|span| span.0).collect()
    };
    assert_eq!(names(&[])[0], "__label__non_vo");
    assert_eq!(names(&[("last", str("non"))])[3], "__label__non_vo");
}

#[test]
fn the_score_of_a_label_is_one_minus_that_of_a_better_one() {
    let asked = [("score_of", str("__label__ka"))];
    let model = load("softmax.bin");
    let mut best = Vec::new();
    for text in ["kari kari moka", "voxe quipha voge"] {
        Predictor::new(&model).predict(text, 1, 0.0, &mut best).unwrap();
        let (label, probability) = best[0];
        let is_ka = model.labels()[label as usize] == "__label__ka";
        assert_eq!(is_ka, text.starts_with("kari"));
        let probability = f64::from(probability);
        let score = if is_ka { probability } else { 1.0 - probability };
        let end = text.len() as u32;
        assert_eq!(tag(&asked, text), [("score".to_owned(), 0, end, score)]);
    }
}

#[test]
fn scores_are_kept_above_a_bound_and_rounded_as_python_rounds() {
    let all = tag(&[], "kari lova");
    let bound = all[1].3;
    let kept = tag(&[("above", OptionValue::Float(bound))], "kari lova");
    assert_eq!(kept, all[..1]);
    let rounded = tag(&[("round", OptionValue::Int(2)), ("top_k", OptionValue::Int(1))], "kari");
    let plain = tag(&[("top_k", OptionValue::Int(1))], "kari");
    assert_eq!(rounded.len(), 1);
    assert!((rounded[0].3 - plain[0].3).abs() <= 0.005);
    assert_eq!((rounded[0].3 * 100.0).round() / 100.0, rounded[0].3);
}

#[test]
fn separators_cut_where_they_should() {
    let scores = |separators: &str, text: &str| {
        tag(&[("separators", str(separators))], text).into_iter().map(|s| s.3).collect::<Vec<_>>()
    };
    let cut = scores("fasttext", "kari lova");
    assert_eq!(scores("lines", "kari\u{2028}lova"), cut);
    assert_eq!(scores("unicode", "kari\u{3000}lova"), cut);
    assert_ne!(scores("fasttext", "kari\u{2028}lova"), cut);
    assert_ne!(scores("lines", "kari\u{3000}lova"), cut);
    // What Python strips is stripped, though fastText would read it.
    assert_eq!(scores("fasttext", "\u{3000}\u{1f}kari lova\u{1c}"), cut);
}

#[test]
fn options_that_cannot_work_are_refused() {
    let message = |more: &[(&str, OptionValue)]| build(&options(more)).err().unwrap().to_string();
    assert!(message(&[("modle", str("x"))]).contains("modle"));
    assert!(message(&[("labels", list(&["xx"]))]).contains("no label \"xx\""));
    assert!(message(&[("labels", list(&["xx"]))]).contains("it has __label__"));
    assert!(message(&[("doc_score", TRUE)]).contains("labels"));
    assert!(message(&[("other", TRUE)]).contains("labels"));
    let set = ("labels", list(&["ka"]));
    let both = [set, ("other", TRUE), ("negatives", TRUE)];
    assert!(message(&both).contains("cannot have `other`"));
    assert!(message(&[("label_codes", str("iso"))]).contains("iso639_1"));
    assert!(message(&[("unit", str("page"))]).contains("page"));
    assert!(message(&[("model", str("/nonexistent.bin"))]).contains("/nonexistent.bin"));
    assert!(build(&Options::new()).err().unwrap().to_string().contains("model"));
}
