//! zstd frames, one after the other, in constant memory.

use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

use super::source::Source;
use crate::error::{Error, Result};

/// Room given to the decoder at a time: one block of zstd.
const CHUNK: usize = 128 * 1024;

pub(super) struct Unzstd {
    decoder: Decoder<'static>,
    /// Whether input must follow: before the first frame and within each.
    open: bool,
    length: u64,
}

impl Unzstd {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { decoder: Decoder::new()?, open: true, length: 0 })
    }

    /// Appends at least `target` bytes to `out`; false at the end of the last frame.
    pub(super) fn read(
        &mut self,
        source: &mut Source,
        out: &mut Vec<u8>,
        target: usize,
    ) -> Result<bool> {
        let start = out.len();
        while out.len() - start < target {
            let input = source.peek()?;
            let ended = input.is_empty();
            if ended && !self.open {
                return Ok(false);
            }
            out.reserve(CHUNK);
            let from = out.len();
            let mut input = InBuffer::around(input);
            let mut output = OutBuffer::around_pos(out, from);
            let hint = self.decoder.run(&mut input, &mut output).map_err(|cause| {
                Error::codec(format!(
                    "the zstd stream is damaged: {cause} ({} bytes decompressed so far)",
                    self.length
                ))
            })?;
            let consumed = input.pos();
            source.consume(consumed);
            let written = out.len() - from;
            self.length += written as u64;
            self.open = hint > 0;
            if ended && written == 0 && self.open {
                return Err(self.cut(source.read() == 0));
            }
        }
        Ok(true)
    }

    fn cut(&self, empty: bool) -> Error {
        if empty {
            return Error::codec("the file is empty: it is not even an empty zstd stream");
        }
        Error::codec(format!(
            "zstd stream ends in the middle of a frame: the file is truncated \
             ({} bytes decompressed so far)",
            self.length
        ))
    }
}
