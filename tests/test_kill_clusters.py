"""Deduplication without a filter, killed in every pass and started again: the same bytes, no leftovers."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dolma import _core
from shards import environment, prose, recipe, visible, write

#: Kills the process when a pass begins or ends.
KILLER = """
import os, signal, sys
from dolma import _core, cli

real = _core.Clusters
at, when = sys.argv.pop(1).split(":")

class Killed:
    def __init__(self, **options): self.real = real(**options)
    check, probability, estimate = map(staticmethod, (real.check, real.probability, real.estimate))
    def __getattr__(self, name):
        method = getattr(self.real, name)
        def called(*arguments):
            if (name, when) == (at, "before"): os.kill(os.getpid(), signal.SIGKILL)
            result = method(*arguments)
            if (name, when) == (at, "after"): os.kill(os.getpid(), signal.SIGKILL)
            return result
        return called

_core.Clusters = Killed
sys.exit(cli.main())
"""

METHODS = {
    "exact": {"documents": {"attribute_name": "dup"}},
    "minhash": {"minhash": {"attribute_name": "dup"}},
}


def corpus(root: Path) -> None:
    draw = random.Random(5)
    bodies = [prose(seed, 60 + seed % 100) for seed in range(300)]
    for number in range(4):
        rows = [{"id": f"{number}-{n}", "text": draw.choice(bodies) + " end" * (n % 2)} for n in range(900)]
        write(root / f"documents/{number}.jsonl.gz", rows)


def start(root: Path, method: str, code: str, *arguments: str) -> subprocess.Popen[str]:
    config = {
        "documents": [f"{root}/documents/*"],
        "dedupe": METHODS[method],
        "memory": "1MiB",
        "processes": 2,
    }
    path = recipe(root, config, f"{method}.json")
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments, "dedupe", "-c", path],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("method", list(METHODS))
def test_a_run_that_is_killed_in_any_pass_ends_with_the_same_bytes(tmp_path: Path, method: str) -> None:
    corpus(tmp_path)
    quiet = "import sys; from dolma import cli; sys.exit(cli.main())"
    process = start(tmp_path, method, quiet)
    assert process.communicate(timeout=120)[1]
    assert process.returncode == 0
    expected = visible(tmp_path / "attributes")
    assert len(expected) == 4
    work = tmp_path / "attributes/dup/.dolma/work"
    passes = ["gather", "resolve", "mark"] if method == "exact" else ["gather", "collect", "resolve", "mark"]
    for at in passes:
        for when in ("before", "after"):
            for name in expected:
                (tmp_path / "attributes" / name).unlink(missing_ok=True)
            process = start(tmp_path, method, KILLER, f"{at}:{when}")
            process.communicate(timeout=120)
            assert process.returncode == -signal.SIGKILL
            left = visible(tmp_path / "attributes")
            assert all(expected[name] == data for name, data in left.items())
            assert bool(left) == ((at, when) == ("mark", "after"))
            if (at, when) in (("resolve", "after"), ("mark", "before")):
                assert work.exists(), "the test is to leave intermediates behind"
            process = start(tmp_path, method, quiet)
            said = process.communicate(timeout=120)[1]
            assert process.returncode == 0, said
            assert visible(tmp_path / "attributes") == expected
            assert not work.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="relies on how Linux says it")
@pytest.mark.parametrize("method", list(METHODS))
def test_intermediates_that_find_no_room_fail_with_their_file(tmp_path: Path, method: str) -> None:
    import resource

    corpus(tmp_path)
    limit = (100_000, 100_000)
    code = (
        "import resource, sys; from dolma import cli; "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, {limit}); sys.exit(cli.main())"
    )
    assert resource.RLIMIT_FSIZE >= 0
    process = start(tmp_path, method, code)
    said = process.communicate(timeout=120)[1]
    assert process.returncode in (4, 5), said
    assert "attributes/dup/.dolma/work/" in said
    assert "File too large" in said
    assert "Traceback" not in said
    assert visible(tmp_path / "attributes") == {}
    assert not os.path.exists(tmp_path / "attributes/dup/.dolma/work")


def test_the_engine_refuses_passes_out_of_order(tmp_path: Path) -> None:
    from dolma import recipes
    from dolma.commands import clusters
    from dolma.config import DedupeConfig

    config = recipes.load(DedupeConfig, {"documents": ["x"], "dedupe": METHODS["exact"]})
    core = _core.Clusters(
        plan=clusters.check(config), names=[["x"]], folder=tmp_path, memory=1 << 20, max_bad=0, threads=1
    )
    with pytest.raises(RuntimeError, match="gather, candidates, collect, resolve, mark"):
        core.mark([0], object(), _core.Progress())  # type: ignore[arg-type]
