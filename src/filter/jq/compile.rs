//! From the syntax tree of jq to expressions that are evaluated here.
//!
//! While translating it follows which part of the record each expression stands on, so that `.a.b`
//! gets slots and anything that looks at an object as a whole has it read as a whole. A construct
//! that is not covered stops the translation, and the filter goes to the interpreter.

use jaq_syn::filter::{BinaryOp, Filter};
use jaq_syn::path::{Opt, Part as PathPart};
use jaq_syn::string::Part as StrPart;
use jaq_syn::{MathOp, OrdOp, Spanned, Str};
use regex::{Regex, RegexBuilder};

use super::{Access, Binary, Comparison, Expr, Function, Kind, Math, Part};
use crate::filter::needs::{NeedId, Needs};
use crate::filter::number::Number;

/// Why a translation ended.
pub enum Stop {
    /// Outside the covered subset.
    Foreign,
    /// Wrong for the interpreter as well.
    Wrong(String),
}

type Translated = Result<(Expr, Place), Stop>;

/// The node of the record that an expression's outputs are, or `None` for computed values and for
/// anything below a node that is read as a whole.
type Place = Option<NeedId>;

pub fn compile(filter: &Filter, needs: &mut Needs) -> Result<Expr, Stop> {
    let mut compiler = Compiler { needs, variables: Vec::new() };
    let (expr, place) = compiler.filter(filter, Some(Needs::ROOT))?;
    compiler.whole(place);
    Ok(expr)
}

struct Compiler<'n> {
    needs: &'n mut Needs,
    variables: Vec<String>,
}

impl Compiler<'_> {
    fn whole(&mut self, place: Place) {
        if let Some(place) = place {
            self.needs.need_whole(place);
        }
    }

    /// An expression all of whose outputs are looked at as a whole.
    fn read(&mut self, filter: &Filter, place: Place) -> Result<Expr, Stop> {
        let (expr, end) = self.filter(filter, place)?;
        self.whole(end);
        Ok(expr)
    }

    /// An expression of which only the kind or truth of the outputs matters.
    fn glance(&mut self, filter: &Filter, place: Place) -> Result<Box<Expr>, Stop> {
        self.filter(filter, place).map(|(expr, _)| Box::new(expr))
    }

    fn filter(&mut self, filter: &Filter, place: Place) -> Translated {
        let computed = |kind, single| Ok((Expr { kind, single }, None));
        match filter {
            Filter::Id => Ok((Expr { kind: Kind::Identity, single: true }, place)),
            Filter::Num(text) => computed(Kind::Number(number(text)?), true),
            Filter::Str(text) => computed(Kind::Text(literal(text)?), true),
            Filter::Array(None) => computed(Kind::Collect(None), true),
            Filter::Array(Some(inner)) => {
                let inner = self.read(&inner.0, place)?;
                computed(Kind::Collect(Some(Box::new(inner))), true)
            }
            Filter::Neg(inner) => {
                let inner = self.read(&inner.0, place)?;
                let single = inner.single;
                match inner.kind {
                    Kind::Number(Number::Int(value)) => {
                        computed(Kind::Number(Number::Int(-value)), true)
                    }
                    _ => computed(Kind::Negate(Box::new(inner)), single),
                }
            }
            Filter::Try(inner) | Filter::TryCatch(inner, None) => {
                let (inner, place) = self.filter(&inner.0, place)?;
                Ok((Expr { kind: Kind::Try(Box::new(inner)), single: false }, place))
            }
            Filter::Var(name) => {
                let outwards = self.variables.iter().rev().position(|bound| bound == name);
                computed(Kind::Variable(outwards.ok_or(Stop::Foreign)?), true)
            }
            Filter::Ite(branches, otherwise) => {
                self.branches(branches, otherwise.as_deref(), place)
            }
            Filter::Path(base, parts) => self.path(&base.0, parts, place),
            Filter::Binary(left, op, right) => self.binary(&left.0, op, &right.0, place),
            Filter::Call(name, arguments) => self.call(name, arguments, place),
            _ => Err(Stop::Foreign),
        }
    }

    fn branches(
        &mut self,
        branches: &[(Spanned<Filter>, Spanned<Filter>)],
        otherwise: Option<&Spanned<Filter>>,
        place: Place,
    ) -> Translated {
        let Some(((test, then), more)) = branches.split_first() else {
            return match otherwise {
                Some(filter) => self.filter(&filter.0, place),
                None => self.filter(&Filter::Id, place),
            };
        };
        let test = self.glance(&test.0, place)?;
        let (then, then_place) = self.filter(&then.0, place)?;
        let (other, other_place) = self.branches(more, otherwise, place)?;
        let end = self.join(then_place, other_place);
        let single = test.single && then.single && other.single;
        Ok((Expr { kind: Kind::If(test, Box::new(then), Box::new(other)), single }, end))
    }

    /// Where outputs stand that can come from either place.
    fn join(&mut self, left: Place, right: Place) -> Place {
        if left == right {
            return left;
        }
        self.whole(left);
        self.whole(right);
        None
    }

    fn path(
        &mut self,
        base: &Filter,
        parts: &[(PathPart<Spanned<Filter>>, Opt)],
        place: Place,
    ) -> Translated {
        let (base, mut end) = self.filter(base, place)?;
        let mut single = base.single;
        let mut steps = Vec::with_capacity(parts.len());
        for (part, opt) in parts {
            let (access, next) = self.access(part, end)?;
            end = next;
            let optional = matches!(opt, Opt::Optional);
            single &= !optional && !matches!(access, Access::Iterate);
            steps.push(Part { access, optional });
        }
        Ok((Expr { kind: Kind::Path(Box::new(base), steps), single }, end))
    }

    fn access(
        &mut self,
        part: &PathPart<Spanned<Filter>>,
        place: Place,
    ) -> Result<(Access, Place), Stop> {
        match part {
            PathPart::Index((Filter::Str(name), _)) => {
                let name = literal(name)?;
                let child = place.map(|place| self.needs.child(place, &name));
                let slot = child.map(|(slot, _)| slot);
                Ok((Access::Key { name, slot }, child.map(|(_, place)| place)))
            }
            // Elements of arrays are always read whole; indexing an object by number is an error.
            PathPart::Index((index, _)) => Ok((Access::Index(integer(index)?), None)),
            PathPart::Range(None, None) => {
                self.whole(place);
                Ok((Access::Iterate, None))
            }
            PathPart::Range(from, upto) => {
                let bound = |bound: &Option<Spanned<Filter>>| {
                    bound.as_ref().map(|(filter, _)| integer(filter)).transpose()
                };
                Ok((Access::Slice(bound(from)?, bound(upto)?), None))
            }
        }
    }

    fn binary(&mut self, left: &Filter, op: &BinaryOp, right: &Filter, place: Place) -> Translated {
        match op {
            BinaryOp::Pipe(None) => {
                let (left, middle) = self.filter(left, place)?;
                let (right, end) = self.filter(right, middle)?;
                let single = left.single && right.single;
                Ok((Expr { kind: Kind::Pipe(Box::new(left), Box::new(right)), single }, end))
            }
            BinaryOp::Pipe(Some(name)) => {
                let value = self.read(left, place)?;
                self.variables.push(name.clone());
                let body = self.filter(right, place);
                self.variables.pop();
                let (body, end) = body?;
                let single = value.single && body.single;
                Ok((Expr { kind: Kind::Bind(Box::new(value), Box::new(body)), single }, end))
            }
            BinaryOp::Comma | BinaryOp::Alt => {
                let (left, left_place) = self.filter(left, place)?;
                let (right, right_place) = self.filter(right, place)?;
                let end = self.join(left_place, right_place);
                let single = left.single && right.single;
                let (left, right) = (Box::new(left), Box::new(right));
                Ok(match op {
                    BinaryOp::Comma => {
                        (Expr { kind: Kind::Comma(left, right), single: false }, end)
                    }
                    _ => (Expr { kind: Kind::Alternative(left, right), single }, end),
                })
            }
            BinaryOp::Or | BinaryOp::And => {
                let (left, right) = (self.glance(left, place)?, self.glance(right, place)?);
                let single = left.single && right.single;
                let stop = matches!(op, BinaryOp::Or);
                Ok((Expr { kind: Kind::Logic { left, stop, right }, single }, None))
            }
            BinaryOp::Ord(op) => self.comparison(left, op, right, place),
            BinaryOp::Math(op) => {
                let left = Box::new(self.read(left, place)?);
                let right = Box::new(self.read(right, place)?);
                let single = left.single && right.single;
                Ok((Expr { kind: Kind::Math(left, math(*op), right), single }, None))
            }
            BinaryOp::Assign(_) => Err(Stop::Foreign),
        }
    }

    fn comparison(
        &mut self,
        left: &Filter,
        op: &OrdOp,
        right: &Filter,
        place: Place,
    ) -> Translated {
        let (left, left_place) = self.filter(left, place)?;
        let (right, right_place) = self.filter(right, place)?;
        // Against a number, string, null or boolean an object's kind decides.
        if !is_scalar(&left) && !is_scalar(&right) {
            self.whole(left_place);
            self.whole(right_place);
        }
        let single = left.single && right.single;
        let op = match op {
            OrdOp::Eq => Comparison::Equal,
            OrdOp::Ne => Comparison::Unequal,
            OrdOp::Lt => Comparison::Less,
            OrdOp::Le => Comparison::LessOrEqual,
            OrdOp::Gt => Comparison::Greater,
            OrdOp::Ge => Comparison::GreaterOrEqual,
        };
        Ok((Expr { kind: Kind::Compare(Box::new(left), op, Box::new(right)), single }, None))
    }

    fn call(&mut self, name: &str, arguments: &[Spanned<Filter>], place: Place) -> Translated {
        match arguments {
            [] => self.call_plain(name, place),
            [(argument, _)] => self.call_with(name, argument, place),
            [(items, _), (test, _)] if matches!(name, "any" | "all") => {
                let (items, middle) = self.filter(items, place)?;
                let test = self.glance(test, middle)?;
                let kind = Kind::Quantifier { items: Box::new(items), test, stop: name == "any" };
                Ok((Expr { kind, single: true }, None))
            }
            [(pattern, _), (Filter::Str(flags), _)] if name == "test" => {
                let flags = literal(flags)?;
                Ok((Expr { kind: Kind::Test(regex(pattern, &flags)?), single: true }, None))
            }
            _ => Err(Stop::Foreign),
        }
    }

    fn call_plain(&mut self, name: &str, place: Place) -> Translated {
        let (kind, single) = match name {
            "null" => (Kind::Null, true),
            "true" => (Kind::Bool(true), true),
            "false" => (Kind::Bool(false), true),
            "empty" => (Kind::Empty, false),
            "not" => (Kind::Function(Function::Not), true),
            "type" => (Kind::Function(Function::Type), true),
            "first" | "last" => {
                let index = if name == "first" { 0 } else { -1 };
                let part = Part { access: Access::Index(index), optional: false };
                (Kind::Path(Box::new(identity()), vec![part]), true)
            }
            "any" | "all" => {
                self.whole(place);
                let (items, test) = (Box::new(every()), Box::new(identity()));
                (Kind::Quantifier { items, test, stop: name == "any" }, true)
            }
            _ => {
                let function = match name {
                    "length" => Function::Length,
                    "add" => Function::Add,
                    "min" => Function::Min,
                    "max" => Function::Max,
                    "keys" => Function::Keys,
                    "to_entries" => Function::ToEntries,
                    "ascii_downcase" => Function::Lowercase,
                    _ => return Err(Stop::Foreign),
                };
                self.whole(place);
                (Kind::Function(function), true)
            }
        };
        Ok((Expr { kind, single }, None))
    }

    fn call_with(&mut self, name: &str, argument: &Filter, place: Place) -> Translated {
        let computed = |kind, single| Ok((Expr { kind, single }, None));
        match name {
            "select" => {
                let test = self.glance(argument, place)?;
                Ok((Expr { kind: Kind::Select(test), single: false }, place))
            }
            "first" => {
                let (inner, end) = self.filter(argument, place)?;
                Ok((Expr { kind: Kind::First(Box::new(inner)), single: false }, end))
            }
            "map" => {
                self.whole(place);
                let inner = self.read(argument, None)?;
                let kind = Kind::Pipe(Box::new(every()), Box::new(inner));
                let inner = Expr { kind, single: false };
                computed(Kind::Collect(Some(Box::new(inner))), true)
            }
            "any" | "all" => {
                self.whole(place);
                let test = self.glance(argument, None)?;
                let kind = Kind::Quantifier { items: Box::new(every()), test, stop: name == "any" };
                computed(kind, true)
            }
            "test" => computed(Kind::Test(regex(argument, "")?), true),
            "has" | "contains" | "startswith" | "endswith" => {
                let binary = match name {
                    "has" => Binary::Has,
                    "contains" => Binary::Contains,
                    "startswith" => Binary::StartsWith,
                    _ => Binary::EndsWith,
                };
                self.whole(place);
                let argument = self.read(argument, place)?;
                let single = argument.single;
                computed(Kind::Binary(binary, Box::new(argument)), single)
            }
            _ => Err(Stop::Foreign),
        }
    }
}

fn identity() -> Expr {
    Expr { kind: Kind::Identity, single: true }
}

/// `.[]`
fn every() -> Expr {
    let part = Part { access: Access::Iterate, optional: false };
    Expr { kind: Kind::Path(Box::new(identity()), vec![part]), single: false }
}

fn is_scalar(expr: &Expr) -> bool {
    matches!(expr.kind, Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_))
}

fn math(op: MathOp) -> Math {
    match op {
        MathOp::Add => Math::Add,
        MathOp::Sub => Math::Subtract,
        MathOp::Mul => Math::Multiply,
        MathOp::Div => Math::Divide,
        MathOp::Rem => Math::Remainder,
    }
}

/// A literal: whole numbers must fit 64 bits, as for the interpreter.
fn number(text: &str) -> Result<Number, Stop> {
    let parsed = if text.contains(['.', 'e', 'E']) {
        text.parse().ok().map(Number::Float)
    } else {
        text.parse().ok().map(Number::Int)
    };
    parsed.ok_or(Stop::Foreign)
}

fn integer(filter: &Filter) -> Result<i64, Stop> {
    match filter {
        Filter::Num(text) => match number(text)? {
            Number::Int(value) => Ok(value),
            _ => Err(Stop::Foreign),
        },
        Filter::Neg(inner) => integer(&inner.0).map(|value| -value),
        _ => Err(Stop::Foreign),
    }
}

/// A string without interpolation.
fn literal(text: &Str<Spanned<Filter>>) -> Result<String, Stop> {
    match (&text.fmt, text.parts.as_slice()) {
        (None, []) => Ok(String::new()),
        (None, [StrPart::Str(text)]) => Ok(text.clone()),
        _ => Err(Stop::Foreign),
    }
}

fn regex(pattern: &Filter, flags: &str) -> Result<Regex, Stop> {
    let Filter::Str(pattern) = pattern else {
        return Err(Stop::Foreign);
    };
    let pattern = literal(pattern)?;
    let mut builder = RegexBuilder::new(&pattern);
    for flag in flags.chars() {
        match flag {
            'g' => &mut builder,
            'i' => builder.case_insensitive(true),
            'm' => builder.multi_line(true),
            's' => builder.dot_matches_new_line(true),
            'l' => builder.swap_greed(true),
            'x' => builder.ignore_whitespace(true),
            'p' => builder.multi_line(true).dot_matches_new_line(true),
            // `n` ignores empty matches; unknown ones are for the interpreter to refuse.
            _ => return Err(Stop::Foreign),
        };
    }
    builder.build().map_err(|cause| Stop::Wrong(format!("expected a regular expression: {cause}")))
}
