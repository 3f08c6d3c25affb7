"""Declarations of the C4 rules."""

from __future__ import annotations

from math import inf

from ..declaration import AttributeType, Kernel

__all__ = ["TAGGERS"]

_C4 = """
The line and page rules of Raffel et al. 2020 ("C4").

Spans over lines, newline included: `lines_with_no_ending_punctuation` (stripped line does not end in
`.`, `?`, `!` or `"`), `lines_with_too_few_words` (fewer than 3). Spans over the document, only where
they apply: `has_naughty_word` (a word of the LDNOOBW list, phrases as substrings), `has_javascript`,
`has_lorem_ipsum`, `has_curly_brace`; always `line_count`.
"""

_OUTPUTS = (
    AttributeType(
        name="lines_with_no_ending_punctuation",
        unit="line",
        meaning='the stripped line does not end in `.`, `?`, `!` or `"`',
        low=1,
    ),
    AttributeType(
        name="lines_with_too_few_words", unit="line", meaning="the line has fewer than 3 words", low=1
    ),
    AttributeType(name="has_naughty_word", unit="document", meaning="a word of the LDNOOBW list", low=1),
    AttributeType(
        name="has_{javascript,lorem_ipsum,curly_brace}", unit="document", meaning="it occurs", low=1
    ),
    AttributeType(name="line_count", unit="document", meaning="lines", high=inf, always=True),
)

TAGGERS = (
    Kernel(
        name="c4_v1",
        family="c4",
        cost="moderate",
        outputs=_OUTPUTS,
        doc=_C4.rstrip() + "\n`javascript` counts as a whole word.\n",
    ),
    Kernel(
        name="c4_v2",
        family="c4",
        cost="moderate",
        outputs=_OUTPUTS,
        doc=_C4.rstrip()
        + "\n`javascript` counts anywhere. Offsets are those of the text; the published ones shift behind a "
        "letter whose\nlower case is longer (İ).\n",
    ),
)
