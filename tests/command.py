"""The command line as tests run it: in a process of its own, on documents made here.

`dolma("tag", …)` gives exit code, output and messages, and refuses a traceback for every caller;
`put` makes a document file, `rows` reads an attribute file.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

PACKAGE = Path(__file__).resolve().parents[1] / "python"


class Result(NamedTuple):
    """What a command line came to."""

    code: int
    out: str
    err: str


def environment(**changes: str) -> dict[str, str]:
    """The environment of a process that finds the package under test."""
    return {**os.environ, "PYTHONPATH": str(PACKAGE), "PYTHONIOENCODING": "utf-8", **changes}


def python(code: str, *, env: Mapping[str, str] | None = None) -> str:
    """What a Python program prints; it must end well."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment(**(env or {})),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def dolma(*arguments: object, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Result:
    """Runs the command line; whatever it comes to, it must not be a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "dolma", *map(str, arguments)],
        cwd=cwd,
        env=environment(**(env or {})),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Result(done.returncode, done.stdout, done.stderr)


def succeed(*arguments: object, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Result:
    """Runs a command line that must end well."""
    result = dolma(*arguments, cwd=cwd, env=env)
    assert result.code == 0, result.err
    return result


def refused(*arguments: object, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """The message of a command line that must be refused before any work."""
    result = dolma(*arguments, cwd=cwd, env=env)
    assert result.code == 2, (result.code, result.err)
    assert result.err.startswith("error: ")
    return result.err.removeprefix("error: ").rstrip("\n")


def put(path: Path, *texts: str, **fields: Any) -> Path:
    """A gzipped document file with an id `<name>-<n>` for each text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stem = path.name.partition(".")[0]
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for number, text in enumerate(texts):
            document = {"id": f"{stem}-{number}", "text": text, "source": "test", **fields}
            file.write(json.dumps(document) + "\n")
    return path


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a gzipped JSON-lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def attributes(path: Path) -> list[dict[str, Any]]:
    """The attributes of each row of an attribute file, the order of keys kept."""
    return [row["attributes"] for row in rows(path)]


def files(folder: Path) -> Sequence[str]:
    """Every file below a folder, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
