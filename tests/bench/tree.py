"""What a command takes beyond its own process: the memory of its whole tree, and room on disk.

The system keeps the peak of the largest process of a tree, not that of the tree. So while a command
runs, its processes are looked at a few times a second, and their memory is added up with what they
share counted once (proportional set size). Linux only; elsewhere there is nothing to see.
"""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

INTERVAL = 0.1

_PAGE = 4096


def descendants(root: int) -> list[int]:
    """The process `root` and all below it, as far as they run."""
    found = [root]
    for process in found:
        for task in Path(f"/proc/{process}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, task.read_text(encoding="ascii").split())
    return found


def _resident(process: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    return 0


def _proportional(process: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _written(folder: Path) -> Iterator[int]:
    """Bytes of the files below `folder` that no other name has, which leaves linked inputs out."""
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            status = path.stat()
            if status.st_nlink == 1 and path.is_file():
                yield status.st_blocks * 512


class Watch:
    """Peaks of a process tree while it runs: `memory`, where there are several processes, and `disk`."""

    def __init__(self, process: int, folder: Path | None) -> None:
        self.memory = self.disk = 0
        self._process = process
        self._folder = folder
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            processes = descendants(self._process)
            # Adding up what is shared costs time: only where the sum could be a new peak.
            if len(processes) > 1 and sum(map(_resident, processes)) > self.memory:
                self.memory = max(self.memory, sum(map(_proportional, processes)))
            if self._folder is not None:
                self.disk = max(self.disk, sum(_written(self._folder)))
            if self._ended.wait(INTERVAL):
                return
