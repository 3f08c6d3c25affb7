//! `license_optout_v1`: wishes that a page not be used for machine learning.
//!
//! There is no single way to say it, so all that are published are looked for: directives of
//! robots (`noai`, `noimageai` of DeviantArt 2022; `noml` of Mojeek 2023; `noarchive`, which keeps
//! a page out of Microsoft's training, 2023), reservations of text and data mining (TDMRep, W3C
//! community group report 2024), and usage preferences (IETF AIPREF, `Content-Usage: train-ai=n`).
//! They stand in `<meta>` elements of `metadata.html` and in HTTP headers, which crawlers keep in
//! metadata under the header's name, at its top or in `headers`, `http_headers`, `response_headers`.

use super::meta;
use crate::error::Result;
use crate::json;
use crate::tag::{Document, Kernel, Options, Spans, Worker, metadata, refuse_options};

const TYPES: [&str; 7] =
    ["optout", "noai", "noimageai", "noml", "noarchive", "tdm_reservation", "train_ai_n"];
const OPTOUT: usize = 0;
const DIRECTIVES: [(usize, &str); 4] =
    [(1, "noai"), (2, "noimageai"), (3, "noml"), (4, "noarchive")];
const TDM_RESERVATION: usize = 5;
const TRAIN_AI: usize = 6;

/// Names under which crawlers keep headers together.
const HEADERS: [&str; 3] = ["headers", "http_headers", "response_headers"];

/// What a name says.
#[derive(Clone, Copy, PartialEq)]
enum Says {
    Robots,
    Reservation,
    Usage,
}

/// Of a `<meta>`: `robots`, or the name of a robot; or a header's name.
fn says(name: &str) -> Option<Says> {
    let name = name.trim().replace('_', "-").to_ascii_lowercase();
    match name.as_str() {
        "tdm-reservation" => Some(Says::Reservation),
        "content-usage" => Some(Says::Usage),
        "robots" | "x-robots-tag" => Some(Says::Robots),
        _ if name.ends_with("bot") => Some(Says::Robots),
        _ => None,
    }
}

/// `license_optout_v1`: a span over the document for each signal, and `optout` for any.
pub(crate) fn optout(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("license_optout_v1", options)?;
    Ok(Box::new(OptOut { types: TYPES.map(str::to_owned).to_vec() }))
}

struct OptOut {
    types: Vec<String>,
}

impl Kernel for OptOut {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(Reader { raw: Vec::new() })
    }
}

struct Reader {
    raw: Vec<u8>,
}

impl Worker for Reader {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let Some(metadata) = doc.metadata else { return Ok(()) };
        let mut found = [false; TYPES.len()];
        headers(metadata, true, &mut found);
        if let Some(html) = metadata::string(Some(metadata), "html", &mut self.raw) {
            meta::each(html, |name, content| {
                if let Some(says) = says(name) {
                    note(says, content, &mut found);
                }
            });
        }
        found[OPTOUT] = found.iter().any(|&found| found);
        for kind in (0..TYPES.len()).filter(|&kind| found[kind]) {
            out.push(kind as u16, 0, doc.text.chars(), 1.0);
        }
        Ok(())
    }
}

/// Notes what the fields of an object say that are headers, and with `nested` those in objects of
/// headers.
fn headers(object: &[u8], nested: bool, found: &mut [bool; TYPES.len()]) {
    let mut value_text = Vec::new();
    // Metadata that is no object has no headers.
    let _ = json::object(object, |key, value| {
        let key = String::from_utf8_lossy(key);
        if nested && HEADERS.iter().any(|known| key.eq_ignore_ascii_case(known)) {
            headers(value, false, found);
        } else if let Some(says) = says(&key) {
            value_text.clear();
            match value.first() {
                Some(b'"') if json::unescape(value, &mut value_text).is_ok() => {}
                _ => value_text.extend_from_slice(value),
            }
            note(says, &String::from_utf8_lossy(&value_text), found);
        }
    });
}

fn note(says: Says, value: &str, found: &mut [bool; TYPES.len()]) {
    let mut words = value
        .split(|c: char| c.is_whitespace() || ",;:[]\"".contains(c))
        .filter(|word| !word.is_empty());
    match says {
        Says::Reservation => found[TDM_RESERVATION] |= words.any(|word| word == "1"),
        Says::Usage => {
            found[TRAIN_AI] |= words.any(|word| word.eq_ignore_ascii_case("train-ai=n"));
        }
        Says::Robots => {
            for word in words {
                for (kind, directive) in DIRECTIVES {
                    found[kind] |= word.eq_ignore_ascii_case(directive);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag::build;
    use crate::text::Text;

    fn signals(raw: &str) -> Vec<&'static str> {
        let kernel = build("license_optout_v1", &Options::new()).unwrap();
        let text = Text::new("text");
        let mut out = Spans::default();
        let doc = Document { id: "1", text: &text, metadata: Some(raw.as_bytes()) };
        kernel.worker().tag(&doc, &mut out).unwrap();
        assert!(out.spans.iter().all(|s| (s.start, s.end, s.score) == (0, 4, 1.0)));
        out.spans.iter().map(|span| TYPES[usize::from(span.kind)]).collect()
    }

    fn page(meta: &str) -> Vec<&'static str> {
        let mut raw = b"{\"html\":".to_vec();
        json::escape(format!("<html><head>{meta}</head></html>").as_bytes(), &mut raw);
        raw.push(b'}');
        signals(&String::from_utf8(raw).unwrap())
    }

    #[test]
    fn pages_say_it_in_meta_elements() {
        assert_eq!(
            page("<meta name='robots' content='noindex, NoAI,noimageai'>"),
            ["optout", "noai", "noimageai"]
        );
        assert_eq!(page("<meta name=GPTBot content=noarchive>"), ["optout", "noarchive"]);
        assert_eq!(
            page("<meta name='tdm-reservation' content='1'/>"),
            ["optout", "tdm_reservation"]
        );
        for none in [
            "<meta name='tdm-reservation' content='0'>",
            "<meta name='description' content='noai'>",
            "<meta name='robots' content='noaim'>",
            "<p>noai</p>",
            "<!--<meta name=robots content=noai>-->",
        ] {
            assert_eq!(page(none), Vec::<&str>::new(), "{none}");
        }
    }

    #[test]
    fn servers_say_it_in_headers() {
        assert_eq!(signals(r#"{"X-Robots-Tag":"otherbot: noindex, noml"}"#), ["optout", "noml"]);
        assert_eq!(
            signals(r#"{"http_headers":{"tdm-reservation":"1"}}"#),
            ["optout", "tdm_reservation"]
        );
        assert_eq!(signals(r#"{"tdm_reservation":1}"#), ["optout", "tdm_reservation"]);
        assert_eq!(
            signals(r#"{"headers":{"Content-Usage":"search=y, train-ai=n"}}"#),
            ["optout", "train_ai_n"]
        );
        assert_eq!(signals(r#"{"other":{"x-robots-tag":"noai"}}"#), Vec::<&str>::new());
        assert_eq!(signals("[1]"), Vec::<&str>::new());
    }
}
