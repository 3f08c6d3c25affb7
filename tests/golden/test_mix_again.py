"""A mix that runs again: what is done is skipped, what changed or is damaged is done anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dolma.errors import DolmaShardError
from folders import visible
from mixes import kept, run, scored, stream, three_files
from shards import attributes, documents, texts


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
