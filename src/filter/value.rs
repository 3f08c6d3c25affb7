//! JSON values that borrow from the line they were read from.
//!
//! A [`Node`] is a copy of 24 bytes; arrays and objects point into the [`Tape`] of their record, one
//! vector that is reused from document to document. Numbers stay text until something compares
//! them, strings stay as the line spells them until something needs their characters.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::number::Number;

/// A string as JSON spells it, without its quotes.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    pub raw: &'a str,
    /// Whether `raw` has a backslash, so that it must be decoded before use.
    pub escaped: bool,
}

impl<'a> Text<'a> {
    pub fn decode(self) -> Cow<'a, str> {
        if self.escaped { Cow::Owned(self.chars().collect()) } else { Cow::Borrowed(self.raw) }
    }

    /// The characters. A surrogate without its other half becomes U+FFFD: one code point, as the
    /// one that Python would count, so that lengths and offsets stay.
    pub fn chars(self) -> Unescape<'a> {
        Unescape { rest: self.raw.chars() }
    }

    pub fn is_empty(self) -> bool {
        self.raw.is_empty()
    }

    /// Length in code points.
    pub fn count(self) -> usize {
        if self.escaped { self.chars().count() } else { self.raw.chars().count() }
    }

    /// Length in bytes of UTF-8.
    pub fn bytes(self) -> usize {
        if self.escaped { self.chars().map(char::len_utf8).sum() } else { self.raw.len() }
    }

    /// Order by code point, which is the order of the UTF-8 bytes.
    pub fn compare(self, other: Text<'_>) -> Ordering {
        if self.escaped || other.escaped {
            self.chars().cmp(other.chars())
        } else {
            self.raw.cmp(other.raw)
        }
    }
}

/// The characters of a JSON string whose escapes were checked when it was scanned.
#[derive(Clone, Debug)]
pub struct Unescape<'a> {
    rest: std::str::Chars<'a>,
}

impl Unescape<'_> {
    fn hex(&mut self) -> u32 {
        (0..4).fold(0, |code, _| {
            let digit = self.rest.next().and_then(|c| c.to_digit(16)).unwrap_or(0);
            code << 4 | digit
        })
    }

    fn unicode(&mut self) -> char {
        let first = self.hex();
        if (0xd800..0xdc00).contains(&first) && self.rest.as_str().starts_with("\\u") {
            let mut ahead = Self { rest: self.rest.as_str()[2..].chars() };
            let second = ahead.hex();
            if (0xdc00..0xe000).contains(&second) {
                self.rest = ahead.rest;
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            }
        }
        char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}

impl Iterator for Unescape<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if c != '\\' {
            return Some(c);
        }
        Some(match self.rest.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => self.unicode(),
            plain => plain,
        })
    }
}

/// A JSON value. Indices are into the tape of the record.
#[derive(Clone, Copy, Debug)]
pub enum Node<'a> {
    /// A slot of a pruned object that the line had no value for.
    Absent,
    Null,
    Bool(bool),
    /// Text that follows the grammar of numbers, so ASCII.
    Number(&'a [u8]),
    Text(Text<'a>),
    Array {
        start: u32,
        len: u32,
    },
    /// `len` pairs of key and value, sorted by key, each key once.
    Object {
        start: u32,
        len: u32,
    },
    /// Only the values that some rule names, one slot each, in the order of the plan.
    Pruned {
        start: u32,
    },
}

impl<'a> Node<'a> {
    pub fn number(self) -> Option<Number> {
        match self {
            Node::Number(text) => Some(Number::parse(text)),
            _ => None,
        }
    }

    /// What the value is, for messages.
    pub fn kind(self) -> &'static str {
        match self {
            Node::Absent => "nothing",
            Node::Null => "null",
            Node::Bool(_) => "boolean",
            Node::Number(_) => "number",
            Node::Text(_) => "string",
            Node::Array { .. } => "array",
            Node::Object { .. } | Node::Pruned { .. } => "object",
        }
    }
}

/// The values of one record.
#[derive(Debug, Default)]
pub struct Tape<'a> {
    pub nodes: Vec<Node<'a>>,
    /// Elements of the containers that are still open while parsing.
    pub open: Vec<Node<'a>>,
}

impl<'a> Tape<'a> {
    /// An empty tape with the memory of one that served another record.
    ///
    /// Collecting a vector's own iterator into a vector of the same layout keeps its allocation,
    /// which is how the lifetime can change without a new one.
    pub fn recycle(old: Tape<'_>) -> Self {
        fn empty<'a>(mut nodes: Vec<Node<'_>>) -> Vec<Node<'a>> {
            nodes.clear();
            nodes.into_iter().map(|_| Node::Absent).collect()
        }
        Self { nodes: empty(old.nodes), open: empty(old.open) }
    }

    /// The elements of an array, or nothing for any other value.
    pub fn elements(&self, node: Node<'a>) -> &[Node<'a>] {
        match node {
            Node::Array { start, len } => self.range(start, len),
            _ => &[],
        }
    }

    /// The pairs of a whole object in key order, or nothing for any other value.
    pub fn pairs(&self, node: Node<'a>) -> &[[Node<'a>; 2]] {
        match node {
            Node::Object { start, len } => self.range(start, 2 * len).as_chunks().0,
            _ => &[],
        }
    }

    /// The value of `key`: by slot in a pruned object, by search in a whole one.
    pub fn get(&self, node: Node<'a>, key: &str, slot: Option<u32>) -> Option<Node<'a>> {
        match node {
            Node::Pruned { start } => match self.nodes.get((start + slot?) as usize)? {
                Node::Absent => None,
                found => Some(*found),
            },
            Node::Object { .. } => {
                let key = Text { raw: key, escaped: false };
                let pairs = self.pairs(node);
                let at = pairs.binary_search_by(|pair| key_of(pair).compare(key)).ok()?;
                Some(pairs[at][1])
            }
            _ => None,
        }
    }

    pub fn range(&self, start: u32, len: u32) -> &[Node<'a>] {
        let start = start as usize;
        self.nodes.get(start..start + len as usize).unwrap_or(&[])
    }
}

/// The key of a pair.
pub fn key_of<'a>(pair: &[Node<'a>; 2]) -> Text<'a> {
    match pair[0] {
        Node::Text(text) => text,
        _ => Text { raw: "", escaped: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(raw: &str) -> String {
        Text { raw, escaped: raw.contains('\\') }.decode().into_owned()
    }

    #[test]
    fn escapes_decode_as_json_says() {
        assert_eq!(decoded(r#"a\"\\\/\b\f\n\r\tz"#), "a\"\\/\u{8}\u{c}\n\r\tz");
        assert_eq!(decoded(r"\u00e9\ud83d\ude00!"), "é😀!");
    }

    #[test]
    fn a_lone_surrogate_is_one_replacement_character() {
        assert_eq!(decoded(r"a\ud83db"), "a\u{fffd}b");
        assert_eq!(decoded(r"\ude00\ud83d\u0041"), "\u{fffd}\u{fffd}A");
        assert_eq!(Text { raw: r"\ud83d\ud83d\ude00", escaped: true }.count(), 2);
    }

    #[test]
    fn escaped_and_plain_spellings_compare_equal() {
        let plain = Text { raw: "é", escaped: false };
        let escaped = Text { raw: r"\u00e9", escaped: true };
        assert_eq!(plain.compare(escaped), Ordering::Equal);
        assert_eq!(escaped.bytes(), 2);
    }

    #[test]
    fn a_recycled_tape_keeps_its_memory() {
        let mut tape = Tape::default();
        tape.nodes.extend([Node::Null; 100]);
        let (capacity, address) = (tape.nodes.capacity(), tape.nodes.as_ptr() as usize);
        let tape = Tape::recycle(tape);
        assert!(tape.nodes.is_empty());
        assert_eq!((tape.nodes.capacity(), tape.nodes.as_ptr() as usize), (capacity, address));
    }
}
