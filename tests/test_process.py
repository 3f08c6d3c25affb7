"""How the process of a command ends: what was printed is out, and what a tagger began is waited for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dolma.cli.__main__ import main
from dolma.errors import DolmaConfigError, DolmaShardError

PROGRAM = (sys.executable, "-m", "dolma")

TAGGER = """
import atexit, threading, time

from dolma import BaseTagger, add_tagger
from dolma.document import DocResult, Document, Span

def later():
    time.sleep(0.5)
    print("the thread is done", flush=True)

atexit.register(print, "the handler ran")

@add_tagger("lingering")
class Lingering(BaseTagger):
    def predict(self, doc: Document) -> DocResult:
        threading.Thread(target=later).start()
        return DocResult(doc=doc, spans=[Span(0, 1, "a", 1)])
"""


def printed(*arguments: str) -> str:
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, check=True).stdout


def test_threads_and_handlers_of_a_tagger_are_waited_for(tmp_path: Path) -> None:
    (tmp_path / "lingering.py").write_text(TAGGER)
    command = [
        *PROGRAM,
        "tag",
        "--taggers",
        "lingering",
        "--tagger_modules",
        "lingering.py",
        "--text",
        "text",
    ]
    done = subprocess.run([*command, "--debug"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-2:] == ["the thread is done", "the handler ran"]


def test_what_is_printed_into_a_pipe_is_all_there() -> None:
    names = [line.split()[0] for line in printed("list").splitlines()]
    documented = printed("list", "-v", *names)
    assert len(documented) > 100_000
    assert documented.endswith("\n")
    assert all(name in documented for name in names)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux only")
@pytest.mark.parametrize("arguments", [["--version"], ["list"], ["list", "-v", "c4_v2"]])
def test_output_that_finds_no_room_is_an_error(arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (
        5,
        "error: standard output cannot be written: No space left on device\n",
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_program_without_a_standard_stream_ends_well(closed: str) -> None:
    command = f'"{sys.executable}" -m dolma --version {closed}'
    assert subprocess.run(["sh", "-c", command], capture_output=True, check=False).returncode == 0


def test_a_command_line_that_is_called_as_a_function_raises(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents/a.jsonl").write_text('{"id": "1", "text": "one"}\n{"id": 2}\n')
    arguments = ["tag", "--taggers", "char_length_v1", "--documents", f"{tmp_path}/documents/*"]
    with pytest.raises(DolmaConfigError, match="no_such_v1"):
        main([*arguments, "--taggers", "no_such_v1"])
    with pytest.raises(DolmaShardError, match=r"a\.jsonl:2: "):
        main(arguments)
    main([*arguments, "--max_bad_records", "1"])
    assert (tmp_path / "attributes/char_length_v1/a.jsonl").exists()


def test_the_command_line_is_a_module_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dolma.cli", "nope"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: dolma: there is no command 'nope'")


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_standard_streams_may_be_closed(tmp_path: Path, closed: tuple[int, ...]) -> None:
    """As some schedulers start programs."""
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents/a.jsonl").write_text('{"id": "1", "text": "a"}\n')
    command = [*PROGRAM, "tag", "--documents", "documents", "--taggers", "char_length_v1", "--processes", "2"]
    shut = " ".join(f"{number}>&-" for number in closed)
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {shut}', "sh", *command], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert ("documents read" in done.stderr) == (2 not in closed)
    assert ("taggers:" in done.stdout) == (1 not in closed)
    written = tmp_path / "attributes/char_length_v1/a.jsonl"
    assert '"id":"1"' in written.read_text()
