//! The grammar of JSONPath expressions, as far as recipes can have used it.
//!
//! What the published tool accepts is accepted and means the same; what it would have accepted only
//! to panic on the first record (`[-1,0]`, a step of 0) is refused here.

use super::{Chain, Key, Literal, Number, Operand, Step};

/// What was expected where; `at` counts characters from 0.
pub struct Fault {
    pub at: usize,
    pub message: String,
}

pub type Parsed<T> = Result<T, Fault>;

pub fn parse(expression: &str) -> Parsed<Chain> {
    let mut parser = Parser { text: expression, at: 0 };
    parser.space();
    if parser.done() || !parser.at_step() {
        return parser.fault("expected a path that starts with `$`, such as `$.text`");
    }
    let chain = parser.chain()?.into_path(&parser)?;
    parser.space();
    if !parser.done() {
        return parser.fault("expected `.name`, `[...]` or the end of the path");
    }
    Ok(chain)
}

/// A chain before it is known whether it is a path or, in an operand, a list of literals.
pub struct Links(Vec<Link>);

pub enum Link {
    Step(Step),
    /// `[1,-2.5]`
    Numbers(Vec<String>),
}

impl Links {
    fn into_path(self, parser: &Parser<'_>) -> Parsed<Chain> {
        let steps: Vec<Step> =
            self.0.into_iter().map(|link| link.into_step(parser)).collect::<Parsed<_>>()?;
        let single = steps.iter().all(|step| match step {
            Step::Root | Step::Key(_) | Step::Index(_) | Step::Current(None) => true,
            Step::Current(Some(tail)) => tail.single,
            _ => false,
        });
        if !single {
            return Ok(Chain { counts: counts(&steps), single, steps });
        }
        // One step leads to the next, so that `@` and its tail are just more steps.
        let mut flat = Vec::new();
        for step in steps {
            match step {
                Step::Current(Some(tail)) => flat.extend(tail.steps),
                Step::Current(None) => {}
                step => flat.push(step),
            }
        }
        Ok(Chain { counts: false, single, steps: flat })
    }

    /// As an operand `['a','b']`, `[1,2]`, `['a']` and `.a` are lists of literals.
    pub fn into_operand(mut self, parser: &Parser<'_>) -> Parsed<Operand> {
        if self.0.len() == 1 {
            let list = match self.0.pop() {
                Some(Link::Numbers(numbers)) => numbers
                    .iter()
                    .map(|text| Literal::Number(Number::parse(text.as_bytes())))
                    .collect(),
                Some(Link::Step(Step::Keys(keys))) => {
                    keys.into_iter().map(|key| Literal::Text(key.name)).collect()
                }
                Some(Link::Step(Step::Key(key))) => vec![Literal::Text(key.name)],
                other => {
                    self.0.extend(other);
                    return self.into_path(parser).map(Operand::Path);
                }
            };
            return Ok(Operand::Literal(Literal::Array(list)));
        }
        self.into_path(parser).map(Operand::Path)
    }
}

impl Link {
    fn into_step(self, parser: &Parser<'_>) -> Parsed<Step> {
        match self {
            Self::Step(step) => Ok(step),
            Self::Numbers(numbers) => {
                let indices = numbers.iter().map(|text| text.parse().ok()).collect();
                let Some(indices) = indices else {
                    return parser.fault("expected indices that are whole and not negative");
                };
                Ok(Step::Indices(indices))
            }
        }
    }
}

/// Whether `length()` counts matches: after a union, slice, filter or wildcard that no single index
/// follows.
fn counts(steps: &[Step]) -> bool {
    if steps.len() <= 2 || !matches!(steps.last(), Some(Step::Length)) {
        return false;
    }
    steps.iter().fold(false, |counts, step| match step {
        Step::Indices(_) | Step::Keys(_) | Step::Slice { .. } => true,
        Step::Filter(_) | Step::Wildcard => true,
        Step::Index(_) => false,
        _ => counts,
    })
}

pub struct Parser<'e> {
    text: &'e str,
    /// Byte offset.
    pub at: usize,
}

impl<'e> Parser<'e> {
    pub fn fault<T>(&self, message: impl Into<String>) -> Parsed<T> {
        let at = self.text[..self.at].chars().count();
        Err(Fault { at, message: message.into() })
    }

    fn rest(&self) -> &'e str {
        &self.text[self.at..]
    }

    fn done(&self) -> bool {
        self.at == self.text.len()
    }

    pub fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn eat(&mut self, word: &str) -> bool {
        let found = self.rest().starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    /// `word` after optional space.
    pub fn eat_spaced(&mut self, word: &str) -> bool {
        self.space();
        self.eat(word)
    }

    pub fn at_step(&self) -> bool {
        matches!(self.peek(), Some('$' | '@' | '.' | '['))
    }

    pub fn chain(&mut self) -> Parsed<Links> {
        let mut links = Vec::new();
        loop {
            self.space();
            if !self.at_step() {
                return Ok(Links(links));
            }
            links.push(self.link()?);
        }
    }

    fn link(&mut self) -> Parsed<Link> {
        if self.eat("$") {
            return Ok(Link::Step(Step::Root));
        }
        if self.eat("@") {
            self.space();
            let tail = if self.at_step() { Some(self.chain()?.into_path(self)?) } else { None };
            return Ok(Link::Step(Step::Current(tail)));
        }
        if self.eat("[") {
            return self.bracket();
        }
        self.at += 1; // the dot
        if self.eat_spaced(".") {
            return self.descent().map(Link::Step);
        }
        if self.eat("*") {
            return Ok(Link::Step(Step::Wildcard));
        }
        if self.eat("[") {
            return self.bracket();
        }
        if self.eat("length()") {
            return Ok(Link::Step(Step::Length));
        }
        let name = self.name("expected a name, `*`, `[` or `length()` after the dot")?;
        Ok(Link::Step(Step::Key(Key { name, slot: None })))
    }

    fn descent(&mut self) -> Parsed<Step> {
        self.space();
        if self.eat("*") {
            return Ok(Step::DescendAll);
        }
        if self.eat("['") {
            let name = self.quoted()?;
            return if self.eat("]") {
                Ok(Step::Descend(name))
            } else {
                self.fault("expected `]`")
            };
        }
        self.name("expected a name, `*` or `['name']` after `..`").map(Step::Descend)
    }

    fn name(&mut self, expected: &str) -> Parsed<String> {
        let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '\\' | '#');
        let rest = self.rest();
        let len = rest.find(|c| !part(c)).unwrap_or(rest.len());
        if len == 0 || rest.starts_with("length()") {
            return self.fault(format!("{expected}; other names go in `['...']`"));
        }
        self.at += len;
        Ok(rest[..len].to_owned())
    }

    /// The rest of a string after its quote. Escapes are checked but stay as they are written.
    pub fn quoted(&mut self) -> Parsed<String> {
        let start = self.at;
        while let Some(c) = self.peek() {
            match c {
                '\'' => {
                    let text = self.text[start..self.at].to_owned();
                    self.at += 1;
                    return Ok(text);
                }
                '"' => return self.fault("expected `\\\"` for a double quote in a string"),
                '\\' => {
                    let after = &self.rest()[1..];
                    let digits = after.get(1..5).unwrap_or("").bytes();
                    match after.chars().next() {
                        Some('"' | '\'' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' | '(' | ')') => {
                            self.at += 2;
                        }
                        Some('u')
                            if digits.len() == 4
                                && digits.clone().all(|d| d.is_ascii_hexdigit()) =>
                        {
                            self.at += 6;
                        }
                        _ => return self.fault("expected an escape of JSON after the backslash"),
                    }
                }
                other => self.at += other.len_utf8(),
            }
        }
        self.fault("expected a closing quote")
    }

    fn close(&mut self, link: Link) -> Parsed<Link> {
        if self.eat_spaced("]") { Ok(link) } else { self.fault("expected `]`") }
    }

    fn bracket(&mut self) -> Parsed<Link> {
        self.space();
        if self.eat("*") {
            return self.close(Link::Step(Step::Wildcard));
        }
        if self.eat("'") {
            let mut keys = vec![Key { name: self.quoted()?, slot: None }];
            while self.eat_spaced(",") {
                if !self.eat_spaced("'") {
                    return self.fault("expected another quoted name");
                }
                keys.push(Key { name: self.quoted()?, slot: None });
            }
            let step = match <[Key; 1]>::try_from(keys) {
                Ok([key]) => Step::Key(key),
                Err(keys) => Step::Keys(keys),
            };
            return self.close(Link::Step(step));
        }
        if self.eat("?") {
            if !self.eat_spaced("(") {
                return self.fault("expected `(` after `?`");
            }
            let logic = self.or()?;
            if !self.eat_spaced(")") {
                return self.fault("expected `)`, `&&`, `||` or a comparison");
            }
            return self.close(Link::Step(Step::Filter(logic)));
        }
        let link = self.position()?;
        self.close(link)
    }

    /// An index, several, or a slice.
    fn position(&mut self) -> Parsed<Link> {
        let start = self.at;
        let first = self.digits()?;
        if self.eat_spaced(":") {
            return self.slice(first).map(Link::Step);
        }
        self.at = start;
        let mut numbers = vec![self.number()?];
        while self.eat_spaced(",") {
            self.space();
            numbers.push(self.number()?);
        }
        if numbers.len() > 1 {
            return Ok(Link::Numbers(numbers));
        }
        match numbers[0].parse() {
            Ok(index) => Ok(Link::Step(Step::Index(index))),
            Err(_) => {
                self.at = start;
                self.fault("expected an index that is not negative; the last element is `[-1:]`")
            }
        }
    }

    /// The digits of a bound with their sign, or nothing.
    fn digits(&mut self) -> Parsed<&'e str> {
        self.space();
        let rest = self.rest();
        let unsigned = rest.strip_prefix('-').unwrap_or(rest);
        let len = unsigned.find(|c: char| !c.is_ascii_digit()).unwrap_or(unsigned.len());
        if len == 0 {
            return Ok("");
        }
        let len = len + rest.len() - unsigned.len();
        self.at += len;
        Ok(&rest[..len])
    }

    fn slice(&mut self, first: &str) -> Parsed<Step> {
        let bound = |parser: &Self, text: &str| match text {
            "" => Ok(0),
            text => text.parse::<i32>().or_else(|_| parser.fault("expected a smaller number")),
        };
        let start = bound(self, first)?;
        let end = self.digits()?;
        let end = bound(self, end)?;
        let mut step = 1;
        if self.eat_spaced(":") {
            let text = self.digits()?;
            step = text.parse().unwrap_or(0);
            if step == 0 {
                return self.fault("expected a step of 1 or more");
            }
        }
        Ok(Step::Slice { start, end, step })
    }

    /// A number of the JSON grammar, as text.
    pub fn number(&mut self) -> Parsed<String> {
        let rest = self.rest().as_bytes();
        let run = |from: usize| rest[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let mut end = usize::from(rest.first() == Some(&b'-'));
        let whole = if rest.get(end) == Some(&b'0') { 1 } else { run(end) };
        if whole == 0 {
            return self.fault("expected a number, a quoted name, `*`, `:` or `?(...)`");
        }
        end += whole;
        if rest.get(end) == Some(&b'.') && run(end + 1) > 0 {
            end += 1 + run(end + 1);
        }
        if matches!(rest.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
            if run((end + 1 + sign).min(rest.len())) > 0 {
                end += 1 + sign + run(end + 1 + sign);
            }
        }
        let text = self.rest()[..end].to_owned();
        self.at += end;
        Ok(text)
    }
}
