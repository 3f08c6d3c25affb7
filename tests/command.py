"""The command line as tests run it: in a process of its own or in this one, and what it came to.

`dolma("tag", …)` gives exit code, output and messages, and refuses a traceback for every caller;
`succeed` and `refused` say how it has to end.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

PACKAGE = Path(__file__).resolve().parents[1] / "python"
"""Where the package under test lies, in a checkout."""

SETTLED_SECONDS = 120
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


def environment(**changes: str) -> dict[str, str]:
    """The environment of a process that finds the package under test."""
    paths = [str(PACKAGE), os.environ.get("PYTHONPATH", "")]
    found = os.pathsep.join(path for path in paths if path)
    return {**os.environ, "PYTHONPATH": found, "PYTHONIOENCODING": "utf-8", **changes}


def command(*arguments: object) -> list[str]:
    """The command line as a process is started with it."""
    return [sys.executable, "-m", "dolma", *map(str, arguments)]


def python(code: str, *, env: Mapping[str, str] | None = None) -> str:
    """What a Python program prints; it must end well."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment(**(env or {})),
        capture_output=True,
        text=True,
        timeout=SETTLED_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def dolma(
    *arguments: object,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    before: Callable[[], None] | None = None,
) -> Result:
    """Runs the command line in a process, where `before` runs first; it must not end in a traceback."""
    done = subprocess.run(
        command(*arguments),
        cwd=cwd,
        env=environment(**(env or {})),
        preexec_fn=before,
        capture_output=True,
        timeout=SETTLED_SECONDS,
        check=False,
    )
    result = Result(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in result.err, result.err
    assert "panicked" not in result.err, result.err
    return result


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


def succeed_inline(*arguments: object) -> Result:
    """Runs the command line in this process, which must work."""
    result = inline(*arguments)
    assert result.code == 0, result.err
    return result


def recipe(folder: Path, config: Mapping[str, Any], name: str = "recipe.json") -> str:
    """The path of a recipe file with this content (JSON is YAML)."""
    path = folder / name
    path.write_text(json.dumps(config))
    return str(path)
