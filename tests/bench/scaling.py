"""How this tool alone behaves as the input grows: time, throughput, peak memory.

The input is taken once, four and sixteen times, as many files under different names and as one
big file, with each number of workers. Memory should stay flat and a second worker should pay.
"""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

from jobs import Job
from measure import BenchError, Corpus, link
from report import Scaled, summarise
from tools import Bench, Tool, run_job

COPIES = (1, 4, 16)


def _several(files: list[Path], folder: Path, copies: int) -> list[Path]:
    """The files of `files`, linked `copies` times under different names."""
    made = []
    for copy in range(copies):
        for path in files:
            made.append(folder / f"{copy:02d}-{path.name}")
            link(path, made[-1])
    return made


def _one(files: list[Path], folder: Path, copies: int) -> list[Path]:
    """All files one after the other in one; gzip members and zstandard frames allow that."""
    if len({path.suffix for path in files}) != 1:
        raise BenchError("one big file needs documents of one compression")
    target = folder / f"all{''.join(files[0].suffixes[-2:])}"
    folder.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as stream:
        for _ in range(copies):
            for path in files:
                with path.open("rb") as part:
                    shutil.copyfileobj(part, stream)
    return [target]


def _grown(bench: Bench, needed: set[str], copies: int, one: bool) -> Bench:
    """The benchmark with its input and attributes taken `copies` times."""
    shape = _one if one else _several
    root = bench.work / "scaled"
    shutil.rmtree(root, ignore_errors=True)
    base = bench.corpus
    files = shape(list(base.files), root / "input", copies)
    for experiment in needed:
        folder = bench.attributes / experiment
        shape([folder / path.name for path in base.files], root / "attributes" / experiment, copies)
    corpus = Corpus(
        files=tuple(files),
        documents=base.documents * copies,
        lines=base.lines * copies,
        text_bytes=base.text_bytes * copies,
        stored_bytes=base.stored_bytes * copies,
    )
    return replace(bench, corpus=corpus, attributes=root / "attributes")


def measure_scaling(bench: Bench, jobs: list[Job], tool: Tool, workers: list[int], runs: int) -> list[Scaled]:
    """Runs every job on every size and shape of the input, with every number of workers."""
    needed = {experiment for job in jobs for experiment in job.needs}
    rows: list[Scaled] = []
    first: dict[tuple[str, bool, int], int] = {}
    for copies in COPIES:
        for one in (False, True):
            grown = _grown(bench, needed, copies, one)
            for job in jobs:
                seconds = 0.0
                for count in workers:
                    print(f"{job.name}, {copies}x, {count} workers", file=sys.stderr)
                    done = [run_job(grown, job, tool, count, read=False) for _ in range(runs)]
                    summary = summarise(done, grown.corpus)
                    seconds = seconds or summary.seconds
                    smallest = first.setdefault((job.name, one, count), summary.peak_rss)
                    row = Scaled(
                        job=job.title,
                        copies=copies,
                        files=len(grown.corpus.files),
                        workers=count,
                        seconds=summary.seconds,
                        megabytes_per_second=summary.megabytes_per_second,
                        peak_rss=summary.peak_rss,
                        gain=seconds / summary.seconds,
                        growth=summary.peak_rss / smallest,
                    )
                    rows.append(row)
    shutil.rmtree(bench.work / "scaled", ignore_errors=True)
    return rows
