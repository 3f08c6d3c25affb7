"""The quality classifier of Ultra-FineWeb (Wang et al. 2025), whose words are the tokens of a tokenizer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from .. import _core
from ..document import DocResult, Document, Span
from ..errors import DolmaAssetError
from .base import BaseTagger

__all__ = ["UltraFineWeb"]

#: White space that the model reads as words of their own.
_WRITTEN_OUT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


class UltraFineWeb(BaseTagger):
    """One span `score` for each document."""

    def __init__(self, model: str, tokenizer: str) -> None:
        from tokenizers import Tokenizer

        self._model = _core.FastText(model)
        try:
            self._tokenizer: Any = Tokenizer.from_file(tokenizer)
        except Exception as error:
            raise DolmaAssetError(f"{tokenizer} is no tokenizer.json: {error}") from error

    def clean(self, text: str) -> str:
        """The text as the model was trained to read it."""
        text = re.sub(r"\n{3,}", "\n\n", text).lower()
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if unicodedata.category(c) != "Mn")
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        words = " ".join(self._tokenizer.decode_batch([[token] for token in ids], skip_special_tokens=False))
        for space, written in _WRITTEN_OUT.items():
            words = words.replace(space, written)
        return re.sub(" +", " ", words).strip()

    def predict(self, doc: Document) -> DocResult:
        return self.predict_batch([doc])[0]

    def predict_batch(self, docs: Sequence[Document]) -> list[DocResult]:
        found = self._model.predict([self.clean(doc.text) for doc in docs], k=1)
        return [
            DocResult(doc, [Span(0, len(doc.text), "score", _score(*labels[0]))] if labels else [])
            for doc, labels in zip(docs, found, strict=True)
        ]


def _score(label: str, probability: float) -> float:
    probability = min(probability, 1.0)
    return 1.0 - probability if label == "__label__neg" else probability
