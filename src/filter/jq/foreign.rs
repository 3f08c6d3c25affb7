//! Filters beyond the covered subset, run by the interpreter of the published tool.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use jaq_interpret::{Ctx, Filter, FilterT, ParseCtx, RcIter, Val};

use super::Output;
use crate::filter::json;
use crate::filter::value::{Node, Tape, key_of};

/// A filter compiled by jaq.
pub struct Foreign {
    filter: Filter,
}

impl Foreign {
    pub fn compile(main: jaq_syn::Main) -> Result<Self, String> {
        let mut context = ParseCtx::new(Vec::new());
        context.insert_natives(jaq_core::core());
        context.insert_defs(jaq_std::std());
        let filter = context.compile(main);
        match context.errs.first() {
            Some((fault, span)) => Err(format!("at character {}: {fault}", span.start + 1)),
            None => Ok(Self { filter }),
        }
    }

    pub fn truths<'a>(
        &self,
        tape: &Tape<'a>,
        root: Node<'a>,
        each: &mut dyn FnMut(bool),
    ) -> Result<(), String> {
        self.run(tape, root)?.iter().for_each(|value| each(is_true(value)));
        Ok(())
    }

    pub fn outputs<'a>(&self, tape: &Tape<'a>, root: Node<'a>) -> Result<Vec<Output<'a>>, String> {
        let json = |value: &Val| {
            let mut out = String::new();
            write(value, &mut out);
            Output::Json(out)
        };
        Ok(self.run(tape, root)?.iter().map(json).collect())
    }

    fn run<'a>(&self, tape: &Tape<'a>, root: Node<'a>) -> Result<Vec<Val>, String> {
        let record = value(tape, root);
        let inputs = RcIter::new(core::iter::empty());
        // Some updates are not implemented there and panic; that must not take the shard along.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let context = Ctx::new([], &inputs);
            self.filter.run((context, record)).collect::<Result<Vec<_>, _>>()
        }));
        match outcome {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(_) => Err("the jq interpreter cannot evaluate this filter".to_owned()),
        }
    }
}

fn value<'a>(tape: &Tape<'a>, node: Node<'a>) -> Val {
    match node {
        Node::Absent | Node::Null | Node::Pruned { .. } => Val::Null,
        Node::Bool(value) => Val::Bool(value),
        Node::Number(text) => {
            let text = String::from_utf8_lossy(text);
            match text.parse() {
                Ok(whole) => Val::Int(whole),
                Err(_) => Val::Num(Rc::new(text.into_owned())),
            }
        }
        Node::Text(text) => Val::str(text.decode().into_owned()),
        Node::Array { .. } => {
            Val::arr(tape.elements(node).iter().map(|element| value(tape, *element)).collect())
        }
        Node::Object { .. } => {
            let pairs = tape.pairs(node).iter();
            let pairs = pairs
                .map(|pair| (Rc::new(key_of(pair).decode().into_owned()), value(tape, pair[1])));
            Val::obj(pairs.collect())
        }
    }
}

fn is_true(value: &Val) -> bool {
    match value {
        Val::Null => false,
        Val::Bool(value) => *value,
        Val::Int(value) => *value != 0,
        Val::Float(value) => *value != 0.0,
        Val::Num(text) => text.parse() != Ok(0.0),
        Val::Str(text) => !text.is_empty(),
        Val::Arr(list) => !list.is_empty(),
        Val::Obj(map) => !map.is_empty(),
    }
}

fn write(value: &Val, out: &mut String) {
    match value {
        Val::Null => out.push_str("null"),
        Val::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Val::Int(value) => out.push_str(&value.to_string()),
        Val::Float(value) if value.is_finite() => out.push_str(&format!("{value:?}")),
        Val::Float(_) => out.push_str("null"),
        Val::Num(text) => out.push_str(text),
        Val::Str(text) => json::write_str(text, out),
        Val::Arr(list) => {
            out.push('[');
            for (index, item) in list.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Val::Obj(map) => {
            out.push('{');
            for (index, (key, item)) in map.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                json::write_str(key, out);
                out.push(':');
                write(item, out);
            }
            out.push('}');
        }
    }
}
