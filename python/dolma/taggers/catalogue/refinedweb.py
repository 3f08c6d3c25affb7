"""Declarations of the rules of RefinedWeb."""

from __future__ import annotations

from ..declaration import AttributeType, Kernel

__all__ = ["TAGGERS"]

_LINES = """
Menus, counters and buttons by the line rules of RefinedWeb (Penedo et al. 2023, appendix G.2), to be cut.

Spans over lines, newline included: `mainly_uppercase` (more than half of the characters), `only_numeric`,
`counter` (a number and likes, shares, comments, views…: "3 likes", "1.2K followers"), `one_word`. Of the other
lines of up to 10 words, spans over the phrase: `sign_in` ("sign-in" at the beginning), `read_more` ("Read
more..." at the end), `items_in_cart` (anywhere). Over the document: `fraction_of_words_removed`, the share of
words in all of these.

RefinedWeb cuts the spans and drops documents that lose more than 0.05 of their words. The paper gives examples,
not lists; what counters count, and half for "mainly", are those of DCLM (Li et al. 2024) and Olmo 3, besides
the singular and replies. Short lines of headings are cut too: choose spans by the kind of text.

In a recipe: `span_replacement: [{span: $.attributes.web__refinedweb_lines_v1__counter, min_score: 1,
replacement: ""}]`, and the same for the others.
"""

TAGGERS = (
    Kernel(
        name="refinedweb_lines_v1",
        family="refinedweb",
        cost="light",
        outputs=(
            AttributeType(
                name="mainly_uppercase",
                unit="line",
                meaning="more than half of the code points are upper case",
                low=1,
            ),
            AttributeType(
                name="{only_numeric,counter,one_word}",
                unit="line",
                meaning="the line is a number; a number and what it counts; one word",
                low=1,
            ),
            AttributeType(
                name="{sign_in,read_more,items_in_cart}",
                unit="match",
                meaning="the phrase in a line of up to 10 words",
                low=1,
            ),
            AttributeType(
                name="fraction_of_words_removed",
                unit="document",
                meaning="words in the spans of all other types, by words",
                always=True,
            ),
        ),
        doc=_LINES,
    ),
)
