"""Worker processes that do one job at a time, and a parent that outlives each of them.

The parent gives a job to a process that is idle, and waits on all their pipes at once: one that closes
is a process that died, over the job that it had and no other, and another takes its place. What a
process does is end with its parent, however that came about.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from .errors import DolmaFatalError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

__all__ = ["FAREWELL", "UNSTARTED", "attend", "run", "shielded"]

#: Seconds between two calls of `look`.
LOOK_EVERY = 0.1
#: Seconds that a process has to end by itself when there is nothing left to do.
FAREWELL = 5.0

UNSTARTED = (
    "worker processes cannot start; a program that calls dolma and asks for processes must do so below "
    '`if __name__ == "__main__":`, because they import it'
)

#: A job as a worker gets it: the number of the worker, and what is to be done. It returns what went wrong.
Work = Callable[[int, bytes], str | None]


class Worker(NamedTuple):
    """A process, and the parent's end of its pipe."""

    number: int
    process: SpawnProcess
    pipe: Connection


@contextlib.contextmanager
def shielded() -> Iterator[None]:
    """Keeps Ctrl-C from the processes that this thread starts meanwhile, until they `attend`: one that is
    reached while it comes up dies with a trace."""
    from multiprocessing import resource_tracker

    # Where it must be started first, it lets signals through again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def attend(parent: int) -> None:
    """Makes this process one that leaves Ctrl-C to its parent and ends when that is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def run(
    jobs: Sequence[bytes],
    work: Work,
    count: int,
    done: Callable[[int, int, str | None], None],
    look: Callable[[], None],
) -> None:
    """Has up to `count` processes do all jobs, in this order as they come to them.

    `done` gets the number of a job, that of the worker that had it, and what went wrong; `look` is called
    now and then. An exception, `KeyboardInterrupt` too, ends all processes at once. Raises
    `DolmaFatalError` when processes cannot start.
    """
    crew = _Crew(work)
    try:
        for number in range(min(count, len(jobs))):
            crew.hire(number)
        crew.serve(list(enumerate(jobs)), done, look)
    finally:
        crew.dismiss()


class _Crew:
    """The processes of a run, each with the job that it is at."""

    def __init__(self, work: Work) -> None:
        import multiprocessing

        self._context = multiprocessing.get_context("spawn")
        self._work = work
        self._workers: dict[Connection, Worker] = {}
        #: By pipe, the number of the job; None for a process that has not come up yet.
        self._at: dict[Connection, int | None] = {}

    def hire(self, number: int) -> None:
        mine, its = self._context.Pipe()
        process = self._context.Process(
            target=_serve, args=(self._work, number, its, os.getpid()), daemon=True
        )
        with shielded():
            process.start()
        its.close()
        self._workers[mine] = Worker(number, process, mine)
        self._at[mine] = None

    def serve(
        self,
        jobs: list[tuple[int, bytes]],
        done: Callable[[int, int, str | None], None],
        look: Callable[[], None],
    ) -> None:
        from multiprocessing.connection import wait

        jobs.reverse()
        while self._at:
            # A pipe stays open where a child of its process has a copy: then only the process tells.
            for pipe in wait(list(self._at), LOOK_EVERY) or self._gone():
                worker, at = self._workers[pipe], self._at[pipe]  # type: ignore[index]
                try:
                    answer = worker.pipe.recv() if worker.pipe.poll() else _closed()
                except (EOFError, OSError):
                    died = self._bury(worker)
                    if at is None:
                        raise DolmaFatalError(f"{UNSTARTED} (the process {died})") from None
                    done(at, worker.number, f"its process {died}")
                    if jobs:
                        self.hire(worker.number)
                    continue
                if at is not None:
                    done(at, worker.number, answer)
                self._give(worker, jobs)
            look()

    def _give(self, worker: Worker, jobs: list[tuple[int, bytes]]) -> None:
        if not jobs:
            del self._at[worker.pipe]
            return
        at, job = jobs.pop()
        self._at[worker.pipe] = at
        # One that died while it was idle will be seen at the next look at its pipe.
        with contextlib.suppress(OSError):
            worker.pipe.send_bytes(job)

    def _gone(self) -> list[Connection]:
        return [pipe for pipe in self._at if not self._workers[pipe].process.is_alive()]

    def _bury(self, worker: Worker) -> str:
        """What became of a process that is gone."""
        worker.process.join(FAREWELL)
        code = worker.process.exitcode
        worker.pipe.close()
        del self._workers[worker.pipe], self._at[worker.pipe]
        if code is not None and code < 0:
            name = next((one.name for one in signal.Signals if one == -code), f"signal {-code}")
            return f"was killed by {name} (out of memory, a crash in native code, or killed from outside)"
        return f"ended with exit code {code}"

    def dismiss(self) -> None:
        """Ends all processes: at once those that are still at work."""
        for worker in self._workers.values():
            if worker.pipe in self._at:
                worker.process.kill()
            worker.pipe.close()
        until = time.monotonic() + FAREWELL
        for worker in self._workers.values():
            worker.process.join(max(0.0, until - time.monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()


def _closed() -> NoReturn:
    raise EOFError


def _serve(work: Work, number: int, pipe: Connection, parent: int) -> None:
    attend(parent)
    pipe.send(None)
    while True:
        try:
            job = pipe.recv_bytes()
        except EOFError:
            return
        pipe.send(work(number, job))


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
