"""A fastText model over the sentences that BlingFire finds, as the published taggers have them."""

from __future__ import annotations

from .. import _core
from ..document import DocResult, Document, Span
from ..splitting import split_sentences
from .base import BaseTagger

__all__ = ["JigsawSentences"]


class JigsawSentences(BaseTagger):
    """Both labels of a model of two for every sentence, that without `non` in its name first."""

    def __init__(self, model: str) -> None:
        self._model = _core.FastText(model)

    def predict(self, doc: Document) -> DocResult:
        units = split_sentences(doc.text)
        found = self._model.predict([unit.text.strip() for unit in units])
        return DocResult(
            doc,
            [
                Span(unit.start, unit.end, label, score)
                for unit, labels in zip(units, found, strict=True)
                for label, score in sorted(labels, key=lambda pair: "non" in pair[0])
            ],
        )
