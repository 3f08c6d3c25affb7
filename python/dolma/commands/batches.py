"""Tagging with taggers that are Python code.

Each shard is read once, by a thread of this process, in batches of whole lines; worker processes
parse a batch, run kernels and Python taggers over it and send back compressed rows, which are
written in order.
"""

from __future__ import annotations

import itertools
import os
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..config.tag import TagConfig
from ..errors import DolmaError, DolmaShardError
from ..files import Files
from ..runs import Run
from ..taggers.apply import LAPSES_KEPT, Job, Setup, Tagged, Tagging
from ..taggers.plan import PlannedTagger
from . import session, tallies
from .workers import Inline, Workers

if TYPE_CHECKING:
    from .. import _core

__all__ = ["execute"]


def execute(
    run: Run, taggers: list[PlannedTagger], config: TagConfig, *, called: bool = False
) -> dict[str, Any]:
    """Runs taggers, some of them in Python, over what is left of a run.

    They run in processes of their own; in this one where they are to be looked at, and where a program
    `called` that asks for no more than one.
    """
    setup = Setup(
        taggers=taggers,
        modules=config.tagger_modules,
        allow_bad=config.max_bad_records > 0,
        on_error=config.on_tagger_error,
        timeout=config.tagger_timeout,
        fetch_assets=config.fetch_assets,
        assets_lock=config.assets_lock,
    )
    # Processes of their own run a program that calls once more, up to where it would call.
    here = called and config.processes == 1 and config.tagger_timeout is None
    in_process = config.debug or config.profile.enable or here

    def engine(gauge: Any, files: Files, tally: _core.TaggerTally) -> None:
        shards = Shards(run, files, gauge, tally, config)
        if in_process:
            inline = Inline(Tagging(setup))
            with _profiled(run, config, gauge) as between_shards:
                for index in range(len(run.todo)):
                    shards.tag(index, inline, ahead=0)
                    between_shards()
            return
        workers = Workers(config.processes, setup, lambda: bool(gauge.cancelled))
        readers = min(config.processes, len(run.todo))
        # Enough batches under way to keep every worker busy, shared out over the shards.
        ahead = max(2, 2 * config.processes // readers)
        try:
            workers.start(readers)
            with ThreadPoolExecutor(readers, thread_name_prefix="dolma-shard") as threads:
                for index in range(len(run.todo)):
                    threads.submit(shards.tag, index, workers, ahead=ahead)
        finally:
            workers.stop()

    return tallies.execute(run, taggers, config, engine)


def _let_go(error: BaseException | None) -> None:
    """Empties the frames that an exception and its causes hold: the engine's objects in them are to be
    dropped by the thread that made them."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


class Shards:
    """What the shards of a run have in common while they are tagged."""

    def __init__(
        self, run: Run, files: Files, gauge: Any, tally: _core.TaggerTally, config: TagConfig
    ) -> None:
        self.run, self.files, self.gauge, self.tally, self.config = run, files, gauge, tally, config
        self._serials = itertools.count(1)

    def tag(self, index: int, workers: Any, *, ahead: int) -> None:
        """Tags a shard with no more than `ahead` batches waiting, and tells what became of it."""
        if self.gauge.cancelled:
            return
        name = self.run.todo[index].inputs[0].path
        try:
            done = self._tag(index, name, workers, ahead)
        except DolmaError as error:
            if self.config.debug:
                traceback.print_exception(error)
            _let_go(error)
            self.files.failed(index, str(error))
        except Exception as error:
            _let_go(error)
            self.files.failed(index, f"{name}: {type(error).__name__}: {error}")
        else:
            if done is None:
                self.files.failed(index, "cancelled")
            else:
                self.files.done(index, *done)
        self.gauge.add(0, 1)

    def _tag(self, index: int, name: str, workers: Any, ahead: int) -> tuple[Any, ...] | None:
        from .. import _core

        (local,), outputs = self.files.files(index)
        reader = _core.BatchReader(local, name, self.gauge)
        writers = [_core.SegmentWriter(output, name) for output in outputs]
        sums = Sums(self.config.max_bad_records)
        for tagged in self._batches(reader, name, workers, ahead):
            begin = time.perf_counter()
            if self.gauge.cancelled:
                return None
            for writer, segment in zip(writers, tagged.segments, strict=True):
                writer.append(*segment)
            self.gauge.add(tagged.counts[0], 0)
            sums.add(tagged)
            self.tally.absorb(index, tagged.account, tagged.seconds + time.perf_counter() - begin)
        written = [writer.finish() for writer in writers]
        details = [(list(path), value) for path, value in sums.details.items()]
        counts = (sums.read, sums.read - len(sums.bad), 0, len(sums.bad))
        return counts, written, sums.bad, details, None, sums.lapses

    def _batches(self, reader: Any, name: str, workers: Any, ahead: int) -> Iterator[Tagged]:
        """The batches of a file, tagged, in order."""
        waiting: deque[tuple[Any, Job]] = deque()
        ended = False
        while True:
            while not ended and len(waiting) <= ahead:
                batch = reader.next()
                if batch is None:
                    ended = True
                    break
                job = Job(batch[0], name, batch[1], next(self._serials), {}, frozenset())
                waiting.append((workers.submit(job), job))
            if not waiting:
                return
            yield workers.result(*waiting.popleft())


class Sums:
    """What the batches of a shard add up to."""

    def __init__(self, max_bad: int) -> None:
        self.max_bad = max_bad
        self.read = 0
        self.bad: list[tuple[str, int, str, bytes]] = []
        self.lapses: list[tuple[str, int, str, str, str]] = []
        self.details: dict[tuple[str, ...], float] = {}

    def add(self, tagged: Tagged) -> None:
        """Adds a batch.

        Raises `DolmaShardError` for more bad lines than the whole run may have.
        """
        self.read += tagged.counts[0]
        self.bad += tagged.bad
        self.lapses += tagged.lapses[: max(0, LAPSES_KEPT - len(self.lapses))]
        for path, value in tagged.details:
            key = tuple(path)
            self.details[key] = self.details.get(key, 0) + value
        if len(self.bad) > self.max_bad:
            first = self.bad[0]
            raise DolmaShardError(
                f"{first[0]}:{first[1]}: {first[2]} (and {len(self.bad) - 1} more bad lines; "
                f"max_bad_records allows {self.max_bad})"
            )


@contextmanager
def _profiled(run: Run, config: TagConfig, gauge: Any) -> Iterator[Callable[[], None]]:
    """Profiles this thread where the recipe asks for it; yields what stops it after enough."""
    if not config.profile.enable:
        yield lambda: None
        return
    import cProfile
    import pstats

    profile = cProfile.Profile()

    def stop_after_enough() -> None:
        if config.profile.steps is not None and gauge.documents >= config.profile.steps:
            profile.disable()

    profile.enable()
    try:
        yield stop_after_enough
    finally:
        profile.disable()
        if config.profile.output is not None:
            place = os.path.abspath(config.profile.output)
            try:
                os.makedirs(os.path.dirname(place), exist_ok=True)
                profile.dump_stats(place)
            except OSError as error:
                session.warn(run, f"profile.output: {place} was not written: {error}")
        else:
            pstats.Stats(profile).sort_stats(config.profile.sort_key).print_stats(config.profile.lines)
