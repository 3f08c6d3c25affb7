//! The lengths of lines of source code, and how much of it is letters and digits.

use crate::text::unicode;

/// What is counted in one pass over a text; lengths are code points.
#[derive(Debug, Default, PartialEq)]
pub struct Measures {
    pub lines: usize,
    /// Of the longest line, without its end.
    pub longest: usize,
    /// Of all lines, without their ends.
    pub in_lines: usize,
    pub chars: usize,
    /// Python's `str.isalpha()`.
    pub letters: usize,
    /// Python's `str.isalnum()`.
    pub alphanumeric: usize,
}

/// Counts with the line ends of Python's `str.splitlines()`; what follows the last end is a line
/// if it is not empty.
pub fn measure(text: &str) -> Measures {
    let mut all = Measures::default();
    let mut line = 0;
    let mut chars = text.chars().peekable();
    let mut ended = true;
    while let Some(c) = chars.next() {
        all.chars += 1;
        if is_end(c) {
            if c == '\r' && chars.next_if_eq(&'\n').is_some() {
                all.chars += 1;
            }
            end(&mut all, &mut line);
            ended = true;
            continue;
        }
        ended = false;
        line += 1;
        let (letter, digit) = match c.is_ascii() {
            true => (c.is_ascii_alphabetic(), c.is_ascii_digit()),
            false => (unicode::is_letter(c), c.is_numeric()),
        };
        all.letters += usize::from(letter);
        all.alphanumeric += usize::from(letter || digit);
    }
    if !ended {
        end(&mut all, &mut line);
    }
    all
}

fn end(all: &mut Measures, line: &mut usize) {
    all.lines += 1;
    all.longest = all.longest.max(*line);
    all.in_lines += *line;
    *line = 0;
}

/// Whether `str.splitlines()` ends a line here.
pub fn is_end(c: char) -> bool {
    matches!(c, '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// `part` of `whole`, 0 of nothing.
pub fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_python() {
        let measures = measure("añ1\r\n\nx\u{2028}y\u{c}²_\r");
        let expected =
            Measures { lines: 5, longest: 3, in_lines: 7, chars: 13, letters: 4, alphanumeric: 6 };
        assert_eq!(measures, expected);
        assert_eq!(measure(""), Measures::default());
        assert_eq!(measure("\n").lines, 1);
        assert_eq!(measure("a\nb").lines, 2);
    }
}
