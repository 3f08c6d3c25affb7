"""The built-in taggers: one table, with the documentation that `dolma list` shows.

Names, outputs and values are the published package's, except where a tagger says otherwise; a
corrected score has a new version in its name.
"""

from __future__ import annotations

from .base import Kernel

__all__ = ["KERNELS"]

_GOPHER = """
Quality and repetition statistics of Rae et al. 2021, section A.1 ("Gopher").

Words are the pieces of `str.split()`, lines those of `split("\\n")`. One span over the whole document
for each of: `fraction_of_characters_in_most_common_{2,3,4}grams` (characters of the most frequent
n-gram, times its count, by characters of all words), `fraction_of_characters_in_duplicate_{5..10}grams`
(characters of n-grams that occur more than once, by those of all n-grams), `character_count`,
`word_count`, `median_word_length`, `symbol_to_word_ratio` (words with `#` or `…`),
`fraction_of_words_with_alpha_character`, `required_word_count` (how many words are one of the, be, to,
of, and, that, have, with), `fraction_of_lines_starting_with_bullet_point` (`*`, `-`),
`fraction_of_lines_ending_with_ellipsis` (`…`), `fraction_of_duplicate_lines`,
`fraction_of_characters_in_duplicate_lines`. An n-gram statistic is absent where the text is too short
for it. The duplicate n-gram fractions have all n-gram characters below the line, as published; the
paper's thresholds are for another denominator.
"""

_C4 = """
The line and page rules of Raffel et al. 2020 ("C4").

Spans over lines, newline included: `lines_with_no_ending_punctuation` (stripped line does not end in
`.`, `?`, `!` or `"`), `lines_with_too_few_words` (fewer than 3). Spans over the document, only where
they apply: `has_naughty_word` (a word of the LDNOOBW list, phrases as substrings), `has_javascript`,
`has_lorem_ipsum`, `has_curly_brace`; always `line_count`.
"""

_PII = """
Spans `EMAIL_ADDRESS`, `PHONE_NUMBER`, `IP_ADDRESS`, score 1.0, found by the published expressions in
linear time. An e-mail address needs a dot in its domain; a phone number or IP address with `isbn`,
`doi` or `#` within 100 characters is left out. The published guard against URLs never fires, and so
does not here; spans of addresses may include punctuation around them: use `pii_regex_v3` for exact
ones.
"""

_LANGUAGE = """
A fastText language model (Joulin et al. 2017; 176 languages) on the lower-cased text.
"""

_TABLE = [
    # Rules of papers.
    Kernel(name="gopher_v1", family="gopher", doc=_GOPHER),
    Kernel(
        name="gopher_v2",
        family="gopher",
        doc=_GOPHER.rstrip()
        + "\nAs `gopher_v1`, but runs of newlines count as one: blank lines are no lines.\n",
    ),
    Kernel(
        name="c4_v1",
        family="c4",
        doc=_C4.rstrip() + "\n`javascript` counts as a whole word.\n",
    ),
    Kernel(
        name="c4_v2",
        family="c4",
        doc=_C4.rstrip()
        + "\n`javascript` counts anywhere. Offsets are those of the text; the published ones shift behind a "
        "letter whose\nlower case is longer (İ).\n",
    ),
    # Lengths.
    Kernel(name="bytes_length_v1", family="length", doc="UTF-8 bytes of the text: one span, type `bytes`."),
    Kernel(name="char_length_v1", family="length", doc="Code points of the text: one span, type `length`."),
    Kernel(
        name="char_length_strip_ws_v1",
        family="length",
        doc="Code points of the text without white space at its ends: one span, type `length_no_ws`.",
    ),
    Kernel(
        name="char_length_with_paragraphs_v1",
        family="length",
        doc="Code points of each paragraph that is not blank (`paragraph`) and of the text (`document`).\n\n"
        "A paragraph is a line with its newline.",
    ),
    Kernel(name="doc_count_v1", family="length", doc="Counts documents: one span, type `docs`, score 1."),
    Kernel(
        name="whitespace_tokenizer_v1",
        family="length",
        doc="Runs of word characters or of punctuation, plus one: one span, type `length`.\n\n"
        "The published tagger counts the pieces around the matches of `\\w+|[^\\w\\s]+`, one more than the matches.",
    ),
    Kernel(
        name="whitespace_tokenizer_with_paragraphs_v1",
        family="length",
        doc="`whitespace_tokenizer_v1` for each paragraph (`paragraph`), and their sum (`document`).",
    ),
    Kernel(
        name="not_alphanum_paragraph_v1",
        family="punctuation",
        doc="Paragraphs without a letter or digit: spans of type `all_punct`, score 1.",
    ),
    Kernel(
        name="random_number_v1",
        family="sampling",
        doc="A number in [0, 1) from the XXH3-64 of the document's id: one span, type `random`.\n\n"
        "The same document has the same number in every run, on every machine; the published tagger draws anew "
        "each time.",
    ),
    # Personal data.
    Kernel(
        name="pii_regex_v1",
        family="pii",
        doc="Personal data by regular expressions, without post-filter." + _PII,
    ),
    Kernel(
        name="pii_regex_v2",
        family="pii",
        doc="Personal data by regular expressions.\n"
        + _PII.rstrip()
        + "\n`doc`: spans by words, over the document.\n",
    ),
    Kernel(
        name="pii_regex_with_counts_v2",
        family="pii",
        doc="Personal data by regular expressions, counted.\n"
        + _PII.rstrip()
        + "\n`doc_count`: number of spans, over the document.\n",
    ),
    Kernel(
        name="pii_regex_with_counts_fast_v2",
        family="pii",
        doc="Personal data by regular expressions, paragraph by paragraph, counted.\n"
        + _PII.rstrip()
        + "\n`doc_count`: number of spans; `doc_frac`: their share of the text, plus 1.0 as published.\n",
    ),
    Kernel(
        name="pii_regex_v3",
        family="pii",
        doc="Personal data: e-mail addresses, phone numbers, IP addresses, with exact spans.\n\n"
        "`EMAIL_ADDRESS` spans are the address and nothing else, anywhere in the text. `PHONE_NUMBER`: North "
        "American\nand international forms, never a part of a longer number. `IP_ADDRESS`: IPv4 and IPv6, never a part "
        "of a\nlonger dotted number. Score 1.0 each. `doc_count`: number of spans; `doc_frac`: their share of the "
        "characters of the\ntext, both over the document. Linear in the size of the text.",
    ),
    # Languages.
    Kernel(
        name="ft_lang_id_en_doc_v2",
        family="language",
        kernel="fasttext",
        doc="How English the document is: `en` and `not_en` (lid.176.bin).\n" + _LANGUAGE,
        assets={"model": "lid.176.bin"},
        options={
            "lowercase": True,
            "separators": "fasttext",
            "labels": ["en"],
            "missing": 0.0,
            "negatives": True,
            "strip_label_prefix": True,
        },
    ),
    Kernel(
        name="ft_lang_id_en_paragraph_with_doc_score_v2",
        family="language",
        kernel="fasttext",
        doc="How English each paragraph is (`en`, `not_en`), and the document by their lengths (`doc_en`, "
        "`doc_not_en`; lid.176.bin).\n" + _LANGUAGE,
        assets={"model": "lid.176.bin"},
        options={
            "unit": "paragraph",
            "lowercase": True,
            "separators": "fasttext",
            "labels": ["en"],
            "missing": 0.0,
            "negatives": True,
            "strip_label_prefix": True,
            "doc_score": True,
        },
    ),
    Kernel(
        name="lang_id_doc_v1",
        family="language",
        kernel="fasttext",
        doc="The languages of the document with a score above 0.01, by code; works offline (lid.176.ftz).\n"
        + _LANGUAGE,
        assets={"model": "lid.176.ftz"},
        options={"lowercase": True, "separators": "fasttext", "above": 0.01, "strip_label_prefix": True},
    ),
    Kernel(
        name="lang_id_en_paragraph_with_doc_score_v1",
        family="language",
        kernel="fasttext",
        doc="As `ft_lang_id_en_paragraph_with_doc_score_v2`, with the model that comes with dolma (lid.176.ftz).\n"
        + _LANGUAGE,
        assets={"model": "lid.176.ftz"},
        options={
            "unit": "paragraph",
            "lowercase": True,
            "separators": "fasttext",
            "labels": ["en"],
            "missing": 0.0,
            "negatives": True,
            "strip_label_prefix": True,
            "doc_score": True,
        },
    ),
    # Classifiers of the user's.
    Kernel(
        name="quality_fasttext_v1",
        family="classifier",
        kernel="fasttext",
        doc="The labels of a quality classifier, any fastText model (.bin, .ftz), over the document.\n\n"
        "One span for each label; set the model under `tagger_options`.",
        assets={"model": None},
        settable=(
            "unit",
            "lowercase",
            "labels",
            "top_k",
            "threshold",
            "negatives",
            "missing",
            "strip_label_prefix",
        ),
    ),
    Kernel(
        name="toxicity_fasttext_v1",
        family="classifier",
        kernel="fasttext",
        doc="The labels of a toxicity classifier, any fastText model (.bin, .ftz), over the document.\n\n"
        "One span for each label; set the model under `tagger_options`.",
        assets={"model": None},
        settable=(
            "unit",
            "lowercase",
            "labels",
            "top_k",
            "threshold",
            "negatives",
            "missing",
            "strip_label_prefix",
        ),
    ),
    Kernel(
        name="toxicity_wordlist_v1",
        family="classifier",
        kernel="wordlist",
        doc="Words and phrases of a list (by default the English LDNOOBW list), as whole words.\n\n"
        "`match`: each hit, score 1.0; `doc_count`: number of hits; `doc_frac`: their share of the words. Set another "
        "list\n(one word or phrase a line) under `tagger_options`.",
        assets={"path": "naughty_words_en.txt"},
        settable=("unit",),
    ),
]

#: Every built-in tagger by name.
KERNELS = {kernel.name: kernel for kernel in _TABLE}
