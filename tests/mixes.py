"""A mix as tests run it: one stream over small documents with scores, and what it kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dolma as package
from shards import Row, attributes, documents, read, texts


def stream(root: Path, **more: Any) -> dict[str, Any]:
    output = {"path": str(root / "mix"), **more.pop("output", {})}
    return {"name": "s", "documents": [f"{root}/documents/**/*"], "output": output, **more}


def run(root: Path, *streams: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    report = package.mixer({"streams": list(streams), **more})
    assert report is not None
    return report


def kept(root: Path, file: str = "s-0000.jsonl.gz") -> list[str]:
    return [row["id"] for row in read(root / "mix" / file)]


def scored(root: Path, scores: Sequence[Any], name: str = "x", attribute: str = "x__t__s") -> None:
    """One file of documents d0, d1 … and an attribute set with a score (or None) for each."""
    documents(root, {"a.jsonl.gz": texts(*(f"text {n}" for n in range(len(scores))))})
    rows = [
        (f"d{n}", {} if score is None else {attribute: [[0, 6, score]]}) for n, score in enumerate(scores)
    ]
    attributes(root, name, "a.jsonl.gz", rows)


def three_files(root: Path) -> list[int]:
    files: dict[str, list[Row]] = {
        name: [{"id": f"{name}{n}", "text": f"{name} text {n}"} for n in range(3)]
        for name in ("a/x", "b/x", "c")
    }
    documents(root, {f"{name}.jsonl.gz": rows for name, rows in files.items()})
    return [(root / "documents" / f"{name}.jsonl.gz").stat().st_size for name in files]
