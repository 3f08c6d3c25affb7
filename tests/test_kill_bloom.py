"""Deduplication with a Bloom filter, killed or out of room between any two of its steps, and started again: the
same bytes, filter included, and no leftovers."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from command import environment, recipe
from dolma import storage
from folders import visible
from shards import prose, write

#: Works on one file at a time. At the n-th call of a step, before or after it: kills the process, or
#: lets no file grow beyond what an attribute file needs.
INTRUDER = """
import os, resource, signal, sys
from dolma import _core, cli, storage
from dolma.commands import bloom
from dolma.commands.keeper import Keeper

bloom.GROUP_BYTES, bloom.GROUP_FILTERS = 1, 0
what, step, number, when = sys.argv.pop(1).split(":")
calls = 0

def strike():
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

def intruded(real):
    def called(*arguments, **options):
        global calls
        calls += 1
        if (calls, when) == (int(number), "before"): strike()
        result = real(*arguments, **options)
        if (calls, when) == (int(number), "after"): strike()
        return result
    return called

publish = storage.publish
def filters(local, destination, **how):
    return (hooked if destination.endswith("filter.bin") else publish)(local, destination, **how)
hooked = publish
if step == "compare": _core.dedupe = intruded(_core.dedupe)
if step == "save": Keeper.save = intruded(Keeper.save)
if step == "publish": hooked, storage.publish = intruded(publish), filters
sys.exit(cli.main())
"""
PLAIN = "import sys; from dolma import cli; sys.exit(cli.main())"

METHODS: dict[str, dict[str, Any]] = {
    "documents": {"documents": {"attribute_name": "dup"}},
    "paragraphs": {"paragraphs": {"attribute_name": "dup"}},
    "by_ngram": {"paragraphs": {"attribute_name": "dup", "by_ngram": {"ngram_length": 5}}},
}
FILES = 3


def corpus(root: Path) -> None:
    """Documents, of which an earlier stage has marked some."""
    draw = random.Random(5)
    bodies = [prose(seed, 20 + seed % 30) for seed in range(200)]
    for number in range(FILES):
        rows = [{"id": f"{number}-{n}", "text": "\n".join(draw.choices(bodies, k=3))} for n in range(200)]
        rows[50]["text"] = rows[0]["text"]
        write(root / f"documents/{number}.jsonl.gz", rows)
        marks = [
            {"id": row["id"], "attributes": {"old": [[0, 1, 1]] if at % 9 == 0 else []}}
            for at, row in enumerate(rows)
        ]
        write(root / f"attributes/old/{number}.jsonl.gz", marks)


def run(root: Path, method: str, code: str, *arguments: str) -> tuple[int, str]:
    config = {
        "documents": [f"{root}/documents/*"],
        "dedupe": {**METHODS[method], "skip_marked": ["old"]},
        "bloom_filter": {"file": f"{root}/filter.bin", "read_only": False, "size_in_bytes": 1 << 18},
        "processes": 2,
    }
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, "dedupe", "-c", recipe(root, config, f"{method}.json")],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stderr


def made(root: Path) -> dict[str, bytes]:
    """What a run has made, as far as a user sees it."""
    found = visible(root / "attributes/dup") if (root / "attributes/dup").exists() else {}
    path = root / "filter.bin"
    return found | ({"filter.bin": path.read_bytes()} if path.exists() else {})


def remove(root: Path) -> None:
    for path in (root / "filter.bin", *(root / "attributes/dup").glob("*.gz")):
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("method", list(METHODS))
def test_a_run_that_is_killed_at_any_step_ends_with_the_same_bytes(tmp_path: Path, method: str) -> None:
    corpus(tmp_path)
    code, said = run(tmp_path, method, PLAIN)
    assert code == 0, said
    expected = made(tmp_path)
    assert len(expected) == FILES + 1
    for step, when in (
        ("compare", "before"),
        ("compare", "after"),
        ("save", "after"),
        ("publish", "before"),
        ("publish", "after"),
    ):
        for number in (1, FILES):
            remove(tmp_path)
            code, said = run(tmp_path, method, INTRUDER, f"kill:{step}:{number}:{when}")
            assert code == -signal.SIGKILL, said
            left = made(tmp_path)
            left.pop("filter.bin", None)
            done = number - ((step, when) == ("compare", "before"))
            assert sorted(left) == sorted(expected)[:done]
            assert all(expected[name] == data for name, data in left.items())
            code, said = run(tmp_path, method, PLAIN)
            assert code == 0, said
            assert made(tmp_path) == expected, f"killed {when} {step} {number}"
            assert [path for path in tmp_path.glob("*") if storage.is_temporary(path.name)] == []


@pytest.mark.skipif(sys.platform != "linux", reason="relies on how Linux says it")
@pytest.mark.parametrize("method", list(METHODS))
def test_a_filter_that_finds_no_room_fails_with_its_name_and_a_run_with_room_goes_on(
    tmp_path: Path, method: str
) -> None:
    corpus(tmp_path)
    code, said = run(tmp_path, method, PLAIN)
    assert code == 0, said
    expected = made(tmp_path)
    for number in (1, FILES):
        remove(tmp_path)
        code, said = run(tmp_path, method, INTRUDER, f"fill:save:{number}:before")
        assert code == 5, (code, said)
        assert "filter.bin" in said
        assert "File too large" in said
        assert "Traceback" not in said
        report = json.loads(Path(said.split("dedupe: report: ")[1].splitlines()[0]).read_text())
        assert (report["status"], report["failures"]) == ("failed", [])
        assert f"error: {report['error']}" in said
        assert report["counts"]["written"] == number * 200
        assert ("filter.bin" in made(tmp_path)) == (number > 1)
        assert [path for path in tmp_path.glob("*") if storage.is_temporary(path.name)] == []
        code, said = run(tmp_path, method, PLAIN)
        assert code == 0, said
        assert made(tmp_path) == expected
