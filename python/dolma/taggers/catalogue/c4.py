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

_V3_OUTPUTS = (
    AttributeType(
        name="lines_with_no_ending_punctuation",
        unit="line",
        meaning="the line ends in no `.`, `?`, `!`, their like of other scripts, or closing quote",
        low=1,
    ),
    AttributeType(
        name="lines_with_too_few_words", unit="line", meaning="the line has fewer than 3 words", low=1
    ),
    AttributeType(
        name="lines_with_long_word", unit="line", meaning="a word of more than 1,000 code points", low=1
    ),
    AttributeType(name="lines_with_javascript", unit="line", meaning="the line has `javascript`", low=1),
    AttributeType(
        name="lines_with_policy", unit="line", meaning="the line speaks of cookies or terms of use", low=1
    ),
    AttributeType(name="citation", unit="match", meaning="a citation mark as Wikipedia has them", low=1),
    AttributeType(
        name="has_naughty_word", unit="document", meaning="a word or phrase of the LDNOOBW list", low=1
    ),
    AttributeType(name="has_{lorem_ipsum,curly_brace}", unit="document", meaning="it occurs", low=1),
    AttributeType(
        name="{line,kept_line}_count",
        unit="document",
        meaning="lines that are not blank, and those that no rule cuts",
        high=inf,
        always=True,
    ),
    AttributeType(
        name="sentence_count", unit="document", meaning="sentences in the lines kept", high=inf, always=True
    ),
    AttributeType(
        name="sentence_count_any_ending",
        unit="document",
        meaning="the same if lines without ending punctuation stay",
        high=inf,
        always=True,
    ),
    AttributeType(
        name="long_line_count",
        unit="document",
        meaning="lines of at least 200 code points",
        high=inf,
        always=True,
    ),
)

_V3 = """
The line and page rules of C4 as its paper and its code have them (Raffel et al. 2020, 2.2; `c4_utils.py`).

Spans to cut, over lines with their newline: `lines_with_no_ending_punctuation` (white space and citations
aside, the line does not end in `.`, `?`, `!` of any script, `"` or `”`; `...` is no end),
`lines_with_too_few_words` (fewer than 3), `lines_with_long_word` (over 1,000 characters),
`lines_with_javascript`, `lines_with_policy` ("terms of use", "privacy policy", "cookie policy", "uses
cookies", "use of cookies", "use cookies"); over the mark: `citation` (`[1]`, `[]`, `[edit]`, `[citation
needed]`). Flags of pages to drop: `has_naughty_word` (LDNOOBW, whole words, so also before a comma),
`has_lorem_ipsum`, `has_curly_brace`. Counts: `line_count` and `kept_line_count` (not blank; cut by no rule),
`sentence_count` (in the lines kept; C4 drops pages with fewer than 5), `sentence_count_any_ending` (the same
where lines without ending punctuation stay: FineWeb leaves that rule out), `long_line_count` (200 characters
or more; mC4 and datatrove's `C4ParagraphFilter` drop pages with fewer than 3).

Differences. From `c4_v2`: "javascript" cuts a line, not the page; blank lines are no lines; naughty words may
touch punctuation; the rest is new. From C4's code, and datatrove's `C4QualityFilter` after it: flags count
here wherever they stand, as the paper says, there only in lines that are not cut first, so that most pages of
source code pass there. From datatrove's alone: that takes `'` for an end too, but none of `”`, `。` and other
scripts; it sees no end where a space stands before a citation; sentences end here at `.`, `?`, `!` and their
like, closing quotes included, there at spaCy's ends.
`configs/fineweb.yaml` applies the rules.
"""

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
    Kernel(name="c4_v3", family="c4", cost="moderate", outputs=_V3_OUTPUTS, doc=_V3),
)
