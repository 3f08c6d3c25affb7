"""Deduplication with a Bloom filter as tests run it: its recipe, its report, and the rows it wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dolma as package
from shards import lines, read

BY_TEXT = {"documents": {"attribute_name": "dup", "key": "$.text"}}
BY_LINE = {"paragraphs": {"attribute_name": "dup"}}


def config(root: Path, method: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    bloom = {
        "file": str(root / "filter.bin"),
        "read_only": False,
        "size_in_bytes": 1 << 20,
        **more.pop("bloom", {}),
    }
    return {
        "documents": more.pop("documents", [f"{root}/documents/**/*"]),
        "dedupe": {"name": "dups", **method},
        "bloom_filter": bloom,
        **more,
    }


def run(root: Path, method: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    report = package.deduper(config(root, method, **more))
    assert report is not None
    return report


def rows(root: Path, file: str = "a.jsonl.gz") -> list[str]:
    return lines(root / "attributes" / "dups" / file)


def marks(root: Path, file: str = "a.jsonl.gz") -> list[Any]:
    """The value of the attribute of each row; None where the row has none."""
    return [row["attributes"].get("dup") for row in read(root / "attributes" / "dups" / file)]
