//! Tagging whole shards: documents in, attribute rows out, one pass for all taggers.
//!
//! A row is `{"id":…,"attributes":{"<set>__<tagger>__<type>":[[start,end,score],…]},"source":…}`,
//! one for every line of the document file and in its order, so that rows and documents can be
//! zipped. A line that is put aside as bad keeps its place with an empty row whose id is null.

use super::{Document, Kernel, Span, Spans, Worker};
use crate::codec::{Compressor, Encoding, Format, Lines, Writer};
use crate::document::{self, Record};
use crate::error::{Error, Result};
use crate::json;
use crate::run::{Progress, Stage};
use crate::shard::{self, Bad, Batch, Buffers, Compressed, Counts, Documents, Done, Host, Visit};
use crate::text::{Text, TextBuffers};
use std::time::{Duration, Instant};

/// A tagger of a run.
pub struct Tagger {
    /// As the report calls it.
    pub name: String,
    /// The first two parts of its attribute names, `<set>__<tagger>`.
    pub prefix: String,
    /// Which of a shard's outputs it writes to.
    pub output: usize,
    pub kernel: Box<dyn Kernel>,
}

/// What a tagger did to a shard.
#[derive(Debug, Clone, Copy, Default)]
pub struct Effort {
    pub spans: u64,
    /// Documents that got no span.
    pub silent: u64,
    pub time: Duration,
}

/// The third part of an attribute's name as it is written: what is no ASCII letter, digit or `_`
/// becomes `_`.
pub fn variable_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

/// The attribute keys of a tagger, ready to be written, by span kind.
pub struct Keys {
    /// `"<set>__<tagger>__<type>":[` for each distinct name.
    written: Vec<Vec<u8>>,
    /// Index into `written` for each kind; types whose names become equal share a list.
    of_kind: Vec<Option<u16>>,
}

impl Keys {
    pub fn new(prefix: &str, types: &[String]) -> Self {
        let mut keys = Self { written: Vec::new(), of_kind: Vec::new() };
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
        let mut key = Vec::new();
        json::escape(format!("{prefix}__{}", variable_name(name)).as_bytes(), &mut key);
        key.extend_from_slice(b":[");
        let found = self.written.iter().position(|known| *known == key);
        found.unwrap_or_else(|| {
            self.written.push(key);
            self.written.len() - 1
        }) as u16
    }
}

/// Writes the spans of one document under one tagger; scratch that is reused.
#[derive(Default)]
pub struct SpanWriter {
    /// Per written key: the first and last span of its list in `next`, or none.
    ends: Vec<Option<(u32, u32)>>,
    next: Vec<u32>,
    order: Vec<u16>,
}

impl SpanWriter {
    /// Appends `"key":[[s,e,score],…],…` to `out`, keys in the order of their first span; returns
    /// the number of spans written. `chars` is the length of the text.
    ///
    /// # Errors
    /// `Tagger` when a span is outside of the text or its score is not finite.
    pub fn write(
        &mut self,
        keys: &Keys,
        spans: &[Span],
        chars: usize,
        out: &mut Vec<u8>,
    ) -> Result<u64> {
        self.ends.resize(self.ends.len().max(keys.written.len()), None);
        self.next.clear();
        self.next.resize(spans.len(), u32::MAX);
        self.order.clear();
        let mut count = 0;
        for (index, span) in spans.iter().enumerate() {
            if span.start > span.end || span.end as usize > chars || !span.score.is_finite() {
                return Err(Error::tagger(format!(
                    "span [{}, {}, {}] does not fit a text of {chars} code points",
                    span.start, span.end, span.score
                )));
            }
            let Some(Some(key)) = keys.of_kind.get(usize::from(span.kind)).copied() else {
                continue;
            };
            let index = index as u32;
            count += 1;
            match &mut self.ends[usize::from(key)] {
                Some((_, last)) => {
                    self.next[*last as usize] = index;
                    *last = index;
                }
                empty => {
                    *empty = Some((index, index));
                    self.order.push(key);
                }
            }
        }
        for &key in &self.order {
            out.extend_from_slice(&keys.written[usize::from(key)]);
            let mut at = self.ends[usize::from(key)].take().map_or(u32::MAX, |(first, _)| first);
            while at != u32::MAX {
                let span = spans[at as usize];
                out.push(b'[');
                json::write_int(u64::from(span.start), out);
                out.push(b',');
                json::write_int(u64::from(span.end), out);
                out.push(b',');
                json::write_score(span.score, out);
                out.extend_from_slice(b"],");
                at = self.next[at as usize];
            }
            close(out, b']');
            out.push(b',');
        }
        Ok(count)
    }
}

/// Replaces a trailing comma by `bracket`, or appends it.
fn close(out: &mut Vec<u8>, bracket: u8) {
    match out.last_mut() {
        Some(last @ b',') => *last = bracket,
        _ => out.push(bracket),
    }
}

/// Starts a row with the raw id.
pub fn open_row(id: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"id\":");
    out.extend_from_slice(id);
    out.extend_from_slice(b",\"attributes\":{");
}

/// Ends a row with the raw source.
pub fn close_row(source: &[u8], out: &mut Vec<u8>) {
    close(out, b'}');
    out.extend_from_slice(b",\"source\":");
    out.extend_from_slice(source);
    out.extend_from_slice(b"}\n");
}

/// The raw `source` of a record; the published reader takes `""` for a missing one.
pub fn source<'a>(record: &Record<'a>) -> &'a [u8] {
    record.get("source").unwrap_or(b"\"\"")
}

/// A run of kernels over shards.
pub struct TagRun<'h> {
    pub taggers: Vec<Tagger>,
    /// Document files as messages call them, by shard.
    pub names: Vec<std::path::PathBuf>,
    /// Outputs of each shard.
    pub outputs: usize,
    pub max_bad: u64,
    pub host: &'h dyn Host<Done>,
    pub progress: &'h Progress,
    pub buffers: Buffers,
}

/// The scratch of one thread.
pub struct Local<'s> {
    workers: Vec<(Box<dyn Worker + 's>, Keys)>,
    spans: Spans,
    writer: SpanWriter,
    text: Vec<u8>,
    buffers: TextBuffers,
    rows: Vec<Vec<u8>>,
    compressor: Option<(Encoding, Compressor)>,
}

/// Rows of a batch.
pub struct Tagged {
    outputs: Vec<Compressed>,
    counts: Counts,
    bad: Vec<Bad>,
    efforts: Vec<Effort>,
}

/// The outputs of an open shard.
pub struct Sink {
    writers: Vec<Writer>,
    counts: Counts,
    bad: Vec<Bad>,
    efforts: Vec<Effort>,
}

impl TagRun<'_> {
    fn row(
        &self,
        local: &mut Local<'_>,
        record: &Record<'_>,
        efforts: &mut [Effort],
    ) -> Result<()> {
        let raw_id = record.id()?;
        let id = document::id_text(raw_id);
        let text = document::string(record.text()?, &mut local.text)?;
        let text = Text::with_buffers(text, &local.buffers);
        let doc = Document { id: &id, text: &text, metadata: record.get("metadata") };
        let starts: Vec<usize> = local.rows.iter().map(Vec::len).collect();
        let mut tag_all = || -> Result<()> {
            for rows in &mut local.rows {
                open_row(raw_id, rows);
            }
            let mut clock = Instant::now();
            for (index, (worker, keys)) in local.workers.iter_mut().enumerate() {
                let tagger = &self.taggers[index];
                local.spans.clear();
                worker.tag(&doc, &mut local.spans)?;
                let rows = &mut local.rows[tagger.output];
                let written = local
                    .writer
                    .write(keys, &local.spans.spans, text.chars(), rows)
                    .map_err(|error| Error::tagger(format!("{}: {error}", tagger.name)))?;
                let now = Instant::now();
                let effort = &mut efforts[index];
                effort.spans += written;
                effort.silent += u64::from(written == 0);
                effort.time += now - clock;
                clock = now;
            }
            for rows in &mut local.rows {
                close_row(source(record), rows);
            }
            Ok(())
        };
        let outcome = tag_all();
        if outcome.is_err() {
            // A half-written row must not stand in front of the placeholder.
            local.rows.iter_mut().zip(starts).for_each(|(rows, start)| rows.truncate(start));
        }
        outcome
    }
}

/// The row that keeps the place of a line that was put aside.
pub fn placeholder_row(out: &mut Vec<u8>) {
    open_row(b"null", out);
    close_row(b"\"\"", out);
}

/// The reading half of an open shard.
pub struct Source<'h> {
    documents: Documents<'h>,
    encoding: Encoding,
}

impl<'h> Stage for TagRun<'h> {
    type Source = Source<'h>;
    type Sink = Sink;
    type Batch = (Batch, Encoding);
    type Work = Tagged;
    type Output = Tagged;
    type Done = Done;
    type Local<'s>
        = Local<'s>
    where
        Self: 's;

    fn local(&self) -> Result<Local<'_>> {
        let workers = self
            .taggers
            .iter()
            .map(|tagger| {
                (tagger.kernel.worker(), Keys::new(&tagger.prefix, tagger.kernel.types()))
            })
            .collect();
        Ok(Local {
            workers,
            spans: Spans::default(),
            writer: SpanWriter::default(),
            text: Vec::new(),
            buffers: TextBuffers::default(),
            rows: vec![Vec::new(); self.outputs],
            compressor: None,
        })
    }

    fn open(&self, shard: usize) -> Result<(Source<'h>, Sink)> {
        let files = self.host.files(shard)?;
        let [input] = files.inputs.as_slice() else {
            return Err(Error::config("a tag shard has one document file"));
        };
        let name = &self.names[shard];
        let lines = Lines::open(input).map_err(|error| error.at(name))?;
        let encoding = Encoding::new(Format::from_path(name), None)?;
        let writers = files.outputs.iter().map(|path| shard::create(path, encoding));
        let writers = writers.collect::<Result<Vec<_>>>()?;
        let efforts = vec![Effort::default(); self.taggers.len()];
        let documents = Documents::new(lines, name, self.progress);
        let sink = Sink { writers, counts: Counts::default(), bad: Vec::new(), efforts };
        Ok((Source { documents, encoding }, sink))
    }

    fn read(&self, source: &mut Source<'h>) -> Result<Option<Self::Batch>> {
        let batch = source.documents.next(self.buffers.take())?;
        Ok(batch.map(|batch| (batch, source.encoding)))
    }

    fn process(
        &self,
        local: &mut Local<'_>,
        _shard: usize,
        (batch, encoding): Self::Batch,
    ) -> Result<Tagged> {
        local.rows.iter_mut().for_each(Vec::clear);
        let mut efforts = vec![Effort::default(); self.taggers.len()];
        let mut bad = Vec::new();
        batch.for_each(self.max_bad > 0, &mut bad, |visit| match visit {
            Visit::Record(_, record) => self.row(local, record, &mut efforts),
            Visit::Bad(_) => {
                local.rows.iter_mut().for_each(placeholder_row);
                Ok(())
            }
        })?;
        Progress::add(&self.progress.documents, batch.lines);
        let counts = Counts {
            read: batch.lines,
            written: batch.lines - bad.len() as u64,
            dropped: 0,
            bad: bad.len() as u64,
        };
        self.buffers.give(batch.buffer);
        let compressor = match &mut local.compressor {
            Some((known, compressor)) if *known == encoding => compressor,
            slot => &mut slot.insert((encoding, Compressor::new(encoding)?)).1,
        };
        let outputs = local
            .rows
            .iter()
            .map(|rows| shard::compress(compressor, rows))
            .collect::<Result<_>>()?;
        Ok(Tagged { outputs, counts, bad, efforts })
    }

    fn emit(&self, _local: &mut Local<'_>, _shard: usize, work: Tagged) -> Result<Tagged> {
        Ok(work)
    }

    fn write(&self, sink: &mut Sink, output: Tagged) -> Result<()> {
        for (writer, compressed) in sink.writers.iter_mut().zip(output.outputs) {
            writer.append(&compressed.bytes, compressed.segment)?;
        }
        sink.counts += output.counts;
        sink.bad.extend(output.bad);
        for (total, effort) in sink.efforts.iter_mut().zip(output.efforts) {
            total.spans += effort.spans;
            total.silent += effort.silent;
            total.time += effort.time;
        }
        shard::check_bad(&sink.bad, self.max_bad)
    }

    fn finish(&self, _shard: usize, source: Source<'h>, sink: Sink) -> Result<Done> {
        let mut done = Done {
            counts: sink.counts,
            bad: sink.bad,
            content_hash: source.documents.content_hash(),
            ..Done::default()
        };
        for writer in sink.writers {
            done.push_written(writer.finish()?);
        }
        for (tagger, effort) in self.taggers.iter().zip(sink.efforts) {
            for (what, value) in [
                ("spans", effort.spans as f64),
                ("documents_without_span", effort.silent as f64),
                ("seconds", effort.time.as_secs_f64()),
            ] {
                let path = vec!["taggers".to_string(), tagger.name.clone(), what.to_string()];
                done.details.push((path, value));
            }
        }
        Ok(done)
    }

    fn report(&self, shard: usize, outcome: Result<Done>) {
        self.host.report(shard, outcome);
    }
}
