//! A stretch of a gzip file that was decoded from the middle, and is put in when its turn comes.
//!
//! It goes from the beginning of a block, which was guessed, to that of another. Its text is what follows
//! from the blocks alone, references into the 32 KiB before it left open; the reader, who has got there,
//! knows them. What a member's trailer says is held against the text then, as ever.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::finder;
use super::inflate::{Inflate, Stop, WINDOW};
use super::markers::{self, Window};
use super::member::{self, Trailer};
use super::source::Source;
use super::tables::Tables;
use crate::error::Result;

/// Text behind which a stretch ends with the next block, and behind which it is given up because none
/// ends: what it holds in memory is twice that.
const LONG: usize = 4 << 20;
const TOO_LONG: usize = 16 << 20;

/// Text that is put in at a time.
const PIECE: usize = 128 * 1024;

/// The rest of a file that others read as well: it has a place of its own.
struct Rest {
    file: Arc<File>,
    at: u64,
}

impl Rest {
    fn new(file: &Arc<File>, at: u64) -> Self {
        Self { file: Arc::clone(file), at }
    }
}

impl Read for Rest {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

pub(super) struct Stretch {
    /// The bits of the file with which it begins and with which what follows begins.
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) text: Vec<u16>,
    /// Ends of members within, each with the place in the text.
    members: Vec<(usize, Trailer)>,
    /// Whether a member's deflate stream ends with it: its trailer follows.
    pub(super) ended: bool,
}

/// What decoding one needs; a thread has one for all its files.
pub struct Scratch {
    inflate: Inflate<u16>,
    tables: Box<Tables>,
    bytes: Vec<u8>,
    /// Room for the text of the next one.
    pub(super) text: Vec<u16>,
}

impl Default for Scratch {
    fn default() -> Self {
        let mut inflate = Inflate::new();
        inflate.pausing = true;
        Self { inflate, tables: Box::new(Tables::new()), bytes: Vec::new(), text: Vec::new() }
    }
}

impl Scratch {
    /// Decodes from the first block that begins in the bytes `from..to` of the file to the first behind
    /// them that would be found by looking there. `found` is told the bit where it begins, beforehand.
    ///
    /// None where there is no such block, or where it is followed by damage, by the end of the file, or by
    /// more text than is good to hold before half of the bytes are done.
    pub(super) fn decode(
        &mut self,
        file: &Arc<File>,
        from: u64,
        to: u64,
        found: impl FnOnce(u64),
    ) -> Result<Option<Stretch>> {
        let Self { inflate, tables, bytes, text } = self;
        text.clear();
        bytes.clear();
        Rest::new(file, from).take(to - from).read_to_end(bytes)?;
        let Some(bit) = finder::find(bytes, tables) else { return Ok(None) };
        let start = 8 * from + bit as u64;
        found(start);

        let rest = Rest::new(file, start / 8);
        let mut source = Source::within(Box::new(rest), start / 8);
        inflate.resume(&mut source, start, &markers::unknown())?;
        let mut members = Vec::new();
        let (end, ended) = loop {
            match inflate.read(&mut source, text)? {
                Err(_) => return Ok(None),
                Ok(Stop::Inside) if text.len() > TOO_LONG => return Ok(None),
                Ok(Stop::Inside) => continue,
                Ok(Stop::Boundary) => {}
                Ok(Stop::End) => {
                    // What is left of its last byte belongs to nobody.
                    let end = 8 * source.position();
                    match next_member(&mut source) {
                        Some(trailer) if text.len() < LONG => members.push((text.len(), trailer)),
                        _ => break (end, true),
                    }
                    inflate.reset();
                }
            }
            let position = inflate.position(&source);
            let findable = finder::is_findable(inflate.next_bits(&mut source)?);
            if (position >= 8 * to && findable) || text.len() >= LONG {
                break (position, false);
            }
        };
        if text.len() >= LONG && end < 4 * (from + to) {
            return Ok(None);
        }
        Ok(Some(Stretch { start, end, text: std::mem::take(text), members, ended }))
    }
}

impl Stretch {
    /// Goes on from the last text of its member; None where it refers to more.
    pub(super) fn behind(self, text: &[u8]) -> Option<Replay> {
        let first = self.members.first().map_or(self.text.len(), |&(at, _)| at);
        if text.len() < WINDOW && text.len() < markers::reach(&self.text[..first]) {
            return None;
        }
        Some(Replay { stretch: self, window: Window::new(text), at: 0, member: 0 })
    }
}

/// The trailer of a member that another one follows, whose header is skipped.
fn next_member(source: &mut Source) -> Option<Trailer> {
    let trailer = Trailer::read(source).ok()??;
    let magic = [source.byte().ok()??, source.byte().ok()??];
    (magic == [0x1f, 0x8b] && member::skip_header(source, 0).is_ok()).then_some(trailer)
}

/// What comes behind a piece of text.
pub(super) enum Next {
    Text,
    /// Another member, behind this trailer.
    Member(Trailer),
    /// What was not decoded beforehand.
    Rest,
}

/// A stretch being put in.
pub(super) struct Replay {
    pub(super) stretch: Stretch,
    window: Window,
    at: usize,
    member: usize,
}

impl Replay {
    /// Appends some text of one member.
    pub(super) fn read(&mut self, out: &mut Vec<u8>) -> Next {
        let Stretch { text, members, .. } = &self.stretch;
        let member = members.get(self.member);
        let end = member.map_or(text.len(), |&(at, _)| at);
        let to = end.min(self.at + PIECE);
        self.window.resolve(&text[self.at..to], out);
        self.at = to;
        match member {
            _ if to < end => Next::Text,
            Some(&(_, trailer)) => {
                self.member += 1;
                Next::Member(trailer)
            }
            None => Next::Rest,
        }
    }

    /// The text at the end of the stretch that what follows may refer to, and perhaps more.
    pub(super) fn window(&self) -> Vec<u8> {
        let Stretch { text, members, .. } = &self.stretch;
        let mut window = match members.last() {
            Some(_) => Vec::new(),
            None => self.window.text().to_vec(),
        };
        let member = members.last().map_or(0, |&(at, _)| at);
        let from = member.max(text.len().saturating_sub(WINDOW));
        self.window.resolve(&text[from..], &mut window);
        window
    }
}
