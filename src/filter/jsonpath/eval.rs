//! What a compiled path finds in a record.

use regex::Regex;
use std::cmp::Ordering;

use super::{Chain, JsonPath, Key, Literal, Logic, Operand, Sign, Step};
use crate::filter::number::Number;
use crate::filter::value::{Node, Tape, Text, key_of};

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

/// One side of a comparison.
#[derive(Clone, Copy)]
enum Term<'e, 'a> {
    Node(Node<'a>),
    Literal(&'e Literal),
}

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

struct Record<'t, 'a> {
    tape: &'t Tape<'a>,
    root: Node<'a>,
}

impl<'a> Record<'_, 'a> {
    fn single(&self, chain: &Chain, mut node: Option<Node<'a>>) -> Option<Node<'a>> {
        for step in &chain.steps {
            node = match step {
                Step::Root => Some(self.root),
                Step::Current(None) => node,
                Step::Current(Some(tail)) => self.single(tail, node),
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
        if let Some(found) = self.tape.get(node, name, None) {
            if !out(Item::Node(found)) {
                return false;
            }
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

    fn compare(&self, left: &[Term<'_, 'a>], sign: &Sign, right: &[Term<'_, 'a>]) -> bool {
        match sign {
            Sign::Equal => self.equal_lists(left, right),
            Sign::Unequal => !self.equal_lists(left, right),
            Sign::Less => order(left, right) == Some(Ordering::Less),
            Sign::Greater => order(left, right) == Some(Ordering::Greater),
            Sign::LessOrEqual => match order(left, right) {
                Some(order) => order.is_le(),
                None => self.equal_lists(left, right),
            },
            Sign::GreaterOrEqual => match order(left, right) {
                Some(order) => order.is_ge(),
                None => self.equal_lists(left, right),
            },
            Sign::Regex(compiled) => regex(left, compiled.as_ref(), right),
            Sign::In => self.inside(left, right),
            Sign::NotIn => !self.inside(left, right),
            Sign::Size => self.size(left, right),
            Sign::AnyOf => self.any_of(left, right),
            Sign::NoneOf => !self.any_of(left, right),
            Sign::SubsetOf => self.subset(left, right),
        }
    }

    fn equal_lists(&self, left: &[Term<'_, 'a>], right: &[Term<'_, 'a>]) -> bool {
        left.len() == right.len() && left.iter().zip(right).all(|(a, b)| self.equal(*a, *b))
    }

    fn equal(&self, a: Term<'_, 'a>, b: Term<'_, 'a>) -> bool {
        if let (Some(a), Some(b)) = (a.number(), b.number()) {
            return a.compare(b).is_eq();
        }
        if let (Some(a), Some(b)) = (a.text(), b.text()) {
            return a.compare(b).is_eq();
        }
        if let (Some(a_len), Some(b_len)) = (a.array_len(), b.array_len()) {
            let mut pairs = self.list(a).zip(self.list(b));
            return a_len == b_len && pairs.all(|(a, b)| self.equal(a, b));
        }
        match (a, b) {
            (Term::Node(a @ Node::Object { .. }), Term::Node(b @ Node::Object { .. })) => {
                let (a, b) = (self.tape.pairs(a), self.tape.pairs(b));
                a.len() == b.len()
                    && a.iter().zip(b).all(|(a, b)| {
                        key_of(a).compare(key_of(b)).is_eq()
                            && self.equal(Term::Node(a[1]), Term::Node(b[1]))
                    })
            }
            _ => match (a.simple(), b.simple()) {
                (Some(a), Some(b)) => a == b,
                _ => false,
            },
        }
    }

    /// The elements of a term that is an array.
    fn list<'e>(&self, term: Term<'e, 'a>) -> impl Iterator<Item = Term<'e, 'a>> {
        let (nodes, literals): (&[Node<'a>], &'e [Literal]) = match term {
            Term::Node(node) => (self.tape.elements(node), &[]),
            Term::Literal(Literal::Array(list)) => (&[], list),
            Term::Literal(_) => (&[], &[]),
        };
        nodes.iter().map(|node| Term::Node(*node)).chain(literals.iter().map(Term::Literal))
    }

    fn inside(&self, left: &[Term<'_, 'a>], right: &[Term<'_, 'a>]) -> bool {
        let Some(&list) = right.first() else {
            return false;
        };
        left.iter().any(|item| {
            self.list(list).any(|candidate| self.equal(*item, candidate))
                || self.values(list).any(|candidate| self.equal(*item, candidate))
        })
    }

    /// The values of a term that is an object.
    fn values(&self, term: Term<'_, 'a>) -> impl Iterator<Item = Term<'static, 'a>> {
        let pairs = match term {
            Term::Node(node) => self.tape.pairs(node),
            Term::Literal(_) => &[],
        };
        pairs.iter().map(|pair| Term::Node(pair[1]))
    }

    fn any_of(&self, left: &[Term<'_, 'a>], right: &[Term<'_, 'a>]) -> bool {
        if left.is_empty() {
            return true;
        }
        let Some(&list) = right.first() else {
            return false;
        };
        let listed = |item| self.list(list).any(|candidate| self.equal(item, candidate));
        left.iter().any(|item| match item.array_len() {
            Some(_) => self.list(*item).any(listed),
            None => listed(*item),
        })
    }

    fn subset(&self, left: &[Term<'_, 'a>], right: &[Term<'_, 'a>]) -> bool {
        let Some(&first) = left.first() else {
            return true;
        };
        let Some(&list) = right.first() else {
            return false;
        };
        let listed = |item| self.list(list).any(|candidate| self.equal(item, candidate));
        first.array_len().is_some()
            && list.array_len().is_some_and(|len| len > 0)
            && self.list(first).all(listed)
    }

    fn size(&self, left: &[Term<'_, 'a>], right: &[Term<'_, 'a>]) -> bool {
        let Some(size) = right.first().and_then(|term| term.number()) else {
            return false;
        };
        // Truncating, as the published tool does.
        let size = size.as_f64() as usize;
        left.iter().all(|term| {
            let len = match (term.text(), term) {
                (Some(text), _) => Some(text.bytes()),
                (None, Term::Node(Node::Object { len, .. })) => Some(*len as usize),
                (None, term) => term.array_len(),
            };
            len == Some(size)
        })
    }
}

impl<'e, 'a: 'e> Term<'e, 'a> {
    fn number(self) -> Option<Number> {
        match self {
            Term::Node(node) => node.number(),
            Term::Literal(Literal::Number(number)) => Some(*number),
            Term::Literal(_) => None,
        }
    }

    fn text(self) -> Option<Text<'e>> {
        match self {
            Term::Node(Node::Text(text)) => Some(text),
            Term::Literal(Literal::Text(raw)) => Some(Text { raw, escaped: false }),
            _ => None,
        }
    }

    fn array_len(self) -> Option<usize> {
        match self {
            Term::Node(Node::Array { len, .. }) => Some(len as usize),
            Term::Literal(Literal::Array(list)) => Some(list.len()),
            _ => None,
        }
    }

    /// `Some(None)` for null, `Some(Some(bool))` for a boolean.
    fn simple(self) -> Option<Option<bool>> {
        match self {
            Term::Node(Node::Null) | Term::Literal(Literal::Null) => Some(None),
            Term::Node(Node::Bool(value)) => Some(Some(value)),
            Term::Literal(Literal::Bool(value)) => Some(Some(*value)),
            _ => None,
        }
    }
}

/// Only two numbers have an order.
fn order(left: &[Term<'_, '_>], right: &[Term<'_, '_>]) -> Option<Ordering> {
    match (left, right) {
        ([left], [right]) => Some(left.number()?.compare(right.number()?)),
        _ => None,
    }
}

fn regex(left: &[Term<'_, '_>], compiled: Option<&Regex>, right: &[Term<'_, '_>]) -> bool {
    let from_record;
    let regex = match compiled {
        Some(regex) => regex,
        None => {
            match right.first().and_then(|term| term.text()).map(|text| Regex::new(&text.decode()))
            {
                Some(Ok(regex)) => {
                    from_record = regex;
                    &from_record
                }
                // A pattern of the record that is none matches nothing.
                _ => return false,
            }
        }
    };
    left.iter().filter_map(|term| term.text()).any(|text| regex.is_match(&text.decode()))
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
