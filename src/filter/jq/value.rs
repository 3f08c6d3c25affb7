//! Values that jq expressions work on: parts of the record, constants, and what was computed.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

use super::Math;
use crate::filter::json;
use crate::filter::number::Number;
use crate::filter::value::{Node, Tape, Text, key_of};

#[derive(Clone, Debug)]
pub enum Val<'a> {
    /// Of the record; null is `Node::Null`.
    Node(Node<'a>),
    Bool(bool),
    Number(Number),
    Str(&'a str),
    Owned(Rc<str>),
    List(Rc<Vec<Val<'a>>>),
    /// Keys in order of insertion, each once.
    Map(Rc<Vec<(Cow<'a, str>, Val<'a>)>>),
}

/// An evaluation error, small enough to be made and dropped by `?` at no cost.
#[derive(Clone, Copy, Debug)]
pub enum Fail<'a> {
    Key(&'static str, &'a str),
    Index(&'static str, i64),
    Has(&'static str, &'static str),
    Iterate(&'static str),
    Slice(&'static str),
    Math(&'static str, Math, &'static str),
    Type(&'static str, &'static str),
    Length,
}

impl std::fmt::Display for Fail<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key("null", key) => write!(f, "`{key}` of null: what it is a part of is missing"),
            Self::Index("null", index) => {
                write!(f, "[{index}] of null: what it is an element of is missing")
            }
            Self::Key(kind, key) => write!(f, "cannot index {kind} with \"{key}\""),
            Self::Index(kind, index) => write!(f, "cannot index {kind} with {index}"),
            Self::Has(kind, key) => write!(f, "cannot ask {kind} for a {key} key"),
            Self::Iterate(kind) => write!(f, "cannot iterate over {kind}"),
            Self::Slice(kind) => write!(f, "cannot slice {kind}"),
            Self::Math(left, op, right) => {
                let sign = match op {
                    Math::Add => '+',
                    Math::Subtract => '-',
                    Math::Multiply => '*',
                    Math::Divide => '/',
                    Math::Remainder => '%',
                };
                write!(f, "cannot calculate {left} {sign} {right}")
            }
            Self::Type(kind, wanted) => write!(f, "expected {wanted}, found {kind}"),
            Self::Length => write!(f, "a boolean has no length"),
        }
    }
}

pub type Outcome<'a> = Result<Val<'a>, Fail<'a>>;

pub const NULL: Val<'static> = Val::Node(Node::Null);

impl<'a> Val<'a> {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Node(node) => node.kind(),
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::Str(_) | Self::Owned(_) => "string",
            Self::List(_) => "array",
            Self::Map(_) => "object",
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Node(Node::Null | Node::Absent))
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Node(Node::Bool(value)) | Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// True of all but null and false.
    pub fn is_truthy(&self) -> bool {
        !self.is_null() && self.as_bool() != Some(false)
    }

    pub fn number(&self) -> Option<Number> {
        match self {
            Self::Node(node) => node.number(),
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<Text<'_>> {
        match self {
            Self::Node(Node::Text(text)) => Some(*text),
            Self::Str(raw) => Some(Text { raw, escaped: false }),
            Self::Owned(raw) => Some(Text { raw, escaped: false }),
            _ => None,
        }
    }

    pub fn array_len(&self) -> Option<usize> {
        match self {
            Self::Node(Node::Array { len, .. }) => Some(*len as usize),
            Self::List(list) => Some(list.len()),
            _ => None,
        }
    }

    pub fn object_len(&self) -> Option<usize> {
        match self {
            Self::Node(Node::Object { len, .. }) => Some(*len as usize),
            // Only seen where its size does not matter.
            Self::Node(Node::Pruned { .. }) => Some(usize::MAX),
            Self::Map(map) => Some(map.len()),
            _ => None,
        }
    }

    /// An element of an array.
    pub fn element(&self, tape: &Tape<'a>, index: usize) -> Option<Self> {
        match self {
            Self::Node(node) => tape.elements(*node).get(index).map(|node| Self::Node(*node)),
            Self::List(list) => list.get(index).cloned(),
            _ => None,
        }
    }

    /// Elements of an array, or values of an object in key order.
    pub fn children(&self, tape: &Tape<'a>) -> Option<Vec<Self>> {
        match self {
            Self::List(list) => Some(list.to_vec()),
            Self::Map(map) => Some(map.iter().map(|(_, value)| value.clone()).collect()),
            Self::Node(node @ Node::Array { .. }) => {
                Some(tape.elements(*node).iter().map(|node| Self::Node(*node)).collect())
            }
            Self::Node(node @ Node::Object { .. }) => {
                Some(tape.pairs(*node).iter().map(|pair| Self::Node(pair[1])).collect())
            }
            _ => None,
        }
    }

    /// The entries of an object as they are.
    pub fn entries(&self, tape: &Tape<'a>) -> Option<Vec<(Cow<'a, str>, Self)>> {
        match self {
            Self::Map(map) => Some(map.to_vec()),
            Self::Node(node @ Node::Object { .. }) => {
                let pairs = tape.pairs(*node).iter();
                Some(pairs.map(|pair| (key_of(pair).decode(), Self::Node(pair[1]))).collect())
            }
            _ => None,
        }
    }

    /// The truth of a verdict: also false are zero and whatever is empty.
    pub fn is_true(&self) -> bool {
        if let Some(number) = self.number() {
            return !number.is_zero();
        }
        if let Some(text) = self.text() {
            return !text.is_empty();
        }
        self.is_truthy() && self.array_len() != Some(0) && self.object_len() != Some(0)
    }

    /// The total order of jq: null, booleans, numbers, strings, arrays, objects.
    pub fn compare(&self, other: &Self, tape: &Tape<'a>) -> Ordering {
        if let (Some(a), Some(b)) = (self.number(), other.number()) {
            return a.compare(b);
        }
        if let (Some(a), Some(b)) = (self.text(), other.text()) {
            return a.compare(b);
        }
        if let (Some(a), Some(b)) = (self.as_bool(), other.as_bool()) {
            return a.cmp(&b);
        }
        let ranks = (self.rank(), other.rank());
        if ranks.0 != ranks.1 {
            return ranks.0.cmp(&ranks.1);
        }
        match ranks.0 {
            4 => self.compare_arrays(other, tape),
            5 => self.compare_objects(other, tape),
            _ => Ordering::Equal,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Node(Node::Absent | Node::Null) => 0,
            Self::Node(Node::Bool(_)) | Self::Bool(_) => 1,
            Self::Node(Node::Number(_)) | Self::Number(_) => 2,
            Self::Node(Node::Text(_)) | Self::Str(_) | Self::Owned(_) => 3,
            Self::Node(Node::Array { .. }) | Self::List(_) => 4,
            Self::Node(Node::Object { .. } | Node::Pruned { .. }) | Self::Map(_) => 5,
        }
    }

    fn compare_arrays(&self, other: &Self, tape: &Tape<'a>) -> Ordering {
        for index in 0.. {
            match (self.element(tape, index), other.element(tape, index)) {
                (Some(a), Some(b)) => {
                    let order = a.compare(&b, tape);
                    if order.is_ne() {
                        return order;
                    }
                }
                (a, b) => return a.is_some().cmp(&b.is_some()),
            }
        }
        Ordering::Equal
    }

    /// Empty objects first, then by sorted keys, then by their values.
    fn compare_objects(&self, other: &Self, tape: &Tape<'a>) -> Ordering {
        let sorted = |val: &Self| {
            let mut entries = val.entries(tape).unwrap_or_default();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            entries
        };
        let (a, b) = (sorted(self), sorted(other));
        let keys = a.iter().map(|entry| &entry.0).cmp(b.iter().map(|entry| &entry.0));
        keys.then_with(|| {
            let mut values = a.iter().zip(&b).map(|(a, b)| a.1.compare(&b.1, tape));
            values.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        })
    }

    /// As JSON text, the way the published tool turns results back into records.
    pub fn write(&self, tape: &Tape<'a>, out: &mut String) {
        match self {
            Self::Node(node) => json::write(tape, *node, out),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(Number::Int(value)) => out.push_str(&value.to_string()),
            Self::Number(Number::Large(value)) => out.push_str(&value.to_string()),
            Self::Number(Number::Float(value)) if value.is_finite() => {
                out.push_str(&format!("{value:?}"));
            }
            Self::Number(Number::Float(_)) => out.push_str("null"),
            Self::Str(text) => json::write_str(text, out),
            Self::Owned(text) => json::write_str(text, out),
            Self::List(list) => {
                out.push('[');
                for (index, item) in list.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(tape, out);
                }
                out.push(']');
            }
            Self::Map(map) => {
                out.push('{');
                for (index, (key, value)) in map.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    json::write_str(key, out);
                    out.push(':');
                    value.write(tape, out);
                }
                out.push('}');
            }
        }
    }

    pub fn math(&self, op: Math, other: &Self, tape: &Tape<'a>) -> Outcome<'a> {
        let fail = || Fail::Math(self.kind(), op, other.kind());
        if let (Some(a), Some(b)) = (self.number(), other.number()) {
            return numbers(a, op, b).map(Val::Number).ok_or_else(fail);
        }
        match op {
            Math::Add if self.is_null() => Ok(other.clone()),
            Math::Add if other.is_null() => Ok(self.clone()),
            Math::Add => self.add(other, tape).ok_or_else(fail),
            Math::Multiply => self.multiply(other, tape).ok_or_else(fail),
            _ => Err(fail()),
        }
    }

    fn add(&self, other: &Self, tape: &Tape<'a>) -> Option<Self> {
        if let (Some(a), Some(b)) = (self.text(), other.text()) {
            return Some(Self::Owned(a.chars().chain(b.chars()).collect::<String>().into()));
        }
        if let (Some(_), Some(_)) = (self.array_len(), other.array_len()) {
            let mut list = self.children(tape)?;
            list.extend(other.children(tape)?);
            return Some(Self::List(Rc::new(list)));
        }
        let mut map = self.entries(tape)?;
        for (key, value) in other.entries(tape)? {
            insert(&mut map, key, value);
        }
        Some(Self::Map(Rc::new(map)))
    }

    /// Strings repeat, objects merge recursively.
    fn multiply(&self, other: &Self, tape: &Tape<'a>) -> Option<Self> {
        let repeated = match (self.text(), other.text()) {
            (Some(text), None) => Some((text, other.number()?.as_i64()?)),
            (None, Some(text)) => Some((text, self.number()?.as_i64()?)),
            _ => None,
        };
        if let Some((text, times)) = repeated {
            return Some(match usize::try_from(times) {
                Ok(times) if times > 0 => Self::Owned(text.decode().repeat(times).into()),
                _ => NULL,
            });
        }
        let mut map = self.entries(tape)?;
        for (key, value) in other.entries(tape)? {
            let old = map.iter().find(|(name, _)| *name == key).map(|(_, old)| old);
            let both = old.filter(|old| old.object_len().is_some() && value.object_len().is_some());
            let value = match both {
                Some(old) => old.multiply(&value, tape)?,
                None => value,
            };
            insert(&mut map, key, value);
        }
        Some(Self::Map(Rc::new(map)))
    }

    /// Whether this contains `other`: substrings, and parts of arrays and objects recursively.
    pub fn contains(&self, other: &Self, tape: &Tape<'a>) -> bool {
        if let (Some(a), Some(b)) = (self.text(), other.text()) {
            return a.decode().contains(&*b.decode());
        }
        if let (Some(_), Some(_)) = (self.array_len(), other.array_len()) {
            let (a, b) = (self.children(tape), other.children(tape));
            let (a, b) = (a.unwrap_or_default(), b.unwrap_or_default());
            return b.iter().all(|b| a.iter().any(|a| a.contains(b, tape)));
        }
        if let (Some(a), Some(b)) = (self.entries(tape), other.entries(tape)) {
            return b
                .iter()
                .all(|(key, b)| a.iter().any(|(name, a)| name == key && a.contains(b, tape)));
        }
        self.compare(other, tape).is_eq()
    }
}

fn insert<'a>(map: &mut Vec<(Cow<'a, str>, Val<'a>)>, key: Cow<'a, str>, value: Val<'a>) {
    match map.iter_mut().find(|(name, _)| *name == key) {
        Some((_, old)) => *old = value,
        None => map.push((key, value)),
    }
}

/// Whole numbers stay whole but for division; one that leaves 64 bits becomes a double.
fn numbers(a: Number, op: Math, b: Number) -> Option<Number> {
    if let (Number::Int(x), Number::Int(y)) = (a, b) {
        let whole = match op {
            Math::Add => x.checked_add(y),
            Math::Subtract => x.checked_sub(y),
            Math::Multiply => x.checked_mul(y),
            Math::Divide => None,
            Math::Remainder if y == 0 => return None,
            Math::Remainder => Some(x.checked_rem(y).unwrap_or(0)),
        };
        if let Some(whole) = whole {
            return Some(Number::Int(whole));
        }
    }
    let (x, y) = (a.as_f64(), b.as_f64());
    Some(Number::Float(match op {
        Math::Add => x + y,
        Math::Subtract => x - y,
        Math::Multiply => x * y,
        Math::Divide => x / y,
        // Defined for whole numbers only.
        Math::Remainder => return None,
    }))
}
