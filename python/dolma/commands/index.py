"""The index of an exact deduplication: what earlier runs kept, and which files they absorbed.

A run compares its inputs with the index as if the absorbed files came before them, publishes their
attributes, and then puts a new index in place of the old one. Killed in between, it does the same
inputs again, against the same index, with the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from .. import storage
from ..config.dedupe import IndexConfig
from ..errors import DolmaConfigError, DolmaInputError
from ..runs import Run
from ..shards import Shard
from ..storage import File

__all__ = ["Absorbed", "Index"]


class Absorbed(msgspec.Struct, frozen=True):
    """A document file whose kept keys are in the index."""

    path: str
    size: int
    tag: str
    #: XXH3-128 of its bytes.
    content: str
    #: How many of its keys were kept.
    keys: int
    #: Its path as seen from the index, whatever the working directory.
    place: str = ""


class Description(msgspec.Struct, kw_only=True):
    """What an index says of itself."""

    #: How keys are made; an index of other keys does not fit.
    method: dict[str, Any]
    absorbed: list[Absorbed] = []


class Index:
    """An index as a run finds it and leaves it."""

    def __init__(self, config: IndexConfig, method: dict[str, Any], scratch: str) -> None:
        """`scratch` is a folder for its local copy. Raises `DolmaConfigError` for an index of other
        keys, `DolmaInputError` for one that should be there, `DolmaAssetError` for a damaged one."""
        from .. import _core

        self.config = config
        self._scratch = scratch
        self.description = Description(method=method)
        #: Where its local copy is; None for a new index.
        self.local: str | None = None
        existing = storage.stat(config.file)
        if existing is None:
            if config.read_only:
                raise DolmaInputError(
                    f"dedupe.index.file: {config.file} does not exist, and read_only needs one that does"
                )
            return
        self.local = storage.stage(existing, scratch)
        self.description = msgspec.json.decode(_core.Clusters.describe_index(self.local), type=Description)
        if self.description.method != method:
            raise DolmaConfigError(
                f"dedupe.index.file: {config.file} holds keys made by {self.description.method}, this run makes "
                f"them by {method}; give another file name"
            )

    @property
    def absorbed(self) -> list[Absorbed]:
        return self.description.absorbed

    def known(self, documents: Sequence[File]) -> set[str]:
        """The paths of documents that the index has absorbed.

        Raises `DolmaConfigError` for documents that would be compared with themselves.
        """
        known_as = {file.path: storage.known_as(self.config.file, file.path) for file in documents}
        own = frozenset().union(*known_as.values())
        names = [storage.remembered(entry.place, entry.path) for entry in self.absorbed]
        by_name = {name: entry for entry, of in zip(self.absorbed, names, strict=True) for name in of}
        moved = [entry for entry, of in zip(self.absorbed, names, strict=True) if not of & own]
        found = set()
        for file in documents:
            entry = next((by_name[name] for name in known_as[file.path] if name in by_name), None)
            if entry is not None:
                if (entry.size, entry.tag) != (file.size, file.tag) and not self._same(file, entry):
                    raise DolmaConfigError(
                        f"dedupe.index.file: {self.config.file} has absorbed an earlier version of {file.path}; what "
                        "both have in common would be a duplicate of itself. Give the new version another name, or "
                        "delete the index and build it anew"
                    )
                found.add(file.path)
            else:
                other = next((one for one in moved if self._same(file, one)), None)
                if other is not None:
                    moved.remove(other)
                    found.add(file.path)
        if found and self.config.read_only:
            raise DolmaConfigError(
                f"dedupe.index.read_only: {self.config.file} was made of {min(found)} (and {len(found) - 1} more of "
                "these inputs); every document of it would be a duplicate of itself"
            )
        return found

    def _place(self, file: File) -> str:
        return storage.seen_from(self.config.file, file.path)

    def _same(self, file: File, entry: Absorbed) -> bool:
        if file.size != entry.size:
            return False
        import tempfile

        from .. import _core

        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            return _core.hash_file(storage.stage(file, folder)) == entry.content

    def check(self, work: Run, known: set[str]) -> None:
        """Raises `DolmaConfigError` when attributes of absorbed documents are not there."""
        lost = next((shard.name for shard in work.todo if shard.name in known), None)
        if lost is not None:
            what = "are to be made anew" if work.config.force else "are gone or were made in another way"
            raise DolmaConfigError(
                f"dedupe.index.file: {self.config.file} has absorbed {lost}, whose attributes {what}. Restore them, "
                "or delete the index and do all inputs again"
            )

    def save(self, core: Any, shards: Sequence[Shard], kept: Sequence[int], contents: Sequence[str]) -> None:
        """Puts an index that has absorbed `shards`, too, in place of the old one."""
        files = [shard.inputs[0] for shard in shards]
        for file, count, content in zip(files, kept, contents, strict=True):
            self.absorbed.append(Absorbed(file.path, file.size, file.tag, content, count, self._place(file)))
        with storage.replacing(self.config.file, self._scratch) as made:
            core.save_index(made, self.local, msgspec.json.encode(self.description).decode())
