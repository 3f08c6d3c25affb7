//! `code_redpajama_taggers_v1`: the numbers that RedPajama's rules for GitHub look at.
//!
//! Together et al. 2023 drop files with a line of more than 1,000 characters, more than 100 on
//! average, less than 25 % letters and digits, or fewer than 1.5 letters a token: data, minified
//! code and blobs rather than what people wrote. Codex (Chen et al. 2021) had the first two.

use super::lines::{measure, share};
use crate::error::Result;
use crate::tag::{Document, Kernel, Options, Spans, Worker, refuse_options};
use crate::text::token_starts;

const TYPES: [&str; 4] =
    ["max_line_length_doc", "avg_line_length_doc", "alnum_prop_doc", "alpha_token_prop_doc"];

pub(crate) fn build(options: &Options) -> Result<Box<dyn Kernel>> {
    refuse_options("code_redpajama_taggers_v1", options)?;
    Ok(Box::new(RedPajama { types: TYPES.map(str::to_owned).to_vec() }))
}

struct RedPajama {
    types: Vec<String>,
}

impl Kernel for RedPajama {
    fn types(&self) -> &[String] {
        &self.types
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(Reader { token_starts: Vec::new() })
    }
}

struct Reader {
    token_starts: Vec<u64>,
}

impl Worker for Reader {
    fn tag(&mut self, doc: &Document<'_>, out: &mut Spans) -> Result<()> {
        let text = doc.text.as_str();
        let measures = measure(text);
        token_starts(text, &mut self.token_starts);
        // As published, the pieces around the tokens are counted: one more.
        let tokens = 1 + self.token_starts.iter().map(|b| b.count_ones() as usize).sum::<usize>();
        let scores = [
            measures.longest as f64,
            share(measures.in_lines, measures.lines),
            share(measures.alphanumeric, measures.chars),
            share(measures.letters, tokens),
        ];
        for (kind, score) in (0..).zip(scores) {
            out.push(kind, 0, measures.chars, score);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::tag::testing::rows;

    #[test]
    fn numbers_worked_out_by_hand() {
        let scores = |text| {
            let rows = rows("code_redpajama_taggers_v1", text);
            rows.into_iter().map(|(_, _, _, score)| score).collect::<Vec<_>>()
        };
        // Lines of 5, 0 and 4; letters and digits abc1 é2; tokens abc1, +, é2, !!.
        assert_eq!(scores("abc1+\n\né2!!"), [5.0, 3.0, 6.0 / 11.0, 4.0 / 5.0]);
        assert_eq!(scores(""), [0.0, 0.0, 0.0, 0.0]);
        assert_eq!(scores("\n"), [0.0, 0.0, 0.0, 0.0]);
    }
}
