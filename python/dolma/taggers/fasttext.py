"""The base of Python taggers over a fastText model, as in the published package.

It needs the package `fasttext`, which is imported when such a tagger is made. Where a model is all
there is to a tagger, `quality_fasttext_v1` and `toxicity_fasttext_v1` are many times faster: their
models run in the engine.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from .. import assets
from ..document import DocResult, Document, Span, TextSlice
from ..errors import DolmaConfigError
from ..splitting import split_paragraphs, split_sentences
from .base import BaseTagger

__all__ = ["BaseFastTextTagger", "Prediction"]


class Prediction(NamedTuple):
    """A label of a model with its score."""

    label: str
    score: float


class BaseFastTextTagger(BaseTagger):
    """Subclass it, write `predict_slice`, and say in `__init__` which model is applied to what.

    `self.classifier` is the model as the package `fasttext` gives it.
    """

    SENTENCE_LEVEL_TAGGER = "sentence"
    PARAGRAPH_LEVEL_TAGGER = "paragraph"
    DOCUMENT_LEVEL_TAGGER = "document"

    def __init__(self, model_path: str, model_mode: str) -> None:
        """`model_path` is a path, a URL or the name of an asset; `model_mode` one of the levels.

        Raises `DolmaConfigError` for another mode or without fastText, `DolmaAssetError` when the
        model cannot be had.
        """
        modes = (self.SENTENCE_LEVEL_TAGGER, self.PARAGRAPH_LEVEL_TAGGER, self.DOCUMENT_LEVEL_TAGGER)
        if model_mode not in modes:
            raise DolmaConfigError(
                f"{type(self).__name__}: model_mode is {' or '.join(modes)}, not {model_mode!r}"
            )
        self.mode = model_mode
        self.classifier = _load(str(model_path))

    def units(self, text: str) -> list[TextSlice]:
        """The parts of a text that the model is applied to."""
        if self.mode == self.SENTENCE_LEVEL_TAGGER:
            return split_sentences(text)
        if self.mode == self.PARAGRAPH_LEVEL_TAGGER:
            return split_paragraphs(text)
        return [TextSlice(text, 0, len(text))]

    def predict(self, doc: Document) -> DocResult:
        spans = [
            Span(unit.start, unit.end, prediction.label, prediction.score)
            for unit in self.units(doc.text)
            for prediction in self.predict_slice(unit)
        ]
        return DocResult(doc, spans)

    def predict_slice(self, text_slice: TextSlice) -> Iterable[Prediction]:
        """The labels of a part of a text; fastText wants it without newlines."""
        raise NotImplementedError(f"{type(self).__name__} must define predict_slice")


def _load(reference: str) -> Any:
    try:
        from fasttext.FastText import _FastText
    except ImportError as error:
        raise DolmaConfigError(
            "taggers over fastText models need fasttext: pip install 'dolma[train]'"
        ) from error

    class Model(_FastText):  # type: ignore[misc]
        """A model whose `predict` works with NumPy 2 too."""

        def predict(
            self, text: Any, k: int = 1, threshold: float = 0.0, on_unicode_error: str = "strict"
        ) -> tuple[Any, Any]:
            if not isinstance(text, str):
                found: tuple[Any, Any] = super().predict(text, k, threshold, on_unicode_error)
                return found
            if "\n" in text:
                raise ValueError("fastText predicts one line at a time: replace the newlines")
            import numpy

            pairs = self.f.predict(f"{text}\n", k, threshold, on_unicode_error)
            return tuple(label for _, label in pairs), numpy.array([score for score, _ in pairs])

    return Model(assets.resolve(reference))
