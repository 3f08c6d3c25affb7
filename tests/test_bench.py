"""The benchmark runs: on small documents, without other programs, and without looking at the times."""

from __future__ import annotations

import fcntl
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from shards import write

BENCH = Path(__file__).parent / "bench"

WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in "lmnrst"]


def bench(root: Path, *arguments: str) -> tuple[str, dict[str, Any]]:
    """Runs the benchmark; returns its report and the numbers in it."""
    command = [
        *(sys.executable, str(BENCH / "bench.py")),
        *("--documents", f"{root}/documents/*.gz", "--cache", f"{root}/cache", "--out", f"{root}/out"),
        *("--runs", "1", "--workers", "1", *arguments),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads((root / "out.json").read_text(encoding="utf-8"))["sections"]


def call(program: str) -> str:
    """Runs Python beside the modules of the benchmark."""
    done = subprocess.run([sys.executable, "-c", program], cwd=BENCH, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def edited(words: Sequence[str], every: int) -> str:
    return " ".join("edited" if at % every == every - 1 else word for at, word in enumerate(words))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Thirty documents, a copy of the first, the second with one word edited and the third with twenty."""
    draw = random.Random(5)
    bodies = [draw.choices(WORDS, k=200) for _ in range(30)]
    texts = [" ".join(body) for body in bodies]
    copies = [texts[0], edited(bodies[1], 190), edited(bodies[2], 10)]
    rows = [
        {"id": f"d{n}", "text": text, "metadata": {"url": "https://a.example/"}}
        for n, text in enumerate(texts)
    ]
    rows += [{"id": f"c{n}", "text": text, "metadata": {}} for n, text in enumerate(copies)]
    write(tmp_path / "documents/0.jsonl.gz", rows[:20])
    write(tmp_path / "documents/1.jsonl.gz", rows[20:])
    pairs = [{"id": f"c{n}", "of": f"d{n}", "kind": "near"} for n in range(3)]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs)), encoding="utf-8")
    return tmp_path


def test_quality_counts_known_pairs_by_their_similarity(corpus: Path) -> None:
    text, sections = bench(corpus, "--quality", "--injected", f"{corpus}/pairs.jsonl")
    exact, datatrove, dolma = sections["What deduplication finds"]
    assert "| there are | 1 | 1 | 0 | 0 | 1 |" in text
    assert (exact["pairs"], exact["marked"], exact["wrong"]) == ([1, 0, 0, 0, 0], 1, 0)
    assert (datatrove["pairs"], datatrove["marked"], datatrove["wrong"]) == ([1, 1, 0, 0, 0], 2, 0)
    assert dolma["predicted"][:2] == pytest.approx([1.0, 1.0], abs=0.01)
    assert text.count("| met |") == 3


def test_scaling_gives_deduplication_documents_that_differ(corpus: Path) -> None:
    _, sections = bench(corpus, "--scaling", "--jobs", "merge,grow-minhash")
    rows = sections["As the input grows"]
    shapes = [(row["copies"], row["files"]) for row in rows]
    assert shapes == [(1, 2), (4, 8), (16, 32), (4, 1)] * 2
    assert all(row["peak_memory"] > 10_000_000 and row["peak_disk"] > 0 for row in rows)


def test_scaling_takes_sizes_from_the_smallest_on_and_tells_jobs_of_one_title_apart(corpus: Path) -> None:
    _, sections = bench(corpus, "--scaling", "--times", "4,1", "--jobs", "grow-lines,dedupe-paragraphs-exact")
    rows = sections["As the input grows"]
    told = [(row["job"], row["copies"], row["gain"]) for row in rows]
    names = ("dedupe-paragraphs-exact", "grow-lines")
    assert told == [(name, copies, 1.0) for name in names for copies in (1, 4)]
    assert [row["cost"] for row in rows if row["copies"] == 1] == [1.0, 1.0]


def test_sizes_that_there_are_not_are_refused(corpus: Path) -> None:
    command = [sys.executable, str(BENCH / "bench.py"), "--documents", "x", "--scaling", "--times", "1,two"]
    done = subprocess.run(command, cwd=corpus, capture_output=True, text=True)
    assert done.returncode == 2
    assert "no such size: two; there are 1, 4, 16, one" in done.stderr


def test_repeats_are_measured_without_the_peer(corpus: Path) -> None:
    text, sections = bench(corpus, "--repeats")
    assert sections["Repeated substrings"][0]["spans"] >= 2
    assert "not measured (no --suffix-arrays)" in text


def test_fasttext_models_are_trained_and_measured(corpus: Path) -> None:
    pytest.importorskip("fasttext")
    # The package is beside this Python, too; the published tool itself is not run.
    published = Path(sys.executable).with_name("published")
    report, sections = bench(corpus, "--fasttext", "--jobs", "bigrams", "--published", str(published))
    rows = sections["Taggers of fastText models"]
    assert [(row["model"], row["unit"]) for row in rows] == [
        ("bigrams", "document"),
        ("bigrams", "paragraph"),
    ]
    assert all(row["package"] > 0 and row["dolma"] > 0 for row in rows)
    assert "| `jigsaw_hatespeech_document_v2` | document | bigrams |" in report


def test_letters_are_moved_on_and_nothing_else() -> None:
    program = "import copies; print('Zoë 3,\\tabc'.translate(copies.rotation(1)))"
    assert call(program) == "Apë 3,\tbcd\n"
    assert call(program.replace("rotation(1)", "rotation(0)")) == "Zoë 3,\tabc\n"


def test_a_wrong_mark_is_counted() -> None:
    program = """
import quality
corpus = quality.Corpus(texts={("a", n): text for n, text in enumerate([
    "one two three four five six seven", "one two three four five six eight", "nine ten eleven twelve and more"])})
print(quality.disconnected(corpus, ("a", 0), [("a", 1), ("a", 2)], 0.5))
"""
    assert call(program) == "1\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_is_measured_ends_with_the_benchmark(tmp_path: Path, number: signal.Signals) -> None:
    """The processes of a program that is measured are in a group that no signal of a terminal reaches."""
    # Holding the lock shows that they live.
    child = "import fcntl, sys, time; held = open(sys.argv[1], 'w'); fcntl.flock(held, fcntl.LOCK_EX); time.sleep(600)"
    parent = (
        "import subprocess, sys, time\n"
        f"for name in sys.argv[1:]: subprocess.Popen([sys.executable, '-c', {child!r}, name])\n"
        "time.sleep(600)\n"
    )
    names = [str(tmp_path / name) for name in "ab"]
    program = f"""
import os, sys
from pathlib import Path
import bench, measure
bench.end_on_signals()
command = [sys.executable, "-c", {parent!r}, *{names!r}]
measure.timed(command, Path({str(tmp_path / "log")!r}), dict(os.environ), 600)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=BENCH,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background ignores it, and would have it ignored.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    wait_until(lambda: all(Path(name).exists() and not is_free(name) for name in names))
    process.send_signal(number)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 128 + number
    wait_until(lambda: all(map(is_free, names)))


def is_free(path: str) -> bool:
    """Whether no process holds the lock on a file."""
    with open(path, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def wait_until(holds: Callable[[], bool]) -> None:
    """Waits for what other processes bring about."""
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at by Linux's /proc")
def test_memory_is_that_of_all_processes_together() -> None:
    child = "import time; kept = bytearray(b'x' * 60_000_000); time.sleep(1)"
    program = f"""
import os, subprocess, sys, tempfile
from pathlib import Path
from measure import timed
parent = '''import subprocess, sys
for one in [subprocess.Popen([sys.executable, "-c", {child!r}]) for _ in range(2)]: one.wait()'''
with tempfile.TemporaryDirectory() as folder:
    print(timed([sys.executable, "-c", parent], Path(folder, "log"), dict(os.environ), 60).peak_memory)
"""
    assert int(call(program)) > 120_000_000
