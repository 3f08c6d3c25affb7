"""A run says what it needs before it starts, and one that cannot fit is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import dolma
from dolma.commands import needs
from dolma.errors import DolmaConfigError
from shards import documents


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, object]:
    documents(tmp_path, {"a.jsonl": [{"id": "1", "text": "x" * 100}]})
    pattern = str(tmp_path / "documents" / "*.jsonl")
    return {"documents": [pattern], "taggers": ["char_length_v1"], "experiment": "e"}


def test_a_dry_run_says_what_is_needed(recipe: dict[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    dolma.tagger({**recipe, "dryrun": True, "processes": 3})
    said = capsys.readouterr().err
    assert "tag: needs about 100.0 MB of memory" in said
    assert "are free for outputs below" in said


def test_a_run_that_cannot_fit_is_refused(
    recipe: dict[str, object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(needs, "available_memory", lambda: 70_000_000)
    dolma.tagger(recipe)
    with pytest.raises(DolmaConfigError, match=r"80\.0 MB of memory are needed, 70\.0 MB are free"):
        dolma.tagger({**recipe, "processes": 2})


def test_a_full_disk_is_warned_of(
    recipe: dict[str, object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(needs, "_free_space", lambda folder: 5)
    report = dolma.tagger(recipe)
    assert "5 B are free below" in capsys.readouterr().err
    assert report is not None
    assert "the outputs may not fit" in report["warnings"][0]
