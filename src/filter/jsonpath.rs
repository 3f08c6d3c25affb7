//! JSONPath in the dialect of the published recipes, compiled once.
//!
//! The dialect is that of the crate jsonpath-rust 0.3.5, oddities included, because recipes were
//! tuned on its verdicts: a filter over an object tests the object itself, each logical operator
//! looks one array deeper, a slice beyond the end is empty, `length()` inside a filter is never
//! there. One thing is not kept: there 1 and 1.0 differ, here numbers compare as numbers.

mod compare;
mod eval;
mod grammar;
mod logic;

pub use eval::Item;
use regex::Regex;

use super::needs::{NeedId, Needs};
use super::number::Number;
use crate::error::{Error, Result};

/// A compiled path.
#[derive(Debug)]
pub struct JsonPath {
    chain: Chain,
}

#[derive(Debug)]
struct Chain {
    steps: Vec<Step>,
    /// Whether `length()` at the end counts the matches instead of measuring the first.
    counts: bool,
    /// Whether every step has at most one result, so that no list is needed.
    single: bool,
}

#[derive(Debug)]
enum Step {
    Root,
    /// `@` and what follows it, which is the rest of its chain.
    Current(Option<Chain>),
    Key(Key),
    Keys(Vec<Key>),
    Wildcard,
    Descend(String),
    DescendAll,
    Index(usize),
    Indices(Vec<usize>),
    Slice {
        start: i32,
        end: i32,
        step: usize,
    },
    Filter(Logic),
    Length,
}

#[derive(Debug)]
struct Key {
    name: String,
    /// Its slot where records are read pruned, given by `plan`.
    slot: Option<u32>,
}

#[derive(Debug)]
enum Logic {
    Or(Box<Logic>, Box<Logic>),
    And(Box<Logic>, Box<Logic>),
    Not(Box<Logic>),
    Exists(Operand),
    Compare(Operand, Sign, Operand),
}

#[derive(Debug)]
enum Sign {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// Compiled when the pattern is a literal.
    Regex(Option<Regex>),
    In,
    NotIn,
    Size,
    NoneOf,
    AnyOf,
    SubsetOf,
}

#[derive(Debug)]
enum Operand {
    Literal(Literal),
    Path(Chain),
}

#[derive(Debug)]
enum Literal {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    Array(Vec<Literal>),
}

impl JsonPath {
    /// Compiles `expression`. `whole` says that the caller reads the matches themselves, not only
    /// whether there are any.
    pub fn compile(expression: &str, whole: bool, needs: &mut Needs) -> Result<Self> {
        let mut chain = grammar::parse(expression).map_err(|fault| {
            Error::config(format!(
                "cannot use the JSONPath `{expression}`: at character {}: {}",
                fault.at + 1,
                fault.message
            ))
        })?;
        let end = plan_chain(&mut chain, Some(Needs::ROOT), needs);
        if whole {
            read_whole(end, needs);
        }
        Ok(Self { chain })
    }

    /// The names of a path such as `$.metadata.url`, which needs no JSONPath to be followed.
    pub fn plain(&self) -> Option<Vec<String>> {
        let mut steps = self.chain.steps.iter();
        if !matches!(steps.next(), Some(Step::Root)) {
            return None;
        }
        let names: Option<Vec<String>> = steps
            .map(|step| match step {
                Step::Key(key) => Some(key.name.clone()),
                _ => None,
            })
            .collect();
        names.filter(|names| !names.is_empty())
    }
}

fn read_whole(place: Option<NeedId>, needs: &mut Needs) {
    if let Some(place) = place {
        needs.need_whole(place);
    }
}

/// Gives slots to the keys of a chain that starts at `place` and returns where it ends. `None` is
/// anywhere below a node that is read as a whole; elements of arrays always are.
fn plan_chain(chain: &mut Chain, mut place: Option<NeedId>, needs: &mut Needs) -> Option<NeedId> {
    for step in &mut chain.steps {
        place = match step {
            Step::Root => Some(Needs::ROOT),
            Step::Current(None) | Step::Length => place,
            Step::Current(Some(tail)) => plan_chain(tail, place, needs),
            Step::Key(key) => plan_key(key, place, needs),
            Step::Keys(keys) => {
                for key in keys {
                    let end = plan_key(key, place, needs);
                    read_whole(end, needs);
                }
                None
            }
            Step::Wildcard | Step::Descend(_) | Step::DescendAll => {
                read_whole(place, needs);
                None
            }
            Step::Index(_) | Step::Indices(_) | Step::Slice { .. } => None,
            Step::Filter(logic) => {
                plan_logic(logic, place, needs);
                // Either the object itself or elements of an array, which need no slots.
                place
            }
        };
    }
    place
}

fn plan_key(key: &mut Key, place: Option<NeedId>, needs: &mut Needs) -> Option<NeedId> {
    let (slot, child) = needs.child(place?, &key.name);
    key.slot = Some(slot);
    Some(child)
}

fn plan_logic(logic: &mut Logic, place: Option<NeedId>, needs: &mut Needs) {
    match logic {
        Logic::Or(left, right) | Logic::And(left, right) => {
            plan_logic(left, place, needs);
            plan_logic(right, place, needs);
        }
        Logic::Not(inner) => plan_logic(inner, place, needs),
        Logic::Exists(Operand::Path(chain)) => {
            plan_chain(chain, place, needs);
        }
        Logic::Exists(Operand::Literal(_)) => {}
        Logic::Compare(left, _, right) => {
            for side in [left, right] {
                if let Operand::Path(chain) = side {
                    let end = plan_chain(chain, place, needs);
                    read_whole(end, needs);
                }
            }
        }
    }
}
