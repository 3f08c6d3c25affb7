//! `cc_re` and `cc_re_fast`: links to Creative Commons licences.
//!
//! The expressions are those of the C4Corpus project (Habernal et al. 2016), as the published
//! taggers have them. What `cc_re` looks for, attribute lists before the link and quotes after it,
//! takes a backtracking matcher quadratic time on hostile pages; here each part is searched once.

use crate::error::{Error, Result};
use crate::tag::{Document, Kernel, Options, Spans, Worker, metadata, refuse_options};
use memchr::memmem::Finder;
use memchr::{memchr, memchr_iter, memchr3, memrchr};
use regex::Regex;

/// Pages without one of these have no link.
const PLACES: [&str; 2] = ["creativecommons.org/licenses", "creativecommons.org/publicdomain"];

/// An attribute's value: licence, version, language.
const VALUE: &str = r#"^(?:'|"|&quot;)?https*://creativecommons\.org/(?:licenses/(by(?:-nc)?(?:-nd)?(?:-sa)?)|(publicdomain/(?:zero|certification|mark)))(/\d+\.\d+)?(?:(?:/\w{2})?/(?:(?:deed|legalcode)\.)?(\w{2}))?"#;

/// What may stand between the name of a tag and the attribute.
const ATTRIBUTES: &str = r"^[\w\p{P}\s=]*";

/// The licences that `cc_re_fast` knows.
const FAST: [&str; 7] = ["by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd", "publicdomain"];

/// The licences that there are.
const TYPES: [&str; 11] = [
    "by",
    "by-nc",
    "by-nd",
    "by-sa",
    "by-nc-nd",
    "by-nc-sa",
    "by-nd-sa",
    "by-nc-nd-sa",
    "publicdomain/zero",
    "publicdomain/certification",
    "publicdomain/mark",
];

/// The versions that there are, so that reports know the types; others have names of their own.
const VERSIONS: [&str; 6] = ["1.0", "2.0", "2.1", "2.5", "3.0", "4.0"];

/// `cc_re`: `cc_<licence>[_<version>][_<language>]`, score 1 for the first link, 0.75, 0.667, ….
pub(crate) fn links(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("cc_re", options)?;
    let compile = |pattern| Regex::new(pattern).map_err(|e| Error::config(format!("cc_re: {e}")));
    let parts = Parts { value: compile(VALUE)?, attributes: compile(ATTRIBUTES)? };
    let mut types = types(&TYPES);
    for version in VERSIONS {
        types.extend(TYPES.map(|name| format!("cc_{name}_{version}")));
    }
    Ok(Box::new(Links { parts: Some(parts), types }))
}

/// `cc_re_fast`: `cc_<licence>`, scores as `cc_re`.
pub(crate) fn fast_links(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("cc_re_fast", options)?;
    Ok(Box::new(Links { parts: None, types: types(&FAST) }))
}

fn types(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("cc_{name}")).collect()
}

struct Parts {
    value: Regex,
    attributes: Regex,
}

struct Links {
    /// The expressions of `cc_re`; none for `cc_re_fast`.
    parts: Option<Parts>,
    types: Vec<String>,
}

impl Kernel for Links {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        let places = PLACES.map(|place| Finder::new(place).into_owned());
        Box::new(Reader { links: self, places, raw: Vec::new(), found: Vec::new() })
    }
}

struct Reader<'a> {
    links: &'a Links,
    places: [Finder<'static>; 2],
    raw: Vec<u8>,
    found: Vec<String>,
}

impl Worker for Reader<'_> {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let Some(html) = metadata::string(doc.metadata, "html", &mut self.raw) else {
            return Ok(());
        };
        if !self.places.iter().any(|place| place.find(html.as_bytes()).is_some()) {
            return Ok(());
        }
        self.found.clear();
        match &self.links.parts {
            Some(parts) => Page::new(html).links(parts, &mut self.found),
            None => fast(html, &mut self.found),
        }
        let types = &self.links.types;
        for (at, name) in self.found.iter().enumerate() {
            let known = types.iter().position(|known| known == name).map(|kind| kind as u16);
            if let Some(kind) = known.or_else(|| out.named(types, name)) {
                out.push(kind, 0, doc.text.chars(), 0.5 + 0.5 / (at as f64 + 1.0));
            }
        }
        Ok(())
    }
}

/// `https?://creativecommons.org/licenses/<licence>` before `"`, `/`, a space or `>`.
fn fast(html: &str, found: &mut Vec<String>) {
    const LINK: &str = "://creativecommons.org/licenses/";
    let bytes = html.as_bytes();
    for at in memchr::memmem::find_iter(bytes, LINK) {
        let rest = &bytes[at + LINK.len()..];
        let length = rest.iter().take_while(|b| b.is_ascii_lowercase() || **b == b'-').count();
        let ends = rest.get(length).is_some_and(|b| b"\"/ >".contains(b));
        let before = &bytes[..at];
        let name = FAST.iter().find(|name| name.as_bytes() == &rest[..length]);
        if let (Some(name), true, true) =
            (name, ends, before.ends_with(b"http") || before.ends_with(b"https"))
        {
            found.push(format!("cc_{name}"));
        }
    }
}

/// A page being searched from its start to its end.
struct Page<'a> {
    html: &'a str,
    /// Where a quote was last searched from, and the first one there is.
    quote: (usize, Option<usize>),
    /// The line that was last looked at, and the last `>` in it.
    line: (usize, usize, Option<usize>),
}

/// A link that may be one: where its address begins and ends, and what it is called.
struct Candidate {
    end: usize,
    /// The first quote behind it.
    quote: Option<usize>,
    name: String,
}

impl<'a> Page<'a> {
    fn new(html: &'a str) -> Self {
        Self { html, quote: (0, None), line: (0, 0, None) }
    }

    fn links(mut self, parts: &Parts, found: &mut Vec<String>) {
        let mut at = 0;
        while let Some(open) = memchr(b'<', &self.html.as_bytes()[at..]) {
            at += open + 1;
            let Some(start) = tag_name(&self.html[at..]).map(|length| at + length) else {
                continue;
            };
            let run = parts.attributes.find(&self.html[start..]).map_or(0, |run| run.end());
            let candidates = self.candidates(start, start + run, parts);
            at = start;
            // The expression is greedy: the last link of a tag counts.
            for candidate in candidates.into_iter().rev() {
                if let Some(end) = self.end_of_tag(&candidate) {
                    found.push(candidate.name);
                    at = end;
                    break;
                }
            }
        }
    }

    /// The links whose attribute begins in `start..=end`, in order.
    fn candidates(&mut self, start: usize, end: usize, parts: &Parts) -> Vec<Candidate> {
        let html = self.html;
        let limit = html.len().min(end + "content=".len());
        let mut candidates = Vec::new();
        for equals in memchr_iter(b'=', &html.as_bytes()[start..limit]).map(|at| start + at) {
            let before = &html.as_bytes()[start..equals];
            let name = ["href", "HREF", "content"].iter().find(|n| before.ends_with(n.as_bytes()));
            if name.is_none_or(|name| equals - name.len() > end) {
                continue;
            }
            let Some(value) = parts.value.captures(&html[equals + 1..]) else { continue };
            let whole = equals + 1 + value.get(0).map_or(0, |whole| whole.end());
            let mut name = "cc_".to_owned();
            name.push_str(value.get(1).or(value.get(2)).map_or("", |kind| kind.as_str()));
            if let Some(version) = value.get(3) {
                name.push('_');
                name.push_str(version.as_str().trim_matches('/'));
            }
            if let Some(language) = value.get(4) {
                name.push('_');
                name.push_str(language.as_str());
            }
            candidates.push(Candidate { end: whole, quote: self.quote_from(whole), name });
        }
        candidates
    }

    /// Where the tag ends: behind the first `>` after a quote, all on the link's line.
    fn end_of_tag(&mut self, candidate: &Candidate) -> Option<usize> {
        let bytes = self.html.as_bytes();
        let quote = candidate.quote?;
        let at = candidate.end;
        if !(self.line.0 <= at && at <= self.line.1) || self.line.1 == 0 {
            let start = memrchr(b'\n', &bytes[..at]).map_or(0, |newline| newline + 1);
            let end = memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |newline| at + newline);
            let last = memrchr(b'>', &bytes[start..end]).map(|last| start + last);
            self.line = (start, end, last);
        }
        if self.line.2.is_none_or(|last| last < quote) {
            return None;
        }
        memchr(b'>', &bytes[quote..]).map(|n| quote + n + 1)
    }

    /// The first `'`, `"` or `&quot;` at or after `from`, its last byte; asked for ever later places.
    fn quote_from(&mut self, from: usize) -> Option<usize> {
        let (searched, known) = self.quote;
        if searched > 0 && searched <= from && known.is_none_or(|known| known >= from) {
            return known;
        }
        let bytes = self.html.as_bytes();
        let mut at = from;
        let found = loop {
            let Some(next) = memchr3(b'\'', b'"', b'&', &bytes[at..]) else { break None };
            at += next;
            if bytes[at] != b'&' {
                break Some(at);
            }
            if bytes[at..].starts_with(b"&quot;") {
                break Some(at + 5);
            }
            at += 1;
        };
        self.quote = (from.max(1), found);
        found
    }
}

/// The length of `a`, `A` or `meta` and the white space character behind it.
fn tag_name(text: &str) -> Option<usize> {
    let rest = ["a", "A", "meta"].iter().find_map(|name| text.strip_prefix(name))?;
    let space = rest.chars().next().filter(|c| c.is_whitespace())?;
    Some(text.len() - rest.len() + space.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag::build;
    use crate::text::Text;

    fn rows(kernel: &str, html: &str) -> Vec<(String, f64)> {
        let kernel = build(kernel, &Options::new()).unwrap();
        let mut raw = b"{\"html\":".to_vec();
        crate::json::escape(html.as_bytes(), &mut raw);
        raw.push(b'}');
        let text = Text::new("text");
        let mut out = Spans::default();
        let doc = Document { id: "1", text: &text, metadata: Some(&raw) };
        kernel.worker().tag(&doc, &mut out).unwrap();
        let types = kernel.types();
        let name = |kind: u16| match types.get(usize::from(kind)) {
            Some(name) => name.clone(),
            None => out.names[usize::from(kind) - types.len()].clone(),
        };
        out.spans.iter().map(|span| (name(span.kind), span.score)).collect()
    }

    fn names(html: &str) -> Vec<String> {
        rows("cc_re", html).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn links_name_licence_version_and_language() {
        let link = |path: &str| format!("<a href=\"https://creativecommons.org/{path}\">x</a>");
        for (path, name) in [
            ("licenses/by/4.0/", "cc_by_4.0"),
            ("licenses/by-nc-sa/3.0/us/deed.en", "cc_by-nc-sa_3.0_en"),
            ("licenses/by-sa/2.5/de/", "cc_by-sa_2.5_de"),
            ("licenses/by/3.0/deed", "cc_by_3.0_de"),
            ("licenses/by", "cc_by"),
            ("publicdomain/zero/1.0/", "cc_publicdomain/zero_1.0"),
        ] {
            assert_eq!(names(&link(path)), [name], "{path}");
        }
        assert_eq!(names(&link("about")), Vec::<String>::new());
        let two = link("licenses/by/4.0/") + "\n" + &link("licenses/by-nd/4.0/");
        let scores: Vec<f64> = rows("cc_re", &two).into_iter().map(|(_, score)| score).collect();
        assert_eq!(scores, [1.0, 0.75]);
    }

    #[test]
    fn a_tag_has_the_link_in_an_attribute_and_ends_on_the_line() {
        let cc = "http://creativecommons.org/licenses/by/4.0/";
        assert_eq!(names(&format!("<a rel='license'\nclass=x href='{cc}' >")), ["cc_by_4.0"]);
        assert_eq!(names(&format!("<meta name=\"dc\" content=\"{cc}\"/>")), ["cc_by_4.0"]);
        assert_eq!(names(&format!("<A HREF=&quot;{cc}&quot;>")), ["cc_by_4.0"]);
        // No quote or no end on the line; another tag; a character that ends the attributes.
        for none in [
            format!("<a href={cc}>"),
            format!("<a href='{cc}\n'>"),
            format!("<a href='{cc}'\n>"),
            format!("<link href='{cc}'>"),
            format!("<a x=\"~\" href='{cc}'>"),
            cc.to_owned(),
        ] {
            assert_eq!(names(&none), Vec::<String>::new(), "{none}");
        }
        let nd = "http://creativecommons.org/licenses/by-nd/4.0/";
        assert_eq!(names(&format!("<a href='{cc}' content='{nd}'>")), ["cc_by-nd_4.0"]);
        // The last one has no quote behind it.
        assert_eq!(names(&format!("<a href='{cc}' content={nd}>")), ["cc_by_4.0"]);
    }

    #[test]
    fn the_fast_one_looks_at_addresses_alone() {
        let html = "x http://creativecommons.org/licenses/by-sa/4.0 \
            https://creativecommons.org/licenses/by\" ftp://creativecommons.org/licenses/by/ \
            http://creativecommons.org/licenses/by-nc-sax/ http://creativecommons.org/licenses/by\n";
        let rows = rows("cc_re_fast", html);
        assert_eq!(rows, [("cc_by-sa".to_owned(), 1.0), ("cc_by".to_owned(), 0.75)]);
    }

    #[test]
    fn hostile_pages_take_linear_time() {
        let part = "<a href=http://creativecommons.org/licenses/by/4.0/ ";
        for filler in
            [part, "<a href=", "<a =", "<meta content=http://creativecommons.org/licenses/by"]
        {
            let page =
                format!("creativecommons.org/licenses{}", filler.repeat(4_000_000 / filler.len()));
            assert_eq!(names(&page), Vec::<String>::new());
        }
        // Many links in one tag, on one line.
        let page =
            format!("<a {}", "href=http://creativecommons.org/licenses/by/4.0/ ".repeat(40_000));
        assert_eq!(names(&page), Vec::<String>::new());
    }
}
