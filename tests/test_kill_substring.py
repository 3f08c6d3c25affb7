"""The search for repeated substrings, killed in every pass and started again: the same bytes, no leftovers."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from command import environment, recipe
from folders import visible
from shards import prose, write

#: When a pass begins or ends: kills the process, damages the intermediates that are called so, or lets
#: no file grow any more.
INTRUDER = """
import glob, os, resource, signal, sys
from dolma import _core, cli

real = _core.Substrings
what, at, when, folder = sys.argv.pop(1).split(":")

def strike():
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "fill":
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    for path in glob.glob(f"{folder}/{what}"):
        with open(path, "r+b") as file:
            middle = os.path.getsize(path) // 2
            file.seek(middle)
            byte = file.read(1)
            file.seek(middle)
            file.write(bytes([byte[0] ^ 1]))

class Intruded:
    def __init__(self, **options): self.real = real(**options)
    intermediates = staticmethod(real.intermediates)
    def __getattr__(self, name):
        method = getattr(self.real, name)
        def called(*arguments):
            if (name, when) == (at, "before"): strike()
            result = method(*arguments)
            if (name, when) == (at, "after"): strike()
            return result
        return called

_core.Substrings = Intruded
sys.exit(cli.main())
"""
#: The folder of intermediates, beside the records.
WORK = "dolma-dedupe-*"
PLAIN = "import sys; from dolma import cli; sys.exit(cli.main())"


def corpus(root: Path) -> None:
    draw = random.Random(5)
    bodies = [prose(seed, 20 + seed % 30) for seed in range(300)]
    for number in range(4):
        # Long ids and many repeats, so that there is much of every kind of intermediate.
        texts = [" ".join(draw.choices(bodies, k=8)) for _ in range(500)]
        rows = [{"id": f"{number}-{n:0500}", "text": text} for n, text in enumerate(texts)]
        write(root / f"documents/{number}.jsonl.gz", rows)


def start(root: Path, code: str, *arguments: str) -> subprocess.Popen[str]:
    config = {
        "documents": [f"{root}/documents/*"],
        "dedupe": {"substring": {"attribute_name": "rep", "min_length": 50}},
        "memory": "1MiB",
        "processes": 2,
    }
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments, "dedupe", "-c", recipe(root, config)],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_run_that_is_killed_in_any_pass_ends_with_the_same_bytes(tmp_path: Path) -> None:
    corpus(tmp_path)
    process = start(tmp_path, PLAIN)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 0, said
    expected = visible(tmp_path / "attributes")
    assert len(expected) == 4
    work = tmp_path / "attributes/rep/.dolma"
    for at in ("gather", "compare", "mark"):
        for when in ("before", "after"):
            for name in expected:
                (tmp_path / "attributes" / name).unlink(missing_ok=True)
            process = start(tmp_path, INTRUDER, f"kill:{at}:{when}:")
            process.communicate(timeout=120)
            assert process.returncode == -signal.SIGKILL
            left = visible(tmp_path / "attributes")
            assert bool(left) == ((at, when) == ("mark", "after"))
            if (at, when) in (("gather", "after"), ("compare", "after")):
                assert list(work.glob(WORK)), "the test is to leave intermediates behind"
            process = start(tmp_path, PLAIN)
            said = process.communicate(timeout=120)[1]
            assert process.returncode == 0, said
            assert visible(tmp_path / "attributes") == expected
            assert not list(work.glob(WORK))


@pytest.mark.parametrize(
    ("name", "at"),
    [("texts", "compare"), ("anchors-*", "compare"), ("texts", "mark"), ("rows", "mark"), ("marks", "mark")],
)
def test_damaged_intermediates_are_an_error_that_names_them(tmp_path: Path, name: str, at: str) -> None:
    corpus(tmp_path)
    work = tmp_path / "attributes/rep/.dolma"
    process = start(tmp_path, INTRUDER, f"{name}:{at}:before:{work}/{WORK}")
    said = process.communicate(timeout=120)[1]
    assert process.returncode not in (0, None), said
    stem = name.removesuffix("*")
    assert re.search(rf"dolma-dedupe-\w+/{stem}\d*: this intermediate file was changed or damaged", said), (
        said
    )
    assert "Traceback" not in said
    assert not list(work.glob(WORK))
    process = start(tmp_path, PLAIN)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 0, said


@pytest.mark.skipif(sys.platform != "linux", reason="relies on how Linux says it")
@pytest.mark.parametrize(
    ("at", "named"),
    [
        ("gather", "attributes/rep/.dolma/dolma-dedupe-"),
        ("compare", "attributes/rep/.dolma/dolma-dedupe-"),
        ("mark", "-0.jsonl.gz"),
    ],
)
def test_a_full_disk_fails_with_its_file_and_a_run_with_room_goes_on(
    tmp_path: Path, at: str, named: str
) -> None:
    corpus(tmp_path)
    process = start(tmp_path, INTRUDER, f"fill:{at}:before:")
    said = process.communicate(timeout=120)[1]
    assert process.returncode in (4, 5), said
    assert named in said
    assert "File too large" in said
    assert "Traceback" not in said
    assert visible(tmp_path / "attributes") == {}
    assert not list((tmp_path / "attributes/rep/.dolma").glob(WORK))
    process = start(tmp_path, PLAIN)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 0, said
    assert len(visible(tmp_path / "attributes")) == 4
