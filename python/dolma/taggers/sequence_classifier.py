"""Sequence classifiers of Hugging Face: labels with probabilities, or the number of a regression head.

Documents of a batch are sorted by length before they are padded, and run on a GPU where there is one.
A text is cut at `max_length` tokens, as such models are trained.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from ..document import DocResult, Document, Span
from ..errors import DolmaConfigError
from ..messages import message_of
from ..spelling import nearest
from .base import WORKER_VARIABLE, BaseTagger
from .hugging_face import DTYPES, load

__all__ = ["SequenceClassifier"]

#: Tokens that a text is cut at, unless the model takes fewer.
MAX_LENGTH = 512


class SequenceClassifier(BaseTagger):
    """A span for each label, or `score` where the model has a single output."""

    def __init__(
        self,
        model: str,
        revision: str | None = None,
        max_length: int | None = None,
        batch_size: int = 32,
        device: str | None = None,
        dtype: str = "float32",
        threads: int = 1,
        labels: list[str] | None = None,
    ) -> None:
        """`model` is a folder, or a name on the Hub (with `revision`) that the cache of Hugging Face has;
        it is downloaded only where downloads are allowed. `threads` is for each process, without a GPU.
        """
        for name, value in (("max_length", max_length), ("batch_size", batch_size), ("threads", threads)):
            if value is not None and (not isinstance(value, int) or value < 1):
                raise DolmaConfigError(f"{name} is a whole number above 0, not {value!r}")
        if dtype not in DTYPES:
            raise DolmaConfigError(f"dtype is one of {', '.join(DTYPES)}, not {dtype!r}")
        import torch

        self._torch: Any = torch
        self._device = self._choose(device)
        if self._device.type == "cpu":
            torch.set_num_threads(threads)
        self._tokenizer, found = load(model, revision, dtype)
        self._names = _label_names(found.config, labels)
        try:
            self._model: Any = found.to(self._device)
        except (RuntimeError, AssertionError) as error:
            raise DolmaConfigError(
                f"the model does not go to the device {self._device}: {message_of(error)}"
            ) from error
        # One that cannot pad takes texts one by one.
        self._batch_size = 1 if self._tokenizer.pad_token_id is None else batch_size
        self._max_length = self._tried(max_length)

    def _choose(self, device: str | None) -> Any:
        """The device; worker processes take turns at those of a machine with several."""
        if device is not None:
            try:
                return self._torch.device(device)
            except (RuntimeError, TypeError) as error:
                raise DolmaConfigError(
                    f"device is one of PyTorch's, such as cpu or cuda:0, not {device!r}"
                ) from error
        if not self._torch.cuda.is_available():
            return self._torch.device("cpu")
        worker = int(os.environ.get(WORKER_VARIABLE, "0"))
        return self._torch.device("cuda", worker % self._torch.cuda.device_count())

    def _tried(self, asked: int | None) -> int:
        """The length that texts are cut at, after one of that length went through the model.

        Raises `DolmaConfigError` when it does not: the model has no room for so many tokens.
        """
        positions = getattr(self._model.config, "max_position_embeddings", None) or 0
        room = positions if positions > 0 else MAX_LENGTH
        length = asked or min(MAX_LENGTH, room, self._tokenizer.model_max_length)
        try:
            read = self._read(["a " * length], length)
            if len(read["input_ids"][0]) > length:
                raise DolmaConfigError(
                    f"max_length: the tokenizer adds more than {length} tokens to every text"
                )
            self._logits(read)
        except (IndexError, RuntimeError, ValueError) as error:
            raise DolmaConfigError(
                f"max_length: a text of {length} tokens does not go through the model: {message_of(error)}"
            ) from error
        return length

    def predict(self, doc: Document) -> DocResult:
        return self.predict_batch([doc])[0]

    def predict_batch(self, docs: Sequence[Document]) -> list[DocResult]:
        read = self._read([doc.text for doc in docs], self._max_length) if docs else {"input_ids": []}
        scores: list[list[float]] = [[] for _ in docs]
        for chosen in self._batches([len(ids) for ids in read["input_ids"]]):
            batch = {name: [values[index] for index in chosen] for name, values in read.items()}
            found = self._activate(self._logits(batch)).cpu().tolist()
            for index, row in zip(chosen, found, strict=True):
                scores[index] = row
        return [self._result(doc, row) for doc, row in zip(docs, scores, strict=True)]

    def _read(self, texts: list[str], length: int) -> dict[str, list[list[int]]]:
        return dict(self._tokenizer(texts, truncation=True, max_length=length, padding=False))

    def _batches(self, lengths: list[int]) -> Iterator[list[int]]:
        """The places of texts that are run together, the longest first; those without a token are left out."""
        order = sorted(filter(lengths.__getitem__, range(len(lengths))), key=lambda at: (-lengths[at], at))
        for start in range(0, len(order), self._batch_size):
            yield order[start : start + self._batch_size]

    def _logits(self, batch: dict[str, list[list[int]]]) -> Any:
        if len(batch["input_ids"]) > 1:
            padded = self._tokenizer.pad(batch, return_tensors="pt").to(self._device)
        else:
            padded = {name: self._torch.tensor(rows, device=self._device) for name, rows in batch.items()}
        with self._torch.inference_mode():
            return self._model(**padded).logits.float()

    def _activate(self, logits: Any) -> Any:
        config = self._model.config
        if config.problem_type == "multi_label_classification":
            return logits.sigmoid()
        if config.problem_type == "regression" or config.num_labels == 1:
            return logits
        return logits.softmax(dim=-1)

    def _result(self, doc: Document, scores: list[float]) -> DocResult:
        length = len(doc.text)
        names = self._names.items() if scores else ()
        return DocResult(doc, [Span(0, length, name, scores[index]) for index, name in names])


def _label_names(config: Any, labels: list[str] | None) -> dict[int, str]:
    """The outputs that are wanted, by index."""
    if config.num_labels == 1:
        if labels:
            raise DolmaConfigError("this model has a single output: the option labels has no effect")
        return {0: "score"}
    names = {int(index): str(name) for index, name in config.id2label.items()}
    known = list(names.values())
    for label in labels or []:
        if label not in known:
            close = nearest(label, known)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known)}"
            raise DolmaConfigError(f"the model has no label {label!r}; {hint}")
    return {index: name for index, name in names.items() if not labels or name in labels}
