//! The include and exclude rules of a recipe, compiled to one verdict per document.

use super::jq::Jq;
use super::jsonpath::JsonPath;
use super::needs::Needs;
use super::parse;
use super::record::RecordView;
use super::value::{Node, Tape};
use crate::error::{Error, Result};

/// The language of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    JsonPath,
    Jq,
}

/// What becomes of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Keep,
    /// No include rule held.
    DropNotIncluded,
    /// The first exclude rule that held, counted from 0 in the order of the recipe.
    DropExcluded(usize),
}

/// Memory that is reused from document to document. Each thread has its own.
#[derive(Debug, Default)]
pub struct Scratch {
    tape: Tape<'static>,
}

impl Scratch {
    /// Calls `with` on an empty tape that has the memory of the last one.
    pub(super) fn with<'a, T>(
        &mut self,
        read: impl FnOnce(&mut Tape<'a>) -> Result<Node<'a>>,
        with: impl FnOnce(&Tape<'a>, Node<'a>) -> Result<T>,
    ) -> Result<T> {
        let mut tape = Tape::recycle(std::mem::take(&mut self.tape));
        let result = read(&mut tape).and_then(|root| with(&tape, root));
        self.tape = Tape::recycle(tape);
        result
    }
}

/// One compiled expression.
pub(super) enum Expression {
    JsonPath(JsonPath),
    Jq(Jq),
}

impl Expression {
    pub(super) fn compile(
        text: &str,
        syntax: Syntax,
        whole: bool,
        needs: &mut Needs,
    ) -> Result<Self> {
        match syntax {
            Syntax::JsonPath => JsonPath::compile(text, whole, needs).map(Self::JsonPath),
            Syntax::Jq => Jq::compile(text, needs).map(Self::Jq),
        }
    }
}

struct Rule {
    text: String,
    expression: Expression,
}

/// A compiled filter. It is shared by all threads; what changes is in [`Scratch`].
pub struct Filter {
    include: Vec<Rule>,
    exclude: Vec<Rule>,
    needs: Needs,
    attributes: Vec<Named>,
    fields: Vec<Named>,
}

/// An attribute or a field that rules name, and the key of the first one.
pub type Named = (String, String);

/// The name under which the attributes of all rows are joined.
const ATTRIBUTES: &str = "attributes";

impl Filter {
    /// Compiles the rules of one recipe, which all have the same syntax.
    ///
    /// # Errors
    /// `Config` with the key of a rule that cannot be compiled.
    pub fn compile(include: &[String], exclude: &[String], syntax: Syntax) -> Result<Self> {
        let mut needs = Needs::default();
        let (mut attributes, mut fields) = (Vec::new(), Vec::new());
        let mut rules = |list: &str, texts: &[String]| -> Result<Vec<Rule>> {
            let compile = |(index, text): (usize, &String)| {
                let key = format!("filter.{list}[{index}]");
                let expression = Expression::compile(text, syntax, false, &mut needs)
                    .map_err(|error| error.of_key(&key))?;
                // Those of rules before this one stand before its own.
                for (all, named) in
                    [(needs.attributes(), &mut attributes), (needs.fields(), &mut fields)]
                {
                    let new = all.into_iter().skip(named.len());
                    named.extend(new.map(|name| (name, key.clone())));
                }
                Ok(Rule { text: text.clone(), expression })
            };
            texts.iter().enumerate().map(compile).collect()
        };
        let (include, exclude) = (rules("include", include)?, rules("exclude", exclude)?);
        needs.finish();
        Ok(Self { include, exclude, needs, attributes, fields })
    }

    /// Whether to keep a document. An error is that of the first rule that cannot be evaluated on
    /// it; rules after the one that decides are not evaluated.
    pub fn verdict(&self, view: &RecordView<'_>, scratch: &mut Scratch) -> Result<Verdict> {
        scratch
            .with(|tape| parse::read(view, &self.needs, tape), |tape, root| self.judge(tape, root))
    }

    fn judge<'a>(&self, tape: &Tape<'a>, root: Node<'a>) -> Result<Verdict> {
        let mut included = self.include.is_empty();
        for rule in &self.include {
            if included {
                break;
            }
            included = rule.includes(tape, root)?;
        }
        if !included {
            return Ok(Verdict::DropNotIncluded);
        }
        for (index, rule) in self.exclude.iter().enumerate() {
            if rule.excludes(tape, root)? {
                return Ok(Verdict::DropExcluded(index));
            }
        }
        Ok(Verdict::Keep)
    }

    /// The attributes that the rules name, in order of first use: those that a shard must have.
    pub fn attributes(&self) -> &[Named] {
        &self.attributes
    }

    /// The fields at the top of a record that the rules name, in order of first use.
    pub fn fields(&self) -> &[Named] {
        &self.fields
    }

    /// Whether some rule can read attributes that `attributes` does not name.
    pub fn is_unbounded(&self) -> bool {
        let attributes = self.needs.find(Needs::ROOT, ATTRIBUTES);
        self.needs.is_whole(Needs::ROOT)
            || attributes.is_some_and(|place| self.needs.is_whole(place))
    }

    /// The texts of the include and of the exclude rules.
    pub fn rules(&self) -> (Vec<&str>, Vec<&str>) {
        fn texts(rules: &[Rule]) -> Vec<&str> {
            rules.iter().map(|rule| rule.text.as_str()).collect()
        }
        (texts(&self.include), texts(&self.exclude))
    }
}

impl Rule {
    /// All outputs must be true, and there must be one.
    fn includes<'a>(&self, tape: &Tape<'a>, root: Node<'a>) -> Result<bool> {
        let mut any = false;
        let mut all = true;
        self.truths(tape, root, |truth| {
            any = true;
            all &= truth;
        })?;
        Ok(any && all)
    }

    /// Any true output drops the document.
    fn excludes<'a>(&self, tape: &Tape<'a>, root: Node<'a>) -> Result<bool> {
        let mut any = false;
        self.truths(tape, root, |truth| any |= truth)?;
        Ok(any)
    }

    fn truths<'a>(
        &self,
        tape: &Tape<'a>,
        root: Node<'a>,
        mut each: impl FnMut(bool),
    ) -> Result<()> {
        match &self.expression {
            Expression::JsonPath(path) => {
                each(path.matches(tape, root));
                Ok(())
            }
            Expression::Jq(jq) => {
                jq.truths(tape, root, each).map_err(|cause| evaluation(&self.text, &cause))
            }
        }
    }
}

/// The error of a document on which an expression has no value.
pub(super) fn evaluation(text: &str, cause: &str) -> Error {
    Error::record(format!("cannot evaluate `{text}`: {cause}"))
}
