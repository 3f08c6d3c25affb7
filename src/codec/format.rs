//! Which compression a file has, by its suffix or by a name from the configuration, and how new
//! files are compressed.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Error, Result};

/// The suffix of a file that is still being written; it says nothing about the format.
const UNFINISHED: &str = ".tmp";

/// The compression of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Plain,
    Gzip,
    Zstd,
}

impl Format {
    /// The format that the last suffix names, after `.tmp`; plain when it names none.
    pub fn from_path(path: &Path) -> Self {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let name = name.strip_suffix(UNFINISHED).unwrap_or(&name);
        match name.rsplit_once('.') {
            Some((_, "gz")) => Self::Gzip,
            Some((_, "zst" | "zstd")) => Self::Zstd,
            _ => Self::Plain,
        }
    }

    /// The format of the attribute file `file`, whatever it is called: what it begins with, and where that
    /// is neither compressed nor a row, what its `name` says.
    ///
    /// Attribute files have the names of their documents, whose suffix may say otherwise than
    /// `compression` did for either.
    pub fn of_rows(file: &Path, name: &Path) -> Result<Self> {
        let mut start = [0; 4];
        let count = File::open(file)?.read(&mut start)?;
        Ok(match &start[..count] {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Self::Zstd,
            [b'{', ..] => Self::Plain,
            _ => Self::from_path(name),
        })
    }

    /// The format that the configuration calls `gz`, `zst` (or `zstd`) or, for plain, nothing.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "" => Ok(Self::Plain),
            "gz" => Ok(Self::Gzip),
            "zst" | "zstd" => Ok(Self::Zstd),
            _ => Err(Error::config(format!(
                "unknown compression {name:?}: it is \"gz\", \"zst\" or \"\" for none"
            ))),
        }
    }

    /// What the names of such files end with: `.gz`, `.zst` or nothing.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }
}

/// How a new file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding {
    format: Format,
    level: u8,
}

impl Encoding {
    /// `level` is 1 to 12 for gzip, 1 to 22 for zstd and not used for plain files; `None` is 1 and
    /// 3, the levels made for speed.
    pub fn new(format: Format, level: Option<u8>) -> Result<Self> {
        let (name, default, most) = match format {
            Format::Plain => return Ok(Self { format, level: 0 }),
            Format::Gzip => ("gzip", 1, 12),
            Format::Zstd => ("zstd", 3, 22),
        };
        let level = level.unwrap_or(default);
        if (1..=most).contains(&level) {
            return Ok(Self { format, level });
        }
        Err(Error::config(format!("{name} has no level {level}: the levels are 1 to {most}")))
    }

    pub fn format(self) -> Format {
        self.format
    }

    pub fn level(self) -> u8 {
        self.level
    }

    /// Whether the file is one gzip member made of raw segments, rather than one member each.
    pub(super) fn is_one_member(self) -> bool {
        self.format == Format::Gzip && self.level == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_suffix_decides_and_tmp_is_not_one() {
        for (name, format) in [
            ("a.jsonl.gz", Format::Gzip),
            ("a.gz.tmp", Format::Gzip),
            ("d.gz/a.jsonl", Format::Plain),
            ("a.jsonl.zst", Format::Zstd),
            ("a.zstd", Format::Zstd),
            ("a.zst.tmp", Format::Zstd),
            ("gz", Format::Plain),
            ("a.gz.bak", Format::Plain),
            ("a.tmp", Format::Plain),
            ("", Format::Plain),
        ] {
            assert_eq!(Format::from_path(Path::new(name)), format, "{name}");
        }
    }

    #[test]
    fn names_of_the_configuration() {
        for (name, format) in [
            ("", Format::Plain),
            ("gz", Format::Gzip),
            ("zst", Format::Zstd),
            ("zstd", Format::Zstd),
        ] {
            assert_eq!(Format::from_name(name).unwrap(), format);
        }
        let message = Format::from_name("xz").unwrap_err().to_string();
        assert_eq!(message, "unknown compression \"xz\": it is \"gz\", \"zst\" or \"\" for none");
    }

    #[test]
    fn levels_are_checked() {
        assert_eq!(Encoding::new(Format::Gzip, None).unwrap().level(), 1);
        assert_eq!(Encoding::new(Format::Zstd, None).unwrap().level(), 3);
        for (format, level) in [(Format::Gzip, 0), (Format::Gzip, 13), (Format::Zstd, 23)] {
            assert!(Encoding::new(format, Some(level)).is_err());
        }
    }
}
