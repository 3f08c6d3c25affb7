//! Tagging whole shards: documents in, attribute rows out, one pass for all taggers.
//!
//! A row is `{"id":…,"attributes":{"<set>__<tagger>__<type>":[[start,end,score],…]},"source":…}`,
//! one for every line of the document file and in its order, so that rows and documents can be
//! zipped. A line that is put aside as bad keeps its place with an empty row whose id is null.

use super::row::{Column, Keys, LAPSES_KEPT, Lapse, OnError, Rows};
use super::tally::{Effort, Tally};
use super::{Document, Kernel, Worker};
use crate::codec::{Encoding, Format, Lines, Prefetch, Writer};
use crate::document::{self, Record};
use crate::error::{Error, Result};
use crate::run::{Progress, Stage};
use crate::shard::{
    self, Bad, Batch, Buffers, Compressed, Counts, Documents, Done, Host, Packer, Visit,
};
use crate::text::{Text, TextBuffers};
use std::sync::Arc;
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
    pub on_error: OnError,
    pub tally: &'h Tally,
    pub host: &'h dyn Host<Done>,
    pub progress: &'h Progress,
    pub buffers: Buffers,
}

/// The scratch of one thread.
pub struct Local<'s> {
    workers: Vec<(Box<dyn Worker + 's>, Column)>,
    /// Whether a tagger reads more of texts than how long they are.
    reads_text: bool,
    rows: Rows,
    text: Vec<u8>,
    buffers: TextBuffers,
    packer: Packer,
}

/// Rows of a batch.
pub struct Tagged {
    outputs: Vec<Compressed>,
    counts: Counts,
    bad: Vec<Bad>,
    lapses: Vec<Lapse>,
    efforts: Vec<Effort>,
    /// Of reading and tagging it.
    time: Duration,
}

/// The outputs of an open shard.
pub struct Sink {
    shard: usize,
    writers: Vec<Writer>,
    counts: Counts,
    bad: Vec<Bad>,
    lapses: Vec<Lapse>,
    efforts: Vec<Effort>,
}

fn row(local: &mut Local<'_>, line: u64, record: &Record<'_>) -> Result<()> {
    let raw_id = record.id()?;
    let id = document::id_text(raw_id);
    let raw_text = record.text()?;
    let text = if local.reads_text {
        Text::with_buffers(document::string(raw_text, &mut local.text)?, &local.buffers)
    } else {
        Text::of_length(document::length(raw_text)?)
    };
    let doc = Document { id: &id, text: &text, metadata: record.get("metadata") };
    local.rows.open(raw_id);
    for (index, (worker, column)) in local.workers.iter_mut().enumerate() {
        local.rows.column((index, column), (line, &id, text.chars()), |_, spans, _| {
            worker.tag(&doc, spans)
        })?;
    }
    local.rows.close(line, source(record))
}

/// The reading half of an open shard.
pub struct Source<'h> {
    documents: Documents<'h>,
    encoding: Encoding,
}

/// Lines on their way to a thread.
pub struct Unread {
    batch: Batch,
    encoding: Encoding,
    /// Of reading them.
    time: Duration,
}

impl<'h> Stage for TagRun<'h> {
    type Source = Source<'h>;
    type Sink = Sink;
    type Batch = Unread;
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
                let keys = Keys::new(&tagger.prefix, tagger.kernel.types());
                (tagger.kernel.worker(), Column::new(tagger.name.clone(), tagger.output, keys))
            })
            .collect();
        Ok(Local {
            workers,
            reads_text: self.taggers.iter().any(|tagger| tagger.kernel.reads_text()),
            rows: Rows::new(self.outputs, self.on_error),
            text: Vec::new(),
            buffers: TextBuffers::default(),
            packer: Packer::default(),
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
        let (bad, lapses) = (Vec::new(), Vec::new());
        let counts = Counts::default();
        let sink = Sink { shard, writers, counts, bad, lapses, efforts };
        Ok((Source { documents, encoding }, sink))
    }

    fn read(&self, source: &mut Source<'h>) -> Result<Option<Self::Batch>> {
        let begin = Instant::now();
        let batch = source.documents.next(self.buffers.take())?;
        let time = begin.elapsed();
        Ok(batch.map(|batch| Unread { batch, encoding: source.encoding, time }))
    }

    fn prefetch(source: &Source<'h>) -> Option<Arc<Prefetch>> {
        source.documents.prefetch()
    }

    fn process(
        &self,
        local: &mut Local<'_>,
        _shard: usize,
        Unread { batch, encoding, time }: Unread,
    ) -> Result<Tagged> {
        let begin = Instant::now();
        local.rows.clear();
        let mut bad = Vec::new();
        batch.for_each(self.max_bad > 0, &mut bad, |visit| match visit {
            Visit::Record(line, record) => row(local, line, record),
            Visit::Bad(line) => {
                local.rows.bad(line);
                Ok(())
            }
        })?;
        Progress::add(&self.progress.documents, batch.lines);
        let counts = Counts::of_rows(batch.lines, &bad);
        self.buffers.give(batch.buffer);
        let outputs = local
            .rows
            .outputs
            .iter()
            .map(|rows| local.packer.pack(encoding, rows))
            .collect::<Result<_>>()?;
        let lapses = std::mem::take(&mut local.rows.lapses);
        let efforts = Rows::efforts(local.workers.iter_mut().map(|(_, column)| column));
        let time = time + begin.elapsed();
        Ok(Tagged { outputs, counts, bad, lapses, efforts, time })
    }

    fn emit(&self, _local: &mut Local<'_>, _shard: usize, work: Tagged) -> Result<Tagged> {
        Ok(work)
    }

    fn write(&self, sink: &mut Sink, output: Tagged) -> Result<()> {
        let begin = Instant::now();
        for (writer, compressed) in sink.writers.iter_mut().zip(output.outputs) {
            writer.append(&compressed.bytes, compressed.segment)?;
        }
        sink.counts += output.counts;
        sink.bad.extend(output.bad);
        let room = LAPSES_KEPT.saturating_sub(sink.lapses.len());
        sink.lapses.extend(output.lapses.into_iter().take(room));
        for (total, effort) in sink.efforts.iter_mut().zip(&output.efforts) {
            // The distribution of scores is the run's.
            total.add(&effort.without_scores());
        }
        self.tally.absorb(sink.shard, &output.efforts, output.time + begin.elapsed());
        shard::check_bad(&sink.bad, self.max_bad)
    }

    fn finish(&self, shard: usize, source: Source<'h>, sink: Sink) -> Result<Done> {
        let mut done = Done {
            counts: sink.counts,
            bad: sink.bad,
            content_hash: source.documents.content_hash(),
            ..Done::default()
        };
        for writer in sink.writers {
            done.push_written(writer.finish()?);
        }
        for (tagger, effort) in self.taggers.iter().zip(&sink.efforts) {
            done.details.extend(details(&tagger.name, effort));
        }
        let path = &self.names[shard];
        done.lapses = sink
            .lapses
            .into_iter()
            .map(|lapse| {
                (
                    path.clone(),
                    lapse.line,
                    lapse.id,
                    self.taggers[lapse.tagger].name.clone(),
                    lapse.reason,
                )
            })
            .collect();
        Ok(done)
    }

    fn report(&self, shard: usize, outcome: Result<Done>) {
        self.host.report(shard, outcome);
    }
}

/// What a tagger did to a shard, as the report adds it up; failures only where there are some.
pub fn details(tagger: &str, effort: &Effort) -> Vec<(Vec<String>, f64)> {
    let mut numbers = vec![
        ("spans", effort.spans as f64),
        ("documents_without_span", effort.silent as f64),
        ("seconds", effort.time.as_secs_f64()),
    ];
    let failures = [("errors", effort.errors), ("documents_put_aside", effort.skipped)];
    numbers.extend(failures.iter().filter(|(_, n)| *n > 0).map(|(what, n)| (*what, *n as f64)));
    let path = |what: &str| vec!["taggers".to_owned(), tagger.to_owned(), what.to_owned()];
    numbers.into_iter().map(|(what, value)| (path(what), value)).collect()
}
