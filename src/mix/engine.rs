//! Mixing whole shards: document files zipped with their attribute files, row by row.
//!
//! The unit of work is one document file with its attribute files; an output is made of one or
//! many of them, in order. With many, each is written as a part and the parts are joined when the
//! last one is done, so that inputs of one output are worked on in parallel and the output's bytes
//! do not depend on it.

use super::stream::{Fate, Rules, Workspace, attribute_row};
use super::tally::Tally;
use crate::codec::{Encoding, Format, Part, PartWriter, Prefetch, Writer};
use crate::document::{self, id_text};
use crate::error::{Error, ErrorKind, Result};
use crate::json;
use crate::run::{Progress, Stage};
use crate::shard::{self, Bad, Buffers, Compressed, Done, Host, Packer, Visit};
use crate::zipped::{Zipped, ZippedReader};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A stream of the recipe, compiled.
pub struct Stream {
    pub name: String,
    pub rules: Rules,
    pub input_format: Option<Format>,
    pub encoding: Encoding,
    /// Attribute names that rules mention and that deserve a note where no row has them.
    pub watched: Vec<String>,
}

/// A document file with its attribute files.
pub struct Input {
    pub stream: usize,
    pub output: usize,
    /// Its place among the inputs of the output.
    pub index: usize,
    /// Files as messages call them: documents first, then each attribute set.
    pub names: Vec<PathBuf>,
    /// The path below `documents/`, for provenance.
    pub relative: String,
}

/// A run of mixing.
pub struct MixRun<'h> {
    pub streams: Vec<Stream>,
    pub inputs: Vec<Input>,
    pub outputs: Vec<Mutex<Assembly>>,
    pub max_bad: u64,
    /// Local files of an output: all files of its inputs in order, and where to write it.
    pub host: &'h dyn Host<Done>,
    pub progress: &'h Progress,
    pub buffers: Buffers,
}

/// An output being put together.
#[derive(Default)]
pub struct Assembly {
    parts: Vec<Option<Result<Finished>>>,
    /// For each input, where its files start among the output's.
    pub offsets: Vec<usize>,
}

impl Assembly {
    pub fn new(offsets: Vec<usize>) -> Self {
        Self { parts: offsets.iter().map(|_| None).collect(), offsets }
    }
}

/// An input that was read to its end.
struct Finished {
    tally: Tally,
    bad: Vec<Bad>,
    /// The whole file, or the part of it.
    written: Piece,
}

enum Piece {
    Whole(Box<Writer>),
    Part(Part),
}

/// Rows of a batch.
pub struct Mixed {
    rows: Compressed,
    tally: Tally,
    bad: Vec<Bad>,
}

enum Target {
    Whole(Box<Writer>),
    Part(PartWriter),
}

/// The output of an open input.
pub struct Sink {
    target: Target,
    tally: Tally,
    bad: Vec<Bad>,
}

/// The scratch of one thread.
#[derive(Default)]
pub struct Local {
    workspace: Workspace,
    rows: Vec<u8>,
    packer: Packer,
}

impl<'h> Stage for MixRun<'h> {
    type Source = ZippedReader<'h>;
    type Sink = Sink;
    type Batch = Zipped;
    type Work = Mixed;
    type Output = Mixed;
    type Done = Sink;
    type Local<'s>
        = Local
    where
        Self: 's;

    fn local(&self) -> Result<Local> {
        Ok(Local::default())
    }

    fn open(&self, shard: usize) -> Result<(ZippedReader<'h>, Sink)> {
        let input = &self.inputs[shard];
        let stream = &self.streams[input.stream];
        let files = self.host.files(input.output)?;
        let (start, single) = {
            let assembly =
                self.outputs[input.output].lock().unwrap_or_else(PoisonError::into_inner);
            (assembly.offsets[input.index], assembly.offsets.len() == 1)
        };
        let local = files.inputs.get(start..start + input.names.len());
        let (Some(local), [output]) = (local, files.outputs.as_slice()) else {
            return Err(Error::config("a mix output has one file and all files of its inputs"));
        };
        let source = ZippedReader::open(local, &input.names, stream.input_format, self.progress)?;
        let target = if single {
            Target::Whole(Box::new(shard::create(output, stream.encoding)?))
        } else {
            Target::Part(PartWriter::create(&part_path(output, input.index), stream.encoding)?)
        };
        let sink = Sink { target, tally: Tally::default(), bad: Vec::new() };
        Ok((source, sink))
    }

    fn read(&self, source: &mut ZippedReader<'h>) -> Result<Option<Zipped>> {
        source.next(&self.buffers)
    }

    fn prefetch(source: &ZippedReader<'h>) -> Option<Arc<Prefetch>> {
        source.prefetch()
    }

    fn process(&self, local: &mut Local, shard: usize, batch: Zipped) -> Result<Mixed> {
        let input = &self.inputs[shard];
        let stream = &self.streams[input.stream];
        local.rows.clear();
        let mut tally = Tally { seen: vec![false; stream.watched.len()], ..Tally::default() };
        let mut bad = Vec::new();
        let mut pass = Pass {
            stream,
            input,
            rows: batch
                .attributes
                .iter()
                .map(|rows| Box::new(shard::split_lines(rows)) as _)
                .collect(),
            objects: Vec::with_capacity(batch.attributes.len()),
            provenance: String::new(),
        };
        let mut last = 0;
        batch.documents.for_each(self.max_bad > 0, &mut bad, |visit| {
            match visit {
                Visit::Record(line, record) => {
                    last = line;
                    pass.row(local, &mut tally, line, record)
                }
                // A line that failed after its rows were taken has used them up already.
                Visit::Bad(line) if line == last => Ok(()),
                Visit::Bad(line) => pass.next_rows(line, None),
            }
        })?;
        drop(pass);
        tally.counts.read = batch.documents.lines;
        tally.counts.bad = bad.len() as u64;
        tally.counts.dropped = tally.counts.read - tally.counts.bad - tally.counts.written;
        tally.bytes_in = batch.documents.buffer.len() as u64;
        tally.bytes_out = local.rows.len() as u64;
        tally.words_in = std::mem::take(&mut local.workspace.words_in);
        tally.words_out = std::mem::take(&mut local.workspace.words_out);
        tally.spans_replaced = std::mem::take(&mut local.workspace.spans_replaced);
        Progress::add(&self.progress.documents, batch.documents.lines);
        batch.give(&self.buffers);
        let rows = if local.rows.is_empty() {
            Compressed::default()
        } else {
            local.packer.pack(stream.encoding, &local.rows)?
        };
        Ok(Mixed { rows, tally, bad })
    }

    fn emit(&self, _local: &mut Local, _shard: usize, work: Mixed) -> Result<Mixed> {
        Ok(work)
    }

    fn write(&self, sink: &mut Sink, output: Mixed) -> Result<()> {
        let Compressed { bytes, segment } = &output.rows;
        if segment.len > 0 {
            match &mut sink.target {
                Target::Whole(writer) => writer.append(bytes, *segment)?,
                Target::Part(writer) => writer.append(bytes, *segment)?,
            }
        }
        sink.tally.add(output.tally);
        sink.bad.extend(output.bad);
        shard::check_bad(&sink.bad, self.max_bad)
    }

    fn finish(&self, _shard: usize, _source: ZippedReader<'h>, sink: Sink) -> Result<Sink> {
        Ok(sink)
    }

    fn report(&self, shard: usize, outcome: Result<Sink>) {
        let input = &self.inputs[shard];
        let finished = outcome.and_then(|sink| {
            let written = match sink.target {
                Target::Whole(writer) => Piece::Whole(writer),
                Target::Part(writer) => Piece::Part(writer.finish()?),
            };
            Ok(Finished { tally: sink.tally, bad: sink.bad, written })
        });
        let parts = {
            let mut assembly =
                self.outputs[input.output].lock().unwrap_or_else(PoisonError::into_inner);
            assembly.parts[input.index] = Some(finished);
            if assembly.parts.iter().any(Option::is_none) {
                return;
            }
            std::mem::take(&mut assembly.parts)
        };
        let stream = &self.streams[input.stream];
        self.host.report(input.output, self.assemble(input, stream, parts));
    }
}

impl MixRun<'_> {
    /// Joins the parts of an output in order; the failures of its inputs are the output's.
    fn assemble(
        &self,
        input: &Input,
        stream: &Stream,
        parts: Vec<Option<Result<Finished>>>,
    ) -> Result<Done> {
        let mut finished = Vec::with_capacity(parts.len());
        let mut failures = Vec::new();
        for part in parts.into_iter().flatten() {
            match part {
                Ok(part) => finished.push(part),
                Err(error) => failures.push(error),
            }
        }
        let outcome = if failures.is_empty() {
            self.join(input, stream, &mut finished)
        } else {
            Err(Error::several(failures))
        };
        for part in &finished {
            if let Piece::Part(part) = &part.written {
                let _ = std::fs::remove_file(part.path());
            }
        }
        outcome
    }

    fn join(&self, input: &Input, stream: &Stream, finished: &mut Vec<Finished>) -> Result<Done> {
        let mut tally = Tally::default();
        let mut done = Done::default();
        let mut output: Option<Writer> = None;
        let mut parts = Vec::new();
        for piece in finished.drain(..) {
            tally.add(piece.tally);
            done.bad.extend(piece.bad);
            match piece.written {
                Piece::Whole(writer) => output = Some(*writer),
                Piece::Part(part) => parts.push(part),
            }
        }
        shard::check_bad(&done.bad, self.max_bad)?;
        let mut writer = match output {
            Some(writer) => writer,
            None => {
                let files = self.host.files(input.output)?;
                let path = files.outputs.first().ok_or_else(|| Error::config("no output"))?;
                shard::create(path, stream.encoding)?
            }
        };
        let mut joined = Ok(());
        for part in &parts {
            if self.progress.is_cancelled() {
                joined = Err(Error::cancelled());
            }
            joined = joined.and_then(|()| writer.append_part(part));
            let _ = std::fs::remove_file(part.path());
        }
        joined?;
        done.push_written(writer.finish()?);
        done.counts = tally.counts;
        done.details = tally.details(stream);
        Ok(done)
    }
}

fn part_path(output: &Path, index: usize) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(format!(".part{index:05}"));
    PathBuf::from(name)
}

/// One batch at work.
struct Pass<'b> {
    stream: &'b Stream,
    input: &'b Input,
    rows: Vec<Box<dyn Iterator<Item = &'b [u8]> + 'b>>,
    objects: Vec<&'b [u8]>,
    provenance: String,
}

impl Pass<'_> {
    fn row(
        &mut self,
        local: &mut Local,
        tally: &mut Tally,
        line: u64,
        record: &crate::document::Record<'_>,
    ) -> Result<()> {
        // The id is checked before the rows are taken; a failure after that is this line's own.
        let id = record.id();
        self.next_rows(line, id.as_ref().ok().copied())?;
        id?;
        let own = record.get("attributes");
        for (name, seen) in self.stream.watched.iter().zip(&mut tally.seen) {
            let mut objects = self.objects.iter().copied().chain(own);
            *seen = *seen || objects.any(|object| has_key(object, name));
        }
        self.provenance.clear();
        self.provenance.push_str(&self.input.relative);
        self.provenance.push_str(&format!(":{line}"));
        let start = local.rows.len();
        let words_before = local.workspace.words_in;
        let Local { workspace, rows, .. } = local;
        let fate =
            self.stream.rules.apply(workspace, record, &self.objects, &self.provenance, rows);
        if fate.is_err() {
            local.rows.truncate(start);
        }
        let fate = fate?;
        if matches!(fate, Fate::Written | Fate::Edited) {
            tally.counts.written += 1;
        }
        let size: usize =
            record.fields.iter().map(|field| field.key.len() + field.value.len()).sum();
        let cost = tally.fates.entry(fate).or_default();
        cost.documents += 1;
        cost.bytes += size as u64;
        cost.words += local.workspace.words_in - words_before;
        Ok(())
    }

    /// Takes the next row of each attribute file; all must belong to the document `id`. A document
    /// that was put aside as bad when one of them was written is bad here too, whatever is wrong
    /// with it: nobody has scored it.
    fn next_rows(&mut self, line: u64, id: Option<&[u8]>) -> Result<()> {
        self.objects.clear();
        let mut put_aside = None;
        for (rows, name) in self.rows.iter_mut().zip(&self.input.names[1..]) {
            let place = |error: Error| error.at(name).on_line(line);
            let row = rows.next().ok_or_else(|| place(Error::alignment("row is missing")))?;
            if simdutf8::basic::from_utf8(row).is_err() {
                return Err(place(Error::alignment("attribute row is not UTF-8")));
            }
            let (row_id, object) = attribute_row(row).map_err(place)?;
            if let Some(id) = id
                && id != row_id
                && id_text(id) != id_text(row_id)
            {
                if row_id == b"null" {
                    put_aside = put_aside.or(Some(name));
                    continue;
                }
                return Err(place(Error::alignment(format!(
                    "row belongs to document {:?}, but line {line} of {} is {:?}; write the attributes again",
                    id_text(row_id),
                    self.input.names[0].display(),
                    id_text(id),
                ))));
            }
            self.objects.push(object);
        }
        match put_aside {
            Some(name) => Err(Error::record(format!(
                "was put aside as a bad line when {} was written",
                name.display()
            ))),
            None => Ok(()),
        }
    }
}

fn has_key(object: &[u8], name: &str) -> bool {
    let mut from = 0;
    while let Some(found) = memchr::memmem::find(&object[from..], name.as_bytes()) {
        let (start, end) = (from + found, from + found + name.len());
        if start > 0 && object[start - 1] == b'"' && object.get(end) == Some(&b'"') {
            return true;
        }
        from = end;
    }
    // A writer that keeps to ASCII spells other letters with escapes.
    let mut spelled = false;
    if !name.is_ascii() && memchr::memchr(b'\\', object).is_some() {
        let _ = json::object(object, |key, _| spelled |= *document::key(key) == *name.as_bytes());
    }
    spelled
}

/// Whether an error means that the run was cancelled rather than that a shard failed.
pub fn is_cancelled(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Cancelled)
}
