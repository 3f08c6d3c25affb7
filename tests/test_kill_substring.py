"""The search for repeated substrings, killed in every pass and started again: the same bytes, no leftovers."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shards import environment, prose, recipe, visible, write

#: Kills the process when a pass begins or ends, or damages the intermediates then.
INTRUDER = """
import glob, os, signal, sys
from dolma import _core, cli

real = _core.Substrings
what, at, when, folder = sys.argv.pop(1).split(":")

def strike():
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    for path in glob.glob(f"{folder}/texts"):
        with open(path, "r+b") as file:
            file.seek(100_000)
            file.write(b"?")

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
PLAIN = "import sys; from dolma import cli; sys.exit(cli.main())"


def corpus(root: Path) -> None:
    draw = random.Random(5)
    bodies = [prose(seed, 60 + seed % 100) for seed in range(300)]
    for number in range(4):
        rows = [{"id": f"{number}-{n}", "text": " ".join(draw.choices(bodies, k=2))} for n in range(500)]
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
    work = tmp_path / "attributes/rep/.dolma/work"
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
                assert work.exists(), "the test is to leave intermediates behind"
            process = start(tmp_path, PLAIN)
            said = process.communicate(timeout=120)[1]
            assert process.returncode == 0, said
            assert visible(tmp_path / "attributes") == expected
            assert not work.exists()


@pytest.mark.parametrize("at", ["compare", "mark"])
def test_damaged_intermediates_are_an_error_that_names_them(tmp_path: Path, at: str) -> None:
    corpus(tmp_path)
    work = tmp_path / "attributes/rep/.dolma/work"
    process = start(tmp_path, INTRUDER, f"damage:{at}:before:{work}")
    said = process.communicate(timeout=120)[1]
    assert process.returncode not in (0, None), said
    assert "work/texts: this intermediate file was changed or damaged" in said
    assert "Traceback" not in said
    assert not work.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="relies on how Linux says it")
def test_intermediates_that_find_no_room_fail_with_their_file(tmp_path: Path) -> None:
    corpus(tmp_path)
    code = (
        "import resource, sys; from dolma import cli; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); sys.exit(cli.main())"
    )
    process = start(tmp_path, code)
    said = process.communicate(timeout=120)[1]
    assert process.returncode in (4, 5), said
    assert "attributes/rep/.dolma/work/" in said
    assert "File too large" in said
    assert "Traceback" not in said
    assert visible(tmp_path / "attributes") == {}
