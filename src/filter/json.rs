//! Values written back as JSON text, for messages and for callers that want a selection as it is.

use super::value::{Node, Tape, Text};

/// Appends `node` as compact JSON. Numbers and strings are written as they were spelled.
pub fn write<'a>(tape: &Tape<'a>, node: Node<'a>, out: &mut String) {
    match node {
        Node::Absent | Node::Null => out.push_str("null"),
        Node::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        Node::Number(text) => out.push_str(&String::from_utf8_lossy(text)),
        Node::Text(text) => write_text(text, out),
        Node::Array { .. } => {
            out.push('[');
            for (index, element) in tape.elements(node).iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(tape, *element, out);
            }
            out.push(']');
        }
        Node::Object { .. } => {
            out.push('{');
            for (index, pair) in tape.pairs(node).iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(tape, pair[0], out);
                out.push(':');
                write(tape, pair[1], out);
            }
            out.push('}');
        }
        // Selections are read whole: nothing that is written was pruned.
        Node::Pruned { .. } => out.push_str("{}"),
    }
}

fn write_text(text: Text<'_>, out: &mut String) {
    out.push('"');
    out.push_str(text.raw);
    out.push('"');
}

/// Appends a string that was computed, escaping what JSON must escape.
pub fn write_str(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}
