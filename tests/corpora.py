"""Small corpora for tests: document files of any format, the command line, and what it wrote.

A case should read as one line: `put(path, "one", "two")` makes a document file whose format the
suffix says, `tag(...)` and its sisters run the real command and give its exit code and output,
`rows(path)` reads what came out. Nothing here knows what the right answer is.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import zstandard

PYTHON_PATH = str(Path(__file__).resolve().parents[1] / "python")
"""Where the package under test lies, in a checkout."""

SETTLED_SECONDS = 60
"""No command of these tests takes longer; one that does hangs."""


class Result(NamedTuple):
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def message(self) -> str:
        """The error that ended the command, without the account of the run before it."""
        return "\n".join(self.err.partition("error: ")[2].splitlines())

    @property
    def failures(self) -> list[str]:
        """What went wrong with each shard that failed."""
        return [one.removeprefix("  ") for one in self.message.splitlines()[1:]]


def dolma(
    *arguments: object,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    before: Callable[[], None] | None = None,
) -> Result:
    """Runs the command line in a process of its own; `before` runs in it first."""
    done = subprocess.run(
        command(*arguments),
        cwd=cwd,
        env={**environment(), **(env or {})},
        preexec_fn=before,
        capture_output=True,
        timeout=SETTLED_SECONDS,
        check=False,
    )
    result = Result(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in result.err, result.err
    assert "panicked" not in result.err, result.err
    return result


def command(*arguments: object) -> list[str]:
    """The command line as a process is started with it."""
    return [sys.executable, "-m", "dolma", *map(str, arguments)]


def environment() -> dict[str, str]:
    """The environment for a process that must find the package under test."""
    return {**os.environ, "PYTHONPATH": PYTHON_PATH, "PYTHONIOENCODING": "utf-8"}


def inline(*arguments: object) -> Result:
    """Runs the command line in this process, where a process of its own would add nothing."""
    from dolma import cli

    out, err = io.StringIO(), io.StringIO()
    # The command installs handlers while it works; this one must not be lost.
    before = signal.getsignal(signal.SIGINT)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main([str(argument) for argument in arguments])
    assert signal.getsignal(signal.SIGINT) is before
    return Result(code, out.getvalue(), err.getvalue())


def succeed(*arguments: object) -> Result:
    """Runs the command line in this process, which must work."""
    result = inline(*arguments)
    assert result.code == 0, result.err
    return result


# Document files


def line(id: object, text: str, **fields: object) -> bytes:
    """One document as a line without its newline."""
    return json.dumps({"id": id, "text": text, **fields}, ensure_ascii=False).encode()


def documents(texts: Iterable[str], prefix: str = "d", source: str = "test") -> list[bytes]:
    """Lines for texts, with ids that count from 0."""
    return [line(f"{prefix}{number}", text, source=source) for number, text in enumerate(texts)]


def put(path: Path, *contents: str | bytes) -> Path:
    """Writes a document file: a string is a text, bytes are a line as they are."""
    lines = [
        content
        if isinstance(content, bytes)
        else line(f"{path.name.partition('.')[0]}-{number}", content, source="test")
        for number, content in enumerate(contents)
    ]
    return write(path, b"".join(one + b"\n" for one in lines))


def write(path: Path, data: bytes) -> Path:
    """Writes `data` compressed as the suffix says."""
    return write_raw(path, compress(data, path.suffix))


def write_raw(path: Path, data: bytes) -> Path:
    """Writes bytes as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def compress(data: bytes, suffix: str) -> bytes:
    """`data` in the format of a suffix."""
    if suffix == ".gz":
        return gzip.compress(data, mtime=0)
    if suffix in (".zst", ".zstd"):
        return zstandard.ZstdCompressor().compress(data)
    return data


def read(path: Path) -> bytes:
    """The content of a file, decompressed as the suffix says; all members, all frames."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    if path.suffix in (".zst", ".zstd"):
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True) as reader:
            return reader.read()
    return data


def rows(path: Path) -> list[dict[str, Any]]:
    """The JSON lines of a file."""
    return [json.loads(one) for one in read(path).decode().split("\n")[:-1]]


def attributes(path: Path) -> list[dict[str, Any]]:
    """The attributes of each row, by the third part of their names."""
    return [
        {name.split("__", 2)[2]: spans for name, spans in row["attributes"].items()} for row in rows(path)
    ]


# Folders


def visible(root: Path) -> list[str]:
    """Files below `root` that someone would take for data."""
    return sorted(
        name for name in everything(root) if not any(part.startswith(".") for part in name.split("/"))
    )


def everything(root: Path) -> list[str]:
    """All files below `root`."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def contents(root: Path) -> dict[str, bytes]:
    """The bytes of the visible files below `root`."""
    return {name: (root / name).read_bytes() for name in visible(root)}


def times(root: Path) -> dict[str, int]:
    """When each visible file below `root` was written."""
    return {name: (root / name).stat().st_mtime_ns for name in visible(root)}


def reports(root: Path) -> list[dict[str, Any]]:
    """The run reports in an output folder, oldest first."""
    # Their names begin with the time, to the microsecond.
    found = sorted((root / ".dolma" / "runs").glob("*.json"))
    return [json.loads(path.read_text()) for path in found]


def balanced(report: Mapping[str, Any]) -> bool:
    """Whether a report accounts for every document."""
    counts = report["counts"]
    return bool(counts["read"] == counts["written"] + counts["dropped"] + counts["bad"])


# Recipes


def recipe(path: Path, **options: Any) -> Path:
    """A recipe file (JSON is YAML)."""
    path.write_text(json.dumps(options))
    return path


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Works in another folder for a while."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
