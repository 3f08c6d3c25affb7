"""The index of MinHash: a folder with the readings of all files that were ever compared.

A run takes the readings of absorbed files from there, makes those of new ones there, compares
everything, and publishes the attributes of all files whose verdicts are others than those
published: it gives what one run over all files gives. Its description, which says which files were
absorbed and what their verdicts were, is put in place last: a run that is killed before that is done
again with what it has left.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ... import storage
from ..._core import sha256
from ...config.dedupe import IndexConfig
from ...errors import DolmaAssetError, DolmaConfigError, DolmaInputError
from ...paths import Place
from ...shards import Output, Shard
from ...storage import File
from .. import readings

__all__ = ["Shelf"]


class Entry(msgspec.Struct, frozen=True):
    """A file that was absorbed."""

    #: The document file, and the attribute files that were read beside it.
    inputs: tuple[File, ...]
    #: XXH3-128 of the document file's bytes.
    content: str
    #: A hash of the verdicts on it.
    verdicts: str
    #: The paths of `inputs` as seen from the index, whatever the working directory.
    places: tuple[str, ...] = ()


class Description(msgspec.Struct, kw_only=True):
    """What an index says of itself."""

    #: How keys are made; an index of other keys does not fit.
    method: dict[str, Any]
    absorbed: list[Entry] = []
    #: What the verdicts were made of.
    settled: str = ""


class Checked(msgspec.Struct):
    """A description under its checksum (SHA-256, as its bytes stand)."""

    checksum: str
    index: msgspec.Raw


class Shelf:
    """An index as a run finds it and leaves it."""

    def __init__(self, config: IndexConfig, method: dict[str, Any], scratch: str) -> None:
        """`scratch` is a folder for copies. Raises `DolmaConfigError` for an index of other keys,
        `DolmaInputError` for one that should be there, `DolmaAssetError` for a damaged one."""
        self.config = config
        self._scratch = scratch
        self._path = f"{config.file.rstrip('/')}/index.json"
        if storage.stat(config.file) is not None:
            raise DolmaConfigError(
                f"dedupe.index.file: {config.file} is a file, of an exact deduplication perhaps; the index of MinHash "
                "is a folder: give another name"
            )
        data = storage.find_bytes(self._path)
        if data is None and config.read_only:
            raise DolmaInputError(
                f"dedupe.index.file: {self._path} does not exist, and read_only needs an index that does"
            )
        self.description = self._read(data) if data is not None else Description(method=method)
        if self.description.method != method:
            raise DolmaConfigError(
                f"dedupe.index.file: {config.file} holds readings made by {self.description.method}, this run makes "
                f"them by {method}; give another name"
            )
        self.description.absorbed = [self._from_here(entry) for entry in self.description.absorbed]

    def _from_here(self, entry: Entry) -> Entry:
        """An entry with paths that lead to its files from this working directory, too."""
        places = entry.places or map(self._place_of, entry.inputs)
        inputs = tuple(self._found(file, place) for file, place in zip(entry.inputs, places, strict=True))
        return msgspec.structs.replace(entry, inputs=inputs)

    def _place_of(self, file: File) -> str:
        return storage.seen_from(self._path, file.path)

    def _found(self, file: File, place: str) -> File:
        """A file where it is now: where it was, if the index alone was moved, or as seen from the index."""
        if self._place_of(file) == place or (os.path.isabs(file.path) and storage.stat(file.path)):
            return file
        folder = os.path.dirname(storage.identity(self._path))
        path = os.path.normpath(os.path.join(folder, place))
        return msgspec.structs.replace(file, path=path) if storage.stat(path) else file

    def _read(self, data: bytes) -> Description:
        try:
            checked = msgspec.json.decode(data, type=Checked)
            if sha256(bytes(checked.index)) != checked.checksum:
                raise msgspec.DecodeError("its checksum is wrong")
            return msgspec.json.decode(checked.index, type=Description)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DolmaAssetError(
                f"{self._path}: the index is damaged: {error}. Restore it, or delete the folder to build it anew"
            ) from error

    @property
    def rows(self) -> list[tuple[File, ...]]:
        """The files that were absorbed, each with the attribute files beside it."""
        return [entry.inputs for entry in self.description.absorbed]

    @property
    def verdicts(self) -> dict[str, str]:
        """A hash of the verdicts on each absorbed file, as they were published."""
        return {entry.inputs[0].path: entry.verdicts for entry in self.description.absorbed}

    @property
    def settled(self) -> str:
        """What the published verdicts were made of."""
        return self.description.settled

    def place(self, path: str) -> Place:
        """Where the reading of a document file stands."""
        name = sha256(path.encode())[:32]
        return Place(self.config.file.rstrip("/"), f"readings/{name}.reading")

    def join(self, rows: Sequence[tuple[File, ...]]) -> list[tuple[File, ...]]:
        """`rows` and the files that were absorbed, in order; of a file in both, what it is now."""
        joined = {storage.identity(row[0].path): row for row in rows}
        known = {storage.identity(entry.inputs[0].path): entry for entry in self.description.absorbed}
        new = [row[0] for path, row in joined.items() if path not in known]
        for path, entry in known.items():
            if path not in joined and not self._moved(entry, new):
                joined[path] = entry.inputs
        return sorted(joined.values(), key=lambda row: row[0].path)

    def _moved(self, entry: Entry, new: Sequence[File]) -> bool:
        """Whether an absorbed file has another name now."""
        alike = [file for file in new if file.size == entry.inputs[0].size]
        return any(self._holds(file, entry) for file in alike) and storage.stat(entry.inputs[0].path) is None

    def _holds(self, file: File, entry: Entry) -> bool:
        import tempfile

        from ... import _core

        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            return _core.hash_file(storage.stage(file, folder)) == entry.content

    def check_apart(self, documents: Sequence[File]) -> None:
        """Raises `DolmaConfigError` for documents that would be compared with themselves."""
        known = {storage.identity(entry.inputs[0].path) for entry in self.description.absorbed}
        for file in documents:
            alike = [entry for entry in self.description.absorbed if entry.inputs[0].size == file.size]
            if storage.identity(file.path) in known or any(self._holds(file, entry) for entry in alike):
                raise DolmaConfigError(
                    f"dedupe.index.read_only: {self.config.file} was made of {file.path}, too; every document of it "
                    "would be a duplicate of itself"
                )

    def save(
        self,
        rows: Sequence[tuple[File, ...]],
        contents: Sequence[str],
        verdicts: Mapping[str, str],
        settled: str,
    ) -> None:
        """Puts a description of these files in place of the old one, and removes readings of others."""
        before = set(self.verdicts)
        self.description.absorbed = [
            Entry(row, content, verdicts[row[0].path], tuple(map(self._place_of, row)))
            for row, content in zip(rows, contents, strict=True)
        ]
        self.description.settled = settled
        data = msgspec.json.encode(self.description)
        checked = Checked(sha256(data), msgspec.Raw(data))
        storage.write_bytes(self._path, msgspec.json.encode(checked) + b"\n")
        for path in sorted(before - set(self.verdicts)):
            readings.forget(Shard((), (Output(self.place(path)),), "", path))
