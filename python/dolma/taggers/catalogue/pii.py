"""Declarations of the taggers of personal data."""

from __future__ import annotations

from math import inf

from ..declaration import AttributeType, Kernel, PythonTagger

__all__ = ["TAGGERS"]

_PII = """
Spans `EMAIL_ADDRESS`, `PHONE_NUMBER`, `IP_ADDRESS`, score 1.0, found by the published expressions in
linear time. An e-mail address needs a dot in its domain; a phone number or IP address with `isbn`,
`doi` or `#` within 100 characters is left out. The published guard against URLs never fires, and so
does not here; spans of addresses may include punctuation around them: use `pii_regex_v3` for exact
ones.
"""

_SPANS = (
    AttributeType(
        name="{EMAIL_ADDRESS,PHONE_NUMBER,IP_ADDRESS}",
        unit="match",
        meaning="such an address or number",
        low=1,
    ),
)
_DOC = AttributeType(
    name="doc", unit="document", meaning="spans by words, -1 without words", low=-1, high=inf, always=True
)
_DOC_WHERE_FOUND = AttributeType(name="doc", unit="document", meaning="spans by words", high=inf)
_DOC_COUNT = AttributeType(name="doc_count", unit="document", meaning="spans", high=inf, always=True)
_DOC_FRAC = AttributeType(
    name="doc_frac", unit="document", meaning="characters of spans by characters", always=True
)
_DOC_FRAC_PUBLISHED = AttributeType(
    name="doc_frac",
    unit="document",
    meaning="characters of spans by characters, plus one; -1 for an empty text",
    low=-1,
    high=inf,
    always=True,
)

TAGGERS = (
    Kernel(
        name="pii_regex_v1",
        family="pii",
        cost="moderate",
        outputs=(*_SPANS, _DOC),
        doc="Personal data by regular expressions, without post-filter." + _PII,
    ),
    Kernel(
        name="pii_regex_v2",
        family="pii",
        cost="moderate",
        outputs=(*_SPANS, _DOC),
        doc="Personal data by regular expressions.\n"
        + _PII.rstrip()
        + "\n`doc`: spans by words, over the document.\n",
    ),
    Kernel(
        name="pii_regex_with_counts_v2",
        family="pii",
        cost="moderate",
        outputs=(*_SPANS, _DOC_WHERE_FOUND, _DOC_COUNT),
        doc="Personal data by regular expressions, counted.\n"
        + _PII.rstrip()
        + "\n`doc_count`: number of spans, over the document.\n",
    ),
    Kernel(
        name="pii_regex_with_counts_fast_v2",
        family="pii",
        cost="moderate",
        outputs=(*_SPANS, _DOC_COUNT, _DOC_FRAC_PUBLISHED),
        doc="Personal data by regular expressions, paragraph by paragraph, counted.\n"
        + _PII.rstrip()
        + "\n`doc_count`: number of spans; `doc_frac`: their share of the text, plus 1.0 as published.\n",
    ),
    Kernel(
        name="pii_regex_v3",
        family="pii",
        cost="moderate",
        outputs=(*_SPANS, _DOC_COUNT, _DOC_FRAC),
        doc="Personal data: e-mail addresses, phone numbers, IP addresses, with exact spans.\n\n"
        "`EMAIL_ADDRESS` spans are the address and nothing else, anywhere in the text. `PHONE_NUMBER`: North "
        "American\nand international forms, never a part of a longer number. `IP_ADDRESS`: IPv4 and IPv6, never a part "
        "of a\nlonger dotted number. Score 1.0 each. `doc_count`: number of spans; `doc_frac`: their share of the "
        "characters of the\ntext, both over the document. Linear in the size of the text.",
    ),
    PythonTagger(
        name="pii_presidio_v1",
        family="pii",
        cost="heavy",
        outputs=(*_SPANS, _DOC),
        target="dolma.taggers.presidio:Presidio",
        requires=("presidio_analyzer",),
        extra="presidio",
        doc="Personal data by Microsoft's presidio.\n\n"
        "Spans `EMAIL_ADDRESS`, `PHONE_NUMBER`, `IP_ADDRESS`, score 1.0, as presidio's English recognisers find "
        "them, with\nthe published filter: an e-mail address needs a dot in its domain; a number with `isbn`, `doi` "
        "or `#` within 100\ncharacters is left out. `doc`: spans by words, -1 without words (the published tagger "
        "fails). It needs spaCy's\n`en_core_web_lg` (`python -m spacy download en_core_web_lg`), takes milliseconds "
        "for a page and finds little that\n`pii_regex_v3` does not. `tagger_options.pii_presidio_v1.model` takes "
        "another English model of spaCy, a package or a\nfolder, which only helps the recognisers with context. "
        "Suffixes of domains are those that `tldextract` carries:\nnothing is asked of the network.\n",
        settable=("model",),
        options={"model": "en_core_web_lg"},
    ),
)
