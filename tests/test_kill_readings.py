"""Parts, the run that compares them, a run without parts that leaves readings, and runs on an index,
killed again and again between any two steps and started again: the bytes of one run that was never
killed, and nothing left behind."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from command import environment, recipe
from folders import visible
from shards import prose, write

#: Kills the process at the n-th step: before or after anything is published, written or deleted, and
#: before or after a pass of the engine.
KILLER = """
import os, signal, sys
from dolma import _core, cli, storage

left = int(sys.argv.pop(1))

def step():
    global left
    left -= 1
    if left == 0: os.kill(os.getpid(), signal.SIGKILL)

def watched(call):
    def called(*arguments, **options):
        step()
        result = call(*arguments, **options)
        step()
        return result
    return called

PASSES = ("gather", "write_readings", "load_readings", "collect", "resolve", "compare", "digests", "mark")

def watch(real, *names):
    class Watched:
        def __init__(self, **options): self.real = real(**options)
        def __getattr__(self, name):
            method = getattr(self.real, name)
            return watched(method) if name in PASSES else method
    for name in names: setattr(Watched, name, getattr(real, name))
    return Watched

_core.Clusters = watch(_core.Clusters, "check", "probability", "describe_index")
_core.Substrings = watch(_core.Substrings, "intermediates")
for name in ("publish", "write_bytes", "delete", "clear"):
    setattr(storage, name, watched(getattr(storage, name)))
sys.exit(cli.main())
"""
QUIET = "import sys; from dolma import cli; sys.exit(cli.main())"
#: Publishes slowly, so that there is time to kill it while it reads.
SLOW = """
import sys, time
from dolma import cli, storage

publish = storage.publish

def slowly(*arguments, **options):
    time.sleep(0.05)
    return publish(*arguments, **options)

storage.publish = slowly
sys.exit(cli.main())
"""

#: Lets no file grow beyond some kilobytes.
CRAMPED = """
import resource, sys
from dolma import cli

resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
sys.exit(cli.main())
"""
#: What says that a reading is done; not what is still being written.
RECORDS = ".dolma/done/[!.]*.json"

METHODS: dict[str, dict[str, Any]] = {
    "exact": {"documents": {"attribute_name": "dup"}},
    "minhash": {"minhash": {"attribute_name": "dup"}},
    "substring": {"substring": {"attribute_name": "dup", "min_length": 60}},
}


def corpus(root: Path, files: int = 4) -> None:
    draw = random.Random(5)
    bodies = [prose(seed, 40 + seed % 50) for seed in range(60)]
    for number in range(files):
        rows = [{"id": f"{number}-{n}", "text": draw.choice(bodies) + " end" * (n % 2)} for n in range(90)]
        write(root / f"documents/{number}.jsonl.gz", rows)


def command(
    root: Path, method: Mapping[str, Any], *arguments: str, steps: int | None = None, code: str = QUIET
) -> subprocess.Popen[str]:
    """Starts a run, to be killed at a step."""
    code = code if steps is None else KILLER
    config = {"documents": [f"{root}/documents/*"], "dedupe": method, "memory": "1MiB", "processes": 2}
    path = recipe(root, config)
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            code,
            *([] if steps is None else [str(steps)]),
            "dedupe",
            "-c",
            path,
            *arguments,
        ],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def quietly(root: Path, method: Mapping[str, Any]) -> dict[str, bytes]:
    """What one run gives that nobody kills."""
    process = command(root, method)
    said = process.communicate(timeout=240)[1]
    assert process.returncode == 0, said
    return visible(root / "attributes")


def attempts(
    root: Path, method: Mapping[str, Any], draw: random.Random, *arguments: str, steps: int
) -> list[str]:
    """Runs a command until it is done, killed after some steps each time; what each attempt said."""
    said: list[str] = []
    while len(said) < 60:
        process = command(root, method, *arguments, steps=draw.randrange(1, steps + 2 * len(said)))
        said.append(process.communicate(timeout=240)[1])
        assert process.returncode in (0, -signal.SIGKILL), said[-1]
        if process.returncode == 0:
            return said
    raise AssertionError("the command makes no headway")


def again_and_again(
    root: Path, method: Mapping[str, Any], draw: random.Random, *arguments: str, steps: int
) -> int:
    """Runs a command until it is done, killed after some steps each time; how often it was."""
    return len(attempts(root, method, draw, *arguments, steps=steps)) - 1


def taken(said: str) -> int:
    """How many files a run says that an earlier one has read."""
    found = re.search(r"readings of (\d+) of \d+ files are there", said)
    return int(found[1]) if found else 0


def is_reading(said: str) -> bool:
    """Whether a run that said this has found attributes to write."""
    return " shards to do" in said and "; 0 shards to do" not in said


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", list(METHODS))
def test_parts_and_the_run_that_compares_them(tmp_path: Path, name: str, seed: int) -> None:
    corpus(tmp_path)
    expected = quietly(tmp_path, METHODS[name])
    shutil.rmtree(tmp_path / "attributes")
    draw = random.Random(seed)
    kills = sum(
        again_and_again(tmp_path, METHODS[name], draw, "--shard", f"{index}/2", steps=12) for index in (1, 0)
    )
    assert visible(tmp_path / "attributes") == {}
    kills += again_and_again(tmp_path, METHODS[name], draw, steps=16)
    assert kills > 2
    assert visible(tmp_path / "attributes") == expected
    left = {path.name for path in (tmp_path / "attributes/dup/.dolma").iterdir()}
    assert left == {"done", "runs"}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", ["exact", "minhash"])
def test_runs_on_an_index(tmp_path: Path, name: str, seed: int) -> None:
    corpus(tmp_path)
    method = {**METHODS[name], "index": {"file": str(tmp_path / "seen")}}
    whole = quietly(tmp_path, METHODS[name])
    shutil.rmtree(tmp_path / "attributes")
    late = sorted((tmp_path / "documents").iterdir())
    # Of exact keys, what came first is the first; MinHash looks at all in order, whenever they came.
    late = late[:2] if name == "minhash" else late[2:]
    for path in late:
        path.rename(tmp_path / path.name)
    before = quietly(tmp_path, method)
    assert len(before) == 2
    for path in late:
        (tmp_path / path.name).rename(path)
    draw = random.Random(seed)
    kills = again_and_again(tmp_path, method, draw, steps=20)
    assert kills > 0
    assert visible(tmp_path / "attributes") == whole
    assert not list((tmp_path / "attributes/dup/.dolma").glob("dolma-dedupe-*"))
    assert (before.items() <= whole.items()) == (name == "exact")
    process = command(tmp_path, method)
    assert "0 shards to do, 4 done before" in process.communicate(timeout=240)[1]


@pytest.mark.parametrize("name", list(METHODS))
def test_whatever_moment_it_is_killed_at(tmp_path: Path, name: str) -> None:
    """By the clock this time: in the middle of a pass, of a file, of a clean-up."""
    corpus(tmp_path, files=6)
    expected = quietly(tmp_path, METHODS[name])
    shutil.rmtree(tmp_path / "attributes")
    draw = random.Random(name)
    for arguments in (("--shard", "0/2"), ("--shard", "1/2"), ()):
        for _ in range(3):
            process = command(tmp_path, METHODS[name], *arguments)
            time.sleep(draw.uniform(0.2, 1.5))
            process.kill()
            process.communicate()
            made = visible(tmp_path / "attributes")
            assert all(expected[path] == data for path, data in made.items())
        process = command(tmp_path, METHODS[name], *arguments)
        said = process.communicate(timeout=240)[1]
        assert process.returncode == 0, said
    assert visible(tmp_path / "attributes") == expected
    assert not (tmp_path / "attributes/dup/.dolma/readings").exists()


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", list(METHODS))
def test_a_run_without_parts_takes_up_what_it_has_read(tmp_path: Path, name: str, seed: int) -> None:
    corpus(tmp_path, files=6)
    expected = quietly(tmp_path, METHODS[name])
    shutil.rmtree(tmp_path / "attributes")
    method = {**METHODS[name], "resumable": "always"}
    said = attempts(tmp_path, method, random.Random(seed), steps=14)
    assert len(said) > 2
    there = [taken(text) for text in said if is_reading(text)]
    # What has been read once is never read again.
    assert there == sorted(there)
    assert there[-1] > 0
    assert visible(tmp_path / "attributes") == expected
    assert {path.name for path in (tmp_path / "attributes/dup/.dolma").iterdir()} == {"done", "runs"}


@pytest.mark.parametrize("name", list(METHODS))
def test_a_run_without_parts_is_killed_at_any_moment(tmp_path: Path, name: str) -> None:
    """By the clock: in the middle of a file, for the most part."""
    corpus(tmp_path, files=40)
    expected = quietly(tmp_path, METHODS[name])
    shutil.rmtree(tmp_path / "attributes")
    method = {**METHODS[name], "resumable": "always"}
    draw = random.Random(name)
    home = tmp_path / "attributes/dup/.dolma/readings"
    there: list[int] = []
    for number in (signal.SIGKILL, signal.SIGINT, *[signal.SIGKILL] * 4):
        process = command(tmp_path, method, code=SLOW)
        wanted = len(list(home.glob(RECORDS))) + draw.randrange(1, 4)
        while process.poll() is None and len(list(home.glob(RECORDS))) < wanted:
            time.sleep(0.001)
        time.sleep(draw.uniform(0, 0.05))
        process.send_signal(number)
        said = process.communicate(timeout=240)[1]
        assert process.returncode == (130 if number == signal.SIGINT else -number), said
        there.append(taken(said))
        assert visible(tmp_path / "attributes") == {}
    process = command(tmp_path, method, "--report", str(tmp_path / "report.json"))
    said = process.communicate(timeout=240)[1]
    assert process.returncode == 0, said
    there.append(taken(said))
    assert there == sorted(set(there)), "each attempt is to have read more"
    found = json.loads((tmp_path / "report.json").read_text())["readings"]
    assert found == {"taken": there[-1], "made": 40 - there[-1]}
    assert visible(tmp_path / "attributes") == expected
    assert not home.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="relies on how Linux says it")
@pytest.mark.parametrize("name", list(METHODS))
def test_a_disk_without_room_for_a_reading_is_an_error_with_its_place(tmp_path: Path, name: str) -> None:
    corpus(tmp_path)
    write(tmp_path / "documents/9.jsonl", [{"id": "a", "text": "short"}])
    expected = quietly(tmp_path, METHODS[name])
    shutil.rmtree(tmp_path / "attributes")
    method = {**METHODS[name], "resumable": "always"}
    process = command(tmp_path, method, code=CRAMPED)
    said = process.communicate(timeout=240)[1]
    assert process.returncode == 4, said
    assert re.search(r"\.dolma/readings/\.dolma-tmp-\S+\.reading: File too large", said), said
    assert "Traceback" not in said
    assert visible(tmp_path / "attributes") == {}
    process = command(tmp_path, method)
    said = process.communicate(timeout=240)[1]
    assert process.returncode == 0, said
    assert taken(said) == 1
    assert visible(tmp_path / "attributes") == expected
