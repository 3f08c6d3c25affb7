"""Threads that publish what an engine has finished, so that none of its workers waits for a network
meanwhile."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

__all__ = ["Publisher"]


class Publisher:
    """Calls what it is given in threads of its own, as many as there is work for."""

    def __init__(self, most: int) -> None:
        """`most` calls are under way at a time, and as many wait; who gives it more waits, too, so that
        what is finished cannot get far ahead of what is published."""
        self._most = most
        self._changed = threading.Condition()
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()
        self._threads = 0
        self._errors: list[BaseException] = []
        #: What is being published now.
        self.busy: set[int] = set()

    def submit(self, index: int, call: Callable[[], None]) -> None:
        """Has `call`, of the shard with this index, called soon."""
        with self._changed:
            while len(self._waiting) >= self._most:
                self._changed.wait()
            self._waiting.append((index, call))
            if self._threads < self._most:
                self._threads += 1
                # It ends when there is no more work, and with the program, if that does not wait.
                threading.Thread(target=self._work, name="dolma-publisher", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    self._threads -= 1
                    self._changed.notify_all()
                    return
                index, call = self._waiting.popleft()
                self.busy.add(index)
                self._changed.notify_all()
            try:
                call()
            except BaseException as error:
                self._errors.append(error)
            with self._changed:
                self.busy.discard(index)

    def wait(self, stopped: Callable[[], bool]) -> None:
        """Waits until everything is published, or the run is stopped; raises what a call raised."""
        with self._changed:
            while self._threads and not stopped():
                self._changed.wait(0.2)
            if self._errors and not stopped():
                raise self._errors.pop(0)

    def stop(self, patience: float) -> None:
        """Drops what was not begun, and waits so many seconds for what was."""
        with self._changed:
            self._waiting.clear()
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._threads, patience)
