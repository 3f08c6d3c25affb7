"""Whether attributes that a recipe names are there: a rule on one that nobody wrote would let every
document pass, and a policy by one would go by nothing.

The record beside an attribute set says what its tagger writes. What no record vouches for is looked
for in the rows, up to the first that has it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence

from .. import paths, storage, temporary
from ..errors import DolmaError
from ..paths import Place
from ..shards import read_record
from ..spelling import nearest
from ..storage import File

__all__ = ["absent_fields", "declared", "hint", "meant", "search"]

#: Fields of documents that a corpus may have and a file of it lack.
FIELDS = ("attributes", "metadata", "text", "id", "source", "version", "added", "created")
#: Names that are shown where none looks like the one that is wanted.
SHOWN = 12


def declared(sets: Sequence[Sequence[File]]) -> dict[str, list[int]]:
    """Attributes that the records beside attribute sets promise, with the places of their sets; each set
    is given by its files."""
    found: dict[str, list[int]] = {}
    for index, files in enumerate(sets):
        for name in _declared(files):
            found.setdefault(name, []).append(index)
    return found


def search(
    wanted: Sequence[str],
    sets: Sequence[Sequence[File]],
    documents: Sequence[File] = (),
    input_format: str | None = None,
) -> tuple[list[str], set[str]]:
    """Which of `wanted` no row has, and all names that were seen on the way: in `sets`, whose files are
    in the same order, then in `documents`, which may have attributes of their own."""
    beside = (file for row in zip(*sets, strict=True) for file in row)
    missing, seen = _absent(wanted, beside)
    for file in documents:
        if not missing:
            break
        missing, found = _absent(missing, [file], input_format)
        seen |= found
        if not found:
            # Documents either come out of a mix, all of them, or have no attributes.
            break
    return missing, seen


def absent_fields(
    wanted: Sequence[str], documents: Sequence[File], input_format: str | None = None
) -> list[tuple[str, str]]:
    """Which of `wanted`, fields at the top of a document, no document of the first file with any has, and
    which file that is; those that are in every corpus are not looked for."""
    doubtful = [name for name in wanted if name not in FIELDS]
    for file in documents if doubtful else ():
        try:
            missing, seen = _absent(doubtful, [file], input_format, fields=True)
        except DolmaError:
            # Its shard will say so, and the others be done; of fields it says nothing.
            return []
        if seen:
            return [(name, file.path) for name in missing]
    return []


def meant(field: str) -> str | None:
    """The field of every corpus that a field looks like."""
    close = nearest(field, FIELDS, cutoff=0.7)
    return close[0] if close else None


def hint(name: str, known: Collection[str]) -> str:
    """What may have been meant by an attribute that is not there."""
    close = nearest(name, sorted(known), most=3)
    if close:
        return f"the nearest are {', '.join(close)}"
    return f"there are {', '.join(sorted(known)[:SHOWN]) or 'none at all'}"


def _declared(files: Sequence[File]) -> list[str]:
    for file in files[:1]:
        split = paths.split_at(file.path, "attributes")
        if split is not None:
            name, _, relative = split[1].partition("/")
            root = f"{split[0]}attributes/{name}"
            record = read_record(paths.hidden(Place(root, relative), "done"))
            return list(record.attributes) if record is not None else []
    return []


def _absent(
    wanted: Sequence[str], files: Iterable[File], input_format: str | None = None, *, fields: bool = False
) -> tuple[list[str], set[str]]:
    """Which of `wanted` no row of the files has, and all names that were seen on the way."""
    from .. import _core

    missing, seen = list(wanted), set[str]()
    if missing:
        with temporary.folder("rows") as scratch:
            for file in files:
                local = storage.stage(file, scratch)
                missing, found = _core.find_names(local, missing, input_format, fields)
                seen.update(found)
                if local.startswith(scratch):
                    os.remove(local)
                if not missing:
                    break
    return missing, seen
