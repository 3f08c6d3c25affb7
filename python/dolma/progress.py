"""What a run shows while it works: a bar on a terminal, a line now and then, or JSON events.

Everything goes to standard error, so that standard output holds results only.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Protocol

from .config import ProgressStyle

__all__ = ["Meter", "format_bytes", "format_duration"]

#: Seconds between two lines where there is no terminal; the first comes sooner.
LINE_EVERY = 30.0
FIRST_LINE = 5.0
#: Taggers that a line names.
SLOWEST = 3


class Counters(Protocol):
    """What the engine counts."""

    @property
    def documents(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def input_bytes(self) -> int: ...
    @property
    def shards(self) -> int: ...


def format_bytes(count: float) -> str:
    """`1536` as `1.5 KB` (decimal units, as disks and networks are sold)."""
    for unit in ("B", "KB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def format_duration(seconds: float) -> str:
    """Seconds as `12s`, `3m07s` or `2h05m`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


class Meter:
    """Shows how far a run is; `update` is cheap and may be called as often as one likes."""

    def __init__(
        self,
        command: str,
        style: ProgressStyle,
        input_bytes: int,
        shards: int,
        taggers: Callable[[], dict[str, dict[str, float]]] = dict,
    ) -> None:
        """`taggers` gives `share` (of the time), `documents_per_second` and `spans` by tagger."""
        if style == "auto":
            style = "bar" if sys.stderr.isatty() else "lines"
        self.command = command
        self.style = style
        self.total = input_bytes
        self.shards = shards
        self.taggers = taggers
        self._begin = time.monotonic()
        self._last = self._begin - LINE_EVERY + FIRST_LINE
        self._shown = False

    def update(self, counters: Counters, *, final: bool = False) -> None:
        """Shows the counters, if it is time to."""
        now = time.monotonic()
        every = 0.1 if self.style == "bar" else LINE_EVERY
        if self.style == "none" or (now - self._last < every and not final):
            return
        if final and not self._shown and self.style != "json":
            return
        self._last, self._shown = now, True
        elapsed = max(now - self._begin, 1e-6)
        share = min(1.0, counters.input_bytes / self.total) if self.total else 1.0
        left = elapsed / share - elapsed if share > 0.005 else None
        if self.style == "json":
            self._event(counters, elapsed, share, left)
            return
        text = (
            f"{share:4.0%}  {counters.shards}/{self.shards} shards  {counters.documents:,} documents  "
            f"{counters.documents / elapsed:,.0f} documents/s  {format_bytes(counters.bytes / elapsed)}/s  "
            f"{'?' if left is None else format_duration(left)} left"
        )
        if self.style == "bar":
            filled = int(share * 24)
            bar = "█" * filled + "·" * (24 - filled)
            end = "\n" if final else ""
            sys.stderr.write(f"\r\x1b[K{self.command} {bar} {text}{end}")
        else:
            sys.stderr.write(f"{self.command}: {text.strip()}{self._slowest()}\n")
        sys.stderr.flush()

    def _slowest(self) -> str:
        """What takes most of the time, for the end of a line."""
        taggers = self.taggers()
        names = sorted(taggers, key=lambda name: -taggers[name]["share"])[:SLOWEST]
        told = ", ".join(f"{name} {taggers[name]['share']:.0%}" for name in names)
        return f"  ({told} of the time)" if told else ""

    def _event(self, counters: Counters, elapsed: float, share: float, left: float | None) -> None:
        event: dict[str, object] = {
            "event": "progress",
            "command": self.command,
            "seconds": round(elapsed, 1),
            "share": round(share, 4),
            "seconds_left": None if left is None else round(left, 1),
            "shards": counters.shards,
            "shards_total": self.shards,
            "documents": counters.documents,
            "bytes": counters.bytes,
        }
        if taggers := self.taggers():
            event["taggers"] = taggers
        import json

        sys.stderr.write(json.dumps(event) + "\n")
        sys.stderr.flush()
