"""What a tagger is: the base classes of taggers in Python, and the declaration of a kernel."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import msgspec

from .. import assets
from ..document import DocResult, Document, DocumentWithMetadata
from ..errors import DolmaConfigError

__all__ = ["BaseTagger", "BaseTaggerWithMetadata", "Kernel", "SpanLists"]

#: Spans by type: `(start, end, score)` in code points.
SpanLists = dict[str, list[tuple[int, int, float]]]

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


class Kernel(msgspec.Struct, frozen=True, kw_only=True):
    """A built-in tagger that runs in the engine.

    `doc` is its documentation: a first line that `dolma list` shows, then what it measures, its
    outputs and units, and how it differs from the published one.
    """

    name: str
    family: str
    doc: str
    #: The name of the kernel in the engine, where it is not the tagger's.
    kernel: str = ""
    #: Options of the kernel.
    options: dict[str, Any] = {}
    #: Options that name a model or a list (a path, a URL or an asset), with their defaults; None
    #: where the user must give one under `tagger_options`.
    assets: dict[str, str | None] = {}
    #: Options that users may set under `tagger_options`, besides assets.
    settable: tuple[str, ...] = ()

    @property
    def engine_name(self) -> str:
        return self.kernel or self.name

    @property
    def summary(self) -> str:
        return self.doc.strip().splitlines()[0]

    def resolve(self, given: dict[str, Any]) -> dict[str, Any]:
        """The options as the engine takes them, with those that the user gave.

        Raises `DolmaConfigError` for an unknown or missing option, `DolmaAssetError` when a model
        cannot be had.
        """
        valid = (*self.assets, *self.settable)
        for key in given:
            if key not in valid:
                close = difflib.get_close_matches(key, valid, n=1, cutoff=0.5)
                known = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(valid) or 'none'}"
                raise DolmaConfigError(f"tagger {self.name} has no option {key!r}; {known}")
        options = {**self.options, **given}
        for key, default in self.assets.items():
            reference = given.get(key, default)
            if reference is None:
                raise DolmaConfigError(
                    f"tagger {self.name} needs a {key}: set tagger_options.{self.name}.{key} to a path, "
                    "a URL or the name of an asset"
                )
            options[key] = assets.resolve(reference)
        return options
