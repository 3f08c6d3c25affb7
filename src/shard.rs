//! What all commands share about shards: their files, batches of document lines, bad lines, and
//! the reconciled counts.

use crate::codec::{Compressor, Encoding, Format, Lines, Prefetch, Segment, Writer, Written};
use crate::document::Record;
use crate::error::{Error, ErrorKind, Result};
use crate::run::Progress;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Uncompressed bytes of documents that are worked on at once: large enough to compress well in a
/// segment of its own, small enough that a batch and its text stay in the second-level cache's
/// reach and that a few dozen of them are no memory to speak of.
pub const BATCH_BYTES: usize = 1 << 20;

/// The files of a shard on this machine.
#[derive(Debug, Clone, Default)]
pub struct Files {
    pub inputs: Vec<PathBuf>,
    pub outputs: Vec<PathBuf>,
}

/// The outside of a run: where files are, and who is told what became of a shard.
pub trait Host<Done>: Sync {
    /// Local paths of a shard; may wait for a download.
    fn files(&self, shard: usize) -> Result<Files>;
    /// Called once for each shard that was started.
    fn report(&self, shard: usize, outcome: Result<Done>);
}

/// What went in and what became of it: `read = written + dropped + bad`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub read: u64,
    pub written: u64,
    pub dropped: u64,
    pub bad: u64,
}

impl Counts {
    /// Of a batch whose lines have a row each, but for the bad ones.
    pub fn of_rows(lines: u64, bad: &[Bad]) -> Self {
        let bad = bad.len() as u64;
        Self { read: lines, written: lines - bad, dropped: 0, bad }
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.written += other.written;
        self.dropped += other.dropped;
        self.bad += other.bad;
    }
}

/// A line that could not be processed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    pub path: Arc<Path>,
    pub line: u64,
    pub error: String,
    pub raw: Vec<u8>,
}

/// A document file being read in batches.
pub struct Documents<'p> {
    lines: Lines,
    path: Arc<Path>,
    progress: Counter<'p>,
    reported: u64,
}

/// Where reading is counted: borrowed in a run of the engine's, shared in one that Python drives.
enum Counter<'p> {
    Borrowed(&'p Progress),
    Shared(Arc<Progress>),
}

impl Counter<'_> {
    fn get(&self) -> &Progress {
        match self {
            Self::Borrowed(progress) => progress,
            Self::Shared(progress) => progress,
        }
    }
}

impl<'p> Documents<'p> {
    pub fn new(lines: Lines, name: &Path, progress: &'p Progress) -> Self {
        Self { lines, path: Arc::from(name), progress: Counter::Borrowed(progress), reported: 0 }
    }

    /// As [`Documents::new`], for a reader that outlives the call that made it.
    pub fn shared(lines: Lines, name: &Path, progress: Arc<Progress>) -> Documents<'static> {
        let progress = Counter::Shared(progress);
        Documents { lines, path: Arc::from(name), progress, reported: 0 }
    }

    /// The next lines, or None at the end of the file.
    ///
    /// # Errors
    /// `Codec` or `Io` with the path when the file is damaged or cannot be read.
    pub fn next(&mut self, mut buffer: Vec<u8>) -> Result<Option<Batch>> {
        let path = &self.path;
        let read = self.lines.next_batch(&mut buffer, BATCH_BYTES).map_err(|e| e.at(path))?;
        let compressed = self.lines.reader().compressed_read();
        Progress::add(&self.progress.get().input_bytes, compressed - self.reported);
        self.reported = compressed;
        let Some(read) = read else { return Ok(None) };
        Progress::add(&self.progress.get().bytes, buffer.len() as u64);
        let path = Arc::clone(&self.path);
        Ok(Some(Batch { path, buffer, first_line: read.first_line, lines: read.lines }))
    }

    /// Where idle threads find something of the file to decompress.
    pub fn prefetch(&self) -> Option<Arc<Prefetch>> {
        self.lines.reader().prefetch().cloned()
    }

    /// The XXH3-128 of the file's bytes as they lie on disk; None before its end was reached.
    pub fn content_hash(&self) -> Option<u128> {
        self.lines.reader().content_hash()
    }
}

/// Lines of a document file.
pub struct Batch {
    pub path: Arc<Path>,
    pub buffer: Vec<u8>,
    pub first_line: u64,
    pub lines: u64,
}

impl Batch {
    /// A batch over lines that came from elsewhere.
    pub fn new(path: &Path, buffer: Vec<u8>, first_line: u64) -> Self {
        let lines = split_lines(&buffer).count() as u64;
        Self { path: Arc::from(path), buffer, first_line, lines }
    }

    /// Calls `each(line number, line, record)` for every line; a line that is not a record, or for
    /// which `each` fails with `Record`, goes to `bad` when lines may be bad, and `each_bad` is
    /// told its number.
    ///
    /// # Errors
    /// The first failure, with path and line, when bad lines are not allowed or it is no `Record`.
    pub fn for_each<'b>(
        &'b self,
        allow_bad: bool,
        bad: &mut Vec<Bad>,
        mut each: impl FnMut(Visit<'_, 'b>) -> Result<()>,
    ) -> Result<()> {
        let mut record = Record::default();
        // All at once, which is faster, and each line on its own only where one is wrong.
        let valid = simdutf8::basic::from_utf8(&self.buffer).is_ok();
        for (line, number) in split_lines(&self.buffer).zip(self.first_line..) {
            let outcome = if valid { Ok(()) } else { check_utf8(line) }
                .and_then(|()| record.read(line))
                .and_then(|()| each(Visit::Record(number, &record)));
            let Err(error) = outcome else { continue };
            let error = error.at(&self.path).on_line(number);
            if !allow_bad || !matches!(error.kind, ErrorKind::Record(_)) {
                return Err(error);
            }
            let ErrorKind::Record(message) = &error.kind else { return Err(error) };
            let path = Arc::clone(&self.path);
            bad.push(Bad { path, line: number, error: message.clone(), raw: line.to_vec() });
            each(Visit::Bad(number))?;
        }
        Ok(())
    }
}

/// # Errors
/// `Record` when `line` is not valid UTF-8.
pub fn check_utf8(line: &[u8]) -> Result<()> {
    simdutf8::compat::from_utf8(line)
        .map(|_| ())
        .map_err(|error| Error::record(format!("invalid UTF-8 at byte {}", error.valid_up_to())))
}

/// What [`Batch::for_each`] comes by.
pub enum Visit<'r, 'b> {
    Record(u64, &'r Record<'b>),
    Bad(u64),
}

/// The lines of a buffer without their newlines (nor the `\r` of files from elsewhere).
pub fn split_lines(buffer: &[u8]) -> impl Iterator<Item = &[u8]> {
    let body = buffer.strip_suffix(b"\n").unwrap_or(buffer);
    let count = usize::from(!buffer.is_empty());
    let mut rest = Some(body);
    std::iter::from_fn(move || {
        let current = rest?;
        match memchr::memchr(b'\n', current) {
            Some(newline) => {
                rest = Some(&current[newline + 1..]);
                Some(&current[..newline])
            }
            None => {
                rest = None;
                Some(current)
            }
        }
    })
    .take(if count == 0 { 0 } else { usize::MAX })
    .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// Rows as compressed, to be appended to an output.
#[derive(Default)]
pub struct Compressed {
    pub bytes: Vec<u8>,
    pub segment: Segment,
}

/// Compresses what one thread makes, with one compressor as long as the encoding is the same.
#[derive(Default)]
pub struct Packer {
    compressor: Option<(Encoding, Compressor)>,
}

impl Packer {
    /// Compresses `text` in one go.
    ///
    /// # Errors
    /// `Codec` when the compressor cannot be made or fails.
    pub fn pack(&mut self, encoding: Encoding, text: &[u8]) -> Result<Compressed> {
        let compressor = match &mut self.compressor {
            Some((known, compressor)) if *known == encoding => compressor,
            slot => &mut slot.insert((encoding, Compressor::new(encoding)?)).1,
        };
        let mut bytes = Vec::with_capacity(text.len() / 3 + 64);
        let segment = compressor.compress(text, &mut bytes)?;
        Ok(Compressed { bytes, segment })
    }
}

/// Creates the folder of `path` and the file itself.
///
/// # Errors
/// `Io` with the path.
pub fn create(path: &Path, encoding: Encoding) -> Result<Writer> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| Error::from(error).at(folder))?;
    }
    Writer::create(path, encoding)
}

/// Creates the only output of a shard: in `format`, by default that of the documents which messages call
/// `name` and which are of the format `documents` if that is given.
///
/// # Errors
/// `Config` for a shard with other outputs, or a level that the format does not have; `Io` with the path.
pub fn create_only(
    files: &Files,
    name: &Path,
    documents: Option<Format>,
    format: Option<Format>,
    level: Option<u8>,
) -> Result<(Writer, Encoding)> {
    let [output] = files.outputs.as_slice() else {
        return Err(Error::config("a dedupe shard has one attribute file"));
    };
    let format = format.or(documents).unwrap_or_else(|| Format::from_path(name));
    let encoding = Encoding::new(format, level)?;
    Ok((create(output, encoding)?, encoding))
}

/// What a finished shard of any command says of itself.
#[derive(Debug, Default)]
pub struct Done {
    pub counts: Counts,
    pub written: Vec<(u64, u128)>,
    pub bad: Vec<Bad>,
    /// Numbers that the command adds up by path in the report, e.g. documents by rule.
    pub details: Vec<(Vec<String>, f64)>,
    /// XXH3-128 of the first input's bytes.
    pub content_hash: Option<u128>,
    /// Documents that a tagger failed on, where that is survived: file, line, id, tagger, reason.
    pub lapses: Vec<(PathBuf, u64, String, String, String)>,
}

impl Done {
    pub fn push_written(&mut self, written: Written) {
        self.written.push((written.bytes, written.checksum));
    }
}

/// Refuses more bad lines in a shard than are allowed in the whole run.
///
/// # Errors
/// `Record` that names the first bad line and the option.
pub fn check_bad(bad: &[Bad], allowed: u64) -> Result<()> {
    let Some(first) = bad.first() else { return Ok(()) };
    if bad.len() as u64 <= allowed {
        return Ok(());
    }
    let message = format!(
        "{} (and {} more bad lines; max_bad_records allows {allowed})",
        first.error,
        bad.len() - 1
    );
    Err(Error::record(message).at(&first.path).on_line(first.line))
}

/// Buffers that go round, so that batches do not fault in fresh pages all the time.
#[derive(Default)]
pub struct Buffers {
    spare: Mutex<Vec<Vec<u8>>>,
}

impl Buffers {
    /// Buffers larger than this came from an outlier line and are given back to the system.
    const LARGEST: usize = 16 << 20;

    pub fn take(&self) -> Vec<u8> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub fn give(&self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= Self::LARGEST {
            buffer.clear();
            self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(text: &[u8]) -> Batch {
        Batch::new(Path::new("d.jsonl"), text.to_vec(), 1)
    }

    #[test]
    fn lines_are_split_as_people_count_them() {
        let of = |text: &str| -> Vec<String> {
            split_lines(text.as_bytes()).map(|l| String::from_utf8(l.to_vec()).unwrap()).collect()
        };
        assert_eq!(of(""), Vec::<String>::new());
        assert_eq!(of("a"), ["a"]);
        assert_eq!(of("a\n"), ["a"]);
        assert_eq!(of("a\r\n\nb\u{2028}c\n"), ["a", "", "b\u{2028}c"]);
    }

    #[test]
    fn a_bad_line_fails_with_its_place_or_is_put_aside() {
        let text = b"{\"id\":\"1\"}\n{\"id\":\n\xff\xfe\n{\"id\":\"4\"}\n";
        let mut bad = Vec::new();
        let error = batch(text).for_each(false, &mut bad, |_| Ok(())).unwrap_err();
        assert!(error.to_string().starts_with("d.jsonl:2: invalid JSON"), "{error}");
        let (mut good, mut placeholders) = (0, Vec::new());
        batch(text)
            .for_each(true, &mut bad, |visit| {
                match visit {
                    Visit::Record(..) => good += 1,
                    Visit::Bad(line) => placeholders.push(line),
                }
                Ok(())
            })
            .unwrap();
        assert_eq!((good, placeholders), (2, vec![2, 3]));
        assert_eq!(bad[1].error, "invalid UTF-8 at byte 0");
        assert!(check_bad(&bad, 2).is_ok());
        assert!(check_bad(&bad, 1).unwrap_err().to_string().contains("max_bad_records allows 1"));
    }
}
