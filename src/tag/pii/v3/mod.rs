//! The corrected PII tagger: spans that are the address or number and nothing else.
//!
//! One pass over `@` signs and one over runs of digits; everything around a candidate is looked
//! at within a fixed distance or by a cursor that only moves forward, so no text is slow.

mod context;
mod email;
mod ip;
mod phone;

use super::blocks::for_each_digit_run;
use super::{DOC, EMAIL, IP, PHONE, Position, refuse_options, types_with};
use crate::error::Result;
use crate::tag::{Document, Kernel, Options, Spans, Worker};
use context::{Words, has_label_nearby};

/// A half-open range of bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Range {
    start: usize,
    end: usize,
}

/// `pii_regex_v3`: e-mail addresses, phone numbers and IP addresses, exactly where they are.
///
/// Personal data in training text can be recited by a model, so mixes mask or drop it. This
/// tagger marks each item so that it can be replaced, and counts them so that documents made of
/// them (contact lists, logs) can be dropped. It looks at syntax only: names and postal addresses
/// are not found, nor are numbers that are written without any mark of being a phone number.
///
/// Spans (score 1):
///
/// - `EMAIL_ADDRESS`: the address itself, anywhere (`<me@x.org>`, `mailto:me@x.org?subject=a`, at
///   the ends of the text). Local part: ASCII letters, digits and `. _ + - '`, at most 64, no two
///   full stops in a row; the other signs that RFC 5321 allows (`= / ? # & % ! | { } ~ …`) delimit
///   far more often than they belong, so the address begins after them. Domain: labels of
///   letters, digits and hyphens, at least two, the last of letters only (or `xn--`) and not the
///   suffix of an image (`icon@2x.png`). Not `@user@host`, and not the user of a URL's host
///   (`https://user@host/`).
/// - `PHONE_NUMBER`: North American, three, three and four digits with dashes, dots or a bracket
///   (`(212) 555-0123`, `1-800-555-0123`, `212.555.0123`), with spaces alone only if both groups
///   of three begin with 2 to 9; and international `+` with an assigned
///   country code and 9 to 15 digits in all (`+44 20 7946 0958`, `+12125550123`). Not as part of
///   longer numbers or identifiers. Ten bare digits are not taken for a phone number.
/// - `IP_ADDRESS`: IPv4 (octets 0 to 255 without leading zeros, not part of a longer dotted
///   number, not after "version", "release", …) and IPv6 in full or compressed form. Only
///   addresses of a machine: not 0.0.0.0/8, 127.0.0.0/8, from 224.0.0.0 up, and not `a.0.0.0`;
///   of IPv6 only 2000::/3, which leaves out `::`, `::1`, fe80:: and fc00::. A port or
///   prefix length is not part of the span.
///
/// A number is not reported inside a URL (from `scheme://` or `www.` to white space, `<`, `>` or
/// `"`), apart from an IP that is its host; nor after a `#` in the same word; nor within 100 code
/// points of the words `isbn`, `issn` or `doi` in any case.
///
/// Document scores: `doc_count`, the number of spans; `doc_frac`, code points in spans / code
/// points of the text, 0 for an empty text. Both are always there.
///
/// `"Mail me@x.org."` gives `EMAIL_ADDRESS [5, 13, 1]`, `doc_count [0, 14, 1]`,
/// `doc_frac [0, 14, 0.57143]`.
///
/// `pii_regex_with_counts_fast_v2` takes surrounding punctuation and white space into its spans,
/// misses an e-mail at the end of the text and a phone number at the start, cuts numbers out of
/// longer ones and adds 1 to `doc_frac`.
pub fn build(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("pii_regex_v3", options)?;
    Ok(Box::new(Exact { types: types_with(&["doc_count", "doc_frac"]) }))
}

struct Exact {
    types: Vec<String>,
}

impl Kernel for Exact {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::<Scanner>::default()
    }
}

#[derive(Default)]
struct Scanner {
    emails: Vec<Range>,
    phones: Vec<Range>,
    ips: Vec<Range>,
}

impl Worker for Scanner {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let text = doc.text.as_str();
        self.emails.clear();
        self.phones.clear();
        self.ips.clear();
        email::find(text, &mut self.emails);
        self.find_numbers(text);

        let mut position = Position::new(text.as_bytes(), doc.text.is_ascii());
        let mut covered = 0;
        for (kind, hits) in [(EMAIL, &self.emails), (PHONE, &self.phones), (IP, &self.ips)] {
            for hit in hits {
                let (start, end) = (position.of(hit.start), position.of(hit.end));
                covered += end - start;
                out.push(kind, start, end, 1.0);
            }
        }
        let chars = doc.text.chars();
        let count = self.emails.len() + self.phones.len() + self.ips.len();
        out.push(DOC, 0, chars, count as f64);
        out.push(DOC + 1, 0, chars, covered as f64 / chars.max(1) as f64);
        Ok(())
    }
}

impl Scanner {
    /// Phones and IPs, which overlap neither each other nor an e-mail address.
    fn find_numbers(&mut self, text: &str) {
        let mut words = Words::new(text.as_bytes());
        let mut emails = self.emails.iter().peekable();
        // The end of the last number, of either kind.
        let mut floor = 0;
        for_each_digit_run(text.as_bytes(), |start, end| {
            if start < floor {
                return;
            }
            let (kind, hit) = match phone::at(text, start, end, floor) {
                Some(hit) => (PHONE, hit),
                None => match ip::at(text, start, end, floor) {
                    Some(hit) => (IP, hit),
                    None => return,
                },
            };
            while emails.next_if(|email| email.end <= hit.start).is_some() {}
            if emails.peek().is_some_and(|email| email.start < hit.end) {
                return;
            }
            let word = words.at(hit.start);
            let in_url = if kind == IP { word.in_url_path() } else { word.in_url() };
            if in_url || word.has_hash || has_label_nearby(text.as_bytes(), hit) {
                return;
            }
            floor = hit.end;
            if kind == PHONE { &mut self.phones } else { &mut self.ips }.push(hit);
        });
    }
}

#[cfg(test)]
mod tests;
