"""Repeated substrings against the suffix arrays of deduplicate-text-datasets, on the same texts.

    python tests/bench/substring.py --documents 'corpus/*.jsonl.gz' --peer path/to/dedup_dataset

`--peer` is the program built from github.com/google-research/deduplicate-text-datasets (`cargo build
--release`). It is given the texts in the form of its own loaders, already inflated and parsed; this
tool reads the documents, and writes attribute files. Both look for repeats of at least `--length`
bytes, with each number of `--workers`. Without `--peer`, this tool alone is measured.
"""

import argparse
import glob
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

#: What stands before every text in the peer's input: a separator and the number of the text.
SEPARATOR = b"\xff\xff"
#: Bytes that parts of the peer's input overlap, more than any repeat that matters.
OVERLAP = 100_000


def pack(documents: list[Path], target: Path) -> int:
    """Writes the peer's input; returns the bytes of text."""
    total = number = 0
    with target.open("wb") as out:
        for path in documents:
            with gzip.open(path) as lines:
                for line in lines:
                    text = json.loads(line)["text"].encode()
                    out.write(SEPARATOR + number.to_bytes(4, "little") + text)
                    number += 1
                    total += len(text)
    return total


def seconds(commands: list[list[str]], together: bool = False) -> float:
    """How long commands take, one after the other or all together."""
    begin = time.perf_counter()
    if together:
        running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
        if any(process.wait() for process in running):
            raise SystemExit(f"failed: {commands}")
    else:
        for command in commands:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def peer(program: str, packed: Path, length: int, workers: int) -> float:
    """Builds the suffix array in a part for each worker, merges, finds repeats, collects ranges."""
    size = packed.stat().st_size
    step = -(-size // workers)
    bounds = [(start, min(start + step + OVERLAP, size)) for start in range(0, size, step)]
    parts = [f"{packed}.part.{start}-{end}" for start, end in bounds]
    cache = packed.parent / "cache"
    scratch = packed.parent / "merge"
    for folder in (cache, scratch):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    threads = ["--num-threads", str(workers)]
    data = ["--data-file", str(packed)]
    make = [
        [program, "make-part", *data, "--start-byte", str(start), "--end-byte", str(end)]
        for start, end in bounds
    ]
    took = seconds(make, together=True)
    pieces = [option for part in parts for option in ("--suffix-path", part)]
    took += seconds([[program, "merge", "--output-file", str(scratch / "table"), *pieces, *threads]])
    with Path(f"{packed}.table.bin").open("wb") as table:
        for piece in sorted(scratch.glob("table.table.bin.*")):
            with piece.open("rb") as source:
                shutil.copyfileobj(source, table)
    threshold = ["--length-threshold", str(length), "--cache-dir", str(cache)]
    took += seconds([[program, "self-similar", *data, *threshold, *threads]])
    return took + seconds([[program, "collect", *data, *threshold]])


def own(documents: list[Path], folder: Path, length: int, workers: int) -> float:
    """Runs `dolma dedupe` from nothing."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "documents").mkdir(parents=True)
    for path in documents:
        (folder / "documents" / path.name).symlink_to(path.resolve())
    config = {
        "documents": [f"{folder}/documents/*"],
        "dedupe": {"substring": {"attribute_name": "repeats", "min_length": length}},
        "memory": "1GiB",
        "processes": workers,
    }
    recipe = folder / "recipe.json"
    recipe.write_text(json.dumps(config))
    return seconds([[sys.executable, "-m", "dolma", "-c", str(recipe), "dedupe"]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--documents", required=True)
    parser.add_argument("--peer")
    parser.add_argument("--length", type=int, default=500)
    parser.add_argument("--workers", default="1,2")
    options = parser.parse_args()
    documents = [Path(path) for path in sorted(glob.glob(options.documents))]
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder) / "texts"
        size = pack(documents, packed)
        for workers in map(int, options.workers.split(",")):
            took = own(documents, Path(folder) / "own", options.length, workers)
            line = f"{workers} workers: dolma {took:.2f} s, {size / took / 1e6:.1f} MB/s"
            if options.peer:
                other = peer(options.peer, packed, options.length, workers)
                line += f"; peer {other:.2f} s, {size / other / 1e6:.1f} MB/s; ratio {other / took:.1f}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
