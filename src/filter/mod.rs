//! STUB
use crate::error::Result;
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    pub fields: &'a [(&'a [u8], &'a [u8])],
    pub attributes: &'a [&'a [u8]],
}
#[derive(Default)]
pub struct Scratch;
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Syntax {
    JsonPath,
    Jq,
}
pub enum Verdict {
    Keep,
    DropNotIncluded,
    DropExcluded(usize),
}
pub struct Filter;
impl Filter {
    pub fn compile(_i: &[String], _e: &[String], _s: Syntax) -> Result<Self> {
        Ok(Filter)
    }
    pub fn verdict(&self, _r: &RecordView<'_>, _s: &mut Scratch) -> Result<Verdict> {
        Ok(Verdict::Keep)
    }
    pub fn attributes(&self) -> Vec<String> {
        vec![]
    }
}
pub struct Selector;
impl Selector {
    pub fn compile(_e: &str, _s: Syntax) -> Result<Self> {
        Ok(Selector)
    }
    pub fn as_plain_path(&self) -> Option<&[String]> {
        None
    }
    pub fn select_spans(
        &self,
        _r: &RecordView<'_>,
        _s: &mut Scratch,
    ) -> Result<Vec<(i64, i64, f64)>> {
        Ok(vec![])
    }
    pub fn select_string(&self, _r: &RecordView<'_>, _s: &mut Scratch) -> Result<Option<String>> {
        Ok(None)
    }
    pub fn attributes(&self) -> Vec<String> {
        vec![]
    }
}
