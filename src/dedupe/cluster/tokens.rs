//! Shingles of a tokenizer's tokens. Which tokenizer, and how it is called, is the caller's matter.

use super::words::spread;
use crate::error::Result;

/// Bytes of a text that are encoded at once: encodings take some hundred bytes for each token.
const PIECE: usize = 1 << 20;

/// What turns texts into ids of tokens; the same text always into the same.
pub trait Tokenizer: Send + Sync {
    /// Appends the ids of the tokens of `text`.
    ///
    /// # Errors
    /// What the tokenizer has against the text.
    fn encode(&self, text: &str, ids: &mut Vec<u32>) -> Result<()>;
}

/// Replaces `out` by a hash for each token of `text`.
///
/// A text of more than `PIECE` bytes is cut before white space, where most tokenizers cut anyway.
///
/// # Errors
/// Those of the tokenizer.
pub fn tokens(text: &str, tokenizer: &dyn Tokenizer, out: &mut Vec<u64>) -> Result<()> {
    out.clear();
    let (mut rest, mut ids) = (text, Vec::new());
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(cut(rest));
        ids.clear();
        tokenizer.encode(piece, &mut ids)?;
        out.extend(ids.iter().map(|id| spread(u64::from(*id))));
        rest = behind;
    }
    Ok(())
}

/// Where the first piece of a text ends.
fn cut(text: &str) -> usize {
    if text.len() <= PIECE {
        return text.len();
    }
    let end = (0..=PIECE).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(PIECE);
    let space = text[..end].rfind(char::is_whitespace);
    space.filter(|at| *at > 0).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Counts bytes, and remembers its pieces.
    #[derive(Default)]
    struct Recorder {
        pieces: Mutex<Vec<String>>,
    }

    impl Tokenizer for Recorder {
        fn encode(&self, text: &str, ids: &mut Vec<u32>) -> Result<()> {
            self.pieces.lock().unwrap().push(text.to_string());
            ids.push(text.len() as u32);
            Ok(())
        }
    }

    #[test]
    fn long_texts_are_encoded_in_pieces_that_end_before_white_space() {
        for text in ["", "short text", &"é".repeat(PIECE), &"word ".repeat(PIECE / 2)] {
            let recorder = Recorder::default();
            let mut out = vec![1];
            tokens(text, &recorder, &mut out).unwrap();
            let pieces = recorder.pieces.into_inner().unwrap();
            assert_eq!(pieces.concat(), text);
            assert_eq!(pieces.len(), out.len());
            assert!(pieces.iter().all(|piece| piece.len() <= PIECE && !piece.is_empty()));
            if text.contains(' ') {
                assert!(pieces[1..].iter().all(|piece| piece.starts_with(' ')));
            }
        }
    }
}
