"""Folders for the time of a run: gone after it, and after a run that was killed gone with the next one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from command import environment
from dolma import temporary
from shards import put

HOLD = """
import sys, time
from dolma import temporary
with temporary.folder("held") as folder:
    print(folder, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands for the system's temporary folder."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


def hold() -> tuple[subprocess.Popen[str], Path]:
    """A process that is at work in a folder."""
    command = [sys.executable, "-c", HOLD]
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_folder_is_empty_but_for_its_lock_and_gone_afterwards(place: Path) -> None:
    with temporary.folder("some") as made:
        assert Path(made).parent == place
        assert os.listdir(made) == [temporary.LOCK]
    assert os.listdir(place) == []


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_has_is_not(place: Path) -> None:
    dead, left = hold()
    living, held = hold()
    try:
        (left / "below").mkdir()
        (left / "below/file").write_text("x")
        kill(dead)
        assert left.exists()
        with temporary.folder("next") as made:
            assert sorted(os.listdir(place)) == sorted([held.name, Path(made).name])
    finally:
        kill(living)


def test_what_is_not_known_to_be_abandoned_stays(place: Path) -> None:
    foreign = place / "dolma-run-foreign"
    foreign.mkdir()
    (foreign / temporary.LOCK).write_text("another-machine")
    (place / "dolma-run-without").mkdir()
    (place / "dolma-notes.txt").write_text("x")
    elsewhere = place.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / temporary.LOCK).write_text(os.uname().nodename)
    (place / "dolma-run-link").symlink_to(elsewhere)
    before = sorted(os.listdir(place))
    with temporary.folder("next"):
        pass
    assert sorted(os.listdir(place)) == before
    assert elsewhere.exists()


def test_a_folder_whose_making_or_removing_was_cut_off_goes_after_a_day(place: Path) -> None:
    day = 24 * 3600
    names = ("removed", "made", "fresh", "used")
    folders = {name: place / f"dolma-{name}-0123456789ab" for name in names}
    folders["foreign"] = place / "dolma-foreign"
    for folder in folders.values():
        folder.mkdir()
    (folders["made"] / temporary.UNSEEN).touch()
    (folders["used"] / "file").touch()
    for name, folder in folders.items():
        then = time.time() - (day - 60 if name == "fresh" else day + 60)
        os.utime(folder, (then, then))
    with temporary.folder("next"):
        pass
    left = {name for name, folder in folders.items() if folder.exists()}
    assert left == {"fresh", "used", "foreign"}


@pytest.mark.parametrize("command", ["tag", "dedupe", "mix"])
def test_commands_remove_what_a_killed_one_left(tmp_path: Path, place: Path, command: str) -> None:
    for number in range(20):
        put(
            tmp_path / f"documents/{number:02}.jsonl.gz", *(f"{n} a line of text\n" * 50 for n in range(2000))
        )
    arguments = {
        "tag": ["--documents", "documents/*", "--taggers", "gopher_v1", "--experiment", "e"],
        "dedupe": ["--documents", "documents/*", "--dedupe.documents.attribute_name", "d"],
        "mix": ["-c", "mix.json"],
    }[command]
    stream = '{"name": "m", "documents": ["documents/*"], "output": {"path": "mixed"}}'
    (tmp_path / "mix.json").write_text(f'{{"streams": [{stream}]}}')
    line = [sys.executable, "-m", "dolma", command, *arguments]
    process = subprocess.Popen(
        line, cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and not list(place.glob(f"dolma-*/{temporary.LOCK}")):
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -signal.SIGKILL, "it ended before it was killed"
    assert os.listdir(place) != []
    subprocess.run(line, cwd=tmp_path, env=environment(), capture_output=True, check=True)
    assert os.listdir(place) == []
