//! Rules against hand-computed verdicts, and against the libraries of the published tool.

mod jq;
mod jsonpath;
mod reading;
mod verdicts;

use serde_json::Value;

use super::record::RecordView;

/// A record whose raw slices can be borrowed.
pub struct Document {
    fields: Vec<(String, String)>,
    rows: Vec<String>,
}

impl Document {
    /// A document with attribute rows; all given as JSON objects.
    pub fn new(document: &Value, rows: &[Value]) -> Self {
        let fields = document.as_object().unwrap().iter();
        Self {
            fields: fields.map(|(key, value)| (escape(key), value.to_string())).collect(),
            rows: rows.iter().map(Value::to_string).collect(),
        }
    }

    /// Calls `with` with the view of this document.
    pub fn view<T>(&self, with: impl FnOnce(&RecordView<'_>) -> T) -> T {
        let fields: Vec<(&[u8], &[u8])> =
            self.fields.iter().map(|(key, value)| (key.as_bytes(), value.as_bytes())).collect();
        let rows: Vec<&[u8]> = self.rows.iter().map(String::as_bytes).collect();
        with(&RecordView { fields: &fields, attributes: &rows })
    }
}

fn escape(key: &str) -> String {
    let quoted = Value::from(key).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}
