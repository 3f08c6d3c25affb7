//! Filters: JSONPath and jq compiled once to one predicate over a lazily parsed record.
