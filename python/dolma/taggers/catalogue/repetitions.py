"""Declarations of the taggers that find what is said again and again."""

from __future__ import annotations

from math import inf

from ..declaration import AttributeType, Kernel

__all__ = ["TAGGERS", "outputs"]


def outputs(
    times: str, share: str, always: bool = True, highest_share: float = 1.0
) -> tuple[AttributeType, ...]:
    """The types of a tagger of repetitions: each one, and three numbers of the document."""
    return (
        AttributeType(name="repetition", unit="match", meaning=times, low=2, high=inf),
        AttributeType(
            name="doc_max_score_repetition",
            unit="document",
            meaning="the largest of these, 0 without one",
            high=inf,
            always=always,
        ),
        AttributeType(
            name="doc_max_length_repetition",
            unit="document",
            meaning="code points of the longest one",
            high=inf,
            always=always,
        ),
        AttributeType(
            name="doc_frac_repetition", unit="document", meaning=share, high=highest_share, always=always
        ),
    )


_SHARE = "code points in repetitions, by those of the document"

_PUBLISHED = """
Spans are the matches of `(.+?)(\\s?\\1){3,}`, from left to right: the shortest unit that is followed by three
more copies of itself, each with at most one white space before it; a unit has no newline. The score is how
often the unit is in the match, without overlaps. Indentation of four spaces is a match, too.
The same spans and scores as the published tagger, whose time grows with the square of a line's length (and
more); here it is n log n for n bytes, on any text.
"""

TAGGERS = (
    Kernel(
        name="repetitions_v1",
        family="repetitions",
        cost="moderate",
        outputs=outputs("how often the unit is in it", _SHARE),
        doc="Characters that are repeated at least three times, as the published expression finds them.\n"
        + _PUBLISHED,
    ),
    Kernel(
        name="paragraph_repetitions_v1",
        family="repetitions",
        cost="moderate",
        outputs=outputs("how often the unit is in it", _SHARE),
        doc="`repetitions_v1` within each line.\n" + _PUBLISHED,
    ),
    Kernel(
        name="repetitions_v3",
        family="repetitions",
        cost="moderate",
        outputs=outputs("how many times the unit's length it is long, in whole numbers", _SHARE),
        doc="The largest parts of the text that consist of a unit of up to 1024 bytes, at least four times.\n\n"
        "A part has a period: every byte equals the one a unit before it. It is extended both ways as far as the\n"
        "period goes, so it may end within a unit, and the white space after the last unit may be missing. Units\n"
        "may have newlines, but are not all white space, so indentation and blank lines do not count. A part\n"
        "inside a larger one is not reported; where two overlap, characters count once in the share.\n"
        "In time linear in the length of the text. `repetitions_v1` finds much the same, but starts from the\n"
        "left with the shortest unit, stops at the last whole unit, takes any white space for any other, counts\n"
        "indentation, and misses what has newlines inside.\n",
    ),
    Kernel(
        name="word_repetitions_v1",
        family="repetitions",
        cost="light",
        outputs=outputs("how often the n-gram comes, in whole numbers", _SHARE),
        settable=("times",),
        doc="One to thirteen words that come at least 32 times in a row (OLMo 2's filter, over words).\n\n"
        "Documents with an n-gram of 1 to 13 tokens that is repeated 32 times or more are left out of the mixes of\n"
        "OLMoE (allenai/OLMoE-mix-0924) and OLMo 2; they make the loss spike (OLMo et al. 2024, section 3.1).\n"
        "Words are the pieces of `str.split()`, so no tokenizer is needed; `tokenizer_repetitions_v3` is the same\n"
        "over tokens. A span goes from the first word to the last that keeps the period; one inside a larger one is\n"
        "not reported.\n"
        "The option `times` (2 or more; default 32) says how often an n-gram has to come.\n",
    ),
)
