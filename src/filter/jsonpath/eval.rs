//! What a compiled path finds in a record.

use super::compare::Term;
use super::{Chain, JsonPath, Key, Logic, Operand, Step};
use crate::filter::value::{Node, Tape};

/// One result of a step. `Missing` is a result too: it says that a step led nowhere, and
/// `length()` can tell it from no result at all.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    Missing,
    Node(Node<'a>),
    /// Made by `length()`.
    Count(usize),
}

/// Receives results; `false` asks for no more.
type Sink<'s, 'a> = &'s mut dyn FnMut(Item<'a>) -> bool;

impl JsonPath {
    /// Whether the path finds anything.
    pub fn matches<'a>(&self, tape: &Tape<'a>, root: Node<'a>) -> bool {
        let mut found = false;
        self.each(tape, root, &mut |_| {
            found = true;
            false
        });
        found
    }

    /// Every value the path finds, in order.
    pub fn each<'a>(&self, tape: &Tape<'a>, root: Node<'a>, out: Sink<'_, 'a>) {
        let record = Record { tape, root };
        if self.chain.single {
            if let Some(node) = record.single(&self.chain, Some(root)) {
                out(Item::Node(node));
            }
            return;
        }
        record.chain(&self.chain, Item::Node(root), &mut |item| match item {
            Item::Missing => true,
            item => out(item),
        });
    }
}

pub struct Record<'t, 'a> {
    pub tape: &'t Tape<'a>,
    root: Node<'a>,
}

impl<'a> Record<'_, 'a> {
    fn single(&self, chain: &Chain, mut node: Option<Node<'a>>) -> Option<Node<'a>> {
        for step in &chain.steps {
            node = match step {
                Step::Root => Some(self.root),
                Step::Key(key) => node.and_then(|node| self.key(node, key)),
                Step::Index(index) => {
                    node.and_then(|node| self.tape.elements(node).get(*index).copied())
                }
                _ => None,
            };
        }
        node
    }

    fn key(&self, node: Node<'a>, key: &Key) -> Option<Node<'a>> {
        self.tape.get(node, &key.name, key.slot)
    }

    fn chain(&self, chain: &Chain, item: Item<'a>, out: Sink<'_, 'a>) -> bool {
        self.steps(&chain.steps, chain.counts, item, out)
    }

    fn steps(&self, steps: &[Step], counts: bool, item: Item<'a>, out: Sink<'_, 'a>) -> bool {
        // `length()` needs all results before it, every other step takes them one by one.
        if let Some(at) = steps.iter().position(|step| matches!(step, Step::Length)) {
            let mut before = Vec::new();
            self.walk(&steps[..at], item, &mut |item| {
                before.push(item);
                true
            });
            let length = self.length(&before, counts);
            return self.steps(&steps[at + 1..], counts, length, out);
        }
        self.walk(steps, item, out)
    }

    fn length(&self, items: &[Item<'a>], counts: bool) -> Item<'a> {
        let present = items.iter().filter(|item| !matches!(item, Item::Missing)).count();
        if present == 0 && !items.is_empty() {
            return Item::Missing;
        }
        if counts {
            return Item::Count(present);
        }
        match items.first() {
            Some(Item::Node(Node::Array { len, .. })) => Item::Count(*len as usize),
            _ => Item::Missing,
        }
    }

    fn walk(&self, steps: &[Step], item: Item<'a>, out: Sink<'_, 'a>) -> bool {
        let Some((step, rest)) = steps.split_first() else {
            return out(item);
        };
        match step {
            Step::Root => return self.walk(rest, Item::Node(self.root), out),
            Step::Current(None) => return self.walk(rest, item, out),
            Step::Current(Some(tail)) => {
                return self.chain(tail, item, &mut |item| self.walk(rest, item, out));
            }
            _ => {}
        }
        let Item::Node(node) = item else {
            return match (step, item) {
                (Step::DescendAll, Item::Count(_)) => true,
                (Step::Keys(keys), _) => keys.iter().all(|_| self.walk(rest, Item::Missing, out)),
                (Step::Indices(list), _) => {
                    list.iter().all(|_| self.walk(rest, Item::Missing, out))
                }
                _ => self.walk(rest, Item::Missing, out),
            };
        };
        let mut found = false;
        let complete = self.step(step, node, &mut |next| {
            found = true;
            self.walk(rest, next, out)
        });
        // A step without results leads nowhere, save `..*`, which then has no results at all.
        if complete && !found && !matches!(step, Step::DescendAll) {
            return self.walk(rest, Item::Missing, out);
        }
        complete
    }

    fn step(&self, step: &Step, node: Node<'a>, out: Sink<'_, 'a>) -> bool {
        let optional = |found: Option<Node<'a>>| found.map_or(Item::Missing, Item::Node);
        let elements = self.tape.elements(node);
        match step {
            Step::Key(key) => out(optional(self.key(node, key))),
            Step::Keys(keys) => keys.iter().all(|key| out(optional(self.key(node, key)))),
            Step::Index(index) => out(optional(elements.get(*index).copied())),
            Step::Indices(list) => {
                list.iter().all(|index| out(optional(elements.get(*index).copied())))
            }
            Step::Slice { start, end, step } => {
                let Some((start, end)) = bounds(*start, *end, elements.len()) else {
                    return true;
                };
                (start..end)
                    .step_by(*step)
                    .filter_map(|index| elements.get(index))
                    .all(|found| out(Item::Node(*found)))
            }
            Step::Wildcard => self.children(node, &mut |child| out(Item::Node(child))),
            Step::Descend(name) => self.descend(node, name, out),
            Step::DescendAll => self.descend_all(node, out),
            Step::Filter(logic) => match node {
                Node::Array { .. } => elements
                    .iter()
                    .filter(|element| self.holds(logic, **element))
                    .all(|element| out(Item::Node(*element))),
                other => !self.holds(logic, other) || out(Item::Node(other)),
            },
            Step::Root | Step::Current(_) | Step::Length => true,
        }
    }

    /// Elements of an array, or values of an object in key order.
    fn children(&self, node: Node<'a>, out: &mut dyn FnMut(Node<'a>) -> bool) -> bool {
        self.tape.elements(node).iter().all(|child| out(*child))
            && self.tape.pairs(node).iter().all(|pair| out(pair[1]))
    }

    fn descend(&self, node: Node<'a>, name: &str, out: Sink<'_, 'a>) -> bool {
        let found = self.tape.get(node, name, None);
        if found.is_some_and(|found| !out(Item::Node(found))) {
            return false;
        }
        self.children(node, &mut |child| self.descend(child, name, out))
    }

    fn descend_all(&self, node: Node<'a>, out: Sink<'_, 'a>) -> bool {
        self.children(node, &mut |child| out(Item::Node(child)) && self.descend_all(child, out))
    }

    /// Whether `logic` holds for a value, or for any element when it is an array.
    fn holds_in(&self, logic: &Logic, node: Node<'a>) -> bool {
        match node {
            Node::Array { .. } => {
                self.tape.elements(node).iter().any(|element| self.holds(logic, *element))
            }
            other => self.holds(logic, other),
        }
    }

    fn holds(&self, logic: &Logic, node: Node<'a>) -> bool {
        match logic {
            Logic::Or(left, right) => self.holds_in(left, node) || self.holds_in(right, node),
            Logic::And(left, right) => self.holds_in(left, node) && self.holds_in(right, node),
            Logic::Not(inner) => !self.holds_in(inner, node),
            Logic::Exists(Operand::Literal(_)) => true,
            Logic::Exists(Operand::Path(chain)) if chain.single => {
                self.single(chain, Some(node)).is_some()
            }
            Logic::Exists(Operand::Path(chain)) => {
                !self.chain(chain, Item::Node(node), &mut |item| !matches!(item, Item::Node(_)))
            }
            Logic::Compare(left, sign, right) => self.terms(left, node, |left| {
                self.terms(right, node, |right| self.compare(left, sign, right))
            }),
        }
    }

    /// The values of an operand; those made by `length()` do not count.
    fn terms<'e, T>(
        &self,
        operand: &'e Operand,
        node: Node<'a>,
        with: impl FnOnce(&[Term<'e, 'a>]) -> T,
    ) -> T {
        match operand {
            Operand::Literal(literal) => with(&[Term::Literal(literal)]),
            Operand::Path(chain) if chain.single => match self.single(chain, Some(node)) {
                Some(found) => with(&[Term::Node(found)]),
                None => with(&[]),
            },
            Operand::Path(chain) => {
                let mut terms = Vec::new();
                self.chain(chain, Item::Node(node), &mut |item| {
                    if let Item::Node(found) = item {
                        terms.push(Term::Node(found));
                    }
                    true
                });
                with(&terms)
            }
        }
    }
}

/// First and last index of a slice, or nothing when a bound is beyond the array.
fn bounds(start: i32, end: i32, len: usize) -> Option<(usize, usize)> {
    let absolute = |bound: i32| {
        let distance = bound.unsigned_abs() as usize;
        if bound >= 0 { (distance <= len).then_some(distance) } else { len.checked_sub(distance) }
    };
    let (start, end) = (absolute(start)?, absolute(end)?);
    Some((start, if end == 0 { len } else { end }))
}
