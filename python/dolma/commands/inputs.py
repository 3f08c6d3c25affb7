"""The document files of a command: found, checked, and remembered with the pattern that matched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import paths, storage
from ..errors import DolmaConfigError, DolmaInputError
from ..storage import File

if TYPE_CHECKING:
    from ..config.dedupe import DedupeMethod

__all__ = ["check_apart", "check_format", "find", "find_beside", "find_references"]

#: Suffixes of formats that files out there have and the engine does not read.
UNREADABLE = {".bz2", ".xz", ".lz4", ".7z", ".zip", ".parquet", ".arrow", ".br"}


def find(patterns: Sequence[str], key: str = "documents") -> list[tuple[File, str]]:
    """The files that `patterns` match, each once however it is spelled, with the first pattern that
    matched it.

    Files are in the order of their paths, as every run must see them. Raises `DolmaConfigError`
    for no patterns, `DolmaInputError` for one that matches nothing.
    """
    if not patterns:
        raise DolmaConfigError(f"{key}: name at least one path")
    found: dict[str, tuple[File, str]] = {}
    folders: dict[str, str] = {}
    for pattern in patterns:
        for file in storage.expand([pattern]):
            check_format(file.path)
            found.setdefault(storage.identity(file.path, folders), (file, pattern))
    return sorted(found.values(), key=lambda pair: pair[0].path)


def find_references(method: DedupeMethod, documents: Sequence[File]) -> list[File]:
    """The files of `dedupe.against`.

    Raises `DolmaConfigError` for one that is among the documents.
    """
    if not method.against:
        return []
    references = [file for file, _ in find(method.against, "dedupe.against")]
    own = {storage.identity(file.path) for file in documents}
    both = next((file.path for file in references if storage.identity(file.path) in own), None)
    if both is not None:
        raise DolmaConfigError(
            f"dedupe.against: {both} is among the documents, too; every document of it would be a duplicate of itself"
        )
    return references


def find_beside(
    method: DedupeMethod, documents: Sequence[File], sets: Sequence[str]
) -> list[tuple[File, ...]]:
    """For each document file, its attribute file in each of `sets`.

    Raises `DolmaInputError` for one that does not exist.
    """
    found = []
    for file in documents:
        beside = []
        for name in sets:
            place = paths.attribute_place(file.path, name, method.document_dir).path
            stored = storage.stat(place)
            if stored is None:
                raise DolmaInputError(
                    f"{place} does not exist: dedupe.skip_marked and dedupe.keep.attribute_set read the attributes "
                    "of every document file; write them first"
                )
            beside.append(stored)
        found.append(tuple(beside))
    return found


def check_apart(key: str, written: str, files: Sequence[File]) -> None:
    """Raises `DolmaConfigError` where what the option `key` has written would replace one of `files`."""
    folders: dict[str, str] = {}
    place = storage.real(written, folders)
    if any(storage.real(file.path, folders) == place for file in files):
        raise DolmaConfigError(f"{key}: {written} is an input of this run; give another place")


def check_format(path: str) -> None:
    """Raises `DolmaConfigError` for a file of a format that the engine does not read."""
    name = path.rpartition("/")[2]
    suffix = name[name.rfind(".") :] if "." in name else ""
    if suffix.lower() in UNREADABLE:
        raise DolmaConfigError(
            f"{path}: {suffix} files are not read; documents are JSON lines, plain, .gz or .zst (convert them first)"
        )
