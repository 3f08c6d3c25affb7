"""The readings that a run over everything has, and those that it leaves for the next one.

A run that compares takes the readings that are there. Where it has much to read, it leaves a reading of
each file as it goes, so that the same command goes on from there if it is killed. They are an insurance:
by itself a run pays for one only where reading takes minutes, and where there is room for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set

import msgspec

from .. import storage
from ..config.dedupe import DedupeConfig
from ..errors import DolmaConfigError
from ..progress import Counters, format_bytes
from ..runs import Run
from ..shards import Shard
from . import needs, readings, session
from .hosts import Read, Reader, read_through

__all__ = ["Stock"]

#: Stored bytes to be read from which on a run leaves readings by itself: on most machines a minute or more.
WORTH_IT = 8 << 30


class Stock:
    """The readings of a run's files."""

    def __init__(
        self, config: DedupeConfig, work: Run, shards: Sequence[Shard], roots: Set[str], spills: str
    ) -> None:
        """`shards` make the readings of all files that are compared, `roots` are where their attributes
        go, and `spills` where intermediates do."""
        self._config = config
        self._work = work
        self._shards = shards if work.todo else []
        self._roots = roots
        self._spills = spills
        #: By document file.
        self.there = readings.find(self._shards)
        self._taken = set(self.there)
        self._makers: list[Run] = []
        #: Whether the run leaves readings of the files that it reads, and about how many bytes.
        self.leaves = False
        self._size = 0
        self._note()

    @property
    def left(self) -> int:
        """Stored bytes of the files that must be read."""
        unread = (shard for shard in self._shards if shard.name not in self.there)
        return sum(file.size for shard in unread for file in shard.inputs)

    def decide(self, size: int, spilled: int, *, cheap: bool) -> None:
        """Decides whether readings are left; those of all files would take about `size` bytes, and
        `spilled` bytes of intermediates go to disk beside them. Where they are not `cheap`, they must be
        asked for.

        Raises `DolmaConfigError` where they are asked for and do not fit.
        """
        wanted, left = self._config.dedupe.resumable, self.left
        worth_it = cheap and (left >= WORTH_IT or self._goes_on())
        if not left or wanted == "never" or (wanted == "auto" and not worth_it):
            return
        everything = sum(file.size for shard in self._shards for file in shard.inputs)
        self._size = round(size * left / everything)
        lack = self._lack(spilled)
        if not lack:
            self.leaves = True
        elif wanted == "always":
            raise DolmaConfigError(f"dedupe.resumable: {lack}; make room, write elsewhere, or leave it out")
        else:
            session.warn(self._work, f"{lack}: none are left, and a run that is killed starts again")

    def _goes_on(self) -> bool:
        """Whether an earlier run has left readings that this one is to remove."""
        homes = {readings.home(root) for root in self._roots}
        return any(
            shard.name in self.there and shard.outputs[0].place.root in homes for shard in self._shards
        )

    def _lack(self, spilled: int) -> str:
        """What keeps readings from being left; empty for nothing."""
        for root in self._roots:
            if storage.is_remote(root):
                continue
            free = needs.free_space(root)
            room = free - (spilled if needs.same_disk(root, self._spills) else 0)
            if self._size > room:
                beside = f" beside {format_bytes(spilled)} of intermediates" if room < free else ""
                return (
                    f"readings take about {format_bytes(self._size)}{beside}, and {format_bytes(free)} are free "
                    f"below {root}"
                )
        return ""

    def described(self) -> str:
        """How the run announces what has been read before, and what it leaves."""
        there, files = len(self.there), len(self._shards)
        left = files - there
        said = f"; readings of {there:,} of {files:,} files are there" if there else ""
        if there and left:
            said += f", {left:,} {'is' if left == 1 else 'are'} read now"
        if self.leaves:
            said += f"; about {format_bytes(self._size)} of readings are kept until it is done"
        return said

    def load(
        self,
        gauge: Counters,
        shards: Sequence[Shard],
        engine: Callable[[list[str], Reader], Sequence[tuple[int, str]]],
        numbers: Sequence[int],
        read: Read,
    ) -> list[tuple[Shard, str]]:
        """Has the engine take readings that are there; returns those that are damaged, and how.

        `engine` is told their identities and a host, for which they are the inputs, and returns the
        damaged ones by place. Where there are any, what it has loaded is of no use.
        """
        inputs = [Shard((self.there[shard.name],), (), "", shard.name) for shard in shards]
        identities = [shard.fingerprint for shard in shards]
        damaged: list[tuple[int, str]] = []
        read_through(
            self._work,
            "loading readings",
            gauge,
            inputs,
            lambda host: damaged.extend(engine(identities, host)),
            numbers,
            read,
        )
        return [(shards[place], what) for place, what in damaged]

    def gather(
        self,
        gauge: Counters,
        shards: list[Shard],
        engine: Callable[[list[str] | None, Reader], None],
        numbers: Sequence[int],
        read: Read,
    ) -> None:
        """Has the engine read the files of these shards, and leaves readings if that was decided.

        `engine` is told the identities of those that it is to make, if any, and a host.
        """
        make = self.maker(shards) if self.leaves else None
        identities = [shard.fingerprint for shard in shards] if make is not None else None
        try:
            read_through(
                self._work,
                "reading",
                gauge,
                shards,
                lambda host: engine(identities, host),
                numbers,
                read,
                make,
            )
        finally:
            self._note()
        if make is not None and self._work.failures:
            kept = f"{len(self.there) + make.committed:,} of {len(self._shards):,} files"
            session.say(f"dedupe: readings of {kept} are kept; the same command goes on with them")

    def maker(self, shards: list[Shard]) -> Run:
        """The step of the run that makes these readings, which are not there."""
        config = msgspec.structs.replace(self._config, shard=None, report=None)
        make = Run(
            "dedupe",
            config,
            shards,
            keep=lambda shard: False,
            copies=config.is_s3_volume,
            within=self._work,
        )
        self._makers.append(make)
        self._taken.difference_update(shard.name for shard in shards)
        return make

    def add(self, shards: Sequence[Shard]) -> None:
        """Adds the readings of these shards that were made."""
        self.there.update(readings.find(shards))
        self._note()

    def discard(self, shard: Shard, what: str) -> None:
        """Gives up a reading that is damaged, so that its file is read again; warns of it."""
        path = shard.outputs[0].path
        session.warn(self._work, f"{path}: this reading is damaged: {what}; {shard.name} is read again")
        readings.forget(shard)
        del self.there[shard.name]
        self._taken.discard(shard.name)
        self._note()

    def clear(self) -> None:
        """Removes all readings beside the attributes, stale and unfinished ones too: the run is done."""
        for root in self._roots:
            readings.clear(root)

    def _note(self) -> None:
        """Puts into the report how many readings were taken, and how many made."""
        made = sum(make.committed for make in self._makers)
        self._work.sections["readings"] = {"taken": len(self._taken), "made": made}
