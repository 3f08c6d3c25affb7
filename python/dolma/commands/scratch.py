"""Where a deduplication keeps its intermediates while it works.

The folder is emptied before a run and removed after it: what a killed run has left there is never
taken for a result.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from .. import paths, storage, temporary
from ..config import DedupeConfig
from ..errors import DolmaConfigError
from ..progress import format_bytes
from ..runs import Run
from . import needs

__all__ = ["check_room", "folder", "remove"]


def check_room(config: DedupeConfig, work: Run, spilled: int) -> None:
    """Holds the bytes that go to disk against what is free there.

    Raises `DolmaConfigError` for more than there is.
    """
    place = _place(config, work) or temporary.place()
    free = needs.free_space(place)
    if spilled > free:
        raise DolmaConfigError(
            f"memory: about {format_bytes(spilled)} of intermediates do not fit into {config.memory} and go to "
            f"{place}, where {format_bytes(free)} are free; give more memory, or a work_dir.output with more room"
        )


@contextmanager
def folder(config: DedupeConfig, work: Run) -> Iterator[str]:
    """An empty folder for intermediates, gone afterwards; a killed run's is emptied first."""
    place = _place(config, work)
    if place is None:
        with temporary.folder("dedupe") as made:
            yield made
        return
    remove(config, work)
    try:
        yield place
    finally:
        remove(config, work)


def remove(config: DedupeConfig, work: Run) -> None:
    """Removes what an earlier run may have left."""
    place = _place(config, work)
    if place is not None:
        temporary.remove(place)


def _place(config: DedupeConfig, work: Run) -> str | None:
    """Where intermediates go; None for a temporary folder of the system's."""
    if config.work_dir.output is not None:
        return os.path.join(config.work_dir.output, f"dedupe-{work.mine[0].fingerprint[:16]}")
    root = work.mine[0].outputs[0].place.root
    return None if storage.is_remote(root) else f"{root}/{paths.HIDDEN}/work"
