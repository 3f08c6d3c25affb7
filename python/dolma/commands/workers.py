"""Worker processes that tag batches, and what becomes of one that dies or hangs.

Each worker notes on a board in shared memory which tagger it runs on which document of which batch,
and by when that must be done. What hangs in Python is interrupted there, by an alarm; what hangs in
native code is past hearing it, and the parent kills the process. A worker that is gone, however that
came about, takes nobody along: its batch is done again in a process of its own, and when that one
goes too, the board says by whom: that tagger is not asked about that document any more.
"""

from __future__ import annotations

import ctypes
import math
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from ..errors import DolmaError, DolmaFatalError
from ..files import outcome_of
from ..processes import FAREWELL, UNSTARTED, attend, shielded
from ..taggers.apply import WHOLE_BATCH, Job, Setup, Tagged, Tagging
from ..taggers.base import WORKER_VARIABLE

__all__ = ["Inline", "Workers"]

#: Seconds between two looks at the board.
LOOK_EVERY = 0.1
#: Seconds after its alarm that a call may take to end, besides as long again as it had.
GRACE = 1.0

DIED = "its process died (out of memory, or a crash in native code)"


class Row(ctypes.Structure):
    """What a worker is at."""

    _fields_ = (
        ("process", ctypes.c_int64),
        ("serial", ctypes.c_int64),
        ("tagger", ctypes.c_int64),
        ("document", ctypes.c_int64),
        #: When it is to be killed, on the clock of `time.monotonic`; 0 for nothing being done.
        ("deadline", ctypes.c_double),
    )


class Post:
    """A worker's own row of the board."""

    def __init__(self, row: Any) -> None:
        self.row = row
        row.process = os.getpid()

    def begin(self, serial: int, tagger: int, document: int, budget: float | None) -> None:
        row = self.row
        row.serial, row.tagger, row.document = serial, tagger, document
        row.deadline = math.inf if budget is None else time.monotonic() + 2 * budget + GRACE

    def end(self) -> None:
        self.row.deadline = 0.0


_tagging: Tagging | None = None
_unmade: DolmaError | None = None


def _start_worker(setup: Setup, board: Any, taken: Any, parent: int) -> None:
    global _tagging, _unmade
    attend(parent)
    # Standard output has the recipe; what taggers print is beside it.
    os.dup2(2, 1)
    with taken.get_lock():
        number = taken.value
        taken.value += 1
    os.environ[WORKER_VARIABLE] = str(number)
    try:
        _tagging = Tagging(setup, Post(board[number]))
    except Exception as error:
        # Raised here it would look like a worker that died.
        what = DolmaFatalError(f"a worker process could not start: {error}")
        _unmade = error if isinstance(error, DolmaError) else what


def _ready() -> Tagging:
    """The taggers of this worker; raises why they could not be made."""
    if _tagging is None:
        raise _unmade or DolmaFatalError("a worker process has no taggers")
    return _tagging


def _report_ready() -> None:
    _ready()


def _work(job: Job) -> Tagged:
    return _ready().rows(job)


class Pool:
    """Some worker processes and their board."""

    def __init__(self, count: int, setup: Setup) -> None:
        context = multiprocessing.get_context("spawn")
        self.board = context.RawArray(Row, count)
        self.hung: dict[int, tuple[int, int]] = {}
        self._gone = threading.Event()
        arguments = (setup, self.board, context.Value("i", 0), os.getpid())
        self.executor = ProcessPoolExecutor(
            count, mp_context=context, initializer=_start_worker, initargs=arguments
        )
        if setup.timeout is not None:
            threading.Thread(target=self._look, name="dolma-watch", daemon=True).start()

    def _look(self) -> None:
        """Kills what does not end."""
        while not self._gone.wait(LOOK_EVERY):
            for row in self.board:
                if 0 < row.deadline < time.monotonic():
                    self.hung[row.serial] = (row.tagger, row.document)
                    row.deadline = 0.0
                    os.kill(row.process, signal.SIGKILL)

    def submit(self, what: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Gives a process something to do; the first time starts them all."""
        with shielded():
            return self.executor.submit(what, *arguments)

    def blamed(self, serial: int) -> tuple[int, int] | None:
        """The tagger and document during which the process died that had a batch to itself."""
        at = [row for row in self.board if row.serial == serial and row.deadline > 0]
        return (at[0].tagger, at[0].document) if at else None

    def death(self, what: str) -> DolmaFatalError:
        """The error for processes that died outside of any tagger's call."""
        # None came as far as to take its row of the board.
        if not any(row.process for row in self.board):
            return DolmaFatalError(UNSTARTED)
        return DolmaFatalError(f"{what} (out of memory, or killed from outside)")

    def close(self, *, kill: bool = False) -> None:
        """Ends the processes; with `kill` at once, else they may clean up behind them."""
        self._gone.set()
        processes = list((getattr(self.executor, "_processes", None) or {}).values())

        def end() -> None:
            for process in processes:
                process.kill()

        if kill:
            end()
        late = threading.Timer(FAREWELL, end)
        late.daemon = True
        late.start()
        self.executor.shutdown(wait=True, cancel_futures=True)
        late.cancel()


class Workers:
    """Processes that tag batches."""

    def __init__(self, count: int, setup: Setup, stopped: Callable[[], bool]) -> None:
        """`stopped` says whether the run is, and nobody waits for results any more."""
        self.count = count
        self.setup = setup
        self._stopped = stopped
        self._lock = threading.Lock()
        self._pool = Pool(count, setup)
        #: By batch, the pool that it was given to.
        self._given: dict[int, Pool] = {}

    def start(self, count: int) -> None:
        """Waits until `count` processes have made their taggers; others start when they are needed.

        Raises what is wrong with them, before any work.
        """
        try:
            for future in [self._pool.submit(_report_ready) for _ in range(count)]:
                outcome_of(future, self._stopped, "stopped while taggers were made")
        except BrokenProcessPool as error:
            raise self._pool.death("a worker process died while taggers were made") from error

    def submit(self, job: Job) -> Future[Tagged]:
        with self._lock:
            try:
                future = self._pool.submit(_work, job)
            except BrokenProcessPool:
                self._pool.close()
                self._pool = Pool(self.count, self.setup)
                future = self._pool.submit(_work, job)
            self._given[job.serial] = self._pool
            return future

    def result(self, future: Future[Tagged], job: Job) -> Tagged:
        """What a batch came to; tried once more alone when a worker died over it or beside it.

        Raises `DolmaFatalError` when that dies, too, outside of any tagger, and `DolmaShardError`
        when the run is stopped meanwhile.
        """
        with self._lock:
            pool = self._given.pop(job.serial)
        try:
            return self._outcome(future)
        except BrokenProcessPool:
            if job.serial in pool.hung:
                job = self._condemn(job, *pool.hung[job.serial], self._late())
        while True:
            pool = Pool(1, self.setup)
            try:
                return self._outcome(pool.submit(_work, job))
            except BrokenProcessPool as error:
                hung = pool.hung.get(job.serial)
                blamed = hung or pool.blamed(job.serial)
                if blamed is None or blamed in job.condemned:
                    what = (
                        f"{job.name}: a worker process died while tagging the lines from {job.first_line} on"
                    )
                    raise pool.death(what) from error
                job = self._condemn(job, *blamed, self._late() if hung else DIED)
            finally:
                pool.close(kill=self._stopped())

    def _outcome(self, future: Future[Tagged]) -> Tagged:
        return outcome_of(future, self._stopped, "stopped while a tagger was at work")

    def _late(self) -> str:
        return f"took longer than {self.setup.timeout:g} s (tagger_timeout), and had to be killed"

    def _condemn(self, job: Job, tagger: int, document: int, reason: str) -> Job:
        if document == WHOLE_BATCH:
            return job._replace(singly=job.singly | {tagger})
        return job._replace(condemned={**job.condemned, (tagger, document): reason})

    def stop(self) -> None:
        """Ends all processes."""
        self._pool.close(kill=self._stopped())


class Inline:
    """Workers for a run without processes."""

    def __init__(self, tagging: Tagging) -> None:
        self.tagging = tagging

    def submit(self, job: Job) -> Job:
        return job

    def result(self, future: Job, job: Job) -> Tagged:
        return self.tagging.rows(future)

    def stop(self) -> None:
        pass
