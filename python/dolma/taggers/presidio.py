"""`pii_presidio_v1`: personal data by Microsoft's `presidio`, with a language model for names.

The only importer of `presidio_analyzer`. Its engine loads the English model of `spacy`, which is a
package of its own; without a network it has to be installed before.
"""

from __future__ import annotations

from typing import Any

from ..document import DocResult, Document, Span
from ..errors import DolmaConfigError
from .base import BaseTagger

__all__ = ["Presidio"]

_EMAIL, _PHONE, _IP = "EMAIL_ADDRESS", "PHONE_NUMBER", "IP_ADDRESS"

#: The model that presidio's engine asks for by itself.
_MODEL = "en_core_web_lg"

#: So many characters around a number may say that it is something else.
_WINDOW = 100
_NOT_NUMBERS = ("isbn", "doi", "#")


class Presidio(BaseTagger):
    """Spans of e-mail addresses, phone numbers and IP addresses, and how many there are by words."""

    def __init__(self) -> None:
        self.analyzer = _analyzer()

    def predict(self, doc: Document) -> DocResult:
        found = self.analyzer.analyze(text=doc.text, entities=[_EMAIL, _PHONE, _IP], language="en")
        spans = [
            Span(entity.start, entity.end, entity.entity_type, 1.0)
            for entity in found
            if _is_one(doc.text, entity.start, entity.end, entity.entity_type)
        ]
        words = len(doc.text.split())
        spans.append(Span(0, len(doc.text), "doc", len(spans) / words if words else -1.0))
        return DocResult(doc, spans)


def _analyzer() -> Any:
    from importlib.util import find_spec

    if find_spec(_MODEL) is None:
        raise DolmaConfigError(
            f"tagger pii_presidio_v1 needs the model {_MODEL}: python -m spacy download {_MODEL}"
        )
    from presidio_analyzer import AnalyzerEngine

    return AnalyzerEngine()


def _is_one(text: str, start: int, end: int, kind: str) -> bool:
    """The published filter: an address has a name and a dot in its domain, a number is no other one."""
    if kind == _EMAIL:
        addressee, _, domain = text[start:end].partition("@")
        return addressee.strip() != "(" and "." in domain.partition("@")[0]
    context = text[max(0, start - _WINDOW) : end + _WINDOW]
    return not any(mark in context for mark in _NOT_NUMBERS)
