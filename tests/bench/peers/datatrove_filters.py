"""Reads documents and applies filters of datatrove to them, in one process.

Run by the benchmark with the Python of the environment that has datatrove. Every document goes
through every filter, and nothing is written: the filters' own work and reading, no more.

    python datatrove_filters.py GopherQualityFilter,GopherRepetitionFilter FILE...
"""

import json
import sys

from datatrove.data import Document
from datatrove.pipeline import filters
from datatrove.pipeline.readers import JsonlReader


def main(names: str, paths: list[str]) -> None:
    steps = [getattr(filters, name)() for name in names.split(",")]
    read = kept = 0
    for path in paths:
        folder, _, name = path.rpartition("/")
        for document in JsonlReader(folder, glob_pattern=name).run():
            read += 1
            verdicts = [step.filter(Document(text=document.text, id=document.id)) is True for step in steps]
            kept += all(verdicts)
    print(json.dumps({"read": read, "kept": kept}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
