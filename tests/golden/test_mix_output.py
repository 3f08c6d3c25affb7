"""What a mix writes: fields, packing and compression of its files, where documents came from, and its account."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import zstandard

from folders import contents, visible
from mixes import kept, run, scored, stream, three_files
from shards import attributes, decode, documents, lines, read, texts, write

# Output


def test_fields_come_out_as_they_went_in(tmp_path: Path) -> None:
    row = (
        '{"z":1.10,"id":"d0","big":9007199254740993,"text":"caf\\u00e9 \\/ 日本","e":1E+2,"n":null,'
        '"o": {"b":1, "a":[1.0 , 2]},"attributes":{"old":[[0,1,0.50]]},"metadata":{"u":1.0}}'
    )
    documents(tmp_path, {"a.jsonl.gz": [row]})
    attributes(tmp_path, "x", "a.jsonl.gz", ['{"id":"d0","attributes":{"x":[[0,1,1.50]]}}'])
    run(tmp_path, stream(tmp_path, attributes=["x"]))
    expected = row.replace('"old":[[0,1,0.50]]', '"old":[[0,1,0.50]],"x":[[0,1,1.50]]')
    expected = expected.replace('"u":1.0', '"u":1.0,"provenance":"a.jsonl.gz:1"')
    (made,) = lines(tmp_path / "mix/s-0000.jsonl.gz")
    # White space between tokens of the document is not kept, that inside of a value is.
    assert made == expected.replace('"o": {', '"o":{')


def test_an_edit_leaves_the_other_fields_alone(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": ['{"v":1.10,"text":"abc","id":"d","w":9007199254740993}']})
    attributes(tmp_path, "x", "a.jsonl.gz", [("d", {"p": [[1, 2, 1]]})])
    replacement = {"span": "$.attributes.p", "min_score": 1, "replacement": '"'}
    run(tmp_path, stream(tmp_path, attributes=["x"], span_replacement=[replacement]))
    assert lines(tmp_path / "mix/s-0000.jsonl.gz") == [
        '{"v":1.10,"text":"a\\"c","id":"d","w":9007199254740993,"attributes":{"p": [[1, 2, 1]]},'
        '"metadata":{"provenance":"a.jsonl.gz:1"}}'
    ]


def test_attribute_sets_are_joined_in_order(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": [{"id": "d0", "text": "t", "attributes": {"own": 0, "both": 0}}]})
    attributes(tmp_path, "x", "a.jsonl.gz", [("d0", {"b": 1, "a": 1, "both": 1})])
    attributes(tmp_path, "y", "a.jsonl.gz", [("d0", {"a": 2, "c": 2})])
    for order, expected in ((["x", "y"], 2), (["y", "x"], 1)):
        run(tmp_path, stream(tmp_path, attributes=order))
        (row,) = read(tmp_path / "mix/s-0000.jsonl.gz")
        assert row["attributes"] == {"own": 0, "both": 1, "b": 1, "a": expected, "c": 2}
        assert list(row["attributes"])[:2] == ["own", "both"]


def test_discarded_fields_are_gone_after_the_filter(tmp_path: Path) -> None:
    scored(tmp_path, [0.1, 0.9])
    rules = {"include": ["$.attributes[?(@.x__t__s[0][2] > 0.5)]"]}
    output = {"discard_fields": ["attributes", "source", "nothing"]}
    run(tmp_path, stream(tmp_path, attributes=["x"], filter=rules, output=output))
    assert read(tmp_path / "mix/s-0000.jsonl.gz") == [
        {"id": "d1", "text": "text 1", "metadata": {"provenance": "a.jsonl.gz:2"}}
    ]


def test_short_texts_are_dropped_after_editing_and_trimming(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("日本語", " ab \n ", "abc", "abcdef", "")})
    spans: list[list[Any]] = [[], [], [], [[0, 4, 1]], []]
    attributes(tmp_path, "x", "a.jsonl.gz", [(f"d{n}", {"p": span}) for n, span in enumerate(spans)])
    replacement = {"span": "$.attributes.p", "min_score": 1}
    made = stream(tmp_path, attributes=["x"], span_replacement=[replacement], output={"min_text_length": 3})
    report = run(tmp_path, made)
    assert kept(tmp_path) == ["d0", "d2"]
    assert report["details"]["streams"]["s"]["dropped"]["min_text_length"]["documents"] == 3


def test_inputs_are_packed_by_their_compressed_size(tmp_path: Path) -> None:
    sizes = three_files(tmp_path)
    run(tmp_path, stream(tmp_path, output={"max_size_in_bytes": sizes[0] + sizes[1]}))
    assert set(visible(tmp_path / "mix")) == {"s-0000.jsonl.gz", "s-0001.jsonl.gz"}
    assert kept(tmp_path) == ["a/x0", "a/x1", "a/x2", "b/x0", "b/x1", "b/x2"]
    assert kept(tmp_path, "s-0001.jsonl.gz") == ["c0", "c1", "c2"]


def test_an_input_above_the_size_has_an_output_of_its_own(tmp_path: Path) -> None:
    three_files(tmp_path)
    run(tmp_path, stream(tmp_path, output={"max_size_in_bytes": 1}))
    assert set(visible(tmp_path / "mix")) == {f"s-{n:04d}.jsonl.gz" for n in range(3)}


def test_without_shuffle_each_input_has_its_output(tmp_path: Path) -> None:
    three_files(tmp_path)
    write(tmp_path / "documents" / "d.json.zst", texts("x"))
    run(tmp_path, stream(tmp_path), shuffle=False)
    assert set(visible(tmp_path / "mix")) == {
        f"documents/{name}" for name in ("a/x.jsonl.gz", "b/x.jsonl.gz", "c.jsonl.gz", "d.json.zst")
    }
    assert kept(tmp_path, "documents/b/x.jsonl.gz") == ["b/x0", "b/x1", "b/x2"]
    assert kept(tmp_path, "documents/d.json.zst") == ["d0"]


@pytest.mark.parametrize(
    ("output", "name", "magic"),
    [
        ("gz", "s-0000.jsonl.gz", b"\x1f\x8b"),
        ("zst", "s-0000.jsonl.zst", b"\x28\xb5\x2f\xfd"),
        ("", "s-0000.jsonl", b"{"),
    ],
)
def test_the_output_is_compressed_as_asked(tmp_path: Path, output: str, name: str, magic: bytes) -> None:
    three_files(tmp_path)
    run(tmp_path, stream(tmp_path, compression={"output": output}))
    assert set(visible(tmp_path / "mix")) == {name}
    assert (tmp_path / "mix" / name).read_bytes().startswith(magic)
    assert len(kept(tmp_path, name)) == 9


@pytest.mark.parametrize("output", ["gz", "zst"])
def test_a_higher_level_makes_smaller_files_of_the_same_content(tmp_path: Path, output: str) -> None:
    words = ["alpha", "beta", "gamma", "delta", "epsilon"]
    documents(
        tmp_path,
        {"a.jsonl": texts(*(" ".join(words[(n * m * m) % 5] for m in range(200)) for n in range(400)))},
    )
    found = {}
    for level in (1, 9):
        run(tmp_path, stream(tmp_path, compression={"output": output, "level": level}))
        path = tmp_path / "mix" / f"s-0000.jsonl.{output}"
        found[level] = (decode(path), path.stat().st_size)
    assert found[1][0] == found[9][0]
    assert found[9][1] < found[1][1]


def test_inputs_are_read_as_the_recipe_says_they_are_compressed(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "a").write_bytes(zstandard.compress(b'{"id":"d0","text":"x"}\n'))
    run(tmp_path, stream(tmp_path, compression={"input": "zst"}))
    assert kept(tmp_path) == ["d0"]


# Provenance


def test_provenance_is_the_path_below_documents_and_the_line(tmp_path: Path) -> None:
    three_files(tmp_path)
    run(tmp_path, stream(tmp_path, filter={"syntax": "jq", "exclude": ['.id == "a/x0"']}))
    provenance = {row["id"]: row["metadata"]["provenance"] for row in read(tmp_path / "mix/s-0000.jsonl.gz")}
    assert provenance == {
        f"{name}{n}": f"{name}.jsonl.gz:{n + 1}"
        for name in ("a/x", "b/x", "c")
        for n in range(3)
        if (name, n) != ("a/x", 0)
    }


def test_provenance_has_a_history_over_two_mixes(tmp_path: Path) -> None:
    three_files(tmp_path)
    run(tmp_path, stream(tmp_path))
    second = stream(
        tmp_path, name="t", documents=[f"{tmp_path}/again/documents/*"], output={"path": f"{tmp_path}/two"}
    )
    (tmp_path / "again/documents").mkdir(parents=True)
    shutil.copy(tmp_path / "mix/s-0000.jsonl.gz", tmp_path / "again/documents/")
    run(tmp_path, second)
    rows = read(tmp_path / "two/t-0000.jsonl.gz")
    assert rows[4]["metadata"] == {
        "provenance": "s-0000.jsonl.gz:5",
        "provenance_history": ["b/x.jsonl.gz:2"],
    }


# The account


def test_the_funnel_adds_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bodies = [
        "drop by first",
        "drop by both",
        "drop by second",
        "keep as it is",
        "edit me please",
        "x",
        "y y",
    ]
    documents(
        tmp_path, {"a.jsonl": [json.dumps({"id": f"d{n}", "text": text}) for n, text in enumerate(bodies)]}
    )
    rows: list[tuple[str, dict[str, Any]]] = [
        ("d0", {"one": 1}),
        ("d1", {"one": 1, "two": 1}),
        ("d2", {"two": 1}),
        ("d3", {}),
        ("d4", {"p": [[5, 7, 1], [5, 7, 1]]}),
        ("d5", {}),
        ("d6", {}),
    ]
    attributes(tmp_path, "x", "a.jsonl", rows)
    made = stream(
        tmp_path,
        attributes=["x"],
        filter={"exclude": ["$.attributes[?(@.one == 1)]", "$.attributes[?(@.two == 1)]"]},
        span_replacement=[{"span": "$.attributes.p", "min_score": 1}],
        output={"min_text_length": 3},
    )
    report = run(tmp_path, made, count_words=True)
    found = report["details"]["streams"]["s"]
    assert (found["documents_in"], found["documents_out"]) == (7, 3)
    dropped = found["dropped"]
    assert {rule: cost["documents"] for rule, cost in dropped.items()} == {
        "exclude[0] $.attributes[?(@.one == 1)]": 2,
        "exclude[1] $.attributes[?(@.two == 1)]": 1,
        "min_text_length": 1,
    }
    assert {rule: cost["words"] for rule, cost in dropped.items()} == {
        "exclude[0] $.attributes[?(@.one == 1)]": 6,
        "exclude[1] $.attributes[?(@.two == 1)]": 3,
        "min_text_length": 1,
    }
    assert found["documents_in"] == found["documents_out"] + sum(
        cost["documents"] for cost in dropped.values()
    )
    assert (found["edited"]["documents"], found["spans_replaced"]) == (1, 1)
    assert found["words_in"] == sum(len(text.split()) for text in bodies)
    assert found["words_out"] == sum(
        len(row["text"].split()) for row in read(tmp_path / "mix/s-0000.jsonl.gz")
    )
    assert found["bytes_in"] == (tmp_path / "documents/a.jsonl").stat().st_size
    assert found["bytes_out"] == len(decode(tmp_path / "mix/s-0000.jsonl.gz"))
    assert report["counts"] == {"read": 7, "written": 3, "dropped": 4, "bad": 0}
    said = capsys.readouterr().err
    assert "dropped by exclude[0] $.attributes[?(@.one == 1)]" in said
    assert "7 documents read = 3 written + 4 dropped + 0 bad" in said


def test_a_mix_that_keeps_nothing_warns(tmp_path: Path) -> None:
    scored(tmp_path, [0.1, 0.2])
    rules = {"include": ["$.attributes[?(@.x__t__s[0][2] > 0.5)]"]}
    report = run(tmp_path, stream(tmp_path, attributes=["x"], filter=rules))
    assert any("no document was kept" in warning for warning in report["warnings"])
    assert contents(tmp_path / "mix") == {"s-0000.jsonl.gz": b""}
