//! The `fasttext` kernel: scores documents, paragraphs, lines or sentences with a supervised fastText model.
//!
//! The model is applied in Rust with the same bits as the reference implementation. Around it are
//! the conventions of the published taggers: how a text is cleaned before it is read, which labels
//! are kept, and what is derived from them (`not_<label>`, whole-document scores).

mod cache;
mod clean;
pub(super) mod composition;
mod dictionary;
mod features;
mod heap;
mod kernel;
mod labels;
mod loss;
mod matrix;
mod model;
mod predict;
mod settings;
mod source;
mod sum;
#[cfg(test)]
mod tests;
mod token;
mod vocabulary;

pub use clean::{Cleaner, Cleaning};
pub(crate) use kernel::build;
pub use model::Model;
pub use predict::Predictor;
