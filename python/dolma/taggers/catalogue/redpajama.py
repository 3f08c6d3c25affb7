"""Declarations of the signals of RedPajama 2."""

from __future__ import annotations

from math import inf

from ..declaration import AttributeType, Kernel

__all__ = ["TAGGERS"]

_SIGNALS = """
The natural-language signals that RedPajama 2 publishes of every document (Weber et al. 2024, table 8).

Over the document, under the published names: `rps_doc_word_count`, `rps_doc_mean_word_length`,
`rps_doc_frac_unique_words` and `rps_doc_unigram_entropy` (nats) of normalized words (lower case, without the
punctuation of ASCII); `rps_doc_frac_all_caps_words`, `rps_doc_frac_no_alph_words` (no letter of ASCII) and
`rps_doc_symbol_to_word_ratio` (`#`, `...`, `…`) of raw words (`\\w+` or runs of punctuation);
`rps_doc_num_sentences`, `rps_doc_frac_lines_end_with_ellipsis`, `rps_doc_curly_bracket` and
`rps_doc_lorem_ipsum` (by characters). Of the published signals of single lines the shares of the document:
`rps_doc_frac_lines_ending_with_terminal_punctuation_mark` (`.`, `!`, `?`, `”`) and
`rps_doc_frac_lines_starting_with_bulletpoint`.

Published values are missing where a document has no words; here they are 0. Normalization does not decompose
accents, so `é` is one character of a word. Left out: signals of CCNet, of models and of lists (`stop_words_v1`,
`toxicity_wordlist_v1` have their like), and of n-grams, for which see `gopher_v3`. RedPajama 2 sets no
thresholds; its card shows those of Gopher, C4 and others on these signals.
"""


def _signal(name: str, meaning: str, high: float = 1.0) -> AttributeType:
    return AttributeType(name=f"rps_doc_{name}", unit="document", meaning=meaning, high=high, always=True)


TAGGERS = (
    Kernel(
        name="redpajama_v2",
        family="redpajama",
        cost="moderate",
        outputs=(
            _signal("word_count", "normalized words", inf),
            _signal("mean_word_length", "code points of a normalized word", inf),
            _signal("frac_unique_words", "distinct normalized words, by normalized words"),
            _signal("unigram_entropy", "entropy of the normalized words, in nats", inf),
            _signal("frac_all_caps_words", "raw words in upper case, by raw words"),
            _signal("frac_no_alph_words", "raw words without a letter of ASCII, by raw words"),
            _signal("symbol_to_word_ratio", "`#`, `...` and `…`, by raw words", inf),
            _signal("num_sentences", "pieces between runs of `.`, `!`, `?` that have a word", inf),
            _signal("frac_lines_end_with_ellipsis", "lines that end with `...` or `…`, by lines"),
            _signal("{curly_bracket,lorem_ipsum}", "occurrences by code points"),
            _signal(
                "frac_lines_{ending_with_terminal_punctuation_mark,starting_with_bulletpoint}",
                "lines of this kind, by lines",
            ),
        ),
        doc=_SIGNALS,
    ),
)
