//! Whole lines of a file, in batches that know their line numbers.
//!
//! A batch ends exactly behind a newline, except for a last line that has none; the rest of the
//! block that was read waits for the next batch. Line numbers are 1-based and a byte order mark at
//! the start of the file belongs to no line.

use std::path::Path;

use memchr::{memchr, memchr_iter, memrchr};

use super::reader::Reader;
use crate::error::Result;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Bytes read at a time while a number of lines is looked for.
const BLOCK: usize = 256 * 1024;

/// The lines that were put into a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The 1-based number of the first line.
    pub first_line: u64,
    pub lines: u64,
}

/// A file being read line by line.
pub struct Lines {
    reader: Reader,
    /// What was read and not given out: `waiting[at..]`.
    waiting: Vec<u8>,
    at: usize,
    next_line: u64,
    started: bool,
    ended: bool,
}

impl Lines {
    pub fn new(reader: Reader) -> Self {
        Self { reader, waiting: Vec::new(), at: 0, next_line: 1, started: false, ended: false }
    }

    /// Opens `path` in the format that its suffix names.
    pub fn open(path: &Path) -> Result<Self> {
        super::open(path).map(Self::new)
    }

    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Replaces `buffer` by the next lines, at least one and about `target` bytes of them; `None`
    /// at the end of the file.
    pub fn next_batch(&mut self, buffer: &mut Vec<u8>, target: usize) -> Result<Option<Batch>> {
        self.start()?;
        buffer.clear();
        let target = target.max(1);
        if let Some(end) = cut(&self.waiting[self.at..], target, 0) {
            buffer.extend_from_slice(&self.waiting[self.at..self.at + end]);
            self.at += end;
            return Ok(self.batch(count_lines(buffer)));
        }
        // Once, and for what a decoder gives beyond the target: growing would touch twice the pages.
        buffer.reserve(target + BLOCK);
        buffer.extend_from_slice(&self.waiting[self.at..]);
        self.waiting.clear();
        self.at = 0;
        let mut searched = 0;
        let mut goal = target;
        let end = loop {
            if buffer.len() < goal && !self.ended {
                let missing = goal - buffer.len();
                self.ended = !self.reader.read_block(buffer, missing)?;
            }
            if let Some(end) = cut(buffer, target, searched) {
                break end;
            }
            if self.ended {
                break buffer.len();
            }
            searched = buffer.len();
            goal = 2 * buffer.len();
        };
        self.waiting.extend_from_slice(&buffer[end..]);
        buffer.truncate(end);
        Ok(self.batch(count_lines(buffer)))
    }

    /// Replaces `buffer` by the next `count` lines, by fewer at the end of the file; `None` when
    /// there are none.
    pub fn next_lines(&mut self, count: u64, buffer: &mut Vec<u8>) -> Result<Option<Batch>> {
        self.start()?;
        buffer.clear();
        let mut found = 0;
        let mut searched = self.at;
        let end = loop {
            let mut newlines = memchr_iter(b'\n', &self.waiting[searched..]);
            let end = loop {
                if found == count {
                    break Some(searched);
                }
                match newlines.next() {
                    Some(newline) => {
                        found += 1;
                        if found == count {
                            break Some(searched + newline + 1);
                        }
                    }
                    None => break None,
                }
            };
            if let Some(end) = end {
                break end;
            }
            if self.ended {
                break self.waiting.len();
            }
            buffer.extend_from_slice(&self.waiting[self.at..]);
            self.waiting.clear();
            self.at = 0;
            searched = 0;
            self.ended = !self.reader.read_block(&mut self.waiting, BLOCK)?;
        };
        buffer.extend_from_slice(&self.waiting[self.at..end]);
        self.at = end;
        if buffer.last().is_some_and(|&byte| byte != b'\n') {
            found += 1;
        }
        Ok(self.batch(found))
    }

    fn batch(&mut self, lines: u64) -> Option<Batch> {
        let first_line = self.next_line;
        self.next_line += lines;
        (lines > 0).then_some(Batch { first_line, lines })
    }

    fn start(&mut self) -> Result<()> {
        if !self.started {
            self.started = true;
            self.ended = !self.reader.read_block(&mut self.waiting, BYTE_ORDER_MARK.len())?;
            if self.waiting.starts_with(BYTE_ORDER_MARK) {
                self.at = BYTE_ORDER_MARK.len();
            }
        }
        Ok(())
    }
}

/// Where to cut text that is at least `target` long: behind the last line that fits, or the first
/// if it does not. The first `searched` bytes are known to have no newline.
fn cut(text: &[u8], target: usize, searched: usize) -> Option<usize> {
    let (head, _) = text.split_at_checked(target)?;
    let fits = head.get(searched..).and_then(|rest| memrchr(b'\n', rest)).map(|at| searched + at);
    let from = searched.max(target);
    let end = fits.or_else(|| memchr(b'\n', &text[from..]).map(|at| from + at))?;
    Some(end + 1)
}

/// Lines in `buffer`, counting a last one without a newline.
fn count_lines(buffer: &[u8]) -> u64 {
    let newlines = memchr_iter(b'\n', buffer).count() as u64;
    newlines + u64::from(buffer.last().is_some_and(|&byte| byte != b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Format;
    use proptest::prelude::*;

    /// Gives at most `step` bytes per read.
    struct Slowly(std::io::Cursor<Vec<u8>>, usize);

    impl std::io::Read for Slowly {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let most = buffer.len().min(self.1);
            self.0.read(&mut buffer[..most])
        }
    }

    fn lines_of(text: &[u8], step: usize) -> Lines {
        let input = Slowly(std::io::Cursor::new(text.to_vec()), step);
        let size = text.len() as u64;
        Lines::new(Reader::over(Box::new(input), Path::new("t"), size, Format::Plain).unwrap())
    }

    fn naive(text: &[u8]) -> Vec<&[u8]> {
        text.strip_prefix(BYTE_ORDER_MARK)
            .unwrap_or(text)
            .split_inclusive(|&b| b == b'\n')
            .collect()
    }

    #[test]
    fn a_file_without_text_has_no_lines() {
        for text in ["", "\u{feff}"] {
            let mut buffer = vec![1];
            assert_eq!(lines_of(text.as_bytes(), 9).next_batch(&mut buffer, 10).unwrap(), None);
            assert_eq!(lines_of(text.as_bytes(), 9).next_lines(3, &mut buffer).unwrap(), None);
            assert!(buffer.is_empty());
        }
    }

    #[test]
    fn a_batch_ends_at_the_last_newline_within_the_target() {
        let mut lines = lines_of(b"\xef\xbb\xbfone\ntwo\nthree", 100);
        let mut buffer = Vec::new();
        let batch = lines.next_batch(&mut buffer, 9).unwrap();
        assert_eq!(batch, Some(Batch { first_line: 1, lines: 2 }));
        assert_eq!(buffer, b"one\ntwo\n");
        let batch = lines.next_batch(&mut buffer, 9).unwrap();
        assert_eq!(batch, Some(Batch { first_line: 3, lines: 1 }));
        assert_eq!(buffer, b"three");
        assert_eq!(lines.next_batch(&mut buffer, 9).unwrap(), None);
        assert_eq!(lines.next_batch(&mut buffer, 9).unwrap(), None);
    }

    #[test]
    fn a_line_longer_than_the_target_comes_whole() {
        let text = [vec![b'x'; 100_000], b"\nshort\n".to_vec()].concat();
        let mut buffer = Vec::new();
        let mut lines = lines_of(&text, 1000);
        assert_eq!(lines.next_batch(&mut buffer, 7).unwrap().map(|b| b.lines), Some(1));
        assert_eq!(buffer.len(), 100_001);
        assert_eq!(lines.next_batch(&mut buffer, 7).unwrap().map(|b| b.first_line), Some(2));
        assert_eq!(buffer, b"short\n");
    }

    #[derive(Clone, Debug)]
    enum Call {
        Batch(usize),
        Lines(u64),
    }

    proptest! {
        #[test]
        fn calls_in_any_order_give_the_lines_of_a_naive_split(
            text in "(\u{feff})?([a\u{e9}]{0,9}\r?\n?){0,60}",
            calls in proptest::collection::vec(
                prop_oneof![(0usize..40).prop_map(Call::Batch), (0u64..6).prop_map(Call::Lines)],
                1..30,
            ),
            step in 1usize..50,
        ) {
            let expected = naive(text.as_bytes());
            let mut lines = lines_of(text.as_bytes(), step);
            let mut buffer = Vec::new();
            let mut given = 0;
            for call in calls {
                let batch = match call {
                    Call::Batch(target) => lines.next_batch(&mut buffer, target).unwrap(),
                    Call::Lines(count) => lines.next_lines(count, &mut buffer).unwrap(),
                };
                let count = batch.map_or(0, |batch| batch.lines as usize);
                if let Some(batch) = batch {
                    prop_assert_eq!(batch.first_line as usize, given + 1);
                }
                match call {
                    Call::Batch(_) => prop_assert_eq!(count == 0, given == expected.len()),
                    Call::Lines(wanted) => {
                        prop_assert_eq!(count, (wanted as usize).min(expected.len() - given));
                    }
                }
                prop_assert_eq!(&buffer, &expected[given..given + count].concat());
                given += count;
            }
        }
    }
}
