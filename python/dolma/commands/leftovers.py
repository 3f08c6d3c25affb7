"""Outputs of earlier runs beside those of a mix: what its plan does not make any more.

Fewer inputs, or a larger `max_size_in_bytes`, make fewer outputs of a stream. Those that are left of it
would be read as part of the mix, and hold documents that are not in it or a second time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .. import paths, runs, storage
from ..paths import Place
from ..storage import File

__all__ = ["Leftovers", "find", "remove"]

_NUMBERED = r"-[0-9]{4,}\.jsonl(\.[a-z]+)?"
_SUFFIX = ".json"


class Leftovers(NamedTuple):
    """Recorded outputs in the folders of a mix that its plan does not make."""

    #: Of its own streams, by their names and numbers.
    outdated: list[Place]
    #: Of other streams, or named after inputs.
    others: list[Place]


def find(places: Sequence[Place], streams: Mapping[str, Iterable[str]], inputs: Sequence[File]) -> Leftovers:
    """What earlier runs left beside `places`, the inputs of this one aside; `streams` are those with
    numbered outputs, by their folder."""
    planned = set(places)
    folders: dict[str, str] = {}
    read = {storage.real(file.path, folders) for file in inputs}
    found = Leftovers([], [])
    for root in dict.fromkeys(place.root for place in places):
        folder = paths.hidden(Place(root, ""), "done", "")
        own = "|".join(re.escape(name) for name in streams.get(root, ()))
        numbered = re.compile(f"({own}){_NUMBERED}") if own else None
        for file in storage.find(folder):
            relative = file.path.rpartition(f"/{paths.HIDDEN}/done/")[2]
            place = Place(root, relative.removesuffix(_SUFFIX))
            if place not in planned and storage.real(place.path, folders) not in read:
                outdated = numbered is not None and numbered.fullmatch(place.relative)
                (found.outdated if outdated else found.others).append(place)
    return Leftovers(*(sorted(there for there in one if storage.stat(there.path)) for one in found))


def remove(place: Place) -> None:
    """Removes an output with all that belongs to it, its record last."""
    storage.delete(place.path)
    for beside in runs.beside(place):
        storage.delete(beside)
