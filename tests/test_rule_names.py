"""Fields of documents that the rules of a mix name: a misspelt one would let every document pass unseen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import Result, dolma
from shards import attributes, halve, put

WORKS = {"jsonpath": "$[?(@.text == 'drop')]", "jq": '.text == "drop"'}


def mix(root: Path, rule: str, syntax: str, **more: object) -> Result:
    """A mix with a rule beside one that works, so that the filter as a whole has an effect."""
    put(root / "c/documents/a.jsonl", "keep", "drop", metadata={"url": "u"}, lang="en")
    put(root / "c/documents/b.jsonl", "keep", stars=3)
    for name, count in (("a", 2), ("b", 1)):
        rows = [(f"{name}-{n}", {"x": [[0, 4, 1.0]]}) for n in range(count)]
        attributes(root / "c", "e", f"{name}.jsonl", rows)
    chosen = {"exclude": [WORKS[syntax], rule], "syntax": syntax, **more}
    stream = {"name": "s", "documents": ["c/documents/*"], "attributes": ["e"], "output": {"path": "out"}}
    (root / "mix.json").write_text(json.dumps({"streams": [{**stream, "filter": chosen}]}))
    return dolma("mix", "-c", "mix.json", cwd=root)


@pytest.mark.parametrize(
    ("syntax", "rule", "field"),
    [
        ("jsonpath", "$.attribute[?(@.x[0][2] > 1)]", "attribute"),
        ("jsonpath", "$@.attributs[?(@.x[0][2] > 1)]", "attributs"),
        ("jq", ".atributes.x[0][2] > 1", "atributes"),
        ("jq", '(.metdata.url // "") | test("x")', "metdata"),
    ],
)
def test_a_field_that_looks_like_one_of_every_corpus_is_refused(
    tmp_path: Path, syntax: str, rule: str, field: str
) -> None:
    done = mix(tmp_path, rule, syntax)
    assert done.code == 2
    meant = "metadata" if field.startswith("m") else "attributes"
    assert done.message.startswith(
        f"mix.json:1: streams[0].filter.exclude[1]: no document of c/documents/a.jsonl has a field {field}; "
        f"did you mean '{meant}'?"
    )
    # jq fails on what is below a field that is missing.
    assert mix(tmp_path, rule, syntax, on_missing="keep").code == (0 if syntax == "jsonpath" else 4)


@pytest.mark.parametrize(("syntax", "rule"), [("jsonpath", "$[?(@.stars > 2)]"), ("jq", ".stars > 2")])
def test_any_other_field_that_the_first_file_lacks_is_told_of(tmp_path: Path, syntax: str, rule: str) -> None:
    done = mix(tmp_path, rule, syntax)
    assert done.code == 0
    assert (
        "warning: streams[0].filter.exclude[1]: no document of c/documents/a.jsonl has a field stars"
        in done.err
    )
    assert "3 documents read = 1 written + 2 dropped" in done.err


@pytest.mark.parametrize(
    ("syntax", "rule"),
    [
        ("jsonpath", "$[?(@.lang == 'de')]"),
        ("jq", '.lang == "de"'),
        ("jq", ".version == 1"),
        ("jq", "length > 99"),
    ],
)
def test_fields_that_are_there_or_may_be_are_not(tmp_path: Path, syntax: str, rule: str) -> None:
    done = mix(tmp_path, rule, syntax)
    assert done.code == 0
    assert "warning" not in done.err


def test_a_first_file_without_documents_is_passed_over_and_a_cut_one_tells_nothing(tmp_path: Path) -> None:
    done = mix(tmp_path, "$[?(@.txet == 'x')]", "jsonpath")
    assert "no document of c/documents/a.jsonl has a field txet; did you mean 'text'?" in done.message
    put(tmp_path / "c/documents/0.jsonl")
    attributes(tmp_path / "c", "e", "0.jsonl", [])
    assert dolma("mix", "-c", "mix.json", cwd=tmp_path).message == done.message
    halve(put(tmp_path / "c/documents/1.jsonl.gz", *(f"text {n}" for n in range(999))))
    attributes(tmp_path / "c", "e", "1.jsonl.gz", [(f"1-{n}", {}) for n in range(999)])
    config = json.loads((tmp_path / "mix.json").read_text())
    (tmp_path / "mix.json").write_text(json.dumps({**config, "shuffle": False}))
    cut = dolma("mix", "-c", "mix.json", cwd=tmp_path)
    assert cut.code == 4
    assert "truncated" in cut.message
    assert (tmp_path / "out/documents/b.jsonl").exists()
