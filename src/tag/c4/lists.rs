//! The words and phrases of the C4 rules, looked for in one walk over the words of a text.
//!
//! Case is ignored as `str.lower()` would remove it: all entries are ASCII (or an emoji without
//! case), so folding ASCII is enough once the Kelvin sign has been replaced. An entry without a
//! space must be a whole word; one with a space may begin and end inside words, so it is looked
//! for around the space: each phrase has a place where two characters stand on either side of a
//! single space, and such places can only be where a word ends. Both look-ups are one probe of a
//! bit table of 2 KiB, which lets one word in a hundred through to an exact comparison.

use crate::error::{Error, Result};
use crate::text::Text;
use std::collections::HashMap;

pub(super) const NAUGHTY: &str = include_str!("../../../python/dolma/data/naughty_words_en.txt");

/// What was found in a text.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    pub naughty: bool,
    pub lorem_ipsum: bool,
    pub javascript_word: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Finding {
    Naughty,
    LoremIpsum,
    JavascriptWord,
}

impl Found {
    fn add(&mut self, finding: Finding) {
        match finding {
            Finding::Naughty => self.naughty = true,
            Finding::LoremIpsum => self.lorem_ipsum = true,
            Finding::JavascriptWord => self.javascript_word = true,
        }
    }
}

/// A set of 64-bit keys that may say yes to a stranger, never no to a member.
struct Sieve([u64; 256]);

impl Sieve {
    #[inline(always)]
    fn place(key: u64) -> usize {
        // 2^64 divided by the golden ratio: spreads low and high bits alike.
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50) as usize
    }

    fn insert(&mut self, key: u64) {
        self.0[Self::place(key) >> 6] |= 1 << (Self::place(key) & 63);
    }

    #[inline(always)]
    fn may_have(&self, key: u64) -> bool {
        self.0[Self::place(key) >> 6] >> (Self::place(key) & 63) & 1 != 0
    }
}

/// A phrase and the byte of it that is the chosen space.
struct Phrase {
    bytes: &'static [u8],
    space: usize,
    finding: Finding,
}

/// The lists, ready for searching.
pub(super) struct Lists {
    word_sieve: Sieve,
    words: HashMap<&'static [u8], Finding>,
    longest_word: usize,
    phrase_sieve: Sieve,
    phrases: HashMap<u64, Vec<Phrase>>,
}

/// Sets bit 5 of each byte: letters lose their case, other bytes may be confused.
const FOLD: u64 = 0x2020_2020_2020_2020;

/// The five bytes around a space.
const AROUND: u64 = 0x00ff_ffff_ffff;

/// Eight bytes from `at` on, zeros after the end.
#[inline(always)]
fn load(bytes: &[u8], at: usize) -> u64 {
    if let Some(Some(chunk)) = bytes.get(at..).map(|rest| rest.first_chunk::<8>()) {
        return u64::from_le_bytes(*chunk);
    }
    load_end(bytes, at)
}

#[cold]
fn load_end(bytes: &[u8], at: usize) -> u64 {
    let mut chunk = [0; 8];
    for (to, &from) in chunk.iter_mut().zip(bytes.iter().skip(at)) {
        *to = from;
    }
    u64::from_le_bytes(chunk)
}

/// The length and the first eight bytes of a word, without case.
#[inline(always)]
fn word_key(bytes: &[u8], start: usize, len: usize) -> u64 {
    let kept = 8 * len.clamp(1, 8) as u32;
    let head = load(bytes, start) & (u64::MAX >> (64 - kept));
    (head | FOLD) ^ (len as u64) << 57
}

/// The two bytes before `space` to the two after it, without case.
#[inline(always)]
fn phrase_key(bytes: &[u8], space: usize) -> u64 {
    (load(bytes, space.wrapping_sub(2)) | FOLD) & AROUND
}

impl Lists {
    pub(super) fn new() -> Result<Self> {
        let mut lists = Self {
            word_sieve: Sieve([0; 256]),
            words: HashMap::new(),
            longest_word: 0,
            phrase_sieve: Sieve([0; 256]),
            phrases: HashMap::new(),
        };
        lists.add("lorem ipsum", Finding::LoremIpsum)?;
        lists.add("javascript", Finding::JavascriptWord)?;
        for entry in NAUGHTY.lines() {
            lists.add(entry, Finding::Naughty)?;
        }
        Ok(lists)
    }

    fn add(&mut self, entry: &'static str, finding: Finding) -> Result<()> {
        let bytes = entry.as_bytes();
        if !bytes.contains(&b' ') {
            self.word_sieve.insert(word_key(bytes, 0, bytes.len()));
            self.longest_word = self.longest_word.max(bytes.len());
            self.words.insert(bytes, finding);
            return Ok(());
        }
        let space = (2..bytes.len().saturating_sub(2))
            .find(|&at| bytes[at] == b' ' && bytes[at - 1] != b' ' && bytes[at + 1] != b' ')
            .ok_or_else(|| Error::asset(format!("no place to look for the phrase {entry:?}")))?;
        let key = phrase_key(bytes, space);
        self.phrase_sieve.insert(key);
        self.phrases.entry(key).or_default().push(Phrase { bytes, space, finding });
        Ok(())
    }

    /// Looks for all entries.
    pub(super) fn find(&self, text: &Text<'_>) -> Found {
        let bytes = text.as_bytes();
        let mut found = Found::default();
        for word in text.words() {
            if self.word_sieve.may_have(word_key(bytes, word.start, word.len())) {
                self.check_word(&bytes[word.clone()], &mut found);
            }
            let key = phrase_key(bytes, word.end);
            if self.phrase_sieve.may_have(key) {
                self.check_phrases(bytes, word.end, key, &mut found);
            }
        }
        found
    }

    #[cold]
    fn check_word(&self, word: &[u8], found: &mut Found) {
        // The bound keeps the copy of a word of 50 MB away.
        if word.len() <= self.longest_word
            && let Some(&finding) = self.words.get(word.to_ascii_lowercase().as_slice())
        {
            found.add(finding);
        }
    }

    #[cold]
    fn check_phrases(&self, text: &[u8], space: usize, key: u64, found: &mut Found) {
        for phrase in self.phrases.get(&key).into_iter().flatten() {
            let part = space
                .checked_sub(phrase.space)
                .and_then(|start| text.get(start..start + phrase.bytes.len()));
            if part.is_some_and(|part| part.eq_ignore_ascii_case(phrase.bytes)) {
                found.add(phrase.finding);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Found {
        Lists::new().unwrap().find(&Text::new(text))
    }

    #[test]
    fn the_list_is_whole_and_every_entry_is_found_wherever_it_stands() {
        assert_eq!(NAUGHTY.lines().count(), 403);
        for entry in NAUGHTY.lines() {
            for text in [entry.to_owned(), format!("a {} b", entry.to_uppercase())] {
                assert!(found(&text).naughty, "{text}");
            }
            assert_eq!(found(&format!("x{entry}y")).naughty, entry.contains(' '), "{entry}");
        }
    }

    #[test]
    fn folding_ascii_is_enough() {
        for entry in NAUGHTY.lines().chain(["lorem ipsum", "javascript"]) {
            assert_eq!(entry.to_lowercase(), entry);
            assert!(entry.is_ascii() || entry == "🖕", "{entry}");
            // `İ` becomes an `i` and a dot above: no entry could match that, unless it ended there.
            assert!(!(entry.contains(' ') && entry.ends_with('i')), "{entry}");
        }
        let to_ascii = |c: char| !c.is_ascii() && c.to_lowercase().any(|c| c.is_ascii());
        let all: Vec<char> = ('\0'..=char::MAX).filter(|&c| to_ascii(c)).collect();
        assert_eq!(all, ['İ', '\u{212a}']);
    }

    #[test]
    fn findings_are_told_apart() {
        let expected = Found { naughty: false, lorem_ipsum: true, javascript_word: true };
        assert_eq!(found("xLorem ipsumx JAVASCRIPT"), expected);
        assert_eq!(found("lorem\tipsum javascript:"), Found::default());
        assert_eq!(found("a"), Found::default());
    }
}
