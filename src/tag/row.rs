//! The rows of a batch: one in each output for every document, a column for each tagger.
//!
//! What a tagger fails on is that tagger's loss: its half-written attributes are taken back, and
//! the policy of the run says what becomes of the document.

use super::tally::{Effort, Histogram};
use super::{Span, Spans};
use crate::error::{Error, Result};
use crate::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What becomes of a document on which a tagger failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// Its shard fails.
    Fail,
    /// The document is put aside: its row in that tagger's output is a placeholder.
    Skip,
    /// Its row has no spans of that tagger.
    Null,
}

impl OnError {
    /// # Errors
    /// `Config` for a name that is none of `fail`, `skip`, `null`.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "fail" => Ok(Self::Fail),
            "skip" => Ok(Self::Skip),
            "null" => Ok(Self::Null),
            _ => Err(Error::config(format!("on_tagger_error is not {name:?}"))),
        }
    }
}

/// A failure that was survived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lapse {
    pub line: u64,
    pub id: String,
    /// Index of the tagger.
    pub tagger: usize,
    pub reason: String,
}

/// Failures of a shard that are written down one by one; all are counted.
pub const LAPSES_KEPT: usize = 10_000;

/// The third part of an attribute's name as it is written: what is no ASCII letter, digit or `_`
/// becomes `_`.
pub fn variable_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

/// The attribute keys of a tagger, ready to be written, by span kind; and their scores so far.
#[derive(Default)]
pub struct Keys {
    /// `"<set>__<tagger>__<type>":[` for each distinct name.
    written: Vec<Vec<u8>>,
    names: Vec<String>,
    scores: Vec<Histogram>,
    /// Index into `written` for each kind; types whose names become equal share a list.
    of_kind: Vec<Option<u16>>,
    prefix: String,
}

impl Keys {
    pub fn new(prefix: &str, types: &[String]) -> Self {
        let mut keys = Self { prefix: prefix.to_owned(), ..Self::default() };
        for name in types {
            keys.add(prefix, name);
        }
        keys
    }

    /// Adds a type; returns its kind. Types without a name are not written.
    pub fn add(&mut self, prefix: &str, name: &str) -> u16 {
        let index = (!name.is_empty()).then(|| self.intern(prefix, name));
        self.of_kind.push(index);
        (self.of_kind.len() - 1) as u16
    }

    fn intern(&mut self, prefix: &str, name: &str) -> u16 {
        let name = variable_name(name);
        let found = self.names.iter().position(|known| *known == name);
        found.unwrap_or_else(|| {
            let mut key = Vec::new();
            json::escape(format!("{prefix}__{name}").as_bytes(), &mut key);
            key.extend_from_slice(b":[");
            self.written.push(key);
            self.names.push(name);
            self.scores.push(Histogram::default());
            self.written.len() - 1
        }) as u16
    }

    /// Adds the types that one document has of its own; [`Keys::shrink`] to what it returns takes
    /// them away again, so that what is written hangs on no other document.
    fn extend(&mut self, names: &[String]) -> (usize, usize) {
        let size = (self.written.len(), self.of_kind.len());
        let prefix = std::mem::take(&mut self.prefix);
        names.iter().for_each(|name| {
            self.add(&prefix, name);
        });
        self.prefix = prefix;
        size
    }

    fn shrink(&mut self, (written, kinds): (usize, usize)) {
        self.written.truncate(written);
        self.names.truncate(written);
        self.scores.truncate(written);
        self.of_kind.truncate(kinds);
    }

    /// The scores since the last call, by type.
    fn take_scores(&mut self) -> BTreeMap<String, super::tally::Scores> {
        let taken = self.names.iter().zip(&mut self.scores).map(|(name, s)| (name, s.take()));
        taken.filter(|(_, s)| s.count > 0).map(|(name, s)| (name.clone(), s)).collect()
    }
}

/// Writes the spans of one document under one tagger; scratch that is reused.
#[derive(Default)]
pub struct SpanWriter {
    /// Per written key: the first and last run of its list in `runs`, or none.
    ends: Vec<Option<(u32, u32)>>,
    /// Per written key: whether `order` has it.
    ordered: Vec<bool>,
    runs: Vec<Run>,
    order: Vec<u16>,
}

/// Spans beside each other of one kind.
struct Run {
    first: u32,
    behind: u32,
    /// The next run of the same key, or [`LAST`].
    next: u32,
}

const LAST: u32 = u32::MAX;

impl SpanWriter {
    /// Appends `"key":[[s,e,score],…],…` to `out`, the kinds of `promised` first, even without a
    /// span, the others in the order of their first span; returns the number of spans written.
    /// `chars` is the length of the text.
    ///
    /// # Errors
    /// `Tagger` when a span is outside of the text or its score is not finite; `out` is as before.
    pub fn write(
        &mut self,
        keys: &mut Keys,
        promised: &[u16],
        spans: &[Span],
        chars: usize,
        out: &mut Vec<u8>,
    ) -> Result<u64> {
        check(spans, chars)?;
        self.ends.resize(self.ends.len().max(keys.written.len()), None);
        self.ordered.resize(self.ends.len(), false);
        self.runs.clear();
        self.order.clear();
        let count = self.sort(keys, promised, spans);
        for &key in &self.order {
            let key = usize::from(key);
            self.ordered[key] = false;
            out.extend_from_slice(&keys.written[key]);
            let mut at = self.ends[key].take().map_or(LAST, |(first, _)| first);
            while at != LAST {
                let Run { first, behind, next } = self.runs[at as usize];
                write_run(&spans[first as usize..behind as usize], &mut keys.scores[key], out);
                at = next;
            }
            close(out, b']');
            out.push(b',');
        }
        Ok(count)
    }

    /// Links the runs of each key; returns the number of spans in them.
    fn sort(&mut self, keys: &Keys, promised: &[u16], spans: &[Span]) -> u64 {
        let written = |kind: u16| keys.of_kind.get(usize::from(kind)).copied().flatten();
        for key in promised.iter().filter_map(|&kind| written(kind)) {
            self.place(key);
        }
        let (mut first, mut count) = (0, 0);
        for run in spans.chunk_by(|one, next| one.kind == next.kind) {
            let behind = first + run.len() as u32;
            if let Some(key) = written(run[0].kind) {
                count += run.len() as u64;
                let index = self.runs.len() as u32;
                self.runs.push(Run { first, behind, next: LAST });
                match &mut self.ends[usize::from(key)] {
                    Some((_, last)) => {
                        self.runs[*last as usize].next = index;
                        *last = index;
                    }
                    empty => {
                        *empty = Some((index, index));
                        self.place(key);
                    }
                }
            }
            first = behind;
        }
        count
    }

    fn place(&mut self, key: u16) {
        if !std::mem::replace(&mut self.ordered[usize::from(key)], true) {
            self.order.push(key);
        }
    }
}

fn check(spans: &[Span], chars: usize) -> Result<()> {
    let wrong = |span: &&Span| {
        span.start > span.end || span.end as usize > chars || !span.score.is_finite()
    };
    let Some(Span { start, end, score, .. }) = spans.iter().find(wrong) else {
        return Ok(());
    };
    let fault = if score.is_finite() {
        format!("does not fit a text of {chars} code points")
    } else {
        "has a score that is not finite".to_owned()
    };
    Err(Error::tagger(format!("span [{start}, {end}, {score}] {fault}")))
}

fn write_run(spans: &[Span], scores: &mut Histogram, out: &mut Vec<u8>) {
    let mut last = json::Digits::default();
    for span in spans {
        json::write_span(span.start, span.end, span.score, &mut last, out);
    }
    scores.add(spans.iter().map(|span| span.score));
}

/// Replaces a trailing comma by `bracket`, or appends it.
fn close(out: &mut Vec<u8>, bracket: u8) {
    match out.last_mut() {
        Some(last @ b',') => *last = bracket,
        _ => out.push(bracket),
    }
}

/// Starts a row with the raw id.
fn open_row(id: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"id\":");
    out.extend_from_slice(id);
    out.extend_from_slice(b",\"attributes\":{");
}

/// Ends a row with the raw source.
fn close_row(source: &[u8], out: &mut Vec<u8>) {
    close(out, b'}');
    out.extend_from_slice(b",\"source\":");
    out.extend_from_slice(source);
    out.extend_from_slice(b"}\n");
}

/// The row that keeps the place of a line that was put aside.
fn placeholder_row(out: &mut Vec<u8>) {
    open_row(b"null", out);
    close_row(b"\"\"", out);
}

/// A column: a tagger of the run.
pub struct Column {
    /// As the report calls it.
    pub name: String,
    /// Which of a shard's outputs it writes to.
    pub output: usize,
    pub keys: Keys,
    effort: Effort,
}

impl Column {
    pub fn new(name: String, output: usize, keys: Keys) -> Self {
        Self { name, output, keys, effort: Effort::default() }
    }
}

/// The rows of a batch while they are written.
pub struct Rows {
    pub outputs: Vec<Vec<u8>>,
    pub lapses: Vec<Lapse>,
    policy: OnError,
    /// Where the current row starts in each output.
    starts: Vec<usize>,
    /// Outputs in which the current document is put aside.
    aside: Vec<bool>,
    reasons: Vec<String>,
    /// The line of the last row that was finished.
    finished: u64,
    clock: Instant,
    writer: SpanWriter,
    spans: Spans,
    promised: Vec<u16>,
}

impl Rows {
    pub fn new(outputs: usize, policy: OnError) -> Self {
        Self {
            outputs: vec![Vec::new(); outputs],
            lapses: Vec::new(),
            policy,
            starts: vec![0; outputs],
            aside: vec![false; outputs],
            reasons: Vec::new(),
            finished: 0,
            clock: Instant::now(),
            writer: SpanWriter::default(),
            spans: Spans::default(),
            promised: Vec::new(),
        }
    }

    /// Makes room for the next batch.
    pub fn clear(&mut self) {
        self.outputs.iter_mut().for_each(Vec::clear);
        self.lapses.clear();
        self.finished = 0;
    }

    /// Starts the rows of the document with this raw id.
    pub fn open(&mut self, raw_id: &[u8]) {
        for (out, start) in self.outputs.iter_mut().zip(&mut self.starts) {
            *start = out.len();
            open_row(raw_id, out);
        }
        self.aside.fill(false);
        self.reasons.clear();
        self.clock = Instant::now();
    }

    /// Writes a column: `find` puts the spans of the document, and kinds that are to be there in
    /// any case; `chars` is the length of its text.
    ///
    /// # Errors
    /// `Tagger` when it fails and the policy is [`OnError::Fail`].
    pub fn column(
        &mut self,
        (index, column): (usize, &mut Column),
        (line, id, chars): (u64, &str, usize),
        find: impl FnOnce(&mut Keys, &mut Spans, &mut Vec<u16>) -> Result<()>,
    ) -> Result<()> {
        let Column { name, output, keys, effort } = column;
        if self.aside[*output] {
            return Ok(());
        }
        self.spans.clear();
        self.promised.clear();
        let out = &mut self.outputs[*output];
        let written = find(keys, &mut self.spans, &mut self.promised).and_then(|()| {
            let size = keys.extend(&self.spans.names);
            let spans = &self.spans.spans;
            let written = self.writer.write(keys, &self.promised, spans, chars, out);
            if !self.spans.names.is_empty() {
                keys.shrink(size);
            }
            written
        });
        let now = Instant::now();
        effort.time += now - self.clock;
        self.clock = now;
        effort.documents += 1;
        let error = match written {
            Ok(spans) => {
                effort.spans += spans;
                effort.silent += u64::from(spans == 0);
                return Ok(());
            }
            Err(error) => error,
        };
        match self.policy {
            OnError::Fail => return Err(failed(name, id, &error)),
            OnError::Null => {
                effort.errors += 1;
                let reason = error.to_string();
                self.lapses.push(Lapse { line, id: id.to_owned(), tagger: index, reason });
            }
            OnError::Skip => {
                effort.skipped += 1;
                self.aside[*output] = true;
                self.reasons.push(failed(name, id, &error).to_string());
            }
        }
        Ok(())
    }

    /// Ends the rows of a document.
    ///
    /// # Errors
    /// `Record` when a tagger failed that puts the document aside.
    pub fn close(&mut self, line: u64, source: &[u8]) -> Result<()> {
        for ((out, start), aside) in self.outputs.iter_mut().zip(&self.starts).zip(&self.aside) {
            if *aside {
                out.truncate(*start);
                placeholder_row(out);
            } else {
                close_row(source, out);
            }
        }
        self.finished = line;
        if self.reasons.is_empty() { Ok(()) } else { Err(Error::record(self.reasons.join("; "))) }
    }

    /// Keeps the place of a bad line, unless its rows are there already.
    pub fn bad(&mut self, line: u64) {
        if line != self.finished {
            self.outputs.iter_mut().for_each(placeholder_row);
        }
    }

    /// What the columns did since the last call.
    pub fn efforts<'c>(columns: impl IntoIterator<Item = &'c mut Column>) -> Vec<Effort> {
        let take = |column: &mut Column| Effort {
            scores: column.keys.take_scores(),
            ..std::mem::take(&mut column.effort)
        };
        columns.into_iter().map(take).collect()
    }
}

impl Column {
    /// Counts time that was spent elsewhere.
    pub fn spent(&mut self, time: Duration) {
        self.effort.time += time;
    }
}

fn failed(tagger: &str, id: &str, error: &Error) -> Error {
    Error::tagger(format!("tagger {tagger} failed on document '{}': {error}", id.escape_debug()))
}
