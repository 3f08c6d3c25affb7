"""Repeated substrings against the suffix arrays of deduplicate-text-datasets, on the same texts.

The peer is built from github.com/google-research/deduplicate-text-datasets (`cargo build --release`,
then `--suffix-arrays target/release/dedup_dataset`). It is given the texts in the form of its own
loaders, already inflated and parsed; this tool reads the documents, and writes attribute files. Both
look for repeats of at least 500 bytes. Without the program, this tool alone is measured.
"""

import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import configs
from measure import Cost, middle, opened, read_output, timed
from report import MEGABYTE, Section, megabytes, table, verdict
from suite import Context
from tools import run_tool

SEPARATOR = b"\xff\xff"
"""What stands before every text in the peer's input, with the number of the text."""

LENGTH = configs.BY_SUBSTRING["substring"]["min_length"]

PEER = Path(__file__).with_name("peers") / "suffix_arrays.py"


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """Both programs with a number of workers; the peer only where it is given."""

    workers: int
    own: Cost
    spans: int
    peer: Cost | None

    @property
    def ratio(self) -> float | None:
        return self.peer.seconds / self.own.seconds if self.peer else None


def pack(documents: tuple[Path, ...], target: Path) -> None:
    """Writes the peer's input."""
    number = 0
    with target.open("wb") as out:
        for path in documents:
            with opened(path) as lines:
                for line in lines:
                    text = json.loads(line)["text"].encode("utf-8", "surrogatepass")
                    out.write(SEPARATOR + number.to_bytes(4, "little") + text)
                    number += 1


def _own(context: Context, workers: int) -> tuple[Cost, int]:
    folder = context.bench.fresh(context.bench.work / "substring" / "own")
    config = configs.dedupe(configs.BY_SUBSTRING, configs.documents, exact=True, memory="1GiB")
    setting = context.bench.setting(folder, context.own, workers)
    cost = run_tool(context.bench, context.own, "dedupe", config(setting), folder)
    return cost, read_output(folder / "attributes").spans


def _peer(context: Context, workers: int) -> Cost | None:
    if context.suffix_arrays is None:
        return None
    folder = context.bench.work / "substring" / "peer"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pack(context.bench.corpus.files, folder / "texts")
    command = [sys.executable, str(PEER), str(context.suffix_arrays.resolve()), str(folder / "texts")]
    command += [str(LENGTH), str(workers)]
    log = folder.with_suffix(".log")
    return timed(command, log, dict(os.environ), context.bench.limit, disk=folder)


def _row(context: Context, workers: int) -> Repeats:
    own, peers, spans = [], [], 0
    for number in range(context.runs):
        print(f"substring, {workers} workers, round {number}", file=sys.stderr)
        cost, spans = _own(context, workers)
        own.append(cost)
        if (peer := _peer(context, workers)) is not None:
            peers.append(peer)
    return Repeats(workers=workers, own=middle(own), spans=spans, peer=middle(peers) if peers else None)


def _cells(context: Context, row: Repeats) -> list[str]:
    def pair(peer: str, own: str) -> str:
        return f"{peer} / {own}"

    size, theirs = context.bench.corpus.text_bytes / MEGABYTE, row.peer
    return [
        str(row.workers),
        pair(f"{theirs.seconds:.2f}" if theirs else "-", f"{row.own.seconds:.2f}"),
        pair(f"{size / theirs.seconds:.1f}" if theirs else "-", f"{size / row.own.seconds:.1f}"),
        f"**{row.ratio:.1f}**" if row.ratio else "-",
        "1",
        pair(megabytes(theirs.peak_memory) if theirs else "-", megabytes(row.own.peak_memory)),
        pair(megabytes(theirs.peak_disk) if theirs else "-", megabytes(row.own.peak_disk)),
        str(row.spans),
        verdict(row.ratio, 1) if row.ratio else "not measured (no --suffix-arrays)",
    ]


def find_repeats(context: Context) -> Section:
    """The suite: repeats of 500 bytes with every number of workers."""
    rows = [_row(context, workers) for workers in context.workers]
    columns = ("workers", "seconds", "MB/s", "ratio", "target", "peak MB", "disk MB", "spans", "verdict")
    intro = f"Repeats of at least {LENGTH} bytes; each pair is deduplicate-text-datasets / this tool."
    return Section(
        title="Repeated substrings",
        lines=[intro, "", *table(columns, [_cells(context, row) for row in rows])],
        rows=[asdict(row) for row in rows],
        met=all(row.ratio is None or row.ratio > 1 for row in rows),
    )
