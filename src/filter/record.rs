//! The record a filter sees, as raw slices of the lines it was read from.
//!
//! Whoever scans the lines fills this in; nothing is parsed before a rule asks for it.

/// One document joined with its attribute rows.
///
/// A filter sees one object: the fields in `fields`, where a repeated name counts with its last
/// value, and `attributes`, the object of that name among the fields (when it is one) merged with
/// the objects in `attributes`, later ones overriding earlier ones.
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    /// Top-level fields of the document: the name without its quotes as the line spells it, and
    /// the bytes of the value.
    pub fields: &'a [(&'a [u8], &'a [u8])],
    /// The `attributes` objects of the attribute rows, in the order of the recipe. Empty when the
    /// stream joins no attributes.
    pub attributes: &'a [&'a [u8]],
}
