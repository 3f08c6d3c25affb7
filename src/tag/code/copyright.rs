//! `code_copyright_comments_v1`, `_v2`: the licence header that a source file begins with.
//!
//! RedPajama cuts it off: the same few paragraphs stand in millions of files. A file's first
//! `/* … */` is a notice if it says "copyright"; a file without such a comment loses the lines that
//! it begins with, if they are comments (`//`, `#`, `--`) or empty.

use crate::error::Result;
use crate::tag::{Document, Kernel, Options, Spans, Worker, refuse_options};
use crate::text::{Text, count_chars};
use memchr::memmem;

const TYPES: [&str; 3] = ["copyright_notice", "comment_block", "doc"];
const NOTICE: u16 = 0;
const BLOCK: u16 = 1;
const DOC: u16 = 2;

struct Copyright {
    types: Vec<String>,
    /// Whether the newlines of a block of comments are left out of its length, as published.
    published: bool,
}

/// As published: the newlines between the lines of a block are not counted, so that its span ends
/// too early, and the document's score is of one character more than the span.
pub(crate) fn v1(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("code_copyright_comments_v1", options)?;
    Ok(Box::new(Copyright { types: TYPES.map(str::to_owned).to_vec(), published: true }))
}

/// The block up to the line that ends it, and the exact share.
pub(crate) fn v2(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("code_copyright_comments_v2", options)?;
    Ok(Box::new(Copyright { types: TYPES.map(str::to_owned).to_vec(), published: false }))
}

impl Kernel for Copyright {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(Reader { published: self.published })
    }
}

struct Reader {
    published: bool,
}

impl Worker for Reader {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let text = doc.text;
        let chars = text.chars();
        let found = match comment(text) {
            Some((start, end)) => {
                let said = says_copyright(&text.as_str()[start..end]);
                let mut cursor = text.cursor();
                said.then(|| (NOTICE, cursor.at(start), cursor.at(end)))
            }
            None => block(text.as_str(), self.published, chars).map(|end| (BLOCK, 0, end)),
        };
        let score = match found {
            _ if chars == 0 => -1.0,
            None => 0.0,
            Some((_, start, end)) => {
                (end - start + usize::from(self.published)) as f64 / chars as f64
            }
        };
        if let Some((kind, start, end)) = found.filter(|_| chars > 0) {
            out.push(kind, start, end.min(chars), 1.0);
        }
        out.push(DOC, 0, chars, score);
        Ok(())
    }
}

/// Byte offsets of the first `/* … */`.
fn comment(text: &Text<'_>) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let start = memmem::find(bytes, b"/*")?;
    let length = memmem::find(&bytes[start + 2..], b"*/")?;
    Some((start, start + length + 4))
}

/// In any case; as in Python, a dotless i and one with a dot are an i.
fn says_copyright(comment: &str) -> bool {
    let lower = |c: char| match c {
        'ı' | 'İ' => 'i',
        _ => c.to_ascii_lowercase(),
    };
    memchr::memchr2_iter(b'c', b'C', comment.as_bytes())
        .any(|at| comment[at..].chars().map(lower).take(9).eq("copyright".chars()))
}

/// How long the block of comments and empty lines is that the text begins with, in code points.
fn block(text: &str, published: bool, chars: usize) -> Option<usize> {
    let (mut end, mut lines) = (0, 0);
    for line in text.split('\n') {
        let comment = ["//", "#", "--"].iter().any(|mark| line.starts_with(mark));
        if !comment && !line.is_empty() {
            break;
        }
        lines += 1;
        let length = count_chars(line.as_bytes());
        end += if published { length.max(1) } else { length + 1 };
    }
    // The last line of a text has no newline.
    (lines > 0).then_some(if published { end } else { end.min(chars) })
}

#[cfg(test)]
mod tests {
    use crate::tag::testing::rows;

    #[test]
    fn a_notice_is_the_first_comment_that_says_so() {
        let text = "é\n/* COPYRIGHT\n** me **/ x /* copyright */";
        let expected = [("copyright_notice", 2, 24, 1.0), ("doc", 0, 42, 23.0 / 42.0)];
        assert_eq!(rows("code_copyright_comments_v1", text), expected);
        assert_eq!(rows("code_copyright_comments_v2", text)[1].3, 22.0 / 42.0);
        for none in ["/* a */ /* copyright */", "x", "/*/ copyright"] {
            assert_eq!(rows("code_copyright_comments_v1", none)[0].3, 0.0, "{none}");
        }
    }

    #[test]
    fn a_block_is_the_comments_that_a_file_begins_with() {
        let text = "# é\n\n// b\nx = 1\n# y";
        let v1 = rows("code_copyright_comments_v1", text);
        assert_eq!(v1, [("comment_block", 0, 8, 1.0), ("doc", 0, 19, 9.0 / 19.0)]);
        let v2 = rows("code_copyright_comments_v2", text);
        assert_eq!(v2, [("comment_block", 0, 10, 1.0), ("doc", 0, 19, 10.0 / 19.0)]);
        assert_eq!(rows("code_copyright_comments_v2", "-- a")[0], ("comment_block", 0, 4, 1.0));
        assert_eq!(rows("code_copyright_comments_v1", "\n\n")[0], ("comment_block", 0, 2, 1.0));
    }

    #[test]
    fn an_empty_file_has_no_header() {
        for tagger in ["code_copyright_comments_v1", "code_copyright_comments_v2"] {
            assert_eq!(rows(tagger, ""), [("doc", 0, 0, -1.0)]);
        }
    }
}
