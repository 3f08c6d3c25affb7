"""Sequence classifiers of Hugging Face: labels with probabilities, or the number of a regression head.

Documents of a batch are sorted by length before they are padded, and run on a GPU where there is one.
A text is cut at `max_length` tokens, as such models are trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..assets.policy import FETCH_VARIABLE, current
from ..document import DocResult, Document, Span
from ..errors import DolmaAssetError, DolmaConfigError
from .base import BaseTagger

__all__ = ["SequenceClassifier"]


class SequenceClassifier(BaseTagger):
    """A span for each label, or `score` where the model has a single output."""

    def __init__(
        self,
        model: str,
        revision: str | None = None,
        max_length: int = 512,
        batch_size: int = 32,
        device: str | None = None,
        threads: int = 1,
        labels: list[str] | None = None,
    ) -> None:
        """`model` is a folder, or a name on the Hub (with `revision`) that the cache of Hugging Face has;
        it is downloaded only where downloads are allowed. `threads` is for each process, without a GPU.
        """
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        self._torch: Any = torch
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        if self._device == "cpu":
            torch.set_num_threads(threads)
        options: dict[str, Any] = {"revision": revision, "local_files_only": not current().fetch}
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(model, **options)
            found = AutoModelForSequenceClassification.from_pretrained(model, **options)
        except (OSError, ValueError) as error:
            raise DolmaAssetError(
                f"the model {model} cannot be loaded: it is neither a folder with a sequence classifier nor in the "
                f"cache of Hugging Face ({FETCH_VARIABLE}=1 lets runs download): {str(error).splitlines()[0]}"
            ) from error
        self._model: Any = found.to(self._device).eval()
        self._max_length, self._batch_size = max_length, batch_size
        self._names = self._label_names(labels)

    def _label_names(self, labels: list[str] | None) -> dict[int, str]:
        """The outputs that are wanted, by index."""
        config = self._model.config
        if config.num_labels == 1:
            if labels:
                raise DolmaConfigError("this model has a single output: the option labels has no effect")
            return {0: "score"}
        names = {int(index): str(name) for index, name in config.id2label.items()}
        for label in labels or []:
            if label not in names.values():
                raise DolmaConfigError(
                    f"the model has no label {label!r}; it has {', '.join(names.values())}"
                )
        return {index: name for index, name in names.items() if not labels or name in labels}

    def predict(self, doc: Document) -> DocResult:
        return self.predict_batch([doc])[0]

    def predict_batch(self, docs: Sequence[Document]) -> list[DocResult]:
        if not docs:
            return []
        read = self._tokenizer(
            [doc.text for doc in docs], truncation=True, max_length=self._max_length, padding=False
        )
        lengths = [len(ids) for ids in read["input_ids"]]
        order = sorted(range(len(docs)), key=lambda index: (-lengths[index], index))
        scores: list[list[float]] = [[] for _ in docs]
        for start in range(0, len(order), self._batch_size):
            chosen = order[start : start + self._batch_size]
            batch = {name: [values[index] for index in chosen] for name, values in read.items()}
            padded = self._tokenizer.pad(batch, return_tensors="pt").to(self._device)
            with self._torch.inference_mode():
                found = self._activate(self._model(**padded).logits.float()).cpu().tolist()
            for index, row in zip(chosen, found, strict=True):
                scores[index] = row
        return [self._result(doc, row) for doc, row in zip(docs, scores, strict=True)]

    def _activate(self, logits: Any) -> Any:
        config = self._model.config
        if config.num_labels == 1:
            return logits
        if config.problem_type == "multi_label_classification":
            return logits.sigmoid()
        return logits.softmax(dim=-1)

    def _result(self, doc: Document, scores: list[float]) -> DocResult:
        length = len(doc.text)
        return DocResult(doc, [Span(0, length, name, scores[index]) for index, name in self._names.items()])
