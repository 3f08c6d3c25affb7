//! What a text is made of besides prose: formulas, headings, lists, tables, code, dates.
//!
//! Counts and shares to select by (mathematics, reference works) or to reject by (indexes,
//! listings). Formulas are counted as in OpenWebMath (Paster et al. 2023), by commands and
//! delimiters of LaTeX, besides the mathematical symbols of Unicode. None has a published
//! threshold: look at the distribution in the run's report, then choose.

use super::{Document, Kernel, Options, Spans, Worker, refuse_options};
use crate::error::{Error, Result};
use crate::text::Text;
use crate::text::unicode::strip;
use memchr::{memchr, memchr_iter, memmem};
use regex::bytes::Regex;

const MATH_TYPES: [&str; 4] =
    ["latex_command_count", "formula_count", "fraction_of_characters_in_formulas", "symbol_count"];

const STRUCTURE_TYPES: [&str; 6] = [
    "heading_count",
    "fraction_of_list_lines",
    "fraction_of_table_lines",
    "fraction_of_code_lines",
    "list_count",
    "date_count",
];

/// ISO 8601, numbers with dots or slashes, and English month names on either side of the day.
const DATES: &str = r"(?i-u)\b(?:\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{4}|(?:\d{1,2}(?:st|nd|rd|th)? )?(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.? (?:\d{1,2}(?:st|nd|rd|th)?, )?\d{4})\b";

struct Math {
    types: Vec<String>,
}

/// `math_density_v1`: commands, formulas and symbols of the document.
pub(super) fn math(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("math_density_v1", options)?;
    Ok(Box::new(Math { types: MATH_TYPES.map(str::to_owned).to_vec() }))
}

impl Kernel for Math {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(MathWorker)
    }
}

struct MathWorker;

impl Worker for MathWorker {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let text = doc.text;
        let (formulas, chars) = formulas(text);
        let symbols = if text.is_ascii() {
            0
        } else {
            text.as_str().chars().filter(|&c| is_symbol(c)).count()
        };
        let scores = [
            commands(text.as_bytes()) as f64,
            formulas as f64,
            chars as f64 / text.chars().max(1) as f64,
            symbols as f64,
        ];
        for (kind, score) in (0..).zip(scores) {
            out.push(kind, 0, text.chars(), score);
        }
        Ok(())
    }
}

/// Backslashes before at least two letters (`\frac`, not `\n`).
fn commands(text: &[u8]) -> usize {
    let is_letter = |at: usize| text.get(at).is_some_and(u8::is_ascii_alphabetic);
    memchr_iter(b'\\', text).filter(|at| is_letter(at + 1) && is_letter(at + 2)).count()
}

/// How many formulas there are, and their code points, delimiters included: `$$…$$`, `\[…\]`,
/// `\(…\)`, and `$…$` within a line, without white space inside the dollars and without a digit
/// after them, so that amounts of money are none (the rule of Pandoc).
fn formulas(text: &Text<'_>) -> (usize, usize) {
    let bytes = text.as_bytes();
    let (mut count, mut chars, mut at) = (0, 0, 0);
    // Ends that were looked for and are not there must not be looked for again.
    let mut closers: [(&[u8], bool); 3] = [(b"$$", true), (b"\\]", true), (b"\\)", true)];
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'$', b'\\', rest)) {
        let start = at + found;
        let wide = match bytes[start..] {
            [b'$', b'$', ..] => Some(0),
            [b'\\', b'[', ..] => Some(1),
            [b'\\', b'(', ..] => Some(2),
            _ => None,
        };
        let end = match wide.map(|kind| &mut closers[kind]) {
            Some((closer, open)) if *open => {
                let end = memmem::find(&bytes[start + 2..], closer).map(|end| start + end + 4);
                *open = end.is_some();
                end
            }
            None if bytes[start] == b'$' => inline_end(bytes, start),
            _ => None,
        };
        if let Some(end) = end {
            count += 1;
            chars += text.chars_in(start..end);
        }
        // A backslash takes the next byte along: `\$` is no delimiter.
        let skipped = if bytes[start] == b'\\' { 2 } else { 1 };
        at = end.unwrap_or(start + skipped + usize::from(wide == Some(0)));
    }
    (count, chars)
}

/// The end of a formula between single dollars that begins at `start`.
fn inline_end(text: &[u8], start: usize) -> Option<usize> {
    /// Formulas within a line are shorter; a bound keeps many single dollars cheap.
    const LONGEST: usize = 500;
    let inside = &text[start + 1..text.len().min(start + 1 + LONGEST)];
    let line = &inside[..memchr(b'\n', inside).unwrap_or(inside.len())];
    let end = memchr_iter(b'$', line).find(|&at| at == 0 || line[at - 1] != b'\\')?;
    let solid = |byte: Option<&u8>| byte.is_some_and(|byte| !byte.is_ascii_whitespace());
    let fits = solid(line[..end].first()) && solid(line[..end].last());
    let money = text.get(start + end + 2).is_some_and(u8::is_ascii_digit);
    (fits && !money).then_some(start + end + 2)
}

/// Symbols of mathematics outside ASCII: operators, arrows, their supplements, alphabets.
fn is_symbol(c: char) -> bool {
    matches!(c,
        '±' | '×' | '÷' | '¬' | '√'
        | '\u{2190}'..='\u{21ff}' | '\u{2200}'..='\u{22ff}' | '\u{27c0}'..='\u{27ff}'
        | '\u{2900}'..='\u{2aff}' | '\u{1d400}'..='\u{1d7ff}')
}

struct Structure {
    types: Vec<String>,
    dates: Regex,
}

/// `structure_v1`: headings, lists, tables, code and dates of the document.
pub(super) fn structure(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("structure_v1", options)?;
    let dates =
        Regex::new(DATES).map_err(|cause| Error::asset(format!("structure_v1: {cause}")))?;
    Ok(Box::new(Structure { types: STRUCTURE_TYPES.map(str::to_owned).to_vec(), dates }))
}

impl Kernel for Structure {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(StructureWorker { kernel: self })
    }
}

struct StructureWorker<'k> {
    kernel: &'k Structure,
}

impl Worker for StructureWorker<'_> {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let text = doc.text;
        let (mut lines, mut headings, mut items, mut tables, mut code) = (0, 0, 0, 0, 0);
        let (mut lists, mut in_list) = (0usize, false);
        for line in text.lines() {
            let line = strip(&text.as_str()[line]).as_bytes();
            if line.is_empty() {
                continue;
            }
            lines += 1;
            headings += usize::from(is_heading(line));
            let item = is_list_item(line);
            items += usize::from(item);
            lists += usize::from(item && !in_list);
            in_list = item;
            tables += usize::from(memchr_iter(b'|', line).take(2).count() == 2);
            code += usize::from(is_code(line));
        }
        let share = |part: usize| part as f64 / lines.max(1) as f64;
        let dates = self.kernel.dates.find_iter(text.as_bytes()).count();
        let scores =
            [headings as f64, share(items), share(tables), share(code), lists as f64, dates as f64];
        for (kind, score) in (0..).zip(scores) {
            out.push(kind, 0, text.chars(), score);
        }
        Ok(())
    }
}

/// `# Heading` to `###### Heading` of Markdown.
fn is_heading(line: &[u8]) -> bool {
    let level = line.iter().take(7).take_while(|&&byte| byte == b'#').count();
    (1..=6).contains(&level) && line.get(level) == Some(&b' ')
}

/// `- item`, `* item`, `+ item`, `• item`, `1. item`, `12) item`.
fn is_list_item(line: &[u8]) -> bool {
    let digits = line.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    match line[digits..] {
        [b'-' | b'*' | b'+', b' ', ..] => digits == 0,
        [b'.' | b')', b' ', ..] => (1..=3).contains(&digits),
        [0xe2, 0x80, 0xa2, ..] => digits == 0,
        _ => false,
    }
}

/// Whether a line ends as statements and blocks of most programming languages do, or begins as
/// comments and declarations do.
fn is_code(line: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 8] =
        [b"//", b"/*", b"#include", b"def ", b"import ", b"public ", b"#!/", b"</"];
    matches!(line.last(), Some(b'{' | b'}' | b';'))
        || BEGINNINGS.iter().any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use crate::tag::testing::rows;

    fn scores(kernel: &str, text: &str) -> Vec<f64> {
        let rows = rows(kernel, text);
        assert!(rows.iter().all(|row| (row.1, row.2) == (0, text.chars().count())));
        rows.iter().map(|row| row.3).collect()
    }

    #[test]
    fn mathematics_by_hand() {
        let text = r"Let $x \in ℝ$ and \(y\). $$\frac{é}{2}$$ costs $5 or \$6 ≤ \n";
        let chars = text.chars().count() as f64;
        // $x \in ℝ$ of 9, \(y\) of 5, $$\frac{é}{2}$$ of 15; \in and \frac; only ≤ is a symbol.
        assert_eq!(scores("math_density_v1", text), [2.0, 3.0, 29.0 / chars, 1.0]);
        assert_eq!(scores("math_density_v1", ""), [0.0; 4]);
        assert_eq!(scores("math_density_v1", "$5 and $6")[1], 0.0);
        assert_eq!(scores("math_density_v1", "$a$5, $a\nb$, $$a")[1], 0.0);
    }

    #[test]
    fn structure_by_hand() {
        let text = "# Title\n\n- one\n- two\n1) three\ntext on 2024-01-31 and 5 May 2020\n• four\n\
                    | a | b |\nint x = 5;\n#no heading, 3rd March 1999, June 4, 2001, 1.2.2003, May 7\n";
        let expected = [1.0, 4.0 / 9.0, 1.0 / 9.0, 1.0 / 9.0, 2.0, 5.0];
        assert_eq!(scores("structure_v1", text), expected);
        assert_eq!(scores("structure_v1", "\n \n"), [0.0; 6]);
        assert_eq!(scores("structure_v1", "####### seven\n1234. no\n-no\n2. ")[..2], [0.0, 0.0]);
    }

    #[test]
    fn hostile_documents_take_linear_time() {
        let all = ["$".repeat(3_000_000), "$$ ".repeat(2_000_001), r"\[".repeat(5_000_000)];
        let more = ["$a ".repeat(2_000_000), "😀".repeat(5_000_000), "1.".repeat(5_000_000)];
        for text in all.iter().chain(&more) {
            assert_eq!(scores("math_density_v1", text).len(), 4);
            assert_eq!(scores("structure_v1", text).len(), 6);
        }
    }
}
