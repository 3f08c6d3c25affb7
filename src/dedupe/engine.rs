//! Deduplicating whole shards: keys in parallel, verdicts in input order, rows in parallel.
//!
//! Rows keep the published shapes. By document: a duplicate has `"name":[[0,length of key,1]]`, the
//! first copy no key at all, a document that was left out `"name":[]`. By paragraph: `"name"` lists
//! the spans of known paragraphs, each with its separator; an empty text has no key. By n-grams:
//! the same, with the share of known n-grams in place of 1, from the threshold on. A document that
//! earlier stages have marked has `"name":[]` in all of them.

use super::bloom::BloomFilter;
use super::keys::{Admission, Extractor, Key, KeyList, Limits, Partition, Unit};
use super::ngrams::{self, Ngrams};
use crate::codec::{Encoding, Format, Prefetch, Writer};
use crate::document::Record;
use crate::error::Result;
use crate::json;
use crate::run::{Progress, Stage};
use crate::shard::{self, Bad, Buffers, Compressed, Counts, Done, Host, Packer, Visit};
use crate::zipped::{Zipped, ZippedReader, is_marked};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// A run of deduplication over shards.
pub struct DedupeRun<'h> {
    pub unit: Unit,
    pub limits: Limits,
    pub partition: Partition,
    /// The attribute that marks duplicates.
    pub attribute: String,
    pub read_only: bool,
    pub filter: Mutex<BloomFilter>,
    /// Files of each shard as messages call them: documents, then the attributes that say what
    /// earlier stages have marked.
    pub names: Vec<Vec<PathBuf>>,
    pub input_format: Option<Format>,
    pub output_format: Option<Format>,
    pub level: Option<u8>,
    pub max_bad: u64,
    pub host: &'h dyn Host<Done>,
    pub progress: &'h Progress,
    pub buffers: Buffers,
}

/// The keys of a batch, and later their verdicts.
pub struct Keyed {
    encoding: Encoding,
    /// Raw ids, end to end.
    ids: Vec<u8>,
    documents: Vec<Keys>,
    list: KeyList,
    known: Known,
    counts: Counts,
    bad: Vec<Bad>,
}

/// What the filter knew, for each key.
enum Known {
    /// Whether it was there.
    Whole(Vec<bool>),
    /// How many of its n-grams were, or whether the whole was.
    Ngrams(Vec<u32>),
}

/// One document's share of a batch.
struct Keys {
    /// Ends of its id and of its keys.
    id_end: u32,
    keys_end: u32,
    fate: Fate,
}

/// What became of a document before the filter saw it.
enum Fate {
    Admitted(Admission),
    /// Earlier stages have marked it: it has no keys.
    Marked,
    Bad,
}

/// Rows of a batch.
pub struct Marked {
    rows: Compressed,
    counts: Counts,
    bad: Vec<Bad>,
    tally: Tally,
}

/// What the comparison did, for the report.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    compared: u64,
    duplicates: u64,
    /// Code points (of keys or paragraphs) that are marked.
    duplicate_chars: u64,
    documents_marked: u64,
    skipped: u64,
    without_key: u64,
    marked_before: u64,
}

/// The scratch of one thread.
#[derive(Default)]
pub struct Local {
    extractor: Extractor,
    rows: Vec<u8>,
    packer: Packer,
}

/// The reading half of an open shard.
pub struct Source<'h> {
    files: ZippedReader<'h>,
    encoding: Encoding,
}

/// The output of an open shard.
pub struct Sink {
    writer: Writer,
    counts: Counts,
    bad: Vec<Bad>,
    tally: Tally,
}

impl<'h> Stage for DedupeRun<'h> {
    const ORDERED: bool = true;
    type Source = Source<'h>;
    type Sink = Sink;
    type Batch = (Zipped, Encoding);
    type Work = Keyed;
    type Output = Marked;
    type Done = Done;
    type Local<'s>
        = Local
    where
        Self: 's;

    fn local(&self) -> Result<Local> {
        Ok(Local::default())
    }

    fn open(&self, shard: usize) -> Result<(Source<'h>, Sink)> {
        let files = self.host.files(shard)?;
        let names = &self.names[shard];
        let source = ZippedReader::open(&files.inputs, names, self.input_format, self.progress)?;
        let (writer, encoding) = shard::create_only(
            &files,
            &names[0],
            self.input_format,
            self.output_format,
            self.level,
        )?;
        let sink =
            Sink { writer, counts: Counts::default(), bad: Vec::new(), tally: Tally::default() };
        Ok((Source { files: source, encoding }, sink))
    }

    fn read(&self, source: &mut Source<'h>) -> Result<Option<Self::Batch>> {
        let batch = source.files.next(&self.buffers)?;
        Ok(batch.map(|batch| (batch, source.encoding)))
    }

    fn prefetch(source: &Source<'h>) -> Option<Arc<Prefetch>> {
        source.files.prefetch()
    }

    fn process(
        &self,
        local: &mut Local,
        _shard: usize,
        (batch, encoding): Self::Batch,
    ) -> Result<Keyed> {
        let lines = batch.documents.lines;
        let mut keyed = Keyed {
            encoding,
            ids: Vec::with_capacity(lines as usize * 32),
            documents: Vec::with_capacity(lines as usize),
            list: KeyList::default(),
            known: Known::Whole(Vec::new()),
            counts: Counts::default(),
            bad: Vec::new(),
        };
        let mut bad = Vec::new();
        batch.for_each(self.max_bad > 0, &mut bad, |visit, rows| {
            let fate = match visit {
                Visit::Record(_, record) => {
                    let id = record.id()?;
                    let fate = if rows.iter().any(|row| is_marked(row)) {
                        record.text()?;
                        Fate::Marked
                    } else {
                        Fate::Admitted(self.keys(local, record, &mut keyed.list)?)
                    };
                    keyed.ids.extend_from_slice(id);
                    fate
                }
                Visit::Bad(_) => {
                    keyed.ids.extend_from_slice(b"null");
                    Fate::Bad
                }
            };
            keyed.documents.push(Keys {
                id_end: keyed.ids.len() as u32,
                keys_end: keyed.list.keys.len() as u32,
                fate,
            });
            Ok(())
        })?;
        Progress::add(&self.progress.documents, lines);
        keyed.counts = Counts::of_rows(lines, &bad);
        keyed.bad = bad;
        batch.give(&self.buffers);
        Ok(keyed)
    }

    fn held(&self, work: &Keyed) -> usize {
        work.ids.capacity()
            + work.documents.capacity() * size_of::<Keys>()
            + work.list.keys.capacity() * size_of::<Key>()
            + work.list.ngrams.capacity() * size_of::<u128>()
    }

    fn decide(&self, work: &mut Keyed) -> Result<()> {
        let mut filter = self.filter.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = &work.list.keys;
        work.known = if let Unit::Paragraph { ngrams: Some(_), .. } = self.unit {
            let mut known = Vec::with_capacity(keys.len());
            ngrams::decide(&mut filter, self.read_only, &work.list, &mut known);
            Known::Ngrams(known)
        } else {
            let mut known = Vec::with_capacity(keys.len());
            if self.read_only {
                filter.contains_all(keys, |key| key.hash, &mut known);
            } else {
                filter.insert_all(keys, |key| key.hash, &mut known);
            }
            Known::Whole(known)
        };
        Ok(())
    }

    fn emit(&self, local: &mut Local, _shard: usize, work: Keyed) -> Result<Marked> {
        local.rows.clear();
        let tally = self.write_rows(&work, &mut local.rows);
        let rows = local.packer.pack(work.encoding, &local.rows)?;
        Ok(Marked { rows, counts: work.counts, bad: work.bad, tally })
    }

    fn write(&self, sink: &mut Sink, output: Marked) -> Result<()> {
        sink.writer.append(&output.rows.bytes, output.rows.segment)?;
        sink.counts += output.counts;
        sink.bad.extend(output.bad);
        sink.tally += output.tally;
        shard::check_bad(&sink.bad, self.max_bad)
    }

    fn finish(&self, _shard: usize, source: Source<'h>, sink: Sink) -> Result<Done> {
        let mut done = Done {
            counts: sink.counts,
            bad: sink.bad,
            content_hash: source.files.content_hash(),
            ..Done::default()
        };
        done.push_written(sink.writer.finish()?);
        let tally = sink.tally;
        for (what, value) in [
            ("compared", tally.compared),
            ("duplicates", tally.duplicates),
            ("duplicate_chars", tally.duplicate_chars),
            ("documents_marked", tally.documents_marked),
            ("skipped", tally.skipped),
            ("without_key", tally.without_key),
            ("marked_before", tally.marked_before),
        ] {
            done.details.push((vec![what.to_string()], value as f64));
        }
        Ok(done)
    }

    fn report(&self, shard: usize, outcome: Result<Done>) {
        self.host.report(shard, outcome);
    }
}

/// What is written for a known key.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Score {
    Known,
    Share(f64),
}

impl DedupeRun<'_> {
    /// Appends the keys of a document, all or none.
    fn keys(
        &self,
        local: &mut Local,
        record: &Record<'_>,
        list: &mut KeyList,
    ) -> Result<Admission> {
        let before = list.lengths();
        let found = local.extractor.keys(&self.unit, &self.limits, self.partition, record, list);
        if found.is_err() {
            list.truncate(before);
        }
        found
    }

    /// The mark of a key, if it gets one.
    ///
    /// Shares have the published tool's width. Those of a part are not: parts add up to the whole,
    /// and only then does the threshold apply.
    fn score(&self, work: &Keyed, index: usize) -> Option<Score> {
        let known = match &work.known {
            Known::Whole(known) => return known[index].then_some(Score::Known),
            Known::Ngrams(known) => known[index],
        };
        let Unit::Paragraph { ngrams: Some(ngrams), .. } = &self.unit else { return None };
        let total = match work.list.keys[index].ngrams {
            0 => 1,
            1 => return None,
            total => total,
        };
        if self.partition.is_whole() {
            let share = Ngrams::share(known, total);
            return (share >= ngrams.threshold).then_some(Score::Share(f64::from(share)));
        }
        let share = f64::from(known) / f64::from(total);
        (known > 0 || ngrams.threshold <= 0.0).then_some(Score::Share(share))
    }

    fn write_rows(&self, work: &Keyed, out: &mut Vec<u8>) -> Tally {
        let mut name = Vec::new();
        json::escape(self.attribute.as_bytes(), &mut name);
        name.push(b':');
        let by_paragraph = matches!(self.unit, Unit::Paragraph { .. });
        let mut tally = Tally::default();
        let (mut id_start, mut keys_start) = (0, 0);
        for document in &work.documents {
            let (id_end, keys_end) = (document.id_end as usize, document.keys_end as usize);
            let marked_before = tally.duplicates;
            out.extend_from_slice(b"{\"attributes\":{");
            let left_out = match document.fate {
                Fate::Admitted(Admission::Compared)
                    if by_paragraph || self.score(work, keys_start).is_some() =>
                {
                    out.extend_from_slice(&name);
                    self.write_spans(work, keys_start..keys_end, out, &mut tally);
                    false
                }
                Fate::Admitted(Admission::Compared) | Fate::Bad => false,
                Fate::Admitted(Admission::Skipped) => {
                    tally.skipped += 1;
                    !by_paragraph
                }
                Fate::Admitted(Admission::WithoutKey) => {
                    tally.without_key += 1;
                    true
                }
                Fate::Marked => {
                    tally.marked_before += 1;
                    true
                }
            };
            if left_out {
                out.extend_from_slice(&name);
                out.extend_from_slice(b"[]");
            }
            let keys = &work.list.keys[keys_start..keys_end];
            tally.compared += keys.iter().filter(|key| key.ngrams != 1).count() as u64;
            tally.documents_marked += u64::from(tally.duplicates > marked_before);
            out.extend_from_slice(b"},\"id\":");
            out.extend_from_slice(&work.ids[id_start..id_end]);
            out.extend_from_slice(b"}\n");
            (id_start, keys_start) = (id_end, keys_end);
        }
        tally
    }

    /// The marks among some keys.
    fn write_spans(&self, work: &Keyed, keys: Range<usize>, out: &mut Vec<u8>, tally: &mut Tally) {
        out.push(b'[');
        for index in keys {
            let Some(score) = self.score(work, index) else { continue };
            let key = &work.list.keys[index];
            write_span(key, score, out);
            if score != Score::Share(0.0) {
                tally.duplicates += 1;
                tally.duplicate_chars += u64::from(key.end - key.start);
            }
        }
        close_list(out);
    }
}

fn write_span(key: &Key, score: Score, out: &mut Vec<u8>) {
    out.push(b'[');
    json::write_int(u64::from(key.start), out);
    out.push(b',');
    json::write_int(u64::from(key.end), out);
    match score {
        Score::Known => out.extend_from_slice(b",1],"),
        Score::Share(1.0) => out.extend_from_slice(b",1.0],"),
        Score::Share(share) => out.extend_from_slice(format!(",{share:?}],").as_bytes()),
    }
}

fn close_list(out: &mut Vec<u8>) {
    match out.last_mut() {
        Some(last @ b',') => *last = b']',
        _ => out.push(b']'),
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.compared += other.compared;
        self.duplicates += other.duplicates;
        self.duplicate_chars += other.duplicate_chars;
        self.documents_marked += other.documents_marked;
        self.skipped += other.skipped;
        self.without_key += other.without_key;
        self.marked_before += other.marked_before;
    }
}
