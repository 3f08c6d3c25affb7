//! Personal data in text: e-mail addresses, phone numbers, IP addresses.
//!
//! Two families share the walking code of [`chars`] and [`blocks`]. [`published`] gives, span for
//! span, what the regular expressions of the earlier tool give (names ending in `_v1` and `_v2`),
//! scanned by hand in linear time. [`v3`] is the corrected tagger. No kernel here has options.

pub(super) mod blocks;
pub(super) mod chars;
mod email;
mod number;
pub(super) mod published;
pub(super) mod v3;

use crate::error::{Error, Result};
use crate::tag::Options;
use crate::text::count_chars;

/// The span types of every PII kernel, in the order of their `kind`.
const TYPES: [&str; 3] = ["EMAIL_ADDRESS", "PHONE_NUMBER", "IP_ADDRESS"];
const EMAIL: u16 = 0;
const PHONE: u16 = 1;
const IP: u16 = 2;
/// The first kind after the three above: a document score.
const DOC: u16 = 3;

/// Kernels without options say so, instead of ignoring a misspelt wish.
fn refuse_options(kernel: &str, options: &Options) -> Result<()> {
    match options.keys().next() {
        Some(name) => Err(Error::config(format!("{kernel} takes no options, but got {name:?}"))),
        None => Ok(()),
    }
}

fn types_with(scores: &[&str]) -> Vec<String> {
    TYPES.iter().chain(scores).map(|name| (*name).to_owned()).collect()
}

/// Turns byte offsets into code points, cheaply for offsets that are near each other.
pub(super) struct Position<'a> {
    bytes: &'a [u8],
    ascii: bool,
    byte: usize,
    chars: usize,
}

impl<'a> Position<'a> {
    pub(super) fn new(bytes: &'a [u8], ascii: bool) -> Self {
        Self { bytes, ascii, byte: 0, chars: 0 }
    }

    /// The code-point offset of a byte offset, which is a character boundary.
    pub(super) fn of(&mut self, byte: usize) -> usize {
        if self.ascii {
            return byte;
        }
        if byte >= self.byte {
            self.chars += count_chars(&self.bytes[self.byte..byte]);
        } else {
            self.chars -= count_chars(&self.bytes[byte..self.byte]);
        }
        self.byte = byte;
        self.chars
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_go_both_ways() {
        let text = "aé٣\u{1D7CE}b";
        let mut position = Position::new(text.as_bytes(), false);
        assert_eq!([10, 0, 3, 1, 5].map(|byte| position.of(byte)), [5, 0, 2, 1, 3]);
    }

    #[test]
    fn options_are_refused() {
        let options = Options::from([("window".to_owned(), crate::tag::OptionValue::Int(3))]);
        let error = refuse_options("pii_regex_v3", &options).unwrap_err();
        assert_eq!(error.to_string(), "pii_regex_v3 takes no options, but got \"window\"");
    }

    /// A scanner that looks at a long stretch again for each candidate would take hours here.
    #[test]
    fn hostile_texts_take_linear_time() {
        let units = [
            "a@",
            "@.",
            ".@. ",
            "@a.b.",
            "(",
            "7",
            "?",
            " ",
            " 123 ",
            " 123-",
            "+4",
            "1.1.1.",
            "8.8.8.8/",
            "2001:",
            "2001::",
            "http://",
            "a.b@c.d ",
            "(212) 555-0123,",
            "٣é",
            " ٣",
            "\u{3000}(",
            "a-",
            "a@b.cd-",
        ];
        for name in ["pii_regex_v1", "pii_regex_with_counts_fast_v2", "pii_regex_v3"] {
            let kernel = crate::tag::build(name, &Options::new()).unwrap();
            let mut worker = kernel.worker();
            for unit in units {
                let text = unit.repeat(1_000_000 / unit.len());
                let text = crate::text::Text::new(&text);
                let doc = crate::tag::Document { id: "1", text: &text, metadata: None };
                worker.tag(&doc, &mut crate::tag::Spans::default()).unwrap();
            }
        }
    }
}
