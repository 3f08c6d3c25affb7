"""Jobs with both tools in turn: the published dolma 1.2.1 and this one.

Both run as whole processes, start-up included; what counts is the median wall time, as megabytes of
text a second. Output is counted too, because a fast tool that loses rows is not fast.
"""

import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from jobs import JOBS, Job
from measure import Corpus
from report import MEGABYTE, Section, megabytes, table
from suite import Context
from tools import PUBLISHED, Run, make_attributes, run_job


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The runs of one tool on one job: medians, and the output of the first run."""

    seconds: float
    megabytes_per_second: float
    cpu_seconds: float
    peak_memory: int
    peak_disk: int
    rows: int
    spans: int
    stored_bytes: int
    all_seconds: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Row:
    """Both tools on one job. `gain` is each tool's speed by that with the first number of workers.

    `remarks` say what keeps the row from being trusted or met.
    """

    job: str
    title: str
    workers: int
    target: float | None
    ratio: float
    gain: tuple[float, float]
    published: Summary
    dolma: Summary
    remarks: tuple[str, ...]


def summarise(runs: list[Run], corpus: Corpus) -> Summary:
    seconds = statistics.median(run.cost.seconds for run in runs)
    output = runs[0].output
    return Summary(
        seconds=seconds,
        megabytes_per_second=corpus.text_bytes / MEGABYTE / seconds,
        cpu_seconds=statistics.median(run.cost.cpu_seconds for run in runs),
        peak_memory=int(statistics.median(run.cost.peak_memory for run in runs)),
        peak_disk=max(run.cost.peak_disk for run in runs),
        rows=output.rows,
        spans=output.spans,
        stored_bytes=output.stored_bytes,
        all_seconds=tuple(round(run.cost.seconds, 3) for run in runs),
    )


def _remarks(job: Job, old: Summary, new: Summary, ratio: float) -> tuple[str, ...]:
    found = []
    if job.target is not None and ratio < job.target:
        found.append("missed")
    if job.no_larger and new.stored_bytes > old.stored_bytes:
        found.append("larger output")
    if old.rows != new.rows:
        found.append("rows differ")
    return tuple(found)


def gain(before: list[Run], after: list[Run]) -> float:
    """How many times as fast a tool is with other workers: the median of runs that were made in turn."""
    pairs = zip(before, after, strict=True)
    return statistics.median(one.cost.seconds / other.cost.seconds for one, other in pairs)


def _compare(context: Context, job: Job) -> list[Row]:
    """Both tools on a job with each number of workers, one after the other, again and again."""
    tools = (context.published, context.own)
    runs: dict[int, tuple[list[Run], list[Run]]] = {count: ([], []) for count in context.workers}
    for number in range(context.runs):
        for count, done in runs.items():
            for tool, mine in zip(tools, done, strict=True):
                print(f"{job.name}, {count} workers: {tool.name} {number}", file=sys.stderr)
                mine.append(run_job(context.bench, job, tool, count, read=number == 0))
    fewest = runs[context.workers[0]]
    rows = []
    for count, done in runs.items():
        old, new = (summarise(mine, context.bench.corpus) for mine in done)
        ratio = old.seconds / new.seconds
        rows.append(
            Row(
                job=job.name,
                title=job.title,
                workers=count,
                target=job.target,
                ratio=ratio,
                gain=(gain(fewest[0], done[0]), gain(fewest[1], done[1])),
                published=old,
                dolma=new,
                remarks=_remarks(job, old, new, ratio),
            )
        )
    return rows


def _pair(published: float, dolma: float, digits: int = 1) -> str:
    return f"{published:.{digits}f} / {dolma:.{digits}f}"


def _cells(row: Row) -> list[str]:
    old, new = row.published, row.dolma
    return [
        row.title,
        str(row.workers),
        _pair(old.seconds, new.seconds, 2),
        _pair(old.megabytes_per_second, new.megabytes_per_second),
        f"**{row.ratio:.1f}**",
        "-" if row.target is None else f"{row.target:g}",
        _pair(*row.gain, 2),
        f"{megabytes(old.peak_memory)} / {megabytes(new.peak_memory)}",
        f"{megabytes(old.stored_bytes, 2)} / {megabytes(new.stored_bytes, 2)}",
        f"{old.rows} / {new.rows}",
        f"{old.spans} / {new.spans}",
        "; ".join(row.remarks) or ("-" if row.target is None else "met"),
    ]


def compare(context: Context, jobs: Sequence[Job] = JOBS) -> Section:
    """The suite: every job that was asked for."""
    jobs = [job for job in jobs if context.wanted(job.name) and (context.jobs or not job.by_name)]
    needed = {experiment for job in jobs for experiment in job.needs}
    make_attributes(context.bench, context.own, needed)
    rows = [row for job in jobs for row in _compare(context, job)]
    columns = (
        "job",
        "workers",
        "seconds",
        "MB/s",
        "ratio",
        "target",
        "speed-up",
        "peak MB",
        "output MB",
        "rows",
        "spans",
        "verdict",
    )
    intro = (
        f"Each pair is {PUBLISHED} / this tool; medians of runs that alternate between them. Speed-up is "
        "each tool against itself with the first number of workers, the median of pairs of runs."
    )
    return Section(
        title="Against the published dolma",
        lines=[intro, "", *table(columns, [_cells(row) for row in rows])],
        rows=[asdict(row) for row in rows],
        met=not any(row.remarks for row in rows),
    )
