"""The taggers of a run in one process: batches of lines in, compressed rows out.

Kernels run in the engine, taggers in Python here, document by document or in batches. What a tagger
fails on becomes a reason in place of a result; the engine applies the policy of the run to it, as it
does to kernels that fail and to results that make no sense.
"""

from __future__ import annotations

import gc
import signal
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import msgspec

from .. import assets
from ..document import Document, DocumentWithMetadata
from ..errors import DolmaShardError
from ..messages import message_of
from .base import BaseTagger, BaseTaggerWithMetadata
from .plan import PlannedTagger, instantiate
from .registry import import_modules

__all__ = ["LAPSES_KEPT", "WHOLE_BATCH", "Job", "Setup", "Tagged", "Tagging"]

#: Line, id, text, source, version and metadata (JSON) of a document.
Parsed = tuple[int, str, str, str, str | None, bytes | None]

#: Failures of a shard that are written down one by one; all are counted.
LAPSES_KEPT = 10_000

#: Stands for all documents of a batch where one is expected.
WHOLE_BATCH = -1


class Setup(NamedTuple):
    """What a process needs to know to tag batches."""

    taggers: list[PlannedTagger]
    modules: list[str]
    allow_bad: bool
    #: `fail`, `skip` or `null`.
    on_error: str
    #: Seconds that a tagger may take for a document; None for any time.
    timeout: float | None
    fetch_assets: bool
    assets_lock: str | None


class Job(NamedTuple):
    """A batch of lines, and what is known of it."""

    lines: bytes
    name: str
    first_line: int
    #: Tells it from the other batches of a run.
    serial: int
    #: `(tagger, document)` that took a process along, by their places, with the reason to give.
    condemned: dict[tuple[int, int], str]
    #: Taggers that took a process along with the batch as a whole.
    singly: frozenset[int]


class Tagged(NamedTuple):
    """What a batch came to."""

    #: Compressed rows by output: bytes, CRC-32, length.
    segments: list[tuple[bytes, int, int]]
    #: Lines, and bad ones among them.
    counts: tuple[int, int]
    bad: list[tuple[str, int, str, bytes]]
    #: File, line, id, tagger, reason.
    lapses: list[tuple[str, int, str, str, str]]
    details: list[tuple[list[str], float]]
    #: For the run's `TaggerTally`.
    account: bytes
    seconds: float


class Board(Protocol):
    """Where a process says what it is at, for those who may have to end it."""

    def begin(self, serial: int, tagger: int, document: int, budget: float | None) -> None: ...
    def end(self) -> None: ...


class Reason(str):
    """Why there is no result: stands in its place."""


class TookTooLong(BaseException):
    """Raised in the midst of a tagger by an alarm; `except Exception` there does not stop it."""


class Watch:
    """Runs calls under an alarm, and notes on the board what is going on."""

    def __init__(self, timeout: float | None, board: Board | None) -> None:
        self.timeout = timeout
        self.board = board
        self._armed = False
        if timeout is not None:
            signal.signal(signal.SIGALRM, self._ring)

    def _ring(self, signum: int, frame: object) -> None:
        # A bell that rings when the call is over is heard by nobody.
        if self._armed:
            self._armed = False
            raise TookTooLong

    def call(
        self, run: Callable[[Any], Any], argument: Any, serial: int, tagger: int, document: int, count: int
    ) -> Any:
        """What `run` makes of its argument, which is `count` documents.

        Raises what it raises, `TookTooLong` when that many take longer than they may.
        """
        budget = None if self.timeout is None else self.timeout * max(1, count)
        if self.board is not None:
            self.board.begin(serial, tagger, document, budget)
        try:
            if budget is None:
                return run(argument)
            self._armed = True
            signal.setitimer(signal.ITIMER_REAL, budget)
            try:
                return run(argument)
            finally:
                self._armed = False
                signal.setitimer(signal.ITIMER_REAL, 0)
        finally:
            if self.board is not None:
                self.board.end()


class Tagging:
    """The taggers of a run in one process."""

    def __init__(self, setup: Setup, board: Board | None = None) -> None:
        from .. import _core

        import_modules(setup.modules)
        with assets.policy(fetch=setup.fetch_assets, lock=setup.assets_lock):
            self.python = [
                (planned, instantiate(planned)) for planned in setup.taggers if planned.kernel is None
            ]
        outputs = len({planned.output for planned in setup.taggers})
        self.engine = _core.BatchTagger(setup.taggers, outputs, setup.allow_bad, setup.on_error)
        self.fails = setup.on_error == "fail"
        # The alarm is a signal, which Python gives to the main thread.
        alarming = threading.current_thread() is threading.main_thread()
        self.watch = Watch(setup.timeout if alarming else None, board)

    def rows(self, job: Job) -> Tagged:
        """The compressed rows of a batch of lines."""
        # Thousands of spans that are all alive until the batch is written would have the garbage
        # collector walk over them again and again, for a tenth of the time.
        collecting = gc.isenabled()
        gc.disable()
        try:
            return self._rows(job)
        finally:
            if collecting:
                gc.enable()

    def _rows(self, job: Job) -> Tagged:
        begin = time.perf_counter()
        parsed = self.engine.parse(job.lines, job.name, job.first_line)
        places = [f"{job.name}:{document[0]}" for document in parsed] if self.fails else []
        results, spent = [], []
        for number, (planned, tagger) in enumerate(self.python):
            start = time.perf_counter()
            column = Column(self, job, number, planned, tagger, parsed, places)
            results.append(column.results())
            spent.append(time.perf_counter() - start)
        rows = self.engine.rows(results, spent)
        return Tagged(*rows, time.perf_counter() - begin)


def _documents(parsed: list[Parsed], with_metadata: bool) -> list[Document]:
    """The documents of a batch, made anew: what a tagger changes in its own is seen by no other."""
    if not with_metadata:
        return [Document(source, id_, text, version) for _, id_, text, source, version, _ in parsed]
    return [
        DocumentWithMetadata(
            source,
            id_,
            text,
            version,
            metadata=None if metadata is None else msgspec.json.decode(metadata),
        )
        for _, id_, text, source, version, metadata in parsed
    ]


def _same(result: Any) -> Any:
    return result


class Column:
    """One tagger in Python over the documents of a batch."""

    def __init__(
        self,
        tagging: Tagging,
        job: Job,
        number: int,
        planned: PlannedTagger,
        tagger: BaseTagger,
        parsed: list[Parsed],
        places: list[str],
    ) -> None:
        self.watch, self.fails = tagging.watch, tagging.fails
        self.job, self.number, self.planned, self.tagger = job, number, planned, tagger
        self.parsed, self.places = parsed, places
        self.documents = _documents(parsed, planned.with_metadata)

    def results(self) -> list[Any]:
        """A result for each document: one with spans, a dict of lists by type, or the reason for none.

        Raises `DolmaShardError` for the first failure where failures are not survived.
        """
        kind = type(self.tagger)
        group = kind.group_output is not BaseTagger.group_output or bool(self.tagger.defaults)
        if kind.tag not in (BaseTagger.tag, BaseTaggerWithMetadata.tag):
            return self._each(self.tagger.tag)
        if kind.predict_batch is BaseTagger.predict_batch:
            return self._each(self._grouped if group else self.tagger.predict)
        results = self._together()
        return self._each(self._group if group else _same, results)

    def _grouped(self, document: Any) -> Any:
        return self.tagger.group_output(self.tagger.predict(document))

    def _group(self, result: Any) -> Any:
        return result if isinstance(result, Reason) else self.tagger.group_output(result)

    def _each(self, predict: Callable[[Any], Any], given: list[Any] | None = None) -> list[Any]:
        """What `predict` makes of each document, or of what is `given` for each."""
        condemned, watch, serial = self.job.condemned, self.watch, self.job.serial
        watched = watch.board is not None or watch.timeout is not None
        results = []
        for index, document in enumerate(self.documents if given is None else given):
            try:
                if (self.number, index) in condemned:
                    result: Any = self._failed(index, condemned[self.number, index])
                elif watched:
                    result = watch.call(predict, document, serial, self.number, index, 1)
                else:
                    result = predict(document)
                if not isinstance(result, (dict, Reason)) and not hasattr(result, "spans"):
                    result = self._failed(index, f"must return a DocResult, not {type(result).__name__}")
            except BaseException as error:
                if isinstance(error, DolmaShardError) or self._interrupted(error):
                    raise
                result = self._failed(index, self._reason(error), error)
            results.append(result)
        return results

    def _together(self) -> list[Any]:
        """What `predict_batch` gives; one document at a time where it fails on all at once."""
        first, last = (self.places[0], self.places[-1]) if self.places else ("", "")
        trouble, cause = "", None
        if self.number not in self.job.singly:
            try:
                results = self._batch()
                trouble = self._mixed_up(results)
                if not trouble:
                    return results
            except BaseException as error:
                if self._interrupted(error):
                    raise
                trouble, cause = self._reason(error), error
            # The call may have changed them before it failed.
            self.documents = _documents(self.parsed, self.planned.with_metadata)
        alone = self._each(self._one)
        if trouble and self.fails:
            where = f"{first} to {last.rpartition(':')[2]}"
            raise DolmaShardError(
                f"{where}: tagger {self.planned.name} failed, but on none of the documents alone: {trouble}"
            ) from cause
        return alone

    def _mixed_up(self, results: list[Any]) -> str:
        """What is wrong with results that are not one for each document, in order."""
        if len(results) != len(self.documents):
            return f"predict_batch gave {len(results)} results for {len(self.documents)} documents"
        for (_, id_, *_), result in zip(self.parsed, results, strict=True):
            found = getattr(getattr(result, "doc", None), "id", id_)
            if found != id_:
                return f"predict_batch gave the result of document {found!r} in the place of {id_!r}"
        return ""

    def _one(self, document: Document) -> Any:
        # Already under the watch of `_each`.
        results = list(self.tagger.predict_batch([document]))
        if len(results) != 1:
            raise ValueError(f"predict_batch gave {len(results)} results for 1 document")
        return results[0]

    def _batch(self) -> list[Any]:
        predict, count = self.tagger.predict_batch, len(self.documents)
        return list(
            self.watch.call(predict, self.documents, self.job.serial, self.number, WHOLE_BATCH, count)
        )

    def _interrupted(self, error: BaseException) -> bool:
        """Whether the user stops this process; elsewhere signals go to the parent or the main thread."""
        here = self.watch.board is None and threading.current_thread() is threading.main_thread()
        return here and isinstance(error, KeyboardInterrupt)

    def _reason(self, error: BaseException) -> str:
        """What a tagger raised, and where in its code."""
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
        place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
        if isinstance(error, TookTooLong):
            return f"took longer than {self.watch.timeout:g} s (tagger_timeout){place}"
        message = message_of(error)
        return f"{type(error).__name__}{message and f': {message}'}{place}"

    def _failed(self, index: int, reason: str, cause: BaseException | None = None) -> Reason:
        """`reason`, where failures are survived; raises `DolmaShardError` with the place elsewhere."""
        if not self.fails:
            return Reason(reason)
        raise DolmaShardError(
            f"{self.places[index]}: tagger {self.planned.name} failed on document {self.parsed[index][1]!r}: {reason}"
        ) from cause
