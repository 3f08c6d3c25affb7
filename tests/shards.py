"""Small document and attribute files for tests.

A file is written as the suffix of its path says (`.gz`, `.zst`, plain). A case should read as one line:
`put(path, "one", "two")` makes a document file, `read(path)` gives the rows of any.
"""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import zstandard

Row = Mapping[str, Any] | str

WORDS = ["the", "of", "and", "river", "mountain", "letter", "signal", "amber", "écho", "日本", "naïve"]


# Bytes


def encode(path: Path, content: bytes) -> bytes:
    """`content` as a file called `path` holds it."""
    if path.suffix == ".gz":
        return gzip.compress(content, 6, mtime=0)
    if path.suffix in (".zst", ".zstd"):
        return zstandard.ZstdCompressor().compress(content)
    return content


def decode(path: Path) -> bytes:
    """The whole content of a file, all members and frames; raises where a compressed one is not complete."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    if path.suffix in (".zst", ".zstd"):
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True) as stream:
            return stream.read()
    return data


def write_raw(path: Path, data: bytes) -> Path:
    """Writes bytes as they are, and the folders above them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def write_content(path: Path, content: bytes) -> Path:
    """Writes bytes in the format of the suffix."""
    return write_raw(path, encode(path, content))


def halve(path: Path) -> Path:
    """Cuts a file in half."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


# Lines and rows


def write(path: Path, rows: Iterable[Row]) -> Path:
    """Writes a file of JSON lines: dicts, or strings that are lines as they stand."""
    made = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    return write_content(path, "".join(f"{line}\n" for line in made).encode())


def lines(path: Path) -> list[str]:
    """The lines of a file as they stand."""
    return decode(path).decode().splitlines()


def read(path: Path) -> list[Any]:
    """The rows of a file."""
    return [json.loads(line) for line in decode(path).decode().split("\n") if line]


# Documents


def line(id: object, text: str, **fields: object) -> bytes:
    """One document as a line without its newline."""
    return json.dumps({"id": id, "text": text, **fields}, ensure_ascii=False).encode()


def numbered(texts: Iterable[str], prefix: str = "d", source: str = "test") -> list[bytes]:
    """Lines for texts, with ids that count from 0."""
    return [line(f"{prefix}{number}", text, source=source) for number, text in enumerate(texts)]


def put(path: Path, *contents: str | bytes, **fields: Any) -> Path:
    """Writes a document file: a string is a text, whose id is `<name>-<n>`; bytes are a line as they are."""
    stem = path.name.partition(".")[0]
    made = [
        content
        if isinstance(content, bytes)
        else line(f"{stem}-{n}", content, **{"source": "test", **fields})
        for n, content in enumerate(contents)
    ]
    return write_content(path, b"".join(one + b"\n" for one in made))


def documents(root: Path, files: Mapping[str, Sequence[Row]]) -> str:
    """Writes `root/documents/<name>` for each file; returns a glob that matches them all."""
    for name, rows in files.items():
        write(root / "documents" / name, rows)
    return f"{root}/documents/**/*"


def texts(*contents: str) -> list[Row]:
    """Documents with these texts, called by their place."""
    return [{"id": f"d{index}", "text": text, "source": "test"} for index, text in enumerate(contents)]


def prose(seed: int, words: int) -> str:
    """Running text, the same for the same seed, with a line break now and then."""
    draw = random.Random(seed)
    return "".join(draw.choice(WORDS) + ("\n" if draw.random() < 0.08 else " ") for _ in range(words))


# Attributes


def attributes(root: Path, name: str, file: str, rows: Sequence[tuple[str, Mapping[str, Any]] | str]) -> Path:
    """Writes an attribute file of the set `name`: rows are ids with their attributes."""
    made = [row if isinstance(row, str) else {"id": row[0], "attributes": row[1]} for row in rows]
    return write(root / "attributes" / name / file, made)


def attributes_of(path: Path) -> list[dict[str, Any]]:
    """The attributes of each row of an attribute file, the order of keys kept."""
    return [row["attributes"] for row in read(path)]


def spans_of(path: Path) -> list[dict[str, Any]]:
    """The same by the third part of their names, which is what a tagger calls them."""
    return [{name.split("__", 2)[2]: spans for name, spans in row.items()} for row in attributes_of(path)]
