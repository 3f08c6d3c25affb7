"""Parallel processors that tests run: where worker processes find them."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import smart_open

from dolma.core.parallel import BaseParallelProcessor, QueueType


class Upper(BaseParallelProcessor):
    """Writes a file in capitals, and down beside it what it was given."""

    @classmethod
    def increment_progressbar(cls, queue: QueueType, /, files: int = 0, lines: int = 0) -> dict[str, int]:
        return super().increment_progressbar(queue, files=files, lines=lines)

    @classmethod
    def process_single(cls, source_path: str, destination_path: str, queue: QueueType, **kwargs: Any) -> None:
        time.sleep(kwargs.get("seconds", 0))
        with smart_open.open(source_path, "rt") as source, smart_open.open(destination_path, "wt") as made:
            for line in source:
                cls.increment_progressbar(queue, lines=1)
                made.write(line.upper())
        cls.increment_progressbar(queue, files=1)
        if log := kwargs.get("log"):
            with open(log, "a", encoding="utf-8") as file:
                told = {"source": source_path, "process": os.getpid(), **kwargs}
                file.write(json.dumps(told) + "\n")


class Undocumented(BaseParallelProcessor):
    """Counts as the published documentation has it, without returning anything, and by hand."""

    @classmethod
    def increment_progressbar(cls, queue: QueueType, /, cnt: int = 0) -> None:  # type: ignore[override]
        super().increment_progressbar(queue, renamed=cnt)

    @classmethod
    def process_single(cls, source_path: str, destination_path: str, queue: QueueType, **kwargs: Any) -> None:
        queue.put((1,))
        queue.put_nowait((2, 99))
        assert queue.qsize() == 0
        assert queue.empty()
        assert not queue.full()


class Trouble(Upper):
    """Does what the first line of a file says: `fail`, `die`, `exit`, `sleep`, `child` or nothing."""

    @classmethod
    def process_single(cls, source_path: str, destination_path: str, queue: QueueType, **kwargs: Any) -> None:
        what = Path(source_path).read_text().split("\n")[0]
        if what in ("fail", "die", "exit", "sleep", "child"):
            cls.increment_progressbar(queue, lines=1000)
        if what == "fail":
            raise ValueError("no\ngood")
        if what == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "exit":
            sys.exit(3)
        if what == "child" and os.fork() == 0:
            # Keeps the pipe of the worker open, which is gone before it.
            time.sleep(20)
            os._exit(0)
        if what == "child":
            os._exit(9)
        if what == "sleep":
            Path(f"{destination_path}.begun").touch()
            time.sleep(60)
        super().process_single(source_path, destination_path, queue, **kwargs)


class Flaky(Upper):
    """Fails as long as there are files in the folder `left`, of which it takes one each time."""

    @classmethod
    def process_single(cls, source_path: str, destination_path: str, queue: QueueType, **kwargs: Any) -> None:
        super().process_single(source_path, destination_path, queue)
        for left in sorted(Path(kwargs["left"]).iterdir())[:1]:
            left.unlink()
            raise OSError("not yet")
