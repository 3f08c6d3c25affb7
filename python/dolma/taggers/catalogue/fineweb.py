"""Declarations of the rules of FineWeb."""

from __future__ import annotations

from math import inf

from ..declaration import AttributeType, Kernel

__all__ = ["TAGGERS"]

_QUALITY = """
The quality rules of FineWeb (Penedo et al. 2024, section 3.6): line ends, short and repeated lines, line breaks.

Over the document: `line_punct_ratio` (lines that end in a terminal punctuation mark of any script),
`short_line_ratio` (lines of up to 30 characters), `char_dup_ratio` (characters of lines met before, by those
of the text without newlines), `new_line_ratio` (newlines by tokens). Lines are those of `split("\\n")` that are
not blank; white space at their ends counts.

Thresholds: a document is dropped if `line_punct_ratio` is below 0.12, `short_line_ratio` above 0.67,
`char_dup_ratio` above 0.01 or `new_line_ratio` above 0.3, those of datatrove's `FineWebQualityFilter`. Its
numbers are the same but for two things: terminal marks here are Unicode 17's (`Sentence_Terminal`), a few rare
ones more; and `new_line_ratio` has tokens of `\\w+|[^\\w\\s]+` (`\\w` with combining marks) below the line, where
datatrove has spaCy's.
`configs/fineweb.yaml` applies the rules.
"""

TAGGERS = (
    Kernel(
        name="fineweb_quality_v1",
        family="fineweb",
        cost="light",
        outputs=(
            AttributeType(
                name="line_punct_ratio",
                unit="document",
                meaning="lines that end in a terminal punctuation mark, by lines",
                always=True,
            ),
            AttributeType(
                name="short_line_ratio",
                unit="document",
                meaning="lines of up to 30 code points, by lines",
                always=True,
            ),
            AttributeType(
                name="char_dup_ratio",
                unit="document",
                meaning="code points of lines met before, by those of the text without newlines",
                always=True,
            ),
            AttributeType(
                name="new_line_ratio",
                unit="document",
                meaning="newlines by tokens",
                high=inf,
                always=True,
            ),
        ),
        doc=_QUALITY,
    ),
)
