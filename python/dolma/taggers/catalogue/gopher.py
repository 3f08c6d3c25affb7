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
        name="character_count", unit="document", meaning="characters of all words", high=inf, always=True
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
)
