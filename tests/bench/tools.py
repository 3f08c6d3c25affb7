"""The two tools under measurement: where they are, and how a job is run with one of them.

The published tool lives in a virtual environment of its own, made once. Each run gets a fresh
folder with the documents (and, for mixes, the attributes) linked in, so that neither tool meets
anything the other or an earlier run has left, and so that relative places of files are the same.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from jobs import NEEDED, Job, Setting, tag
from measure import BenchError, Corpus, Cost, Output, link, read_output, timed

PUBLISHED = "dolma==1.2.1"
#: Versions that its requirements lead to: pip tries dozens of boto3 against s3fs to find them by itself.
RESOLVED = ("boto3==1.28.17", "botocore==1.31.17", "aiobotocore==2.5.4", "s3fs==2023.6.0", "fsspec==2023.6.0")


@dataclass(frozen=True, kw_only=True)
class Tool:
    """An executable with the command line of `dolma`, and the environment to run it in."""

    name: str
    path: Path
    published: bool
    environment: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One finished run of a job."""

    cost: Cost
    output: Output


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all runs of one invocation share."""

    work: Path
    corpus: Corpus
    attributes: Path
    shard_bytes: int
    limit: float


def install_published(cache: Path) -> Path:
    """The published tool's executable, installed below `cache` unless it is there already."""
    home = cache / "published"
    executable = home / "bin" / "dolma"
    if not executable.exists():
        print(f"installing {PUBLISHED} into {home}", file=sys.stderr)
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", PUBLISHED, *RESOLVED]
        if subprocess.run(pip).returncode != 0:
            shutil.rmtree(home, ignore_errors=True)
            raise BenchError(f"{PUBLISHED} does not install with {sys.executable}; try --published")
    return executable


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


def _write_config(path: Path, config: dict[str, object]) -> None:
    # JSON is YAML but for one trap: PyYAML reads 1e-06 as text, 1.0e-06 as the number it is.
    path.write_text(json.dumps(config, indent=1).replace(" 1e-", " 1.0e-"), encoding="utf-8")


def run_job(bench: Bench, job: Job, tool: Tool, workers: int, *, read: bool) -> Run:
    """Runs a job once in a fresh folder, which is removed if all went well."""
    folder = bench.work / "runs" / f"{job.name}-{tool.name}"
    shutil.rmtree(folder, ignore_errors=True)
    for path in bench.corpus.files:
        link(path, folder / "documents" / path.name)
        for experiment in job.needs:
            link(bench.attributes / experiment / path.name, _below(folder, experiment, path))
    setting = Setting(
        folder=folder,
        published=tool.published,
        workers=workers,
        documents=bench.corpus.documents,
        lines=bench.corpus.lines,
        shard_bytes=bench.shard_bytes,
    )
    config = folder / "config.yaml"
    _write_config(config, job.config(setting))
    command = [str(tool.path), "-c", str(config), job.command]
    log = folder.with_suffix(".log")
    cost = timed(command, log, tool.environment, bench.limit)
    output = read_output(folder / job.output) if read else Output.nothing()
    if read and output.files == 0:
        raise BenchError(f"{job.name}: {tool.name} wrote nothing to {job.output}, see {log}")
    if read and job.keeps_rows and output.rows != bench.corpus.documents:
        wanted = bench.corpus.documents
        raise BenchError(f"{job.name}: {tool.name} wrote {output.rows} rows for {wanted}, see {log}")
    shutil.rmtree(folder)
    return Run(cost=cost, output=output)


def _below(folder: Path, experiment: str, path: Path) -> Path:
    return folder / "attributes" / experiment / path.name


def make_attributes(bench: Bench, tool: Tool, needed: set[str]) -> None:
    """Tags the corpus once with `tool` for the mixes, whose inputs are then the same for both."""
    for experiment in sorted(needed):
        print(f"writing the attributes {experiment}", file=sys.stderr)
        folder = bench.work / "tagging"
        shutil.rmtree(folder, ignore_errors=True)
        for path in bench.corpus.files:
            link(path, folder / "documents" / path.name)
        setting = Setting(
            folder=folder,
            published=tool.published,
            workers=2,
            documents=bench.corpus.documents,
            lines=bench.corpus.lines,
            shard_bytes=bench.shard_bytes,
        )
        _write_config(folder / "config.yaml", tag(experiment, NEEDED[experiment])(setting))
        command = [str(tool.path), "-c", str(folder / "config.yaml"), "tag"]
        timed(command, folder.with_suffix(".log"), tool.environment, bench.limit)
        target = bench.attributes / experiment
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder / "attributes" / experiment).rename(target)
        rows = read_output(target).rows
        if rows != bench.corpus.documents:
            raise BenchError(f"{experiment} has {rows} rows for {bench.corpus.documents} documents")
        shutil.rmtree(folder)
