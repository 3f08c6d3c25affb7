"""Declaration of the tagger of paragraphs without words."""

from __future__ import annotations

from ..declaration import AttributeType, Kernel

__all__ = ["TAGGERS"]

TAGGERS = (
    Kernel(
        name="not_alphanum_paragraph_v1",
        family="punctuation",
        cost="light",
        outputs=(AttributeType(name="all_punct", unit="paragraph", meaning="1; 0 for an empty text"),),
        doc="Paragraphs without a letter or digit: spans of type `all_punct`, score 1.",
    ),
)
