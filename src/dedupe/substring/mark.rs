//! The last pass: spans in code points, and the attribute rows.
//!
//! Rows have the shape of those by paragraph: a list of spans for every document with text. Beside
//! `attributes`, `duplicate_of` has an object for each span: the longest piece of it with one
//! source (`matched`), and where that stands (`path`, `line`, `id`, `span`).

use super::corpus::{Corpus, Extent, Fate, Location, Row};
use super::findings::{Findings, Largest};
use super::gather::Plan;
use super::marks::{Cover, Cursor, Marks, covers};
use super::records::{Mark as Repeat, Place, place};
use super::symbols::Unit;
use crate::codec::{Encoding, Writer};
use crate::error::{Error, ErrorKind, Result};
use crate::json;
use crate::run::{Progress, Stage};
use crate::shard::{self, Compressed, Counts, Done, Host, Packer};
use crate::text::count_chars;
use std::sync::{Mutex, PoisonError};

/// Code points of a sample.
const SAMPLE: usize = 80;

/// The pass over some of a run's shards.
pub struct Mark<'r> {
    pub plan: &'r Plan,
    pub corpus: &'r Corpus,
    pub marks: &'r Marks,
    /// Of the run's shards, those to write.
    pub shards: Vec<usize>,
    pub host: &'r dyn Host<Done>,
    pub findings: Mutex<Findings>,
    pub progress: &'r Progress,
}

pub struct Source<'r> {
    shard: usize,
    extents: std::slice::Iter<'r, Extent>,
    marks: Cursor<'r>,
    encoding: Encoding,
}

pub struct Batch<'r> {
    shard: usize,
    extent: &'r Extent,
    marks: Vec<Repeat>,
    encoding: Encoding,
}

pub struct Marked {
    rows: Compressed,
    counts: Counts,
    findings: Findings,
}

pub struct Sink {
    writer: Writer,
    counts: Counts,
    findings: Findings,
}

#[derive(Default)]
pub struct Local {
    out: Vec<u8>,
    rows: Vec<u8>,
    text: Vec<u8>,
    covers: Vec<Cover>,
    packer: Packer,
}

/// A span in code points, with its explanation in places.
struct Span {
    start: u64,
    end: u64,
    /// Code points and places of the longest piece with one source.
    matched: (u64, u64),
    piece: Place,
    source: Place,
}

impl<'r> Stage for Mark<'r> {
    type Source = Source<'r>;
    type Sink = Sink;
    type Batch = Batch<'r>;
    type Work = Marked;
    type Output = Marked;
    type Done = Done;
    type Local<'s>
        = Local
    where
        Self: 's;

    fn local(&self) -> Result<Local> {
        Ok(Local::default())
    }

    fn open(&self, shard: usize) -> Result<(Source<'r>, Sink)> {
        let files = self.host.files(shard)?;
        let shard = self.shards[shard];
        let Plan { names, input_format, output_format, level, .. } = self.plan;
        let name = &names[shard][0];
        let (writer, encoding) =
            shard::create_only(&files, name, *input_format, *output_format, *level)?;
        let extents = self.corpus.extents(shard).iter();
        let source = Source { shard, extents, marks: self.marks.of(shard), encoding };
        Ok((source, Sink { writer, counts: Counts::default(), findings: Findings::default() }))
    }

    fn read(&self, source: &mut Source<'r>) -> Result<Option<Batch<'r>>> {
        let Some(extent) = source.extents.next() else { return Ok(None) };
        let mut marks = Vec::new();
        source.marks.before(place(source.shard, extent.first + extent.units), &mut marks)?;
        Ok(Some(Batch { shard: source.shard, extent, marks, encoding: source.encoding }))
    }

    fn process(&self, local: &mut Local, _shard: usize, batch: Batch<'r>) -> Result<Marked> {
        local.out.clear();
        let mut counts = Counts::default();
        let mut findings = Findings::default();
        self.write_rows(local, &batch, &mut counts, &mut findings)?;
        Progress::add(&self.progress.documents, counts.read);
        let rows = local.packer.pack(batch.encoding, &local.out)?;
        Ok(Marked { rows, counts, findings })
    }

    fn emit(&self, _local: &mut Local, _shard: usize, work: Marked) -> Result<Marked> {
        Ok(work)
    }

    fn write(&self, sink: &mut Sink, output: Marked) -> Result<()> {
        sink.writer.append(&output.rows.bytes, output.rows.segment)?;
        sink.counts += output.counts;
        sink.findings.add(output.findings);
        Ok(())
    }

    fn finish(&self, shard: usize, source: Source<'r>, sink: Sink) -> Result<Done> {
        let shard = self.shards[shard];
        if source.marks.left() > 0 {
            let message = format!("{} repeats are in no document", source.marks.left());
            return Err(Error::new(ErrorKind::Panic(message)).at(&self.plan.names[shard][0]));
        }
        let mut done = Done { counts: sink.counts, ..Done::default() };
        done.push_written(sink.writer.finish()?);
        let total = sink.findings.total();
        for (what, value) in [
            ("compared", total.documents),
            ("documents_marked", total.documents_marked),
            ("duplicates", total.spans),
            ("duplicate_chars", total.marked_chars),
            ("chars", total.chars),
            ("marked_before", sink.findings.marked_before),
        ] {
            done.details.push((vec![what.to_string()], value as f64));
        }
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).add(sink.findings);
        Ok(done)
    }

    fn report(&self, shard: usize, outcome: Result<Done>) {
        self.host.report(shard, outcome);
    }
}

impl Mark<'_> {
    fn write_rows(
        &self,
        local: &mut Local,
        batch: &Batch<'_>,
        counts: &mut Counts,
        findings: &mut Findings,
    ) -> Result<()> {
        let mut name = Vec::new();
        json::escape(self.plan.attribute.as_bytes(), &mut name);
        name.push(b':');
        let Local { out, rows, text, covers: covered, .. } = local;
        let mut rest = self.corpus.rows(batch.extent, rows)?;
        let mut marks = batch.marks.as_slice();
        let mut start = place(batch.shard, batch.extent.first);
        while let Some((row, after)) = Row::take(rest) {
            rest = after;
            let end = start + row.units;
            let (own, later) = marks.split_at(marks.partition_point(|mark| mark.at < end));
            marks = later;
            covers(own, self.plan.winnow.length, covered);
            let spans = self.spans(covered, start, row.units, text)?;
            counts.read += 1;
            match row.fate {
                Fate::Bad => counts.bad += 1,
                Fate::Marked => findings.marked_before += 1,
                Fate::Compared => self.count(&row, &spans, findings)?,
            }
            counts.written += u64::from(row.fate != Fate::Bad);
            out.extend_from_slice(b"{\"attributes\":{");
            if row.chars > 0 {
                out.extend_from_slice(&name);
                let list = |span: &Span| format!("[{},{},1]", span.start, span.end);
                let list: Vec<_> = spans.iter().map(list).collect();
                out.extend_from_slice(format!("[{}]", list.join(",")).as_bytes());
            }
            out.push(b'}');
            if self.plan.explain && !spans.is_empty() {
                out.extend_from_slice(b",\"duplicate_of\":[");
                for (index, span) in spans.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    self.explain(span, out)?;
                }
                out.push(b']');
            }
            out.extend_from_slice(b",\"id\":");
            out.extend_from_slice(row.id);
            out.extend_from_slice(b"}\n");
            start = end;
        }
        Ok(())
    }

    /// The spans of a document of `units` units from `start` on: whole code points that are
    /// covered, closer ones than asked for joined.
    fn spans(
        &self,
        covered: &[Cover],
        start: Place,
        units: u64,
        buffer: &mut Vec<u8>,
    ) -> Result<Vec<Span>> {
        let mut spans: Vec<Span> = Vec::with_capacity(covered.len());
        if covered.is_empty() {
            return Ok(spans);
        }
        let edges = match self.plan.winnow.unit {
            Unit::Words => self.corpus.edges(start, units, buffer)?,
            _ => Vec::new(),
        };
        let text = match self.plan.winnow.unit {
            Unit::Bytes => self.corpus.symbols(start, units, buffer)?,
            _ => &[],
        };
        let mut chars = Chars { text, byte: 0, char: 0 };
        for cover in covered {
            let range = |from: Place, to: Place, chars: &mut Chars<'_>| {
                let (from, to) = (from - start, to - start);
                match self.plan.winnow.unit {
                    Unit::Bytes => chars.range(from as usize, to as usize),
                    Unit::Characters => (from, to, 0),
                    Unit::Words => {
                        let (first, last) = (edges[from as usize], edges[to as usize - 1]);
                        (u64::from(first.0), u64::from(last.1), 0)
                    }
                }
            };
            let (from, to, _) = range(cover.start, cover.end, &mut chars.clone());
            if from >= to {
                continue;
            }
            let (first, last, skipped) =
                range(cover.piece, cover.piece + cover.units, &mut chars.clone());
            if self.plan.winnow.unit == Unit::Bytes {
                chars.advance((cover.start - start) as usize);
            }
            let span = Span {
                start: from,
                end: to,
                matched: (first, last.max(first)),
                piece: cover.piece + skipped,
                source: cover.source + skipped,
            };
            match spans.last_mut() {
                Some(before) if span.start - before.end <= self.plan.merge_distance => {
                    before.end = span.end;
                    if span.matched.1 - span.matched.0 > before.matched.1 - before.matched.0 {
                        (before.matched, before.piece, before.source) =
                            (span.matched, span.piece, span.source);
                    }
                }
                _ => spans.push(span),
            }
        }
        Ok(spans)
    }

    fn count(&self, row: &Row<'_>, spans: &[Span], findings: &mut Findings) -> Result<()> {
        let share = findings.sources.entry(row.source).or_default();
        share.documents += 1;
        share.documents_marked += u64::from(!spans.is_empty());
        share.chars += row.chars;
        share.marked_chars += spans.iter().map(|span| span.end - span.start).sum::<u64>();
        share.spans += spans.len() as u64;
        for span in spans {
            let chars = span.matched.1 - span.matched.0;
            let (at, source) = (span.piece, span.source);
            let found = Largest { chars, at, source, sample: String::new() };
            if findings.enters(&found) {
                let sample = self.sample(span)?;
                findings.enter(Largest { sample, ..found });
            }
        }
        Ok(())
    }

    /// The beginning of a repeat.
    fn sample(&self, span: &Span) -> Result<String> {
        let mut buffer = Vec::new();
        let shown = (span.matched.1 - span.matched.0).min(SAMPLE as u64);
        Ok(match self.plan.winnow.unit {
            // A code point has four bytes at most.
            Unit::Bytes => {
                let most = self.plan.winnow.length.min(SAMPLE as u64 * 4);
                let bytes = self.corpus.symbols(span.source, most, &mut buffer)?;
                String::from_utf8_lossy(bytes).chars().take(shown as usize).collect()
            }
            Unit::Characters => {
                let symbols = self.corpus.symbols(span.source, shown, &mut buffer)?;
                let (codes, _) = symbols.as_chunks::<4>();
                codes.iter().filter_map(|code| char::from_u32(u32::from_le_bytes(*code))).collect()
            }
            // Only the hashes of words are kept.
            Unit::Words => String::new(),
        })
    }

    /// Where the longest piece of a span with one source stands.
    fn explain(&self, span: &Span, out: &mut Vec<u8>) -> Result<()> {
        let kept = self.corpus.locate(span.source)?;
        let (first, last) = span.matched;
        let length = match self.plan.winnow.unit {
            // White space between words is not compared, and may have another length there.
            Unit::Words => None,
            _ => Some(last - first),
        };
        out.extend_from_slice(b"{\"id\":");
        out.extend_from_slice(&kept.id);
        out.extend_from_slice(format!(",\"line\":{}", kept.line).as_bytes());
        out.extend_from_slice(format!(",\"matched\":[{first},{last}],\"path\":").as_bytes());
        json::escape(self.path(&kept).as_bytes(), out);
        match length {
            Some(length) => {
                let (from, to) = (kept.char, kept.char + length);
                out.extend_from_slice(format!(",\"span\":[{from},{to}]}}").as_bytes());
            }
            None => out.extend_from_slice(format!(",\"start\":{}}}", kept.char).as_bytes()),
        }
        Ok(())
    }

    fn path(&self, location: &Location) -> std::borrow::Cow<'_, str> {
        self.plan.names[location.shard][0].to_string_lossy()
    }
}

/// Counts code points on the way through a text.
#[derive(Clone)]
struct Chars<'t> {
    text: &'t [u8],
    byte: usize,
    char: u64,
}

impl Chars<'_> {
    fn advance(&mut self, byte: usize) {
        self.char += count_chars(&self.text[self.byte..byte]) as u64;
        self.byte = byte;
    }

    /// The code points that lie wholly in the bytes `from..to`, and the bytes before the first.
    fn range(&mut self, from: usize, to: usize) -> (u64, u64, u64) {
        let inside = |byte: usize| self.text.get(byte).is_some_and(|byte| byte & 0xc0 == 0x80);
        let first = (from..to).find(|byte| !inside(*byte)).unwrap_or(to);
        let last = (first..=to).rev().find(|byte| !inside(*byte)).unwrap_or(first);
        self.advance(first.max(self.byte));
        let start = self.char;
        self.advance(last.max(first));
        (start, self.char, (first - from) as u64)
    }
}
