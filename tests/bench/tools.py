"""The two tools under measurement: where they are, and how a job is run with one of them.

The published tool lives in a virtual environment of its own, made once. Each run gets a fresh
folder with the documents (and, for mixes, the attributes) linked in, so that neither tool meets
anything the other or an earlier run has left, and so that relative places of files are the same.
"""

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from configs import NEEDED, Config, Setting, tag
from environments import environment
from jobs import Job
from measure import BenchError, Corpus, Cost, Output, link, read_output, timed

PUBLISHED = "dolma==1.2.1"

RESOLVED = ("boto3==1.28.17", "botocore==1.31.17", "aiobotocore==2.5.4", "s3fs==2023.6.0", "fsspec==2023.6.0")
"""Versions that its requirements lead to: pip tries dozens of boto3 against s3fs to find them by itself."""

FOR_CODE = ("detect-secrets==1.4.0", "beautifulsoup4")
"""What its taggers of source code need besides."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """An executable with the command line of `dolma`, and the environment to run it in."""

    name: str
    path: Path
    published: bool
    environment: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One finished run of a job, with the size of its filter if it made one."""

    cost: Cost
    output: Output
    filter_bytes: int


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all runs of one invocation share."""

    work: Path
    corpus: Corpus
    attributes: Path
    shard_bytes: int
    limit: float

    def setting(self, folder: Path, tool: Tool, workers: int) -> Setting:
        return Setting(
            folder=folder,
            published=tool.published,
            workers=workers,
            documents=self.corpus.documents,
            lines=self.corpus.lines,
            words=self.corpus.words,
            shard_bytes=self.shard_bytes,
        )

    def fresh(self, folder: Path) -> Path:
        """`folder`, emptied, with the documents in it."""
        shutil.rmtree(folder, ignore_errors=True)
        for path in self.corpus.files:
            link(path, folder / "documents" / path.name)
        return folder


def find_published(cache: Path, *, install: bool) -> Path:
    """The published tool's executable below `cache`, where it is installed if it is needed."""
    if not install:
        return cache / "published" / "bin" / "dolma"
    try:
        return environment(cache, "published", PUBLISHED, *RESOLVED, *FOR_CODE).with_name("dolma")
    except BenchError as error:
        raise BenchError(f"{error}; try --published") from None


def published_tool(path: Path, cache: Path) -> Tool:
    # Importing the published package looks for NLTK's punkt data and tries to download it at every
    # start where it is missing. An empty folder of that name satisfies it: no command measured here
    # splits sentences, and a failing download must not count as its working time.
    data = cache / "nltk_data"
    (data / "tokenizers" / "punkt").mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"NLTK_DATA": str(data)}
    return Tool(name="published", path=path, published=True, environment=environment)


def own_tool(path: Path, published: Tool) -> Tool:
    """The tool to be measured; the published one may be measured against itself."""
    if not path.exists():
        raise BenchError(f"{path} does not exist; say with --dolma which tool to measure")
    if path.resolve() == published.path.resolve():
        return Tool(name="dolma", path=path, published=True, environment=dict(published.environment))
    return Tool(name="dolma", path=path, published=False, environment=dict(os.environ))


def _write_config(path: Path, config: Config) -> None:
    # JSON is YAML but for one trap: PyYAML reads 1e-06 as text, 1.0e-06 as the number it is.
    path.write_text(json.dumps(config, indent=1).replace(" 1e-", " 1.0e-"), encoding="utf-8")


def run_tool(bench: Bench, tool: Tool, command: str, config: Config, folder: Path) -> Cost:
    """Runs one command of a tool with a configuration that is written into `folder`, which is watched."""
    path = folder / f"{command}.yaml"
    _write_config(path, config)
    log = folder.with_name(f"{folder.name}-{command}.log")
    return timed([str(tool.path), "-c", str(path), command], log, tool.environment, bench.limit, disk=folder)


def run_job(bench: Bench, job: Job, tool: Tool, workers: int, *, read: bool) -> Run:
    """Runs a job once in a fresh folder, which is removed if all went well."""
    folder = bench.fresh(bench.work / "runs" / f"{job.name}-{tool.name}")
    for path in bench.corpus.files:
        for experiment in job.needs:
            link(bench.attributes / experiment / path.name, _below(folder, experiment, path))
    cost = run_tool(bench, tool, job.command, job.config(bench.setting(folder, tool, workers)), folder)
    output = read_output(folder / job.output) if read else Output.nothing()
    if read and output.files == 0:
        raise BenchError(
            f"{job.name}: {tool.name} wrote nothing to {job.output}, see the log beside {folder}"
        )
    if read and job.keeps_rows and output.rows != bench.corpus.documents:
        wanted = bench.corpus.documents
        raise BenchError(f"{job.name}: {tool.name} wrote {output.rows} rows for {wanted}, see {folder}")
    bloom = folder / "filter.bin"
    size = bloom.stat().st_size if bloom.exists() else 0
    shutil.rmtree(folder)
    return Run(cost=cost, output=output, filter_bytes=size)


def _below(folder: Path, experiment: str, path: Path) -> Path:
    return folder / "attributes" / experiment / path.name


def make_attributes(bench: Bench, tool: Tool, needed: set[str]) -> None:
    """Tags the corpus once with `tool` for the mixes, whose inputs are then the same for both."""
    for experiment in sorted(needed):
        print(f"writing the attributes {experiment}", file=sys.stderr)
        folder = bench.fresh(bench.work / "tagging")
        config = tag(experiment, NEEDED[experiment])(bench.setting(folder, tool, 2))
        run_tool(bench, tool, "tag", config, folder)
        target = bench.attributes / experiment
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder / "attributes" / experiment).rename(target)
        rows = read_output(target).rows
        if rows != bench.corpus.documents:
            raise BenchError(f"{experiment} has {rows} rows for {bench.corpus.documents} documents")
        shutil.rmtree(folder)
