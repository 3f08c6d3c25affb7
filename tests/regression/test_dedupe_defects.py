"""The published deduper's defects, by their names in the compatibility contract: none is kept."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

import dolma as package
from command import dolma, recipe
from dolma import storage
from dolma.errors import DolmaConfigError, DolmaError, DolmaShardError
from folders import visible
from shards import attributes, documents, halve, read, texts

BY_TEXT = {"documents": {"attribute_name": "dup", "key": "$.text"}}
BY_LINE = {"paragraphs": {"attribute_name": "dup"}}


def config(root: Path, method: dict[str, Any], **bloom: Any) -> dict[str, Any]:
    size = {} if bloom.keys() & {"size_in_bytes", "estimated_doc_count"} else {"size_in_bytes": 1 << 16}
    return {
        "documents": [f"{root}/documents/**/*"],
        "dedupe": {"name": "dups", **method},
        "bloom_filter": {"file": f"{root}/filter.bin", "read_only": False, **size, **bloom},
    }


def run(root: Path, method: dict[str, Any] = BY_TEXT, **bloom: Any) -> dict[str, Any]:
    report = package.deduper(config(root, method, **bloom))
    assert report is not None
    return report


def marks(root: Path, file: str = "a.jsonl.gz") -> list[Any]:
    return [row["attributes"].get("dup") for row in read(root / "attributes/dups" / file)]


@pytest.mark.parametrize("count", [100, 1000, 10_000, 1_000_000])
def test_d1_few_documents_do_not_need_thousands_of_hash_functions(tmp_path: Path, count: int) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    report = run(tmp_path, estimated_doc_count=count, desired_false_positive_rate=1e-6)
    # Two cache lines for one in a million, whatever the number of documents; 28.8 bits for each of
    # them are what a filter without regard to cache lines takes.
    assert report["details"]["filter"]["hashes"] == 16
    assert 28.76 < report["details"]["filter"]["bytes"] * 8 / count < (32 if count > 100 else 40)


@pytest.mark.parametrize("method", [BY_TEXT, BY_LINE])
def test_d2_a_second_run_does_not_mark_documents_as_their_own_duplicates(
    tmp_path: Path, method: dict[str, Any]
) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts(*(f"text {n}" for n in range(7)))})
    run(tmp_path, method)
    first = visible(tmp_path)
    run(tmp_path, method)
    assert visible(tmp_path) == first
    (tmp_path / "attributes/dups/a.jsonl.gz").unlink()
    run(tmp_path, method)
    assert visible(tmp_path) == first
    config_ = {**config(tmp_path, method), "force": True}
    package.deduper(config_)
    assert visible(tmp_path) == first


def test_d2_a_failed_run_leaves_no_filter_with_its_keys(tmp_path: Path) -> None:
    documents(
        tmp_path, {"a.jsonl.gz": texts("x", "y"), "b.jsonl.gz": texts(*(f"{n} x" for n in range(5000)))}
    )
    whole = (tmp_path / "documents/b.jsonl.gz").read_bytes()
    halve(tmp_path / "documents/b.jsonl.gz")
    with pytest.raises(DolmaShardError):
        run(tmp_path)
    (tmp_path / "documents/b.jsonl.gz").write_bytes(whole)
    run(tmp_path)
    assert marks(tmp_path) == [None, None]
    assert marks(tmp_path, "b.jsonl.gz") == [None] * 5000


def test_d3_a_temporary_file_left_by_a_crash_does_not_hide_its_shard(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x", "x"), "b.jsonl.gz": texts("x")})
    left = tmp_path / "attributes/dups/a.jsonl.gz.tmp"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    Path(storage.temporary(str(left.with_suffix("")), str(tmp_path))).write_bytes(b"half")
    assert run(tmp_path)["shards"]["skipped"] == 0
    assert marks(tmp_path) == [None, [[0, 1, 1]]]
    stamp = (tmp_path / "attributes/dups/a.jsonl.gz").stat().st_mtime_ns
    assert run(tmp_path)["shards"]["skipped"] == 2
    assert (tmp_path / "attributes/dups/a.jsonl.gz").stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, [None, [[0, 1, 1]], None, [[0, 1, 1]], None, [[0, 3, 1]], None, [[0, 5, 1]]]),
        ({"min_words": 1}, [None, [[0, 1, 1]], [], [], None, [[0, 3, 1]], None, [[0, 5, 1]]]),
        ({"min_words": 2}, [[], [], [], [], None, [[0, 3, 1]], None, [[0, 5, 1]]]),
        ({"min_words": 3}, [[], [], [], [], [], [], None, [[0, 5, 1]]]),
        ({"min_length": 4}, [[], [], [], [], [], [], None, [[0, 5, 1]]]),
        ({"skip_empty": True}, [None, [[0, 1, 1]], [], [], None, [[0, 3, 1]], None, [[0, 5, 1]]]),
    ],
)
def test_d4_limits_leave_out_what_they_say_and_compare_the_rest(
    tmp_path: Path, limits: dict[str, Any], expected: list[Any]
) -> None:
    pairs = ["x", "x", " ", " ", "a b", "a b", "a b c", "a b c"]
    documents(tmp_path, {"a.jsonl.gz": texts(*pairs)})
    run(tmp_path, {**BY_TEXT, **limits})
    assert marks(tmp_path) == expected
    for number, text in enumerate(pairs[::2]):
        root = tmp_path / str(number)
        documents(root, {"a.jsonl.gz": texts(f"{text}\n{text}")})
        run(root, {**BY_LINE, **limits})
        left_out = expected[2 * number] == []
        size = len(text)
        assert marks(root) == [[] if left_out else [[size + 1, 2 * size + 1, 1]]]


def by_ngram(length: int, stride: int, threshold: float) -> dict[str, Any]:
    ngrams = {"ngram_length": length, "stride": stride, "overlap_threshold": threshold}
    return {"paragraphs": {"attribute_name": "dup", "by_ngram": ngrams}}


def test_d5_two_partitions_find_all_duplicates(tmp_path: Path) -> None:
    made = texts(*(f"text {n}" for n in range(1000)))
    documents(tmp_path, {"a.jsonl.gz": made, "b.jsonl.gz": made})
    reports = [run(tmp_path, {**BY_TEXT, "num_partitions": 2, "partition_index": part}) for part in range(2)]
    assert sum(report["details"]["duplicates"] for report in reports) == 1000


def test_d6_a_short_paragraph_belongs_to_one_partition(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("too short", "too short")})
    method = by_ngram(length=5, stride=1, threshold=1.0)
    for part in range(2):
        run(tmp_path, {**method, "num_partitions": 2, "partition_index": part})
    found = [read(tmp_path / f"attributes/dups_{part}/a.jsonl.gz")[1]["attributes"] for part in range(2)]
    spans = [row[f"dup_{part}"] for part, row in enumerate(found)]
    assert sorted(spans) == [[], [[0, 9, 1.0]]]


def test_d7_a_size_alone_is_enough(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x", "x")})
    report = run(tmp_path, size_in_bytes=4096)
    assert report["details"]["filter"]["bytes"] == 4096
    assert marks(tmp_path) == [None, [[0, 1, 1]]]


def test_d8_all_spans_are_in_code_points_and_inside_of_the_text(tmp_path: Path) -> None:
    text = "日本語 écho\n→→naïve\n"
    documents(tmp_path, {"a.jsonl.gz": texts(text, text)})
    run(tmp_path)
    assert marks(tmp_path) == [None, [[0, len(text), 1]]]
    for number, separator in enumerate(["\n", "→→", "é"]):
        root = tmp_path / str(number)
        documents(root, {"a.jsonl.gz": texts(text, text)})
        run(root, {"paragraphs": {"attribute_name": "dup", "paragraph_separator": separator}})
        first, second = marks(root)
        assert first == []
        assert [text[start:end] for start, end, _ in second] == [
            *(f"{piece}{separator}" for piece in text.split(separator)[:-1]),
            text.split(separator)[-1],
        ]


def test_d9_a_truncated_file_is_a_failed_shard_without_output(tmp_path: Path) -> None:
    documents(
        tmp_path, {"a.jsonl.gz": texts(*(f"{n} {n * n}" for n in range(2000))), "b.jsonl.gz": texts("x")}
    )
    halve(tmp_path / "documents/a.jsonl.gz")
    done = dolma("-c", recipe(tmp_path, config(tmp_path, BY_TEXT)), "dedupe")
    assert done.code == DolmaShardError.exit_code
    assert "documents/a.jsonl.gz" in done.err
    assert set(visible(tmp_path / "attributes")) == {"dups/b.jsonl.gz"}


def test_d10_the_filter_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    run(tmp_path)
    saved = (tmp_path / "filter.bin").read_bytes()
    documents(tmp_path, {"b.jsonl.gz": texts("x", "y")})
    publish = storage.publish

    def broken(local: str, destination: str, **how: bool) -> Any:
        if destination.endswith("filter.bin"):
            raise OSError("disk full")
        return publish(local, destination, **how)

    monkeypatch.setattr(storage, "publish", broken)
    with pytest.raises((DolmaError, OSError), match="disk full"):
        run(tmp_path)
    assert (tmp_path / "filter.bin").read_bytes() == saved
    monkeypatch.undo()
    run(tmp_path)
    assert marks(tmp_path, "b.jsonl.gz") == [[[0, 1, 1]], None]


def test_d10_a_read_only_filter_is_not_written(tmp_path: Path) -> None:
    documents(tmp_path / "old", {"a.jsonl.gz": texts("x")})
    run(tmp_path / "old")
    file = tmp_path / "old/filter.bin"
    before = (file.read_bytes(), file.stat().st_mtime_ns, file.stat().st_ino)
    documents(tmp_path, {"a.jsonl.gz": texts("x", "y")})
    package.deduper(
        {
            "documents": [f"{tmp_path}/documents/*"],
            "dedupe": {"name": "dups", **BY_TEXT},
            "bloom_filter": {"file": str(file), "read_only": True},
        }
    )
    assert marks(tmp_path) == [[[0, 1, 1]], None]
    assert (file.read_bytes(), file.stat().st_mtime_ns, file.stat().st_ino) == before


def test_d11_one_copy_survives_and_it_is_the_first_one(tmp_path: Path) -> None:
    files = {f"{n}.jsonl.gz": texts(*(f"copy {m}" for m in range(300))) for n in range(8)}
    documents(tmp_path, files)
    for _ in range(3):
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            made = config(tmp_path, BY_TEXT, file=f"{folder}/filter.bin")
            package.deduper({**made, "processes": 8, "force": True})
        assert marks(tmp_path, "0.jsonl.gz") == [None] * 300
        for n in range(1, 8):
            assert None not in marks(tmp_path, f"{n}.jsonl.gz")


def test_d12_the_first_stride_counts(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("a b c d", "x y b c z w", "a b c d y z")})
    run(tmp_path, by_ngram(length=2, stride=2, threshold=0.1))
    # Taken are ab and cd, never bc; then xy, bc, zw; then ab, cd, yz.
    assert marks(tmp_path) == [[], [], [[0, 11, pytest.approx(2 / 3)]]]


def test_d12_a_paragraph_without_n_grams_has_no_share(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("a", "a")})
    method = by_ngram(length=2, stride=1, threshold=0.0)
    method["paragraphs"]["by_ngram"]["skip_short_paragraphs"] = True
    run(tmp_path, method)
    assert marks(tmp_path) == [[], []]


def test_d13_a_document_without_the_key_does_not_take_its_file_along(tmp_path: Path) -> None:
    made = [
        json.dumps({"id": "d0", "text": "t", "metadata": {"url": "u"}}),
        json.dumps({"id": "d1", "text": "t", "metadata": {}}),
        json.dumps({"id": "d2", "text": "t"}),
        json.dumps({"id": "d3", "text": "t", "metadata": {"url": None}}),
        json.dumps({"id": "d4", "text": "t", "metadata": {"url": "u"}}),
    ]
    documents(tmp_path, {"a.jsonl.gz": made})
    report = run(tmp_path, {"documents": {"attribute_name": "dup", "key": "$.metadata.url"}})
    assert marks(tmp_path) == [None, [], [], [], [[0, 1, 1]]]
    assert report["details"]["without_key"] == 3


def test_d13_a_key_that_is_no_string_fails_with_file_and_line(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": ['{"id":"a","text":"t"}', '{"id":"b","text":"t","n":[5]}']})
    with pytest.raises(DolmaShardError, match=r"documents/a\.jsonl\.gz:2: .*expected a string, found"):
        run(tmp_path, {"documents": {"attribute_name": "dup", "key": "$.n"}})


def test_d13_a_key_that_is_no_path_is_refused(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    with pytest.raises(DolmaConfigError, match=r'did you mean "\$\.text"'):
        run(tmp_path, {"documents": {"attribute_name": "dup", "key": "text"}})


@pytest.mark.parametrize(
    "method",
    [
        {"documents": {"attribute_name": "dup", "key": "$.metadata.nothing"}},
        {**BY_TEXT, "min_words": 50},
        {**BY_LINE, "min_length": 50},
    ],
)
def test_d14_a_run_that_compares_nothing_says_so(tmp_path: Path, method: dict[str, Any]) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x", "x")})
    report = run(tmp_path, method)
    assert any("nothing was compared" in warning for warning in report["warnings"])
    assert report["details"]["compared"] == 0


def test_d14_the_marks_are_found_by_a_mix(tmp_path: Path) -> None:
    """The whole way: what is marked is what a mix drops."""
    documents(tmp_path, {"a.jsonl.gz": texts("x", "y", "x", "")})
    run(tmp_path, {**BY_TEXT, "skip_empty": True})
    rules = {"exclude": ["$.attributes[?(@.dup && @.dup[0] && @.dup[0][2] >= 1.0)]"]}
    stream = {"name": "s", "documents": [f"{tmp_path}/documents/*"], "attributes": ["dups"], "filter": rules}
    package.mixer({"streams": [{**stream, "output": {"path": f"{tmp_path}/mix"}}]})
    assert [row["id"] for row in read(tmp_path / "mix/s-0000.jsonl.gz")] == ["d0", "d1", "d3"]


def test_attributes_of_others_are_left_alone(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    attributes(tmp_path, "other", "a.jsonl.gz", [("d0", {"k": 1})])
    before = visible(tmp_path)
    run(tmp_path)
    after = visible(tmp_path)
    assert {name: after[name] for name in before} == before
