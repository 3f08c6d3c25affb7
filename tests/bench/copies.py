"""The input taken several times, for measurements of growth.

Links under other names are enough for work that looks at one document at a time. What compares
documents must not meet the same ones again: for that, the letters of each copy are moved on by some
places of the alphabet, which keeps lengths, structure and what repeats within a copy.
"""

import gzip
import json
import shutil
import string
from pathlib import Path

from measure import BenchError, link, opened

LETTERS = string.ascii_lowercase


def rotation(places: int) -> dict[int, int]:
    """A table for `str.translate` that moves ASCII letters on by so many places."""
    moved = LETTERS[places:] + LETTERS[:places]
    return str.maketrans(LETTERS + LETTERS.upper(), moved + moved.upper())


def _rewrite(source: Path, target: Path, places: int) -> None:
    table = rotation(places)
    target.parent.mkdir(parents=True, exist_ok=True)
    with opened(source) as lines, gzip.open(target, "wt", compresslevel=1, encoding="utf-8") as out:
        for line in lines:
            row = json.loads(line)
            row["id"] = f"{places}-{row['id']}"
            row["text"] = str(row["text"]).translate(table)
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


def linked(files: list[Path], folder: Path, copies: int) -> list[Path]:
    """The files of `files`, linked `copies` times under different names."""
    made = []
    for copy in range(copies):
        for path in files:
            made.append(folder / f"{copy:02d}-{path.name}")
            link(path, made[-1])
    return made


def rotated(files: list[Path], folder: Path, copies: int) -> list[Path]:
    """The files of `files`, `copies` times with different letters; at most 26 times."""
    if copies > len(LETTERS):
        raise BenchError(f"{copies} copies: an alphabet has {len(LETTERS)} letters")
    made = []
    for copy in range(copies):
        for path in files:
            made.append(folder / f"{copy:02d}-{path.name.split('.')[0]}.jsonl.gz")
            _rewrite(path, made[-1], copy)
    return made


def joined(files: list[Path], folder: Path) -> Path:
    """All files one after the other in one; gzip members and zstandard frames allow that."""
    if len({path.suffix for path in files}) != 1:
        raise BenchError("one big file needs documents of one compression")
    target = folder / f"all{''.join(files[0].suffixes[-2:])}"
    folder.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as stream:
        for path in files:
            with path.open("rb") as part:
                shutil.copyfileobj(part, stream)
    return target
