"""Declarations of the taggers that count: bytes, code points, tokens, documents."""

from __future__ import annotations

from math import inf

from ..declaration import AttributeType, Kernel, Unit

__all__ = ["TAGGERS"]


def _document(name: str, meaning: str, low: float = 0.0) -> AttributeType:
    return AttributeType(name=name, unit="document", meaning=meaning, low=low, high=inf, always=True)


def _paragraph(meaning: str) -> AttributeType:
    return AttributeType(name="paragraph", unit="paragraph", meaning=meaning, high=inf)


def _signed(unit: Unit, name: str, meaning: str) -> tuple[AttributeType, AttributeType]:
    """A count, and the same with the opposite sign."""
    always = unit == "document"
    return (
        AttributeType(name=name, unit=unit, meaning=meaning, high=inf, always=always),
        AttributeType(
            name=f"negative_{name}",
            unit=unit,
            meaning=f"{meaning}, negative",
            low=-inf,
            high=0,
            always=always,
        ),
    )


_UNISEG = """
Pieces are what the word boundaries of UAX-29 (Unicode 17.0) cut the text into. The published tagger counts with
the package `uniseg`, whose Unicode version is that of the installed package; the rules differ only for
characters that were added or changed between the two.
"""

_SIGNED = """
The negative is for mixers that can only ask whether a score is large enough; filters here need no such help.
"""

_PRETOKENIZER = """
The text is cut around punctuation (category P) and decimal digits, each with one space before it, and the rest
by the expression of GPT-2, as the pre-tokenizer of the first OLMo does: what byte-pair encoding would not merge,
and so a lower bound of the number of tokens. With Unicode 14.0, as the published tagger's library.
"""


TAGGERS = (
    Kernel(
        name="bytes_length_v1",
        family="length",
        cost="light",
        outputs=(_document("bytes", "UTF-8 bytes"),),
        doc="UTF-8 bytes of the text: one span, type `bytes`.",
    ),
    Kernel(
        name="char_length_v1",
        family="length",
        cost="light",
        outputs=(_document("length", "code points"),),
        doc="Code points of the text: one span, type `length`.",
    ),
    Kernel(
        name="char_length_strip_ws_v1",
        family="length",
        cost="light",
        outputs=(_document("length_no_ws", "code points without white space at the ends"),),
        doc="Code points of the text without white space at its ends: one span, type `length_no_ws`.",
    ),
    Kernel(
        name="char_length_with_paragraphs_v1",
        family="length",
        cost="light",
        outputs=(_paragraph("code points"), _document("document", "code points")),
        doc="Code points of each paragraph that is not blank (`paragraph`) and of the text (`document`).\n\n"
        "A paragraph is a line with its newline.",
    ),
    Kernel(
        name="doc_count_v1",
        family="length",
        cost="light",
        outputs=(_document("docs", "documents, always 1", low=1),),
        doc="Counts documents: one span, type `docs`, score 1.",
    ),
    Kernel(
        name="whitespace_tokenizer_v1",
        family="length",
        cost="light",
        outputs=(_document("length", "matches of `\\w+|[^\\w\\s]+`, plus one", low=1),),
        doc="Runs of word characters or of punctuation, plus one: one span, type `length`.\n\n"
        "The published tagger counts the pieces around the matches of `\\w+|[^\\w\\s]+`, one more than the matches.",
    ),
    Kernel(
        name="whitespace_tokenizer_with_paragraphs_v1",
        family="length",
        cost="light",
        outputs=(
            _paragraph("as `whitespace_tokenizer_v1`"),
            _document("document", "sum over the paragraphs"),
        ),
        doc="`whitespace_tokenizer_v1` for each paragraph (`paragraph`), and their sum (`document`).",
    ),
    Kernel(
        name="uniseg_length_v1",
        family="length",
        cost="moderate",
        outputs=(_document("length", "pieces, white space included"),),
        doc="Words, punctuation and white space by Unicode's word boundaries: one span, type `length`.\n"
        + _UNISEG
        + "White space at the ends of the text does not count, white space inside does.\n",
    ),
    Kernel(
        name="uniseg_length_paragraphs_v1",
        family="length",
        cost="moderate",
        outputs=_signed("paragraph", "paragraph", "pieces that are not white space"),
        doc="Words and punctuation by Unicode's word boundaries of each paragraph that is not blank.\n"
        + _UNISEG
        + _SIGNED,
    ),
    Kernel(
        name="uniseg_length_paragraphs_with_empty_v1",
        family="length",
        cost="moderate",
        outputs=_signed("paragraph", "paragraph", "pieces that are not white space"),
        doc="`uniseg_length_paragraphs_v1`, blank paragraphs included.\n" + _UNISEG + _SIGNED,
    ),
    Kernel(
        name="uniseg_length_paragraphs_with_doc_length_v1",
        family="length",
        cost="moderate",
        outputs=(
            *_signed("paragraph", "paragraph", "pieces that are not white space"),
            *_signed("document", "document", "sum over the paragraphs"),
        ),
        doc="`uniseg_length_paragraphs_v1`, and the sum over the paragraphs (`document`).\n"
        + _UNISEG
        + _SIGNED,
    ),
    Kernel(
        name="olmo_pretokenizer_v1",
        family="length",
        cost="light",
        outputs=(_document("length", "pre-tokens"),),
        doc="Pre-tokens of OLMo's first tokenizer, which need no vocabulary: one span, type `length`.\n"
        + _PRETOKENIZER,
    ),
    Kernel(
        name="olmo_pretokenizer_with_paragraphs_v1",
        family="length",
        cost="light",
        outputs=(_paragraph("pre-tokens"), _document("document", "sum over the paragraphs")),
        doc="`olmo_pretokenizer_v1` for each paragraph (`paragraph`), and their sum (`document`).\n"
        + _PRETOKENIZER,
    ),
    Kernel(
        name="multilingual_length_v3",
        family="length",
        cost="moderate",
        outputs=(
            _document("words", "words"),
            _document("sentences", "sentences"),
            _document("characters", "characters as readers see them (grapheme clusters)"),
            AttributeType(
                name="paragraph_{words,sentences,characters}",
                unit="paragraph",
                meaning="the same of a line that is not blank",
                high=inf,
            ),
        ),
        doc="Words, sentences and characters that mean the same in every script, of the document and its lines.\n\n"
        "Boundaries are those of UAX-29; a word is a piece between two of them with a letter or digit in it, a\n"
        "sentence too, and a character is a grapheme cluster, so that an accent or the parts of an emoji do not\n"
        "count. Chinese, Japanese, Thai, Lao, Khmer and Burmese have no spaces between words: lines with their\n"
        "script are cut with the dictionaries of ICU4X. The published package has no such tagger: its lengths by\n"
        "white space give one word for a Chinese sentence, `uniseg_length_v1` one for each of its characters.\n"
        "Thai has no full stop, so a line of it is one sentence.\n",
    ),
)
