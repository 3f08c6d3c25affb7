"""`dolma mix` as a whole: which documents come out of which documents and attributes, and how."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dolma.errors import DolmaConfigError, DolmaInputError, DolmaShardError
from folders import visible
from mixes import kept, run, scored, stream, three_files
from shards import attributes, documents, read, texts, write

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
