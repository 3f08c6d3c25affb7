"""Corpora that a deduplication might stumble over: nothing but copies, one long document, empty texts."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest

import dolma as package
from shards import decode, write

COPIES = 100_000
#: Bytes of the long document.
LONG = 5_000_000

BLOOM: dict[str, dict[str, Any]] = {
    "documents": {"documents": {"attribute_name": "dup"}},
    "paragraphs": {"paragraphs": {"attribute_name": "dup"}},
    "by_ngram": {"paragraphs": {"attribute_name": "dup", "by_ngram": {"ngram_length": 5}}},
}
METHODS = {**BLOOM, "substring": {"substring": {"attribute_name": "dup", "min_length": 100}}}


def lines(count: int) -> list[str]:
    """So many lines of more than 500 bytes that have nothing in common."""
    draw = random.Random(1)
    return [" ".join(f"é{draw.getrandbits(32):08x}" for _ in range(50)) for _ in range(count)]


def dedupe(root: Path, method: str, **more: Any) -> list[dict[str, Any]]:
    """The attributes of each document."""
    config = {"documents": [f"{root}/documents/*"], "dedupe": {**METHODS[method], "explain": method in BLOOM}}
    if method in BLOOM:
        config["bloom_filter"] = {
            "file": f"{root}/filter.bin",
            "read_only": False,
            "estimated_doc_count": 10_000_000,
            "desired_false_positive_rate": 1e-9,
        }
    assert package.deduper({**config, **more}) is not None
    [path] = (root / "attributes/dup").glob("*.gz")
    return [json.loads(row)["attributes"] for row in decode(path).splitlines()]


@pytest.mark.parametrize("method", list(BLOOM))
def test_a_hundred_thousand_identical_documents(tmp_path: Path, method: str) -> None:
    text = lines(1)[0]
    write(tmp_path / "documents/a.jsonl.gz", ({"id": str(n), "text": text} for n in range(COPIES)))
    first, *others = dedupe(tmp_path, method, processes=2)
    assert first == ({} if method == "documents" else {"dup": []})
    score = 1.0 if method == "by_ngram" else 1
    assert others == [{"dup": [[0, len(text), score]]}] * (COPIES - 1)


@pytest.mark.parametrize("method", list(METHODS))
def test_one_long_document_and_a_piece_of_it(tmp_path: Path, method: str) -> None:
    paragraphs = lines(LONG // 500)
    long = "\n".join(paragraphs)
    assert len(long.encode()) > LONG
    piece = paragraphs[len(paragraphs) // 2]
    texts = [long, "" if method == "documents" else piece, long]
    write(tmp_path / "documents/a.jsonl.gz", ({"id": str(n), "text": text} for n, text in enumerate(texts)))
    small: dict[str, Any] = {"memory": "8MiB"} if method == "substring" else {}
    found = dedupe(tmp_path, method, **small)
    if method == "documents":
        assert found == [{}, {}, {"dup": [[0, len(long), 1]]}]
        return
    assert found[0] == {"dup": []}
    assert [span[:2] for span in found[1]["dup"]] == [[0, len(piece)]]
    spans = [span[:2] for span in found[2]["dup"]]
    assert (spans[0][0], spans[-1][1]) == (0, len(long))
    assert all(before[1] == after[0] for before, after in itertools.pairwise(spans))
    assert len(spans) == (1 if method == "substring" else len(paragraphs))


@pytest.mark.parametrize("method", list(METHODS))
def test_nothing_but_empty_texts(tmp_path: Path, method: str) -> None:
    write(tmp_path / "documents/a.jsonl.gz", ({"id": str(n), "text": ""} for n in range(1000)))
    found = dedupe(tmp_path, method)
    # To a comparison of whole keys, an empty one is as good as any.
    copies = [{"dup": [[0, 0, 1]]}] * 999 if method == "documents" else [{}] * 999
    assert found == [{}, *copies]
    assert dedupe(tmp_path, method, force=True) == found


@pytest.mark.parametrize("method", list(METHODS))
def test_no_documents_at_all(tmp_path: Path, method: str) -> None:
    write(tmp_path / "documents/a.jsonl.gz", [])
    assert dedupe(tmp_path, method) == []
