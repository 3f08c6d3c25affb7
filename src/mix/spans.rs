//! Replacing spans of a text: what becomes of overlapping, nested, adjacent, empty and inverted
//! ones.
//!
//! The characters replaced are the union of all spans, cut to the text; every other character
//! comes out once, in its place. Spans count in the order of their start (equal starts in the
//! order of the recipe); of each, the part that no earlier one covers is replaced by its
//! replacement, in which `{}` stands for exactly that part. A span with nothing left (empty,
//! inverted, nested in earlier ones) changes nothing.

/// A span to replace, in code points, half-open, as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit<'r> {
    pub start: i64,
    pub end: i64,
    pub replacement: &'r str,
}

/// Writes `text` with `edits` applied to `out` (cleared first); returns how many edits changed
/// something.
pub fn apply(text: &str, edits: &mut [Edit<'_>], out: &mut String) -> u64 {
    out.clear();
    edits.sort_by_key(|edit| edit.start);
    let mut walk = Walk { text, chars: 0, bytes: 0 };
    let mut applied = 0;
    // All before `done` (a byte offset) is written.
    let mut done = 0;
    for edit in edits.iter() {
        if edit.end <= edit.start {
            continue;
        }
        let start = walk.to(edit.start);
        let end = walk.to(edit.end);
        if end <= start {
            continue;
        }
        out.push_str(&text[done..start]);
        write_replacement(edit.replacement, &text[start..end], out);
        done = end;
        applied += 1;
    }
    out.push_str(&text[done..]);
    applied
}

fn write_replacement(replacement: &str, replaced: &str, out: &mut String) {
    let mut pieces = replacement.split("{}");
    if let Some(first) = pieces.next() {
        out.push_str(first);
    }
    for piece in pieces {
        out.push_str(replaced);
        out.push_str(piece);
    }
}

/// Converts ascending code-point offsets to byte offsets; an offset behind the current one gives
/// the current one, which is what cuts spans to what is not yet covered.
struct Walk<'t> {
    text: &'t str,
    chars: i64,
    bytes: usize,
}

impl Walk<'_> {
    fn to(&mut self, chars: i64) -> usize {
        let bytes = self.text.as_bytes();
        while self.chars < chars && self.bytes < bytes.len() {
            // Eight ASCII bytes at a time are eight code points.
            if let Some(eight) = bytes.get(self.bytes..self.bytes + 8)
                && self.chars + 8 <= chars
                && eight.is_ascii()
            {
                self.bytes += 8;
                self.chars += 8;
                continue;
            }
            self.bytes += match bytes[self.bytes] {
                0..=0x7f => 1,
                0x80..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xff => 4,
            };
            self.chars += 1;
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn edit(text: &str, spans: &[(i64, i64, &str)]) -> String {
        let mut edits: Vec<Edit<'_>> = spans
            .iter()
            .map(|&(start, end, replacement)| Edit { start, end, replacement })
            .collect();
        let mut out = "left over".to_string();
        apply(text, &mut edits, &mut out);
        out
    }

    #[test]
    fn each_kind_of_span_has_its_result() {
        let text = "0123456789ABC";
        assert_eq!(edit(text, &[]), text);
        assert_eq!(edit(text, &[(0, 5, ""), (3, 10, "")]), "ABC"); // overlapping
        assert_eq!(edit(text, &[(0, 5, "<{}>"), (3, 10, "({})")]), "<01234>(56789)ABC");
        assert_eq!(edit(text, &[(0, 10, "x"), (3, 5, "y")]), "xABC"); // nested
        assert_eq!(edit(text, &[(3, 5, "y"), (0, 10, "x")]), "xABC");
        assert_eq!(edit(text, &[(0, 3, "a"), (3, 6, "b")]), "ab6789ABC"); // adjacent
        assert_eq!(edit(text, &[(3, 3, "!")]), text); // empty
        assert_eq!(edit(text, &[(7, 3, "!")]), text); // inverted
        assert_eq!(edit(text, &[(-4, 2, "."), (11, 99, ".")]), ".23456789A."); // beyond the ends
        assert_eq!(edit(text, &[(2, 4, "a"), (2, 4, "b")]), "01a456789ABC"); // the same twice
        assert_eq!(edit(text, &[(2, 4, "{}{}")]), "012323456789ABC");
        assert_eq!(edit("aé😀b", &[(1, 3, "[{}]")]), "a[é😀]b");
    }

    /// One character at a time, by the sentence in the module's documentation.
    fn naive(text: &str, spans: &[(i64, i64, String)]) -> String {
        let chars: Vec<char> = text.chars().collect();
        let mut owner = vec![None; chars.len()];
        let mut order: Vec<usize> = (0..spans.len()).collect();
        order.sort_by_key(|&index| spans[index].0);
        for index in order {
            for (at, slot) in owner.iter_mut().enumerate() {
                let inside = spans[index].0 <= at as i64 && (at as i64) < spans[index].1;
                if inside && slot.is_none() {
                    *slot = Some(index);
                }
            }
        }
        let mut out = String::new();
        let mut at = 0;
        while at < chars.len() {
            match owner[at] {
                None => {
                    out.push(chars[at]);
                    at += 1;
                }
                Some(index) => {
                    let end =
                        (at..chars.len()).find(|&i| owner[i] != Some(index)).unwrap_or(chars.len());
                    let replaced: String = chars[at..end].iter().collect();
                    out.push_str(&spans[index].2.replace("{}", &replaced));
                    at = end;
                }
            }
        }
        out
    }

    proptest! {
        #[test]
        fn agrees_with_the_naive_reference(
            text in "[a-z\u{e9}\u{1f600}]{0,40}",
            spans in proptest::collection::vec((-3i64..45, -3i64..45, "(|x|<\\{\\}>|\\{\\}\\{\\})"), 0..8),
        ) {
            let borrowed: Vec<(i64, i64, &str)> =
                spans.iter().map(|(start, end, replacement)| (*start, *end, replacement.as_str())).collect();
            prop_assert_eq!(edit(&text, &borrowed), naive(&text, &spans));
        }
    }
}
