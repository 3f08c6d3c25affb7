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


def test_a_mix_that_cannot_fit_on_the_disk_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = [{"id": str(n), "text": f"{n} x" * 100} for n in range(500)]
    pattern = documents(tmp_path, {"a.jsonl.gz": lines})
    size = (tmp_path / "documents" / "a.jsonl.gz").stat().st_size
    stream = {"name": "s", "documents": [pattern], "output": {"path": str(tmp_path / "out")}}
    monkeypatch.setattr(needs, "free_space", lambda folder: size // 3)
    with pytest.raises(DolmaConfigError, match=r"are free below .*, and the outputs of .* take at least"):
        dolma.mixer({"streams": [stream]})
    # A filter may drop most of it: nobody can tell.
    filtered = {**stream, "filter": {"exclude": ["$.text[?(@ == 1)]"]}}
    assert dolma.mixer({"streams": [filtered]}) is not None


def test_tags_that_cannot_fit_on_the_disk_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = [{"id": str(n), "text": "".join(f"{n * k % 7919}\n" for k in range(60))} for n in range(400)]
    documents(tmp_path, {"a.jsonl.gz": lines})
    recipe = {"documents": [str(tmp_path / "documents" / "*")], "experiment": "e"}
    monkeypatch.setattr(needs, "free_space", lambda folder: 5000)
    with pytest.raises(DolmaConfigError, match=r"5\.0 KB are free .* take at least"):
        dolma.tagger({**recipe, "taggers": ["char_length_with_paragraphs_v1"]})
    assert not (tmp_path / "attributes").exists()
    assert dolma.tagger({**recipe, "taggers": ["doc_count_v1"]}) is not None


def test_a_full_disk_is_warned_of(
    recipe: dict[str, object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(needs, "free_space", lambda folder: 100)
    report = dolma.tagger(recipe)
    assert "100 B are free below" in capsys.readouterr().err
    assert report is not None
    assert "the outputs may not fit" in report["warnings"][0]
