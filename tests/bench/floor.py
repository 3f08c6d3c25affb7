"""Document deduplication against what it cannot do without: inflating the input and finding the key.

The floor is a program of a page (`examples/scan.rs`) that opens the same files with the same reader,
looks for `text` in every line, and drops it. A deduplication also hashes, compares and writes rows;
and it starts Python, which is told apart by a run over an empty input.
"""

import gzip
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import copies
from jobs import JOBS, Job
from measure import BenchError, Cost, middle, timed
from report import MEGABYTE, Section, megabytes, table, verdict
from suite import Context
from tools import Bench, run_job

ROOT = Path(__file__).resolve().parents[2]

COPIES = (1, 4, 16)
SHARE = 0.6
"""What a whole run should reach of the floor's rate."""

METHODS = ("dedupe-documents", "dedupe-documents-exact")


@dataclass(frozen=True, kw_only=True)
class Floor:
    """A deduplication beside the floor, both as megabytes of text a second.

    `share` is the whole run's rate by that of the floor, `working` the same without the start of
    `start` seconds.
    """

    title: str
    copies: int
    workers: int
    scanning: float
    deduplicating: float
    start: float
    share: float
    working: float
    peak_memory: int


def build_scan() -> Path:
    """The program that inflates and scans, built from this checkout."""
    command = ["cargo", "build", "--release", "--locked", "--quiet", "--example", "scan"]
    print(" ".join(command), file=sys.stderr)
    if subprocess.run(command, cwd=ROOT).returncode != 0:
        raise BenchError("examples/scan.rs does not build; name a built one with --scan")
    return ROOT / "target" / "release" / "examples" / "scan"


def _start(context: Context, job: Job) -> float:
    """Seconds of a run over one file without documents."""
    source = context.bench.work / "empty" / "empty.jsonl.gz"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_bytes(gzip.compress(b""))
    empty = replace(context.bench, corpus=context.bench.corpus.times(0, (source,)))
    runs = [run_job(empty, job, context.own, 1, read=False) for _ in range(context.runs)]
    return statistics.median(run.cost.seconds for run in runs)


def _grown(bench: Bench, times: int) -> Bench:
    folder = bench.work / "floor"
    shutil.rmtree(folder, ignore_errors=True)
    files = copies.linked(list(bench.corpus.files), folder, times)
    return replace(bench, corpus=bench.corpus.times(times, tuple(files)))


def _row(
    context: Context,
    bench: Bench,
    job: Job,
    workers: int,
    times: int,
    start: float,
    scan: Callable[[int], Cost],
) -> Floor:
    """Both in turn."""
    scans, runs = [], []
    for number in range(context.runs):
        print(f"{job.name}, {times}x, {workers} workers, round {number}", file=sys.stderr)
        scans.append(scan(workers))
        runs.append(run_job(bench, job, context.own, workers, read=False).cost)
    floor, done = middle(scans), middle(runs)
    text = bench.corpus.text_bytes / MEGABYTE
    return Floor(
        title=job.title,
        copies=times,
        workers=workers,
        scanning=text / floor.seconds,
        deduplicating=text / done.seconds,
        start=start,
        share=floor.seconds / done.seconds,
        working=floor.seconds / max(done.seconds - start, 1e-9),
        peak_memory=done.peak_memory,
    )


def _cells(row: Floor) -> list[str]:
    return [
        row.title,
        f"{row.copies}x",
        str(row.workers),
        f"{row.scanning:.0f}",
        f"{row.deduplicating:.0f}",
        f"**{row.share:.0%}**",
        f"{row.working:.0%}",
        f"{SHARE:.0%}",
        megabytes(row.peak_memory),
        verdict(row.share, SHARE),
    ]


def measure_floor(context: Context) -> Section:
    """The suite: documents, with a filter and exactly, on growing inputs."""
    program = context.scan or build_scan()
    rows = []
    start = 0.0
    for times in COPIES:
        bench = _grown(context.bench, times)
        paths = [str(path) for path in bench.corpus.files]

        def scan(workers: int, paths: list[str] = paths) -> Cost:
            command = [str(program), "text", str(workers), *paths]
            return timed(command, context.bench.work / "scan.log", dict(os.environ), context.bench.limit)

        for job in JOBS:
            if job.name in METHODS and context.wanted(job.name):
                start = start or _start(context, job)
                rows += [_row(context, bench, job, count, times, start, scan) for count in context.workers]
    columns = (
        "job",
        "input",
        "workers",
        "inflate and scan, MB/s",
        "dedupe, MB/s",
        "share",
        "without start",
        "target",
        "peak MB",
        "verdict",
    )
    intro = (
        f"Start-up, a run over an empty file, takes {start:.2f} s of each run and is in every share but those "
        "under “without start”. Inputs are taken several times as links, and the largest decides."
    )
    return Section(
        title="Document deduplication against inflating and scanning",
        lines=[intro, "", *table(columns, [_cells(row) for row in rows])],
        rows=[asdict(row) for row in rows],
        met=all(row.share >= SHARE for row in rows if row.copies == COPIES[-1]),
    )
