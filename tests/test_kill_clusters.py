"""Deduplication without a filter, disturbed in every pass: killed, without room, with damaged intermediates.

Whatever happened, nothing half is left, and the same command ends with the bytes of a quiet run.
"""

from __future__ import annotations

import glob
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from command import environment, recipe
from dolma import _core
from folders import visible
from shards import prose, write

#: Kills the process when a pass begins or ends or a moment after it began; or, when it begins, lets
#: no file grow any more, or changes a byte of all intermediates.
INTRUDER = """
import glob, os, resource, signal, sys, threading
from dolma import _core, cli

real = _core.Clusters
what, at, when, folder = sys.argv.pop(1).split(":")

def strike():
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))
    if what == "damage":
        for path in glob.glob(f"{folder}/*"):
            with open(path, "r+b") as file:
                byte = file.read(1)
                file.seek(0)
                file.write(bytes([byte[0] ^ 1]) if byte else b"")

class Intruded:
    check, probability, estimate = map(staticmethod, (real.check, real.probability, real.estimate))
    def __init__(self, **options): self.real = real(**options)
    def __getattr__(self, name):
        method = getattr(self.real, name)
        def called(*arguments):
            if name != at:
                return method(*arguments)
            if when == "before": strike()
            if when == "during": threading.Timer(0.015, strike).start()
            result = method(*arguments)
            if what == "kill": strike()
            return result
        return called

_core.Clusters = Intruded
sys.exit(cli.main())
"""
PLAIN = "import sys; from dolma import cli; sys.exit(cli.main())"

METHODS = {
    "exact": {"documents": {"attribute_name": "dup"}},
    "paragraphs": {"paragraphs": {"attribute_name": "dup"}},
    "minhash": {"minhash": {"attribute_name": "dup"}},
    "signature": {"minhash": {"attribute_name": "dup", "verify": "signature"}},
}
#: The passes of each method.
PASSES = {
    "exact": ("gather", "resolve", "mark"),
    "paragraphs": ("gather", "resolve", "mark"),
    "minhash": ("gather", "candidates", "collect", "resolve", "mark"),
    "signature": ("gather", "candidates", "resolve", "mark"),
}


#: Every pass of every method.
EVERY = [(method, at) for method, found in PASSES.items() for at in found]
#: The same, without a method whose intermediates are those of another.
DIFFERENT = [(method, at) for method, at in EVERY if method != "paragraphs"]


class Runs:
    """A corpus with what a quiet run of each method makes of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        draw = Random(5)
        # Enough that every pass has intermediates that do not fit into the memory.
        bodies = [prose(seed, 25 + seed % 30) for seed in range(4000)]
        for number in range(4):
            chosen = [draw.choice(bodies) + " end" * (n % 2) for n in range(4000)]
            write(
                root / f"documents/{number}.jsonl.gz",
                [{"id": f"{number}-{n}", "text": text} for n, text in enumerate(chosen)],
            )
        self.expected: dict[str, dict[str, bytes]] = {}

    @property
    def work(self) -> str:
        """Where intermediates are, as a pattern."""
        return f"{self.root}/attributes/dup/.dolma/dolma-dedupe-*"

    @property
    def works(self) -> list[str]:
        """The folders with intermediates."""
        return glob.glob(self.work)

    def run(self, method: str, code: str = PLAIN, *arguments: str) -> tuple[int, str]:
        """The exit code and messages of a run."""
        config = {
            "documents": [f"{self.root}/documents/*"],
            "dedupe": METHODS[method],
            "memory": "1MiB",
            "processes": 2,
        }
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments, "dedupe", "-c", recipe(self.root, config, "r.json")],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stderr

    def quiet(self, method: str) -> dict[str, bytes]:
        """The attribute files of a quiet run; they are removed."""
        if method not in self.expected:
            code, said = self.run(method)
            assert code == 0, said
            self.expected[method] = visible(self.root / "attributes")
            assert len(self.expected[method]) == 4
        for name in self.expected[method]:
            (self.root / "attributes" / name).unlink(missing_ok=True)
        return self.expected[method]

    def disturbed(self, what: str, method: str, at: str, when: str) -> tuple[int, str]:
        """A run that is disturbed; what it leaves is a part of what a quiet one leaves."""
        expected = self.quiet(method)
        code, said = self.run(method, INTRUDER, f"{what}:{at}:{when}:{self.work}")
        left = visible(self.root / "attributes")
        assert all(expected[name] == data for name, data in left.items())
        return code, said

    def recovers(self, method: str) -> None:
        """Runs again: the same bytes, no leftovers."""
        code, said = self.run(method)
        assert code == 0, said
        assert visible(self.root / "attributes") == self.expected[method]
        assert self.works == []


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("disturbed"))


@pytest.mark.parametrize(
    ("method", "at", "when"),
    [(*one, "during") for one in EVERY] + [(method, "mark", "after") for method in METHODS],
)
def test_a_run_that_is_killed_ends_with_the_same_bytes(runs: Runs, method: str, at: str, when: str) -> None:
    code, _ = runs.disturbed("kill", method, at, when)
    assert code == -signal.SIGKILL
    left = visible(runs.root / "attributes")
    assert bool(left) == (when == "after") or at == "mark"
    if at == "resolve":
        assert runs.works, "the test is to leave intermediates behind"
    runs.recovers(method)


@pytest.mark.skipif(sys.platform != "linux", reason="relies on how Linux says it")
@pytest.mark.parametrize(("method", "at"), DIFFERENT)
def test_a_run_that_finds_no_room_fails_with_the_file(runs: Runs, method: str, at: str) -> None:
    code, said = runs.disturbed("full", method, at, "before")
    assert code in (4, 5), said
    place = "attributes/dup/.dolma-tmp-" if at == "mark" else "attributes/dup/.dolma/dolma-dedupe-"
    assert any(place in line and "File too large" in line for line in said.splitlines()), said
    assert at == "mark" or visible(runs.root / "attributes") == {}
    assert runs.works == []
    runs.recovers(method)


@pytest.mark.parametrize(("method", "at"), [one for one in DIFFERENT if one[1] != "gather"])
def test_damaged_intermediates_are_an_error_that_names_them(runs: Runs, method: str, at: str) -> None:
    code, said = runs.disturbed("damage", method, at, "before")
    assert code in (4, 6), said
    assert "attributes/dup/.dolma/dolma-dedupe-" in said
    assert "this intermediate file was changed or damaged while the run used it" in said
    assert runs.works == []
    runs.recovers(method)


def test_the_engine_refuses_passes_out_of_order(tmp_path: Path) -> None:
    from dolma import recipes
    from dolma.commands import clusters
    from dolma.config.dedupe import DedupeConfig

    config = recipes.load(DedupeConfig, {"documents": ["x"], "dedupe": METHODS["exact"]})
    core = _core.Clusters(
        plan=clusters.check(config), names=[["x"]], folder=tmp_path, memory=1 << 20, max_bad=0, threads=1
    )
    with pytest.raises(RuntimeError, match="gather, candidates, collect, resolve, mark"):
        core.mark([0], object(), _core.Progress())  # type: ignore[arg-type]
