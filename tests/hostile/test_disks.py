"""Disks that fill up, under every command: the shard fails, the others stand, and nothing is half there."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from command import Result, dolma, recipe
from commands import COMMANDS, check_failed, output, run
from folders import listed
from shards import line, put


@pytest.fixture(params=COMMANDS)
def name(request: pytest.FixtureRequest) -> str:
    """One command after the other."""
    return str(request.param)


def big(root: Path) -> None:
    """A good file and one whose results take more room than there is."""
    rng = random.Random(1)
    put(root / "documents" / "good.jsonl.gz", "good one", "good two")
    lines = (line(f"{rng.getrandbits(256):x}", f"{rng.getrandbits(3000):x}") for _ in range(3000))
    put(root / "documents" / "big.jsonl.gz", *lines)


@pytest.mark.skipif(sys.platform != "linux", reason="relies on how Linux says it")
def test_a_file_may_not_grow_any_more(tmp_path: Path, name: str) -> None:
    import resource

    big(tmp_path)
    limit = 70_000
    result = run(name, tmp_path, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    place = output(name, tmp_path).relative_to(tmp_path)
    check_failed(name, tmp_path, result, f"{place}/.dolma-tmp-big.jsonl.gz: File too large (os error 27)")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of six megabytes, where this user may mount one."""
    import subprocess

    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6000k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount")
    if done.returncode != 0:
        pytest.skip("no right to mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(disk: Path, leave: int) -> None:
    """Leaves so many bytes of a disk free."""
    found = os.statvfs(disk)
    (disk / "filler").write_bytes(b"x" * (found.f_bavail * found.f_bsize - leave))


#: Commands whose outputs nobody can foresee, so that the plan is not refused: a rule may drop most of it.
UNFORESEEN = ("tag in Python", "dedupe", "mix")


def run_unforeseen(name: str, root: Path, *more: object) -> Result:
    """Runs a command of `UNFORESEEN`."""
    if name != "mix":
        return run(name, root, *more)
    stream = {"name": "m", "documents": ["documents"], "output": {"path": "mixed"}}
    stream["filter"] = {"include": ["$.id"]}
    path = recipe(root, {"streams": [stream], "shuffle": False})
    return dolma("mix", "-c", path, *more, cwd=root)


@pytest.mark.parametrize("name", ["tag", "mix"])
def test_a_plan_that_cannot_fit_is_refused(small_disk: Path, name: str) -> None:
    big(small_disk)
    fill(small_disk, 60_000)
    result = run(name, small_disk)
    assert result.code == 2
    assert "and the outputs of 1.4 MB of input take at least" in result.message
    assert not output(name, small_disk).exists()


@pytest.mark.parametrize("name", UNFORESEEN)
def test_the_disk_fills_up(small_disk: Path, name: str) -> None:
    big(small_disk)
    fill(small_disk, 60_000)
    result = run_unforeseen(name, small_disk)
    place = output(name, small_disk).relative_to(small_disk)
    full = "No space left on device (os error 28)"
    check_failed(name, small_disk, result, f"{place}/.dolma-tmp-big.jsonl.gz: {full}")
    # With room again the same command goes on where it was.
    (small_disk / "filler").unlink()
    before = (output(name, small_disk) / "good.jsonl.gz").stat().st_mtime_ns
    assert run_unforeseen(name, small_disk).code == 0
    assert listed(output(name, small_disk)) == ["big.jsonl.gz", "good.jsonl.gz"]
    if name != "dedupe":
        assert (output(name, small_disk) / "good.jsonl.gz").stat().st_mtime_ns == before


@pytest.mark.parametrize("name", UNFORESEEN)
def test_the_disk_is_full_from_the_start(small_disk: Path, name: str) -> None:
    big(small_disk)
    run_unforeseen(name, small_disk, "--dryrun")  # Leaves the files that the command line needs.
    fill(small_disk, 0)
    result = run_unforeseen(name, small_disk)
    assert result.code == 4
    assert result.message.startswith("2 of 2 shards failed:")
    assert all("No space left on device" in failure for failure in result.failures)
    # The last one is the report, which has no room either and must not hide the others.
    assert len(result.failures) == 3
    assert not output(name, small_disk).exists() or listed(output(name, small_disk)) == []
