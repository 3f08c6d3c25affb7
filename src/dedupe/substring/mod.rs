//! Repeated substrings: what of a text stood somewhere before, wherever it begins and ends.
//!
//! A text is a sequence of units (bytes, code points or words). With `n` for the shortest
//! repetition, a *window* is `n` units of one document in a row. A window is a *repeat* if the same
//! units stand earlier in the input, in an earlier document or at least `n` units before it in its
//! own (so that a run of one letter keeps its first `n`). What repeats cover is marked. The source
//! of a repeat is the first occurrence of its window; every marked unit is the copy of one that
//! stands earlier, and following sources ends at a unit that is not marked.
//!
//! The same windows are found as with a suffix array, in linear time and in sorted runs on disk:
//!
//! 1. `gather` reads the input once. Each window chooses an *anchor* among the k-grams in it, the
//!    one with the smallest hash (winnowing: Schleimer, Wilkerson, Aiken, SIGMOD 2003), so equal
//!    windows choose the same k-gram at the same place in them. An anchor is chosen by a run of
//!    neighbouring windows; together they are its context. What it gives of a file
//!    can also be written down and loaded by another run (`super::readings`).
//! 2. `matching` sorts anchors by k-gram and context. Only anchors with the same k-gram can have
//!    equal windows; the contexts of such a group are compared, which gives the source of each
//!    window.
//! 3. `mark` sorts the repeats by place, joins them to spans and writes the rows.

pub mod anchors;
pub mod corpus;
pub mod findings;
pub mod gather;
pub mod gathered;
pub mod mark;
pub mod marks;
pub mod matching;
pub mod records;
pub mod run;
pub mod symbols;
#[cfg(test)]
mod tests;
