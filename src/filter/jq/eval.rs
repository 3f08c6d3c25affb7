//! Evaluation of translated jq expressions.
//!
//! An expression with exactly one output is a plain function call; the others hand their outputs,
//! errors among them, to a sink, in the order in which jq produces them.

use std::borrow::Cow;
use std::rc::Rc;

use super::value::{Fail, NULL, Outcome, Val};
use super::{Access, Binary, Comparison, Expr, Function, Kind, Output, Part};
use crate::filter::number::Number;
use crate::filter::value::{Node, Tape};

/// Receives outputs; `false` asks for no more.
type Sink<'s, 'a> = &'s mut dyn FnMut(Outcome<'a>) -> bool;

/// Variables, innermost first.
#[derive(Clone, Copy)]
struct Scope<'s, 'a> {
    inner: Option<&'s Binding<'s, 'a>>,
}

struct Binding<'s, 'a> {
    value: Val<'a>,
    outer: Scope<'s, 'a>,
}

const EMPTY: Scope<'static, 'static> = Scope { inner: None };

pub struct Run<'a> {
    pub tape: &'a Tape<'a>,
}

impl<'a> Run<'a> {
    pub fn truths(
        &self,
        expr: &'a Expr,
        root: Node<'a>,
        each: &mut dyn FnMut(bool),
    ) -> Result<(), String> {
        let mut failed = None;
        self.each(expr, &Val::Node(root), EMPTY, &mut |outcome| match outcome {
            Ok(value) => {
                each(value.is_true());
                true
            }
            Err(fail) => {
                failed = Some(fail.to_string());
                false
            }
        });
        failed.map_or(Ok(()), Err)
    }

    pub fn outputs(&self, expr: &'a Expr, root: Node<'a>) -> Result<Vec<Output<'a>>, String> {
        let mut outputs = Vec::new();
        let mut failed = None;
        self.each(expr, &Val::Node(root), EMPTY, &mut |outcome| match outcome {
            Ok(Val::Node(node)) => {
                outputs.push(Output::Node(node));
                true
            }
            Ok(value) => {
                let mut json = String::new();
                value.write(self.tape, &mut json);
                outputs.push(Output::Json(json));
                true
            }
            Err(fail) => {
                failed = Some(fail.to_string());
                false
            }
        });
        failed.map_or(Ok(outputs), Err)
    }

    /// The output of an expression that has one.
    fn one(&self, expr: &'a Expr, input: &Val<'a>, scope: Scope<'_, 'a>) -> Outcome<'a> {
        Ok(match &expr.kind {
            Kind::Identity => input.clone(),
            Kind::Null => NULL,
            Kind::Bool(value) => Val::Bool(*value),
            Kind::Number(number) => Val::Number(*number),
            Kind::Text(text) => Val::Str(text),
            Kind::Variable(outwards) => variable(*outwards, scope),
            Kind::Path(base, parts) => {
                let mut value = match base.kind {
                    Kind::Identity => self.part(&parts[0], input)?,
                    _ => self.part(&parts[0], &self.one(base, input, scope)?)?,
                };
                for part in &parts[1..] {
                    value = self.part(part, &value)?;
                }
                value
            }
            Kind::Pipe(left, right) => {
                let middle = self.one(left, input, scope)?;
                self.one(right, &middle, scope)?
            }
            Kind::Bind(left, right) => {
                let value = self.one(left, input, scope)?;
                let binding = Binding { value, outer: scope };
                self.one(right, input, Scope { inner: Some(&binding) })?
            }
            Kind::Alternative(left, right) => {
                let value = self.one(left, input, scope)?;
                if value.is_truthy() { value } else { self.one(right, input, scope)? }
            }
            Kind::Logic { left, stop, right } => {
                let decided = self.one(left, input, scope)?.is_truthy() == *stop;
                let value =
                    if decided { *stop } else { self.one(right, input, scope)?.is_truthy() };
                Val::Bool(value)
            }
            Kind::Compare(left, op, right) => {
                let left = self.one(left, input, scope)?;
                let right = self.one(right, input, scope)?;
                Val::Bool(self.compare(&left, *op, &right))
            }
            Kind::Math(left, op, right) => {
                let left = self.one(left, input, scope)?;
                let right = self.one(right, input, scope)?;
                left.math(*op, &right, self.tape)?
            }
            Kind::If(test, then, other) => {
                let branch = if self.one(test, input, scope)?.is_truthy() { then } else { other };
                self.one(branch, input, scope)?
            }
            Kind::Collect(inner) => self.collect(inner.as_deref(), input, scope)?,
            Kind::Negate(inner) => negate(&self.one(inner, input, scope)?)?,
            Kind::Quantifier { items, test, stop } => {
                self.quantify(items, test, *stop, input, scope)?
            }
            Kind::Function(function) => self.function(*function, input)?,
            Kind::Binary(binary, argument) => {
                let argument = self.one(argument, input, scope)?;
                Val::Bool(self.binary(*binary, input, &argument)?)
            }
            Kind::Test(regex) => {
                let text = input.text().ok_or(Fail::Type(input.kind(), "string"))?.decode();
                // As the published tool: a match at the very end of the text does not count.
                Val::Bool(regex.find(&text).is_some_and(|found| found.start() < text.len()))
            }
            Kind::Comma(..) | Kind::Try(_) | Kind::Select(_) | Kind::First(_) | Kind::Empty => NULL,
        })
    }

    /// Hands every output to `out`; returns whether `out` wanted them all.
    fn each(
        &self,
        expr: &'a Expr,
        input: &Val<'a>,
        scope: Scope<'_, 'a>,
        out: Sink<'_, 'a>,
    ) -> bool {
        if expr.single {
            return out(self.one(expr, input, scope));
        }
        match &expr.kind {
            Kind::Path(base, parts) => self.each(base, input, scope, &mut |base| match base {
                Ok(base) => self.parts(parts, base, out),
                error => out(error),
            }),
            Kind::Pipe(left, right) => self.each(left, input, scope, &mut |middle| match middle {
                Ok(middle) => self.each(right, &middle, scope, out),
                error => out(error),
            }),
            Kind::Bind(left, right) => self.each(left, input, scope, &mut |value| match value {
                Ok(value) => {
                    let binding = Binding { value, outer: scope };
                    self.each(right, input, Scope { inner: Some(&binding) }, out)
                }
                error => out(error),
            }),
            Kind::Comma(left, right) => {
                self.each(left, input, scope, out) && self.each(right, input, scope, out)
            }
            Kind::Alternative(left, right) => {
                let mut any = false;
                let complete = self.each(left, input, scope, &mut |value| match value {
                    Ok(value) if !value.is_truthy() => true,
                    value => {
                        any = true;
                        out(value)
                    }
                });
                if any { complete } else { self.each(right, input, scope, out) }
            }
            Kind::Logic { left, stop, right } => {
                self.each(left, input, scope, &mut |left| match left {
                    Ok(left) if left.is_truthy() == *stop => out(Ok(Val::Bool(*stop))),
                    Ok(_) => self.each(right, input, scope, &mut |right| {
                        out(right.map(|right| Val::Bool(right.is_truthy())))
                    }),
                    error => out(error),
                })
            }
            Kind::Compare(left, op, right) => {
                self.pairs(left, right, input, scope, &mut |left, right| {
                    out(left.and_then(|l| Ok(Val::Bool(self.compare(&l, *op, &right?)))))
                })
            }
            Kind::Math(left, op, right) => {
                self.pairs(left, right, input, scope, &mut |left, right| {
                    out(left.and_then(|l| l.math(*op, &right?, self.tape)))
                })
            }
            Kind::If(test, then, other) => self.each(test, input, scope, &mut |test| match test {
                Ok(test) => {
                    let branch = if test.is_truthy() { then } else { other };
                    self.each(branch, input, scope, out)
                }
                error => out(error),
            }),
            Kind::Try(inner) => self.each(inner, input, scope, &mut |value| match value {
                Ok(value) => out(Ok(value)),
                Err(_) => true,
            }),
            Kind::Negate(inner) => {
                self.each(inner, input, scope, &mut |v| out(v.and_then(|v| negate(&v))))
            }
            Kind::Select(test) => self.each(test, input, scope, &mut |test| match test {
                Ok(test) if test.is_truthy() => out(Ok(input.clone())),
                Ok(_) => true,
                error => out(error),
            }),
            Kind::First(inner) => {
                let mut wanted = true;
                self.each(inner, input, scope, &mut |value| {
                    wanted = out(value);
                    false
                });
                wanted
            }
            Kind::Binary(binary, argument) => self.each(argument, input, scope, &mut |argument| {
                out(argument.and_then(|a| self.binary(*binary, input, &a).map(Val::Bool)))
            }),
            Kind::Empty => true,
            // The rest is single.
            _ => out(self.one(expr, input, scope)),
        }
    }

    /// Every pair of outputs, those of `right` for each of `left`.
    fn pairs(
        &self,
        left: &'a Expr,
        right: &'a Expr,
        input: &Val<'a>,
        scope: Scope<'_, 'a>,
        out: &mut dyn FnMut(Outcome<'a>, Outcome<'a>) -> bool,
    ) -> bool {
        self.each(left, input, scope, &mut |left| {
            self.each(right, input, scope, &mut |right| out(left.clone(), right))
        })
    }

    fn parts(&self, parts: &'a [Part], value: Val<'a>, out: Sink<'_, 'a>) -> bool {
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
    fn part(&self, part: &'a Part, value: &Val<'a>) -> Outcome<'a> {
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

    fn collect(
        &self,
        inner: Option<&'a Expr>,
        input: &Val<'a>,
        scope: Scope<'_, 'a>,
    ) -> Outcome<'a> {
        let mut list = Vec::new();
        let mut failed = None;
        if let Some(inner) = inner {
            self.each(inner, input, scope, &mut |value| match value {
                Ok(value) => {
                    list.push(value);
                    true
                }
                Err(fail) => {
                    failed = Some(fail);
                    false
                }
            });
        }
        failed.map_or_else(|| Ok(Val::List(Rc::new(list))), Err)
    }

    fn quantify(
        &self,
        items: &'a Expr,
        test: &'a Expr,
        stop: bool,
        input: &Val<'a>,
        scope: Scope<'_, 'a>,
    ) -> Outcome<'a> {
        let mut result = Ok(Val::Bool(!stop));
        let mut decide = |value: Outcome<'a>| match value {
            Ok(value) if value.is_truthy() == stop => {
                result = Ok(Val::Bool(stop));
                false
            }
            Ok(_) => true,
            error => {
                result = error;
                false
            }
        };
        self.each(items, input, scope, &mut |item| match item {
            Ok(item) => self.each(test, &item, scope, &mut decide),
            error => decide(error),
        });
        result
    }

    fn compare(&self, left: &Val<'a>, op: Comparison, right: &Val<'a>) -> bool {
        let order = left.compare(right, self.tape);
        match op {
            Comparison::Equal => order.is_eq(),
            Comparison::Unequal => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }
    }

    fn function(&self, function: Function, input: &Val<'a>) -> Outcome<'a> {
        Ok(match function {
            Function::Not => Val::Bool(!input.is_truthy()),
            Function::Length => return self.length(input),
            Function::Type => Val::Str(match input.kind() {
                "nothing" => "null",
                kind => kind,
            }),
            Function::Add => {
                let items = input.children(self.tape).ok_or(Fail::Iterate(input.kind()))?;
                let mut items = items.into_iter();
                let first = items.next().unwrap_or(NULL);
                items.try_fold(first, |sum, item| sum.math(super::Math::Add, &item, self.tape))?
            }
            Function::Min | Function::Max => {
                if input.array_len().is_none() {
                    return Err(Fail::Type(input.kind(), "array"));
                }
                let items = input.children(self.tape).unwrap_or_default().into_iter();
                let best = match function {
                    Function::Min => items.min_by(|a, b| a.compare(b, self.tape)),
                    _ => items.max_by(|a, b| a.compare(b, self.tape)),
                };
                best.unwrap_or(NULL)
            }
            Function::Keys => {
                let keys = self.keyed(input)?.into_iter().map(|(key, _)| key);
                Val::List(Rc::new(keys.collect()))
            }
            Function::ToEntries => {
                let entries = self.keyed(input)?.into_iter().map(|(key, value)| {
                    let pair = [("key", key), ("value", value)];
                    let pair = pair.map(|(name, value)| (Cow::Borrowed(name), value));
                    Val::Map(Rc::new(pair.to_vec()))
                });
                Val::List(Rc::new(entries.collect()))
            }
            Function::Lowercase => {
                let text = input.text().ok_or(Fail::Type(input.kind(), "string"))?;
                Val::Owned(text.decode().to_ascii_lowercase().into())
            }
        })
    }

    /// The entries of an object in key order, or the elements of an array with their indices.
    fn keyed(&self, input: &Val<'a>) -> Result<Vec<(Val<'a>, Val<'a>)>, Fail<'a>> {
        if let Some(mut entries) = input.entries(self.tape) {
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            let keyed = entries.into_iter().map(|(key, value)| {
                let key = match key {
                    Cow::Borrowed(key) => Val::Str(key),
                    Cow::Owned(key) => Val::Owned(key.into()),
                };
                (key, value)
            });
            return Ok(keyed.collect());
        }
        let items = input.children(self.tape).ok_or(Fail::Iterate(input.kind()))?;
        let index = |index: usize| Val::Number(Number::Int(index as i64));
        Ok(items.into_iter().enumerate().map(|(at, item)| (index(at), item)).collect())
    }

    fn length(&self, input: &Val<'a>) -> Outcome<'a> {
        let len = if let Some(number) = input.number() {
            return Ok(Val::Number(match number {
                Number::Int(value) => Number::Int(value.saturating_abs()),
                other => Number::Float(other.as_f64().abs()),
            }));
        } else if let Some(text) = input.text() {
            text.count()
        } else if input.as_bool().is_some() {
            return Err(Fail::Length);
        } else {
            input.array_len().or_else(|| input.object_len()).unwrap_or(0)
        };
        Ok(Val::Number(Number::Int(len as i64)))
    }

    fn binary(
        &self,
        binary: Binary,
        input: &Val<'a>,
        argument: &Val<'a>,
    ) -> Result<bool, Fail<'a>> {
        match binary {
            Binary::Contains => Ok(input.contains(argument, self.tape)),
            Binary::Has => {
                let index = argument.number().and_then(Number::as_i64).filter(|i| *i >= 0);
                if let (Some(len), Some(index)) = (input.array_len(), index) {
                    return Ok((index as u64) < len as u64);
                }
                if let (Some(_), Some(key)) = (input.object_len(), argument.text()) {
                    let key = key.decode();
                    let entries = input.entries(self.tape).unwrap_or_default();
                    return Ok(entries.iter().any(|(name, _)| *name == key));
                }
                Err(Fail::Has(input.kind(), argument.kind()))
            }
            Binary::StartsWith | Binary::EndsWith => {
                let text = input.text().ok_or(Fail::Type(input.kind(), "string"))?.decode();
                let part = argument.text().ok_or(Fail::Type(argument.kind(), "string"))?.decode();
                Ok(match binary {
                    Binary::StartsWith => text.starts_with(&*part),
                    _ => text.ends_with(&*part),
                })
            }
        }
    }
}

fn variable<'a>(outwards: usize, scope: Scope<'_, 'a>) -> Val<'a> {
    let mut scope = scope;
    for _ in 0..outwards {
        match scope.inner {
            Some(binding) => scope = binding.outer,
            None => return NULL,
        }
    }
    scope.inner.map_or(NULL, |binding| binding.value.clone())
}

fn negate<'a>(value: &Val<'a>) -> Outcome<'a> {
    match value.number() {
        Some(Number::Int(value)) => {
            Ok(Val::Number(value.checked_neg().map_or(Number::Float(-(value as f64)), Number::Int)))
        }
        Some(other) => Ok(Val::Number(Number::Float(-other.as_f64()))),
        None => Err(Fail::Type(value.kind(), "number")),
    }
}

/// An index counted from the end when negative, if it is not before the beginning.
fn absolute(index: i64, len: usize) -> Option<usize> {
    let distance = usize::try_from(index.unsigned_abs()).ok()?;
    if index >= 0 { Some(distance) } else { len.checked_sub(distance) }
}
