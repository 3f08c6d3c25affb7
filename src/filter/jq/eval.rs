//! Evaluation of translated jq expressions.
//!
//! An expression with exactly one output is a plain function call; the others hand their outputs,
//! errors among them, to a sink, in the order in which jq produces them.

use std::rc::Rc;

use super::value::{Fail, NULL, Outcome, Val};
use super::{Comparison, Expr, Kind, Output};
use crate::filter::number::Number;
use crate::filter::value::{Node, Tape};

/// Receives outputs; `false` asks for no more.
pub type Sink<'s, 'a> = &'s mut dyn FnMut(Outcome<'a>) -> bool;

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
            Kind::If(test, then, other) => {
                let branch = if self.one(test, input, scope)?.is_truthy() { then } else { other };
                self.one(branch, input, scope)?
            }
            _ => return self.one_rarer(expr, input, scope),
        })
    }

    /// The rest of `one`, apart so that the frame of the common expressions stays small.
    #[inline(never)]
    fn one_rarer(&self, expr: &'a Expr, input: &Val<'a>, scope: Scope<'_, 'a>) -> Outcome<'a> {
        Ok(match &expr.kind {
            Kind::Bind(left, right) => {
                let value = self.one(left, input, scope)?;
                let binding = Binding { value, outer: scope };
                self.one(right, input, Scope { inner: Some(&binding) })?
            }
            Kind::Math(left, op, right) => {
                let left = self.one(left, input, scope)?;
                let right = self.one(right, input, scope)?;
                left.math(*op, &right, self.tape)?
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
            // Not single, or handled by `one`.
            _ => NULL,
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
