//! Expressions that select values: spans to replace, replacement texts, keys to deduplicate by.

use super::jq::Output;
use super::jsonpath::Item;
use super::needs::Needs;
use super::number::Number;
use super::parse;
use super::predicate::{Expression, Scratch, Syntax, evaluation};
use super::record::RecordView;
use super::value::{Node, Tape};
use super::{jq::Jq, json, jsonpath::JsonPath};
use crate::error::{Error, Result};

/// A span as an attribute holds it: half-open code points and a score.
pub type ScoredSpan = (i64, i64, f64);

/// A compiled selector.
pub struct Selector {
    text: String,
    expression: Expression,
    plain: Option<Vec<String>>,
    needs: Needs,
}

/// One selected value: of the record, or made by `length()` or by a computation.
enum Found<'a> {
    Node(Node<'a>),
    Json(String),
}

impl Selector {
    pub fn compile(text: &str, syntax: Syntax) -> Result<Self> {
        let mut needs = Needs::default();
        let expression = Expression::compile(text, syntax, true, &mut needs)?;
        needs.finish();
        let plain = match &expression {
            Expression::JsonPath(path) => path.plain(),
            Expression::Jq(_) => None,
        };
        Ok(Self { text: text.to_owned(), expression, plain, needs })
    }

    /// The names of a plain JSONPath such as `$.metadata.url`, which can be read from the line
    /// without this selector.
    pub fn as_plain_path(&self) -> Option<&[String]> {
        self.plain.as_deref()
    }

    /// The attribute keys that the selector names.
    pub fn attributes(&self) -> Vec<String> {
        self.needs.attributes()
    }

    /// The fields at the top of a record that the selector names.
    pub fn fields(&self) -> Vec<String> {
        self.needs.fields()
    }

    /// The selection as JSON: null when there is none, the value when there is one, else an array.
    pub fn select(&self, view: &RecordView<'_>, scratch: &mut Scratch) -> Result<String> {
        self.found(view, scratch, |tape, found| {
            let mut out = String::new();
            match found.as_slice() {
                [] => out.push_str("null"),
                [one] => one.write(tape, &mut out),
                many => {
                    for (index, one) in many.iter().enumerate() {
                        out.push(if index == 0 { '[' } else { ',' });
                        one.write(tape, &mut out);
                    }
                    out.push(']');
                }
            }
            Ok(out)
        })
    }

    /// The selected spans: a list of `[start, end, score]`, or several spans, or nothing at all.
    /// They are appended to `spans` as they are, in any order.
    pub fn select_spans(
        &self,
        view: &RecordView<'_>,
        scratch: &mut Scratch,
        spans: &mut Vec<ScoredSpan>,
    ) -> Result<()> {
        self.found(view, scratch, |tape, found| match found.as_slice() {
            [] => Ok(()),
            [one] => one.with(tape, |tape, node| self.spans(tape, node, spans)),
            many => many.iter().try_for_each(|one| {
                one.with(tape, |tape, node| {
                    spans.push(span(tape, node).map_err(|cause| self.fault(&cause))?);
                    Ok(())
                })
            }),
        })
    }

    /// The selected string, appended to `out`: the first match of a JSONPath, the only output of
    /// jq. Returns whether there is one; null is none, another value is an error.
    pub fn select_string(
        &self,
        view: &RecordView<'_>,
        scratch: &mut Scratch,
        out: &mut String,
    ) -> Result<bool> {
        let many_allowed = matches!(self.expression, Expression::JsonPath(_));
        self.found(view, scratch, |tape, found| {
            let Some(first) = found.first() else {
                return Ok(false);
            };
            if found.len() > 1 && !many_allowed {
                return Err(self.fault(&format!("expected one string, found {}", found.len())));
            }
            first.with(tape, |_, node| match node {
                Node::Text(text) if !text.escaped => {
                    out.push_str(text.raw);
                    Ok(true)
                }
                Node::Text(text) => {
                    out.extend(text.chars());
                    Ok(true)
                }
                Node::Null => Ok(false),
                other => Err(self.fault(&format!("expected a string, found {}", other.kind()))),
            })
        })
    }

    fn fault(&self, cause: &str) -> Error {
        Error::record(format!("`{}`: {cause}", self.text))
    }

    fn found<T>(
        &self,
        view: &RecordView<'_>,
        scratch: &mut Scratch,
        with: impl FnOnce(&Tape<'_>, Vec<Found<'_>>) -> Result<T>,
    ) -> Result<T> {
        scratch.with(
            |tape| parse::read(view, &self.needs, tape),
            |tape, root| {
                let found = match &self.expression {
                    Expression::JsonPath(path) => matches(path, tape, root),
                    Expression::Jq(jq) => {
                        outputs(jq, tape, root).map_err(|cause| evaluation(&self.text, &cause))?
                    }
                };
                with(tape, found)
            },
        )
    }

    fn spans(&self, tape: &Tape<'_>, node: Node<'_>, spans: &mut Vec<ScoredSpan>) -> Result<()> {
        let list = match node {
            Node::Null => return Ok(()),
            Node::Array { .. } => tape.elements(node),
            other => {
                let cause = format!("expected a list of spans, found {}", other.kind());
                return Err(self.fault(&cause));
            }
        };
        // A path into the list that matches once gives the span itself and not a list of one.
        if matches!(list.first(), Some(Node::Number(_))) {
            spans.push(span(tape, node).map_err(|cause| self.fault(&cause))?);
            return Ok(());
        }
        for element in list {
            spans.push(span(tape, *element).map_err(|cause| self.fault(&cause))?);
        }
        Ok(())
    }
}

fn matches<'a>(path: &JsonPath, tape: &Tape<'a>, root: Node<'a>) -> Vec<Found<'a>> {
    let mut found = Vec::new();
    path.each(tape, root, &mut |item| {
        match item {
            Item::Node(node) => found.push(Found::Node(node)),
            Item::Count(count) => found.push(Found::Json(count.to_string())),
            Item::Missing => {}
        }
        true
    });
    found
}

fn outputs<'a>(
    jq: &'a Jq,
    tape: &'a Tape<'a>,
    root: Node<'a>,
) -> std::result::Result<Vec<Found<'a>>, String> {
    let outputs = jq.outputs(tape, root)?.into_iter();
    Ok(outputs
        .map(|output| match output {
            Output::Node(node) => Found::Node(node),
            Output::Json(json) => Found::Json(json),
        })
        .collect())
}

impl Found<'_> {
    fn write(&self, tape: &Tape<'_>, out: &mut String) {
        match self {
            Self::Node(node) => json::write(tape, *node, out),
            Self::Json(json) => out.push_str(json),
        }
    }

    /// Calls `with` on the value as a node, which a computed value first becomes.
    fn with<T>(
        &self,
        tape: &Tape<'_>,
        with: impl FnOnce(&Tape<'_>, Node<'_>) -> Result<T>,
    ) -> Result<T> {
        match self {
            Self::Node(node) => with(tape, *node),
            Self::Json(json) => {
                let mut tape = Tape::default();
                let node = parse::value(json.as_bytes(), &mut tape)?;
                with(&tape, node)
            }
        }
    }
}

/// `[start, end, score]`, checked as far as it can be without the text.
fn span(tape: &Tape<'_>, node: Node<'_>) -> std::result::Result<ScoredSpan, String> {
    let [start, end, score] = tape.elements(node) else {
        let mut found = String::new();
        json::write(tape, node, &mut found);
        return Err(format!("expected a span [start, end, score], found {found}"));
    };
    // Inverted spans and those outside of the text are the caller's: they have a defined result.
    let offset = |node: &Node<'_>| node.number().and_then(Number::as_i64);
    match (offset(start), offset(end), score.number()) {
        (Some(start), Some(end), Some(score)) => Ok((start, end, score.as_f64())),
        _ => {
            let mut found = String::new();
            json::write(tape, node, &mut found);
            Err(format!(
                "expected a span [start, end, score] of whole offsets and a number, found {found}"
            ))
        }
    }
}
