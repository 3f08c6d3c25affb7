"""Runs at the same time over the same files: none disturbs another, or the second says that it cannot be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from command import environment, recipe
from dolma import lock
from dolma.errors import DolmaConfigError
from folders import visible
from shards import prose, write

#: Says `ready` before the rows are written, and waits for a word.
WAITING = """
import sys
from dolma import _core, cli

real = _core.Clusters if sys.argv.pop(1) == "Clusters" else _core.Substrings

class Waiting:
    def __init__(self, **options): self.real = real(**options)
    def __getattr__(self, name):
        if name == "mark":
            print("ready", flush=True)
            sys.stdin.readline()
        return getattr(self.real, name)

for name in ("check", "probability", "estimate", "describe_index", "intermediates"):
    if hasattr(real, name):
        setattr(Waiting, name, staticmethod(getattr(real, name)))
setattr(_core, real.__name__, Waiting)
sys.exit(cli.main())
"""
PLAIN = "import sys; sys.argv.pop(1); from dolma import cli; sys.exit(cli.main())"

EXACT = {"documents": {"attribute_name": "dup"}}
MINHASH = {"minhash": {"attribute_name": "dup", "preset": "datatrove"}}
SUBSTRING = {"substring": {"attribute_name": "dup", "min_length": 50}}
ENGINES = {"documents": "Clusters", "minhash": "Clusters", "substring": "Substrings"}


def start(root: Path, method: dict[str, Any], code: str, *arguments: str) -> subprocess.Popen[str]:
    config = {"documents": [f"{root}/documents/*"], "dedupe": method, "memory": "1MiB", "progress": "none"}
    engine = ENGINES[next(iter(method))]
    command = ["dedupe", "-c", recipe(root, config, "r.json"), *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", code, engine, *command],
        env=environment(),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
    )


def finish(process: subprocess.Popen[str], word: str = "\n") -> tuple[int, str]:
    said = process.communicate(word, timeout=120)[1]
    assert "Traceback" not in said, said
    return process.returncode, said


def waiting(root: Path, method: dict[str, Any]) -> subprocess.Popen[str]:
    """A run in the midst of its work."""
    process = start(root, method, WAITING)
    assert process.stdout is not None
    while process.stdout.readline() != "ready\n":
        assert process.poll() is None, finish(process)
    return process


def corpus(root: Path) -> None:
    bodies = [prose(seed, 40) for seed in range(600)]
    for number in range(2):
        chosen = [bodies[(n * 7 + number) % len(bodies)] for n in range(1500)]
        rows = [{"id": f"{number}-{n}", "text": text} for n, text in enumerate(chosen)]
        write(root / f"documents/{number}.jsonl.gz", rows)


@pytest.mark.parametrize("method", [EXACT, MINHASH, SUBSTRING])
def test_two_alike_that_spill_end_as_one_does(tmp_path: Path, method: dict[str, Any]) -> None:
    corpus(tmp_path)
    first = waiting(tmp_path, method)
    below = tmp_path / "attributes/dup/.dolma"
    (held,) = below.glob("dolma-dedupe-*")
    assert any(held.iterdir()), "the test is to spill"
    code, said = finish(start(tmp_path, method, PLAIN))
    assert code == 0, said
    expected = visible(tmp_path / "attributes")
    assert len(expected) == 2
    assert held.is_dir()
    code, said = finish(first)
    assert code == 0, said
    assert visible(tmp_path / "attributes") == expected
    assert not list(below.glob("dolma-dedupe-*"))


def test_what_a_killed_one_left_is_removed_before_the_next_looks_for_room(tmp_path: Path) -> None:
    corpus(tmp_path)
    first = waiting(tmp_path, EXACT)
    first.kill()
    finish(first)
    below = tmp_path / "attributes/dup/.dolma"
    assert list(below.glob("dolma-dedupe-*"))
    code, said = finish(start(tmp_path, EXACT, PLAIN, "--dryrun"))
    assert code == 0, said
    assert not list(below.glob("dolma-dedupe-*"))


@pytest.mark.parametrize("method", [EXACT, MINHASH])
def test_a_second_run_that_adds_to_an_index_fails_early_and_the_first_goes_on(
    tmp_path: Path, method: dict[str, Any]
) -> None:
    corpus(tmp_path)
    index = {**method, "index": {"file": str(tmp_path / "seen")}}
    first = waiting(tmp_path, index)
    code, said = finish(start(tmp_path, index, PLAIN))
    assert code == 2
    assert said.splitlines()[-1].startswith(
        f"error: {tmp_path}/r.json:1: dedupe.index.file: {tmp_path}/seen is being added to by another run, process "
        f"{first.pid} on "
    )
    assert said.endswith("; wait until that has ended, or give another name\n")
    for harmless in (("--dryrun",), ("--shard", "0/2")):
        code, said = finish(start(tmp_path, index, PLAIN, *harmless))
        assert code == 0, said
    code, said = finish(first)
    assert code == 0, said
    assert not list(tmp_path.glob(".*.lock"))
    code, said = finish(start(tmp_path, index, PLAIN))
    assert code == 0, said
    assert "2 done before" in said


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    corpus(tmp_path)
    index = {**EXACT, "index": {"file": str(tmp_path / "seen")}}
    first = waiting(tmp_path, index)
    first.kill()
    finish(first)
    assert list(tmp_path.glob(".*.lock"))
    code, said = finish(start(tmp_path, index, PLAIN))
    assert code == 0, said
    assert not list(tmp_path.glob(".*.lock"))


def test_a_filter_is_held_while_it_is_added_to(tmp_path: Path) -> None:
    corpus(tmp_path)
    bloom = ["--bloom_filter.file", str(tmp_path / "f.bin"), "--bloom_filter.size_in_bytes", "65536"]
    with lock.held(str(tmp_path / "f.bin"), "bloom_filter.file"):
        code, said = finish(start(tmp_path, EXACT, PLAIN, *bloom, "--no-bloom_filter.read_only"))
    assert code == 2
    assert f"error: bloom_filter.file: {tmp_path}/f.bin is being added to by another run" in said
    code, said = finish(start(tmp_path, EXACT, PLAIN, *bloom, "--no-bloom_filter.read_only"))
    assert code == 0, said
    with lock.held(str(tmp_path / "f.bin"), "bloom_filter.file"):
        write(tmp_path / "others/documents/0.jsonl", [{"id": "x", "text": "y"}])
        other = [*bloom, "--bloom_filter.read_only", "--documents", f"{tmp_path}/others/documents/*"]
        code, said = finish(start(tmp_path, EXACT, PLAIN, *other))
    assert code == 0, said


def test_a_lock_is_held_once_and_given_back(tmp_path: Path) -> None:
    path = f"{tmp_path}/new/folder/index/"
    for _ in range(2):
        with (
            lock.held(path, "key"),
            pytest.raises(DolmaConfigError, match=r"^key: .*index/ is being added to"),
            lock.held(path, "key"),
        ):
            pass
    assert list((tmp_path / "new/folder").iterdir()) == []
    with lock.held("s3://bucket/index", "key"), lock.held("s3://bucket/index", "key"):
        pass
