"""What a test sees of a folder: its files with or without hidden ones, their bytes and times, and the
reports of the runs that wrote there.

Hidden names are unfinished files and records. Nothing here knows what the right answer is.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from shards import decode


def everything(root: Path) -> list[str]:
    """All files below `root`."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def listed(root: Path) -> list[str]:
    """Files below `root` that someone would take for data: those that are not hidden."""
    return [name for name in everything(root) if not any(part.startswith(".") for part in name.split("/"))]


def visible(root: Path) -> dict[str, bytes]:
    """The bytes of every file below `root` that is not hidden, by relative path."""
    return {name: (root / name).read_bytes() for name in listed(root)}


def contents(root: Path) -> dict[str, bytes]:
    """As `visible`, decompressed."""
    return {name: decode(root / name) for name in listed(root)}


def times(root: Path) -> dict[str, int]:
    """When each visible file below `root` was written."""
    return {name: (root / name).stat().st_mtime_ns for name in listed(root)}


def reports(root: Path) -> list[dict[str, Any]]:
    """The run reports in an output folder, oldest first."""
    # Their names begin with the time, to the microsecond.
    found = sorted((root / ".dolma" / "runs").glob("*.json"))
    return [json.loads(path.read_text()) for path in found]


def balanced(report: Mapping[str, Any]) -> bool:
    """Whether a report accounts for every document."""
    counts = report["counts"]
    return bool(counts["read"] == counts["written"] + counts["dropped"] + counts["bad"])


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Works in another folder for a while."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
