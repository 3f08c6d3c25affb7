"""Names of files: documents/ ↔ attributes/, what a run writes and where. Pure, no I/O.

Attribute files mirror document files: the first path component called `documents` becomes
`attributes/<set>`, and everything below it, sub-folders included, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from .errors import DolmaConfigError
from .spelling import nearest

__all__ = [
    "Place",
    "attribute_place",
    "destination_places",
    "hidden",
    "make_variable_name",
    "mix_name",
    "relative_to_documents",
    "split_at",
    "static_prefix",
]

#: Folder at the root of an output for records, reports and quarantined lines.
HIDDEN = ".dolma"

_GLOB = r"(?<!\\)[*?\[\]{}]"


class Place(NamedTuple):
    """A file of an output: the root of the set it belongs to, and its path below it."""

    root: str
    relative: str

    @property
    def path(self) -> str:
        return f"{self.root}/{self.relative}"


def make_variable_name(name: str) -> str:
    """`name` with everything but ASCII letters, digits and `_` replaced by `_`.

    Raises `DolmaConfigError` for an empty name or one that starts with a digit.
    """
    name = re.sub(r"[^a-zA-Z0-9_]", "_", name)
    if not name or name[0].isdigit():
        raise DolmaConfigError(
            f"{name!r} cannot be part of an attribute's name: it must start with a letter or _"
        )
    return name


def split_at(path: str, component: str) -> tuple[str, str] | None:
    """`path` up to its first component called `component`, with the slash, and after it; or None."""
    parts = path.split("/")
    start = 3 if "://" in path else 0  # The bucket is no folder.
    if component not in parts[start:-1]:
        return None
    index = parts.index(component, start)
    return "".join(f"{part}/" for part in parts[:index]), "/".join(parts[index + 1 :])


def attribute_place(document: str, name: str, folder: str = "documents") -> Place:
    """Where the attributes of `document` in the set `name` stand.

    Raises `DolmaConfigError` when the path has no component called `folder`.
    """
    split = split_at(document, folder)
    if split is None:
        close = nearest(folder, document.split("/")[:-1], cutoff=0.6)
        hint = f" (there is {close[0]!r})" if close else ""
        raise DolmaConfigError(
            f"{document} is not below a folder called {folder!r}{hint}: attributes have no place beside it. "
            f"Move it below {folder}/, or set a destination"
        )
    before, after = split
    return Place(f"{before}attributes/{name}", after)


def relative_to_documents(document: str) -> str:
    """The path below `documents/`, or the file name where there is no such folder."""
    split = split_at(document, "documents")
    return split[1] if split else document.rpartition("/")[2]


def static_prefix(pattern: str) -> str:
    """The folder part of `pattern` before its first wildcard, without a trailing slash.

    A pattern without wildcards loses its last component: it is a file, or is taken for one.
    """
    match = re.search(_GLOB, pattern)
    head = pattern[: match.start()] if match else pattern
    return head.rpartition("/")[0]


def destination_places(
    documents: Sequence[tuple[str, str]],
    patterns: Sequence[str],
    destination: str | Sequence[str],
    name: str,
) -> list[Place]:
    """Where attributes go when the recipe says so; one Place for each (file, pattern) pair.

    One destination: `<destination>/<name>/…` with the common folder of all patterns stripped. A
    list: the files of `patterns[i]` go right below `destination[i]`.
    """
    prefixes = {pattern: static_prefix(pattern) for pattern in patterns}
    if isinstance(destination, str):
        common = _common_folder(list(prefixes.values()))
        root = f"{destination.rstrip('/')}/{name}"
        return [Place(root, _below(file, common)) for file, _ in documents]
    if len(destination) != len(patterns):
        raise DolmaConfigError(
            f"destination lists {len(destination)} folders for {len(patterns)} document paths; "
            "give one for each, or a single string"
        )
    roots = dict(zip(patterns, destination, strict=True))
    return [Place(roots[pattern].rstrip("/"), _below(file, prefixes[pattern])) for file, pattern in documents]


def _common_folder(folders: list[str]) -> str:
    shared = folders[0].split("/")
    for folder in folders[1:]:
        parts = folder.split("/")
        same = next((i for i, (a, b) in enumerate(zip(shared, parts, strict=False)) if a != b), None)
        shared = shared[: min(len(shared), len(parts)) if same is None else same]
    return "/".join(shared)


def _below(file: str, folder: str) -> str:
    prefix = f"{folder}/" if folder and not folder.endswith("/") else folder
    return file[len(prefix) :] if prefix and file.startswith(prefix) else file.lstrip("/")


def hidden(place: Place, kind: str, suffix: str = ".json") -> str:
    """The file of `kind` (a folder below `.dolma`) that belongs to an output."""
    return f"{place.root}/{HIDDEN}/{kind}/{place.relative}{suffix}"


def mix_name(stream: str, index: int, extension: str) -> str:
    """The name of an output file of a packed mix, e.g. `web-0003.jsonl.gz`."""
    return f"{stream}-{index:04d}.jsonl{extension}"
