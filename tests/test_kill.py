"""Real processes, killed at random moments and started again: the bytes are those of a quiet run.

Each job runs once undisturbed; then its outputs are removed and the same command is killed again
and again. After each kill every visible file must be one of the quiet run's, byte for byte: half a
file under a final name would differ. Ctrl-C goes to the whole process group, as a terminal sends it.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from command import environment, recipe
from dolma import _core, storage
from folders import visible
from shards import prose, write

KILLS = 4
STOPS_WITHIN = 2.0
"""Seconds from Ctrl-C to the end of the process."""

FILES = 12
TAGGER = """
import time
from dolma import BaseTagger, add_tagger
from dolma.document import DocResult, Span

@add_tagger("slow_v1")
class Slow(BaseTagger):
    def predict(self, doc):
        time.sleep(0.0005)
        return DocResult(doc=doc, spans=[Span(0, len(doc.text), "n", score=float(len(doc.id)))])
"""
SMALL_GROUPS = (
    "import sys; from dolma import cli; from dolma.commands import bloom; "
    "bloom.GROUP_BYTES = 1; bloom.GROUP_FILTERS = 0; sys.exit(cli.main())"
)


class Job(NamedTuple):
    """A command with what it writes, below a folder of its own."""

    root: Path
    command: list[str]
    outputs: list[str]

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *self.command],
            cwd=self.root,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self) -> float:
        """Runs to the end; returns the seconds it took."""
        begin = time.monotonic()
        process = self.start()
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        return time.monotonic() - begin

    def made(self) -> dict[str, bytes]:
        """What is to be seen of the outputs."""
        found: dict[str, bytes] = {}
        for output in self.outputs:
            path = self.root / output
            if path.is_dir():
                found |= {f"{output}/{name}": data for name, data in visible(path).items()}
            elif path.exists():
                found[output] = path.read_bytes()
        return found

    def remove(self) -> None:
        for output in self.outputs:
            path = self.root / output
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def leftovers(self) -> list[Path]:
        """Unfinished files in sight of the outputs; records and reports have a place of their own."""
        found = [path for path in self.root.rglob("*") if storage.is_temporary(path.name)]
        return [path for path in found if ".dolma" not in path.parts]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of running text, with duplicates within and between them."""
    root = tmp_path_factory.mktemp("corpus")
    draw = random.Random(5)
    bodies = [prose(seed, 120 + seed % 300) for seed in range(400)]
    for number in range(FILES):
        chosen = [draw.choice(bodies) + f" {draw.randrange(500)} mail me@example.com" for _ in range(500)]
        rows = [{"id": f"{number}-{at}", "text": text, "source": "test"} for at, text in enumerate(chosen)]
        write(root / "documents" / f"{number % 3}" / f"{number:02d}.jsonl.gz", rows)
    return root


def kernels(root: Path) -> Job:
    taggers = ["gopher_v1", "gopher_v2", "c4_v2", "pii_regex_with_counts_fast_v2", "lang_id_doc_v1"]
    config = {"documents": ["documents/**/*.gz"], "taggers": taggers, "processes": 2}
    return Job(root, ["-m", "dolma", "-c", recipe(root, config), "tag"], ["attributes"])


def python_tagger(root: Path) -> Job:
    (root / "slow.py").write_text(TAGGER)
    config = {
        "documents": ["documents/**/*.gz"],
        "taggers": ["slow_v1", "char_length_v1"],
        "tagger_modules": ["slow.py"],
        "experiment": "exp",
        "processes": 2,
    }
    return Job(root, ["-m", "dolma", "-c", recipe(root, config), "tag"], ["attributes"])


def paragraphs(root: Path) -> Job:
    config = {
        "documents": ["documents/**/*.gz"],
        "dedupe": {"name": "dups", "paragraphs": {"attribute_name": "dup"}},
        # Large enough for saving it to take a while.
        "bloom_filter": {"file": "filter.bin", "read_only": False, "size_in_bytes": 16 << 20},
        "processes": 2,
    }
    return Job(root, ["-c", SMALL_GROUPS, "-c", recipe(root, config), "dedupe"], ["attributes", "filter.bin"])


def mixing(root: Path) -> Job:
    tagged = {
        "documents": ["documents/**/*.gz"],
        "taggers": ["pii_regex_v3", "random_number_v1"],
        "experiment": "exp",
    }
    Job(root, ["-m", "dolma", "-c", recipe(root, tagged, "tagged.json"), "tag"], []).finish()
    stream = {
        "name": "mix",
        "documents": ["documents/**/*.gz"],
        "attributes": ["exp"],
        "filter": {"exclude": ["$.attributes[?(@.exp__random_number_v1__random[0][2] < 0.2)]"]},
        "span_replacement": [
            {"span": "$.attributes.exp__pii_regex_v3__EMAIL_ADDRESS", "min_score": 0.5, "replacement": "@@"}
        ],
        "output": {"path": "mix", "max_size_in_bytes": 300_000},
        "compression": {"output": "zst", "level": 17},
    }
    config = {"streams": [stream], "processes": 2}
    return Job(root, ["-m", "dolma", "-c", recipe(root, config), "mix"], ["mix"])


@pytest.fixture(params=[kernels, python_tagger, paragraphs, mixing], ids=lambda make: make.__name__)
def job(request: pytest.FixtureRequest, corpus: Path, tmp_path: Path) -> Job:
    # A copy keeps the times of the files, which are part of what a finished shard is known by.
    shutil.copytree(corpus, tmp_path, dirs_exist_ok=True)
    make: Callable[[Path], Job] = request.param
    return make(tmp_path)


def test_a_killed_run_ends_with_the_bytes_of_a_quiet_one(job: Job) -> None:
    took = job.finish()
    quiet = job.made()
    assert len(quiet) > KILLS
    job.remove()
    hits = 0
    for moment in moments(job, took):
        process = job.start()
        with reaped(process):
            moment(process)
            families = children(process.pid)
            process.kill()
            process.wait()
        hits += process.returncode == -signal.SIGKILL
        assert_sound(job, quiet)
        wait_until_gone(families)
    assert hits >= KILLS // 2, "the processes ended before they were killed: make the corpus larger"
    job.finish()
    assert job.made().keys() == quiet.keys()
    assert [name for name, data in job.made().items() if data != quiet[name]] == []
    assert job.leftovers() == []


def test_ctrl_c_stops_soon_and_can_be_resumed(job: Job) -> None:
    job.finish()
    quiet = job.made()
    job.remove()
    process = job.start()
    with reaped(process):
        until_started(job, process)
        os.killpg(process.pid, signal.SIGINT)
        begin = time.monotonic()
        _, said = process.communicate(timeout=60)
        took = time.monotonic() - begin
    assert process.returncode == 130, said
    assert took < STOPS_WITHIN
    assert "stopped" in said
    assert "run the same command again" in said
    assert "Traceback" not in said
    assert_sound(job, quiet)
    assert len(job.made()) < len(quiet)
    # What was finished is kept.
    before = {name: (job.root / name).stat().st_mtime_ns for name in job.made() if name != "filter.bin"}
    job.finish()
    assert [name for name, data in job.made().items() if data != quiet[name]] == []
    assert job.made().keys() == quiet.keys()
    if "filter.bin" not in quiet:
        assert {name: (job.root / name).stat().st_mtime_ns for name in before} == before


def moments(job: Job, took: float) -> Iterator[Callable[[subprocess.Popen[str]], None]]:
    """By turns: after a share of the time a run takes, and just after an output appeared."""
    draw = random.Random(job.command[-1])
    for number in range(KILLS):
        left = 1 - len(job.made()) / max(1, sum(1 for _ in (job.root / "documents").rglob("*.gz")))
        if number % 2:
            yield until_outputs(job, len(job.made()) + draw.randint(1, 2), draw.uniform(0, 0.03))
        else:
            yield after(took * draw.uniform(0.3, 0.8) * max(0.5, left))


def after(seconds: float) -> Callable[[subprocess.Popen[str]], None]:
    def wait(process: subprocess.Popen[str]) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)

    return wait


def until_outputs(job: Job, count: int, more: float = 0.0) -> Callable[[subprocess.Popen[str]], None]:
    def wait(process: subprocess.Popen[str]) -> None:
        while process.poll() is None and len(job.made()) < count:
            time.sleep(0.005)
        time.sleep(more)

    return wait


def until_started(job: Job, process: subprocess.Popen[str]) -> None:
    """Until a file is being written: waiting for a finished one can mean waiting for all of them."""
    while process.poll() is None and not job.leftovers() and not job.made():
        time.sleep(0.002)


@contextlib.contextmanager
def reaped(process: subprocess.Popen[str]) -> Iterator[None]:
    """Whatever a test does, its processes end."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def assert_sound(job: Job, quiet: dict[str, bytes]) -> None:
    for name, data in job.made().items():
        if name == "filter.bin":
            # What it holds depends on how far the run came; that it is whole does not.
            _core.BloomFilter.load(job.root / name)
        else:
            assert data == quiet[name], f"{name} is not what a quiet run makes"


def children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        found = [int(child) for child in text.split()]
        return found + [below for child in found for below in children(child)]
    return []


def wait_until_gone(pids: list[int]) -> None:
    """Workers do not outlive the process that was killed."""
    deadline = time.monotonic() + 10
    while pids := [pid for pid in pids if Path(f"/proc/{pid}").exists() and not is_zombie(pid)]:
        assert time.monotonic() < deadline, f"still there: {pids}"
        time.sleep(0.05)


def is_zombie(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True
