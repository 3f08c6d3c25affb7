"""Finds repeats in packed texts with the program of deduplicate-text-datasets, from nothing to ranges.

Run by the benchmark as one tree of processes: the suffix array is built in a part for each worker,
merged, searched for repeats, and the ranges are collected.

    python suffix_arrays.py PROGRAM TEXTS LENGTH WORKERS
"""

import shutil
import subprocess
import sys
from pathlib import Path

OVERLAP = 100_000
"""Bytes that parts of the input overlap, more than any repeat that matters."""


def call(commands: list[list[str]]) -> None:
    """Runs commands beside each other."""
    running = [subprocess.Popen(command) for command in commands]
    # All of them are waited for, whichever fails.
    statuses = [process.wait() for process in running]
    if any(statuses):
        raise SystemExit(f"failed: {commands}")


def main(program: str, texts: Path, length: str, workers: int) -> None:
    size = texts.stat().st_size
    step = -(-size // workers)
    bounds = [(start, min(start + step + OVERLAP, size)) for start in range(0, size, step)]
    cache, scratch = texts.parent / "cache", texts.parent / "merge"
    for folder in (cache, scratch):
        folder.mkdir()
    threads = ["--num-threads", str(workers)]
    data = ["--data-file", str(texts)]
    call(
        [
            [program, "make-part", *data, "--start-byte", str(start), "--end-byte", str(end)]
            for start, end in bounds
        ]
    )
    pieces = [word for start, end in bounds for word in ("--suffix-path", f"{texts}.part.{start}-{end}")]
    call([[program, "merge", "--output-file", str(scratch / "table"), *pieces, *threads]])
    with Path(f"{texts}.table.bin").open("wb") as table:
        for piece in sorted(scratch.glob("table.table.bin.*")):
            with piece.open("rb") as source:
                shutil.copyfileobj(source, table)
    threshold = ["--length-threshold", length, "--cache-dir", str(cache)]
    call([[program, "self-similar", *data, *threshold, *threads]])
    call([[program, "collect", *data, *threshold]])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
