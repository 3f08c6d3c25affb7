"""Declarations of the Gopher rules."""

from __future__ import annotations

from math import inf

from ..declaration import AttributeType, Kernel

__all__ = ["TAGGERS"]

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

_OUTPUTS = (
    AttributeType(
        name="fraction_of_characters_in_most_common_{2..4}grams",
        unit="document",
        meaning="characters of the most frequent n-gram, times its count, by characters of all words",
        high=inf,
    ),
    AttributeType(
        name="fraction_of_characters_in_duplicate_{5..10}grams",
        unit="document",
        meaning="characters of n-grams that occur more than once, by those of all n-grams",
    ),
    AttributeType(
        name="character_count", unit="document", meaning="code points of the text", high=inf, always=True
    ),
    AttributeType(name="word_count", unit="document", meaning="words", high=inf, always=True),
    AttributeType(
        name="median_word_length",
        unit="document",
        meaning="code points of the median word",
        high=inf,
        always=True,
    ),
    AttributeType(
        name="symbol_to_word_ratio", unit="document", meaning="words with `#` or `…`, by words", always=True
    ),
    AttributeType(
        name="fraction_of_words_with_alpha_character",
        unit="document",
        meaning="words with a letter, by words",
        always=True,
    ),
    AttributeType(
        name="required_word_count",
        unit="document",
        meaning="how many words are one of the, be, to, of, and, that, have, with",
        high=inf,
        always=True,
    ),
    AttributeType(
        name="fraction_of_lines_starting_with_bullet_point",
        unit="document",
        meaning="lines that start with `*` or `-`, by lines",
        always=True,
    ),
    AttributeType(
        name="fraction_of_lines_ending_with_ellipsis",
        unit="document",
        meaning="lines that end with `…`, by lines",
        always=True,
    ),
    AttributeType(
        name="fraction_of_duplicate_lines",
        unit="document",
        meaning="repeated lines, by lines",
        always=True,
    ),
    AttributeType(
        name="fraction_of_characters_in_duplicate_lines",
        unit="document",
        meaning="characters of repeated lines, by those of all words",
        high=inf,
        always=True,
    ),
)

_COMMON = AttributeType(
    name="fraction_of_characters_in_most_common_{2..4}grams",
    unit="document",
    meaning="characters of the words in occurrences of the most frequent n-gram, by those of all words",
    always=True,
)
_DUPLICATE = AttributeType(
    name="fraction_of_characters_in_duplicate_{5..10}grams",
    unit="document",
    meaning="characters of the words in n-grams that occur more than once, each counted once, by those of all words",
    always=True,
)

_V3_OUTPUTS = (
    _COMMON,
    _DUPLICATE,
    AttributeType(
        name="{character,word}_count", unit="document", meaning="code points, words", high=inf, always=True
    ),
    AttributeType(
        name="{median,mean}_word_length",
        unit="document",
        meaning="code points of the median word, and their mean",
        high=inf,
        always=True,
    ),
    AttributeType(
        name="symbol_to_word_ratio",
        unit="document",
        meaning="hash signs or ellipses (`...`, `…`), whichever are more, by words",
        high=inf,
        always=True,
    ),
    AttributeType(
        name="fraction_of_words_with_alpha_character",
        unit="document",
        meaning="words with a letter, by words",
        always=True,
    ),
    AttributeType(
        name="required_word_count",
        unit="document",
        meaning="how many of the, be, to, of, and, that, have, with occur, in upper or lower case",
        high=8,
        always=True,
    ),
    AttributeType(
        name="fraction_of_lines_starting_with_bullet_point",
        unit="document",
        meaning="lines that start with a hyphen, dash, asterisk or bullet, by lines",
        always=True,
    ),
    AttributeType(
        name="fraction_of_lines_ending_with_ellipsis",
        unit="document",
        meaning="lines that end with `...` or `…`, by lines",
        always=True,
    ),
    AttributeType(
        name="fraction_of_duplicate_{lines,paragraphs}",
        unit="document",
        meaning="lines (paragraphs) that occur more than once, each occurrence, by all",
        always=True,
    ),
    AttributeType(
        name="fraction_of_characters_in_duplicate_{lines,paragraphs}",
        unit="document",
        meaning="characters of those lines (paragraphs), by those of all",
        always=True,
    ),
)

_V3 = """
Quality and repetition statistics of Rae et al. 2021, A1.1 and table A1 ("Gopher"), as the paper has them.

The types of `gopher_v1`, always all of them, with these corrections: n-gram shares are of the characters
of all words, and characters where n-grams overlap count once, so that they lie between 0 and 1 and the
paper's thresholds apply; the most frequent n-gram of several is the longest, and there is none if nothing
is repeated; `...` is an ellipsis; `symbol_to_word_ratio` counts symbols; `required_word_count` counts
different words, in upper or lower case; white space before bullets and behind ellipses does not matter;
more bullets than `*` and `-`; lines are those that are not blank, and shares of characters in lines are of
the characters of lines. New: `mean_word_length` (the paper's), paragraphs (lines up to a blank one).

Every occurrence of what is repeated counts, as in RedPajama 2, DCLM and Olmo 3; FineWeb's counting is
`gopher_repetition_v1`.

Words are what white space separates, as in the paper. datatrove's `GopherQualityFilter` takes spaCy's tokens,
punctuation among them, and that changes one rule most: its share of words with a letter is about 0.2 lower in
prose full of punctuation (0.74 for 0.96 here), so the same 0.8 drops many documents there that stay here.
Also, tokens of punctuation alone are left out of its word count and mean word length; its stop words are
lower case only; its lines include blank ones; its bullets are `-` and `•`.

Thresholds (Rae et al.), outside of which a document is dropped: `word_count` 50 to 100,000;
`mean_word_length` 3 to 10; `symbol_to_word_ratio` up to 0.1; bullets up to 0.9 and ellipses up to 0.3 of the
lines; `fraction_of_words_with_alpha_character` at least 0.8; `required_word_count` at least 2; duplicate
lines and paragraphs 0.30, their characters 0.20; most common 2-, 3-, 4-grams 0.20, 0.18, 0.16; duplicate 5-
to 10-grams 0.15, 0.14, 0.13, 0.12, 0.11, 0.10. A recipe
with such rules: `configs/fineweb.yaml`.
"""

_REPETITION_OUTPUTS = (
    AttributeType(
        name="fraction_of_characters_in_most_common_{2..4}grams",
        unit="document",
        meaning="code points of the most frequent n-gram with its spaces, times its count, by those of the text",
        high=inf,
        always=True,
    ),
    AttributeType(
        name="fraction_of_characters_in_duplicate_{5..10}grams",
        unit="document",
        meaning="code points of n-grams met before, without overlaps, by those of the text",
        always=True,
    ),
    AttributeType(
        name="fraction_of_duplicate_{lines,paragraphs}",
        unit="document",
        meaning="lines (paragraphs) that were met before, by all",
        always=True,
    ),
    AttributeType(
        name="fraction_of_characters_in_duplicate_{lines,paragraphs}",
        unit="document",
        meaning="their code points, by those of the text",
        always=True,
    ),
)

_REPETITION = """
Repetition statistics of Rae et al. 2021, table A1, counted as FineWeb did.

The reading of datatrove's `GopherRepetitionFilter` (FineWeb, Penedo et al. 2024): the first occurrence of a
line, paragraph or n-gram is no repetition; all shares are of the code points of the whole text; the most
frequent n-gram counts with single spaces between its words, once for each occurrence, even if there is only
one; the walk for duplicate n-grams steps over each as a whole. Lines are pieces between runs of newlines,
paragraphs pieces between two newlines or more.

Two differences: words are what white space separates, where datatrove takes spaCy's tokens; and duplicate
n-grams are compared word by word, where datatrove compares their letters alone (`now here` is `no where`
there). Otherwise, given the same words, the numbers are the same. Thresholds, above which a document is
dropped: lines and paragraphs 0.30, their characters 0.20; most common 2-, 3-, 4-grams 0.20, 0.18, 0.16;
duplicate 5- to 10-grams 0.15, 0.14, 0.13, 0.12, 0.11, 0.10. `configs/fineweb.yaml` has them.
"""

TAGGERS = (
    Kernel(name="gopher_v1", family="gopher", cost="moderate", outputs=_OUTPUTS, doc=_GOPHER),
    Kernel(
        name="gopher_v2",
        family="gopher",
        cost="moderate",
        outputs=_OUTPUTS,
        doc=_GOPHER.rstrip()
        + "\nAs `gopher_v1`, but runs of newlines count as one: blank lines are no lines.\n",
    ),
    Kernel(name="gopher_v3", family="gopher", cost="moderate", outputs=_V3_OUTPUTS, doc=_V3),
    Kernel(
        name="gopher_repetition_v1",
        family="gopher",
        cost="moderate",
        outputs=_REPETITION_OUTPUTS,
        doc=_REPETITION,
    ),
)
