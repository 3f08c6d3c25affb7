"""Lines of files as msgspec decodes them: `msgspec.json.Decoder(InputSpec)`."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["InputSpec", "InputSpecWithMetadata", "InputSpecWithMetadataAndAttributes", "OutputSpec"]


class InputSpec(msgspec.Struct):
    """A line of a document file."""

    id: str
    text: str
    source: str = ""
    created: str = ""
    added: str = ""
    version: str | None = None


class InputSpecWithMetadata(InputSpec):
    """The same with its metadata."""

    metadata: dict[str, Any] | None = None


class InputSpecWithMetadataAndAttributes(InputSpecWithMetadata):
    """The same with attributes that were joined to it."""

    attributes: dict[str, list[tuple[int, int, float]]] | None = None


class OutputSpec(msgspec.Struct):
    """A line of an attribute file."""

    id: str
    attributes: dict[str, list[tuple[int, int, float]]]
    source: str | None = None
