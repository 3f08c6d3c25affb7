"""Files that appear by rename: whole, in new folders, over what was there; and records beside them."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dolma import storage
from dolma.errors import DolmaInputError, DolmaStorageError
from folders import everything


def put(root: Path, *names: str, data: bytes = b"x") -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def test_publishing_is_a_rename_into_new_directories(tmp_path: Path) -> None:
    destination = str(tmp_path / "a/b/x.gz")
    made = storage.temporary(destination, "")
    Path(made).write_bytes(b"whole")
    inode = os.stat(made).st_ino
    file = storage.publish(made, destination)
    assert file == storage.stat(destination)
    assert os.stat(destination).st_ino == inode
    assert everything(tmp_path) == ["a/b/x.gz"]


def test_publishing_replaces_what_was_there(tmp_path: Path) -> None:
    put(tmp_path, "x", data=b"old")
    put(tmp_path, "made", data=b"new")
    storage.publish(str(tmp_path / "made"), str(tmp_path / "x"))
    assert (everything(tmp_path), (tmp_path / "x").read_bytes()) == (["x"], b"new")


def test_publishing_with_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for destination in ("x", "d/x"):
        put(tmp_path, "made")
        assert storage.publish("made", destination).path == destination
    assert everything(tmp_path) == ["d/x", "x"]


def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a rename between directories cross file systems."""
    rename = os.replace

    def replace(source: str, target: str) -> None:
        if os.path.dirname(source) != os.path.dirname(target):
            raise OSError(errno.EXDEV, "Invalid cross-device link", source)
        rename(source, target)

    monkeypatch.setattr(os, "replace", replace)


def test_publishing_across_file_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _elsewhere(monkeypatch)
    put(tmp_path, "work/made", data=b"whole")
    storage.publish(str(tmp_path / "work/made"), str(tmp_path / "out/x"))
    assert (everything(tmp_path), (tmp_path / "out/x").read_bytes()) == (["out/x"], b"whole")


@pytest.mark.parametrize("across", [False, True])
def test_publishing_to_a_full_disk_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, across: bool
) -> None:
    put(tmp_path, "out/x", data=b"old")
    put(tmp_path, "work/made", data=b"new")
    if across:
        _elsewhere(monkeypatch)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DolmaStorageError, match=r"out/x: cannot publish: No space left.*free space"):
        storage.publish(str(tmp_path / "work/made"), str(tmp_path / "out/x"))
    with pytest.raises(DolmaStorageError, match=r"out/x: cannot write: No space left"):
        storage.write_bytes(str(tmp_path / "out/x"), b"new")
    assert everything(tmp_path) == ["out/x", "work/made"]
    assert (tmp_path / "out/x").read_bytes() == b"old"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux only")
def test_a_full_device_is_explained() -> None:
    with (
        pytest.raises(DolmaStorageError, match="/dev/full: cannot write: No space left"),
        storage.failures.explained("write", "/dev/full"),
        open("/dev/full", "wb", buffering=0) as stream,
    ):
        stream.write(b"x")


def test_a_bug_is_not_dressed_up_as_a_storage_failure() -> None:
    with pytest.raises(TypeError), storage.failures.explained("write", "x"):
        raise TypeError("a bug")


def test_publishing_below_a_file_says_so(tmp_path: Path) -> None:
    put(tmp_path, "made", "file")
    with pytest.raises(DolmaStorageError, match="a file is in the way of a directory"):
        storage.publish(str(tmp_path / "made"), str(tmp_path / "file/x"))
    (tmp_path / "d").mkdir()
    with pytest.raises(DolmaStorageError, match="a directory is in the way"):
        storage.publish(str(tmp_path / "made"), str(tmp_path / "d"))


# The child stops for good at its `stop`-th call of `function`, in the middle of publishing.
CHILD = """
import os, sys, time
from dolma import storage
made, destination, function, stop, across = sys.argv[1:]
calls, original, rename = 0, getattr(os, function), os.replace
if across == "True":
    def elsewhere(source, target):
        if os.path.dirname(source) != os.path.dirname(target):
            raise OSError(18, "Invalid cross-device link")
        rename(source, target)
    os.replace = original = elsewhere if function == "replace" else original
    if function != "replace":
        os.replace = elsewhere
def held(*arguments):
    global calls
    calls += 1
    if calls == int(stop):
        print("held", flush=True)
        time.sleep(60)
    return original(*arguments)
setattr(os, function, held)
storage.publish(made, destination)
"""


@pytest.mark.parametrize(
    ("function", "stop", "across"),
    [
        ("fsync", 1, False),
        ("replace", 1, False),
        ("fsync", 2, True),
        ("replace", 1, True),
        ("replace", 2, True),
    ],
)
def test_killing_a_process_that_publishes_leaves_nothing_to_be_seen(
    tmp_path: Path, function: str, stop: int, across: bool
) -> None:
    made, out = tmp_path / "work/made", tmp_path / "out"
    put(tmp_path, "work/made", data=b"x" * 5_000_000)
    out.mkdir()
    package = os.path.dirname(os.path.dirname(os.path.dirname(storage.__file__)))
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, made, out / "x.gz", function, str(stop), str(across)],
        env={**os.environ, "PYTHONPATH": package},
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert all(storage.is_temporary(name) for name in os.listdir(out))
    with pytest.raises(DolmaInputError):
        storage.expand([f"{out}/**"])
    # The next try is not in the way of what the killed one left.
    storage.publish(str(made), str(out / "x.gz"))
    assert (out / "x.gz").stat().st_size == 5_000_000


# Records


def test_records_are_written_read_and_deleted(tmp_path: Path) -> None:
    path = str(tmp_path / "out/.dolma/x.json")
    assert storage.find_bytes(path) is None
    storage.write_bytes(path, b"old")
    storage.write_bytes(path, b"{}")
    assert storage.read_bytes(path) == storage.find_bytes(path) == b"{}"
    storage.delete(path)
    storage.delete(path)
    assert storage.stat(path) is None
    assert everything(tmp_path) == []
    with pytest.raises(DolmaInputError, match="no such file"):
        storage.read_bytes(path)


def test_a_directory_is_made_with_its_parents_and_may_be_there(tmp_path: Path) -> None:
    for _ in range(2):
        storage.make_directory(f"{tmp_path}/a/b")
    storage.make_directory("s3://bucket/key")
    assert (tmp_path / "a/b").is_dir()
    put(tmp_path, "file")
    with pytest.raises(DolmaStorageError, match="file/b"):
        storage.make_directory(f"{tmp_path}/file/b")


def test_what_was_written_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "file")
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    for path in ("missing", ".", "file"):
        storage.sync(f"{tmp_path}/{path}")
    assert len(synced) == 1


def test_a_folder_is_cleared_of_all_that_is_in_it_and_of_nothing_else(tmp_path: Path) -> None:
    for name in (
        "out/.dolma/readings/a.x",
        "out/.dolma/readings/.hidden/b",
        "out/.dolma/readings.x",
        "out/a",
    ):
        storage.write_bytes(str(tmp_path / name), b"x")
    storage.clear(str(tmp_path / "out/.dolma/readings"))
    storage.clear(str(tmp_path / "out/.dolma/readings"))
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"out/.dolma/readings.x", "out/a"}
