"""What a tagger in Python is: the base classes that users subclass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from ..document import DocResult, Document, DocumentWithMetadata

__all__ = ["SCORE_DECIMALS", "WORKER_VARIABLE", "BaseTagger", "BaseTaggerWithMetadata", "SpanLists"]

#: Spans by type: `(start, end, score)` in code points.
SpanLists = dict[str, list[tuple[int, int, float]]]

#: Has the number of a worker process, from 0, for taggers that share out what there is several of.
WORKER_VARIABLE = "DOLMA_WORKER"

#: Decimals of a score in attribute files.
SCORE_DECIMALS = 5


class BaseTagger(ABC):
    """A tagger in Python: subclass it, write `predict`, register it with `add_tagger`.

    One instance is made in every worker process. `predict_batch` may be overridden where a tagger
    works better on many documents at once; it returns one result for each document, in order.
    """

    #: Whether documents come with their metadata (see `BaseTaggerWithMetadata`).
    with_metadata = False

    @classmethod
    def train(cls, *args: Any, **kwargs: Any) -> Any:
        """Trains the tagger, where it can be trained."""
        raise RuntimeError(f"{cls.__name__} cannot be trained")

    @classmethod
    def test(cls, *args: Any, **kwargs: Any) -> Any:
        """Tests the tagger, where it can be tested."""
        raise RuntimeError(f"{cls.__name__} has no test")

    @property
    def defaults(self) -> list[str]:
        """Types that are written even where there is no span, as empty lists."""
        return []

    @abstractmethod
    def predict(self, doc: Document) -> DocResult:
        """The spans of one document."""

    def predict_batch(self, docs: Sequence[Document]) -> list[DocResult]:
        """The spans of several documents."""
        return [self.predict(doc) for doc in docs]

    def group_output(self, doc_result: DocResult) -> SpanLists:
        """The spans of a result by type, scores rounded."""
        grouped: SpanLists = {name: [] for name in self.defaults}
        for span in doc_result.spans:
            score = round(float(span.score), SCORE_DECIMALS)
            grouped.setdefault(span.type, []).append((span.start, span.end, score))
        return grouped

    def tag(self, row: Any) -> SpanLists:
        """The spans by type of a document or of anything with its fields."""
        return self.group_output(self.predict(Document.from_spec(row)))


class BaseTaggerWithMetadata(BaseTagger):
    """A tagger whose documents carry their metadata."""

    with_metadata = True

    @abstractmethod
    def predict(self, doc: DocumentWithMetadata) -> DocResult:  # type: ignore[override]
        """The spans of one document."""

    def tag(self, row: Any) -> SpanLists:
        return self.group_output(self.predict(DocumentWithMetadata.from_spec(row)))
