//! The grammar of what stands in `[?(...)]`: comparisons and how they combine.

use regex::Regex;

use super::grammar::{Parsed, Parser};
use super::{Literal, Logic, Number, Operand, Sign};

type Spelling = (&'static str, fn() -> Sign);

/// Tried in this order: longer spellings before their beginnings.
const SIGNS: [Spelling; 13] = [
    ("==", || Sign::Equal),
    ("!=", || Sign::Unequal),
    ("~=", || Sign::Regex(None)),
    (">=", || Sign::GreaterOrEqual),
    (">", || Sign::Greater),
    ("<=", || Sign::LessOrEqual),
    ("<", || Sign::Less),
    ("in", || Sign::In),
    ("nin", || Sign::NotIn),
    ("size", || Sign::Size),
    ("noneOf", || Sign::NoneOf),
    ("anyOf", || Sign::AnyOf),
    ("subsetOf", || Sign::SubsetOf),
];

impl Parser<'_> {
    pub fn or(&mut self) -> Parsed<Logic> {
        let mut logic = self.and()?;
        while self.eat_spaced("||") {
            logic = Logic::Or(Box::new(logic), Box::new(self.and()?));
        }
        Ok(logic)
    }

    fn and(&mut self) -> Parsed<Logic> {
        let mut logic = self.not()?;
        while self.eat_spaced("&&") {
            logic = Logic::And(Box::new(logic), Box::new(self.not()?));
        }
        Ok(logic)
    }

    fn not(&mut self) -> Parsed<Logic> {
        if self.eat_spaced("!") {
            return Ok(Logic::Not(Box::new(self.atom()?)));
        }
        self.atom()
    }

    fn atom(&mut self) -> Parsed<Logic> {
        if self.eat_spaced("(") {
            let logic = self.or()?;
            return if self.eat_spaced(")") { Ok(logic) } else { self.fault("expected `)`") };
        }
        let left = self.operand()?;
        self.space();
        let Some(mut sign) = self.sign() else {
            return Ok(Logic::Exists(left));
        };
        let right = self.operand()?;
        if let (Sign::Regex(regex), Operand::Literal(Literal::Text(pattern))) = (&mut sign, &right)
        {
            match Regex::new(pattern) {
                Ok(compiled) => *regex = Some(compiled),
                Err(cause) => return self.fault(format!("expected a regular expression: {cause}")),
            }
        }
        Ok(Logic::Compare(left, sign, right))
    }

    fn sign(&mut self) -> Option<Sign> {
        let found = SIGNS.iter().find(|(word, _)| self.eat(word))?;
        Some(found.1())
    }

    fn operand(&mut self) -> Parsed<Operand> {
        self.space();
        if self.at_step() {
            return self.chain()?.into_operand(self);
        }
        let literal = match self.peek() {
            Some('\'') => {
                self.at += 1;
                Literal::Text(self.quoted()?)
            }
            Some('-' | '0'..='9') => Literal::Number(Number::parse(self.number()?.as_bytes())),
            _ if self.eat("true") => Literal::Bool(true),
            _ if self.eat("false") => Literal::Bool(false),
            _ if self.eat("null") => Literal::Null,
            Some('"') => return self.fault("expected single quotes around a string"),
            _ => {
                return self
                    .fault("expected `@...`, `$...`, a string, number, true, false or null");
            }
        };
        Ok(Operand::Literal(literal))
    }
}
