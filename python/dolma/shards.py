"""Units of work, and what is recorded of them beside their outputs.

A shard says which inputs make which outputs, and carries a fingerprint: the identity of its result.
What the engine says of a finished one is its outcome; what is kept of that, beside the published
output, is its record. Nothing here touches a file but `read_record`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from . import paths, storage
from ._core import sha256
from .paths import Place
from .storage import File
from .version import __version__

__all__ = [
    "BadRecord",
    "Counts",
    "Failure",
    "Lapse",
    "Outcome",
    "Output",
    "Record",
    "Shard",
    "Written",
    "add_up",
    "fingerprint",
    "read_record",
]


class Output(msgspec.Struct, frozen=True):
    """A file that a shard writes."""

    place: Place
    #: The taggers that write into it, where it is an attribute file of some of a run's.
    taggers: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return self.place.path

    @property
    def record(self) -> str:
        return paths.hidden(self.place, "done")


class Shard(msgspec.Struct, frozen=True):
    """A unit of work: these inputs make these outputs, wherever it runs."""

    inputs: tuple[File, ...]
    outputs: tuple[Output, ...]
    fingerprint: str
    #: What messages and the report call it.
    name: str
    #: For each output, the attributes that its rows may have.
    attributes: tuple[tuple[str, ...], ...] = ()


class Counts(msgspec.Struct, kw_only=True):
    """What went in and what became of it; `read = written + dropped + bad`."""

    read: int = 0
    written: int = 0
    dropped: int = 0
    bad: int = 0

    def add(self, other: Counts) -> None:
        self.read += other.read
        self.written += other.written
        self.dropped += other.dropped
        self.bad += other.bad

    def balanced(self) -> bool:
        return self.read == self.written + self.dropped + self.bad


class Written(msgspec.Struct):
    """A finished local file: its bytes and their xxh3-128, in hexadecimal."""

    size: int
    checksum: str


class BadRecord(msgspec.Struct):
    """A line that was put aside instead of being processed."""

    path: str
    line: int
    error: str
    raw: str


class Lapse(msgspec.Struct):
    """A document that a tagger failed on, where that was survived."""

    path: str
    line: int
    id: str
    tagger: str
    error: str


class Outcome(msgspec.Struct, kw_only=True):
    """What the engine says of a finished shard."""

    counts: Counts
    written: list[Written]
    bad_records: list[BadRecord] = []
    #: Further numbers of the command (documents by rule, spans by tagger …), added up by key.
    details: dict[str, Any] = {}
    #: Seconds by what they were spent on; of the run, not of the result.
    timings: dict[str, Any] = {}
    #: XXH3-128 of the first input's bytes.
    content_hash: str | None = None
    #: The first failures of taggers; `details` counts them all.
    lapses: list[Lapse] = []


class Record(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What stands beside a published output."""

    fingerprint: str
    version: str
    inputs: list[dict[str, Any]]
    size: int
    checksum: str
    counts: Counts
    bad_records: int = 0
    #: Failures of taggers that are written down beside the output.
    lapses: int = 0
    #: The attributes that rows of this file may have, where it is an attribute file.
    attributes: list[str] = []
    details: dict[str, Any] = {}


class Failure(msgspec.Struct):
    """A shard that was not finished, and why."""

    shard: str
    error: str


def fingerprint(command: str, config: Any, inputs: Sequence[File]) -> str:
    """The identity of a shard's result: same fingerprint, same bytes."""
    described = {
        "command": command,
        "version": __version__,
        "config": config,
        "inputs": [(file.path, file.size, file.tag) for file in inputs],
    }
    return sha256(msgspec.json.encode(described, order="deterministic"))


def read_record(path: str) -> Record | None:
    """The record at `path`; None where there is none or it is damaged.

    Raises `DolmaError` when it cannot be told, for a missing bucket too: before any work.
    """
    data = storage.find_bytes(path)
    try:
        return msgspec.json.decode(data, type=Record) if data is not None else None
    except msgspec.DecodeError:
        return None


def add_up(total: dict[str, Any], part: dict[str, Any]) -> None:
    """Adds the numbers of `part` to those of `total`, key by key, nested ones too."""
    for key, value in part.items():
        if isinstance(value, dict):
            add_up(total.setdefault(key, {}), value)
        elif isinstance(value, (int, float)):
            total[key] = total.get(key, 0) + value
        else:
            total[key] = value
