"""Stages with a Bloom filter: what earlier ones have marked leaves no key in the filter, and gets no mark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import dolma as package
from dolma import recipes
from dolma.commands import bloom, recipe
from dolma.commands.keeper import Absorbed, Keeper
from dolma.config.recipe import RecipeConfig
from dolma.errors import DolmaInputError, DolmaShardError, DolmaStorageError
from folders import visible
from shards import documents, read, write

#: Who comes with which URL and which paragraphs; 1 and 4 are marked by their URL.
PAGES = [("u", "one two three\nfour five six"), ("u", "red red blue\nblue blue red"), ("v", "red red blue")]
MORE = [("w", "four five six\nseven eight nine"), ("w", "new new words\nred red blue"), ("x", "red red blue")]
BY_URL = {"documents": {"attribute_name": "url", "key": "$.url"}}
PARAGRAPHS: dict[str, Any] = {"paragraphs": {"attribute_name": "dup"}}
NGRAMS: dict[str, Any] = {"paragraphs": {"attribute_name": "dup", "by_ngram": {"ngram_length": 2}}}
DOCUMENTS: dict[str, Any] = {"documents": {"attribute_name": "dup"}}


def corpus(root: Path) -> None:
    for name, pages in (("a", PAGES), ("b", MORE)):
        first = 0 if name == "a" else len(PAGES)
        rows = [{"id": str(first + n), "text": text, "url": url} for n, (url, text) in enumerate(pages)]
        documents(root, {f"{name}.jsonl": rows})


def stage(root: Path, method: dict[str, Any], **more: Any) -> dict[str, Any]:
    bloom_filter = {"file": f"{root}/filter.bin", "read_only": False, "size_in_bytes": 1 << 16}
    return {
        "documents": [f"{root}/documents/*"],
        "dedupe": method,
        **({} if method is BY_URL else {"bloom_filter": bloom_filter}),
        **more,
    }


def by_stages(root: Path, *methods: dict[str, Any]) -> list[Any]:
    config = recipes.load(RecipeConfig, {"dedupe": [stage(root, method) for method in methods]})
    reports = recipe.run(config)
    assert reports is not None
    return list(reports.values())


def dedupe(root: Path, method: dict[str, Any], **more: Any) -> Any:
    return package.deduper(stage(root, {"skip_marked": ["url"], **method}, **more))


def marks(root: Path, name: str = "dup") -> list[Any]:
    """The attribute of each document; None where it has none."""
    rows = [row for file in ("a", "b") for row in read(root / f"attributes/{name}/{file}.jsonl")]
    return [row["attributes"].get(name) for row in rows]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        # Only documents 2 and 5 are compared of those with the text "red red blue".
        (DOCUMENTS, [None, [], None, None, [], [[0, 12, 1]]]),
        (PARAGRAPHS, [[], [], [], [[0, 14, 1]], [], [[0, 12, 1]]]),
        (NGRAMS, [[], [], [], [[0, 14, 1.0]], [], [[0, 12, 1.0]]]),
    ],
    ids=["documents", "paragraphs", "by_ngram"],
)
def test_what_earlier_stages_marked_is_not_compared(
    tmp_path: Path, method: dict[str, Any], expected: list[Any]
) -> None:
    corpus(tmp_path)
    reports = by_stages(tmp_path, BY_URL, method)
    assert marks(tmp_path, "url") == [None, [[0, 1, 1]], None, None, [[0, 1, 1]], None]
    assert marks(tmp_path) == expected
    assert reports[1]["details"]["marked_before"] == 2
    # On its own, it compares everything.
    (tmp_path / "filter.bin").unlink()
    assert dedupe(tmp_path, {**method, "skip_marked": None}, force=True)["details"]["marked_before"] == 0
    assert marks(tmp_path) != expected
    with pytest.raises(DolmaInputError, match=r"attributes/nothing/a\.jsonl does not exist"):
        dedupe(tmp_path, {**method, "skip_marked": ["nothing"]})


def test_other_marks_build_the_filter_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus(tmp_path)
    package.deduper(stage(tmp_path, BY_URL))
    dedupe(tmp_path, PARAGRAPHS)
    once = visible(tmp_path / "attributes")
    assert dedupe(tmp_path, PARAGRAPHS)["shards"]["skipped"] == 2
    rows = [{"id": str(n), "attributes": {}} for n in range(3)]
    write(tmp_path / "attributes/url/a.jsonl", rows)
    report = dedupe(tmp_path, PARAGRAPHS)
    assert report["shards"]["skipped"] == 0
    assert "starting with an empty filter" in capsys.readouterr().err
    assert marks(tmp_path)[:3] == [[], [], [[0, 12, 1]]]
    package.deduper(stage(tmp_path, BY_URL, force=True))
    dedupe(tmp_path, PARAGRAPHS)
    assert visible(tmp_path / "attributes") == once


def test_rows_beside_must_belong_to_the_documents(tmp_path: Path) -> None:
    corpus(tmp_path)
    package.deduper(stage(tmp_path, BY_URL))
    write(tmp_path / "attributes/url/a.jsonl", [{"id": "0", "attributes": {}}])
    with pytest.raises(DolmaShardError, match=r"attributes/url/a\.jsonl: ends after 1 rows"):
        dedupe(tmp_path, PARAGRAPHS)
    assert not (tmp_path / "filter.bin").exists()
    write(tmp_path / "attributes/url/a.jsonl", [{"id": n, "attributes": {}} for n in "012"])
    write(tmp_path / "attributes/url/b.jsonl", [{"id": n, "attributes": {}} for n in "345?"])
    with pytest.raises(DolmaShardError, match=r"attributes/url/b\.jsonl: has more rows"):
        dedupe(tmp_path, PARAGRAPHS)


@pytest.mark.parametrize("method", [PARAGRAPHS, NGRAMS], ids=["paragraphs", "by_ngram"])
def test_parts_find_together_what_one_run_finds(tmp_path: Path, method: dict[str, Any]) -> None:
    corpus(tmp_path)
    by_stages(tmp_path, BY_URL, method)
    expected = marks(tmp_path)
    shared = {"num_partitions": 2, "name": "parted"}
    parts = [{**method, **shared, "partition_index": index} for index in range(2)]
    by_stages(tmp_path, BY_URL, *parts, {**method, **shared, "merge_partitions": True})
    found = [row for file in ("a", "b") for row in read(tmp_path / f"attributes/parted/{file}.jsonl")]
    assert [row["attributes"].get("dup") for row in found] == expected


@pytest.mark.parametrize("after", range(2))
def test_a_filter_that_was_not_saved_does_its_inputs_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    corpus(tmp_path)
    package.deduper(stage(tmp_path, BY_URL))
    dedupe(tmp_path, PARAGRAPHS)
    expected, kept = visible(tmp_path / "attributes"), (tmp_path / "filter.bin").read_bytes()
    for path in (*(tmp_path / "attributes/dup").glob("*.jsonl"), tmp_path / "filter.bin"):
        path.unlink()
    save, saved = Keeper.save, []

    def broken(keeper: Keeper, absorbed: list[Absorbed]) -> None:
        saved.append(absorbed)
        if len(saved) > after:
            raise DolmaStorageError("disk full")
        save(keeper, absorbed)

    with monkeypatch.context() as patch:
        patch.setattr(bloom, "GROUP_BYTES", 1)
        patch.setattr(bloom, "GROUP_FILTERS", 0)
        patch.setattr(Keeper, "save", broken)
        with pytest.raises(DolmaStorageError, match="disk full"):
            dedupe(tmp_path, PARAGRAPHS)
    dedupe(tmp_path, PARAGRAPHS)
    assert visible(tmp_path / "attributes") == expected
    assert (tmp_path / "filter.bin").read_bytes() == kept
