//! Steps of jq paths: keys, indices, slices and iteration.

use std::rc::Rc;

use super::eval::{Run, Sink};
use super::value::{Fail, NULL, Outcome, Val};
use super::{Access, Part};
use crate::filter::value::Node;

impl<'a> Run<'a> {
    pub fn parts(&self, parts: &'a [Part], value: Val<'a>, out: Sink<'_, 'a>) -> bool {
        let Some((part, rest)) = parts.split_first() else {
            return out(Ok(value));
        };
        let result = match part.access {
            Access::Iterate => match value.children(self.tape) {
                Some(children) => {
                    return children.into_iter().all(|child| self.parts(rest, child, out));
                }
                None => Err(Fail::Iterate(value.kind())),
            },
            _ => self.part(part, &value),
        };
        match result {
            Ok(next) => self.parts(rest, next, out),
            Err(_) if part.optional => true,
            Err(fail) => out(Err(fail)),
        }
    }

    /// One step of a path that does not iterate.
    pub fn part(&self, part: &'a Part, value: &Val<'a>) -> Outcome<'a> {
        match &part.access {
            Access::Key { name, slot } => match value {
                Val::Node(node @ (Node::Object { .. } | Node::Pruned { .. })) => {
                    Ok(self.tape.get(*node, name, *slot).map_or(NULL, Val::Node))
                }
                Val::Map(map) => {
                    let found = map.iter().find(|(key, _)| key == name);
                    Ok(found.map_or(NULL, |(_, value)| value.clone()))
                }
                other => Err(Fail::Key(other.kind(), name)),
            },
            Access::Index(index) => {
                let len = value.array_len().ok_or(Fail::Index(value.kind(), *index))?;
                let at = absolute(*index, len);
                Ok(at.and_then(|at| value.element(self.tape, at)).unwrap_or(NULL))
            }
            Access::Slice(from, upto) => self.slice(*from, *upto, value),
            Access::Iterate => Err(Fail::Iterate(value.kind())),
        }
    }

    fn slice(&self, from: Option<i64>, upto: Option<i64>, value: &Val<'a>) -> Outcome<'a> {
        let len = match (value.array_len(), value.text()) {
            (Some(len), _) => len,
            (None, Some(text)) => text.count(),
            (None, None) => return Err(Fail::Slice(value.kind())),
        };
        let clip = |bound: i64| absolute(bound, len).unwrap_or(0).min(len);
        let (from, upto) = (from.map_or(0, clip), upto.map_or(len, clip));
        let take = upto.saturating_sub(from);
        Ok(match value {
            Val::Node(Node::Array { start, .. }) => {
                Val::Node(Node::Array { start: start + from as u32, len: take as u32 })
            }
            Val::List(list) => Val::List(Rc::new(list[from.min(len)..][..take].to_vec())),
            _ => match value.text() {
                Some(text) => {
                    Val::Owned(text.chars().skip(from).take(take).collect::<String>().into())
                }
                None => NULL,
            },
        })
    }
}

/// An index counted from the end when negative, if it is not before the beginning.
fn absolute(index: i64, len: usize) -> Option<usize> {
    let distance = usize::try_from(index.unsigned_abs()).ok()?;
    if index >= 0 { Some(distance) } else { len.checked_sub(distance) }
}
