"""A run: plan, execute, commit, report.

A command turns its config into a list of `Shard`s, each with inputs and outputs. `Run` drops those
that are done, stages remote inputs ahead of the work, publishes outputs after their counts were
checked, records each one beside the data, and writes the report. What is done is read from the
records, never guessed from existence: a record holds the fingerprint of the inputs, the config and
the version, and the size and checksum of the output.
"""

from __future__ import annotations

import glob
import hashlib
import os
import platform
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from typing import Any, Protocol

import msgspec

from . import paths, storage
from .config import RunConfig
from .errors import DolmaConfigError, DolmaError, DolmaShardError
from .paths import Place
from .storage import File
from .version import __version__

__all__ = ["Counts", "Outcome", "Output", "Run", "Shard", "fingerprint", "parse_part"]

#: Shards whose inputs are fetched ahead of the one that is worked on.
STAGE_AHEAD = 4


class Output(msgspec.Struct, frozen=True):
    """A file that a shard writes."""

    place: Place

    @property
    def path(self) -> str:
        return self.place.path

    @property
    def record(self) -> str:
        return paths.hidden(self.place, "done")


class Shard(msgspec.Struct, frozen=True):
    """A unit of work: these inputs make these outputs, wherever it runs."""

    inputs: tuple[File, ...]
    outputs: tuple[Output, ...]
    fingerprint: str
    #: What messages and the report call it.
    name: str
    #: For each output, the attributes that its rows may have.
    attributes: tuple[tuple[str, ...], ...] = ()


class Counts(msgspec.Struct, kw_only=True):
    """What went in and what became of it; `read = written + dropped + bad`."""

    read: int = 0
    written: int = 0
    dropped: int = 0
    bad: int = 0

    def add(self, other: Counts) -> None:
        self.read += other.read
        self.written += other.written
        self.dropped += other.dropped
        self.bad += other.bad

    def balanced(self) -> bool:
        return self.read == self.written + self.dropped + self.bad


class Written(msgspec.Struct):
    """A finished local file: its bytes and their xxh3-128, in hexadecimal."""

    size: int
    checksum: str


class BadRecord(msgspec.Struct):
    """A line that was put aside instead of being processed."""

    path: str
    line: int
    error: str
    raw: str


class Lapse(msgspec.Struct):
    """A document that a tagger failed on, where that was survived."""

    path: str
    line: int
    id: str
    tagger: str
    error: str


class Outcome(msgspec.Struct, kw_only=True):
    """What the engine says of a finished shard."""

    counts: Counts
    written: list[Written]
    bad_records: list[BadRecord] = []
    #: Further numbers of the command (documents by rule, spans by tagger …), added up by key.
    details: dict[str, Any] = {}
    #: Seconds by what they were spent on; of the run, not of the result.
    timings: dict[str, Any] = {}
    #: XXH3-128 of the first input's bytes.
    content_hash: str | None = None
    #: The first failures of taggers; `details` counts them all.
    lapses: list[Lapse] = []


class Record(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What stands beside a published output."""

    fingerprint: str
    version: str
    inputs: list[dict[str, Any]]
    size: int
    checksum: str
    counts: Counts
    bad_records: int = 0
    #: Failures of taggers that are written down beside the output.
    lapses: int = 0
    #: The attributes that rows of this file may have, where it is an attribute file.
    attributes: list[str] = []
    details: dict[str, Any] = {}


class Failure(msgspec.Struct):
    """A shard that was not finished, and why."""

    shard: str
    error: str


class Gauge(Protocol):
    """What stops the engine."""

    def cancel(self) -> None: ...


def fingerprint(command: str, config: Any, inputs: Sequence[File]) -> str:
    """The identity of a shard's result: same fingerprint, same bytes."""
    described = {
        "command": command,
        "version": __version__,
        "config": config,
        "inputs": [(file.path, file.size, file.tag) for file in inputs],
    }
    return hashlib.sha256(msgspec.json.encode(described, order="deterministic")).hexdigest()


def parse_part(part: str | None) -> tuple[int, int]:
    """`"2/8"` as `(2, 8)`; `(0, 1)` for None.

    Raises `DolmaConfigError` when the index is not below the number of parts.
    """
    if part is None:
        return 0, 1
    index, _, total = part.partition("/")
    if int(index) >= int(total):
        raise DolmaConfigError(
            f"shard: {part} names part {index} of {total}; parts count from 0 to {int(total) - 1}"
        )
    return int(index), int(total)


class Run:
    """One command at work on its shards; see the module's docstring."""

    def __init__(
        self,
        command: str,
        config: RunConfig,
        shards: list[Shard],
        *,
        keep: Callable[[Shard], bool] = lambda shard: True,
        fits: Callable[[Record], bool] = lambda record: True,
        copies: bool = False,
    ) -> None:
        """`keep` says of a shard whose record fits whether it may be taken for done, `fits` of a
        record of the same inputs and config; with `copies` outputs are copied to their place because
        they cannot be renamed there."""
        self.copies = copies
        self._fits = fits
        self.command = command
        self.config = config
        self.shards = shards
        self.todo: list[Shard] = []
        self.skipped: list[Record] = []
        self.failures: list[Failure] = []
        self.counts = Counts()
        self.details: dict[str, Any] = {}
        self.bad_records = 0
        self.bad_files: list[str] = []
        self.error_files: list[str] = []
        #: What a command adds to the report.
        self.sections: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.timings: dict[str, Any] = {}
        #: By input path, of the shards that this run finished.
        self.content_hashes: dict[str, str] = {}
        self.interrupted = False
        #: Where the report of this run is, once it is written.
        self.report_path: str | None = None
        self._lock = threading.Lock()
        self._started = time.time()
        self._check_outputs()
        index, total = parse_part(config.shard)
        self.mine = [shard for number, shard in enumerate(shards) if number % total == index]
        for shard in self.mine:
            records = self._done(shard) if keep(shard) and not config.force else None
            if records is None:
                self.todo.append(shard)
            else:
                self._take(records[0])
                self.skipped.append(records[0])
                if records[0].bad_records:
                    self.bad_files += [_quarantine(output.place) for output in shard.outputs]
                if records[0].lapses:
                    self.error_files += [_errors(output.place) for output in shard.outputs]

    def _check_outputs(self) -> None:
        owners: dict[str, Shard] = {}
        for shard in self.shards:
            for output in shard.outputs:
                other = owners.setdefault(output.path, shard)
                if other is not shard:
                    makers = [
                        one.name if one.name != output.path else one.inputs[0].path for one in (other, shard)
                    ]
                    raise DolmaConfigError(
                        f"{makers[0]} and {makers[1]} would both be written to {output.path}; "
                        "give them different names or destinations"
                    )

    def _done(self, shard: Shard) -> list[Record] | None:
        records = []
        for output in shard.outputs:
            record = read_record(output.record)
            if record is None or record.fingerprint != shard.fingerprint or not self._fits(record):
                return None
            published = storage.stat(output.path)
            if published is None or published.size != record.size:
                return None
            records.append(record)
        return records or None

    def _take(self, record: Record) -> None:
        self.counts.add(record.counts)
        self.bad_records += record.counts.bad
        add_up(self.details, record.details)

    @property
    def input_bytes(self) -> int:
        """Compressed size of all that is still to be read."""
        return sum(file.size for shard in self.todo for file in shard.inputs)

    @contextmanager
    def files(self) -> Iterator[Files]:
        """The files of this run while the engine works: staged, committed, cleaned up after."""
        with tempfile.TemporaryDirectory(prefix="dolma-") as scratch:
            files = Files(self, scratch)
            try:
                yield files
            finally:
                files.close()

    def execute(self, gauge: Gauge, work: Callable[[], None], show: Callable[[], None]) -> None:
        """Runs `work` in a thread and calls `show` until it ends; Ctrl-C cancels the gauge."""
        failure: list[BaseException] = []

        def target() -> None:
            try:
                work()
            except BaseException as error:
                failure.append(error)

        thread = threading.Thread(target=target, name="dolma-work", daemon=True)
        previous = None
        if threading.current_thread() is threading.main_thread():

            def stop(signum: int, frame: object) -> None:
                self.interrupted = True
                gauge.cancel()

            previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        begin = time.perf_counter()
        try:
            thread.start()
            wait = 0.005
            while thread.is_alive():
                thread.join(wait)
                wait = min(0.2, wait * 2)
                if thread.is_alive():
                    show()
        finally:
            for number, handler in (previous or {}).items():
                signal.signal(number, handler)
        self.timings["work_seconds"] = round(time.perf_counter() - begin, 3)
        if failure and not self.interrupted:
            raise failure[0]

    def fail(self, shard: Shard, error: BaseException | str) -> None:
        with self._lock:
            self.failures.append(Failure(shard.name, str(error)))

    def commit(self, shard: Shard, temporary: Sequence[str], outcome: Outcome) -> None:
        """Publishes a shard's files and records them; the last thing that can fail.

        Raises `DolmaShardError` when the counts do not add up.
        """
        counts = outcome.counts
        if not counts.balanced():
            raise DolmaShardError(
                f"{shard.name}: {counts.read} documents were read, but {counts.written} written + {counts.dropped} "
                f"dropped + {counts.bad} bad do not add up; the output was not published"
            )
        record = Record(
            fingerprint=shard.fingerprint,
            version=__version__,
            inputs=[{"path": file.path, "size": file.size, "tag": file.tag} for file in shard.inputs],
            size=0,
            checksum="",
            counts=counts,
            bad_records=len(outcome.bad_records),
            lapses=len(outcome.lapses),
            details=outcome.details,
        )
        promised = shard.attributes or ((),) * len(shard.outputs)
        for output, path, written, names in zip(
            shard.outputs, temporary, outcome.written, promised, strict=True
        ):
            self._put_aside(_quarantine(output.place), outcome.bad_records, self.bad_files)
            self._put_aside(_errors(output.place), outcome.lapses, self.error_files)
            # Until the new record stands, an old one would vouch for any file of the same size.
            storage.delete(output.record)
            self._publish(path, output.path)
            record = msgspec.structs.replace(
                record, size=written.size, checksum=written.checksum, attributes=list(names)
            )
            self._write(output.record, msgspec.json.encode(record) + b"\n")
        with self._lock:
            self._take(record)
            add_up(self.timings, outcome.timings)
            if outcome.content_hash is not None:
                self.content_hashes[shard.inputs[0].path] = outcome.content_hash

    def _publish(self, local: str, destination: str) -> None:
        if self.copies:
            # A mounted object store cannot rename; closing the file is what commits it there.
            storage.copy(local, destination)
            os.unlink(local)
        else:
            storage.publish(local, destination)

    def _write(self, path: str, data: bytes) -> None:
        # A record that a power failure takes is a shard that is done again, so nobody waits for it.
        if self.copies:
            storage.overwrite(path, data)
        else:
            storage.write_bytes(path, data, durable=False)

    def _put_aside(self, path: str, records: Sequence[msgspec.Struct], files: list[str]) -> None:
        """Writes what went wrong in a shard, and adds the file to `files`."""
        if records:
            self._write(path, b"".join(msgspec.json.encode(record) + b"\n" for record in records))
            with self._lock:
                files.append(path)
        elif storage.stat(path) is not None:
            # Of an earlier run over what is mended now.
            storage.delete(path)

    def finish(self) -> dict[str, Any]:
        """Writes the report and returns it.

        Raises `DolmaShardError` when shards failed or more lines were bad than allowed; the
        report is written before that.
        """
        report = self.report()
        unwritten = self._write_report(report)
        if self.interrupted:
            raise KeyboardInterrupt
        problem = self.problem()
        if problem is not None:
            # A full disk fails shards and takes no report either: the shards come first.
            raise DolmaShardError(problem if unwritten is None else f"{problem}\n  {unwritten}")
        if unwritten is not None:
            raise unwritten
        return report

    def _write_report(self, report: dict[str, Any]) -> DolmaError | None:
        data = msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
        # One process may make several runs within a second.
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(self._started)) + f"{self._started % 1:.6f}Z"[1:]
        # The output's own copy; none where nothing could be planned.
        targets = [self.config.report] if self.config.report else []
        if self.mine and self.mine[0].outputs:
            root = self.mine[0].outputs[0].place.root
            targets.append(f"{root}/{paths.HIDDEN}/runs/{stamp}-{self.command}-{os.getpid()}.json")
        unwritten = None
        for target in targets:
            try:
                self._write(target, data)
                self.report_path = target
            except DolmaError as error:
                unwritten = error
        return unwritten

    def problem(self) -> str | None:
        """What keeps this run from being a success; None for nothing."""
        if self.failures:
            return self._failure_message()
        if self.bad_records > self.config.max_bad_records:
            return (
                f"{self.bad_records} bad lines in all, more than max_bad_records={self.config.max_bad_records}; "
                f"they are in {', '.join(self.bad_files) or 'the quarantine files'}"
            )
        return None

    def _failure_message(self) -> str:
        first = "\n".join(f"  {failure.error}" for failure in self.failures[:20])
        more = f"\n  … and {len(self.failures) - 20} more (see the report)" if len(self.failures) > 20 else ""
        return (
            f"{len(self.failures)} of {len(self.mine)} shards failed; the others are done and will be "
            f"skipped when the command runs again:\n{first}{more}"
        )

    def report(self) -> dict[str, Any]:
        """The machine-readable account of the run."""
        return {
            "command": self.command,
            "version": __version__,
            "python": platform.python_version(),
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._started)),
            "seconds": round(time.time() - self._started, 3),
            "status": "interrupted" if self.interrupted else "failed" if self.problem() else "done",
            "config": msgspec.to_builtins(self.config),
            "counts": msgspec.to_builtins(self.counts),
            "bad_records": self.bad_records,
            "bad_files": sorted(self.bad_files),
            "error_files": sorted(self.error_files),
            "details": self.details,
            "shards": {
                "planned": len(self.mine),
                "skipped": len(self.skipped),
                "failed": len(self.failures),
                "outputs": [output.path for shard in self.mine for output in shard.outputs],
            },
            "inputs": [
                {"path": file.path, "size": file.size, "tag": file.tag}
                for shard in self.mine
                for file in shard.inputs
            ],
            "failures": msgspec.to_builtins(self.failures),
            "warnings": self.warnings,
            "timings": self.timings,
            **self.sections,
        }


def _quarantine(place: Place) -> str:
    """Where the bad lines of an output are put aside."""
    return paths.hidden(place, "bad", ".jsonl")


def _errors(place: Place) -> str:
    """Where the failures of taggers on an output's documents are written down."""
    return paths.hidden(place, "errors", ".jsonl")


def read_record(path: str) -> Record | None:
    """The record at `path`; None where there is none or it is damaged.

    Raises `DolmaError` when it cannot be told, for a missing bucket too: before any work.
    """
    data = storage.find_bytes(path)
    try:
        return msgspec.json.decode(data, type=Record) if data is not None else None
    except msgspec.DecodeError:
        return None


def add_up(total: dict[str, Any], part: dict[str, Any]) -> None:
    """Adds the numbers of `part` to those of `total`, key by key, nested ones too."""
    for key, value in part.items():
        if isinstance(value, dict):
            add_up(total.setdefault(key, {}), value)
        elif isinstance(value, (int, float)):
            total[key] = total.get(key, 0) + value
        else:
            total[key] = value


class Files:
    """The local side of a run's files: what the engine opens and what becomes of it."""

    def __init__(self, run: Run, scratch: str, shards: list[Shard] | None = None) -> None:
        """The files of `shards`, by default those that the run has to do."""
        self.run = run
        self.shards = run.todo if shards is None else shards
        self.input_dir = run.config.work_dir.input or os.path.join(scratch, "input")
        self.output_dir = run.config.work_dir.output or os.path.join(scratch, "output")
        self._remote = any(storage.is_remote(file.path) for shard in self.shards for file in shard.inputs)
        self._staging: dict[int, list[Future[str]]] = {}
        self._pool = ThreadPoolExecutor(STAGE_AHEAD, thread_name_prefix="dolma-transfer")
        self._publishing: list[Future[None]] = []
        self._lock = threading.Lock()

    def temporary(self, index: int) -> list[str]:
        """Where the outputs of a shard are written before they are published."""
        shard = self.shards[index]
        if self.run.copies:
            folder = os.path.join(self.output_dir, hashlib.sha256(shard.name.encode()).hexdigest()[:16])
            return [
                os.path.join(folder, f"{n}-{os.path.basename(o.path)}") for n, o in enumerate(shard.outputs)
            ]
        return [storage.temporary(output.path, self.output_dir) for output in shard.outputs]

    def files(self, index: int) -> tuple[list[str], list[str]]:
        """Local inputs and outputs of a shard (the engine asks)."""
        return self.stage(index), self.temporary(index)

    def stage(self, index: int) -> list[str]:
        """Local paths of a shard's inputs; remote ones are fetched, with the next few ahead."""
        shard = self.shards[index]
        if not self._remote:
            return [file.path for file in shard.inputs]
        with self._lock:
            for ahead in range(index, min(index + STAGE_AHEAD, len(self.shards))):
                if ahead not in self._staging:
                    self._staging[ahead] = [
                        self._pool.submit(storage.stage, file, self.input_dir)
                        for file in self.shards[ahead].inputs
                    ]
            futures = self._staging[index]
        return [self._staged(future) for future in futures]

    def _staged(self, future: Future[str]) -> str:
        """The result of a download, unless the run is stopped before it is there."""
        while True:
            try:
                return future.result(timeout=0.2)
            except FutureTimeout:
                if future.done():
                    raise
                if self.run.interrupted:
                    raise DolmaShardError("stopped while an input was being fetched") from None

    def done(
        self,
        index: int,
        counts: tuple[int, int, int, int],
        written: list[tuple[int, str]],
        bad: list[tuple[str, int, str, bytes]],
        details: list[tuple[list[str], float]],
        content_hash: str | None = None,
        lapses: Sequence[tuple[str, int, str, str, str]] = (),
    ) -> None:
        """Publishes a finished shard, remote ones in the background (the engine tells)."""
        shard = self.shards[index]
        outcome = Outcome(
            counts=Counts(**dict(zip(("read", "written", "dropped", "bad"), counts, strict=True))),
            written=[Written(size, checksum) for size, checksum in written],
            bad_records=[
                BadRecord(path, line, error, raw.decode("utf-8", "backslashreplace"))
                for path, line, error, raw in bad
            ],
            content_hash=content_hash,
            lapses=[Lapse(*lapse) for lapse in lapses],
        )
        for path, value in details:
            nested = outcome.timings if path[-1] == "seconds" else outcome.details
            for key in path[:-1]:
                nested = nested.setdefault(key, {})
            nested[path[-1]] = value if path[-1] == "seconds" else int(value)
        temporary = self.temporary(index)
        if any(storage.is_remote(output.path) for output in shard.outputs):
            with self._lock:
                self._publishing.append(self._pool.submit(self._commit, index, shard, temporary, outcome))
        else:
            self._commit(index, shard, temporary, outcome)

    def _commit(self, index: int, shard: Shard, temporary: list[str], outcome: Outcome) -> None:
        try:
            self.run.commit(shard, temporary, outcome)
        except Exception as error:
            self.run.fail(shard, error)
        finally:
            self._clean(index, temporary)

    def failed(self, index: int, error: str) -> None:
        """Notes a failure and removes what was half written."""
        self.run.fail(self.shards[index], error)
        self._clean(index, self.temporary(index))

    def _clean(self, index: int, temporary: list[str]) -> None:
        for path in temporary:
            # The parts of an output that is put together from several inputs stand beside it.
            for leftover in (path, *glob.glob(f"{glob.escape(path)}.part*")):
                if os.path.exists(leftover):
                    os.unlink(leftover)
        self.release(index)

    def release(self, index: int) -> None:
        """Removes what was fetched for a shard."""
        for file, future in zip(self.shards[index].inputs, self._staging.pop(index, []), strict=False):
            if storage.is_remote(file.path) and not future.cancel() and future.exception() is None:
                local = future.result()
                if os.path.exists(local):
                    os.unlink(local)

    def wait(self) -> None:
        """Waits until everything that is finished is published."""
        while True:
            with self._lock:
                pending, self._publishing = self._publishing, []
            if not pending:
                return
            for future in pending:
                while not future.done():
                    if self.run.interrupted:
                        return
                    time.sleep(0.02)
                future.result()

    def close(self) -> None:
        self.wait()
        # A stopped run does not wait for transfers that nobody will use.
        self._pool.shutdown(wait=not self.run.interrupted, cancel_futures=True)
