"""`dolma dedupe` in several parts that share the keys, and what they find together.

The reference is one run over everything: joined parts give the same rows, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import dolma as package
from dolma.errors import DolmaConfigError, DolmaInputError, DolmaShardError
from folders import visible
from shards import Row, documents, read, texts, write

BY_TEXT = {"documents": {"attribute_name": "dup", "key": "$.text"}}
BY_LINE = {"paragraphs": {"attribute_name": "dup"}}


def by_ngram(**options: Any) -> dict[str, Any]:
    ngrams = {"ngram_length": 3, "stride": 1, "overlap_threshold": 0.5, **options}
    return {"paragraphs": {"attribute_name": "dup", "by_ngram": ngrams}}


METHODS = [
    BY_TEXT,
    BY_LINE,
    by_ngram(),
    by_ngram(stride=2, overlap_threshold=0.0),
    {**BY_LINE, "min_words": 2},
]


def run(root: Path, method: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    config = {
        "documents": [f"{root}/documents/*"],
        "dedupe": {"name": "dups", **method},
        "bloom_filter": {"file": f"{root}/filter.bin", "read_only": False, "size_in_bytes": 1 << 16},
        **more,
    }
    report = package.deduper(config)
    assert report is not None
    return report


def rows(root: Path, name: str = "dups") -> dict[str, bytes]:
    return {path: data for path, data in visible(root / "attributes").items() if path.startswith(f"{name}/")}


def corpus(root: Path) -> None:
    """Paragraphs that repeat as a whole and in part, within documents and across files."""
    line = [f"w{n} w{n + 1} w{n + 2} w{n % 7} w{n % 5}." for n in range(60)]
    made: dict[str, list[Row | str]] = {}
    for file in range(3):
        made[f"{file}.jsonl.gz"] = [
            *texts(
                *("\n".join(line[(n * step) % 60] for step in range(1, 9)) for n in range(file, 40 + file))
            ),
            *texts("", " ", line[file], line[0] + " and more " + line[1]),
        ]
    documents(root, made)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("total", [2, 3])
def test_parts_together_find_what_one_run_finds(tmp_path: Path, method: dict[str, Any], total: int) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    corpus(whole)
    corpus(parts)
    run(whole, method)
    for index in range(total):
        run(parts, {**method, "num_partitions": total, "partition_index": index})
    run(parts, {**method, "num_partitions": total, "merge_partitions": True})
    assert rows(parts) == rows(whole)
    found = [row["attributes"].get("dup") for row in read(parts / "attributes/dups/1.jsonl.gz")]
    assert any(found)


def test_a_shard_is_a_part(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    corpus(whole)
    corpus(parts)
    for index in range(2):
        run(whole, {**BY_LINE, "num_partitions": 2, "partition_index": index})
        run(parts, BY_LINE, shard=f"{index}/2")
    for name in ("dups_0", "dups_1"):
        assert rows(parts, name) == rows(whole, name)
    assert {path.name for path in parts.glob("filter*")} == {"filter_0.bin", "filter_1.bin"}


def test_a_part_is_named_by_its_number(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x\nx")})
    for index in range(2):
        run(tmp_path, {**BY_LINE, "num_partitions": 2, "partition_index": index})
    found = [read(tmp_path / f"attributes/dups_{i}/a.jsonl.gz")[0]["attributes"] for i in range(2)]
    assert [sorted(row) for row in found] == [["dup_0"], ["dup_1"]]
    assert sorted([row[f"dup_{i}"] for i, row in enumerate(found)]) == [[], [[2, 3, 1]]]


def test_a_part_that_is_missing_is_named(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    run(tmp_path, {**BY_TEXT, "num_partitions": 2, "partition_index": 0})
    with pytest.raises(DolmaInputError, match=r"dups_1/a\.jsonl\.gz does not exist: run part 1 of 2"):
        run(tmp_path, {**BY_TEXT, "num_partitions": 2, "merge_partitions": True})
    assert not (tmp_path / "attributes/dups").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[:-1], "another number of rows"),
        (lambda rows: [*rows, *rows[-1:]], "another number of rows"),
        (lambda rows: rows[::-1], r":1: .*another id"),
    ],
)
def test_parts_of_other_documents_are_refused(tmp_path: Path, change: Any, message: str) -> None:
    documents(tmp_path, {"a.jsonl": texts("x", "y", "z")})
    for index in range(2):
        run(tmp_path, {**BY_TEXT, "num_partitions": 2, "partition_index": index})
    path = tmp_path / "attributes/dups_1/a.jsonl"
    write(path, change(read(path)))
    with pytest.raises(DolmaShardError):
        run(tmp_path, {**BY_TEXT, "num_partitions": 2, "merge_partitions": True})
    assert not (tmp_path / "attributes/dups/a.jsonl").exists()


def test_joining_again_does_nothing_until_a_part_changes(tmp_path: Path) -> None:
    corpus(tmp_path)
    method = {**BY_LINE, "num_partitions": 2}
    run(tmp_path, {**method, "partition_index": 0})
    run(tmp_path, {**method, "partition_index": 1})
    assert run(tmp_path, {**method, "merge_partitions": True})["shards"]["skipped"] == 0
    assert run(tmp_path, {**method, "merge_partitions": True})["shards"]["skipped"] == 3


def test_files_can_be_shared_out_instead(tmp_path: Path) -> None:
    names = [f"{name}.jsonl.gz" for name in "abcdef"]
    documents(tmp_path, {name: texts("x", "x") for name in names})
    reports = [
        run(tmp_path, {**BY_TEXT, "num_partitions": 2, "partition_index": index, "file_partition": True})
        for index in range(2)
    ]
    # One set for all files; each part keeps a first copy of its own, and says so.
    assert set(rows(tmp_path)) == {f"dups/{name}" for name in names}
    assert sum(report["details"]["duplicates"] for report in reports) == 12 - 2
    assert all(any("file_partition" in warning for warning in report["warnings"]) for report in reports)


@pytest.mark.parametrize(
    ("method", "more", "message"),
    [
        ({**BY_TEXT, "num_partitions": 2, "partition_index": 2}, {}, "is no part of 2"),
        ({**BY_TEXT, "merge_partitions": True}, {}, "needs a num_partitions above 1"),
        (
            {**BY_TEXT, "num_partitions": 2, "merge_partitions": True, "file_partition": True},
            {},
            "without file_partition",
        ),
        ({**BY_TEXT, "num_partitions": 2}, {"shard": "0/2"}, "give either"),
        (BY_TEXT, {"shard": "2/2"}, "names part 2 of 2"),
    ],
)
def test_parts_that_cannot_be_meant_are_refused(
    tmp_path: Path, method: dict[str, Any], more: dict[str, Any], message: str
) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    with pytest.raises(DolmaConfigError, match=message):
        run(tmp_path, method, **more)


def test_the_filter_of_another_part_does_not_fit(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    run(tmp_path, {**BY_TEXT, "num_partitions": 2, "partition_index": 0})
    (tmp_path / "filter_0.bin").rename(tmp_path / "filter_1.bin")
    with pytest.raises(DolmaConfigError, match="'partition': '0/2'"):
        run(tmp_path, {**BY_TEXT, "num_partitions": 2, "partition_index": 1})
