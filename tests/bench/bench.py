"""Measures this tool on documents of your own: against the published dolma 1.2.1, against other
programs, and alone. See README.md beside this file.

    python tests/bench/bench.py --documents '/data/documents/*.jsonl.gz'
"""

import argparse
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import report
from classifiers import MODELS, classify
from comparison import compare
from contests import CONTESTS, contend
from floor import ROOT, measure_floor
from jobs import JOBS
from lists import CODE, LISTS, look_up
from measure import BenchError, take_corpus
from quality import check_quality
from rules import tag_by_rules
from scaling import SCALED, SHAPES, scale
from substring import find_repeats
from suite import Context
from tools import Bench, find_published, own_tool, published_tool

SHARD_BYTES = 15_000_000
"""Stored bytes of input for one shard of a mix; smaller inputs are still cut into four, because
the published tool works on one shard per worker."""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A set of measurements that the command line can ask for; some need the published tool."""

    name: str
    help: str
    run: Callable[[Context], report.Section]
    published: bool = False


SUITES = (
    Suite(
        name="comparison",
        help="jobs in turn with the published dolma (the default)",
        run=compare,
        published=True,
    ),
    Suite(name="scaling", help="this tool alone on the input 1, 4 and 16 times", run=scale),
    Suite(name="rules", help="taggers of rules against datatrove, and in one pass", run=tag_by_rules),
    Suite(
        name="lists",
        help="taggers of addresses and code against the published ones",
        run=look_up,
        published=True,
    ),
    Suite(
        name="fasttext",
        help="taggers of fastText models against the package",
        run=classify,
        published=True,
    ),
    Suite(name="peers", help="deduplication against datatrove, rensa and text-dedup", run=contend),
    Suite(name="repeats", help="repeated substrings against suffix arrays", run=find_repeats),
    Suite(name="floor", help="document deduplication against inflating and scanning", run=measure_floor),
    Suite(name="quality", help="what deduplication finds of known duplicates", run=check_quality),
)


def _names() -> list[str]:
    jobs = [job.name for job in (*JOBS, *SCALED)]
    return list(dict.fromkeys([*jobs, *(contest.name for contest in CONTESTS), *LISTS, *CODE, *MODELS]))


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure dolma on documents of your own.")
    parser.add_argument("--documents", required=True, help="glob of document files")
    suites = parser.add_argument_group("suites", "what is measured; several may be given")
    for suite in SUITES:
        suites.add_argument(
            f"--{suite.name}", dest="suites", action="append_const", const=suite, help=suite.help
        )
    parser.add_argument("--jobs", metavar="NAMES", help=f"comma-separated, of: {', '.join(_names())}")
    parser.add_argument("--workers", default="1,2", help="comma-separated numbers (%(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each tool (%(default)s)")
    parser.add_argument("--times", default=",".join(SHAPES), help="sizes for --scaling (%(default)s)")
    parser.add_argument(
        "--entries", type=int, default=5000, help="made-up hosts in the lists of --lists (%(default)s)"
    )
    parser.add_argument("--injected", type=Path, help="the pairs that are known, for --quality")
    parser.add_argument("--out", type=Path, help="report, written as .md and .json")
    parser.add_argument("--dolma", type=Path, default=Path(sys.executable).with_name("dolma"))
    parser.add_argument("--published", type=Path, help="executable; default: installed on demand")
    parser.add_argument("--datatrove", type=Path, help="a Python that has it; default: installed on demand")
    parser.add_argument("--suffix-arrays", type=Path, help="the program of deduplicate-text-datasets")
    parser.add_argument("--scan", type=Path, help="examples/scan.rs, built; default: built on demand")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "bench")
    parser.add_argument("--limit", type=float, default=3600.0, help="seconds for one run")
    parser.add_argument("--check", action="store_true", help="exit 1 if a target is missed")
    options = parser.parse_args(arguments)
    options.jobs = tuple(options.jobs.split(",")) if options.jobs else None
    options.workers = tuple(int(number) for number in options.workers.split(","))
    sizes = options.times.split(",")
    # The smallest first: the others are compared with it.
    options.times = tuple(size for size in SHAPES if size in sizes)
    options.suites = options.suites or [SUITES[0]]
    if unknown := sorted(set(options.jobs or ()) - set(_names())):
        parser.error(f"no such job: {', '.join(unknown)}")
    if unknown := sorted(set(sizes) - set(SHAPES)):
        parser.error(f"--times: no such size: {', '.join(unknown)}; there are {', '.join(SHAPES)}")
    if options.runs < 1:
        parser.error("--runs must be at least 1")
    return options


def prepare(options: argparse.Namespace, cache: Path) -> Context:
    """Counts the input and finds the tools."""
    work = cache / "work"
    corpus = take_corpus(options.documents, work / "input")
    needed = any(suite.published for suite in options.suites)
    published = published_tool(options.published or find_published(cache, install=needed), cache)
    bench = Bench(
        work=work,
        corpus=corpus,
        attributes=work / "attributes",
        shard_bytes=min(SHARD_BYTES, max(1, corpus.stored_bytes // 4)),
        limit=options.limit,
    )
    return Context(
        bench=bench,
        own=own_tool(options.dolma, published),
        published=published,
        cache=cache,
        jobs=options.jobs,
        workers=options.workers,
        runs=options.runs,
        times=options.times,
        entries=options.entries,
        datatrove=options.datatrove,
        suffix_arrays=options.suffix_arrays,
        scan=options.scan,
        injected=options.injected,
    )


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    cache = options.cache.resolve()
    if "documents" in cache.parts:
        # Both tools derive the attributes' place from the folder named so.
        raise BenchError(f"--cache must not lie below a folder called documents: {cache}")
    machine = report.machine()
    context = prepare(options, cache)
    corpus = context.bench.corpus
    command = shlex.join(["python", "tests/bench/bench.py", *arguments])
    lines = report.head(corpus, machine, command)
    print("\n".join(lines), flush=True)
    sections = []
    for suite in options.suites:
        section = suite.run(context)
        sections.append(section)
        lines += [f"## {section.title}", "", *section.lines]
        # Each as soon as it is there: a later one may fail.
        print("\n".join([f"## {section.title}", "", *section.lines]), flush=True)
        if options.out is not None:
            report.write(options.out, "\n".join(lines), sections, corpus, machine)
    shutil.rmtree(context.bench.work)
    return 1 if options.check and not all(section.met for section in sections) else 0


def end_on_signals() -> None:
    """Has signals that end this process raise `SystemExit`, so that the program which is measured ends, too."""

    def end(number: int, _: object) -> None:
        sys.exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)


if __name__ == "__main__":
    end_on_signals()
    try:
        sys.exit(main(sys.argv[1:]))
    except BenchError as error:
        sys.exit(f"bench: {error}")
