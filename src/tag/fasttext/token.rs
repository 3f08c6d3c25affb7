//! The tokens of a text, as the line reader of the reference cuts them.
//!
//! A text is one line: it is cut at white space (NUL is one, no-break space is not), line breaks
//! are blanks, and the end is the token `</s>`, which also ends a text where it stands in it.

/// The token that stands for the end of the line.
pub(super) const EOS: &[u8] = b"</s>";

/// Bytes of a head.
pub(super) const HEAD: usize = 8;

/// A token with what it is looked up by, made while it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'t> {
    pub(super) bytes: &'t [u8],
    pub(super) hash: u32,
    /// The first bytes as a number, zeros after them: as no token contains NUL, the head of a
    /// token shorter than [`HEAD`] is the token.
    pub(super) head: u64,
}

impl<'t> Token<'t> {
    pub(super) fn new(bytes: &'t [u8]) -> Self {
        let hash = bytes.iter().fold(FNV_OFFSET, |hash, &byte| fnv(hash, byte));
        Self { bytes, hash, head: head(bytes, bytes.len()) }
    }

    pub(super) fn is_end(&self) -> bool {
        self.bytes == EOS
    }
}

/// The first `length` bytes of `bytes` as a head.
#[inline(always)]
fn head(bytes: &[u8], length: usize) -> u64 {
    let all = match bytes.first_chunk::<HEAD>() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => bytes.iter().rev().fold(0, |head, &byte| head << 8 | u64::from(byte)),
    };
    match length {
        0 => 0,
        1..HEAD => all & (u64::MAX >> (64 - 8 * length)),
        _ => all,
    }
}

/// The tokens of a text, the last of which is [`EOS`].
pub(super) struct Tokens<'t> {
    text: &'t [u8],
    at: usize,
    ended: bool,
}

impl<'t> Tokens<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0, ended: false }
    }
}

impl<'t> Iterator for Tokens<'t> {
    type Item = Token<'t>;

    #[inline]
    fn next(&mut self) -> Option<Token<'t>> {
        if self.ended {
            return None;
        }
        let text = self.text;
        let mut start = self.at;
        while text.get(start).is_some_and(|&byte| is_space(byte)) {
            start += 1;
        }
        let (mut at, mut hash) = (start, FNV_OFFSET);
        while let Some(&byte) = text.get(at).filter(|&&byte| !is_space(byte)) {
            hash = fnv(hash, byte);
            at += 1;
        }
        self.at = at;
        let mut token =
            Token { bytes: &text[start..at], hash, head: head(&text[start..], at - start) };
        if token.bytes.is_empty() {
            token = Token::new(EOS);
        }
        self.ended = token.is_end();
        Some(token)
    }
}

#[inline(always)]
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | 0x0B | 0x0C | 0)
}

pub(super) const FNV_OFFSET: u32 = 2_166_136_261;

/// One step of 32-bit FNV-1a over *signed* bytes, as released models were trained.
#[inline(always)]
pub(super) fn fnv(hash: u32, byte: u8) -> u32 {
    (hash ^ i32::from(byte as i8) as u32).wrapping_mul(16_777_619)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<&[u8]> {
        Tokens::new(text.as_bytes()).map(|token| token.bytes).collect()
    }

    #[test]
    fn a_text_ends_with_the_end_of_the_line() {
        assert_eq!(words(""), [EOS]);
        assert_eq!(words(" \0\n\u{b}"), [EOS]);
        assert_eq!(words("a\u{a0}b\r\nc"), ["a\u{a0}b".as_bytes(), b"c", EOS]);
        assert_eq!(words("a </s> b"), [b"a".as_slice(), EOS]);
        assert_eq!(words("a </s>b"), [b"a".as_slice(), b"</s>b", EOS]);
    }

    proptest! {
        /// What a token is looked up by depends on the token alone, not on what follows it.
        #[test]
        fn tokens_are_as_if_they_stood_alone(text in "[ab\u{e9}\u{3000} \n]{0,60}") {
            for token in Tokens::new(text.as_bytes()) {
                let alone = Token::new(token.bytes);
                prop_assert_eq!(token.hash, alone.hash);
                prop_assert_eq!(token.head, alone.head);
            }
        }

        #[test]
        fn heads_tell_short_tokens_apart(one in "[^\0]{0,3}", other in "[^\0]{0,3}") {
            let [one, other] = [one, other].map(|text| text.as_bytes()[..text.len().min(7)].to_vec());
            let same = Token::new(&one).head == Token::new(&other).head;
            prop_assert_eq!(same, one == other);
        }
    }
}
