//! A reader of JSON values that keeps what is needed and skips the rest.
//!
//! Skipping is not blind: skipped text must be JSON too, down to the last comma. Containers may nest
//! [`DEPTH`] deep, beyond which a record is refused rather than the stack of the thread overrun.

use memchr::memchr2;

use super::needs::{NeedId, Needs};
use super::value::{Node, Tape, Text, key_of};

/// As deep as serde_json, which reads the records of the published tool, allows.
const DEPTH: u32 = 128;

/// What is wrong, and at which byte of the slice.
pub struct Fault {
    pub message: &'static str,
    pub at: usize,
}

pub type Parsed<T> = std::result::Result<T, Fault>;

/// Room for the slots of a pruned object.
pub fn reserve(tape: &mut Tape<'_>, slots: usize) -> u32 {
    let start = tape.nodes.len();
    tape.nodes.resize(start + slots, Node::Absent);
    start as u32
}

pub fn utf8(bytes: &[u8], at: usize) -> Parsed<&str> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| Fault { message: "invalid UTF-8", at })
}

/// Moves the pairs above `base` to the tape, sorted, the last value of each key only.
pub fn close_object<'a>(tape: &mut Tape<'a>, base: usize) -> Node<'a> {
    let start = tape.nodes.len();
    let pairs = tape.open[base..].as_chunks_mut::<2>().0;
    // Stable, so that of equal keys the last stays last.
    pairs.sort_by(|a, b| key_of(a).compare(key_of(b)));
    for (index, pair) in pairs.iter().enumerate() {
        let next = pairs.get(index + 1);
        if next.is_none_or(|next| key_of(next).compare(key_of(pair)).is_ne()) {
            tape.nodes.extend(pair);
        }
    }
    tape.open.truncate(base);
    Node::Object { start: start as u32, len: ((tape.nodes.len() - start) / 2) as u32 }
}

/// A reader of one slice, which puts what it reads on a tape.
pub struct Parser<'a, 'p> {
    pub bytes: &'a [u8],
    pub at: usize,
    pub needs: &'p Needs,
    pub tape: &'p mut Tape<'a>,
}

impl<'a> Parser<'a, '_> {
    fn fault<T>(&self, message: &'static str) -> Parsed<T> {
        Err(Fault { message, at: self.at })
    }

    #[inline]
    fn peek(&mut self) -> u8 {
        while let Some(&byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return byte;
            }
            self.at += 1;
        }
        0
    }

    #[inline]
    pub fn open(&mut self, byte: u8) -> Parsed<()> {
        if self.peek() != byte {
            return self.fault("expected an object");
        }
        self.at += 1;
        Ok(())
    }

    pub fn end(&mut self) -> Parsed<()> {
        self.peek();
        if self.at < self.bytes.len() {
            self.fault("unexpected text after the value")
        } else {
            Ok(())
        }
    }

    pub fn value(&mut self, place: Option<NeedId>, depth: u32) -> Parsed<Node<'a>> {
        match self.peek() {
            b'"' => Ok(Node::Text(self.text()?)),
            b'[' => self.array(depth + 1),
            b'{' => {
                self.at += 1;
                let needs = self.needs;
                match place.filter(|place| !needs.is_whole(*place)) {
                    Some(place) => {
                        let start = reserve(self.tape, needs.slots(place));
                        self.pruned(place, start, depth + 1)?;
                        Ok(Node::Pruned { start })
                    }
                    None => {
                        let base = self.tape.open.len();
                        self.pairs(depth + 1)?;
                        Ok(close_object(self.tape, base))
                    }
                }
            }
            b't' => self.literal(b"true", Node::Bool(true)),
            b'f' => self.literal(b"false", Node::Bool(false)),
            b'n' => self.literal(b"null", Node::Null),
            _ => {
                let start = self.at;
                self.number()?;
                Ok(Node::Number(&self.bytes[start..self.at]))
            }
        }
    }

    fn array(&mut self, depth: u32) -> Parsed<Node<'a>> {
        self.deep(depth)?;
        self.at += 1;
        let base = self.tape.open.len();
        if self.peek() == b']' {
            self.at += 1;
        } else {
            loop {
                let value = self.value(None, depth)?;
                self.tape.open.push(value);
                if !self.more(b']')? {
                    break;
                }
            }
        }
        let start = self.tape.nodes.len() as u32;
        let Tape { nodes, open } = &mut *self.tape;
        nodes.extend_from_slice(&open[base..]);
        let len = (open.len() - base) as u32;
        open.truncate(base);
        Ok(Node::Array { start, len })
    }

    /// The rest of an object after its brace: each pair on top of the open elements.
    pub fn pairs(&mut self, depth: u32) -> Parsed<()> {
        self.deep(depth)?;
        if self.peek() == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            let key = self.key()?;
            utf8(key.0, self.at)?;
            let key = Text { raw: utf8(key.0, self.at)?, escaped: key.1 };
            let value = self.value(None, depth)?;
            self.tape.open.extend([Node::Text(key), value]);
            if !self.more(b'}')? {
                return Ok(());
            }
        }
    }

    /// The rest of an object after its brace: values that are needed go to their slots.
    pub fn pruned(&mut self, place: NeedId, start: u32, depth: u32) -> Parsed<()> {
        self.deep(depth)?;
        if self.peek() == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            let (raw, escaped) = self.key()?;
            let found = if escaped {
                let name = Text { raw: utf8(raw, self.at)?, escaped }.decode();
                self.needs.slot(place, name.as_bytes())
            } else {
                self.needs.slot(place, raw)
            };
            match found {
                Some((slot, place)) => {
                    let value = self.value(Some(place), depth)?;
                    self.tape.nodes[(start + slot) as usize] = value;
                }
                None => self.skip(depth)?,
            }
            if !self.more(b'}')? {
                return Ok(());
            }
        }
    }

    /// A key and its colon.
    #[inline]
    fn key(&mut self) -> Parsed<(&'a [u8], bool)> {
        if self.peek() != b'"' {
            return self.fault("expected a key");
        }
        let key = self.string()?;
        if self.peek() != b':' {
            return self.fault("expected a colon");
        }
        self.at += 1;
        Ok(key)
    }

    /// Whether another element follows; `close` is consumed when none does.
    #[inline]
    fn more(&mut self, close: u8) -> Parsed<bool> {
        let byte = self.peek();
        if byte != b',' && byte != close {
            return self.fault("expected a comma or the end of the container");
        }
        self.at += 1;
        Ok(byte == b',')
    }

    #[inline]
    fn deep(&self, depth: u32) -> Parsed<()> {
        if depth > DEPTH { self.fault("JSON nested deeper than 128 levels") } else { Ok(()) }
    }

    /// Passes over one value, which must be JSON.
    fn skip(&mut self, depth: u32) -> Parsed<()> {
        match self.peek() {
            b'"' => self.string().map(|_| ()),
            open @ (b'[' | b'{') => {
                self.deep(depth + 1)?;
                self.at += 1;
                let close = if open == b'[' { b']' } else { b'}' };
                if self.peek() == close {
                    self.at += 1;
                    return Ok(());
                }
                loop {
                    if open == b'{' {
                        self.key()?;
                    }
                    self.skip(depth + 1)?;
                    if !self.more(close)? {
                        return Ok(());
                    }
                }
            }
            b't' => self.literal(b"true", ()),
            b'f' => self.literal(b"false", ()),
            b'n' => self.literal(b"null", ()),
            _ => self.number(),
        }
    }

    fn literal<T>(&mut self, word: &[u8], value: T) -> Parsed<T> {
        if !self.bytes[self.at..].starts_with(word) {
            return self.fault("expected a JSON value");
        }
        self.at += word.len();
        Ok(value)
    }

    fn text(&mut self) -> Parsed<Text<'a>> {
        let start = self.at;
        let (raw, escaped) = self.string()?;
        Ok(Text { raw: utf8(raw, start)?, escaped })
    }

    /// Passes over a string and returns what is between its quotes, and whether it has escapes.
    #[inline]
    fn string(&mut self) -> Parsed<(&'a [u8], bool)> {
        let start = self.at + 1;
        let mut at = start;
        let mut escaped = false;
        loop {
            let rest = self.bytes.get(at..).unwrap_or(&[]);
            let Some(found) = memchr2(b'"', b'\\', rest) else {
                return self.fault("unterminated string");
            };
            at += found;
            if self.bytes[at] == b'"' {
                self.at = at + 1;
                return Ok((&self.bytes[start..at], escaped));
            }
            escaped = true;
            at += match self.bytes.get(at + 1) {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
                Some(b'u') => {
                    let digits = self.bytes.get(at + 2..at + 6).unwrap_or(&[]);
                    if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
                        return Err(Fault { message: "invalid \\u escape", at });
                    }
                    6
                }
                _ => return Err(Fault { message: "invalid escape", at }),
            };
        }
    }

    fn digits(&mut self) -> Parsed<()> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at == start { self.fault("expected a JSON value") } else { Ok(()) }
    }

    #[inline]
    fn number(&mut self) -> Parsed<()> {
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        if self.bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }
}
