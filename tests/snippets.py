"""The examples in README.md and docs/, as a reader would try them.

What stands behind the language of a fenced block says what is done with it:

    ```console            each `$ ` line is run by bash (`> ` lines go on with it); the other lines
                          are what it prints, standard error included
    ```LANGUAGE file=NAME the block is written to NAME
    ```python             the block is run as a script and must not fail
    ```json               each line must be valid JSON
    ```LANGUAGE norun     nothing, for what needs a network or a quarter of an hour
    ```text               nothing

A page is one folder and one story: its blocks are taken in order, in a fresh folder that holds
`data/sample` and `configs`. In printed lines `…` stands for anything, a line of only `…` for any
lines. Times and the stamps of reports differ from run to run and are not compared.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT = 120
"""Seconds for one command of a page."""

_FENCE = re.compile(r"^```([a-z]*)(?: +([^\n`]+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_VARYING = (
    (re.compile(r"in (\d+s|\d+m\d\ds|\d+h\d\dm)\b"), "in Ns"),
    (re.compile(r"\d{8}T\d{6}(?:\.\d+)?Z-([a-z]+)-\d+"), r"STAMP-\1"),
)


class Block(NamedTuple):
    """A fenced block: what kind, what is to be done, and where it stands."""

    line: int
    language: str
    info: str
    body: str


class Command(NamedTuple):
    """A command of a console block with what it prints."""

    text: str
    printed: str


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found = []
    for match in _FENCE.finditer(page):
        line = page.count("\n", 0, match.start()) + 1
        found.append(Block(line, match[1], match[2] or "", match[3]))
    return found


def commands(body: str) -> Iterator[Command]:
    """The commands of a console block.

    Raises `ValueError` for output without a command.
    """
    text, printed = "", []
    for line in body.splitlines():
        if line.startswith("$ "):
            if text:
                yield Command(text, "\n".join(printed))
            text, printed = line[2:], []
        elif line.startswith("> ") and not printed:
            text += "\n" + line[2:]
        elif not text:
            raise ValueError(f"no command before {line!r}")
        else:
            printed.append(line)
    if text:
        yield Command(text, "\n".join(printed))


def prepare(folder: Path) -> dict[str, str]:
    """Makes `folder` what a reader has, and returns the environment of its commands."""
    shutil.copytree(ROOT / "data/sample", folder / "data/sample")
    shutil.copytree(ROOT / "configs", folder / "configs")
    programs = folder / ".programs"
    programs.mkdir()
    for name, module in (("dolma", "-m dolma "), ("python", "")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {module}"$@"\n')
        program.chmod(0o755)
    paths = [str(ROOT / "python"), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "LC_ALL": "C.UTF-8",
    }


def output(command: str, folder: Path, environment: dict[str, str]) -> str:
    """What a command prints on both streams.

    Raises `subprocess.CalledProcessError` when it fails.
    """
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
    )
    # `head` and `grep -m` close the pipe when they have enough; whether the writer notices is a race.
    if done.returncode not in (0, 128 + signal.SIGPIPE):
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout)
    return done.stdout


def agrees(expected: str, printed: str) -> bool:
    """Whether `printed` is what the page says."""
    pattern = ""
    for line in _settled(expected).splitlines():
        pattern += r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + r"\n"
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _settled(printed).splitlines())) is not None


def _settled(text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.strip("\n").splitlines())
    for pattern, replacement in _VARYING:
        lines = pattern.sub(replacement, lines)
    return lines


def check(block: Block, folder: Path, environment: dict[str, str]) -> None:
    """Does what a block says and raises `AssertionError` where it does not hold."""
    if block.info.startswith("file="):
        path = folder / block.info.removeprefix("file=")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.body, encoding="utf-8")
        return
    assert block.info in ("", "norun"), f"unknown mark {block.info!r}"
    if block.info == "norun" or block.language == "text":
        return
    if block.language == "console":
        for command in commands(block.body):
            printed = output(command.text, folder, environment)
            assert agrees(command.printed, printed), (
                f"$ {command.text}\n--- prints\n{printed}\n--- not\n{command.printed}"
            )
    elif block.language == "python":
        script = folder / ".snippet.py"
        script.write_text(block.body, encoding="utf-8")
        output(f"python {script.name}", folder, environment)
    elif block.language == "json":
        for line in block.body.splitlines():
            json.loads(line)
    else:
        raise AssertionError(f"a block of {block.language or 'no language'!r} needs a file=NAME or norun")
