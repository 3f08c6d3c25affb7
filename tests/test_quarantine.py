"""Lines that `tag` or `dedupe` put aside are put aside by `mix` too, and never pass unfiltered."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import dolma
from dolma.errors import DolmaShardError

LINES = (
    '{"id":"a","text":"one"}',
    '{"id":"b","text":null}',
    "not json",
    '{"text":"x"}',
    '{"id":"c","text":"two"}',
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents/a.jsonl").write_text("\n".join(LINES) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tag(bad: int) -> Any:
    return dolma.tagger({"documents": ["documents/*"], "taggers": ["char_length_v1"], "max_bad_records": bad})


def mix(bad: int) -> Any:
    stream = {
        "name": "m",
        "documents": ["documents/*"],
        "attributes": ["char_length_v1"],
        "output": {"path": "out"},
        "filter": {"exclude": ["$.attributes[?(@.char_length_v1__char_length_v1__length[0][2] > 9)]"]},
    }
    return dolma.mixer({"streams": [stream], "max_bad_records": bad})


def test_a_line_that_was_put_aside_when_tagging_is_put_aside_when_mixing(folder: Path) -> None:
    assert tag(3)["counts"]["bad"] == 3
    assert mix(3)["counts"] == {"read": 5, "written": 2, "dropped": 0, "bad": 3}
    with gzip.open("out/m-0000.jsonl.gz", "rt") as file:
        assert [json.loads(line)["id"] for line in file] == ["a", "c"]
    aside = (folder / "out/.dolma/bad/m-0000.jsonl.gz.jsonl").read_text().splitlines()
    assert [json.loads(line)["line"] for line in aside] == [2, 3, 4]
    assert [json.loads(line)["raw"] for line in aside] == list(LINES[1:4])


def test_it_fails_the_shard_where_no_bad_lines_are_allowed(folder: Path) -> None:
    tag(3)
    with pytest.raises(
        DolmaShardError, match=r"documents/a\.jsonl:2: was put aside as a bad line when attributes/"
    ):
        mix(0)


def test_a_line_mended_since_does_not_pass_without_attributes(folder: Path) -> None:
    tag(3)
    (folder / "documents/a.jsonl").write_text("\n".join(LINES).replace("null", '"mended"') + "\n")
    with pytest.raises(
        DolmaShardError, match=r"documents/a\.jsonl:2: was put aside as a bad line when attributes/"
    ):
        mix(0)
    assert mix(3)["counts"]["bad"] == 3


def test_a_row_of_another_document_stays_an_error_however_many_bad_lines_are_allowed(folder: Path) -> None:
    tag(3)
    (folder / "documents/a.jsonl").write_text("\n".join(LINES).replace('"id":"a"', '"id":"z"') + "\n")
    with pytest.raises(DolmaShardError, match="row belongs to document"):
        mix(9)
