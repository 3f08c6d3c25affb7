"""`dolma dedupe` as a whole: which rows come out of which documents.

The reference is a dictionary of what was seen, walked in (file, line, paragraph) order.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from command import dolma, recipe
from dolma.errors import (
    DolmaConfigError,
    DolmaError,
)
from filtered import BY_LINE, BY_TEXT, config, marks, rows, run
from folders import visible
from shards import Row, documents, read, texts, write


def words(text: str) -> int:
    return len(text.split())


def reference(
    files: Mapping[str, Sequence[Row]], separator: str | None, limits: Mapping[str, Any]
) -> dict[str, Any]:
    """What each document's attribute must be; None for a row without it."""
    seen: set[str] = set()

    def left_out(piece: str) -> bool:
        return (
            (limits.get("skip_empty", False) and not piece.strip())
            or len(piece) < limits.get("min_length", 0)
            or words(piece) < limits.get("min_words", 0)
        )

    def known(piece: str) -> bool:
        before = piece in seen
        seen.add(piece)
        return before

    expected: dict[str, Any] = {}
    for name in sorted(files):
        expected[name] = []
        for row in files[name]:
            assert not isinstance(row, str)
            text = row["text"]
            if separator is None:
                expected[name].append([] if left_out(text) else [[0, len(text), 1]] if known(text) else None)
                continue
            found, start = [], 0
            pieces = text.split(separator) if text else []
            for number, piece in enumerate(pieces):
                end = start + len(piece) + (len(separator) if number < len(pieces) - 1 else 0)
                if not left_out(piece) and known(piece):
                    found.append([start, end, 1])
                start = end
            expected[name].append(found if text else None)
    return expected


# The rows


def test_documents_by_text(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("one", "two", "one", "", "naïve 日本", "naïve 日本", "")})
    report = run(tmp_path, {**BY_TEXT, "skip_empty": True})
    assert rows(tmp_path) == [
        '{"attributes":{},"id":"d0"}',
        '{"attributes":{},"id":"d1"}',
        '{"attributes":{"dup":[[0,3,1]]},"id":"d2"}',
        '{"attributes":{"dup":[]},"id":"d3"}',
        '{"attributes":{},"id":"d4"}',
        '{"attributes":{"dup":[[0,8,1]]},"id":"d5"}',
        '{"attributes":{"dup":[]},"id":"d6"}',
    ]
    assert report["counts"] == {"read": 7, "written": 7, "dropped": 0, "bad": 0}
    details = report["details"]
    assert (details["compared"], details["duplicates"], details["skipped"]) == (5, 2, 2)
    assert details["filter"]["inserted"] == 3


def test_documents_by_url_have_spans_of_the_length_of_the_key(tmp_path: Path) -> None:
    urls = ["http://x.example/é", "http://y.example/", "http://x.example/é"]
    made = [{"id": str(n), "text": f"text {n}", "metadata": {"url": url}} for n, url in enumerate(urls)]
    documents(tmp_path, {"a.jsonl.gz": made})
    run(tmp_path, {"documents": {"attribute_name": "dup", "key": "$.metadata.url"}})
    assert marks(tmp_path) == [None, None, [[0, 18, 1]]]


def test_ids_come_as_they_are(tmp_path: Path) -> None:
    ids = ['"plain"', '"q\\"uote\\u00e9"', '"日本"']
    documents(tmp_path, {"a.jsonl.gz": [f'{{"text": "same", "id": {id_}}}' for id_ in ids]})
    run(tmp_path, BY_TEXT)
    assert [row["id"] for row in read(tmp_path / "attributes/dups/a.jsonl.gz")] == [
        json.loads(id_) for id_ in ids
    ]


@pytest.mark.parametrize(
    ("separator", "text", "expected"),
    [
        ("\n", "a\nb\na\né\né", [[4, 6, 1], [8, 9, 1]]),
        ("\n", "a\na\n", [[2, 4, 1]]),
        ("\n\n", "日本\n\nx\ny\n\n日本\n\n", [[9, 13, 1]]),
        ("<br>", "日<br>x<br>日<br>x", [[10, 15, 1], [15, 16, 1]]),
        ("→→", "é→→é→→é", [[3, 6, 1], [6, 7, 1]]),
    ],
)
def test_paragraphs_cover_their_separator(tmp_path: Path, separator: str, text: str, expected: Any) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts(text, "")})
    run(
        tmp_path,
        {"paragraphs": {"attribute_name": "dup", "paragraph_separator": separator}, "skip_empty": True},
    )
    assert marks(tmp_path) == [expected, None]


def test_a_text_of_new_paragraphs_has_an_empty_list(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("a\nb", "")})
    run(tmp_path, BY_LINE)
    assert rows(tmp_path) == ['{"attributes":{"dup":[]},"id":"d0"}', '{"attributes":{},"id":"d1"}']


def test_each_format_is_written_as_it_was_read(tmp_path: Path) -> None:
    made = {name: texts("x", "x") for name in ("a.jsonl", "b/c.jsonl.gz", "d.json.zst")}
    documents(tmp_path, made)
    run(tmp_path, BY_TEXT)
    assert set(visible(tmp_path / "attributes/dups")) == set(made)
    assert marks(tmp_path, "a.jsonl") == [None, [[0, 1, 1]]]
    assert marks(tmp_path, "b/c.jsonl.gz") == [[[0, 1, 1]]] * 2
    assert marks(tmp_path, "d.json.zst") == [[[0, 1, 1]]] * 2


def test_the_command_line_takes_the_published_flags(tmp_path: Path) -> None:
    pattern = documents(tmp_path, {"a.jsonl.gz": texts("x", "x", "")})
    done = dolma(
        "dedupe", "--documents", pattern, "--dedupe.name", "dups", "--dedupe.documents.attribute_name", "dup",
        "--dedupe.documents.key", "$.text", "--dedupe.skip_empty", "--bloom_filter.file", f"{tmp_path}/f.bin",
        "--no-bloom_filter.read_only", "--bloom_filter.estimated_doc_count", "6_000",
        "--bloom_filter.desired_false_positive_rate", "1e-6", "--processes", "2",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "2 documents compared, 1 known (50.0%), 1 left out" in done.err
    assert marks(tmp_path) == [None, [[0, 1, 1]], []]


# The first copy stays

pieces = st.sampled_from(["", " ", "a", "b", "ab", "a b", "naïve", "écho 日", "a b c", "x y z w"])
document_texts = st.lists(pieces, max_size=4)
corpora = st.dictionaries(
    st.sampled_from(["a.jsonl.gz", "b.jsonl.gz", "b/a.jsonl", "c.jsonl.zst", "z.json"]),
    st.lists(document_texts, max_size=8),
    min_size=1,
    max_size=4,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    corpus=corpora,
    separator=st.sampled_from([None, "\n", "\n\n", "--"]),
    limits=st.fixed_dictionaries(
        {},
        optional={
            "skip_empty": st.booleans(),
            "min_length": st.integers(0, 4),
            "min_words": st.integers(0, 3),
        },
    ),
)
def test_the_first_copy_stays_for_any_number_of_threads(
    corpus: dict[str, list[list[str]]], separator: str | None, limits: dict[str, Any]
) -> None:
    joint = separator or "\n"
    files = {name: texts(*(joint.join(parts) for parts in made)) for name, made in corpus.items()}
    method = (
        BY_TEXT
        if separator is None
        else {"paragraphs": {"attribute_name": "dup", "paragraph_separator": separator}}
    )
    expected = reference(files, separator, limits)
    for processes in (1, 2, 8):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            documents(root, files)
            run(root, {**method, **limits}, processes=processes)
            assert {name: marks(root, name) for name in files} == expected, processes


def test_many_duplicates_over_large_files(tmp_path: Path) -> None:
    """Several batches of each file are under way at once."""
    files = {
        f"{name}.jsonl.gz": texts(
            *(f"{(seed * 7919 + n * 31) % 3001} " + "filler " * 60 for n in range(4000))
        )
        for seed, name in enumerate("abc")
    }
    documents(tmp_path, files)
    expected = reference(files, None, {})
    for processes in (1, 2, 8):
        run(tmp_path, BY_TEXT, processes=processes, force=True, bloom={"file": f"{tmp_path}/{processes}.bin"})
        assert {name: marks(tmp_path, name) for name in files} == expected, processes


# What is refused


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ({**BY_TEXT, **BY_LINE}, "give one of .* has documents and paragraphs"),
        ({}, "give one of .* has none"),
        ({**BY_TEXT, "partition_index": 1}, "partition_index"),
        ({"documents": {"attribute_name": "dup", "key": "text"}}, r"did you mean .*\$\.text"),
        ({"documents": {"attribute_name": "dup", "key": "$.[["}}, "dedupe.documents.key|jsonpath|JSONPath"),
        ({**BY_TEXT, "min_lenght": 3}, "did you mean 'min_length'"),
    ],
)
def test_recipes_that_cannot_be_meant_are_refused(
    tmp_path: Path, method: dict[str, Any], message: str
) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    with pytest.raises(DolmaConfigError, match=message):
        run(tmp_path, method)
    assert not (tmp_path / "attributes").exists()
    assert not (tmp_path / "filter.bin").exists()


@pytest.mark.parametrize(
    "size",
    [
        {"size_in_bytes": 1 << 50},
        {"size_in_bytes": 0, "estimated_doc_count": 10**15, "desired_false_positive_rate": 1e-9},
        {"size_in_bytes": 0, "estimated_doc_count": 1000},
        {"size_in_bytes": 0},
    ],
)
def test_a_filter_that_cannot_be_is_refused_before_work(tmp_path: Path, size: dict[str, Any]) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    with pytest.raises(DolmaConfigError, match="bloom_filter"):
        run(tmp_path, BY_TEXT, bloom=size)
    assert not (tmp_path / "attributes").exists()


def test_documents_outside_a_documents_folder_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "docs" / "a.jsonl", texts("x"))
    with pytest.raises(DolmaConfigError, match=r"not below a folder called 'documents' \(there is 'docs'\)"):
        run(tmp_path, BY_TEXT, documents=[f"{tmp_path}/docs/*"])
    run(tmp_path, {**BY_TEXT, "document_dir": "docs"}, documents=[f"{tmp_path}/docs/*"])
    assert marks(tmp_path, "a.jsonl") == [None]


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    made = recipe(tmp_path, config(tmp_path, BY_TEXT))
    done = dolma("-c", made, "dedupe", "--dryrun")
    assert done.code == 0, done.err
    assert "1 shards to do" in done.err
    assert set(visible(tmp_path)) == {"documents/a.jsonl.gz", "recipe.json"}


def test_errors_are_one_message_with_their_exit_code(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    made = recipe(tmp_path, config(tmp_path, {**BY_TEXT, "num_partitions": 2, "partition_index": 2}))
    done = dolma("-c", made, "dedupe")
    assert done.code == DolmaConfigError.exit_code
    assert done.err.startswith(f"error: {made}:1: dedupe.partition_index")
    assert issubclass(DolmaConfigError, DolmaError)
