"""The taggers of published rules: each against datatrove's filters, and many of them in one pass.

datatrove reads, filters and writes nothing; this tool reads, tags and writes attribute rows, as it
does for users. Times are of the processor, which other work on the machine disturbs least. "Alone"
is a tagger's time less that of `doc_count_v1`, which reads and writes and does nothing else; one
pass of many taggers should take little more than their sum.
"""

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
"""What one pass may take, by reading and writing once and every tagger alone."""


@dataclass(frozen=True, kw_only=True)
class Alone:
    """One tagger by itself. `datatrove` is the time of its filters, where it has them."""

    tagger: str
    seconds: float
    alone: float
    megabytes_per_second: float
    datatrove: float | None


@dataclass(frozen=True, kw_only=True)
class Rules:
    """All taggers, what the input takes by itself, and the pass of all of them."""

    taggers: tuple[Alone, ...]
    inflating: float
    reading: float
    together: float
    share: float

    @property
    def met(self) -> bool:
        return self.share <= MOST


def _job(taggers: tuple[str, ...]) -> Job:
    """A job of `tag` with these taggers."""
    config = tag(GOPHER, taggers[0])
    return replace(
        JOBS[0],
        name=f"rules-{taggers[0]}-{len(taggers)}",
        config=lambda setting: {**config(setting), "taggers": list(taggers)},
    )


def _seconds(context: Context, sets: list[tuple[str, ...]]) -> list[float]:
    """Processor seconds of runs with each set of taggers; the rounds alternate between the sets."""
    done: list[list[float]] = [[] for _ in sets]
    for number in range(context.runs):
        for taggers, mine in zip(sets, done, strict=True):
            print(f"tag, 1 worker, round {number}: {', '.join(taggers)}", file=sys.stderr)
            run = run_job(context.bench, _job(taggers), context.own, 1, read=number == 0)
            mine.append(run.cost.cpu_seconds)
    return [median(mine) for mine in done]


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
    reading, together, *each = _seconds(context, sets)
    taggers = []
    for tagger, seconds in zip(TOGETHER, each, strict=True):
        theirs = None
        if filters := FILTERS.get(tagger):
            theirs = _command(bench, [str(python), script, ",".join(filters)], 1)
        alone = max(seconds - reading, 0.0)
        speed = bench.corpus.text_bytes / MEGABYTE / max(alone, 0.01)
        taggers.append(
            Alone(tagger=tagger, seconds=seconds, alone=alone, megabytes_per_second=speed, datatrove=theirs)
        )
    return Rules(
        taggers=tuple(taggers),
        inflating=_command(bench, ["gzip", "-t"], context.runs),
        reading=reading,
        together=together,
        share=together / (reading + sum(tagger.alone for tagger in taggers)),
    )


def _cells(row: Alone) -> list[str]:
    return [
        f"`{row.tagger}`",
        f"{row.seconds:.2f}",
        f"{row.alone:.2f}",
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
        f"All {len(TOGETHER)} in one pass: {rules.together:.2f} s, {rules.share:.2f} times the sum of "
        f"reading and every tagger alone (at most {MOST}: {'met' if rules.met else 'missed'})."
    )
    columns = ("tagger", "CPU seconds", "alone", "MB/s alone", "datatrove, s", "ratio")
    return Section(
        title="Taggers of published rules",
        lines=[*table(columns, [_cells(row) for row in rules.taggers]), summary, ""],
        rows=[asdict(rules)],
        met=rules.met,
    )
