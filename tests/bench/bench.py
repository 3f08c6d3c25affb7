"""Measures this tool against the published dolma 1.2.1, or alone on a growing input (`--scaling`).

Both run as whole processes on the same documents in one sitting, alternating; what counts is the
median wall time, start-up included, as megabytes of text per second. Output is counted too, because
a fast tool that loses rows is not fast. See README.md beside this file.

    python tests/bench/bench.py --documents '/data/documents/*.jsonl.gz'
"""

import argparse
import shlex
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import report
import rules
from jobs import JOBS, Job
from measure import BenchError, take_corpus
from scaling import measure_scaling
from tools import (
    Bench,
    Run,
    Tool,
    install_published,
    make_attributes,
    own_tool,
    published_tool,
    run_job,
)

ROOT = Path(__file__).resolve().parents[2]

SHARD_BYTES = 15_000_000
"""Stored bytes of input for one shard of a mix; smaller inputs are still cut into four, because
the published tool works on one shard per worker."""

SCALED = ("tag-gopher", "dedupe-documents", "dedupe-paragraphs", "mix-jsonpath", "merge")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure dolma against the published dolma 1.2.1.")
    names = [job.name for job in JOBS]
    parser.add_argument("--documents", required=True, help="glob of document files")
    parser.add_argument("--jobs", help=f"comma-separated, of: {', '.join(names)}")
    parser.add_argument("--workers", default="1,2", help="comma-separated numbers (%(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each tool (%(default)s)")
    parser.add_argument("--scaling", action="store_true", help="this tool alone on 1x, 4x, 16x")
    parser.add_argument("--rules", action="store_true", help="taggers against datatrove, and in one pass")
    parser.add_argument("--datatrove", type=Path, help="a Python that has it; default: installed on demand")
    parser.add_argument("--out", type=Path, help="report, written as .md and .json")
    parser.add_argument("--dolma", type=Path, default=Path(sys.executable).with_name("dolma"))
    parser.add_argument("--published", type=Path, help="executable; default: installed on demand")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "bench")
    parser.add_argument("--limit", type=float, default=3600.0, help="seconds for one run")
    parser.add_argument("--check", action="store_true", help="exit 1 if a target is missed")
    options = parser.parse_args(arguments)
    options.jobs = options.jobs.split(",") if options.jobs else None
    options.workers = [int(number) for number in options.workers.split(",")]
    if unknown := sorted(set(options.jobs or ()) - set(names)):
        parser.error(f"no such job: {', '.join(unknown)}")
    if options.runs < 1:
        parser.error("--runs must be at least 1")
    return options


def _remarks(job: Job, old: report.Summary, new: report.Summary, ratio: float) -> tuple[str, ...]:
    found = []
    if ratio < job.target:
        found.append("missed")
    if job.no_larger and new.stored_bytes > old.stored_bytes:
        found.append("larger output")
    if old.rows != new.rows:
        found.append("rows differ")
    return tuple(found)


def compare(
    bench: Bench, jobs: list[Job], tools: tuple[Tool, Tool], workers: list[int], runs: int
) -> list[report.Row]:
    """Runs the jobs with both tools, one after the other, `runs` times."""
    rows = []
    for job in jobs:
        for count in workers:
            done: tuple[list[Run], list[Run]] = ([], [])
            for number in range(runs):
                for tool, mine in zip(tools, done, strict=True):
                    print(f"{job.name}, {count} workers: {tool.name} {number}", file=sys.stderr)
                    mine.append(run_job(bench, job, tool, count, read=number == 0))
            old, new = (report.summarise(mine, bench.corpus) for mine in done)
            ratio = old.seconds / new.seconds
            row = report.Row(
                job=job.name,
                title=job.title,
                workers=count,
                target=job.target,
                ratio=ratio,
                published=old,
                dolma=new,
                remarks=_remarks(job, old, new, ratio),
            )
            rows.append(row)
    return rows


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    cache = options.cache.resolve()
    if "documents" in cache.parts:
        # Both tools derive the attributes' place from the folder named so.
        raise BenchError(f"--cache must not lie below a folder called documents: {cache}")
    machine = report.environment()
    work = cache / "work"
    corpus = take_corpus(options.documents, work / "input")
    published = published_tool(options.published or install_published(cache), cache)
    own = own_tool(options.dolma, published)
    bench = Bench(
        work=work,
        corpus=corpus,
        attributes=work / "attributes",
        shard_bytes=min(SHARD_BYTES, max(1, corpus.stored_bytes // 4)),
        limit=options.limit,
    )
    wanted = options.jobs or (SCALED if options.scaling else [job.name for job in JOBS])
    jobs = [job for job in JOBS if job.name in wanted]
    if not options.rules:
        make_attributes(bench, own, {experiment for job in jobs for experiment in job.needs})
    command = shlex.join(["python", "tests/bench/bench.py", *arguments])
    missed = False
    if options.scaling:
        scaled = measure_scaling(bench, jobs, own, options.workers, options.runs)
        markdown = report.scaling(scaled, corpus, machine, command)
        rows = [asdict(row) for row in scaled]
    elif options.rules:
        python = options.datatrove or rules.install_datatrove(cache)
        measured = rules.measure_rules(bench, own, python, options.runs)
        markdown = rules.markdown(measured, bench, machine, command)
        rows, missed = [asdict(measured)], not measured.met
    else:
        compared = compare(bench, jobs, (published, own), options.workers, options.runs)
        markdown = report.comparison(compared, corpus, machine, command)
        rows, missed = [asdict(row) for row in compared], not all(row.met for row in compared)
    print(markdown)
    if options.out is not None:
        report.write(options.out, markdown, rows, corpus, machine)
    shutil.rmtree(work)
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BenchError as error:
        sys.exit(f"bench: {error}")
