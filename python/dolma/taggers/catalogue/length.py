"""Declarations of the taggers that count: bytes, code points, tokens, documents."""

from __future__ import annotations

from math import inf

from ..declaration import AttributeType, Kernel

__all__ = ["TAGGERS"]


def _document(name: str, meaning: str, low: float = 0.0) -> AttributeType:
    return AttributeType(name=name, unit="document", meaning=meaning, low=low, high=inf, always=True)


def _paragraph(meaning: str) -> AttributeType:
    return AttributeType(name="paragraph", unit="paragraph", meaning=meaning, high=inf)


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
)
