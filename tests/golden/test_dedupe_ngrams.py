"""Paragraphs compared by n-grams, against sets of tuples walked in (file, line, paragraph) order."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import dolma as package
from dolma.errors import DolmaConfigError
from shards import documents, read, texts


def run(root: Path, ngrams: dict[str, Any], **more: Any) -> list[Any]:
    """The attribute of each document of `a.jsonl.gz`."""
    report = package.deduper(
        {
            "documents": [f"{root}/documents/*"],
            "dedupe": {"paragraphs": {"attribute_name": "dup", "by_ngram": ngrams}, **more},
            "bloom_filter": {"file": f"{root}/filter.bin", "read_only": False, "size_in_bytes": 1 << 20},
        }
    )
    assert report is not None
    return [row["attributes"].get("dup") for row in read(root / "attributes/dup/a.jsonl.gz")]


def single(share: float) -> float:
    """As wide as the published tool's shares."""
    return float(struct.unpack("f", struct.pack("f", share))[0])


def reference(
    found: Sequence[str], length: int, stride: int, threshold: float, skip_short: bool
) -> list[Any]:
    """The same for texts whose words are letters between spaces."""
    seen: set[tuple[str, ...]] = set()
    expected = []
    for text in found:
        spans, start = [], 0
        for number, piece in enumerate(text.split("\n")):
            end = start + len(piece) + (number < text.count("\n"))
            words = piece.split()
            taken = [
                tuple(words[at : at + length]) for at in range(0, len(words) - length + 1, max(1, stride))
            ]
            if skip_short and not taken:
                start = end
                continue
            if len(taken) >= 2:
                share = single(sum(ngram in seen for ngram in taken) / len(taken))
                seen.update(taken)
            else:
                whole = ("whole", piece)
                share = float(whole in seen)
                seen.update([whole, *taken])
            if share >= single(threshold):
                spans.append([start, end, share])
            start = end
        expected.append(spans)
    return expected


LINES = [" ".join("abcdefghij"[(n * step + step) % 10] for step in range(n % 9)) for n in range(40)]
TEXTS = ["\n".join(LINES[(n * 7 + k) % 40] for k in range(1 + n % 6)) or "a" for n in range(50)]


@pytest.mark.parametrize("skip_short", [False, True])
@pytest.mark.parametrize("threshold", [0.0, 0.4, 1.0])
@pytest.mark.parametrize(("length", "stride"), [(1, 0), (2, 1), (3, 2), (5, 1), (2, 5)])
def test_shares_are_those_of_sets(
    tmp_path: Path, length: int, stride: int, threshold: float, skip_short: bool
) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts(*TEXTS)})
    options = {
        "ngram_length": length,
        "stride": stride,
        "overlap_threshold": threshold,
        "skip_short_paragraphs": skip_short,
    }
    found = run(tmp_path, options)
    assert found == reference(TEXTS, length, stride, threshold, skip_short)
    assert any(found)


def test_shares_have_the_published_width(tmp_path: Path) -> None:
    words = [f"w{n}" for n in range(12)]
    documents(tmp_path, {"a.jsonl.gz": texts(" ".join(words[:11]), " ".join(words))})
    found = run(tmp_path, {"ngram_length": 2, "stride": 1, "overlap_threshold": 0.5})
    assert found == [[], [[0, len(" ".join(words)), 0.9090909361839294]]]


def test_a_paragraph_is_not_compared_with_itself(tmp_path: Path) -> None:
    song = "la la la la la la la la"
    documents(tmp_path, {"a.jsonl.gz": texts(song, song)})
    found = run(tmp_path, {"ngram_length": 2, "stride": 1, "overlap_threshold": 0.1})
    assert found == [[], [[0, len(song), 1.0]]]


def test_limits_leave_paragraphs_out(tmp_path: Path) -> None:
    text = "a b c d\n \na b\na b c d\n "
    documents(tmp_path, {"a.jsonl.gz": texts(text)})
    by = {"ngram_length": 2, "stride": 1, "overlap_threshold": 0.0}
    all_spans = run(tmp_path, by)[0]
    assert [span[:2] for span in all_spans] == [[0, 8], [8, 10], [10, 14], [14, 22], [22, 23]]
    assert [span[2] for span in all_spans] == [0.0, 0.0, 0.0, 1.0, 1.0]
    limited = run(tmp_path, by, skip_empty=True, min_words=3)
    assert [span[:2] for span in limited[0]] == [[0, 8], [14, 22]]


def test_an_ngram_length_of_zero_compares_whole_paragraphs(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("a b c\nb c\na b c")})
    assert run(tmp_path, {"ngram_length": 0, "overlap_threshold": 0.1}) == [[[10, 15, 1]]]


def test_a_filter_of_other_ngrams_does_not_fit(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("a b c")})
    run(tmp_path, {"ngram_length": 2, "stride": 1})
    with pytest.raises(DolmaConfigError, match=r"holds keys made by .*'ngram_length': 2"):
        run(tmp_path, {"ngram_length": 3, "stride": 1})


def test_an_estimate_of_documents_is_none_of_ngrams(tmp_path: Path) -> None:
    lines = [" ".join(f"w{number * 40 + word}" for word in range(40)) for number in range(300)]
    documents(tmp_path, {"a.jsonl.gz": texts(*lines)})
    sized = {"read_only": False, "estimated_doc_count": 300, "desired_false_positive_rate": 0.01}

    def warnings(name: str, **more: Any) -> list[str]:
        ngrams = {"ngram_length": 3, "stride": 1}
        recipe = {
            "documents": [f"{tmp_path}/documents/*"],
            "dedupe": {"name": name, "paragraphs": {"attribute_name": "dup", "by_ngram": ngrams}},
            "bloom_filter": {"file": f"{tmp_path}/{name}.bin", **sized, **more},
        }
        report = package.deduper(recipe)
        assert report is not None
        found: list[str] = report["warnings"]
        return found

    assert warnings("estimated") == []
    # A size that is given is the size.
    assert "the filter is too small" in warnings("given", size_in_bytes=1000)[0]
