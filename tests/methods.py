"""Deduplication without a filter, by every method, for tests of what is left of its first pass: a corpus
with duplicates of every kind, runs over it, and the readings that they leave."""

from __future__ import annotations

import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dolma as package
from folders import visible
from shards import attributes, prose, write

BY_TEXT = {"documents": {"attribute_name": "dup"}}
BY_LINE = {"paragraphs": {"attribute_name": "dup"}, "skip_empty": True}
ALIKE = {"minhash": {"attribute_name": "dup"}}
PIECES = {"substring": {"attribute_name": "dup", "min_length": 50}}
METHODS = {
    "documents": BY_TEXT,
    "paragraphs": BY_LINE,
    "minhash": ALIKE,
    "newest": {**BY_TEXT, "keep": {"policy": "newest", "field": "$.date"}},
    "longest": {**ALIKE, "keep": {"policy": "longest"}},
    "source": {**BY_TEXT, "keep": {"policy": "source", "sources": ["b", "a"]}},
    "highest": {**ALIKE, "keep": {"policy": "highest", "attribute_set": "q", "attribute": "q"}},
    "unexplained": {**BY_TEXT, "explain": False},
    "signature": {"minhash": {"attribute_name": "dup", "verify": "signature", "normalize": ["nfc"]}},
    "substring": PIECES,
    "characters": {"substring": {**PIECES["substring"], "unit": "characters", "merge_distance": 9}},
    "words": {"substring": {"attribute_name": "dup", "min_length": 9, "unit": "words"}, "explain": False},
}


def dedupe(root: Path, method: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    own = more.pop("dedupe", {})
    config = {"documents": [f"{root}/documents/**/*"], "dedupe": {**method, **own}, **more}
    report = package.deduper(config)
    assert report is not None
    return dict(report)


def corpus(root: Path, files: int = 5, seed: int = 1) -> None:
    """Documents that repeat within and across files, some a little changed, with scores beside."""
    draw = random.Random(seed)
    bodies = [prose(number, 30 + number) for number in range(60)]
    for file in range(files):
        rows = [
            {
                "id": f"{file}-{n}",
                "text": draw.choice(bodies) + draw.choice(["", "", " end"]),
                "source": draw.choice("abc"),
                "date": draw.choice(["2001", "2010-05", None]),
            }
            for n in range(80)
        ]
        rows += [{"id": f"{file}-empty", "text": ""}, {"id": f"{file}-none"}, {"id": "s", "text": "one two"}]
        name = f"{'below/' if file % 2 else ''}{file}.jsonl.gz"
        rows = [row for row in rows if "text" in row]
        write(root / "documents" / name, rows)
        scores = [(str(row["id"]), {"q": [[0, 1, draw.random()]]}) for row in rows]
        attributes(root, "q", name, scores)


def marks(root: Path) -> dict[str, bytes]:
    return visible(root / "attributes/dup")


def readings(root: Path) -> list[Path]:
    return sorted((root / "attributes/dup/.dolma/readings").rglob("*.reading"))


def whole(root: Path, method: Mapping[str, Any], **more: Any) -> tuple[dict[str, bytes], dict[str, Any]]:
    """What one run gives; it leaves nothing behind."""
    report = dedupe(root, method, **more)
    found = marks(root)
    shutil.rmtree(root / "attributes/dup")
    return found, report
