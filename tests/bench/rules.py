"""The taggers of published rules: each against datatrove's filters, and many of them in one pass.

datatrove reads, filters and writes nothing; this tool reads, tags and writes attribute rows, as it
does for users. Times are of the processor, which other work on the machine disturbs least. "Alone"
is a tagger's time less that of `doc_count_v1`, which reads and writes and does nothing else. "Kernel"
is the time of a tagger by its own clock, in the report of its run. One pass of many taggers, with all
its work of reading and writing, is held against the sum of both.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

from configs import GOPHER, tag
from environments import DATATROVE, environment
from jobs import JOBS, Job
from measure import timed
from report import MEGABYTE, Section, table
from suite import Context
from tools import Bench, run_job

FILTERS = {
    "gopher_v3": ("GopherRepetitionFilter", "GopherQualityFilter"),
    "gopher_repetition_v1": ("GopherRepetitionFilter",),
    "c4_v3": ("C4QualityFilter",),
    "fineweb_quality_v1": ("FineWebQualityFilter",),
}
"""Taggers, and the filters that look at the same."""

READING = "doc_count_v1"
"""The tagger that costs nothing but reading and writing."""

TOGETHER = (
    "c4_v2",
    "c4_v3",
    "char_length_with_paragraphs_v1",
    "fineweb_quality_v1",
    "gopher_repetition_v1",
    "gopher_v2",
    "gopher_v3",
    "madlad400_v1",
    "math_density_v1",
    "not_alphanum_paragraph_v1",
    "pii_regex_v3",
    "refinedweb_lines_v1",
    "structure_v1",
    "toxicity_wordlist_v1",
    "whitespace_tokenizer_with_paragraphs_v1",
)
"""Fifteen taggers as a user might run them in one pass."""

MOST = 1.6
"""What one pass may take, by the kernels alone; reading and writing are in it."""


@dataclass(frozen=True, kw_only=True)
class Alone:
    """One tagger by itself. `datatrove` is the time of its filters, where it has them."""

    tagger: str
    seconds: float
    alone: float
    kernel: float
    megabytes_per_second: float
    datatrove: float | None


@dataclass(frozen=True, kw_only=True)
class Rules:
    """All taggers, what the input takes by itself, and the pass of all of them.

    `together` is the processor time of the process, `work` the time of its one worker by the report.
    """

    taggers: tuple[Alone, ...]
    inflating: float
    reading: float
    together: float
    work: float

    @property
    def kernels(self) -> float:
        """Every kernel by its own clock."""
        return sum(tagger.kernel for tagger in self.taggers)

    @property
    def share(self) -> float:
        """The pass by its kernels alone."""
        return self.work / max(self.kernels, 1e-9)

    @property
    def share_of_runs(self) -> float:
        """The pass by reading and writing once and what each tagger adds to that."""
        return self.together / (self.reading + sum(tagger.alone for tagger in self.taggers))

    @property
    def met(self) -> bool:
        return self.share <= MOST


@dataclass(frozen=True, kw_only=True)
class Pass:
    """A run of some taggers: processor seconds, and what its report says of work and kernels."""

    seconds: float
    work: float
    kernels: float


def _job(taggers: tuple[str, ...], report: Path) -> Job:
    """A job of `tag` with these taggers."""
    config = tag(GOPHER, taggers[0])
    return replace(
        JOBS[0],
        name=f"rules-{taggers[0]}-{len(taggers)}",
        config=lambda setting: {**config(setting), "taggers": list(taggers), "report": str(report)},
    )


def _run(context: Context, taggers: tuple[str, ...], *, read: bool) -> Pass:
    report = context.bench.work / "report.json"
    cost = run_job(context.bench, _job(taggers, report), context.own, 1, read=read).cost
    timings = json.loads(report.read_text(encoding="utf-8"))["timings"]
    kernels = sum(float(each["seconds"]) for each in timings["taggers"].values())
    return Pass(seconds=cost.cpu_seconds, work=float(timings["work_seconds"]), kernels=kernels)


def _passes(context: Context, sets: list[tuple[str, ...]]) -> list[Pass]:
    """The middle of the runs with each set of taggers; the rounds alternate between the sets."""
    done: list[list[Pass]] = [[] for _ in sets]
    for number in range(context.runs):
        for taggers, mine in zip(sets, done, strict=True):
            print(f"tag, 1 worker, round {number}: {', '.join(taggers)}", file=sys.stderr)
            mine.append(_run(context, taggers, read=number == 0))
    return [
        Pass(
            seconds=median(one.seconds for one in mine),
            work=median(one.work for one in mine),
            kernels=median(one.kernels for one in mine),
        )
        for mine in done
    ]


def _command(bench: Bench, command: list[str], runs: int) -> float:
    print(" ".join(command[:3]), file=sys.stderr)
    paths = [str(path) for path in bench.corpus.files]
    log = bench.work / "rules.log"
    done = [timed([*command, *paths], log, dict(os.environ), bench.limit) for _ in range(runs)]
    return median(cost.cpu_seconds for cost in done)


def _measure(context: Context) -> Rules:
    """Times every tagger, the filters of datatrove, and all taggers in one pass."""
    bench = context.bench
    python = context.datatrove or environment(context.cache, "datatrove", *DATATROVE)
    script = str(Path(__file__).with_name("peers") / "datatrove_filters.py")
    sets = [(READING,), TOGETHER, *((tagger,) for tagger in TOGETHER)]
    reading, together, *each = _passes(context, sets)
    taggers = []
    for tagger, one in zip(TOGETHER, each, strict=True):
        theirs = None
        if filters := FILTERS.get(tagger):
            theirs = _command(bench, [str(python), script, ",".join(filters)], 1)
        alone = max(one.seconds - reading.seconds, 0.0)
        taggers.append(
            Alone(
                tagger=tagger,
                seconds=one.seconds,
                alone=alone,
                kernel=one.kernels,
                megabytes_per_second=bench.corpus.text_bytes / MEGABYTE / max(alone, 0.01),
                datatrove=theirs,
            )
        )
    return Rules(
        taggers=tuple(taggers),
        inflating=_command(bench, ["gzip", "-t"], context.runs),
        reading=reading.seconds,
        together=together.seconds,
        work=together.work,
    )


def _cells(row: Alone) -> list[str]:
    return [
        f"`{row.tagger}`",
        f"{row.seconds:.2f}",
        f"{row.alone:.2f}",
        f"{row.kernel:.2f}",
        f"{row.megabytes_per_second:.0f}",
        f"{row.datatrove:.1f}" if row.datatrove else "-",
        f"**{row.datatrove / row.seconds:.0f}**" if row.datatrove else "-",
    ]


def tag_by_rules(context: Context) -> Section:
    """The suite: the taggers of published rules."""
    rules = _measure(context)
    size = context.bench.corpus.text_bytes / MEGABYTE
    summary = (
        f"Inflating the input alone (`gzip -t`): {rules.inflating:.2f} s, {size / rules.inflating:.0f} MB/s. "
        f"Reading and writing rows (`{READING}`): {rules.reading:.2f} s, {size / rules.reading:.0f} MB/s. "
        f"All {len(TOGETHER)} in one pass: {rules.together:.2f} s, {rules.share_of_runs:.2f} times the sum of "
        f"reading and every tagger alone. Its work is {rules.work:.2f} s, {rules.share:.2f} times the "
        f"{rules.kernels:.2f} s of the kernels alone (at most {MOST}: {'met' if rules.met else 'missed'})."
    )
    columns = ("tagger", "CPU seconds", "alone", "kernel", "MB/s alone", "datatrove, s", "ratio")
    return Section(
        title="Taggers of published rules",
        lines=[*table(columns, [_cells(row) for row in rules.taggers]), summary, ""],
        rows=[asdict(rules) | {"share": rules.share, "share_of_runs": rules.share_of_runs}],
        met=rules.met,
    )
