//! The passes together, against a quadratic search over all windows.

use super::anchors::Winnow;
use super::gather::Plan;
use super::matching::Limits;
use super::run::SubstringRun;
use super::symbols::Unit;
use crate::dedupe::readings::Target;
use crate::error::Result;
use crate::run::Progress;
use crate::shard::{Done, Files, Host};
use proptest::prelude::*;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use unicode_segmentation::UnicodeSegmentation;

/// Files of documents.
type Corpus = Vec<Vec<String>>;

/// Files of a folder: of a shard `<input>-<number>.jsonl` and `<output>-<number>.jsonl`.
struct Local<'f> {
    folder: &'f Path,
    shards: Vec<usize>,
    input: &'static str,
    output: &'static str,
    errors: Mutex<Vec<String>>,
}

impl<'f> Local<'f> {
    fn new(folder: &'f Path, shards: &[usize], input: &'static str, output: &'static str) -> Self {
        Self { folder, shards: shards.to_vec(), input, output, errors: Mutex::default() }
    }

    fn done(self) {
        assert_eq!(self.errors.into_inner().unwrap(), Vec::<String>::new());
    }
}

impl Host<Done> for Local<'_> {
    fn files(&self, shard: usize) -> Result<Files> {
        let shard = self.shards[shard];
        let file = |kind: &str| vec![self.folder.join(format!("{kind}-{shard}.jsonl"))];
        Ok(Files { inputs: file(self.input), outputs: file(self.output) })
    }

    fn report(&self, _shard: usize, outcome: Result<Done>) {
        if let Err(error) = outcome {
            self.errors.lock().unwrap().push(error.to_string());
        }
    }
}

#[derive(Clone, Copy)]
struct Setting {
    length: u64,
    unit: Unit,
    merge_distance: u64,
    memory: u64,
    threads: usize,
    limits: Limits,
    /// By shard, in bits: whether it is taken from a reading.
    loaded: usize,
}

impl Setting {
    fn new(length: u64, unit: Unit) -> Self {
        let limits = Limits::default();
        Self { length, unit, merge_distance: 0, memory: 1 << 30, threads: 2, limits, loaded: 0 }
    }
}

/// The rows of each file.
fn rows(corpus: &Corpus, setting: Setting) -> Vec<Vec<Value>> {
    let folder = tempfile::tempdir().unwrap();
    for (shard, documents) in corpus.iter().enumerate() {
        let lines: String = documents
            .iter()
            .enumerate()
            .map(|(line, text)| {
                let id = format!("{shard}-{}", line + 1);
                format!("{}\n", serde_json::json!({"id": id, "text": text, "source": "s"}))
            })
            .collect();
        std::fs::write(folder.path().join(format!("in-{shard}.jsonl")), lines).unwrap();
    }
    let plan = Plan {
        winnow: Winnow::new(setting.length, setting.unit),
        merge_distance: setting.merge_distance,
        attribute: "a".into(),
        explain: true,
        input_format: None,
        output_format: None,
        level: None,
        max_bad: 0,
        names: (0..corpus.len()).map(|shard| vec![PathBuf::from(shard.to_string())]).collect(),
        threads: setting.threads,
        memory: setting.memory,
    };
    let work = folder.path().join("work");
    let mut run = SubstringRun::new(plan, &work).unwrap();
    run.limits = setting.limits;
    first_pass(&run, folder.path(), setting);
    let progress = Progress::default();
    run.compare(&progress).unwrap();
    let all: Vec<usize> = (0..corpus.len()).collect();
    let host = Local::new(folder.path(), &all, "in", "out");
    run.mark(all, &host, &progress).unwrap();
    host.done();
    drop(run);
    let left = std::fs::read_dir(&work).map_or(0, Iterator::count);
    assert_eq!(left, 0, "intermediates are left");
    (0..corpus.len())
        .map(|shard| {
            let rows = folder.path().join(format!("out-{shard}.jsonl"));
            let rows = std::fs::read_to_string(rows).unwrap();
            rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect()
        })
        .collect()
}

/// Reads all files, or has others read some and loads what they left.
fn first_pass(run: &SubstringRun, folder: &Path, setting: Setting) {
    let progress = Progress::default();
    let (loaded, read): (Vec<_>, Vec<_>) =
        (0..run.plan.names.len()).partition(|shard| setting.loaded >> shard & 1 == 1);
    let identities: Vec<_> = loaded.iter().map(ToString::to_string).collect();
    let host = Local::new(folder, &loaded, "in", "reading");
    run.gather(loaded.clone(), Target::Readings(&identities), &host, &progress).unwrap();
    host.done();
    let host = Local::new(folder, &read, "in", "out");
    run.gather(read, Target::Run, &host, &progress).unwrap();
    host.done();
    let host = Local::new(folder, &loaded, "reading", "out");
    assert_eq!(run.load(loaded, identities, &host, &progress).unwrap(), []);
    host.done();
}

/// The units of a text, each with the code points that it covers.
fn units(text: &str, unit: Unit) -> Vec<(Vec<u8>, usize, usize)> {
    let mut at = 0;
    match unit {
        Unit::Bytes => {
            let of_char = |(index, c): (usize, char)| {
                let mut bytes = [0; 4];
                let bytes = c.encode_utf8(&mut bytes).as_bytes().to_vec();
                bytes.into_iter().map(move |byte| (vec![byte], index, index + 1))
            };
            text.chars().enumerate().flat_map(of_char).collect()
        }
        Unit::Characters => {
            text.chars().enumerate().map(|(i, c)| (c.to_string().into_bytes(), i, i + 1)).collect()
        }
        Unit::Words => text
            .split_word_bounds()
            .filter_map(|word| {
                let start = at;
                at += word.chars().count();
                (!word.trim().is_empty()).then(|| (word.as_bytes().to_vec(), start, at))
            })
            .collect(),
    }
}

/// For each document the marked units and the spans in code points, by looking at all pairs.
fn naive(corpus: &Corpus, setting: Setting) -> Vec<Vec<Vec<(usize, usize)>>> {
    let length = setting.length as usize;
    let mut seen: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut result = Vec::new();
    for documents in corpus {
        let mut of_file = Vec::new();
        for text in documents {
            let units = units(text, setting.unit);
            let plain: Vec<Vec<u8>> = units.iter().map(|unit| unit.0.clone()).collect();
            let mut marked = vec![false; plain.len()];
            for start in 0..(plain.len() + 1).saturating_sub(length) {
                let window = &plain[start..start + length];
                let earlier = seen.iter().any(|text| text.windows(length).any(|w| w == window))
                    || plain[..start].windows(length).any(|w| w == window);
                if earlier {
                    marked[start..start + length].fill(true);
                }
            }
            of_file.push(spans(&units, &marked, text, setting));
            seen.push(plain);
        }
        result.push(of_file);
    }
    result
}

fn spans(
    units: &[(Vec<u8>, usize, usize)],
    marked: &[bool],
    text: &str,
    setting: Setting,
) -> Vec<(usize, usize)> {
    // A code point is marked if all of its units are; between marked neighbours that are words,
    // white space is, too.
    let mut chars = vec![false; text.chars().count()];
    for (index, (_, start, end)) in units.iter().enumerate() {
        let all = units.iter().zip(marked).filter(|(unit, _)| unit.1 == *start).all(|(_, m)| *m);
        chars[*start..*end].fill(all);
        if setting.unit == Unit::Words && index > 0 && marked[index] && marked[index - 1] {
            chars[units[index - 1].2..*start].fill(true);
        }
    }
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for (at, _) in chars.iter().enumerate().filter(|(_, marked)| **marked) {
        match spans.last_mut() {
            Some(last) if at - last.1 <= setting.merge_distance as usize => last.1 = at + 1,
            _ => spans.push((at, at + 1)),
        }
    }
    spans
}

fn check(corpus: &Corpus, setting: Setting) {
    let rows = rows(corpus, setting);
    let expected = naive(corpus, setting);
    for (shard, documents) in corpus.iter().enumerate() {
        assert_eq!(rows[shard].len(), documents.len());
        for (line, text) in documents.iter().enumerate() {
            let row = &rows[shard][line];
            assert_eq!(row["id"], format!("{shard}-{}", line + 1));
            let spans: Vec<(usize, usize)> = match row["attributes"].get("a") {
                None => Vec::new(),
                Some(list) => list.as_array().unwrap().iter().map(span).collect(),
            };
            assert_eq!(row["attributes"].get("a").is_some(), !text.is_empty());
            assert_eq!(spans, expected[shard][line], "file {shard} line {} {corpus:?}", line + 1);
            explained(corpus, text, &spans, row, setting);
        }
    }
}

fn span(list: &Value) -> (usize, usize) {
    (list[0].as_u64().unwrap() as usize, list[1].as_u64().unwrap() as usize)
}

/// The explanation of each span is true.
fn explained(corpus: &Corpus, text: &str, spans: &[(usize, usize)], row: &Value, setting: Setting) {
    let Some(list) = row.get("duplicate_of") else {
        return assert!(spans.is_empty());
    };
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), spans.len());
    for (one, (start, end)) in list.iter().zip(spans) {
        let (from, to) = span(&one["matched"]);
        assert!(*start <= from && to <= *end);
        let line = one["line"].as_u64().unwrap() as usize;
        let shard: usize = one["path"].as_str().unwrap().parse().unwrap();
        assert_eq!(one["id"], format!("{shard}-{line}"));
        let kept = &corpus[shard][line - 1];
        let cut = |text: &str, from: usize, to: usize| -> String {
            text.chars().skip(from).take(to - from).collect()
        };
        if setting.unit == Unit::Words {
            let wanted = units(&cut(text, from, to), Unit::Words);
            let rest = cut(kept, one["start"].as_u64().unwrap() as usize, usize::MAX);
            let found = units(&rest, Unit::Words);
            assert!(wanted.iter().zip(&found).all(|(left, right)| left.0 == right.0));
        } else {
            let (kept_from, kept_to) = span(&one["span"]);
            assert_eq!(cut(text, from, to), cut(kept, kept_from, kept_to));
        }
    }
}

fn texts(alphabet: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::collection::vec(proptest::sample::select(alphabet), 0..60)
            .prop_map(|parts| parts.concat()),
        // Periods, with something before and after.
        (
            proptest::collection::vec(proptest::sample::select(alphabet), 1..6),
            0..30usize,
            proptest::collection::vec(proptest::sample::select(alphabet), 0..6),
        )
            .prop_map(|(period, count, rest)| period.concat().repeat(count) + &rest.concat()),
    ]
}

fn corpora(alphabet: &'static [&'static str]) -> impl Strategy<Value = Corpus> {
    proptest::collection::vec(proptest::collection::vec(texts(alphabet), 0..8), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn bytes_are_marked_as_by_looking_at_all_pairs(
        corpus in corpora(&["a", "b", "é", "€", "😀"]), length in 1..40u64, merge_distance in 0..4u64,
    ) {
        check(&corpus, Setting { merge_distance, ..Setting::new(length, Unit::Bytes) });
    }

    #[test]
    fn characters_are_marked_as_by_looking_at_all_pairs(
        corpus in corpora(&["a", "b", "é"]), length in 1..20u64,
    ) {
        check(&corpus, Setting::new(length, Unit::Characters));
    }

    #[test]
    fn words_are_marked_as_by_looking_at_all_pairs(
        corpus in corpora(&["ab ", "c\n\n", "é ", "中", "!"]), length in 1..12u64,
    ) {
        check(&corpus, Setting::new(length, Unit::Words));
    }

    #[test]
    fn nothing_depends_on_memory_and_threads(
        corpus in corpora(&["a", "b", "é"]), length in 2..20u64, memory in 1..20_000u64,
        threads in 1..5usize,
    ) {
        let setting = Setting::new(length, Unit::Bytes);
        let other = Setting { memory, threads, ..setting };
        prop_assert_eq!(rows(&corpus, setting), rows(&corpus, other));
    }

    #[test]
    fn nothing_depends_on_what_is_loaded(
        corpus in corpora(&["a ", "b", "é"]), length in 2..20u64, loaded in 1..8usize, unit in 0..3usize,
    ) {
        let setting = Setting::new(length, [Unit::Bytes, Unit::Characters, Unit::Words][unit]);
        prop_assert_eq!(rows(&corpus, setting), rows(&corpus, Setting { loaded, ..setting }));
    }

    #[test]
    fn groups_that_are_too_large_are_sorted_again(
        corpus in corpora(&["a", "b"]), length in 2..40u64, contexts in 1..4usize, copies in 0..3usize,
    ) {
        let limits = Limits { contexts, copies };
        check(&corpus, Setting { limits, ..Setting::new(length, Unit::Bytes) });
    }
}

#[test]
fn of_a_run_of_one_letter_the_first_window_stays() {
    let corpus = vec![vec!["a".repeat(100)], vec!["a".repeat(100)]];
    let rows = rows(&corpus, Setting::new(10, Unit::Bytes));
    assert_eq!(rows[0][0]["attributes"]["a"], serde_json::json!([[10, 100, 1]]));
    assert_eq!(rows[1][0]["attributes"]["a"], serde_json::json!([[0, 100, 1]]));
}

#[test]
fn periodic_text_takes_few_anchors() {
    let winnow = Winnow::new(100, Unit::Bytes);
    let mut anchors = Vec::new();
    for period in ["a", "ab", "abcdefg", "the same line again\n"] {
        let text = period.repeat(1_000_000 / period.len());
        super::anchors::Scanner::default().scan(&winnow, text.as_bytes(), 0, &mut anchors);
    }
    assert!(anchors.len() < 40, "{}", anchors.len());
}
