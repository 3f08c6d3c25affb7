"""`pii_presidio_v1`: personal data by Microsoft's `presidio`, with a language model for names.

The only importer of `presidio_analyzer`. Its engine loads the English model of `spacy`, which is a
package of its own and has to be installed before: presidio would download it in the middle of a run.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

from ..document import DocResult, Document, Span
from ..errors import DolmaConfigError
from .base import BaseTagger

__all__ = ["Presidio"]

_EMAIL, _PHONE, _IP = "EMAIL_ADDRESS", "PHONE_NUMBER", "IP_ADDRESS"

#: So many characters around a number may say that it is something else.
_WINDOW = 100
_NOT_NUMBERS = ("isbn", "doi", "#")


class Presidio(BaseTagger):
    """Spans of e-mail addresses, phone numbers and IP addresses, and how many there are by words."""

    def __init__(self, model: str) -> None:
        self.analyzer = _analyzer(model)

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


def _analyzer(model: str) -> Any:
    """The engine over a model of spaCy, a package or a folder."""
    if not os.path.isdir(model) and find_spec(model) is None:
        raise DolmaConfigError(
            f"the model {model} is not installed: python -m spacy download {model}, "
            "or name another English one with the option model"
        )
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    models = [{"lang_code": "en", "model_name": model}]
    provider = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models})
    _stay_offline()
    return AnalyzerEngine(nlp_engine=provider.create_engine())


def _stay_offline() -> None:
    """Let the recogniser of e-mail addresses take the suffixes that `tldextract` carries.

    By itself it downloads today's list, or takes a cached one, for every process: that is a surprise on
    the network, and makes results depend on the day. The recogniser has no argument for it.
    """
    import tldextract.tldextract

    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())


def _is_one(text: str, start: int, end: int, kind: str) -> bool:
    """The published filter: an address has a name and a dot in its domain, a number is no other one."""
    if kind == _EMAIL:
        addressee, _, domain = text[start:end].partition("@")
        return addressee.strip() != "(" and "." in domain.partition("@")[0]
    context = text[max(0, start - _WINDOW) : end + _WINDOW]
    return not any(mark in context for mark in _NOT_NUMBERS)
