//! The one error of the engine: what went wrong, in which file, at which line.
//!
//! Every failure that a user can cause or meet is a variant here; the Python face maps each to
//! one exception. `line` is 1-based and counts the lines of the uncompressed file.

use std::fmt;
use std::path::{Path, PathBuf};

pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system refused (missing file, permission, full disk).
    Io(std::io::Error),
    /// A compressed file is cut short or damaged.
    Codec(String),
    /// A line is not the JSON record that was expected.
    Record(String),
    /// Attribute rows do not match the rows of the document file.
    Alignment(String),
    /// An option, filter or selector cannot be used as written.
    Config(String),
    /// A model, list or saved filter file is not what it should be.
    Asset(String),
    /// A tagger failed on a document.
    Tagger(String),
    /// Several inputs of one output failed, each in its own way.
    Several(Vec<Error>),
    /// The run was cancelled.
    Cancelled,
    /// A bug of the engine: a shard's thread panicked.
    Panic(String),
}

/// Of several errors, those that are shown.
const SHOWN: usize = 20;

/// An error with the place it belongs to.
#[derive(Debug)]
pub struct Error {
    pub kind: ErrorKind,
    pub path: Option<PathBuf>,
    pub line: Option<u64>,
}

impl Error {
    pub fn new(kind: ErrorKind) -> Self {
        Self { kind, path: None, line: None }
    }

    pub fn codec(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Codec(message.into()))
    }

    pub fn record(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Record(message.into()))
    }

    pub fn alignment(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Alignment(message.into()))
    }

    pub fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config(message.into()))
    }

    pub fn asset(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Asset(message.into()))
    }

    pub fn tagger(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Tagger(message.into()))
    }

    /// The failures of an output's inputs, of which there is one at least.
    pub fn several(mut errors: Vec<Self>) -> Self {
        let cancelled = |error: &Self| matches!(error.kind, ErrorKind::Cancelled);
        if let Some(at) = errors.iter().position(cancelled).or((errors.len() == 1).then_some(0)) {
            return errors.swap_remove(at);
        }
        Self::new(ErrorKind::Several(errors))
    }

    pub fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled)
    }

    /// The same error with the key of the option whose value is wrong; of other kinds as it is.
    #[must_use]
    pub fn of_key(mut self, key: &str) -> Self {
        if let ErrorKind::Config(message) = &mut self.kind {
            *message = format!("{key}: {message}");
        }
        self
    }

    /// The same error at `path`, unless a deeper layer already said where.
    #[must_use]
    pub fn at(mut self, path: &Path) -> Self {
        self.path.get_or_insert_with(|| path.to_path_buf());
        self
    }

    /// The same error at a 1-based line, unless a deeper layer already said which.
    #[must_use]
    pub fn on_line(mut self, line: u64) -> Self {
        self.line.get_or_insert(line);
        self
    }
}

impl From<std::io::Error> for Error {
    fn from(cause: std::io::Error) -> Self {
        Self::new(ErrorKind::Io(cause))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}", path.display())?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            write!(f, ": ")?;
        }
        match &self.kind {
            ErrorKind::Io(cause) => write!(f, "{cause}"),
            ErrorKind::Codec(message)
            | ErrorKind::Record(message)
            | ErrorKind::Alignment(message)
            | ErrorKind::Config(message)
            | ErrorKind::Asset(message)
            | ErrorKind::Tagger(message) => write!(f, "{message}"),
            ErrorKind::Several(errors) => {
                for (place, error) in errors.iter().take(SHOWN).enumerate() {
                    write!(f, "{}{error}", if place > 0 { "\n  " } else { "" })?;
                }
                match errors.len().saturating_sub(SHOWN) {
                    0 => Ok(()),
                    more => write!(f, "\n  … and {more} more of the same output"),
                }
            }
            ErrorKind::Cancelled => write!(f, "cancelled"),
            ErrorKind::Panic(message) => write!(f, "internal error, please report: {message}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            ErrorKind::Io(cause) => Some(cause),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_errors_are_told_one_on_a_line() {
        let errors = |count: usize| (0..count).map(|n| Error::codec(format!("no {n}"))).collect();
        assert_eq!(Error::several(errors(1)).to_string(), "no 0");
        assert_eq!(Error::several(errors(2)).to_string(), "no 0\n  no 1");
        let many = Error::several(errors(23)).to_string();
        assert_eq!(many.lines().count(), SHOWN + 1);
        assert!(many.ends_with("no 19\n  … and 3 more of the same output"), "{many}");
    }

    #[test]
    fn among_several_a_cancelled_one_says_it_all() {
        let error = Error::several(vec![Error::codec("x"), Error::cancelled(), Error::codec("y")]);
        assert!(matches!(error.kind, ErrorKind::Cancelled));
    }
}
