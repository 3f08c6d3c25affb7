"""The local side of a run's files: what the engine opens, and what becomes of it.

Remote inputs are fetched ahead of the work and removed after it; outputs are written under temporary
names and handed to the run, which publishes and records them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from . import storage, temporary
from ._core import sha256
from .errors import DolmaError, DolmaShardError
from .publisher import Publisher
from .runs import Run
from .shards import BadRecord, Counts, Lapse, Outcome, Shard, Written

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["Files", "opened", "outcome_of"]

Result = TypeVar("Result")

#: Shards whose inputs are fetched ahead of the one that is worked on.
STAGE_AHEAD = 4

#: Shards that are published at a time, at least, and seconds in which one that is must be done after a stop.
PUBLISHED_AT_ONCE = 4
PATIENCE = 1.0


@contextmanager
def opened(run: Run) -> Iterator[Files]:
    """The files that a run has to do while the engine works: staged, committed, cleaned up after."""
    with temporary.folder("run") as scratch:
        files = Files(run, scratch)
        try:
            yield files
        finally:
            files.close()


def outcome_of(future: Future[Result], stopped: Callable[[], bool], why: str) -> Result:
    """The result of `future`; raises `DolmaShardError` when the run is stopped before it is there."""
    from concurrent.futures import TimeoutError as FutureTimeout

    while True:
        try:
            return future.result(timeout=0.2)
        except FutureTimeout:
            if future.done():
                raise
            if stopped():
                raise DolmaShardError(why) from None


class Files:
    """Where a run's inputs and outputs are on this machine."""

    def __init__(self, run: Run, scratch: str, shards: list[Shard] | None = None) -> None:
        """The files of `shards`, by default those that the run has to do."""
        self.run = run
        self.shards = run.todo if shards is None else shards
        self.input_dir = run.config.work_dir.input or os.path.join(scratch, "input")
        self.output_dir = run.config.work_dir.output or os.path.join(scratch, "output")
        self._remote = any(storage.is_remote(file.path) for shard in self.shards for file in shard.inputs)
        self._staging: dict[int, list[Future[str]]] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._publisher = Publisher(max(PUBLISHED_AT_ONCE, run.config.processes))
        self._lock = threading.Lock()
        #: Shards whose outputs are being made.
        self._begun: set[int] = set()
        #: Hears what became of each shard: its number, and whether it is published.
        self.settled: Callable[[int, bool], None] = lambda index, published: None

    def temporary(self, index: int) -> list[str]:
        """Where the outputs of a shard are written before they are published."""
        shard = self.shards[index]
        self._begun.add(index)
        if self.run.copies:
            folder = os.path.join(self.output_dir, sha256(shard.name.encode())[:16])
            return [
                os.path.join(folder, f"{n}-{os.path.basename(o.path)}") for n, o in enumerate(shard.outputs)
            ]
        return [storage.temporary(output.path, self.output_dir) for output in shard.outputs]

    def files(self, index: int) -> tuple[list[str], list[str]]:
        """Local inputs and outputs of a shard (the engine asks)."""
        return self.stage(index), self.temporary(index)

    def _fetchers(self) -> ThreadPoolExecutor:
        """The threads that fetch; called with the lock, and only where files are remote."""
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(STAGE_AHEAD, thread_name_prefix="dolma-fetcher")
        return self._pool

    def stage(self, index: int) -> list[str]:
        """Local paths of a shard's inputs; remote ones are fetched, with the next few ahead."""
        shard = self.shards[index]
        if not self._remote:
            return [file.path for file in shard.inputs]
        with self._lock:
            for ahead in range(index, min(index + STAGE_AHEAD, len(self.shards))):
                if ahead not in self._staging:
                    self._staging[ahead] = [
                        self._fetchers().submit(storage.stage, file, self.input_dir)
                        for file in self.shards[ahead].inputs
                    ]
            futures = self._staging[index]
        return [self._staged(future) for future in futures]

    def _staged(self, future: Future[str]) -> str:
        return outcome_of(future, lambda: self.run.interrupted, "stopped while an input was being fetched")

    def done(
        self,
        index: int,
        counts: tuple[int, int, int, int],
        written: list[tuple[int, str]],
        bad: list[tuple[str, int, str, bytes]],
        details: list[tuple[list[str], float]],
        content_hash: str | None = None,
        lapses: Sequence[tuple[str, int, str, str, str]] = (),
    ) -> None:
        """Publishes a finished shard, remote ones in the background (the engine tells)."""
        shard = self.shards[index]
        outcome = Outcome(
            counts=Counts(**dict(zip(("read", "written", "dropped", "bad"), counts, strict=True))),
            written=[Written(size, checksum) for size, checksum in written],
            bad_records=[
                BadRecord(path, line, error, raw.decode("utf-8", "backslashreplace"))
                for path, line, error, raw in bad
            ],
            content_hash=content_hash,
            lapses=[Lapse(*lapse) for lapse in lapses],
        )
        for path, value in details:
            nested = outcome.timings if path[-1] == "seconds" else outcome.details
            for key in path[:-1]:
                nested = nested.setdefault(key, {})
            nested[path[-1]] = value if path[-1] == "seconds" else int(value)
        temporary = self.temporary(index)
        if any(storage.is_remote(output.path) for output in shard.outputs):
            self._publisher.submit(index, lambda: self._commit(index, shard, temporary, outcome))
        else:
            self._commit(index, shard, temporary, outcome)

    def _commit(self, index: int, shard: Shard, temporary: list[str], outcome: Outcome) -> None:
        try:
            self.run.commit(shard, temporary, outcome)
        except Exception as error:
            self.run.fail(shard, error)
            self.settled(index, False)
        else:
            self.settled(index, True)
        finally:
            self._clean(index, temporary)

    def failed(self, index: int, error: str) -> None:
        """Notes a failure and removes what was half written."""
        self.run.fail(self.shards[index], error)
        self.settled(index, False)
        try:
            temporary = self.temporary(index)
        except DolmaError:
            # There is no place for its outputs, which is why it failed; nothing was written.
            temporary = []
        self._clean(index, temporary)

    def _clean(self, index: int, temporary: list[str]) -> None:
        leftovers = list(temporary)
        if len(self.shards[index].inputs) > 1:
            # The parts of an output that is put together from several inputs stand beside it. To look
            # for them is to list a folder that may hold the outputs of all other shards.
            leftovers += [part for path in temporary for part in _parts_of(path)]
        for path in leftovers:
            with suppress(FileNotFoundError):
                os.unlink(path)
        self._begun.discard(index)
        self.release(index)

    def release(self, index: int) -> None:
        """Removes what was fetched for a shard."""
        for file, future in zip(self.shards[index].inputs, self._staging.pop(index, []), strict=False):
            if storage.is_remote(file.path) and not future.cancel() and future.exception() is None:
                local = future.result()
                if os.path.exists(local):
                    os.unlink(local)

    def wait(self) -> None:
        """Waits until everything that is finished is published."""
        self._publisher.wait(lambda: self.run.interrupted)

    def close(self) -> None:
        self.wait()
        if self.run.interrupted:
            self._publisher.stop(PATIENCE)
            # The engine tells of no output of which it has seen only some inputs.
            for index in self._begun - self._publisher.busy:
                self._clean(index, self.temporary(index))
        # A stopped run does not wait for transfers that nobody will use.
        if self._pool is not None:
            self._pool.shutdown(wait=not self.run.interrupted, cancel_futures=True)


def _parts_of(path: str) -> list[str]:
    """The parts that stand beside a file which is put together from them."""
    folder, name = os.path.split(path)
    with suppress(OSError):
        found = [one for one in os.listdir(folder or ".") if one.startswith(f"{name}.part")]
        return [os.path.join(folder, one) for one in found]
    return []
