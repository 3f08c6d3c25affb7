"""The files of a run: what is done with each, what they add up to, and what came of them.

Counts of a file are added up when it is done, so that one that failed, or was tried again, counts once
or not at all.
"""

from __future__ import annotations

import os
import pickle
import sys
import time
import traceback
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import processes
from ..errors import DolmaConfigError, DolmaError, DolmaShardError
from ..messages import message_of
from .tally import Names, Tally

if TYPE_CHECKING:
    from collections.abc import MutableSequence

    from . import BaseParallelProcessor

__all__ = ["Batch", "Task"]

#: Failures that the error at the end of a run names.
NAMED = 20


class Task(NamedTuple):
    """A file that is to be done."""

    source: str
    destination: str
    marker: str
    kwargs: dict[str, Any]
    #: How often it is tried again.
    retries: int
    #: Whether it may have been done before.
    again: bool


class Batch:
    """Some files, and how far they are; it counts as `progress.Counters` do, files for shards."""

    documents = bytes = input_bytes = 0

    def __init__(
        self, processor: type[BaseParallelProcessor], tasks: Sequence[Task], done_before: int, pause: float
    ) -> None:
        from ..progress import Meter, Step

        self.processor = processor
        self.name = processor.__name__
        self.tasks = tasks
        self.shards = 0
        self.names = Names.of(processor.increment_progressbar)
        self._counted = [0.0] * len(self.names)
        self._at_work: list[Tally] = []
        self._failures: list[str] = []
        self._cause: BaseException | None = None
        whole = Step("", len(tasks), unit="files")
        self._begin = whole.begin
        self._meter = Meter(self.name, "auto", whole, named=self.counts, pause=pause)
        self._say(f"{len(tasks):,} files to do, {done_before:,} done before")

    def run_here(self) -> None:
        """Does all files in this process, one by one."""
        tally = Tally([0.0] * len(self.names), 0, len(self.names))
        self._at_work = [tally]
        for at, task in enumerate(self.tasks):
            error = _attempt(self.processor, task, tally)
            self._cause = self._cause or error
            self._settle(at, 0, _told(self.processor, error))
            self._look()
        self._finish()

    def run(self, count: int) -> None:
        """Does all files in up to `count` worker processes."""
        import multiprocessing

        width = len(self.names)
        # Shared memory is never empty.
        board = multiprocessing.get_context("spawn").RawArray("d", max(1, count * width))
        self._at_work = [Tally(board, number * width, width) for number in range(count)]
        _packed(self.name, "the class", self.processor)
        jobs = [_packed(self.name, "what process_single gets", task) for task in self.tasks]
        work = partial(_work, self.processor, board, width)
        processes.run(jobs, work, count, self._settle, self._look)
        self._finish()

    def counts(self) -> dict[str, float]:
        """What was counted so far, by name."""
        rows = [self._counted, *(tally.values() for tally in self._at_work)]
        return dict(zip(self.names, map(sum, zip(*rows, strict=True)), strict=True))

    def _settle(self, at: int, worker: int, problem: str | None) -> None:
        """Takes down what came of a file; its worker has no other yet."""
        tally = self._at_work[worker]
        if problem is None:
            self._counted = [sum(pair) for pair in zip(self._counted, tally.values(), strict=True)]
        else:
            self._failures.append(f"{self.tasks[at].source}: {problem}")
        tally.clear()
        self.shards += 1

    def _look(self) -> None:
        self._meter.update(self)

    def _finish(self) -> None:
        """Says what came of all; raises `DolmaShardError` when that is not good."""
        from ..progress import format_count, format_duration

        self._meter.update(self, final=True)
        state = "FAILED" if self._failures else "done"
        good = self.shards - len(self._failures)
        counted = "".join(f", {format_count(name, count)}" for name, count in self.counts().items())
        took = format_duration(time.monotonic() - self._begin)
        self._say(f"{state} in {took}: {good:,} of {len(self.tasks):,} files done{counted}")
        if self._failures:
            raise DolmaShardError(self._account_of_failures()) from self._cause

    def _account_of_failures(self) -> str:
        lines = [f"  {failure}" for failure in sorted(self._failures)]
        if len(lines) > NAMED:
            lines[NAMED:] = [f"  … and {len(lines) - NAMED:,} more"]
        head = f"{self.name}: {len(self._failures):,} of {len(self.tasks):,} files failed"
        others = "; the others are done and will be skipped" if len(self._failures) < len(self.tasks) else ""
        return "\n".join([f"{head}{others}:", *lines])

    def _say(self, text: str) -> None:
        print(f"{self.name}: {text}", file=sys.stderr, flush=True)


def _packed(name: str, what: str, value: object) -> bytes:
    try:
        return pickle.dumps(value)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise DolmaConfigError(
            f"{name}: {what} cannot be sent to another process ({error}); "
            "define it at the top of a module, or use debug=True"
        ) from error


def _work(
    processor: type[BaseParallelProcessor],
    board: MutableSequence[float],
    width: int,
    number: int,
    job: bytes,
) -> str | None:
    """Does a file in a worker process; returns what went wrong."""
    try:
        task: Task = pickle.loads(job)
    except Exception as error:
        return _told(processor, error)
    return _told(processor, _attempt(processor, task, Tally(board, number * width, width)))


def _attempt(processor: type[BaseParallelProcessor], task: Task, tally: Tally) -> BaseException | None:
    """Does a file, again if need be; returns what it failed with at last."""
    failure: BaseException | None = None
    for _ in range(task.retries + 1):
        tally.clear()
        try:
            _do(processor, task, tally)
            return None
        # `sys.exit` in the middle of a file leaves it undone as anything else does.
        except (Exception, SystemExit) as error:
            failure = error
    return failure


def _do(processor: type[BaseParallelProcessor], task: Task, tally: Tally) -> None:
    from .. import storage

    if task.again:
        # It would call done what is being written over.
        storage.delete(task.marker)
    storage.make_directory(task.destination.rpartition("/")[0])
    processor.process_single(
        source_path=task.source,
        destination_path=task.destination,
        queue=tally,  # type: ignore[arg-type]
        **task.kwargs,
    )
    # A power failure must not keep the marker and take what it speaks of.
    storage.sync(task.destination)
    storage.write_bytes(task.marker, datetime.now(timezone.utc).isoformat().encode())


def _told(processor: type[BaseParallelProcessor], error: BaseException | None) -> str | None:
    """An error in one line, with where in the module of the processor it came about."""
    if error is None:
        return None
    message = message_of(error)
    text = message if isinstance(error, DolmaError) else f"{type(error).__name__}{message and f': {message}'}"
    code = getattr(processor.process_single, "__code__", None)
    trace = traceback.extract_tb(error.__traceback__)
    lines = [frame for frame in trace if code is not None and frame.filename == code.co_filename]
    return f"{text} ({os.path.basename(lines[-1].filename)}:{lines[-1].lineno})" if lines else text
