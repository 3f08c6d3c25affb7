"""Where a deduplication keeps its intermediates while it works.

Each run has a folder of its own, so that two over the same files do not disturb each other. It is
removed after the run; what a killed one has left is never taken for a result, and is removed before
the next one looks for room.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from .. import paths, storage, temporary
from ..config.dedupe import DedupeConfig
from ..errors import DolmaConfigError, DolmaStorageError
from ..progress import format_bytes
from ..runs import Run
from . import needs

__all__ = ["check_room", "folder", "place", "remove"]


def check_room(config: DedupeConfig, work: Run, spilled: int) -> None:
    """Holds the bytes that go to disk against what is free there.

    Raises `DolmaConfigError` for more than there is.
    """
    where = place(config, work)
    free = needs.free_space(where)
    if spilled > free:
        raise DolmaConfigError(
            f"memory: about {format_bytes(spilled)} of intermediates do not fit into {config.memory} and go to "
            f"{where}, where {format_bytes(free)} are free; give more memory, or a work_dir.output with more room"
        )


@contextmanager
def folder(config: DedupeConfig, work: Run) -> Iterator[str]:
    """An empty folder for intermediates, gone afterwards."""
    where = place(config, work)
    try:
        os.makedirs(where, exist_ok=True)
    except OSError as error:
        raise DolmaStorageError(f"{where}: {error.strerror}") from error
    with temporary.folder("dedupe", where) as made:
        yield made


def remove(config: DedupeConfig, work: Run) -> None:
    """Removes what killed runs may have left."""
    temporary.sweep(place(config, work))


def place(config: DedupeConfig, work: Run) -> str:
    """Where the folder goes."""
    if config.work_dir.output is not None:
        return config.work_dir.output
    root = work.mine[0].outputs[0].place.root
    if storage.is_remote(root) or config.is_s3_volume:
        return temporary.place()
    return f"{root}/{paths.HIDDEN}"
