//! Character classes as Python's `re` and `str` know them, over UTF-8 bytes.
//!
//! `\s` there is `str.isspace` (which has U+001C to U+001F, unlike the Unicode property
//! White_Space), and `\d` is every decimal digit of Unicode (general category Nd). The functions
//! take byte offsets that are character boundaries and never decode more than one character.

/// Bits of [`CLASS`].
pub const SPACE: u8 = 1;
/// `. , ? ! ; : ) (`
pub const SOFT: u8 = 2;
pub const AT: u8 = 4;
/// First bytes of the white space beyond ASCII.
const SPACE_LEAD: u8 = 8;

static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        class[byte] = match byte as u8 {
            b' ' | 0x09..=0x0D | 0x1C..=0x1F => SPACE,
            b'.' | b',' | b'?' | b'!' | b';' | b':' | b')' | b'(' => SOFT,
            b'@' => AT,
            0xC2 | 0xE1 | 0xE2 | 0xE3 => SPACE_LEAD,
            _ => 0,
        };
        byte += 1;
    }
    class
};

/// Whether the byte is an ASCII character of one of the classes.
pub fn is(byte: u8, classes: u8) -> bool {
    CLASS[byte as usize] & classes != 0
}

/// Bytes of the white space at `at`, 0 where there is none.
pub fn space_len(bytes: &[u8], at: usize) -> usize {
    let Some(&first) = bytes.get(at) else { return 0 };
    match CLASS[first as usize] & (SPACE | SPACE_LEAD) {
        0 => 0,
        SPACE => 1,
        _ => wide_space_len(&bytes[at..]),
    }
}

/// U+0085 U+00A0 U+1680 U+2000..200A U+2028 U+2029 U+202F U+205F U+3000.
#[cold]
fn wide_space_len(bytes: &[u8]) -> usize {
    match bytes {
        [0xC2, 0x85 | 0xA0, ..] => 2,
        [0xE1, 0x9A, 0x80, ..]
        | [0xE2, 0x80, 0x80..=0x8A | 0xA8 | 0xA9 | 0xAF, ..]
        | [0xE2, 0x81, 0x9F, ..]
        | [0xE3, 0x80, 0x80, ..] => 3,
        _ => 0,
    }
}

/// Start of the character that ends at `at`; `at` itself at the start of the text.
pub fn previous(bytes: &[u8], at: usize) -> usize {
    let mut start = at;
    while start > 0 {
        start -= 1;
        if (bytes[start] as i8) >= -0x40 {
            break;
        }
    }
    start
}

/// The offset `count` characters before `at`, or the start.
pub fn back(bytes: &[u8], at: usize, count: usize) -> usize {
    (0..count).fold(at, |at, _| previous(bytes, at))
}

/// The offset `count` characters behind `at`, or the end.
pub fn forth(bytes: &[u8], at: usize, count: usize) -> usize {
    (0..count).fold(at, |at, _| at + bytes.get(at).map_or(0, |&first| width(first)))
}

/// Bytes of the white space that ends at `at`, 0 where there is none.
pub fn space_len_before(bytes: &[u8], at: usize) -> usize {
    let Some(&last) = at.checked_sub(1).and_then(|before| bytes.get(before)) else { return 0 };
    if last.is_ascii() {
        return usize::from(is(last, SPACE));
    }
    space_len(bytes, previous(bytes, at))
}

/// Bytes of the character that starts with `first`.
fn width(first: u8) -> usize {
    match first {
        0..0x80 => 1,
        0x80..0xE0 => 2,
        0xE0..0xF0 => 3,
        _ => 4,
    }
}

/// Bytes of the decimal digit at `at`, 0 where there is none.
pub fn digit_len(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(b'0'..=b'9') => 1,
        Some(&first) if !first.is_ascii() && is_wide_digit(&bytes[at..]) => width(first),
        _ => 0,
    }
}

/// The first of each run of ten decimal digits beyond ASCII (category Nd, Unicode 15.1).
/// The mathematical digits U+1D7CE..U+1D7FF are five runs.
static WIDE_ZEROS: [u32; 67] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
    0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90,
    0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
    0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650,
    0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x11F50, 0x16A60, 0x16AC0,
    0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E950,
    0x1FBF0,
];

/// Whether the bytes start with a decimal digit beyond ASCII.
fn is_wide_digit(bytes: &[u8]) -> bool {
    let Some(code) = decode(bytes) else { return false };
    let next = WIDE_ZEROS.partition_point(|&zero| zero <= code);
    next > 0 && code - WIDE_ZEROS[next - 1] < 10
}

/// The code point of the character that the bytes start with.
fn decode(bytes: &[u8]) -> Option<u32> {
    let low = |byte: u8| u32::from(byte & 0x3F);
    Some(match *bytes {
        [a, ..] if a < 0x80 => u32::from(a),
        [a, b, ..] if a < 0xE0 => u32::from(a & 0x1F) << 6 | low(b),
        [a, b, c, ..] if a < 0xF0 => u32::from(a & 0x0F) << 12 | low(b) << 6 | low(c),
        [a, b, c, d, ..] => u32::from(a & 0x07) << 18 | low(b) << 12 | low(c) << 6 | low(d),
        _ => return None,
    })
}

/// Whether any decimal digit beyond ASCII is in the text.
///
/// The first bytes of such digits are few, and none of them starts a Cyrillic, Han or accented
/// Latin letter, so most text is passed over by the first test.
pub fn has_wide_digit(bytes: &[u8]) -> bool {
    const BLOCK: usize = 64;
    let leads = |byte: u8| matches!(byte, 0xD9 | 0xDB | 0xDF..=0xE1 | 0xEA | 0xEF | 0xF0);
    bytes.chunks(BLOCK).enumerate().any(|(index, block)| {
        // A fold without an early way out becomes vector code.
        block.iter().fold(false, |any, &byte| any | leads(byte))
            && block.iter().enumerate().any(|(offset, &byte)| {
                leads(byte) && is_wide_digit(&bytes[index * BLOCK + offset..])
            })
    })
}

/// What Python 3.12 says `str.isspace` is, for the references of the tests.
#[cfg(test)]
pub const PYTHON_SPACE: &str = concat!(
    r"[\x09-\x0d\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}",
    r"\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
);

#[cfg(test)]
mod tests {
    use super::*;
    use regex::Regex;

    #[test]
    fn classes_agree_with_the_tables_of_the_regex_crate() {
        let space = Regex::new(&format!("^{PYTHON_SPACE}$")).unwrap();
        let digit = Regex::new(r"^\p{Nd}$").unwrap();
        let mut digits = 0;
        for c in '\0'..=char::MAX {
            let text = c.to_string();
            let bytes = text.as_bytes();
            let expected = if space.is_match(&text) { bytes.len() } else { 0 };
            assert_eq!(space_len(bytes, 0), expected, "{c:?}");
            assert_eq!(space_len_before(bytes, bytes.len()), expected, "{c:?}");
            let found = digit_len(bytes, 0);
            assert!(found == 0 || found == bytes.len() && digit.is_match(&text), "{c:?}");
            assert_eq!(has_wide_digit(bytes), found > 1, "{c:?}");
            digits += usize::from(found > 0);
        }
        // 68 runs of ten in Unicode 15.1; a newer table of the regex crate only adds to them.
        assert_eq!(digits, 680);
    }

    #[test]
    fn a_wide_digit_across_blocks_is_seen() {
        for pad in 0..130 {
            let text = format!("{}٣{}", "a".repeat(pad), "б".repeat(40));
            assert!(has_wide_digit(text.as_bytes()));
        }
        assert!(!has_wide_digit("日本語, русский, हिन्दी, ไทย, العربية 123".as_bytes()));
    }
}
