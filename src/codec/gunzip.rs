//! gzip members, one after the other, in constant memory (RFC 1952).
//!
//! Headers and trailers are read apart from the deflate streams, so that every way in which a file can be
//! cut short or damaged has its own message and none ends the stream silently.

use std::sync::Arc;

use crc32fast::Hasher;

use super::inflate::{Fault, Inflate, Stop};
use super::member::{self, Trailer, cut};
use super::prefetch::Prefetch;
use super::source::Source;
use super::stretch::{Next, Replay};
use crate::error::{Error, Result};

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Body,
    Between,
    End,
}

pub(super) struct Gunzip {
    inflate: Inflate<u8>,
    /// What was decoded beforehand, and is put in now.
    replay: Option<Replay>,
    prefetch: Option<Arc<Prefetch>>,
    state: State,
    crc: Hasher,
    /// Bytes of this member and of the members before it.
    length: u64,
    before: u64,
}

impl Gunzip {
    /// With what others decode of the same file beforehand.
    pub(super) fn new(prefetch: Option<Arc<Prefetch>>) -> Self {
        Self {
            inflate: Inflate::new(),
            replay: None,
            prefetch,
            state: State::Start,
            crc: Hasher::new(),
            length: 0,
            before: 0,
        }
    }

    /// Appends at least `target` bytes to `out`; false at the end of the last member.
    pub(super) fn read(
        &mut self,
        source: &mut Source,
        out: &mut Vec<u8>,
        target: usize,
    ) -> Result<bool> {
        let start = out.len();
        if let Some(prefetch) = &self.prefetch {
            prefetch.reach(source.position());
            self.inflate.pausing = prefetch.is_used();
        }
        while out.len() - start < target {
            match self.state {
                State::Start => self.open_first(source)?,
                State::Body if self.replay.is_some() => self.replay(source, out)?,
                State::Body => self.inflate(source, out)?,
                State::Between => self.open_next(source)?,
                State::End => return Ok(false),
            }
        }
        Ok(true)
    }

    fn open_first(&mut self, source: &mut Source) -> Result<()> {
        match source.byte()? {
            None => Err(Error::codec("the file is empty: it is not even an empty gzip stream")),
            Some(0x1f) => self.open(source),
            Some(_) => Err(Error::codec("not a gzip stream: it does not start with 1f 8b")),
        }
    }

    /// Goes on with the next member, or past zeros to the end of the file: tapes and some object
    /// stores pad with zeros, and gzip(1) takes them too.
    fn open_next(&mut self, source: &mut Source) -> Result<()> {
        match source.byte()? {
            None => self.state = State::End,
            Some(0x1f) => return self.open(source),
            Some(0) => loop {
                match source.byte()? {
                    None => {
                        self.state = State::End;
                        break;
                    }
                    Some(0) => {}
                    Some(_) => return Err(self.garbage()),
                }
            },
            Some(_) => return Err(self.garbage()),
        }
        Ok(())
    }

    fn garbage(&self) -> Error {
        Error::codec(format!(
            "bytes that are not gzip follow the last gzip member ({} bytes decompressed so far)",
            self.before
        ))
    }

    /// Reads a member's header from its second byte on.
    fn open(&mut self, source: &mut Source) -> Result<()> {
        if source.byte()?.ok_or_else(|| cut(self.before))? != 0x8b {
            return Err(if self.state == State::Start {
                Error::codec("not a gzip stream: it does not start with 1f 8b")
            } else {
                self.garbage()
            });
        }
        member::skip_header(source, self.before)?;
        self.inflate.reset();
        self.state = State::Body;
        if self.inflate.pausing {
            self.look_ahead(source);
        }
        Ok(())
    }

    fn inflate(&mut self, source: &mut Source, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        let stop = self.inflate.read(source, out)?;
        self.count(&out[start..]);
        let decompressed = self.before + self.length;
        match stop {
            Ok(Stop::Inside) => Ok(()),
            Ok(Stop::Boundary) => {
                self.look_ahead(source);
                Ok(())
            }
            Ok(Stop::End) => self.close(source),
            Err(Fault::Cut) => Err(cut(decompressed)),
            Err(Fault::Damaged) => Err(Error::codec(format!(
                "the gzip stream is damaged ({decompressed} bytes decompressed so far)"
            ))),
        }
    }

    fn count(&mut self, text: &[u8]) {
        self.crc.update(text);
        self.length += text.len() as u64;
    }

    /// Takes what was decoded beforehand from here on, if anything was.
    fn look_ahead(&mut self, source: &Source) {
        let bit = self.inflate.position(source);
        let stretch = self.prefetch.as_ref().and_then(|prefetch| prefetch.take(bit));
        self.replay = stretch.and_then(|stretch| stretch.behind(self.inflate.window()));
    }

    fn replay(&mut self, source: &mut Source, out: &mut Vec<u8>) -> Result<()> {
        let Some(mut replay) = self.replay.take() else { return Ok(()) };
        let start = out.len();
        let next = replay.read(out);
        self.count(&out[start..]);
        match next {
            Next::Text => {}
            Next::Member(trailer) => self.check(trailer)?,
            Next::Rest => {
                let end = replay.stretch.end;
                if !source.skip_to(end / 8)? {
                    return Err(cut(self.before + self.length));
                }
                if replay.stretch.ended {
                    return self.close(source);
                }
                self.inflate.resume(source, end, &replay.window())?;
                if let Some(prefetch) = &self.prefetch {
                    prefetch.give(replay.stretch.text);
                }
                self.look_ahead(source);
                return Ok(());
            }
        }
        self.replay = Some(replay);
        Ok(())
    }

    /// Reads a member's trailer and checks the member against it.
    fn close(&mut self, source: &mut Source) -> Result<()> {
        let total = self.before + self.length;
        let trailer = Trailer::read(source)?.ok_or_else(|| cut(total))?;
        self.check(trailer)?;
        self.state = State::Between;
        Ok(())
    }

    /// Ends a member's text, which must be what its trailer says.
    fn check(&mut self, trailer: Trailer) -> Result<()> {
        let total = self.before + self.length;
        let found = std::mem::take(&mut self.crc).finalize();
        let Trailer { crc: expected, length } = trailer;
        if found != expected {
            return Err(Error::codec(format!(
                "the gzip stream is damaged: its checksum is {found:08x}, not {expected:08x} \
                 ({total} bytes decompressed)"
            )));
        }
        if self.length as u32 != length {
            return Err(Error::codec(format!(
                "the gzip stream is damaged: a member of {} bytes says that it has {length} \
                 (modulo 2^32)",
                self.length
            )));
        }
        (self.before, self.length) = (total, 0);
        Ok(())
    }
}

impl Drop for Gunzip {
    fn drop(&mut self) {
        if let Some(prefetch) = &self.prefetch {
            prefetch.close();
        }
    }
}
