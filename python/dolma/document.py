"""The record types that custom taggers see: documents, spans and results.

Plain classes with slots, cheap to make by the million. Offsets are positions in `text` as Python
slices count them (Unicode code points, half-open).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .lines import InputSpec, InputSpecWithMetadata, OutputSpec

__all__ = ["DocResult", "Document", "DocumentWithMetadata", "Span", "TextSlice"]


class Document:
    """One document: its id, text, source and version."""

    __slots__ = ("id", "source", "text", "version")

    def __init__(self, source: str, id: str, text: str, version: str | None = None) -> None:
        self.source = source
        self.version = version
        self.id = id
        self.text = text

    @classmethod
    def from_spec(cls, spec: Any) -> Document:
        """A copy of a document, or of anything with its fields."""
        return cls(spec.source, spec.id, spec.text, spec.version)

    def to_spec(self) -> InputSpec:
        """The inverse of `from_spec`, as a line of a document file."""
        from .lines import InputSpec

        return InputSpec(self.id, self.text, source=self.source, version=self.version)

    def to_json(self) -> dict[str, Any]:
        """The fields as a dict."""
        return {"source": self.source, "version": self.version, "id": self.id, "text": self.text}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Document:
        """The inverse of `to_json`."""
        return cls(**{key: data.get(key) for key in ("source", "version", "id", "text")})  # type: ignore[arg-type]

    def __repr__(self) -> str:
        fields = ", ".join(f"{key}={value!r}" for key, value in self.to_json().items())
        return f"{type(self).__name__}({fields})"


class DocumentWithMetadata(Document):
    """A document with the `metadata` object of its line; `{}` where it has none."""

    __slots__ = ("metadata",)

    def __init__(self, *args: Any, metadata: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.metadata = metadata or {}

    @classmethod
    def from_spec(cls, spec: Any) -> DocumentWithMetadata:
        return cls(spec.source, spec.id, spec.text, spec.version, metadata=spec.metadata)

    def to_spec(self) -> InputSpecWithMetadata:
        from .lines import InputSpecWithMetadata

        return InputSpecWithMetadata(
            self.id, self.text, source=self.source, version=self.version, metadata=self.metadata
        )

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "metadata": self.metadata}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> DocumentWithMetadata:
        fields = {key: data.get(key) for key in ("source", "version", "id", "text", "metadata")}
        return cls(**fields)


class Span:
    """A part of a text with a type and a score.

    `start` and `end` are positions in the text, half-open; `score` is any finite number and is
    written with five decimals. A score for a whole document spans all of it.
    """

    __slots__ = ("end", "experiment", "score", "start", "tagger", "type")

    def __init__(
        self,
        start: int,
        end: int,
        type: str,
        score: float = 1.0,
        experiment: str | None = None,
        tagger: str | None = None,
    ) -> None:
        self.start = start
        self.end = end
        self.type = type
        self.score = float(score)
        self.experiment = experiment
        self.tagger = tagger

    def mention(self, text: str, window: int = 0) -> str:
        """The text of the span, with `window` characters around it."""
        return text[max(0, self.start - window) : min(len(text), self.end + window)]

    def select(self, doc: Document) -> str:
        """The text of the span in its document."""
        return doc.text[self.start : self.end]

    def to_json(self, text: str | None = None, window: int = 0) -> dict[str, Any]:
        """The span as a dict, with its mention where `text` is given."""
        data: dict[str, Any] = {"start": self.start, "end": self.end, "type": self.type, "score": self.score}
        if text is not None:
            data["mention"] = self.mention(text, window)
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Span:
        """The inverse of `to_json`."""
        return cls(start=data["start"], end=data["end"], type=data["type"], score=data["score"])

    def to_spec(self) -> tuple[str, tuple[int, int, float]]:
        """The name of its attribute and its row there; it must know its experiment and its tagger."""
        assert self.experiment is not None, "the span has no experiment"
        assert self.tagger is not None, "the span has no tagger"
        return f"{self.experiment}__{self.tagger}__{self.type}", (self.start, self.end, self.score)

    @classmethod
    def from_spec(cls, attribute_name: str, attribute_value: Sequence[float]) -> Span:
        """The inverse of `to_spec`; a name that is not in three parts is all of them."""
        parts = attribute_name.split("__", 2)
        experiment, tagger, kind = parts if len(parts) == 3 else [attribute_name] * 3
        start, end, score = attribute_value
        return cls(int(start), int(end), kind, score, experiment, tagger)

    def __len__(self) -> int:
        return self.end - self.start

    def __repr__(self) -> str:
        return f"Span(start={self.start},end={self.end},type={self.type!r},score={self.score:.5f})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Span):
            return NotImplemented
        mine = (self.start, self.end, self.type, self.score)
        return mine == (other.start, other.end, other.type, other.score)

    __hash__ = None  # type: ignore[assignment]


class DocResult:
    """What a tagger found in a document."""

    __slots__ = ("doc", "spans")

    def __init__(self, doc: Document, spans: list[Span]) -> None:
        self.doc = doc
        self.spans = spans

    def to_json(self, with_doc: bool = False, window: int = 0) -> dict[str, Any]:
        """The spans, and the document where asked for, as a dict."""
        data: dict[str, Any] = {"spans": [span.to_json(self.doc.text, window) for span in self.spans]}
        if with_doc:
            data["doc"] = self.doc.to_json()
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> DocResult:
        """The inverse of `to_json(with_doc=True)`."""
        return cls(Document.from_json(data["doc"]), [Span.from_json(span) for span in data["spans"]])

    def to_spec(self) -> tuple[InputSpec, OutputSpec]:
        """The document and its attributes, as lines of files."""
        from .lines import OutputSpec

        attributes: dict[str, list[tuple[int, int, float]]] = {}
        for span in self.spans:
            name, row = span.to_spec()
            attributes.setdefault(name, []).append(row)
        return self.doc.to_spec(), OutputSpec(self.doc.id, attributes, self.doc.source)

    @classmethod
    def from_spec(cls, doc: InputSpec, *attributes: OutputSpec) -> DocResult:
        """The inverse of `to_spec`; there may be several lines of attributes."""
        for one in attributes:
            assert one.id == doc.id, f"attributes of {one.id!r} do not belong to the document {doc.id!r}"
        rows = [(name, row) for one in attributes for name, rows in one.attributes.items() for row in rows]
        return cls(Document.from_spec(doc), [Span.from_spec(name, row) for name, row in rows])

    def __repr__(self) -> str:
        return f"DocResult(doc={self.doc!r}, spans={self.spans!r})"


class TextSlice:
    """A part of a text, by position."""

    __slots__ = ("doc", "end", "start")

    def __init__(self, doc: str, start: int, end: int) -> None:
        self.doc = doc
        self.start = start
        self.end = end

    @property
    def text(self) -> str:
        return self.doc[self.start : self.end]

    def __repr__(self) -> str:
        return f"TextSlice(text={self.text!r},start={self.start},end={self.end})"
