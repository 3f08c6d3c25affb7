"""Tagging with taggers that are Python code.

Each shard is read once, by a thread of this process, in batches of whole lines; worker processes
parse a batch, run kernels and Python taggers over it and send back compressed rows, which are
written in order. A worker that dies takes nobody along: its batch is tried once more on its own,
and if that dies too, it is that shard's failure.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

import msgspec

from ..config import TagConfig
from ..document import Document, DocumentWithMetadata
from ..errors import DolmaError, DolmaFatalError, DolmaShardError
from ..runs import Files, Run
from ..taggers.base import BaseTagger, BaseTaggerWithMetadata
from ..taggers.plan import PlannedTagger, instantiate
from ..taggers.registry import import_modules
from . import session

__all__ = ["execute"]

#: What a worker sends back: segments by output, `(read, bad)`, bad lines, and for each tagger its
#: name, spans, documents without one, seconds.
Rows = tuple[
    list[tuple[bytes, int, int]],
    tuple[int, int],
    list[tuple[str, int, str, bytes]],
    list[tuple[str, int, int, float]],
]

Batch = tuple[bytes, str, int]


class Tagging:
    """The taggers of a run in one process."""

    def __init__(self, taggers: list[PlannedTagger], modules: list[str], allow_bad: bool) -> None:
        from .. import _core

        import_modules(modules)
        self.python = [(planned, instantiate(planned)) for planned in taggers if planned.kernel is None]
        outputs = len({planned.output for planned in taggers})
        self.engine = _core.BatchTagger(taggers, outputs, allow_bad)

    def rows(self, batch: Batch) -> Rows:
        """The compressed rows of a batch of lines."""
        # Thousands of spans that are all alive until the batch is written would have the garbage
        # collector walk over them again and again, for a tenth of the time.
        collecting = gc.isenabled()
        gc.disable()
        try:
            return self._rows(batch)
        finally:
            if collecting:
                gc.enable()

    def _rows(self, batch: Batch) -> Rows:
        lines, name, first_line = batch
        parsed = self.engine.parse(lines, name, first_line)
        plain: list[Document] = []
        rich: list[Document] = []
        for _, id_, text, source, version, metadata in parsed:
            if any(planned.with_metadata for planned, _ in self.python):
                data = msgspec.json.decode(metadata) if metadata is not None else None
                rich.append(DocumentWithMetadata(source, id_, text, version, metadata=data))
            if not all(planned.with_metadata for planned, _ in self.python):
                plain.append(Document(source, id_, text, version))
        lines_of = [document[0] for document in parsed]
        results, spent = [], []
        for planned, tagger in self.python:
            begin = time.perf_counter()
            documents = rich if planned.with_metadata else plain
            results.append(_predict(planned.name, tagger, documents, name, lines_of))
            spent.append(time.perf_counter() - begin)
        segments, counts, bad, efforts = self.engine.rows(results)
        for (planned, _), found, seconds in zip(self.python, results, spent, strict=True):
            sizes = [_count(result) for result in found]
            efforts.append((planned.name, sum(sizes), sizes.count(0), seconds))
        return segments, counts, bad, efforts


def _count(result: Any) -> int:
    return sum(map(len, result.values())) if isinstance(result, dict) else len(result.spans)


def _predict(
    name: str, tagger: BaseTagger, documents: list[Document], path: str, lines: list[int]
) -> list[Any]:
    """What a tagger found in the documents of some lines: results, or dicts of lists by type.

    Raises `DolmaShardError` naming the tagger and the document that it failed on.
    """
    predict = _predictor(name, tagger, documents, path, lines)
    results = []
    for document, line in zip(documents, lines, strict=True):
        try:
            result = predict(document)
        except Exception as error:
            raise DolmaShardError(
                f"{path}:{line}: tagger {name} failed on document {document.id!r}: {_reason(error)}"
            ) from error
        if not isinstance(result, dict) and not hasattr(result, "spans"):
            raise DolmaShardError(
                f"{path}:{line}: tagger {name} must return a DocResult for document {document.id!r}, "
                f"not {type(result).__name__}"
            )
        results.append(result)
    return results


def _predictor(
    name: str, tagger: BaseTagger, documents: list[Document], path: str, lines: list[int]
) -> Callable[[Any], Any]:
    """What gives the result of each document in turn: the least that the tagger's class allows."""
    kind = type(tagger)
    grouped = kind.group_output is not BaseTagger.group_output or bool(tagger.defaults)
    if kind.tag not in (BaseTagger.tag, BaseTaggerWithMetadata.tag):
        return tagger.tag
    if kind.predict_batch is BaseTagger.predict_batch:
        predict: Callable[[Any], Any] = tagger.predict
    else:
        results = iter(_batch(name, tagger, documents, path, lines))

        def predict(document: Any) -> Any:
            return next(results)

    return (lambda document: tagger.group_output(predict(document))) if grouped else predict


def _batch(
    name: str, tagger: BaseTagger, documents: list[Document], path: str, lines: list[int]
) -> list[Any]:
    where = f"{path}: lines {lines[0]} to {lines[-1]}" if lines else path
    try:
        results = list(tagger.predict_batch(documents))
    except Exception as error:
        raise DolmaShardError(f"{where}: tagger {name} failed: {_reason(error)}") from error
    if len(results) != len(documents):
        raise DolmaShardError(
            f"{where}: tagger {name}: predict_batch gave {len(results)} results for {len(documents)} documents"
        )
    return results


def _reason(error: Exception) -> str:
    """What a tagger raised, and where in its code."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"


_tagging: Tagging | None = None
_unmade: DolmaFatalError | None = None


def _start_worker(taggers: list[PlannedTagger], modules: list[str], allow_bad: bool, parent: int) -> None:
    global _tagging, _unmade
    # Ctrl-C is the parent's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    try:
        _tagging = Tagging(taggers, modules, allow_bad)
    except Exception as error:
        # Raised here it would look like a worker that died.
        _unmade = DolmaFatalError(f"a worker process could not start: {error}")


def _follow(parent: int) -> None:
    """Ends this process when its parent is gone, however that came about."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _work(batch: Batch) -> Rows:
    if _tagging is None:
        raise _unmade or DolmaFatalError("a worker process has no taggers")
    return _tagging.rows(batch)


class Workers:
    """Processes that tag batches."""

    def __init__(self, count: int, setup: tuple[Any, ...]) -> None:
        self.count = count
        self._setup = (*setup, os.getpid())
        self._lock = threading.Lock()
        self._pool = self._make(count)

    def _make(self, count: int) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(count, mp_context=context, initializer=_start_worker, initargs=self._setup)

    def submit(self, batch: Batch) -> Future[Rows]:
        with self._lock:
            try:
                return self._pool.submit(_work, batch)
            except BrokenProcessPool:
                self._pool = self._make(self.count)
                return self._pool.submit(_work, batch)

    def result(self, future: Future[Rows], batch: Batch) -> Rows:
        """The rows of a batch; tried once more alone when a worker died over it or beside it.

        Raises `DolmaFatalError` when it dies again.
        """
        try:
            return future.result()
        except BrokenProcessPool:
            pass
        with self._make(1) as alone:
            try:
                return alone.submit(_work, batch).result()
            except BrokenProcessPool as error:
                raise DolmaFatalError(
                    f"{batch[1]}: a worker process died while tagging the lines from {batch[2]} on "
                    "(out of memory, or a crash in native code of a tagger)"
                ) from error

    def stop(self) -> None:
        """Ends all processes at once."""
        for process in list((getattr(self._pool, "_processes", None) or {}).values()):
            process.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)


def execute(run: Run, taggers: list[PlannedTagger], config: TagConfig) -> dict[str, Any]:
    """Runs taggers, some of them in Python, over what is left of a run."""
    setup = (taggers, config.tagger_modules, config.max_bad_records > 0)
    in_process = config.debug or config.profile.enable or config.processes == 1

    def engine(gauge: Any, files: Files) -> None:
        if in_process:
            inline = _Inline(Tagging(*setup))
            with _profiled(config, gauge) as between_shards:
                for index in range(len(run.todo)):
                    _shard(run, files, gauge, index, config, inline, ahead=0)
                    between_shards()
            return
        # Made once here, so that one that cannot be made is known before any work.
        for planned in taggers:
            if planned.kernel is None:
                instantiate(planned)
        workers = Workers(config.processes, setup)
        readers = min(config.processes, len(run.todo))
        # Enough batches under way to keep every worker busy, shared out over the shards.
        ahead = max(2, 2 * config.processes // readers)
        try:
            with ThreadPoolExecutor(readers, thread_name_prefix="dolma-shard") as threads:
                for index in range(len(run.todo)):
                    threads.submit(_shard, run, files, gauge, index, config, workers, ahead=ahead)
        finally:
            workers.stop()

    return session.execute(run, engine)


class _Inline:
    """Workers for a run without processes."""

    def __init__(self, tagging: Tagging) -> None:
        self.tagging = tagging

    def submit(self, batch: Batch) -> Batch:
        return batch

    def result(self, future: Batch, batch: Batch) -> Rows:
        return self.tagging.rows(future)

    def stop(self) -> None:
        pass


def _shard(
    run: Run, files: Files, gauge: Any, index: int, config: TagConfig, workers: Any, *, ahead: int
) -> None:
    if gauge.cancelled:
        return
    try:
        done = _tag_shard(run, files, gauge, index, config, workers, ahead)
    except DolmaError as error:
        if config.debug:
            traceback.print_exception(error)
        files.failed(index, str(error))
    except Exception as error:
        files.failed(index, f"{run.todo[index].name}: {type(error).__name__}: {error}")
    else:
        if done is None:
            files.failed(index, "cancelled")
        else:
            files.done(index, *done)
    gauge.add(0, 1)


def _tag_shard(
    run: Run, files: Files, gauge: Any, index: int, config: TagConfig, workers: Any, ahead: int
) -> tuple[Any, ...] | None:
    from .. import _core

    name = run.todo[index].inputs[0].path
    (local,), outputs = files.files(index)
    reader = _core.BatchReader(local, name, gauge)
    writers = [_core.SegmentWriter(output, name) for output in outputs]
    read = bad_count = 0
    bad: list[tuple[str, int, str, bytes]] = []
    efforts: dict[str, list[float]] = {}
    waiting: deque[tuple[Any, Batch]] = deque()
    ended = False
    while True:
        while not ended and len(waiting) <= ahead:
            batch = reader.next()
            if batch is None:
                ended = True
                break
            job = (batch[0], name, batch[1])
            waiting.append((workers.submit(job), job))
        if not waiting:
            break
        rows = workers.result(*waiting.popleft())
        if gauge.cancelled:
            return None
        segments, (lines, bad_lines), bad_here, spent = rows
        for writer, segment in zip(writers, segments, strict=True):
            writer.append(*segment)
        read += lines
        bad_count += bad_lines
        bad.extend(bad_here)
        gauge.add(lines, 0)
        if bad_count > config.max_bad_records:
            path, line, error, _ = bad[0]
            raise DolmaShardError(
                f"{path}:{line}: {error} (and {bad_count - 1} more bad lines; "
                f"max_bad_records allows {config.max_bad_records})"
            )
        for tagger, *numbers in spent:
            total = efforts.setdefault(tagger, [0, 0, 0.0])
            efforts[tagger] = [a + b for a, b in zip(total, numbers, strict=True)]
    written = [writer.finish() for writer in writers]
    details = [
        (["taggers", tagger, what], value)
        for tagger, numbers in efforts.items()
        for what, value in zip(("spans", "documents_without_span", "seconds"), numbers, strict=True)
    ]
    return (read, read - bad_count, 0, bad_count), written, bad, details


@contextmanager
def _profiled(config: TagConfig, gauge: Any) -> Iterator[Callable[[], None]]:
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
            profile.dump_stats(config.profile.output)
        else:
            pstats.Stats(profile).sort_stats(config.profile.sort_key).print_stats(config.profile.lines)
