"""Texts in pieces, for taggers in Python: paragraphs, sentences, words, each with its place.

Pieces are slices of the text they come from; put end to end, paragraphs and words make the whole
text again where `remove_empty` is off. Built-in taggers do not come here: theirs are in the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .document import TextSlice
from .errors import DolmaConfigError

__all__ = ["split_paragraphs", "split_sentences", "split_words"]


def split_paragraphs(text: str, remove_empty: bool = True) -> list[TextSlice]:
    """The lines of a text, each with its newline; those of white space only on request."""
    slices = []
    start = 0
    for line in text.split("\n"):
        # The newline that ends the line, if it is there.
        end = min(start + len(line) + 1, len(text))
        if line.strip() or (end > start and not remove_empty):
            slices.append(TextSlice(text, start, end))
        start = end
    return slices


def split_words(text: str, remove_empty: bool = True) -> list[TextSlice]:
    """The pieces between the word boundaries of Unicode (UAX-29), punctuation included; white space
    on request."""
    from . import _core

    slices = []
    start = 0
    for end in _core.word_ends(text):
        if not remove_empty or text[start:end].strip():
            slices.append(TextSlice(text, start, end))
        start = end
    return slices


def split_sentences(text: str, remove_empty: bool = True) -> list[TextSlice]:
    """The sentences of a text, without the white space between them.

    They are BlingFire's where it is installed, else those of NLTK's Punkt without a model, as in
    the published package; `remove_empty` is there for its signature only.

    Raises `DolmaConfigError` when neither library is installed.
    """
    return [TextSlice(text, start, end) for start, end in _sentence_splitter()(text)] if text else []


def _sentence_splitter() -> Callable[[str], Iterable[tuple[int, int]]]:
    try:
        import blingfire
    except ImportError:
        pass
    else:
        splitter: Any = blingfire.text_to_sentences_and_offsets
        return lambda text: splitter(text)[1]
    try:
        from nltk.tokenize.punkt import PunktSentenceTokenizer
    except ImportError as error:
        raise DolmaConfigError(
            "split_sentences needs a library that finds sentences: pip install blingfire (or nltk)"
        ) from error
    spans: Callable[[str], Iterable[tuple[int, int]]] = PunktSentenceTokenizer().span_tokenize
    return spans
