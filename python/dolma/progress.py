"""What a run shows while it works: a bar on a terminal, a line now and then, or JSON events.

A run that goes through its files more than once works in steps, each with counts of its own.

Everything goes to standard error, so that standard output holds results only.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from .config.common import ProgressStyle

__all__ = ["Meter", "Step", "format_bytes", "format_count", "format_duration"]

#: Seconds between two lines where there is no terminal; the first comes sooner.
LINE_EVERY = 30.0
FIRST_LINE = 5.0
#: Taggers that a line names.
SLOWEST = 3
#: Characters of a bar.
BAR = 24


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


class Step:
    """What a run does at a time, and how much of it there is."""

    def __init__(
        self,
        name: str,
        shards: int = 0,
        input_bytes: int = 0,
        since: Counters | None = None,
        unit: str = "shards",
    ) -> None:
        """`name` is empty for all that a run does. Of `input_bytes` to be read the share that is done is
        told, or else of `shards` (called `unit`); of work without either only how long it goes on. It is
        counted from what `since` says now."""
        self.name = name
        self.shards = shards
        self.unit = unit
        self.input_bytes = input_bytes
        self.begin = time.monotonic()
        self._before = (since.documents, since.bytes, since.input_bytes, since.shards) if since else (0,) * 4

    def done(self, counters: Counters) -> Done:
        """What is done of it."""
        now = (counters.documents, counters.bytes, counters.input_bytes, counters.shards)
        documents, size, read, shards = (
            after - before for after, before in zip(now, self._before, strict=True)
        )
        share = None
        if self.input_bytes:
            share = min(1.0, read / self.input_bytes)
        elif self.shards:
            share = min(1.0, shards / self.shards)
        seconds = max(time.monotonic() - self.begin, 1e-6)
        left = seconds / share - seconds if share is not None and share > 0.005 else None
        return Done(documents, size, shards, share, seconds, left)


class Done(msgspec.Struct, frozen=True):
    """What is done of a step."""

    documents: int
    bytes: int
    shards: int
    #: None where nobody knows.
    share: float | None
    seconds: float
    left: float | None


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


def format_count(name: str, count: float) -> str:
    """`1200` documents as `1,200 documents`."""
    return f"{count:,.12g} {name}"


class Meter:
    """Shows how far a run is; `update` is cheap and may be called as often as one likes."""

    def __init__(
        self,
        command: str,
        style: ProgressStyle,
        whole: Step,
        taggers: Callable[[], dict[str, dict[str, float]]] = dict,
        named: Callable[[], Mapping[str, float]] = dict,
        pause: float = 0.0,
    ) -> None:
        """`whole` is all that the run does, shown as long as it tells of no other step; `taggers` gives
        `share` (of the time), `documents_per_second` and `spans` by tagger, `named` what a run counts by
        names of its own. Two updates are `pause` seconds apart, or more."""
        if style == "auto":
            style = "bar" if sys.stderr.isatty() else "lines"
        self.command = command
        self.style = style
        self.whole = whole
        self.taggers = taggers
        self.named = named
        self.pause = pause
        self._last = whole.begin - LINE_EVERY + FIRST_LINE
        self._shown = False

    def update(self, counters: Counters, step: Step | None = None, *, final: bool = False) -> None:
        """Shows how far the run, or a step of it, is, if it is time to."""
        now = time.monotonic()
        every = max(self.pause, 0.1 if self.style == "bar" else LINE_EVERY)
        if self.style == "none" or (now - self._last < every and not final):
            return
        if final and not self._shown and self.style != "json":
            return
        self._last, self._shown = now, True
        step = step or self.whole
        done = step.done(counters)
        if self.style == "json":
            self._event(step, done, now - self.whole.begin)
        elif self.style == "bar":
            end = "\n" if final else ""
            sys.stderr.write(f"\r\x1b[K{self.command} {_bar(done.share)} {self._told(step, done)}{end}")
        else:
            sys.stderr.write(f"{self.command}: {self._told(step, done)}{self._slowest()}\n")
        sys.stderr.flush()

    def _slowest(self) -> str:
        """What takes most of the time, for the end of a line."""
        taggers = self.taggers()
        names = sorted(taggers, key=lambda name: -taggers[name]["share"])[:SLOWEST]
        told = ", ".join(f"{name} {taggers[name]['share']:.0%}" for name in names)
        return f"  ({told} of the time)" if told else ""

    def _told(self, step: Step, done: Done) -> str:
        """How far a step is, in words: nothing of what it does not count."""
        told = [f"{done.share:.0%}"] if done.share is not None else []
        if step.shards:
            told.append(f"{done.shards}/{step.shards} {step.unit}")
        if done.documents:
            told += [f"{done.documents:,} documents", f"{done.documents / done.seconds:,.0f} documents/s"]
        told += [format_count(name, count) for name, count in self.named().items()]
        if done.bytes:
            told.append(f"{format_bytes(done.bytes / done.seconds)}/s")
        if done.left is not None:
            told.append(f"{format_duration(done.left)} left")
        else:
            told.append(f"for {format_duration(done.seconds)}")
        return f"{step.name + ': ' if step.name else ''}{'  '.join(told)}"

    def _event(self, step: Step, done: Done, elapsed: float) -> None:
        event: dict[str, object] = {
            "event": "progress",
            "command": self.command,
            "step": step.name or None,
            "seconds": round(elapsed, 1),
            "share": None if done.share is None else round(done.share, 4),
            "seconds_left": None if done.left is None else round(done.left, 1),
            "shards": done.shards,
            "shards_total": step.shards,
            "documents": done.documents,
            "bytes": done.bytes,
        }
        if taggers := self.taggers():
            event["taggers"] = taggers
        import json

        sys.stderr.write(json.dumps(event) + "\n")


def _bar(share: float | None) -> str:
    filled = int((share or 0.0) * BAR)
    return "█" * filled + "·" * (BAR - filled)
