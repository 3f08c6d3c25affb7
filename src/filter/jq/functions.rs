//! Functions of jq that are evaluated here, each with the results and errors of the interpreter.

use std::borrow::Cow;
use std::rc::Rc;

use super::eval::Run;
use super::value::{Fail, NULL, Outcome, Val};
use super::{Binary, Function};
use crate::filter::number::Number;

impl<'a> Run<'a> {
    pub fn function(&self, function: Function, input: &Val<'a>) -> Outcome<'a> {
        Ok(match function {
            Function::Not => Val::Bool(!input.is_truthy()),
            Function::Length => return self.length(input),
            Function::Type => Val::Str(match input.kind() {
                "nothing" => "null",
                kind => kind,
            }),
            Function::Add => {
                let items = input.children(self.tape).ok_or(Fail::Iterate(input.kind()))?;
                let mut items = items.into_iter();
                let first = items.next().unwrap_or(NULL);
                items.try_fold(first, |sum, item| sum.math(super::Math::Add, &item, self.tape))?
            }
            Function::Min | Function::Max => {
                if input.array_len().is_none() {
                    return Err(Fail::Type(input.kind(), "array"));
                }
                let items = input.children(self.tape).unwrap_or_default().into_iter();
                let best = match function {
                    Function::Min => items.min_by(|a, b| a.compare(b, self.tape)),
                    _ => items.max_by(|a, b| a.compare(b, self.tape)),
                };
                best.unwrap_or(NULL)
            }
            Function::Keys => {
                let keys = self.keyed(input)?.into_iter().map(|(key, _)| key);
                Val::List(Rc::new(keys.collect()))
            }
            Function::ToEntries => {
                let entries = self.keyed(input)?.into_iter().map(|(key, value)| {
                    let pair = [("key", key), ("value", value)];
                    let pair = pair.map(|(name, value)| (Cow::Borrowed(name), value));
                    Val::Map(Rc::new(pair.to_vec()))
                });
                Val::List(Rc::new(entries.collect()))
            }
            Function::Lowercase => {
                let text = input.text().ok_or(Fail::Type(input.kind(), "string"))?;
                Val::Owned(text.decode().to_ascii_lowercase().into())
            }
        })
    }

    /// The entries of an object in key order, or the elements of an array with their indices.
    fn keyed(&self, input: &Val<'a>) -> Result<Vec<(Val<'a>, Val<'a>)>, Fail<'a>> {
        if let Some(mut entries) = input.entries(self.tape) {
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            let keyed = entries.into_iter().map(|(key, value)| {
                let key = match key {
                    Cow::Borrowed(key) => Val::Str(key),
                    Cow::Owned(key) => Val::Owned(key.into()),
                };
                (key, value)
            });
            return Ok(keyed.collect());
        }
        let items = input.children(self.tape).ok_or(Fail::Iterate(input.kind()))?;
        let index = |index: usize| Val::Number(Number::Int(index as i64));
        Ok(items.into_iter().enumerate().map(|(at, item)| (index(at), item)).collect())
    }

    fn length(&self, input: &Val<'a>) -> Outcome<'a> {
        let len = if let Some(number) = input.number() {
            return Ok(Val::Number(match number {
                Number::Int(value) => Number::Int(value.saturating_abs()),
                other => Number::Float(other.as_f64().abs()),
            }));
        } else if let Some(text) = input.text() {
            text.count()
        } else if input.as_bool().is_some() {
            return Err(Fail::Length);
        } else {
            input.array_len().or_else(|| input.object_len()).unwrap_or(0)
        };
        Ok(Val::Number(Number::Int(len as i64)))
    }

    pub fn binary(
        &self,
        binary: Binary,
        input: &Val<'a>,
        argument: &Val<'a>,
    ) -> Result<bool, Fail<'a>> {
        match binary {
            Binary::Contains => Ok(input.contains(argument, self.tape)),
            Binary::Has => {
                let index = argument.number().and_then(Number::as_i64).filter(|i| *i >= 0);
                if let (Some(len), Some(index)) = (input.array_len(), index) {
                    return Ok((index as u64) < len as u64);
                }
                if let (Some(_), Some(key)) = (input.object_len(), argument.text()) {
                    let key = key.decode();
                    let entries = input.entries(self.tape).unwrap_or_default();
                    return Ok(entries.iter().any(|(name, _)| *name == key));
                }
                Err(Fail::Has(input.kind(), argument.kind()))
            }
            Binary::StartsWith | Binary::EndsWith => {
                let text = input.text().ok_or(Fail::Type(input.kind(), "string"))?.decode();
                let part = argument.text().ok_or(Fail::Type(argument.kind(), "string"))?.decode();
                Ok(match binary {
                    Binary::StartsWith => text.starts_with(&*part),
                    _ => text.ends_with(&*part),
                })
            }
        }
    }
}
