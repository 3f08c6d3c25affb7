//! When two keys count as the same although their bytes differ: case, white space, Unicode form,
//! the many spellings of one URL.
//!
//! Only the comparison sees a normalised key; documents and spans stay as they are. The steps run
//! in one fixed order, however they were listed, and normalising twice changes nothing.

use crate::error::{Error, Result};
use std::fmt::Write;
use unicode_normalization::UnicodeNormalization;
use url::Url;

/// Query parameters that say how a reader came to a page, and nothing about the page.
const TRACKING_PREFIX: &str = "utm_";

/// Steps that can undo each other take at most so many turns.
const TURNS: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Composed,
    Compatible,
}

/// The steps that a key goes through before it is compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Normalizer {
    url: bool,
    case: bool,
    form: Option<Form>,
    white_space: bool,
}

/// Scratch of one thread.
#[derive(Debug, Default)]
pub struct Normalized {
    text: String,
    spare: String,
}

impl Normalizer {
    /// The steps called so in a recipe: `case`, `white_space`, `nfc`, `nfkc`, `url`.
    ///
    /// # Errors
    /// `Config` for another name, and for both Unicode forms at once.
    pub fn new<S: AsRef<str>>(steps: &[S]) -> Result<Self> {
        let mut made = Self::default();
        for step in steps {
            let form = match step.as_ref() {
                "case" => {
                    made.case = true;
                    continue;
                }
                "white_space" => {
                    made.white_space = true;
                    continue;
                }
                "url" => {
                    made.url = true;
                    continue;
                }
                "nfc" => Form::Composed,
                "nfkc" => Form::Compatible,
                other => {
                    return Err(Error::config(format!(
                        "normalize: there is no step {other:?}; the steps are case, white_space, \
                         nfc, nfkc and url"
                    )));
                }
            };
            if made.form.is_some_and(|other| other != form) {
                return Err(Error::config(
                    "normalize: nfc and nfkc are two forms of the same text; give one of them",
                ));
            }
            made.form = Some(form);
        }
        Ok(made)
    }

    /// Whether keys are compared as they are.
    pub fn is_identity(&self) -> bool {
        *self == Self::default()
    }

    /// The form of `key` that is compared.
    pub fn apply<'k>(&self, key: &'k str, scratch: &'k mut Normalized) -> &'k str {
        if self.is_identity() {
            return key;
        }
        let Normalized { text, spare } = scratch;
        text.clear();
        text.push_str(key);
        self.fold(text, spare);
        if self.url {
            // What a URL encodes may have a lower case, too: until nothing changes.
            for _ in 0..TURNS {
                let before = std::mem::take(text);
                canonical_url(&before, text);
                if *text == before {
                    break;
                }
                self.fold(text, spare);
            }
        }
        if self.white_space {
            collapse(text, spare);
        }
        text
    }

    /// Case and Unicode form. Each can undo the other (the lower case of U+0130 is two characters,
    /// the compatible form of U+3392 has capitals), so they take turns until nothing changes: at
    /// most three times over all characters of Unicode.
    fn fold(&self, text: &mut String, spare: &mut String) {
        if text.is_ascii() {
            if self.case {
                text.make_ascii_lowercase();
            }
            return;
        }
        for _ in 0..TURNS {
            spare.clear();
            match self.form {
                Some(Form::Composed) => spare.extend(text.nfc()),
                Some(Form::Compatible) => spare.extend(text.nfkc()),
                None => spare.push_str(text),
            }
            let mut lowered = String::with_capacity(spare.len());
            if self.case {
                lowered.extend(spare.chars().flat_map(char::to_lowercase).map(one_sigma));
            } else {
                lowered.push_str(spare);
            }
            let settled = lowered == *text;
            std::mem::swap(text, &mut lowered);
            if settled {
                return;
            }
        }
    }
}

/// The lower case of a capital sigma depends on its place in the word; a key has one for all.
pub fn one_sigma(letter: char) -> char {
    if letter == 'ς' { 'σ' } else { letter }
}

/// Every run of white space becomes one space, none is left at either end.
fn collapse(text: &mut String, spare: &mut String) {
    spare.clear();
    for word in text.split_whitespace() {
        if !spare.is_empty() {
            spare.push(' ');
        }
        spare.push_str(word);
    }
    std::mem::swap(text, spare);
}

/// One spelling for a URL, appended to `out`.
///
/// What the WHATWG URL standard makes equal (case of scheme and host, internationalised names,
/// default ports, `.` and `..`, stray blanks) and RFC 3986, 6.2.2 (percent-encoded letters, digits
/// and `-._~`; case of hex digits), a dot behind the host, an empty query; fragments and `utm_*`
/// parameters are dropped. Scheme, `www.`, a slash at the end and the order of parameters are kept:
/// servers may tell those apart. What is no absolute URL with a host stays as it is.
fn canonical_url(raw: &str, out: &mut String) {
    let trimmed = raw.trim();
    match Url::parse(trimmed) {
        Ok(mut url) if url.has_host() => {
            url.set_fragment(None);
            if let Some(host) = url.host_str().filter(|host| host.ends_with('.')) {
                let host = host.trim_end_matches('.').to_string();
                // A host that is not one without its dot is kept with it.
                let _ = url.set_host(Some(&host));
            }
            let path = decode_unreserved(url.path());
            url.set_path(&path);
            let query = url.query().map(decode_unreserved).map(|query| {
                let kept = query.split('&').filter(|part| {
                    !part
                        .get(..TRACKING_PREFIX.len())
                        .is_some_and(|name| name.eq_ignore_ascii_case(TRACKING_PREFIX))
                });
                kept.collect::<Vec<_>>().join("&")
            });
            url.set_query(query.as_deref().filter(|query| !query.is_empty()));
            out.push_str(url.as_str());
        }
        _ => out.push_str(trimmed),
    }
}

/// Undoes the percent-encoding of characters that need none, and writes the hex digits of the rest
/// as capitals.
fn decode_unreserved(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let byte = rest.get(at + 1..at + 3).and_then(hex_byte);
        match byte {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                out.push(byte as char);
            }
            Some(byte) => {
                let _ = write!(out, "%{byte:02X}");
            }
            None => out.push('%'),
        }
        rest = &rest[at + if byte.is_some() { 3 } else { 1 }..];
    }
    out.push_str(rest);
    out
}

fn hex_byte(two: &str) -> Option<u8> {
    let digits = two.bytes().all(|digit| digit.is_ascii_hexdigit());
    if digits { u8::from_str_radix(two, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn by(steps: &[&str], key: &str) -> String {
        let mut scratch = Normalized::default();
        Normalizer::new(steps).unwrap().apply(key, &mut scratch).to_string()
    }

    #[test]
    fn nothing_is_done_unasked() {
        assert!(Normalizer::new::<&str>(&[]).unwrap().is_identity());
        assert_eq!(by(&[], " A\u{301} \n"), " A\u{301} \n");
    }

    #[test]
    fn each_step_does_its_own() {
        assert_eq!(by(&["case"], "ÀB c İ ΟΔΟΣ οδος"), "àb c i\u{307} οδοσ οδοσ");
        assert_eq!(by(&["case"], "ONE  Two"), "one  two");
        assert_eq!(by(&["white_space"], "\u{a0}a\t\u{2003} b\r\n"), "a b");
        assert_eq!(by(&["nfc"], "A\u{301}\u{fb01} "), "Á\u{fb01} ");
        assert_eq!(by(&["nfkc"], "A\u{301}\u{fb01}\u{ff21}"), "ÁfiA");
    }

    #[test]
    fn steps_work_together_in_any_order() {
        let all = ["white_space", "case", "nfkc"];
        assert_eq!(by(&all, "  \u{3392}\u{a0}\u{a0}ＦＵＬＬ "), "mhz full");
        let mut turned = all;
        turned.reverse();
        assert_eq!(Normalizer::new(&all).unwrap(), Normalizer::new(&turned).unwrap());
    }

    #[test]
    fn names_are_checked() {
        let message = |steps: &[&str]| Normalizer::new(steps).unwrap_err().to_string();
        assert!(message(&["lower"]).contains("there is no step \"lower\""));
        assert!(message(&["nfc", "nfkc"]).contains("give one of them"));
        assert!(Normalizer::new(&["nfc", "nfc"]).is_ok());
    }

    #[test]
    fn spellings_of_one_url_are_one() {
        let plain = "http://example.com/a/~b?q=1&p=%2F";
        for spelling in [
            plain,
            " HTTP://EXAMPLE.com:80/a/x/../%7eb?q=1&p=%2f#top\n",
            "http://example.com./a/./%7Eb?utm_source=x&q=1&UTM_medium=y&p=%2f",
        ] {
            assert_eq!(by(&["url"], spelling), plain, "{spelling}");
        }
        assert_eq!(by(&["url"], "https://BÜCHER.example?"), "https://xn--bcher-kva.example/");
        assert_eq!(by(&["url"], "https://a.b/?utm_x=1"), "https://a.b/");
    }

    #[test]
    fn urls_that_may_differ_stay_apart() {
        for url in [
            "https://example.com/a",
            "http://www.example.com/a",
            "http://example.com/a/",
            "http://example.com/A",
            "http://example.com:8080/a",
            "http://example.com/a?b=1&a=2",
            "http://example.com/a?b=utm_",
            "http://example.com/%2Fa%zz",
        ] {
            assert_eq!(by(&["url"], url), url);
        }
    }

    #[test]
    fn what_is_no_url_stays() {
        for text in ["example.com/A", "", "not a url", "mailto:A@B.c", "http://", "//host/x"] {
            assert_eq!(by(&["url"], text), text);
        }
    }

    /// No character, at the start or behind a letter, needs more turns than there are.
    #[test]
    fn every_character_settles() {
        for form in ["nfc", "nfkc"] {
            for letter in '\0'..=char::MAX {
                for text in [format!("{letter}"), format!("a{letter}\u{345}")] {
                    let once = by(&["case", form], &text);
                    assert_eq!(by(&["case", form], &once), once, "{text:?} {form}");
                }
            }
        }
    }

    fn steps() -> impl Strategy<Value = Vec<&'static str>> {
        proptest::sample::subsequence(vec!["case", "white_space", "nfkc", "url"], 0..=4)
    }

    proptest! {
        #[test]
        fn twice_is_once(text in "\\PC{0,30}|[ \t\n\u{a0}aA\u{301}\u{345}\u{130}ςΣ\u{a8}]{0,12}", steps in steps()) {
            let once = by(&steps, &text);
            prop_assert_eq!(by(&steps, &once), once);
        }

        #[test]
        fn a_url_twice_is_once(
            text in "(http|HTTPS|ftp|file)://[a-zA-ZéÜ0-9.@:-]{1,12}/?[a-z%0-9A-F./~\\\\ é]{0,16}(\\?[a-z=&%_+ utm]{0,16})?(#x)?",
        ) {
            let once = by(&["url"], &text);
            prop_assert_eq!(by(&["url"], &once), once);
        }
    }
}
