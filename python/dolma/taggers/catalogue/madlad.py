"""Declarations of the rules of MADLAD-400."""

from __future__ import annotations

from math import inf

from ..declaration import AttributeType, Kernel

__all__ = ["TAGGERS"]

_MADLAD = """
Questionable sentences by the rules of MADLAD-400 (Kudugunta et al. 2023, section 2.3).

Spans over sentences: `list_case` (of at least 12 words more than half begin with a capital),
`abnormal_length` (fewer than 20 or more than 500 characters; the authors warn of it for Chinese and
Japanese), `technical_characters` (more than 20 % of the characters are in `[0-9{}+/()>]`), `cursed` (one of
30 substrings and 2 patterns of appendix A.2). Over the document: `sentence_count`,
`fraction_of_questionable_sentences` and `fraction_of_list_case_or_cursed_sentences`.

Thresholds: MADLAD-400 drops documents with fewer than 5 sentences or more than 20 % questionable ones; Olmo 3
drops those with fewer than 5, or with 20 % or more in list case or cursed. The paper's rule that each
sentence has the language of the document is left out: combine with a language tagger.

A sentence ends at `.`, `?`, `!` and closing quotes before white space, or at a full stop of another script.
Olmo 3's code measures lengths in bytes and compares patterns as if they were words; here lengths are code
points, and patterns at the end of a sentence see its full stop.
"""

TAGGERS = (
    Kernel(
        name="madlad400_v1",
        family="madlad",
        cost="moderate",
        outputs=(
            AttributeType(
                name="list_case",
                unit="sentence",
                meaning="more than half of 12 words or more are capitalised",
                low=1,
            ),
            AttributeType(
                name="abnormal_length",
                unit="sentence",
                meaning="fewer than 20 or more than 500 code points",
                low=1,
            ),
            AttributeType(
                name="technical_characters",
                unit="sentence",
                meaning="more than 20 % of the code points are in `[0-9{}+/()>]`",
                low=1,
            ),
            AttributeType(name="cursed", unit="sentence", meaning="a cursed substring or pattern", low=1),
            AttributeType(name="sentence_count", unit="document", meaning="sentences", high=inf, always=True),
            AttributeType(
                name="fraction_of_{questionable,list_case_or_cursed}_sentences",
                unit="document",
                meaning="sentences that break one of the four (two) rules, by sentences",
                always=True,
            ),
        ),
        doc=_MADLAD,
    ),
)
