//! A stream, compiled once: its filter, its edits, and what happens to one document.

use super::row::{Joiner, Row};
use super::spans::{self, Edit};
use crate::document::{self, Record};
use crate::error::{Error, Result};
use crate::filter::{Filter, Named, RecordView, ScoredSpan, Scratch, Selector, Syntax, Verdict};
use crate::json;
use crate::text::count_chars;
use std::collections::HashSet;

/// A span replacement of a recipe, as written.
#[derive(Debug, Clone)]
pub struct Replacement {
    pub span: String,
    pub min_score: Option<f64>,
    pub max_score: Option<f64>,
    pub replacement: String,
    pub syntax: Syntax,
}

/// What replaces a span.
enum Substitute {
    Text(String),
    /// Selected from the document; nothing where the selector finds nothing.
    Selected(Selector),
}

struct Editor {
    spans: Selector,
    min_score: f64,
    max_score: f64,
    substitute: Substitute,
}

impl Editor {
    /// `key` is that of the entry in the recipe.
    fn compile(config: &Replacement, key: &str) -> Result<Self> {
        // As published, a replacement that starts with `$` is a jq expression after it, whatever
        // the syntax of the span: `$.source` is `.source`.
        let substitute = match config.replacement.strip_prefix('$') {
            None => Substitute::Text(config.replacement.clone()),
            Some(expression) => Substitute::Selected(
                Selector::compile(expression, Syntax::Jq)
                    .map_err(|error| error.of_key(&format!("{key}.replacement")))?,
            ),
        };
        Ok(Self {
            spans: Selector::compile(&config.span, config.syntax)
                .map_err(|error| error.of_key(&format!("{key}.span")))?,
            min_score: config.min_score.unwrap_or(f64::NEG_INFINITY),
            max_score: config.max_score.unwrap_or(f64::INFINITY),
            substitute,
        })
    }
}

/// A stream's rules, ready to be applied by any thread.
pub struct Rules {
    filter: Option<Filter>,
    /// The rules as the report calls them: `exclude[2] <expression>`.
    pub exclude_names: Vec<String>,
    editors: Vec<Editor>,
    discard: Vec<String>,
    min_text_length: usize,
    joins: bool,
    count_words: bool,
}

/// The options of a stream that rules are made of.
#[derive(Debug, Clone, Default)]
pub struct RulesConfig {
    pub include: Vec<String>,
    pub exclude: Vec<String>,
    pub syntax: Option<Syntax>,
    pub replacements: Vec<Replacement>,
    pub discard: Vec<String>,
    pub min_text_length: usize,
    /// Whether the stream joins attribute sets.
    pub joins: bool,
    pub count_words: bool,
}

/// What became of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    Written,
    Edited,
    NotIncluded,
    /// By the exclude rule of this index.
    Excluded(usize),
    TooShort,
}

/// Scratch of one thread.
#[derive(Default)]
pub struct Workspace {
    filter: Scratch,
    spans: Vec<ScoredSpan>,
    joiner: Joiner,
    joined: Vec<u8>,
    old_text: Vec<u8>,
    new_text: String,
    raw_text: Vec<u8>,
    provenance: Vec<u8>,
    pub words_in: u64,
    pub words_out: u64,
    pub spans_replaced: u64,
}

impl Rules {
    /// # Errors
    /// `Config` for an expression that cannot be compiled.
    pub fn compile(config: &RulesConfig) -> Result<Self> {
        let syntax = config.syntax.unwrap_or(Syntax::JsonPath);
        let filtered = !(config.include.is_empty() && config.exclude.is_empty());
        let filter = filtered
            .then(|| Filter::compile(&config.include, &config.exclude, syntax))
            .transpose()?;
        let name = |(index, rule): (usize, &String)| format!("exclude[{index}] {rule}");
        let editor = |(index, config): (usize, &Replacement)| {
            Editor::compile(config, &format!("span_replacement[{index}]"))
        };
        Ok(Self {
            filter,
            exclude_names: config.exclude.iter().enumerate().map(name).collect(),
            editors: config.replacements.iter().enumerate().map(editor).collect::<Result<_>>()?,
            discard: config.discard.clone(),
            min_text_length: config.min_text_length,
            joins: config.joins,
            count_words: config.count_words,
        })
    }

    /// The attributes that the expressions of a stream name literally, in their order, each with the
    /// key of the first expression that does.
    pub fn attributes(&self) -> Vec<Named> {
        self.named(Filter::attributes, Selector::attributes)
    }

    /// The same of the fields at the top of a document.
    pub fn fields(&self) -> Vec<Named> {
        self.named(Filter::fields, Selector::fields)
    }

    fn named(
        &self,
        of_filter: fn(&Filter) -> &[Named],
        of_selector: fn(&Selector) -> Vec<String>,
    ) -> Vec<Named> {
        let mut named: Vec<Named> = self.filter.iter().flat_map(of_filter).cloned().collect();
        for (index, editor) in self.editors.iter().enumerate() {
            let replacement = match &editor.substitute {
                Substitute::Text(_) => Vec::new(),
                Substitute::Selected(selector) => of_selector(selector),
            };
            for (key, names) in [("span", of_selector(&editor.spans)), ("replacement", replacement)]
            {
                let key = format!("span_replacement[{index}].{key}");
                named.extend(names.into_iter().map(|name| (name, key.clone())));
            }
        }
        let mut seen = HashSet::new();
        named.retain(|(name, _)| seen.insert(name.clone()));
        named
    }

    /// Decides on one document and appends its row to `out` if it is kept.
    ///
    /// `attributes` holds the raw attribute objects of its rows, in the order of the recipe;
    /// `provenance` is where it comes from.
    ///
    /// # Errors
    /// `Record` when the text is missing or cannot be decoded, `Config` when an expression fails
    /// on this document.
    pub fn apply(
        &self,
        workspace: &mut Workspace,
        record: &Record<'_>,
        attributes: &[&[u8]],
        provenance: &str,
        out: &mut Vec<u8>,
    ) -> Result<Fate> {
        let raw_text = record.text()?;
        let fields: Vec<(&[u8], &[u8])> =
            record.fields.iter().map(|field| (field.key, field.value)).collect();
        let view = RecordView { fields: &fields, attributes };
        if self.count_words {
            let text = document::string(raw_text, &mut workspace.old_text)?;
            workspace.words_in += count_words(text);
        }
        if let Some(filter) = &self.filter {
            match filter.verdict(&view, &mut workspace.filter)? {
                Verdict::Keep => {}
                Verdict::DropNotIncluded => return Ok(Fate::NotIncluded),
                Verdict::DropExcluded(rule) => return Ok(Fate::Excluded(rule)),
            }
        }
        let edited = self.edit(workspace, raw_text, &view)?;
        if self.min_text_length > 0 || self.count_words {
            let text = if edited {
                workspace.new_text.as_str()
            } else {
                document::string(raw_text, &mut workspace.old_text)?
            };
            if self.min_text_length > 0
                && count_chars(text.trim().as_bytes()) < self.min_text_length
            {
                return Ok(Fate::TooShort);
            }
            if self.count_words {
                workspace.words_out += count_words(text);
            }
        }
        workspace.provenance.clear();
        json::escape(provenance.as_bytes(), &mut workspace.provenance);
        if edited {
            workspace.raw_text.clear();
            json::escape(workspace.new_text.as_bytes(), &mut workspace.raw_text);
        }
        let joined = self.join(workspace, record, attributes)?;
        let row = Row {
            record,
            attributes: joined.then_some(workspace.joined.as_slice()),
            text: edited.then_some(workspace.raw_text.as_slice()),
            provenance: &workspace.provenance,
            discard: &self.discard,
        };
        row.write(out)?;
        Ok(if edited { Fate::Edited } else { Fate::Written })
    }

    /// Puts the edited text into the workspace; returns whether there is one.
    fn edit(&self, workspace: &mut Workspace, raw: &[u8], view: &RecordView<'_>) -> Result<bool> {
        let mut found: Vec<(i64, i64, usize)> = Vec::new();
        let mut substitutes: Vec<String> = Vec::new();
        for editor in &self.editors {
            let before = found.len();
            workspace.spans.clear();
            editor.spans.select_spans(view, &mut workspace.filter, &mut workspace.spans)?;
            for &(start, end, score) in &workspace.spans {
                if score >= editor.min_score && score < editor.max_score {
                    found.push((start, end, substitutes.len()));
                }
            }
            if found.len() > before {
                substitutes.push(match &editor.substitute {
                    Substitute::Text(text) => text.clone(),
                    Substitute::Selected(selector) => {
                        let mut text = String::new();
                        selector.select_string(view, &mut workspace.filter, &mut text)?;
                        text
                    }
                });
            }
        }
        if found.is_empty() {
            return Ok(false);
        }
        let text = document::string(raw, &mut workspace.old_text)?;
        let mut edits: Vec<Edit<'_>> = found
            .iter()
            .map(|&(start, end, index)| Edit { start, end, replacement: &substitutes[index] })
            .collect();
        let applied = spans::apply(text, &mut edits, &mut workspace.new_text);
        workspace.spans_replaced += applied;
        Ok(applied > 0)
    }

    /// Puts the joined attributes into the workspace; returns whether the stream joins any.
    fn join(&self, workspace: &mut Workspace, record: &Record<'_>, rows: &[&[u8]]) -> Result<bool> {
        if !self.joins {
            return Ok(false);
        }
        workspace.joined.clear();
        let kept;
        let own = match record.get("attributes") {
            None | Some(b"null" | b"{}") => None,
            Some(object) if object[0] == b'{' => Some(object),
            // As with metadata: what is no object is kept under `value`.
            Some(other) => {
                kept = [b"{\"value\":", other, b"}"].concat();
                Some(kept.as_slice())
            }
        };
        match own {
            None => workspace.joiner.join(rows, &mut workspace.joined)?,
            Some(own) => {
                let objects: Vec<&[u8]> =
                    std::iter::once(own).chain(rows.iter().copied()).collect();
                workspace.joiner.join(&objects, &mut workspace.joined)?;
            }
        }
        Ok(true)
    }
}

fn count_words(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

/// Splits an attribute row into its raw id and attributes.
///
/// # Errors
/// `Alignment` when the row is not `{"id":…,"attributes":{…}}`.
pub fn attribute_row(line: &[u8]) -> Result<(&[u8], &[u8])> {
    let (mut id, mut attributes) = (None, None);
    json::object(line, |key, value| match &*document::key(key) {
        b"id" => id = Some(value),
        b"attributes" => attributes = Some(value),
        _ => {}
    })
    .map_err(|cause| Error::alignment(format!("attribute row: {cause}")))?;
    match (id, attributes) {
        (Some(id), Some(object)) if object[0] == b'{' => Ok((id, object)),
        (None, _) => Err(Error::alignment("attribute row without an id")),
        _ => Err(Error::alignment("attribute row without an object called \"attributes\"")),
    }
}
