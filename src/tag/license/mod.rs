//! What a page says of its licence and of being used to train models, in `metadata.html`.
//!
//! A licence that allows use is the safest ground for a corpus; a wish not to be used should be
//! known before mixing. Both stand in the page's markup, which the text has lost.

mod links;
mod meta;
mod optout;

pub(super) use links::{fast_links, links};
pub(super) use optout::optout;
