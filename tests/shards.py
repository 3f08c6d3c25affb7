"""Small document and attribute files for tests, and the commands that work on them.

A file is written as the suffix of its path says (`.gz`, `.zst`, plain) from dicts, or from strings
that are lines as they stand. `visible` is what a user sees of a folder: everything but hidden names,
among which unfinished files and records are.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import zstandard

Row = Mapping[str, Any] | str

PACKAGE = Path(__file__).resolve().parent.parent / "python"

WORDS = ["the", "of", "and", "river", "mountain", "letter", "signal", "amber", "écho", "日本", "naïve"]


def encode(path: Path, content: bytes) -> bytes:
    """`content` as a file called `path` holds it."""
    if path.suffix == ".gz":
        return gzip.compress(content, 6, mtime=0)
    return zstandard.ZstdCompressor().compress(content) if path.suffix == ".zst" else content


def decode(path: Path) -> bytes:
    """The whole content of a file; raises where a compressed one is not complete."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    if path.suffix == ".zst":
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True) as stream:
            return stream.read()
    return data


def write(path: Path, rows: Iterable[Row]) -> Path:
    """Writes a file of JSON lines and the folders above it."""
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(path, "".join(f"{line}\n" for line in lines).encode()))
    return path


def lines(path: Path) -> list[str]:
    """The lines of a file as they stand."""
    return decode(path).decode().splitlines()


def read(path: Path) -> list[Any]:
    """The rows of a file."""
    return [json.loads(line) for line in decode(path).decode().split("\n") if line]


def documents(root: Path, files: Mapping[str, Sequence[Row]]) -> str:
    """Writes `root/documents/<name>` for each file; returns a glob that matches them all."""
    for name, rows in files.items():
        write(root / "documents" / name, rows)
    return f"{root}/documents/**/*"


def attributes(root: Path, name: str, file: str, rows: Sequence[tuple[str, Mapping[str, Any]] | str]) -> Path:
    """Writes an attribute file of the set `name`: rows are ids with their attributes."""
    made = [row if isinstance(row, str) else {"id": row[0], "attributes": row[1]} for row in rows]
    return write(root / "attributes" / name / file, made)


def texts(*contents: str) -> list[Row]:
    """Documents with these texts, called by their place."""
    return [{"id": f"d{index}", "text": text, "source": "test"} for index, text in enumerate(contents)]


def prose(seed: int, words: int) -> str:
    """Running text, the same for the same seed, with a line break now and then."""
    draw = random.Random(seed)
    return "".join(draw.choice(WORDS) + ("\n" if draw.random() < 0.08 else " ") for _ in range(words))


def visible(root: Path) -> dict[str, bytes]:
    """The bytes of every file below `root` that is not hidden, by relative path."""
    found = {}
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if not name.startswith(".")]
        for name in names:
            if not name.startswith("."):
                path = Path(folder, name)
                found[str(path.relative_to(root))] = path.read_bytes()
    return found


def contents(root: Path) -> dict[str, bytes]:
    """As `visible`, decompressed."""
    return {name: decode(root / name) for name in visible(root)}


def environment() -> dict[str, str]:
    """The environment in which a process finds this package."""
    paths = [str(PACKAGE), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def recipe(folder: Path, config: Mapping[str, Any], name: str = "recipe.json") -> str:
    """The path of a recipe file with this content."""
    path = folder / name
    path.write_text(json.dumps(config))
    return str(path)


def dolma(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "dolma", *arguments],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )


def hostile_gz(path: Path) -> Path:
    """Cuts a compressed file in half."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path
