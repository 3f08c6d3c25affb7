//! Lengths that mean the same in every script: words, sentences and characters as people see them.
//!
//! Boundaries are those of UAX-29. Chinese, Japanese, Thai, Lao, Khmer and Burmese are written
//! without spaces, and UAX-29 alone would give single characters or whole clauses; lines with
//! such script are cut with ICU4X's dictionaries. A word is a piece with a letter or digit in it.

use super::{Document, Kernel, Options, Spans, Worker, refuse_options};
use crate::error::Result;
use icu_segmenter::options::WordBreakInvariantOptions;
use icu_segmenter::{WordSegmenter, WordSegmenterBorrowed};
use unicode_segmentation::UnicodeSegmentation;

const TYPES: [&str; 6] = [
    "words",
    "sentences",
    "characters",
    "paragraph_words",
    "paragraph_sentences",
    "paragraph_characters",
];
const PARAGRAPH: u16 = 3;

struct Multilingual {
    types: Vec<String>,
    dictionaries: WordSegmenterBorrowed<'static>,
}

/// `multilingual_length_v3`: words, sentences and characters of the document and of each line that
/// is not blank.
pub(super) fn build(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("multilingual_length_v3", options)?;
    Ok(Box::new(Multilingual {
        types: TYPES.map(str::to_owned).to_vec(),
        dictionaries: WordSegmenter::new_dictionary(WordBreakInvariantOptions::default()),
    }))
}

impl Kernel for Multilingual {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(Counter { dictionaries: self.dictionaries })
    }
}

struct Counter {
    dictionaries: WordSegmenterBorrowed<'static>,
}

impl Worker for Counter {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let mut cursor = doc.text.cursor();
        let mut total = [0; 3];
        let mut start = 0;
        for line in doc.text.as_str().split_inclusive('\n') {
            let end = start + line.len();
            let counts = self.count(line);
            total.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
            if !crate::text::unicode::is_blank(line) {
                let (start, end) = (cursor.at(start), cursor.at(end));
                for (kind, count) in (PARAGRAPH..).zip(counts) {
                    out.push(kind, start, end, count as f64);
                }
            }
            start = end;
        }
        for (kind, count) in (0..).zip(total) {
            out.push(kind, 0, doc.text.chars(), count as f64);
        }
        Ok(())
    }
}

impl Counter {
    /// Words, sentences and characters of a line.
    fn count(&self, line: &str) -> [usize; 3] {
        if line.is_ascii() {
            // Of ASCII only CR LF is one character.
            let characters = line.len() - usize::from(line.ends_with("\r\n"));
            return [line.unicode_words().count(), line.unicode_sentences().count(), characters];
        }
        let words = if line.chars().any(has_no_spaces) {
            self.dictionary_words(line)
        } else {
            line.unicode_words().count()
        };
        [words, line.unicode_sentences().count(), line.graphemes(true).count()]
    }

    fn dictionary_words(&self, line: &str) -> usize {
        let mut start = 0;
        let ends = self.dictionaries.segment_str(line);
        ends.filter(|&end| {
            let word = &line[start..end];
            start = end;
            word.chars().any(char::is_alphanumeric)
        })
        .count()
    }
}

/// Whether a character is of a script whose words are found in dictionaries.
fn has_no_spaces(c: char) -> bool {
    matches!(c,
        // Thai and Lao, Burmese, Khmer, Kana, Han.
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{a9e0}'..='\u{a9ff}'
        | '\u{aa60}'..='\u{aa7f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9f}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use crate::tag::testing::rows;

    /// Words, sentences and characters of real sentences, as ICU 78 counts them and as people who
    /// read them do.
    const SENTENCES: &[(&str, [f64; 3])] = &[
        ("The cat didn't sit on the mat. Why not?", [9.0, 2.0, 39.0]),
        ("Кошка сидит на окне. Собака спит.", [6.0, 2.0, 33.0]),
        ("Η γάτα κοιμάται. Ο σκύλος τρέχει;", [6.0, 2.0, 33.0]),
        ("القطة تنام على السرير. هل الكلب هنا؟", [7.0, 2.0, 36.0]),
        ("החתול ישן על המיטה. הכלב רץ!", [6.0, 2.0, 28.0]),
        ("बिल्ली सो रही है। कुत्ता दौड़ता है।", [7.0, 2.0, 20.0]),
        ("今天天气很好。我们去公园散步吧！", [8.0, 2.0, 16.0]),
        ("彼女は東京の大学で日本語を勉強した。私は本を読む。", [15.0, 2.0, 25.0]),
        ("แมวนอนบนเตียง หมาวิ่งในสวน", [8.0, 1.0, 23.0]),
        ("ថ្ងៃនេះអាកាសធាតុល្អណាស់។ យើងទៅសួនច្បារ។", [7.0, 2.0, 20.0]),
        ("ມື້ນີ້ອາກາດດີຫຼາຍ", [4.0, 1.0, 11.0]),
        ("ဒီနေ့ ရာသီဥတု ကောင်းတယ်။", [5.0, 1.0, 16.0]),
        ("오늘은 날씨가 좋습니다. 공원에 갑시다.", [5.0, 2.0, 22.0]),
        ("ბავშვი თამაშობს. დედა მღერის.", [4.0, 2.0, 29.0]),
    ];

    fn document(text: &str) -> [f64; 3] {
        let rows = rows("multilingual_length_v3", text);
        let score = |name| rows.iter().find(|row| row.0 == name).unwrap().3;
        [score("words"), score("sentences"), score("characters")]
    }

    #[test]
    fn fourteen_scripts_are_counted_as_icu_does() {
        for (text, counts) in SENTENCES {
            assert_eq!(document(text), *counts, "{text}");
        }
    }

    #[test]
    fn paragraphs_are_lines_and_blank_ones_have_no_span() {
        let rows = rows("multilingual_length_v3", "你好世界\n \r\na b.\r\n");
        let expected = [
            ("paragraph_words", 0, 5, 2.0),
            ("paragraph_sentences", 0, 5, 1.0),
            ("paragraph_characters", 0, 5, 5.0),
            ("paragraph_words", 8, 14, 2.0),
            ("paragraph_sentences", 8, 14, 1.0),
            ("paragraph_characters", 8, 14, 5.0),
            ("words", 0, 14, 4.0),
            ("sentences", 0, 14, 2.0),
            ("characters", 0, 14, 12.0),
        ];
        assert_eq!(rows, expected);
        assert_eq!(document(""), [0.0; 3]);
    }

    #[test]
    fn hostile_texts_take_no_longer() {
        for text in ["日本", "ไทย", "😀", "a", "1. ", "e\u{301}", "မ", "?.,", "\u{e01}\u{301}"]
        {
            document(&text.repeat(100_000));
        }
    }
}
