"""What files are counted with while they are worked on.

A count is a number in memory that a worker shares with its parent: adding to one is an addition, and
whoever shows them reads them when it likes.
"""

from __future__ import annotations

import threading
from collections.abc import MutableSequence, Sequence
from typing import Any

__all__ = ["Names", "Tally"]


class Tally:
    """The counts of one file, as much of a queue as those who count ask of it: nothing ever waits in it."""

    def __init__(self, board: MutableSequence[float], start: int, width: int) -> None:
        """They are the `width` numbers of `board` from `start` on."""
        self._board = board
        self._places = range(start, start + width)
        self._lock = threading.Lock()

    def put(self, item: Sequence[float] | None, block: bool = True, timeout: float | None = None) -> None:
        """Adds to each count, in the order of their names."""
        with self._lock:
            # One who knows fewer or more names than there are counts those that both know.
            for place, value in zip(self._places, item or (), strict=False):
                self._board[place] += value

    def put_nowait(self, item: Sequence[float] | None) -> None:
        self.put(item)

    def qsize(self) -> int:
        return 0

    def empty(self) -> bool:
        return True

    def full(self) -> bool:
        return False

    def values(self) -> list[float]:
        return [self._board[place] for place in self._places]

    def clear(self) -> None:
        for place in self._places:
            self._board[place] = 0


class Names(Tally):
    """Takes the names of what would be counted."""

    def __init__(self) -> None:
        super().__init__([], 0, 0)
        self.names: tuple[str, ...] = ()

    @classmethod
    def of(cls, increment: Any) -> tuple[str, ...]:
        """The names that an `increment_progressbar` counts by."""
        asked = cls()
        increment(asked)
        return asked.names
