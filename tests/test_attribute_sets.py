"""Attribute sets as a mix reads them: in whatever format, and each attribute out of one set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from command import dolma, succeed
from shards import put, read

EXACTLY = ("--dedupe.documents.attribute_name", "dup")


def dedupe(root: Path, *options: object, name: str = "d") -> None:
    succeed("dedupe", "--documents", "c/documents/*", "--dedupe.name", name, *options, cwd=root)


def recipe(
    root: Path, *sets: str, rule: str = "$.attributes[?(@.dup[0][2] >= 1)]", **more: Any
) -> tuple[str, ...]:
    stream = {"name": "s", "documents": ["c/documents/*"], "attributes": sets, "output": {"path": "out"}}
    config = {"streams": [{**stream, "filter": {"exclude": [rule]}, **more}]}
    (root / "mix.json").write_text(json.dumps(config))
    return "mix", "-c", "mix.json"


@pytest.mark.parametrize("named", [".jsonl", ".jsonl.gz", ".jsonl.zst", ".bin"])
@pytest.mark.parametrize("given", ["", "gz", "zst"])
@pytest.mark.parametrize("written", [None, "", "gz", "zst"])
def test_attributes_are_read_in_the_format_that_they_were_written_in(
    tmp_path: Path, named: str, given: str, written: str | None
) -> None:
    """`compression` says of documents what their names do not, and attributes have the same names."""
    made = put(tmp_path / f"made.jsonl{given and '.' + given}", "one", "one", "other")
    (tmp_path / "c/documents").mkdir(parents=True)
    made.rename(tmp_path / f"c/documents/a{named}")
    output = [] if written is None else ["--compression.output", written]
    dedupe(tmp_path, *EXACTLY, "--compression.input", given, *output)
    dedupe(tmp_path, *EXACTLY, "--compression.input", given, "--dedupe.skip_marked", "d", name="later")
    told = succeed(*recipe(tmp_path, "d", compression={"input": given}), cwd=tmp_path)
    assert "3 documents read = 2 written + 1 dropped" in told.err
    assert [row["text"] for row in read(tmp_path / "out/s-0000.jsonl.gz")] == ["one", "other"]


def test_an_attribute_of_two_sets_is_no_rule(tmp_path: Path) -> None:
    """A document has one attribute of a name: that of the first set would have been lost without a word."""
    put(tmp_path / "c/documents/a.jsonl", "same\n", "other\n", metadata={"url": "u"})
    dedupe(tmp_path, *EXACTLY, "--dedupe.documents.key", "$.metadata.url", name="by_url")
    dedupe(tmp_path, "--dedupe.paragraphs.attribute_name", "dup", name="by_paragraph")
    done = dolma(*recipe(tmp_path, "by_url", "by_paragraph"), cwd=tmp_path)
    assert done.code == 2
    assert done.message.startswith(
        "mix.json:1: streams[0].filter.exclude[0]: by_url and by_paragraph both have an attribute dup"
    )
    assert "1 written + 1 dropped" in succeed(*recipe(tmp_path, "by_url", "by_url"), cwd=tmp_path).err
    both = recipe(tmp_path, "by_url", "by_paragraph", rule="$[?(@.text == 'other\\n')]")
    succeed(*both, cwd=tmp_path)
