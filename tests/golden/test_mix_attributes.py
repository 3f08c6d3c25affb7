"""Attributes that a mix is to join: those that do not fit fail their shard, and those that nobody wrote stop it
before any work.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from command import dolma, recipe
from dolma.errors import DolmaConfigError, DolmaInputError, DolmaShardError
from folders import visible
from mixes import kept, run, scored, stream, three_files
from shards import attributes, documents, texts


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
