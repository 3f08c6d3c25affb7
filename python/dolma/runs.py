"""A run: plan, execute, commit, report.

A command turns its config into a list of shards, each with inputs and outputs. `Run` drops those
that are done, publishes outputs after their counts were checked, records each one beside the data,
and writes the report. What is done is read from the records, never guessed from existence: a record
holds the fingerprint of the inputs, the config and the version, and the size and checksum of the
output.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from . import paths, storage
from .config.common import RunConfig
from .errors import DolmaConfigError, DolmaError, DolmaShardError
from .paths import Place
from .progress import Counters, Step
from .shards import Counts, Failure, Outcome, Record, Shard, add_up, read_record
from .version import __version__

__all__ = ["Run", "left_behind", "parse_part", "published"]

#: Seconds that a run has to end in after Ctrl-C.
STOP_WITHIN = 1.5
WORK_THREAD = "dolma-work"


class Gauge(Protocol):
    """What stops the engine."""

    def cancel(self) -> None: ...


def parse_part(part: str | None) -> tuple[int, int]:
    """`"2/8"` as `(2, 8)`; `(0, 1)` for None.

    Raises `DolmaConfigError` when there are no parts, or the index is not below their number.
    """
    if part is None:
        return 0, 1
    index, total = map(int, part.split("/"))
    if total == 0:
        raise DolmaConfigError(f"shard: {part}: the number of parts, behind the slash, is at least 1")
    if index >= total:
        last = f"0 to {total - 1}" if total > 1 else "0, and 0/1 is all there is"
        raise DolmaConfigError(f"shard: {part} names part {index} of {total}; parts count from {last}")
    return index, total


def published(shard: Shard) -> list[Record] | None:
    """The records of a shard's outputs, if all of them are there and are its own."""
    records = []
    for output in shard.outputs:
        record = read_record(output.record)
        if record is None or record.fingerprint != shard.fingerprint:
            return None
        found = storage.stat(output.path)
        if found is None or found.size != record.size:
            return None
        records.append(record)
    return records or None


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
        home: str | None = None,
        within: Run | None = None,
    ) -> None:
        """`keep` says of a shard whose record fits whether it may be taken for done, `fits` of a
        record of the same inputs and config; with `copies` outputs are copied to their place because
        they cannot be renamed there. Reports are kept below `home`, by default the root of outputs.
        A run `within` another is a step of it: it stops with that one, its failures are that one's, and
        what it has published outlives the machine at once, in case that one does not come to its end."""
        self.copies = copies
        self._within = within
        self._fits = fits
        self._home = home
        self.command = command
        self.config = config
        self.shards = shards
        self.todo: list[Shard] = []
        self.skipped: list[Record] = []
        self.failures: list[Failure] = []
        #: Shards that this run has published and recorded.
        self.committed = 0
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
        self._stopped = False
        #: What ended the work, where that is no shard's failure.
        self._error: DolmaError | None = None
        #: Which shards are done again although they are published, and why; empty for none.
        self.redone = ""
        #: What it works at, where it works in steps.
        self.step: Step | None = None
        #: Where the report of this run is, once it is written.
        self.report_path: str | None = None
        self._lock = threading.Lock()
        self._started = time.time()
        self._check_outputs()
        self.mine = self._share()
        self._plan(keep)

    def _share(self) -> list[Shard]:
        """The shards of this part."""
        index, total = parse_part(self.config.shard)
        return [shard for number, shard in enumerate(self.shards) if number % total == index]

    def revise(self, shards: list[Shard]) -> None:
        """Puts shards whose fingerprints are known only now in place of the planned ones, before any
        was finished; `todo` stays the same list."""
        self.shards = shards
        self.mine = self._share()
        self._plan(lambda shard: True)

    def _plan(self, keep: Callable[[Shard], bool]) -> None:
        """Tells what is done from what is to do."""
        for told in (self.todo, self.skipped, self.bad_files, self.error_files):
            told.clear()
        self.counts, self.details, self.bad_records = Counts(), {}, 0
        for shard in self.mine:
            records = self._done(shard) if keep(shard) and not self.config.force else None
            if records is None:
                self.todo.append(shard)
            else:
                self._take(records[0])
                self.skipped.append(records[0])
                for output, record in zip(shard.outputs, records, strict=True):
                    if record.bad_records:
                        self.bad_files.append(_quarantine(output.place))
                    if record.lapses:
                        self.error_files.append(_errors(output.place))

    def _check_outputs(self) -> None:
        """Raises `DolmaConfigError` for an output that has two makers, or that is an input of this run."""
        folders: dict[str, str] = {}
        inputs = {storage.real(file.path, folders) for shard in self.shards for file in shard.inputs}
        written = [output.path for shard in self.shards for output in shard.outputs]
        if (report := self.config.report) is not None:
            if storage.real(report, folders) in {storage.real(path, folders) for path in written}:
                raise DolmaConfigError(f"report: {report} is an output of this run; give another place")
            written.append(report)
        lost = next((path for path in written if storage.real(path, folders) in inputs), None)
        if lost is not None:
            raise DolmaConfigError(
                f"{lost} is an input of this run, and would be written over by it; give another place for what is "
                "written, or leave what earlier runs wrote out of the inputs"
            )
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
        records = published(shard)
        return records if records is not None and all(map(self._fits, records)) else None

    def _take(self, record: Record) -> None:
        self.counts.add(record.counts)
        self.bad_records += record.counts.bad
        add_up(self.details, record.details)

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped by a signal."""
        return self._stopped or (self._within is not None and self._within.interrupted)

    @property
    def input_bytes(self) -> int:
        """Compressed size of all that is still to be read."""
        return sum(file.size for shard in self.todo for file in shard.inputs)

    def execute(self, gauge: Gauge, work: Callable[[], None], show: Callable[[], None]) -> None:
        """Runs `work` in a thread and calls `show` until it ends; Ctrl-C cancels the gauge.

        Work that does not hear of it, such as a tagger in the middle of a long document, is left
        behind: it can publish nothing half made.
        """
        failure: list[BaseException] = []
        patience = math.inf

        def target() -> None:
            try:
                work()
            except BaseException as error:
                failure.append(error)

        thread = threading.Thread(target=target, name=WORK_THREAD, daemon=True)
        previous = None
        if threading.current_thread() is threading.main_thread():

            def stop(signum: int, frame: object) -> None:
                nonlocal patience
                self._stopped = True
                patience = min(patience, time.monotonic() + STOP_WITHIN)
                gauge.cancel()

            previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        begin = time.perf_counter()
        try:
            thread.start()
            wait = 0.005
            while thread.is_alive() and time.monotonic() < patience:
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

    def begin(
        self, step: str, counters: Counters, shards: Sequence[Shard] = (), *, reads: bool = True
    ) -> None:
        """Says that a step over `shards` begins, in which their inputs are read, unless it is said otherwise."""
        size = sum(file.size for shard in shards for file in shard.inputs) if reads else 0
        self.step = Step(step, len(shards), size, counters)

    def fail(self, shard: Shard, error: BaseException | str) -> None:
        if self._within is not None:
            self._within.fail(shard, error)
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
            details=outcome.details,
        )
        promised = shard.attributes or ((),) * len(shard.outputs)
        for output, path, written, names in zip(
            shard.outputs, temporary, outcome.written, promised, strict=True
        ):
            self._put_aside(_quarantine(output.place), outcome.bad_records, self.bad_files)
            lapses = [one for one in outcome.lapses if not output.taggers or one.tagger in output.taggers]
            self._put_aside(_errors(output.place), lapses, self.error_files)
            # Until the new record stands, an old one would vouch for any file of the same size.
            storage.delete(output.record)
            self._publish(path, output.path)
            record = msgspec.structs.replace(
                record,
                size=written.size,
                checksum=written.checksum,
                attributes=list(names),
                lapses=len(lapses),
            )
            self._write(output.record, msgspec.json.encode(record) + b"\n")
        with self._lock:
            self.committed += 1
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
            # Names are waited for once, at the end of the run.
            storage.publish(local, destination, settled=self._within is not None)

    def _write(self, path: str, data: bytes) -> None:
        # A record that a power failure takes is a shard that is done again, so only a step waits for it.
        if self.copies:
            storage.overwrite(path, data)
        else:
            storage.write_bytes(path, data, durable=self._within is not None)

    def _put_aside(self, path: str, records: Sequence[msgspec.Struct], files: list[str]) -> None:
        """Writes what went wrong in a shard, and adds the file to `files`."""
        if records:
            self._write(path, b"".join(msgspec.json.encode(record) + b"\n" for record in records))
            with self._lock:
                files.append(path)
        elif storage.stat(path) is not None:
            # Of an earlier run over what is mended now.
            storage.delete(path)

    def finish(self, error: DolmaError | None = None) -> dict[str, Any]:
        """Writes the report and returns it; `error` is what ended the work, if it is no shard's failure.

        Raises that, or `DolmaShardError` when shards failed or more lines were bad than allowed; the
        report is written before that.
        """
        if not self.interrupted:
            try:
                storage.settle()
            except DolmaError as unsettled:
                error = error or unsettled
        self._error = error
        report = self.report()
        unwritten = self._write_report(report)
        if self.interrupted:
            raise KeyboardInterrupt
        if error is not None:
            raise error
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
            root = self._home or self.mine[0].outputs[0].place.root
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
        if self._error is not None:
            return str(self._error)
        if self.failures:
            return self._failure_message()
        unsettled = len(self.todo) - self.committed
        if unsettled and not self.interrupted:
            return (
                f"{unsettled} of {len(self.mine)} shards were neither finished nor failed, which is a bug; "
                "run the same command again to do them"
            )
        if self.bad_records > self.config.max_bad_records:
            return (
                f"{self.bad_records} bad lines in all, more than max_bad_records={self.config.max_bad_records}; "
                f"they are in {', '.join(self.bad_files) or 'the quarantine files'}"
            )
        return None

    def _failure_message(self) -> str:
        first = "\n".join(f"  {failure.error}" for failure in self.failures[:20])
        more = f"\n  … and {len(self.failures) - 20} more (see the report)" if len(self.failures) > 20 else ""
        return f"{len(self.failures)} of {len(self.mine)} shards failed{self._others()}:\n{first}{more}"

    def _others(self) -> str:
        """What becomes of the shards that did not fail, when the command runs again."""
        others = len(self.mine) - len(self.failures)
        done = self.committed + len(self.skipped)
        if others <= 0:
            return ""
        if not done:
            return "; nothing was written"
        if self.redone:
            return f"; {self.redone}"
        if done >= others:
            return "; the others are done and will be skipped when the command runs again"
        return f"; {done:,} are done and will be skipped when the command runs again"

    def report(self) -> dict[str, Any]:
        """The machine-readable account of the run."""
        return {
            "command": self.command,
            "version": __version__,
            "python": sys.version.partition(" ")[0],
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
            "error": None if self._error is None else str(self._error),
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


def beside(place: Place) -> list[str]:
    """What a run may have written beside an output: bad lines, failures of taggers, and the record last."""
    return [_quarantine(place), _errors(place), paths.hidden(place, "done")]


def left_behind() -> bool:
    """Whether the work of a stopped run still goes on in this process."""
    return any(thread.name == WORK_THREAD for thread in threading.enumerate())
