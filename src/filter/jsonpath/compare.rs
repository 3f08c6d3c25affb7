//! Comparisons in the filters of JSONPath, between all values of one side and all of the other.

use std::cmp::Ordering;

use regex::Regex;

use super::eval::Record;
use super::{Literal, Sign};
use crate::filter::number::Number;
use crate::filter::value::{Node, Text, key_of};

/// One side of a comparison.
#[derive(Clone, Copy)]
pub enum Term<'e, 'a> {
    Node(Node<'a>),
    Literal(&'e Literal),
}

impl<'a> Record<'_, 'a> {
    pub fn compare(&self, left: &[Term<'_, 'a>], sign: &Sign, right: &[Term<'_, 'a>]) -> bool {
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
