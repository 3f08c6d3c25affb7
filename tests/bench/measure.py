"""Running a tool as a whole process and counting what it left behind.

Nothing here knows the jobs: a corpus is linked into a folder and its text is counted once, a
command is timed with the peak memory of its processes, and an output folder is read back for rows,
spans and bytes.
"""

import contextlib
import glob
import gzip
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from tree import Watch


class BenchError(Exception):
    """A run that failed or cannot be trusted; the message names its log."""


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The input, counted once; `text_bytes` is the UTF-8 length of all texts."""

    files: tuple[Path, ...]
    documents: int
    lines: int
    words: int
    text_bytes: int
    stored_bytes: int

    def times(self, copies: int, files: tuple[Path, ...]) -> "Corpus":
        """The same taken so many times, in other files."""
        return Corpus(
            files=files,
            documents=self.documents * copies,
            lines=self.lines * copies,
            words=self.words * copies,
            text_bytes=self.text_bytes * copies,
            stored_bytes=sum(path.stat().st_size for path in files),
        )


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a command took, all processes of it; `peak_memory` and `peak_disk` in bytes.

    `peak_disk` is what stood at most in the folder of the run besides its input, 0 if not watched.
    """

    seconds: float
    cpu_seconds: float
    peak_memory: int
    peak_disk: int = 0

    def then(self, other: "Cost") -> "Cost":
        """The cost of one command after the other."""
        return Cost(
            seconds=self.seconds + other.seconds,
            cpu_seconds=self.cpu_seconds + other.cpu_seconds,
            peak_memory=max(self.peak_memory, other.peak_memory),
            peak_disk=max(self.peak_disk, other.peak_disk),
        )


def middle(costs: list[Cost]) -> Cost:
    """The cost of the run of median time, of two the slower."""
    return sorted(costs, key=lambda cost: cost.seconds)[len(costs) // 2]


@dataclass(frozen=True, kw_only=True)
class Output:
    """What one run wrote: rows, spans in their attributes, bytes of text, and bytes on disk."""

    rows: int
    spans: int
    text_bytes: int
    stored_bytes: int
    files: int

    @classmethod
    def nothing(cls) -> "Output":
        """The output of a run that was not read back."""
        return cls(rows=0, spans=0, text_bytes=0, stored_bytes=0, files=0)


def opened(path: Path) -> IO[bytes]:
    """A data file for reading, by its suffix; zstandard needs the package of that name."""
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    if path.suffix in {".zst", ".zstd"}:
        import zstandard

        return cast(IO[bytes], zstandard.open(path, "rb"))
    return path.open("rb")


def _rows(paths: list[Path]) -> Iterator[dict[str, object]]:
    for path in paths:
        with opened(path) as stream:
            for line in stream:
                yield json.loads(line)


def link(source: Path, target: Path) -> None:
    """A hard link, or a copy where the file system has none; `target` must not exist."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def take_corpus(pattern: str, folder: Path) -> Corpus:
    """Links the files of a glob into `folder`, numbered so that names cannot clash, and counts."""
    found = [Path(name) for name in sorted(glob.glob(pattern, recursive=True))]
    found = [path.resolve() for path in found if path.is_file()]
    if not found:
        raise BenchError(f"no documents match {pattern}")
    shutil.rmtree(folder, ignore_errors=True)
    files = tuple(folder / f"{at:03d}-{path.name}" for at, path in enumerate(found))
    for path, target in zip(found, files, strict=True):
        link(path, target)
    documents = lines = words = size = 0
    for row in _rows(list(files)):
        text = str(row["text"])
        documents += 1
        lines += text.count("\n") + 1
        words += len(text.split())
        size += len(text.encode("utf-8", "surrogatepass"))
    stored = sum(path.stat().st_size for path in files)
    return Corpus(
        files=files, documents=documents, lines=lines, words=words, text_bytes=size, stored_bytes=stored
    )


def timed(
    command: list[str], log: Path, environment: dict[str, str], limit: float, *, disk: Path | None = None
) -> Cost:
    """Runs a command to its end, output into `log`; fails if it fails or outlives `limit`.

    With `disk`, what it writes below that folder is watched. Its processes are a group of their own,
    which ends with it, and with whatever is raised here.
    """
    with log.open("wb") as stream:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )

        def stop() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

        timer = threading.Timer(limit, stop)
        try:
            timer.start()
            with Watch(process.pid, disk) as watch:
                _, status, usage = os.wait4(process.pid, 0)
                seconds = time.perf_counter() - started
        except BaseException:
            stop()
            raise
        finally:
            timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        late = f" after {limit:.0f} s" if seconds >= limit else ""
        said = log.read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(said) if line.strip()), "no output")
        raise BenchError(f"{command[0]} ended with {process.returncode}{late}: {last[:200]} (see {log})")
    # Linux reports kilobytes, macOS bytes.
    unit = 1 if os.uname().sysname == "Darwin" else 1024
    return Cost(
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_memory=max(usage.ru_maxrss * unit, watch.memory),
        peak_disk=watch.disk,
    )


def _data_files(folder: Path) -> list[Path]:
    """The files below `folder`; what lies under a hidden name is a record, not output."""
    found = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            found.append(path)
    return found


def read_output(folder: Path) -> Output:
    """Counts what lies below `folder`; a file that is cut short or not JSON is an error."""
    paths = _data_files(folder)
    rows = spans = size = 0
    for row in _rows(paths):
        rows += 1
        attributes = row.get("attributes")
        if isinstance(attributes, dict):
            spans += sum(len(value) for value in attributes.values() if isinstance(value, list))
        size += len(str(row.get("text", "")).encode("utf-8", "surrogatepass"))
    stored = sum(path.stat().st_size for path in paths)
    return Output(rows=rows, spans=spans, text_bytes=size, stored_bytes=stored, files=len(paths))
