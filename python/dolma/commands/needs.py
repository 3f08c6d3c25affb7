"""What a run will need of the machine, said before it starts: memory, and room on the disk.

Memory does not grow with the corpus: it is what a process takes, what each worker has in hand, and,
for a deduplication, its filter. Outputs are seldom larger than the compressed inputs: where less
than that is free, the command is asked for an estimate, by which the plan is refused or let go on
with a warning.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from .. import storage
from ..errors import DolmaConfigError
from ..progress import format_bytes
from ..runs import Run
from ..storage import local
from . import session

__all__ = ["available_memory", "check", "free_space", "parse_size", "same_disk"]

#: Bytes of a process with one worker less the worker, and of a worker: peaks of 32 to 44 MB with one
#: and 37 to 56 MB with two were seen on every command (docs/performance.md), rounded up. A line much
#: longer than a batch (1 MiB) takes several times its size on top.
BASE = 40_000_000
PER_WORKER = 20_000_000
#: Of a worker process with Python taggers, without what these load themselves.
PER_PROCESS = 60_000_000


def check(
    run: Run,
    *,
    extra: int = 0,
    key: str = "",
    python: bool = False,
    outputs: Callable[[], int | None] | None = None,
) -> None:
    """Says what a run needs where it is only planned, and holds it against what there is.

    `extra` is memory on top, in bytes, that the section `key` of the recipe asks for. `outputs` gives
    the bytes that outputs will take at least, None where that cannot be told; it is asked only where
    room is scarce. Raises `DolmaConfigError` for a run that cannot fit.
    """
    workers = run.config.processes
    memory = BASE + workers * (PER_PROCESS if python and workers > 1 else PER_WORKER) + extra
    folder = next((o.place.root for shard in run.todo for o in shard.outputs), None)
    free = None if folder is None or storage.is_remote(folder) else free_space(folder)
    if run.config.dryrun:
        room = "" if free is None else f"; {format_bytes(free)} are free for outputs below {folder}"
        session.say(f"{run.command}: needs about {format_bytes(memory)} of memory{room}")
    available = available_memory()
    if available is not None and memory > available:
        at = f"{key}: " if key else ""
        raise DolmaConfigError(
            f"{at}{format_bytes(memory)} of memory are needed, {format_bytes(available)} are free; ask for fewer "
            "processes or a smaller filter, or use a machine with more memory"
        )
    if free is not None and free < run.input_bytes:
        least = outputs() if outputs is not None else None
        if least is not None and least > free:
            raise DolmaConfigError(
                f"{format_bytes(free)} are free below {folder}, and the outputs of {format_bytes(run.input_bytes)} "
                f"of input take at least {format_bytes(least)}; make room, or write elsewhere"
            )
        session.warn(
            run,
            f"{format_bytes(free)} are free below {folder}, less than the {format_bytes(run.input_bytes)} of "
            "input: the outputs may not fit",
        )


def free_space(folder: str) -> int:
    """Bytes that are free on the disk of `folder`, which need not exist yet."""
    return local.free_space(_nearest(folder))


def same_disk(one: str, other: str) -> bool:
    """Whether two folders, which need not exist yet, are on one disk."""
    return os.stat(_nearest(one)).st_dev == os.stat(_nearest(other)).st_dev


def _nearest(folder: str) -> str:
    """The deepest folder on the way that exists."""
    path = os.path.abspath(folder)
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path


def parse_size(text: str) -> int:
    """Bytes of a size such as `8GiB`, `500MB` or `1000`.

    Raises `DolmaConfigError` for less than 1 MiB, with which nothing can be done.
    """
    number = text.rstrip("kKMGTiB ")
    unit = text[len(number) :].strip().removesuffix("B")
    base = 1024 if unit.endswith("i") else 1000
    size = int(float(number) * base ** "_KMGT".index(unit[:1].upper() or "_"))
    if size < 1 << 20:
        raise DolmaConfigError(f"memory: {text} is too little to work with; give 1MiB at least")
    return size


def available_memory() -> int | None:
    """Bytes of memory that can be had without swapping; None where the system does not say."""
    try:
        with open("/proc/meminfo") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None
