"""The document files of a command: found, checked, and remembered with the pattern that matched."""

from __future__ import annotations

from collections.abc import Sequence

from .. import storage
from ..errors import DolmaConfigError
from ..storage import File

__all__ = ["check_format", "find"]

#: Suffixes of formats that files out there have and the engine does not read.
UNREADABLE = {".bz2", ".xz", ".lz4", ".7z", ".zip", ".parquet", ".arrow", ".br"}


def find(patterns: Sequence[str], key: str = "documents") -> list[tuple[File, str]]:
    """The files that `patterns` match, each once, with the first pattern that matched it.

    Files are in the order of their paths, as every run must see them. Raises `DolmaConfigError`
    for no patterns, `DolmaInputError` for one that matches nothing.
    """
    if not patterns:
        raise DolmaConfigError(f"{key}: name at least one path")
    found: dict[str, tuple[File, str]] = {}
    for pattern in patterns:
        for file in storage.expand([pattern]):
            check_format(file.path)
            found.setdefault(file.path, (file, pattern))
    return [found[path] for path in sorted(found)]


def check_format(path: str) -> None:
    """Raises `DolmaConfigError` for a file of a format that the engine does not read."""
    name = path.rpartition("/")[2]
    suffix = name[name.rfind(".") :] if "." in name else ""
    if suffix.lower() in UNREADABLE:
        raise DolmaConfigError(
            f"{path}: {suffix} files are not read; documents are JSON lines, plain, .gz or .zst (convert them first)"
        )
