//! From the raw slices of a record to the one object that the rules see.
//!
//! Fields that no rule can reach are not looked at. The attributes of the document and of its rows
//! become one object, later values replacing earlier ones.

use super::needs::{NeedId, Needs};
use super::record::RecordView;
use super::scan::{Fault, Parsed, Parser, close_object, reserve, utf8};
use super::value::{Node, Tape, Text};
use crate::error::{Error, Result};

/// Reads the parts of a record that `needs` names and returns the record as one object.
pub fn read<'a>(view: &RecordView<'a>, needs: &Needs, tape: &mut Tape<'a>) -> Result<Node<'a>> {
    let whole = needs.is_whole(Needs::ROOT);
    let slots = if whole { 0 } else { needs.slots(Needs::ROOT) };
    let start = reserve(tape, slots);
    let mut own_attributes = None;
    for &(key, raw) in view.fields {
        let (key_text, decoded);
        let name: &[u8] = if key.contains(&b'\\') {
            key_text = whole_text(key).map_err(|fault| located(fault, key))?;
            decoded = key_text.decode();
            decoded.as_bytes()
        } else {
            key
        };
        if name == b"attributes" {
            own_attributes = Some((key, raw));
        } else if whole {
            let key = whole_text(key).map_err(|fault| located(fault, key))?;
            let value = field(raw, None, needs, tape).map_err(|fault| located(fault, name))?;
            tape.open.extend([Node::Text(key), value]);
        } else if let Some((slot, place)) = needs.slot(Needs::ROOT, name) {
            let value =
                field(raw, Some(place), needs, tape).map_err(|fault| located(fault, name))?;
            tape.nodes[(start + slot) as usize] = value;
        }
    }
    let own = own_attributes.map(|(_, raw)| raw);
    if own.is_some() || !view.attributes.is_empty() {
        let seat = if whole { None } else { needs.slot(Needs::ROOT, b"attributes") };
        if whole || seat.is_some() {
            let place = seat.map(|(_, place)| place);
            let value = attributes(own, view.attributes, place, needs, tape)?;
            match seat {
                Some((slot, _)) => tape.nodes[(start + slot) as usize] = value,
                None => {
                    let key = Text { raw: "attributes", escaped: false };
                    tape.open.extend([Node::Text(key), value]);
                }
            }
        }
    }
    Ok(if whole { close_object(tape, 0) } else { Node::Pruned { start } })
}

/// Reads one value as a whole.
pub fn value<'a>(raw: &'a [u8], tape: &mut Tape<'a>) -> Result<Node<'a>> {
    field(raw, None, &Needs::default(), tape).map_err(|fault| located(fault, b"value"))
}

/// The document's own attributes merged with those of the rows.
fn attributes<'a>(
    own: Option<&'a [u8]>,
    rows: &[&'a [u8]],
    place: Option<NeedId>,
    needs: &Needs,
    tape: &mut Tape<'a>,
) -> Result<Node<'a>> {
    let place = place.filter(|place| !needs.is_whole(*place));
    let own = match own {
        Some(raw) if raw.trim_ascii_start().first() == Some(&b'{') => Some(raw),
        // Without rows to merge, what the document has is what the rules see.
        Some(raw) if rows.is_empty() => {
            return field(raw, place, needs, tape).map_err(|fault| located(fault, b"attributes"));
        }
        _ => None,
    };
    let base = tape.open.len();
    let start = reserve(tape, place.map_or(0, |place| needs.slots(place)));
    for raw in own.into_iter().chain(rows.iter().copied()) {
        let mut parser = Parser { bytes: raw, at: 0, needs, tape };
        let read = match place {
            Some(place) => parser.open(b'{').and_then(|()| parser.pruned(place, start, 1)),
            None => parser.open(b'{').and_then(|()| parser.pairs(1)),
        };
        read.and_then(|()| parser.end()).map_err(|fault| located(fault, b"attributes"))?;
    }
    Ok(match place {
        Some(_) => Node::Pruned { start },
        None => close_object(tape, base),
    })
}

fn field<'a>(
    raw: &'a [u8],
    place: Option<NeedId>,
    needs: &Needs,
    tape: &mut Tape<'a>,
) -> Parsed<Node<'a>> {
    let mut parser = Parser { bytes: raw, at: 0, needs, tape };
    let value = parser.value(place, 0)?;
    parser.end()?;
    Ok(value)
}

/// A name without its quotes as text.
fn whole_text(raw: &[u8]) -> Parsed<Text<'_>> {
    let raw = utf8(raw, 0)?;
    Ok(Text { raw, escaped: raw.contains('\\') })
}

fn located(fault: Fault, field: &[u8]) -> Error {
    let field = String::from_utf8_lossy(field);
    Error::record(format!("{} at byte {} of field `{field}`", fault.message, fault.at))
}
