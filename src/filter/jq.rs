//! jq filters, compiled once.
//!
//! The grammar is that of the published tool, parsed by its own parser. What recipes use of the
//! language is evaluated here, straight on the bytes of the record; anything else is handed to the
//! interpreter of the published tool, with the same results but a copy of the record per document.
//! Both index null with an error, unlike the program `jq`: a missing attribute is not a verdict.

mod compile;
mod eval;
mod foreign;
mod functions;
mod path;
mod value;

use regex::Regex;

use super::needs::Needs;
use super::number::Number;
use super::value::{Node, Tape};
use crate::error::{Error, Result};

pub use foreign::Foreign;

/// A compiled jq filter.
pub struct Jq {
    program: Program,
}

enum Program {
    Native(Expr),
    Foreign(Foreign),
}

struct Expr {
    kind: Kind,
    /// Whether there is exactly one output, or one error, for any input.
    single: bool,
}

enum Kind {
    Identity,
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    Path(Box<Expr>, Vec<Part>),
    Pipe(Box<Expr>, Box<Expr>),
    /// `l as $x | r`
    Bind(Box<Expr>, Box<Expr>),
    /// The variable bound this many bindings further out.
    Variable(usize),
    Comma(Box<Expr>, Box<Expr>),
    Alternative(Box<Expr>, Box<Expr>),
    /// `or` stops at true, `and` at false.
    Logic {
        left: Box<Expr>,
        stop: bool,
        right: Box<Expr>,
    },
    Compare(Box<Expr>, Comparison, Box<Expr>),
    Math(Box<Expr>, Math, Box<Expr>),
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `[f]`, and `[]` without `f`.
    Collect(Option<Box<Expr>>),
    Try(Box<Expr>),
    Negate(Box<Expr>),
    Select(Box<Expr>),
    First(Box<Expr>),
    /// `any` stops at true, `all` at false, over the outputs of `items`.
    Quantifier {
        items: Box<Expr>,
        test: Box<Expr>,
        stop: bool,
    },
    /// A function of the input alone.
    Function(Function),
    /// A function of the input and one argument.
    Binary(Binary, Box<Expr>),
    Test(Regex),
    Empty,
}

struct Part {
    access: Access,
    /// Followed by `?`: errors give no output.
    optional: bool,
}

enum Access {
    Key { name: String, slot: Option<u32> },
    Index(i64),
    Iterate,
    Slice(Option<i64>, Option<i64>),
}

#[derive(Clone, Copy, Debug)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug)]
enum Math {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy, Debug)]
enum Function {
    Not,
    Length,
    Type,
    Add,
    Min,
    Max,
    Keys,
    ToEntries,
    Lowercase,
}

#[derive(Clone, Copy, Debug)]
enum Binary {
    Has,
    Contains,
    StartsWith,
    EndsWith,
}

/// One output of a filter.
#[derive(Debug)]
pub enum Output<'a> {
    /// A part of the record.
    Node(Node<'a>),
    /// A computed value, as JSON.
    Json(String),
}

impl Jq {
    pub fn compile(expression: &str, needs: &mut Needs) -> Result<Self> {
        let (main, faults) = jaq_parse::parse(expression, jaq_parse::main());
        if let Some(fault) = faults.first() {
            let at = fault.span().start + 1;
            let expected = in_order(&fault.to_string());
            return Err(refusal(expression, &format!("at character {at}: {expected}")));
        }
        let Some(main) = main else {
            return Err(refusal(expression, "expected a filter"));
        };
        if main.defs.is_empty() {
            match compile::compile(&main.body.0, needs) {
                Ok(expr) => return Ok(Self { program: Program::Native(expr) }),
                Err(compile::Stop::Wrong(message)) => return Err(refusal(expression, &message)),
                Err(compile::Stop::Foreign) => {}
            }
        }
        needs.need_whole(Needs::ROOT);
        let foreign = Foreign::compile(main).map_err(|message| refusal(expression, &message))?;
        Ok(Self { program: Program::Foreign(foreign) })
    }

    /// Compiles for the interpreter whatever the filter is; for comparisons in tests.
    #[cfg(test)]
    pub fn compile_foreign(expression: &str, needs: &mut Needs) -> Result<Self> {
        let (main, _) = jaq_parse::parse(expression, jaq_parse::main());
        let main = main.ok_or_else(|| refusal(expression, "expected a filter"))?;
        needs.need_whole(Needs::ROOT);
        let foreign = Foreign::compile(main).map_err(|message| refusal(expression, &message))?;
        Ok(Self { program: Program::Foreign(foreign) })
    }

    /// Whether the filter is evaluated here and not by the interpreter.
    #[cfg(test)]
    pub fn is_native(&self) -> bool {
        matches!(self.program, Program::Native(_))
    }

    /// Calls `each` with the truth of every output; fails with the first output that is an error.
    ///
    /// Recipes count null, false, zero and empty strings, arrays and objects as false.
    pub fn truths<'a>(
        &'a self,
        tape: &'a Tape<'a>,
        root: Node<'a>,
        mut each: impl FnMut(bool),
    ) -> std::result::Result<(), String> {
        match &self.program {
            Program::Native(expr) => eval::Run { tape }.truths(expr, root, &mut each),
            Program::Foreign(foreign) => foreign.truths(tape, root, &mut each),
        }
    }

    /// Every output; fails with the first that is an error.
    pub fn outputs<'a>(
        &'a self,
        tape: &'a Tape<'a>,
        root: Node<'a>,
    ) -> std::result::Result<Vec<Output<'a>>, String> {
        match &self.program {
            Program::Native(expr) => eval::Run { tape }.outputs(expr, root),
            Program::Foreign(foreign) => foreign.outputs(tape, root),
        }
    }
}

/// A parser's complaint with what it expected in order: it lists that in the order of a hash table.
fn in_order(fault: &str) -> String {
    let Some((found, expected)) = fault.split_once("expected one of ") else {
        return fault.to_string();
    };
    let mut expected: Vec<&str> = expected.split(", ").collect();
    expected.sort_unstable();
    format!("{found}expected one of {}", expected.join(", "))
}

fn refusal(expression: &str, message: &str) -> Error {
    Error::config(format!("cannot use the jq filter `{expression}`: {message}"))
}
