"""Taggers on texts at hand, without files: for `dolma tag --text` and for the tests of authors.

The texts go the same way as documents in files do, through the engine and its checks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from .apply import Job, Setup, Tagging
from .plan import PlannedTagger

__all__ = ["Found", "Trial"]


class Found(NamedTuple):
    """A span of some type: positions in the text, half-open, and the score as it is written."""

    start: int
    end: int
    score: float


class Trial:
    """Some taggers, made once, to be tried on documents."""

    def __init__(
        self,
        taggers: list[PlannedTagger],
        modules: Sequence[str] = (),
        *,
        timeout: float | None = None,
        fetch_assets: bool = False,
        assets_lock: str | None = None,
    ) -> None:
        """Raises `DolmaConfigError` when a tagger cannot be made."""
        self.taggers = taggers
        self._tagging = Tagging(
            Setup(taggers, list(modules), False, "fail", timeout, fetch_assets, assets_lock)
        )

    def documents(self, documents: Sequence[dict[str, Any]]) -> list[dict[str, dict[str, list[Found]]]]:
        """For each document the spans by tagger and type, in the order in which they are written.

        A document is what a line of a file holds: `id`, `text`, perhaps `metadata` and `source`.
        Raises `DolmaShardError` when a tagger fails on one, with its number for a line.
        """
        lines = b"".join(msgspec.json.encode(document) + b"\n" for document in documents)
        tagged = self._tagging.rows(Job(lines, "text.jsonl", 1, 0, {}, frozenset()))
        files = [[msgspec.json.decode(row) for row in part[0].splitlines()] for part in tagged.segments]
        return [self._sort(rows) for rows in zip(*files, strict=True)]

    def _sort(self, rows: tuple[dict[str, Any], ...]) -> dict[str, dict[str, list[Found]]]:
        found: dict[str, dict[str, list[Found]]] = {}
        for tagger in self.taggers:
            start = f"{tagger.prefix}__"
            attributes: dict[str, list[list[float]]] = rows[tagger.output]["attributes"]
            found[tagger.name] = {
                key.removeprefix(start): [Found(int(s), int(e), score) for s, e, score in spans]
                for key, spans in attributes.items()
                if key.startswith(start)
            }
        return found
