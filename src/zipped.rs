//! Document files read together with the attribute files beside them, row by row.
//!
//! Row n of an attribute file belongs to line n of the document file: files of different lengths
//! and rows of other documents are errors, never a guess.

use crate::codec::{Format, Lines, Prefetch, Reader};
use crate::document::{Record, id_text};
use crate::error::{Error, Result};
use crate::json;
use crate::mix::stream::attribute_row;
use crate::run::Progress;
use crate::shard::{self, Bad, Batch, Buffers, Documents, Visit};
use std::path::PathBuf;
use std::sync::Arc;

/// A document file being read in batches, with its attribute files.
pub struct ZippedReader<'p> {
    documents: Documents<'p>,
    attributes: Vec<Lines>,
    names: Arc<[PathBuf]>,
    ended: bool,
    progress: &'p Progress,
    /// Compressed bytes of attributes that the counters know of.
    reported: u64,
}

impl<'p> ZippedReader<'p> {
    /// Opens `files`, which messages call by `names`: documents first, of `format` if that is
    /// given, then attributes, whose format is that of their content.
    ///
    /// # Errors
    /// `Io` or `Codec` with the name of the file; `Config` unless there is a name for each.
    pub fn open(
        files: &[PathBuf],
        names: &[PathBuf],
        format: Option<Format>,
        progress: &'p Progress,
    ) -> Result<Self> {
        if files.is_empty() || files.len() != names.len() {
            return Err(Error::config("a shard has a document file and its attribute files"));
        }
        let open = |file: &PathBuf, name: &PathBuf, format: Result<Format>| -> Result<Lines> {
            format
                .and_then(|format| Reader::open(file, format))
                .map(Lines::new)
                .map_err(|error| error.at(name))
        };
        let format = format.unwrap_or_else(|| Format::from_path(&names[0]));
        let documents =
            Documents::new(open(&files[0], &names[0], Ok(format))?, &names[0], progress);
        let attributes = files[1..]
            .iter()
            .zip(&names[1..])
            .map(|(file, name)| open(file, name, Format::of_rows(file, name)))
            .collect::<Result<_>>()?;
        Ok(Self { documents, attributes, names: names.into(), ended: false, progress, reported: 0 })
    }

    /// Where idle threads find something of the documents to decompress.
    pub fn prefetch(&self) -> Option<Arc<Prefetch>> {
        self.documents.prefetch()
    }

    /// The next lines with their rows, or None at the end of the files.
    ///
    /// # Errors
    /// `Codec` or `Io` for a file that is damaged or cannot be read; `Alignment` for an attribute
    /// file that ends before the documents or after them.
    pub fn next(&mut self, buffers: &Buffers) -> Result<Option<Zipped>> {
        if self.ended {
            return Ok(None);
        }
        let own = &self.names[0];
        let Some(documents) = self.documents.next(buffers.take())? else {
            self.ended = true;
            for (lines, name) in self.attributes.iter_mut().zip(&self.names[1..]) {
                let mut rest = buffers.take();
                if lines.next_lines(1, &mut rest).map_err(|error| error.at(name))?.is_some() {
                    let message =
                        format!("has more rows than {} has lines; write it again", own.display());
                    return Err(Error::alignment(message).at(name));
                }
                buffers.give(rest);
            }
            self.report();
            return Ok(None);
        };
        let mut attributes = Vec::with_capacity(self.attributes.len());
        for (lines, name) in self.attributes.iter_mut().zip(&self.names[1..]) {
            let mut rows = buffers.take();
            let read =
                lines.next_lines(documents.lines, &mut rows).map_err(|error| error.at(name))?;
            let found = read.map_or(0, |read| read.lines);
            if found != documents.lines {
                let message = format!(
                    "ends after {} rows, but {} goes on; write it again",
                    documents.first_line - 1 + found,
                    own.display()
                );
                return Err(Error::alignment(message).at(name));
            }
            attributes.push(rows);
        }
        self.report();
        Ok(Some(Zipped { documents, attributes, names: Arc::clone(&self.names) }))
    }

    fn report(&mut self) {
        let read =
            self.attributes.iter().map(|lines| lines.reader().compressed_read()).sum::<u64>();
        Progress::add(&self.progress.input_bytes, read - self.reported);
        self.reported = read;
    }

    /// The XXH3-128 of the document file's bytes; None before its end was reached.
    pub fn content_hash(&self) -> Option<u128> {
        self.documents.content_hash()
    }
}

/// Document lines with the attribute rows beside them.
pub struct Zipped {
    pub documents: Batch,
    /// For each attribute file, its rows.
    pub attributes: Vec<Vec<u8>>,
    names: Arc<[PathBuf]>,
}

impl Zipped {
    /// As [`Batch::for_each`]; with a record come the attributes of its row in each file.
    ///
    /// # Errors
    /// As there; `Alignment` for a row that is none, or of another document.
    pub fn for_each<'b>(
        &'b self,
        allow_bad: bool,
        bad: &mut Vec<Bad>,
        mut each: impl FnMut(Visit<'_, 'b>, &[&'b [u8]]) -> Result<()>,
    ) -> Result<()> {
        let mut rows: Vec<_> =
            self.attributes.iter().map(|rows| shard::split_lines(rows)).collect();
        let mut objects = Vec::with_capacity(rows.len());
        let mut taken = 0;
        self.documents.for_each(allow_bad, bad, |visit| {
            objects.clear();
            match &visit {
                Visit::Record(line, record) => {
                    taken = *line;
                    for (rows, name) in rows.iter_mut().zip(&self.names[1..]) {
                        let object = beside(record, rows.next().unwrap_or_default());
                        objects.push(object.map_err(|error| error.at(name).on_line(*line))?);
                    }
                }
                // A line that failed after its rows were taken has used them up.
                Visit::Bad(line) if *line == taken => {}
                Visit::Bad(_) => rows.iter_mut().for_each(|rows| {
                    rows.next();
                }),
            }
            each(visit, &objects)
        })
    }

    /// Hands the buffers back.
    pub fn give(self, buffers: &Buffers) {
        buffers.give(self.documents.buffer);
        self.attributes.into_iter().for_each(|rows| buffers.give(rows));
    }
}

/// The attributes of the row beside a document.
fn beside<'a>(record: &Record<'_>, row: &'a [u8]) -> Result<&'a [u8]> {
    let (id, object) = attribute_row(row)?;
    let own = record.get("id").unwrap_or_default();
    if id != own && id != b"null" && id_text(id) != id_text(own) {
        return Err(Error::alignment(format!(
            "attribute row of {}, but the document is {}; write the attributes again",
            String::from_utf8_lossy(id),
            String::from_utf8_lossy(own)
        )));
    }
    Ok(object)
}

/// Whether any attribute of a row has a span.
pub fn is_marked(object: &[u8]) -> bool {
    let mut marked = false;
    // The row was split once already; what it holds is JSON.
    let _ = json::object(object, |_, value| {
        let inside = value.strip_prefix(b"[").unwrap_or_default();
        marked |= inside.get(json::skip_space(inside, 0)).is_some_and(|byte| *byte != b']');
    });
    marked
}
