"""The published mixer's defects, by their names in the compatibility contract: none is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import dolma as package
from command import dolma, recipe
from dolma.errors import DolmaInputError, DolmaShardError
from folders import visible
from shards import attributes, documents, halve, lines, read, texts

TOO_HIGH = {"exclude": ["$.attributes[?(@.k && @.k[0] && @.k[0][2] > 0.5)]"]}


def stream(root: Path, **more: Any) -> dict[str, Any]:
    output = {"path": str(root / "mix"), **more.pop("output", {})}
    return {"name": "s", "documents": [f"{root}/documents/**/*"], "output": output, **more}


def run(*streams: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    report = package.mixer({"streams": list(streams), **more})
    assert report is not None
    return report


def score(value: float) -> dict[str, Any]:
    return {"k": [[0, 1, value]]}


def texts_of(root: Path, file: str = "s-0000.jsonl.gz") -> list[str]:
    return [row["text"] for row in read(root / "mix" / file)]


@pytest.mark.parametrize("name", ["b/a.jsonl.gz", "b[1]/a*.jsonl.gz"])
def test_m1_documents_without_attributes_do_not_pass_the_filter(tmp_path: Path, name: str) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x"), name: texts("y")})
    attributes(tmp_path, "x", "a.jsonl.gz", [("d0", score(0.9))])
    with pytest.raises(DolmaInputError, match="is missing"):
        run(stream(tmp_path, attributes=["x"], filter=TOO_HIGH))
    assert not (tmp_path / "mix").exists()
    # Names are names, whatever a glob would read in them.
    attributes(tmp_path, "x", name, [("d0", score(0.1))])
    run(stream(tmp_path, attributes=["x"], filter=TOO_HIGH))
    assert texts_of(tmp_path) == ["y"]


@pytest.mark.parametrize("short", ["x", "y"])
def test_m2_a_short_attribute_file_fails_the_shard(tmp_path: Path, short: str) -> None:
    count = 3000
    documents(tmp_path, {"a.jsonl.gz": texts(*("x" for _ in range(count)))})
    for name in ("x", "y"):
        rows = [(f"d{n}", score(0.9)) for n in range(count)]
        attributes(tmp_path, name, "a.jsonl.gz", rows[: 1700 if name == short else count])
    with pytest.raises(DolmaShardError, match=rf"attributes/{short}/a\.jsonl\.gz: .*ends after 1700 rows"):
        run(stream(tmp_path, attributes=["x", "y"], filter=TOO_HIGH))
    assert visible(tmp_path / "mix") == {}


def test_m3_a_truncated_document_file_fails_the_shard(tmp_path: Path) -> None:
    documents(
        tmp_path, {"a.jsonl.gz": texts(*(f"{n} {n * n}" for n in range(2000))), "b.jsonl.gz": texts("x")}
    )
    halve(tmp_path / "documents/a.jsonl.gz")
    made = recipe(tmp_path, {"streams": [stream(tmp_path)], "shuffle": False})
    done = dolma("-c", made, "mix")
    assert done.code == DolmaShardError.exit_code
    assert "documents/a.jsonl.gz" in done.err
    assert set(visible(tmp_path / "mix")) == {"documents/b.jsonl.gz"}


def test_m3_a_truncated_attribute_file_fails_the_shard(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts(*(f"{n}" for n in range(2000)))})
    rows = [(f"d{n}", score(n / 2000)) for n in range(2000)]
    halve(attributes(tmp_path, "x", "a.jsonl.gz", rows))
    with pytest.raises(DolmaShardError, match=r"attributes/x/a\.jsonl\.gz"):
        run(stream(tmp_path, attributes=["x"], filter={**TOO_HIGH, "on_missing": "keep"}))
    assert visible(tmp_path / "mix") == {}


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([[0, 5], [3, 10]], "<><>ABC"),
        ([[3, 3]], "0123456789ABC"),
        ([[7, 3]], "0123456789ABC"),
        ([[3, 10], [5, 5], [6, 4]], "012<>ABC"),
    ],
)
def test_m4_no_character_is_lost_or_doubled_by_odd_spans(tmp_path: Path, spans: Any, expected: str) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("0123456789ABC")})
    attributes(tmp_path, "x", "a.jsonl.gz", [("d0", {"k": [[*span, 1] for span in spans]})])
    edits = [{"span": "$.attributes.k", "min_score": 0.5, "replacement": "<>"}]
    run(stream(tmp_path, attributes=["x"], span_replacement=edits))
    assert texts_of(tmp_path) == [expected]


def test_m5_a_relative_output_is_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    monkeypatch.chdir(tmp_path)
    made = {"name": "s", "documents": ["documents/*.gz"], "output": {"path": "mix"}}
    assert run(made)["shards"]["skipped"] == 0
    stamp = (tmp_path / "mix/s-0000.jsonl.gz").stat().st_mtime_ns
    assert run(made)["shards"]["skipped"] == 1
    assert (tmp_path / "mix/s-0000.jsonl.gz").stat().st_mtime_ns == stamp


@pytest.mark.parametrize(("output", "suffix"), [("gz", ".jsonl.gz"), ("zst", ".jsonl.zst"), ("", ".jsonl")])
def test_m6_all_outputs_are_called_jsonl(tmp_path: Path, output: str, suffix: str) -> None:
    documents(tmp_path, {f"{name}.jsonl.gz": texts("x") for name in "abc"})
    run(stream(tmp_path, output={"max_size_in_bytes": 1}, compression={"output": output}))
    assert set(visible(tmp_path / "mix")) == {f"s-000{n}{suffix}" for n in range(3)}


def test_m7_the_order_of_a_packed_output_is_that_of_its_inputs(tmp_path: Path) -> None:
    """`shuffle` packs files; the published name promises more than either tool does."""
    documents(tmp_path, {f"{name}.jsonl.gz": texts(f"{name}0", f"{name}1") for name in "cab"})
    run(stream(tmp_path), processes=4)
    assert texts_of(tmp_path) == ["a0", "a1", "b0", "b1", "c0", "c1"]


def test_m8_provenance_is_unique_over_folders_and_keeps_its_chain(tmp_path: Path) -> None:
    documents(tmp_path, {"a/0.jsonl.gz": texts("x"), "b/0.jsonl.gz": texts("y")})
    run(stream(tmp_path), shuffle=False)
    again = stream(tmp_path, output={"path": f"{tmp_path}/two"}, documents=[f"{tmp_path}/mix/documents/**/*"])
    run(again)
    assert [row["metadata"] for row in read(tmp_path / "two/s-0000.jsonl.gz")] == [
        {"provenance": "a/0.jsonl.gz:1", "provenance_history": ["a/0.jsonl.gz:1"]},
        {"provenance": "b/0.jsonl.gz:1", "provenance_history": ["b/0.jsonl.gz:1"]},
    ]


def test_m9_an_empty_glob_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    done = dolma("-c", recipe(tmp_path, {"streams": [stream(tmp_path)]}), "mix")
    assert done.code == DolmaInputError.exit_code
    assert "matches no file" in done.err


def test_m9_the_first_folder_called_documents_counts_everywhere(tmp_path: Path) -> None:
    name = "web/documents/0.jsonl.gz"
    documents(tmp_path, {name: texts("x y", "z")})
    package.tagger(
        {"documents": [f"{tmp_path}/documents/**/*"], "taggers": ["char_length_v1"], "experiment": "exp"}
    )
    bloom = {"file": f"{tmp_path}/f.bin", "read_only": False, "size_in_bytes": 4096}
    dedupe = {"name": "dups", "documents": {"attribute_name": "dup", "key": "$.text"}}
    package.deduper({"documents": [f"{tmp_path}/documents/**/*"], "dedupe": dedupe, "bloom_filter": bloom})
    assert set(visible(tmp_path / "attributes")) == {f"exp/{name}", f"dups/{name}"}
    rules = {"exclude": ["$.attributes[?(@.exp__char_length_v1__length[0][2] < 2)]"]}
    run(stream(tmp_path, attributes=["exp", "dups"], filter=rules))
    assert texts_of(tmp_path) == ["x y"]
    assert read(tmp_path / "mix/s-0000.jsonl.gz")[0]["metadata"]["provenance"] == f"{name}:1"


def test_m10_a_text_is_measured_in_code_points(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("日本", "日本語", "  abc  ", "ab")})
    run(stream(tmp_path, output={"min_text_length": 3}))
    assert texts_of(tmp_path) == ["日本語", "  abc  "]


def test_m10_an_input_without_a_byte_is_not_passed_over(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    (tmp_path / "documents/b.jsonl.gz").write_bytes(b"")
    with pytest.raises(DolmaShardError, match=r"b\.jsonl\.gz: the file is empty"):
        run(stream(tmp_path))
    assert visible(tmp_path / "mix") == {}


def test_m10_a_plain_input_without_a_document_is_one(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl": [], "b.jsonl.gz": [], "c.jsonl": texts("x")})
    report = run(stream(tmp_path), shuffle=False)
    assert report["counts"]["read"] == 1
    assert set(visible(tmp_path / "mix/documents")) == {"a.jsonl", "b.jsonl.gz", "c.jsonl"}
    assert lines(tmp_path / "mix/documents/b.jsonl.gz") == []


@pytest.mark.parametrize(
    "rule",
    [
        "$.attributes[?(@.k[0][2] > 0.5)]",
        "$.attributes[?(@.k && @.k[0] && @.k[0][2] > 0.5)]",
        "$@.attributes[?(@.k && @.k[0] && @.k[0][2] > 0.5)]",
    ],
)
def test_m11_rules_about_absent_attributes_need_no_incantation(tmp_path: Path, rule: str) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("high", "low", "none", "empty")})
    values: list[dict[str, Any]] = [score(0.9), score(0.1), {}, {"k": []}]
    attributes(tmp_path, "x", "a.jsonl.gz", [(f"d{n}", value) for n, value in enumerate(values)])
    run(stream(tmp_path, attributes=["x"], filter={"exclude": [rule]}))
    assert texts_of(tmp_path) == ["low", "none", "empty"]


def test_numbers_are_compared_as_numbers(tmp_path: Path) -> None:
    """The published JSONPath finds 1 and 1.0 different."""
    documents(tmp_path, {"a.jsonl": [json.dumps({"id": f"d{n}", "text": str(n)}) for n in range(4)]})
    rows = [
        f'{{"id":"d{n}","attributes":{{"k":[[0,1,{value}]]}}}}'
        for n, value in enumerate(["1", "1.0", "1e0", "2"])
    ]
    attributes(tmp_path, "x", "a.jsonl", rows)
    for literal in ("1", "1.0"):
        run(
            stream(
                tmp_path, attributes=["x"], filter={"include": [f"$.attributes[?(@.k[0][2] == {literal})]"]}
            )
        )
        assert texts_of(tmp_path) == ["0", "1", "2"]
