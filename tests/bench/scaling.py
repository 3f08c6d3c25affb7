"""How this tool alone behaves as the input grows: processor time, peak memory, disk.

The input is taken once, four and sixteen times, and four times as one big file. Cost should be
linear, memory flat but for what was announced (a filter, `memory`), and a second worker should pay.
"""

import shutil
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import configs
import copies
from comparison import gain, summarise
from jobs import JOBS, Job
from measure import link
from report import MEGABYTE, Section, megabytes, table
from suite import Context
from tools import Bench, Run, make_attributes, run_job

SHAPES = {"1": (1, False), "4": (4, False), "16": (16, False), "one": (4, True)}
"""How often the input is taken, and whether as one big file, by what `--times` calls it."""

MEMORY = 512 << 20
"""What methods that spill are given, in bytes."""

LINEAR = 1.5
"""What a megabyte may cost at most, by what it costs in the smallest input: going to disk is dearer
than staying in memory, but not more so with each copy."""

FLAT = 1.25
"""What memory may grow to, likewise; or by what was announced and `BASE`."""

BASE = 150 * MEGABYTE
"""What Python, the program and the workers' buffers may take."""


def _alone(name: str, title: str, how: configs.Config) -> Job:
    config = configs.dedupe(how, configs.documents, exact=True, memory=f"{MEMORY >> 20}MiB")
    output = f"attributes/{configs.GOPHER}"
    return Job(name=name, title=title, command="dedupe", target=None, config=config, output=output)


_SHARED = ("tag-gopher", "tag-c4", "dedupe-documents", "dedupe-paragraphs", "mix-jsonpath", "merge")

SCALED = (
    *JOBS,
    _alone("grow-exact", "dedupe documents, exactly", configs.BY_TEXT),
    _alone("grow-lines", "dedupe paragraphs, exactly", configs.BY_LINE),
    _alone("grow-minhash", "dedupe by MinHash, 14 x 8", configs.by_likeness("datatrove")),
    _alone("grow-substring", "dedupe substrings of 500 bytes", configs.BY_SUBSTRING),
)
"""What can be asked for by name."""

_ALL = (*_SHARED, *(job.name for job in SCALED if job.name.startswith("grow-")))
"""What is measured where nothing is asked for by name."""


@dataclass(frozen=True, kw_only=True)
class Scaled:
    """One job on one size of the input. `cost` and `growth` are by the smallest input, other things
    equal; `gain` is by the first number of workers; `announced` is the size of the filter, or `MEMORY`."""

    job: str
    title: str
    copies: int
    files: int
    workers: int
    seconds: float
    cpu_seconds: float
    seconds_per_gigabyte: float
    peak_memory: int
    announced: int
    peak_disk: int
    cost: float
    growth: float
    gain: float

    @property
    def remarks(self) -> list[str]:
        found = [] if self.cost <= LINEAR else ["not linear"]
        flat = self.growth <= FLAT or self.peak_memory <= self.announced + BASE
        return found if flat else [*found, "memory grows"]


def _grown(bench: Bench, compares: bool, needed: set[str], times: int, one: bool) -> Bench:
    """The benchmark with its input, and these attributes, taken so many times.

    What `compares` documents gets copies that differ, and no attributes.
    """
    root = bench.work / "grown"
    shutil.rmtree(root, ignore_errors=True)
    several = copies.rotated if compares else copies.linked

    def take(files: list[Path], folder: Path) -> list[Path]:
        taken = several(files, folder, times)
        return [copies.joined(taken, folder.with_name(f"{folder.name}-joined"))] if one else taken

    files = take(list(bench.corpus.files), root / "input")
    attributes = root / "attributes"
    for experiment in needed:
        folder = bench.attributes / experiment
        for path in take([folder / path.name for path in bench.corpus.files], root / experiment):
            link(path, attributes / experiment / path.name)
    return replace(bench, corpus=bench.corpus.times(times, tuple(files)), attributes=attributes)


def _measure(context: Context, grown: Bench, job: Job, times: int, before: list[Scaled]) -> list[Scaled]:
    """A job on one size of the input, with every number of workers; `before` has the smaller sizes."""
    runs: dict[int, list[Run]] = {count: [] for count in context.workers}
    for _ in range(context.runs):
        # In turn, as with the two tools of a comparison: a machine is not the same from minute to minute.
        for count, mine in runs.items():
            print(f"{job.name}, {times}x, {count} workers", file=sys.stderr)
            mine.append(run_job(grown, job, context.own, count, read=False))
    fewest = runs[context.workers[0]]
    rows = []
    for count, mine in runs.items():
        done = summarise(mine, grown.corpus)
        cost = done.cpu_seconds / grown.corpus.text_bytes * MEGABYTE * 1000
        first = next((row for row in before if row.job == job.name and row.workers == count), None)
        row = Scaled(
            job=job.name,
            title=job.title,
            copies=times,
            files=len(grown.corpus.files),
            workers=count,
            seconds=done.seconds,
            cpu_seconds=done.cpu_seconds,
            seconds_per_gigabyte=cost,
            peak_memory=done.peak_memory,
            announced=mine[0].filter_bytes or (MEMORY if job.name.startswith("grow-") else 0),
            peak_disk=done.peak_disk,
            cost=cost / first.seconds_per_gigabyte if first else 1.0,
            growth=done.peak_memory / first.peak_memory if first else 1.0,
            gain=gain(fewest, mine),
        )
        rows.append(row)
    return rows


def _series(context: Context, jobs: list[Job]) -> list[Scaled]:
    """Every job on every size and shape; each input is made once for all that can share it."""
    needed = {experiment for job in jobs for experiment in job.needs}
    make_attributes(context.bench, context.own, needed)
    rows: list[Scaled] = []
    for times, one in map(SHAPES.__getitem__, context.times):
        for compares in (False, True):
            mine = [job for job in jobs if (job.command == "dedupe") == compares]
            if mine:
                grown = _grown(context.bench, compares, set() if compares else needed, times, one)
                rows += [row for job in mine for row in _measure(context, grown, job, times, rows)]
    shutil.rmtree(context.bench.work / "grown", ignore_errors=True)
    order = [job.name for job in jobs]
    return sorted(rows, key=lambda row: order.index(row.job))


def _cells(row: Scaled) -> list[str]:
    return [
        row.title,
        f"{row.copies}x",
        str(row.files),
        str(row.workers),
        f"{row.seconds:.2f}",
        f"{row.cpu_seconds:.2f}",
        f"{row.seconds_per_gigabyte:.1f}",
        f"{row.cost:.2f}",
        megabytes(row.peak_memory),
        megabytes(row.announced) if row.announced else "-",
        megabytes(row.peak_disk),
        f"{row.gain:.2f}",
        "; ".join(row.remarks) or "met",
    ]


def scale(context: Context) -> Section:
    """The suite: every job on every size and shape of the input, with every number of workers."""
    names = _ALL if context.jobs is None else context.jobs
    rows = _series(context, [job for job in SCALED if job.name in names])
    columns = (
        "job",
        "input",
        "files",
        "workers",
        "seconds",
        "CPU s",
        "CPU s/GB",
        "cost",
        "peak MB",
        "announced MB",
        "disk MB",
        "speed-up",
        "verdict",
    )
    intro = (
        "Cost is processor time for each GB of text, by that of the smallest input; disk is outputs and "
        f"intermediates together; speed-up is by the first number of workers, the median of pairs of runs. Met: cost "
        f"at most {LINEAR}, and memory at most {FLAT} times that of the smallest input or within what was announced."
    )
    return Section(
        title="As the input grows",
        lines=[intro, "", *table(columns, [_cells(row) for row in rows])],
        rows=[asdict(row) for row in rows],
        met=not any(row.remarks for row in rows),
    )
