//! Rules for source code: lengths of lines, shares of letters, headers, encoded data.

pub(super) mod copyright;
mod lines;
pub(super) mod redpajama;
pub(super) mod stack;

pub(super) use lines::is_end as is_line_end;
