//! Joining what the parts of a partitioned run found: one row from one row of each part.
//!
//! Every key belongs to one part, so spans of documents and paragraphs are simply collected; of
//! n-grams each part has a share, which add up to the share that one run over everything finds.
//! Rows that do not belong together are an error.

use crate::codec::{Encoding, Format, Lines, Writer};
use crate::error::{Error, Result};
use crate::json;
use crate::run::{Progress, Stage};
use crate::shard::{self, BATCH_BYTES, Compressed, Counts, Done, Host, Packer};
use std::path::PathBuf;

/// How rows of one kind are joined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// One span or none; no attribute at all where the part that has the key saw it first.
    Documents,
    Paragraphs,
    /// Shares are added; from the threshold on they are written.
    Ngrams {
        threshold: f32,
    },
}

/// A run that joins the attributes of parts.
pub struct MergeRun<'h> {
    pub kind: Kind,
    /// The attribute of each part, and of the whole.
    pub parts: Vec<String>,
    pub attribute: String,
    /// The attribute files of each shard as messages call them, by part.
    pub names: Vec<Vec<PathBuf>>,
    pub output_format: Option<Format>,
    pub level: Option<u8>,
    pub host: &'h dyn Host<Done>,
    pub progress: &'h Progress,
}

/// The files of an open shard.
pub struct Source {
    lines: Vec<Lines>,
    shard: usize,
    encoding: Encoding,
    reported: u64,
}

/// The same rows of all parts.
pub struct Rows {
    parts: Vec<Vec<u8>>,
    first_line: u64,
    count: u64,
    encoding: Encoding,
}

/// Joined rows.
pub struct Joined {
    rows: Compressed,
    count: u64,
    marked: u64,
}

/// The output of an open shard.
pub struct Sink {
    writer: Writer,
    count: u64,
    marked: u64,
}

impl<'h> Stage for MergeRun<'h> {
    type Source = Source;
    type Sink = Sink;
    type Batch = Rows;
    type Work = Joined;
    type Output = Joined;
    type Done = Done;
    type Local<'s>
        = Vec<u8>
    where
        Self: 's;

    fn local(&self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn open(&self, shard: usize) -> Result<(Source, Sink)> {
        let files = self.host.files(shard)?;
        let names = &self.names[shard];
        let mut lines = Vec::new();
        for (input, name) in files.inputs.iter().zip(names) {
            let reader = Format::of_rows(input, name)
                .and_then(|format| crate::codec::Reader::open(input, format))
                .map_err(|error| error.at(name))?;
            lines.push(Lines::new(reader));
        }
        let (writer, encoding) =
            shard::create_only(&files, &names[0], None, self.output_format, self.level)?;
        let source = Source { lines, shard, encoding, reported: 0 };
        Ok((source, Sink { writer, count: 0, marked: 0 }))
    }

    fn read(&self, source: &mut Source) -> Result<Option<Rows>> {
        let names = &self.names[source.shard];
        let mut parts: Vec<Vec<u8>> = vec![Vec::new(); source.lines.len()];
        let target = BATCH_BYTES / source.lines.len().max(1);
        let first =
            source.lines[0].next_batch(&mut parts[0], target).map_err(|e| e.at(&names[0]))?;
        let count = first.map_or(0, |batch| batch.lines);
        for (index, lines) in source.lines.iter_mut().enumerate().skip(1) {
            let wanted = count.max(1);
            let got =
                lines.next_lines(wanted, &mut parts[index]).map_err(|e| e.at(&names[index]))?;
            let got = got.map_or(0, |batch| batch.lines);
            if got != count {
                return Err(Error::alignment(format!(
                    "has another number of rows than {}; run the parts again",
                    names[0].display()
                ))
                .at(&names[index]));
            }
        }
        let read = source.lines.iter().map(|lines| lines.reader().compressed_read()).sum::<u64>();
        Progress::add(&self.progress.input_bytes, read - source.reported);
        source.reported = read;
        Progress::add(&self.progress.documents, count);
        let encoding = source.encoding;
        Ok(first.map(|batch| Rows { parts, first_line: batch.first_line, count, encoding }))
    }

    fn process(&self, rows: &mut Vec<u8>, shard: usize, batch: Rows) -> Result<Joined> {
        rows.clear();
        let mut marked = 0;
        let mut parts: Vec<_> = batch.parts.iter().map(|rows| shard::split_lines(rows)).collect();
        for line in batch.first_line..batch.first_line + batch.count {
            let lines: Vec<&[u8]> = parts.iter_mut().filter_map(Iterator::next).collect();
            let joined = join(self.kind, &self.parts, &self.attribute, &lines, rows);
            let known =
                joined.map_err(|(part, error)| error.at(&self.names[shard][part]).on_line(line))?;
            marked += u64::from(known);
        }
        let rows = Packer::default().pack(batch.encoding, rows)?;
        Ok(Joined { rows, count: batch.count, marked })
    }

    fn emit(&self, _: &mut Vec<u8>, _: usize, work: Joined) -> Result<Joined> {
        Ok(work)
    }

    fn write(&self, sink: &mut Sink, output: Joined) -> Result<()> {
        sink.writer.append(&output.rows.bytes, output.rows.segment)?;
        sink.count += output.count;
        sink.marked += output.marked;
        Ok(())
    }

    fn finish(&self, _: usize, _: Source, sink: Sink) -> Result<Done> {
        let counts = Counts { read: sink.count, written: sink.count, dropped: 0, bad: 0 };
        let mut done = Done { counts, ..Done::default() };
        done.push_written(sink.writer.finish()?);
        done.details.push((vec!["documents_marked".to_string()], sink.marked as f64));
        Ok(done)
    }

    fn report(&self, shard: usize, outcome: Result<Done>) {
        self.host.report(shard, outcome);
    }
}

/// A span as a part wrote it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    start: u64,
    end: u64,
    share: f64,
}

/// Appends the row that `lines`, one of each part, make together; returns whether it marks
/// anything. An error comes with the part that is to blame.
fn join(
    kind: Kind,
    parts: &[String],
    attribute: &str,
    lines: &[&[u8]],
    out: &mut Vec<u8>,
) -> std::result::Result<bool, (usize, Error)> {
    let mut spans: Vec<Span> = Vec::new();
    let (mut id, mut absent) = (None, 0);
    for (index, line) in lines.iter().enumerate() {
        let (row_id, list) = part_row(line, &parts[index]).map_err(|error| (index, error))?;
        if *id.get_or_insert(row_id) != row_id {
            return Err((
                index,
                Error::alignment("this row has another id than in the first part"),
            ));
        }
        match list {
            None => absent += 1,
            Some(list) => read_spans(list, &mut spans).map_err(|error| (index, error))?,
        }
    }
    spans.sort_by_key(|span| (span.start, span.end));
    if let Kind::Ngrams { threshold } = kind {
        spans.dedup_by(|next, first| {
            let same = (next.start, next.end) == (first.start, first.end);
            if same {
                first.share += next.share;
            }
            same
        });
        spans.iter_mut().for_each(|span| span.share = f64::from(span.share as f32));
        spans.retain(|span| span.share >= f64::from(threshold));
    }
    let written = match kind {
        Kind::Documents => !spans.is_empty() || absent == 0,
        Kind::Paragraphs | Kind::Ngrams { .. } => absent == 0,
    };
    out.extend_from_slice(b"{\"attributes\":{");
    if written {
        json::escape(attribute.as_bytes(), out);
        out.extend_from_slice(b":[");
        for (index, span) in spans.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            let score = match kind {
                Kind::Ngrams { .. } => format!("{:?}", span.share),
                _ => "1".to_string(),
            };
            out.extend_from_slice(format!("[{},{},{score}]", span.start, span.end).as_bytes());
        }
        out.push(b']');
    }
    out.extend_from_slice(b"},\"id\":");
    out.extend_from_slice(id.unwrap_or(b"null"));
    out.extend_from_slice(b"}\n");
    Ok(spans.iter().any(|span| span.share > 0.0))
}

/// The raw id of a row, and its list of spans.
fn part_row<'l>(line: &'l [u8], attribute: &str) -> Result<(&'l [u8], Option<&'l [u8]>)> {
    let broken = || Error::alignment("this is no row of attributes");
    let (mut id, mut object) = (None, None);
    json::object(line, |key, value| match key {
        b"id" => id = Some(value),
        b"attributes" => object = Some(value),
        _ => {}
    })
    .map_err(|_| broken())?;
    let (Some(id), Some(object)) = (id, object) else { return Err(broken()) };
    let mut name = Vec::new();
    json::escape(attribute.as_bytes(), &mut name);
    let (mut list, mut foreign) = (None, false);
    json::object(object, |key, value| match key == &name[1..name.len() - 1] {
        true => list = Some(value),
        false => foreign = true,
    })
    .map_err(|_| broken())?;
    if foreign {
        return Err(Error::alignment(format!("this row has other attributes than {attribute:?}")));
    }
    Ok((id, list))
}

/// Appends the spans of `[[start,end,share],…]`.
fn read_spans(list: &[u8], spans: &mut Vec<Span>) -> Result<()> {
    let broken = || Error::alignment("this row has no list of spans");
    let text = std::str::from_utf8(list).map_err(|_| broken())?;
    let inner =
        text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).ok_or_else(broken)?;
    for span in inner.split_terminator(']') {
        let numbers = span.trim_start_matches(',').strip_prefix('[').ok_or_else(broken)?;
        let mut numbers = numbers.split(',');
        let mut next = || numbers.next().ok_or_else(broken);
        let (start, end, share) = (next()?, next()?, next()?);
        let offset = |number: &str| number.parse::<u64>().map_err(|_| broken());
        let share = share.parse().map_err(|_| broken())?;
        spans.push(Span { start: offset(start)?, end: offset(end)?, share });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(kind: Kind, rows: &[&str]) -> std::result::Result<String, String> {
        let parts: Vec<String> = (0..rows.len()).map(|part| format!("d_{part}")).collect();
        let lines: Vec<String> = rows
            .iter()
            .enumerate()
            .map(|(part, row)| row.replace('@', &format!("\"d_{part}\"")))
            .collect();
        let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        let mut out = Vec::new();
        join(kind, &parts, "d", &lines, &mut out)
            .map(|_| String::from_utf8(out).unwrap().trim().to_string())
            .map_err(|(part, error)| format!("{part}: {error}"))
    }

    fn row(attributes: &str) -> String {
        format!(r#"{{"attributes":{{{attributes}}},"id":"x"}}"#)
    }

    #[test]
    fn a_document_is_what_the_part_with_its_key_says() {
        let of = |rows: &[&str]| {
            let rows: Vec<String> = rows.iter().map(|attributes| row(attributes)).collect();
            joined(Kind::Documents, &rows.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
        };
        assert_eq!(of(&["@:[]", "@:[[0,4,1]]", "@:[]"]), row(r#""d":[[0,4,1]]"#));
        assert_eq!(of(&["@:[]", "", "@:[]"]), row(""));
        assert_eq!(of(&["@:[]", "@:[]", "@:[]"]), row(r#""d":[]"#));
    }

    #[test]
    fn paragraphs_come_in_their_order() {
        let of =
            |rows: [&str; 2]| joined(Kind::Paragraphs, &[&row(rows[0]), &row(rows[1])]).unwrap();
        assert_eq!(
            of(["@:[[4,9,1]]", "@:[[0,4,1],[9,9,1]]"]),
            row(r#""d":[[0,4,1],[4,9,1],[9,9,1]]"#)
        );
        assert_eq!(of(["@:[]", "@:[]"]), row(r#""d":[]"#));
        assert_eq!(of(["", ""]), row(""));
    }

    #[test]
    fn shares_add_up_before_the_threshold() {
        let of = |threshold| {
            let rows = [
                row("@:[[0,5,0.5454545454545454],[5,9,0.25]]"),
                row("@:[[0,5,0.36363636363636365]]"),
            ];
            joined(Kind::Ngrams { threshold }, &[&rows[0], &rows[1]]).unwrap()
        };
        // Ten of eleven, in the published tool's width.
        assert_eq!(of(0.9), row(r#""d":[[0,5,0.9090909361839294]]"#));
        assert_eq!(of(0.25), row(r#""d":[[0,5,0.9090909361839294],[5,9,0.25]]"#));
        assert_eq!(of(0.95), row(r#""d":[]"#));
    }

    /// The sum of shares in double width is as exact as the share of the sum in single width.
    #[test]
    fn parts_of_any_share_add_up_to_it() {
        for total in [2u32, 3, 11, 97, 1000, 65_537] {
            for known in (0..=total).step_by(1 + total as usize / 300) {
                for parts in [2, 3, 7] {
                    let sum: f64 = (0..parts)
                        .map(|part| (known / parts) + u32::from(part < known % parts))
                        .map(|own| f64::from(own) / f64::from(total))
                        .sum();
                    assert_eq!(sum as f32, known as f32 / total as f32, "{known}/{total}");
                }
            }
        }
    }

    #[test]
    fn rows_that_do_not_belong_together_are_refused() {
        let other = row("@:[]").replace('x', "y");
        let fails = |rows: [&str; 2]| joined(Kind::Paragraphs, &rows).unwrap_err();
        assert!(fails([&row("@:[]"), &other]).starts_with("1: this row has another id"));
        assert!(fails([&row("@:[]"), &row("\"z\":[]")]).contains("other attributes than \"d_1\""));
        assert!(fails([&row("@:[[1,2]]"), &row("@:[]")]).starts_with("0: this row has no list"));
        assert!(fails([&row("@:[]"), "[]"]).starts_with("1: this is no row"));
    }
}
