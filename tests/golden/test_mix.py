"""`dolma mix` as a whole: which documents come out of which documents and attributes, and how."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dolma as package
from command import dolma, recipe
from dolma.errors import DolmaConfigError, DolmaInputError, DolmaShardError
from folders import contents, visible
from shards import Row, attributes, decode, documents, lines, read, texts, write


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


# Names


def test_names_that_are_spelled_with_escapes_are_what_they_spell(tmp_path: Path) -> None:
    line = (
        r'{"id":"d0","t\u0065xt":"secret mail","gr\u00f6\u00dfe":1,"\u0061ttributes":{"old":[]},'
        r'"m\u0065tadata":{"proven\u0061nce":"p:1"}}'
    )
    documents(tmp_path, {"a.jsonl.gz": [line]})
    write(
        tmp_path / "attributes" / "x" / "a.jsonl.gz", [r'{"id":"d0","\u0061ttributes":{"\u00fc":[[0,6,1]]}}']
    )
    edit = {"span": "$.attributes['ü']", "min_score": 1, "replacement": "X"}
    run(
        tmp_path,
        stream(tmp_path, attributes=["x"], output={"discard_fields": ["größe"]}, span_replacement=[edit]),
    )
    (row,) = read(tmp_path / "mix" / "s-0000.jsonl.gz")
    assert row == {
        "id": "d0",
        "text": "X mail",
        "attributes": {"old": [], "ü": [[0, 6, 1]]},
        "metadata": {"provenance": "a.jsonl.gz:1", "provenance_history": ["p:1"]},
    }


@pytest.mark.parametrize("own", [[1], "note", 3])
def test_attributes_that_are_no_object_are_kept_beside_those_that_join_them(tmp_path: Path, own: Any) -> None:
    documents(tmp_path, {"a.jsonl.gz": [{"id": "d0", "text": "text", "attributes": own}]})
    attributes(tmp_path, "x", "a.jsonl.gz", [("d0", {"x__t__s": [[0, 4, 1]]})])
    run(tmp_path, stream(tmp_path, attributes=["x"]))
    (row,) = read(tmp_path / "mix" / "s-0000.jsonl.gz")
    assert row["attributes"] == {"value": own, "x__t__s": [[0, 4, 1]]}


# Filters


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"include": ["$.attributes[?(@.x__t__s[0][2] >= 0.5)]"]}, "d1 d2 d3"),
        ({"exclude": ["$.attributes[?(@.x__t__s[0][2] >= 0.5)]"]}, "d0 d4"),
        ({"include": ["$@.attributes[?(@.x__t__s && @.x__t__s[0] && @.x__t__s[0][2] >= 0.5)]"]}, "d1 d2 d3"),
        ({"exclude": ["$.attributes[?(@.x__t__s[0][2] == 1)]"]}, "d0 d1 d4"),
        ({"exclude": ["$.attributes[?(@.x__t__s[0][2] == 1.0)]"]}, "d0 d1 d4"),
        (
            {"include": ["$.attributes[?(@.x__t__s[0][2] < 0.5)]", "$.attributes[?(@.x__t__s[0][2] > 0.9)]"]},
            "d0 d2 d3",
        ),
        (
            {
                "include": ["$.attributes[?(@.x__t__s[0][2] > 0.1)]"],
                "exclude": ["$.attributes[?(@.x__t__s[0][2] > 0.9)]"],
            },
            "d0 d1",
        ),
        ({"syntax": "jq", "include": [".attributes.x__t__s? | .[0]? | .[2]? >= 0.5"]}, "d1 d2 d3"),
        ({"syntax": "jq", "exclude": [".attributes.x__t__s and .attributes.x__t__s[0][2] == 1"]}, "d0 d1 d4"),
        ({"syntax": "jq", "include": [".attributes.x__t__s"]}, "d0 d1 d2 d3"),
        (
            {"syntax": "jq", "exclude": ["(.attributes.x__t__s // [[0, 0, 0]])[0][2] < 0.5", '.id == "d1"']},
            "d2 d3",
        ),
        ({"syntax": "jq", "include": [".text | length > 5"], "exclude": ['.id | test("[24]")']}, "d0 d1 d3"),
    ],
)
def test_filters_keep_and_drop(tmp_path: Path, rules: dict[str, Any], expected: str) -> None:
    scored(tmp_path, [0.2, 0.5, 1, 1.0, None])
    run(tmp_path, stream(tmp_path, attributes=["x"], filter=rules))
    assert kept(tmp_path) == expected.split()


def test_jq_that_indexes_what_is_not_there_fails_with_the_line(tmp_path: Path) -> None:
    scored(tmp_path, [0.2, None])
    rules = {"syntax": "jq", "exclude": [".attributes.x__t__s[0][2] > 0.5"]}
    with pytest.raises(DolmaShardError, match=r"a\.jsonl\.gz:2: cannot evaluate .*x__t__s.* is missing"):
        run(tmp_path, stream(tmp_path, attributes=["x"], filter=rules))
    assert visible(tmp_path / "mix") == {}


thresholds = st.sampled_from([0, 0.0, 1, 1.0, 0.5, -1, 2, 1e-3, 9007199254740993])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    scores=st.lists(st.one_of(st.none(), thresholds), max_size=8),
    sign=st.sampled_from(["<", "<=", ">", ">=", "=="]),
    threshold=thresholds,
    exclude=st.booleans(),
    jq=st.booleans(),
)
def test_thresholds_agree_with_python(
    scores: list[Any], sign: str, threshold: Any, exclude: bool, jq: bool
) -> None:
    if jq:
        # In jq null is less than every number; a rule about a score asks for one first.
        rule = f"(.attributes.x__t__s != null) and (.attributes.x__t__s[0][2] {sign} {threshold})"
    else:
        rule = f"$.attributes[?(@.x__t__s[0][2] {sign} {threshold})]"

    def matches(score: Any) -> bool:
        compare = {
            "<": lambda a, b: a < b,
            "<=": lambda a, b: a <= b,
            ">": lambda a, b: a > b,
            ">=": lambda a, b: a >= b,
            "==": lambda a, b: a == b,
        }[sign]
        return score is not None and compare(score, threshold)

    rules = {
        "exclude" if exclude else "include": [rule],
        "syntax": "jq" if jq else "jsonpath",
        "on_missing": "keep",
    }
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        scored(root, scores)
        run(root, stream(root, attributes=["x"], filter=rules))
        assert kept(root) == [f"d{n}" for n, score in enumerate(scores) if matches(score) != exclude]


# Edits


def edited(root: Path, text: str, spans: Sequence[Sequence[Any]], *replacements: Mapping[str, Any]) -> str:
    documents(root, {"a.jsonl.gz": [{"id": "d", "text": text, "source": "src"}]})
    attributes(root, "x", "a.jsonl.gz", [("d", {"x__t__pii": spans})])
    chosen = replacements or ({"span": "$.attributes.x__t__pii", "min_score": 0.5, "replacement": "<{}>"},)
    run(root, stream(root, attributes=["x"], span_replacement=list(chosen)), force=True)
    (row,) = read(root / "mix" / "s-0000.jsonl.gz")
    return str(row["text"])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"min_score": 0.5}, "mail <> or 日本 <>"),
        ({"min_score": 0.5, "replacement": "X"}, "mail X or 日本 X"),
        ({"min_score": 0.5, "replacement": "[{}|{}]"}, "mail [a@b|a@b] or 日本 [c@d|c@d]"),
        ({"min_score": 0.5, "replacement": "$.source"}, "mail src or 日本 src"),
        ({"min_score": 0.9, "replacement": "X"}, "mail a@b or 日本 X"),
        ({"max_score": 0.9, "replacement": "X"}, "mail X or 日本 c@d"),
        ({"min_score": 0.5, "max_score": 0.9, "replacement": "X"}, "mail X or 日本 c@d"),
        ({"min_score": 0.6, "max_score": 0.9, "replacement": "X"}, "mail X or 日本 c@d"),
        ({"min_score": 0.7, "max_score": 0.9, "replacement": "X"}, "mail a@b or 日本 c@d"),
        ({"max_score": 0.6, "replacement": "X"}, "mail a@b or 日本 c@d"),
    ],
)
def test_spans_within_the_scores_are_replaced(tmp_path: Path, change: dict[str, Any], expected: str) -> None:
    for syntax, span in (("jsonpath", "$.attributes.x__t__pii"), ("jq", ".attributes.x__t__pii")):
        change = {"replacement": "<>", **change, "span": span, "syntax": syntax}
        text = edited(tmp_path, "mail a@b or 日本 c@d", [[5, 8, 0.6], [15, 18, 0.9]], change)
        assert text == expected


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([[0, 5, 1], [3, 10, 1]], "<01234><56789>ABC"),
        ([[0, 10, 1], [3, 5, 1]], "<0123456789>ABC"),
        ([[0, 3, 1], [3, 6, 1]], "<012><345>6789ABC"),
        ([[3, 3, 1]], "0123456789ABC"),
        ([[7, 3, 1]], "0123456789ABC"),
        ([[2, 4, 1], [9, 1, 1], [4, 4, 1], [5, 6, 1]], "01<23>4<5>6789ABC"),
        ([[8, 10, 1], [1, 2, 1]], "0<1>234567<89>ABC"),
        ([[11, 99, 1]], "0123456789A<BC>"),
        ([[20, 30, 1]], "0123456789ABC"),
        ([], "0123456789ABC"),
    ],
)
def test_every_kind_of_span_has_its_result(tmp_path: Path, spans: list[Any], expected: str) -> None:
    assert edited(tmp_path, "0123456789ABC", spans) == expected


def naive(text: str, spans: Sequence[Sequence[int]]) -> str:
    """`text` with the union of `spans` taken out."""
    gone = {at for start, end, *_ in spans for at in range(max(start, 0), min(end, len(text)))}
    return "".join(char for at, char in enumerate(text) if at not in gone)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    cases=st.lists(
        st.tuples(
            st.text('aé日😀\n"\\', max_size=20),
            st.lists(st.tuples(st.integers(0, 24), st.integers(0, 24), st.just(1)), max_size=5),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_edits_take_out_the_union_and_nothing_else(cases: list[tuple[str, list[Any]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        documents(root, {"a.jsonl.gz": texts(*(text for text, _ in cases))})
        attributes(root, "x", "a.jsonl.gz", [(f"d{n}", {"x": spans}) for n, (_, spans) in enumerate(cases)])
        replacement = {"span": "$.attributes.x", "min_score": 1, "replacement": ""}
        run(root, stream(root, attributes=["x"], span_replacement=[replacement]))
        made = [row["text"] for row in read(root / "mix/s-0000.jsonl.gz")]
        assert made == [naive(text, spans) for text, spans in cases]


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


def three_files(root: Path) -> list[int]:
    files: dict[str, list[Row]] = {
        name: [{"id": f"{name}{n}", "text": f"{name} text {n}"} for n in range(3)]
        for name in ("a/x", "b/x", "c")
    }
    documents(root, {f"{name}.jsonl.gz": rows for name, rows in files.items()})
    return [(root / "documents" / f"{name}.jsonl.gz").stat().st_size for name in files]


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


# Streams


def test_a_stream_without_rules_is_a_merge(tmp_path: Path) -> None:
    three_files(tmp_path)
    report = run(tmp_path, stream(tmp_path))
    assert len(kept(tmp_path)) == 9
    assert report["counts"] == {"read": 9, "written": 9, "dropped": 0, "bad": 0}


def test_streams_stand_side_by_side(tmp_path: Path) -> None:
    three_files(tmp_path)
    one = stream(tmp_path, name="one", documents=[f"{tmp_path}/documents/a/*"])
    two = stream(
        tmp_path,
        name="two",
        documents=[f"{tmp_path}/documents/c*"],
        filter={"syntax": "jq", "include": ['.id != "c1"']},
    )
    report = run(tmp_path, one, two)
    assert kept(tmp_path, "one-0000.jsonl.gz") == ["a/x0", "a/x1", "a/x2"]
    assert kept(tmp_path, "two-0000.jsonl.gz") == ["c0", "c2"]
    assert {name: found["documents_in"] for name, found in report["details"]["streams"].items()} == {
        "one": 3,
        "two": 3,
    }


def test_streams_of_the_same_output_are_refused(tmp_path: Path) -> None:
    three_files(tmp_path)
    with pytest.raises(DolmaConfigError, match="would both be written to"):
        run(tmp_path, stream(tmp_path, documents=[f"{tmp_path}/documents/a/*"]), stream(tmp_path))
    assert not (tmp_path / "mix").exists()


# Attributes that do not fit


def test_a_missing_attribute_file_is_an_error_before_work(tmp_path: Path) -> None:
    three_files(tmp_path)
    for name in ("a/x", "b/x"):
        attributes(tmp_path, "good", f"{name}.jsonl.gz", [(f"{name}{n}", {}) for n in range(3)])
    with pytest.raises(DolmaInputError, match=r"attributes/good/c\.jsonl\.gz is missing"):
        run(tmp_path, stream(tmp_path, attributes=["good"]))
    with pytest.raises(DolmaInputError, match=r"did you mean 'good'\?"):
        run(tmp_path, stream(tmp_path, attributes=["goood"]))
    assert not (tmp_path / "mix").exists()


ALL = [("d0", {"k": 1}), ("d1", {"k": 1}), ("d2", {"k": 1})]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (ALL[:2], r"attributes/x/a\.jsonl\.gz: .*ends after 2 rows"),
        ([], r"attributes/x/a\.jsonl\.gz: .*ends after 0 rows"),
        ([*ALL, ("d3", {})], r"attributes/x/a\.jsonl\.gz: .*has more rows than"),
        ([ALL[1], ALL[2], ALL[0]], r'attributes/x/a\.jsonl\.gz:1: .*belongs to document "d1", but line 1 of'),
        ([ALL[0], ALL[2], ALL[1]], r"attributes/x/a\.jsonl\.gz:2: .*is \"d1\""),
        ([ALL[0], '{"attributes":{"k":1}}', ALL[2]], r"attributes/x/a\.jsonl\.gz:2: .*without an id"),
        ([ALL[0], "nothing", ALL[2]], r"attributes/x/a\.jsonl\.gz:2: "),
        ([ALL[0], "", ALL[1], ALL[2]], r"attributes/x/a\.jsonl\.gz(:2)?: "),
        ([ALL[0], ALL[1], '{"id":"d2"}'], r"attributes/x/a\.jsonl\.gz:3: .*attributes"),
        ([ALL[0], ALL[1], '{"id":"d2","attributes":[]}'], r"attributes/x/a\.jsonl\.gz:3: .*attributes"),
    ],
)
def test_attributes_that_do_not_fit_fail_the_shard(tmp_path: Path, rows: list[Any], message: str) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x", "y", "z"), "b.jsonl.gz": texts("x", "y", "z")})
    attributes(tmp_path, "x", "a.jsonl.gz", rows)
    attributes(tmp_path, "x", "b.jsonl.gz", ALL)
    rules = {"exclude": ["$.attributes[?(@.k == 2)]"]}
    with pytest.raises(DolmaShardError, match=message):
        run(tmp_path, stream(tmp_path, attributes=["x"], filter=rules), shuffle=False)
    # The other shard is done, and nothing of this one is to be seen.
    assert set(visible(tmp_path / "mix")) == {"documents/b.jsonl.gz"}


def test_the_command_line_ends_with_the_exit_code_of_a_failed_shard(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x", "y", "z")})
    attributes(tmp_path, "x", "a.jsonl.gz", ALL[:2])
    done = dolma("-c", recipe(tmp_path, {"streams": [stream(tmp_path, attributes=["x"])]}), "mix")
    assert done.code == DolmaShardError.exit_code
    assert "a.jsonl.gz" in done.err
    assert visible(tmp_path / "mix") == {}


def test_a_rule_about_an_unknown_attribute_is_an_error_with_the_nearest(tmp_path: Path) -> None:
    scored(tmp_path, [0.1, 0.9], attribute="exp__gopher_v1__word_count")
    rules = {"exclude": ["$.attributes[?(@.exp__gopher_v1__word_cuont[0][2] > 0.5)]"]}
    made = stream(tmp_path, attributes=["x"], filter=rules)
    with pytest.raises(
        DolmaConfigError,
        match=r"^streams\[0\].filter.exclude\[0\]: no row of x has the attribute exp__gopher_v1__word_cuont; the "
        r"nearest are exp__gopher_v1__word_count. If it is right that none has it, set filter.on_missing: keep$",
    ):
        run(tmp_path, made)
    assert not (tmp_path / "mix").exists()
    report = run(tmp_path, {**made, "filter": {**rules, "on_missing": "keep"}})
    assert kept(tmp_path) == ["d0", "d1"]
    assert any("exp__gopher_v1__word_cuont" in warning for warning in report["warnings"])


def test_a_span_of_an_unknown_attribute_is_an_error_too(tmp_path: Path) -> None:
    scored(tmp_path, [0.1])
    replacement = {"span": "$.attributes.x__t__z", "min_score": 0}
    made = stream(tmp_path, attributes=["x"], span_replacement=[replacement])
    with pytest.raises(DolmaConfigError, match=r"replacement\[0\].span: .* x__t__z; the nearest are x__t__s"):
        run(tmp_path, made)
    # A section that says only this filters nothing.
    report = run(tmp_path, {**made, "filter": {"on_missing": "keep"}})
    assert kept(tmp_path) == ["d0"]
    assert len(report["warnings"]) == 1
    assert "x__t__z" in report["warnings"][0]


def test_a_replacement_by_an_unknown_attribute_is_an_error_too(tmp_path: Path) -> None:
    scored(tmp_path, [0.1])
    replacement = {"span": "$.attributes.x__t__s", "min_score": 0, "replacement": "$.attributes.x__t__z"}
    with pytest.raises(DolmaConfigError, match=r"replacement\[0\].replacement: .* x__t__z; the nearest are"):
        run(tmp_path, stream(tmp_path, attributes=["x"], span_replacement=[replacement]))


def test_attributes_that_documents_bring_along_count(tmp_path: Path) -> None:
    rows = [{"id": f"d{n}", "text": "x", "attributes": {"own": [[0, 1, n]]} if n else {}} for n in range(2)]
    documents(tmp_path, {"a.jsonl.gz": rows, "b.jsonl.gz": [{"id": "b", "text": "x"}]})
    attributes(tmp_path, "x", "a.jsonl.gz", ALL[:2])
    attributes(tmp_path, "x", "b.jsonl.gz", [("b", {})])
    rules = {"exclude": ["$.attributes[?(@.own[0][2] > 0.5)]"]}
    for joined in ([], ["x"]):
        report = run(tmp_path, stream(tmp_path, attributes=joined, filter=rules), force=True)
        assert kept(tmp_path) == ["d0", "b"]
        assert report["warnings"] == []
    wrong = {"exclude": ["$.attributes[?(@.owns[0][2] > 0.5)]"]}
    with pytest.raises(DolmaConfigError, match="no document has the attribute owns; the nearest are own"):
        run(tmp_path, stream(tmp_path, filter=wrong), force=True)


def test_a_rule_on_attributes_of_documents_that_have_none_is_an_error(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x"), "b.jsonl.gz": texts("y")})
    rules = {"exclude": ["$.attributes[?(@.z[0][2] > 0.5)]"]}
    with pytest.raises(DolmaConfigError, match="no document has the attribute z; there are none at all"):
        run(tmp_path, stream(tmp_path, filter=rules))
    assert not (tmp_path / "mix").exists()


def test_a_rare_attribute_is_a_warning(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x", "y"), "b.jsonl.gz": texts("x", "y")})
    attributes(tmp_path, "x", "a.jsonl.gz", [("d0", {"rare": [[0, 1, 1]]}), ("d1", {})])
    attributes(tmp_path, "x", "b.jsonl.gz", [("d0", {}), ("d1", {})])
    rules = {"exclude": ["$.attributes[?(@.rare[0][2] > 0.5)]"]}
    report = run(tmp_path, stream(tmp_path, attributes=["x"], filter=rules), shuffle=False)
    assert [kept(tmp_path, f"documents/{name}.jsonl.gz") for name in "ab"] == [["d1"], ["d0", "d1"]]
    assert len(report["warnings"]) == 1
    assert "rare" in report["warnings"][0]
    # Packed together there is a row that has it.
    assert run(tmp_path, stream(tmp_path, attributes=["x"], filter=rules))["warnings"] == []


# What is refused


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"filter": {}}, "give include or exclude"),
        ({"filter": {"include": ["$.attributes[?("]}}, r"include\[0\]|\$\.attributes\[\?\("),
        ({"filter": {"include": [".a ["], "syntax": "jq"}}, r"\.a \["),
        ({"filter": {"include": ["$.x"], "syntax": "xpath"}}, "syntax"),
        ({"span_replacement": [{"span": "$.attributes.x"}]}, "give min_score or max_score"),
        ({"name": "a/b"}, "cannot contain '/'"),
        ({"documents": []}, "documents"),
        ({"compression": {"output": "bz2"}}, "bz2"),
        ({"output": {"min_text_lenght": 3}}, "did you mean 'min_text_length'"),
    ],
)
def test_recipes_that_cannot_be_meant_are_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    with pytest.raises(DolmaConfigError, match=message):
        run(tmp_path, stream(tmp_path, **change))
    assert not (tmp_path / "mix").exists()


def test_an_empty_glob_is_an_error_with_the_nearest_parent(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    with pytest.raises(
        DolmaInputError, match=r"matches no file; the nearest existing parent is .*/documents"
    ):
        run(tmp_path, stream(tmp_path, documents=[f"{tmp_path}/documents/nowhere/*.gz"]))


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


# Again


def test_the_same_recipe_does_nothing_and_a_changed_threshold_does_all(tmp_path: Path) -> None:
    scored(tmp_path, [0.2, 0.6])

    def at(threshold: float, **more: Any) -> dict[str, Any]:
        rules = {"include": [f"$.attributes[?(@.x__t__s[0][2] > {threshold})]"]}
        return run(tmp_path, stream(tmp_path, attributes=["x"], filter=rules), **more)

    assert at(0.5)["shards"]["skipped"] == 0
    before = visible(tmp_path / "mix")
    again = at(0.5, processes=2)
    assert again["shards"]["skipped"] == 1
    assert again["counts"] == {"read": 2, "written": 1, "dropped": 1, "bad": 0}
    assert visible(tmp_path / "mix") == before
    assert at(0.1)["shards"]["skipped"] == 0
    assert kept(tmp_path) == ["d0", "d1"]
    assert at(0.1, force=True)["shards"]["skipped"] == 0


def test_changed_documents_or_attributes_are_mixed_anew(tmp_path: Path) -> None:
    scored(tmp_path, [0.2, 0.6])
    rules = {"include": ["$.attributes[?(@.x__t__s[0][2] > 0.5)]"]}
    made = stream(tmp_path, attributes=["x"], filter=rules)
    run(tmp_path, made)
    assert kept(tmp_path) == ["d1"]
    scored(tmp_path, [0.7, 0.6])
    assert run(tmp_path, made)["shards"]["skipped"] == 0
    assert kept(tmp_path) == ["d0", "d1"]


def test_a_damaged_output_is_made_anew(tmp_path: Path) -> None:
    three_files(tmp_path)
    run(tmp_path, stream(tmp_path))
    before = visible(tmp_path / "mix")
    path = tmp_path / "mix/s-0000.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-5])
    run(tmp_path, stream(tmp_path))
    assert visible(tmp_path / "mix") == before


def test_a_failure_between_output_and_record_is_not_taken_for_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outputs of two recipes may have the same size; only a record says which one is there."""
    from dolma import storage

    documents(tmp_path, {"a.jsonl": texts("abc")})
    attributes(tmp_path, "x", "a.jsonl", [("d0", {"p": [[1, 2, 1]]})])

    def by(replacement: str) -> dict[str, Any]:
        edits = [{"span": "$.attributes.p", "min_score": 1, "replacement": replacement}]
        return stream(tmp_path, attributes=["x"], span_replacement=edits, compression={"output": ""})

    run(tmp_path, by("1"))
    before = visible(tmp_path / "mix")
    write_bytes = storage.write_bytes

    def broken(path: str, data: bytes, **options: bool) -> None:
        if "/done/" in path:
            raise OSError("the power is gone")
        write_bytes(path, data, **options)

    monkeypatch.setattr(storage, "write_bytes", broken)
    with pytest.raises(DolmaShardError, match="the power is gone"):
        run(tmp_path, by("2"))
    monkeypatch.undo()
    run(tmp_path, by("1"))
    assert visible(tmp_path / "mix") == before
