//! What stands around a candidate: its word, the URL in it, labels and neighbours.

use super::super::chars::{SPACE, back, forth, is};
use super::Range;

/// Code points on each side of a number in which a label rules it out.
const WINDOW: usize = 100;

/// The part of a word (a run without white space, `<`, `>` and `"`) that lies before a candidate.
#[derive(Debug, Clone, Copy, Default)]
pub struct Word {
    /// Where the host of a URL begins, if one has begun: behind the last `scheme://`, or `www.`.
    pub host: Option<usize>,
    /// Where its path, query or fragment begins.
    path: Option<usize>,
    pub has_hash: bool,
}

impl Word {
    pub fn in_url(&self) -> bool {
        self.host.is_some()
    }

    pub fn in_url_path(&self) -> bool {
        self.path.is_some()
    }
}

/// A cursor over the words of a text. It only moves forward, so that a word of any length is read
/// once, however many candidates it holds.
pub struct Words<'a> {
    text: &'a [u8],
    position: usize,
    word: Word,
}

impl<'a> Words<'a> {
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, position: 0, word: Word::default() }
    }

    /// The word before `at`, which is not left of any earlier call's.
    pub fn at(&mut self, at: usize) -> Word {
        let unread = &self.text[self.position..at];
        let is_break = |byte: &u8| is(*byte, SPACE) || matches!(byte, b'<' | b'>' | b'"');
        if let Some(last) = unread.iter().rposition(is_break) {
            self.position += last + 1;
            self.word = Word::default();
        }
        for index in self.position..at {
            self.read(index);
        }
        self.position = at;
        self.word
    }

    fn read(&mut self, index: usize) {
        let rest = &self.text[index..];
        match rest[0] {
            b':' if rest.starts_with(b"://") && self.letter_before(index) => {
                self.word.host = Some(index + 3);
                self.word.path = None;
            }
            b'w' | b'W'
                if self.word.host.is_none()
                    && rest.len() > 4
                    && rest[..4].eq_ignore_ascii_case(b"www.")
                    && !self.letter_before(index) =>
            {
                self.word.host = Some(index);
            }
            b'/' | b'?' | b'#'
                if self.word.path.is_none() && self.word.host.is_some_and(|host| index >= host) =>
            {
                self.word.path = Some(index);
            }
            _ => {}
        }
        self.word.has_hash |= rest[0] == b'#';
    }

    fn letter_before(&self, index: usize) -> bool {
        index > 0 && self.text[index - 1].is_ascii_alphanumeric()
    }
}

/// Whether the word `isbn`, `issn` or `doi` stands near the number.
pub fn has_label_nearby(text: &[u8], hit: Range) -> bool {
    let (mut start, mut end) = (back(text, hit.start, WINDOW), forth(text, hit.end, WINDOW));
    // A word that the window cuts is not read as what is left of it.
    let in_word = |at: usize| {
        at > 0 && text[at - 1].is_ascii_alphanumeric() && text[at].is_ascii_alphanumeric()
    };
    while start < hit.start && in_word(start) {
        start += 1;
    }
    while end > hit.end && end < text.len() && in_word(end) {
        end -= 1;
    }
    let window = &text[start..end];
    let is_label = |word: &[u8]| {
        [&b"isbn"[..], b"issn", b"doi"].iter().any(|label| word.eq_ignore_ascii_case(label))
    };
    window.split(|byte| !byte.is_ascii_alphanumeric()).any(is_label)
}

/// Whether the character before or after a candidate continues it as a word or number would.
///
/// Beyond ASCII, a letter with case or a digit does; a Han character beside an address does not.
pub fn continues(neighbour: Option<char>) -> bool {
    neighbour.is_some_and(|c| {
        c == '_'
            || c.is_ascii_alphanumeric()
            || !c.is_ascii() && (c.is_lowercase() || c.is_uppercase() || c.is_numeric())
    })
}

/// The characters before `at`, nearest first.
pub fn before(text: &str, at: usize) -> impl Iterator<Item = char> {
    text[..at].chars().rev()
}

/// The characters from `at` on.
pub fn after(text: &str, at: usize) -> impl Iterator<Item = char> {
    text[at..].chars()
}
