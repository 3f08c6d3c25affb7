"""What a Bloom filter remembers from run to run, which one does not fit, and what is said of it."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dolma.commands import bloom
from dolma.commands.keeper import Absorbed, Keeper
from dolma.errors import (
    DolmaAssetError,
    DolmaConfigError,
    DolmaInputError,
    DolmaStorageError,
)
from filtered import BY_LINE, BY_TEXT, marks, rows, run
from folders import visible
from shards import documents, texts

# The filter


def test_a_second_run_does_nothing(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x", "x"), "b.jsonl.gz": texts("x")})
    run(tmp_path, BY_TEXT)
    before = visible(tmp_path)
    report = run(tmp_path, BY_TEXT)
    assert report["shards"] | {"outputs": None} == {"planned": 2, "skipped": 2, "failed": 0, "outputs": None}
    assert visible(tmp_path) == before


@pytest.mark.parametrize("method", [BY_TEXT, BY_LINE])
def test_new_files_are_compared_with_old_ones(tmp_path: Path, method: Mapping[str, Any]) -> None:
    files = {f"{name}.jsonl.gz": texts(f"{name}\nx", "common\nx", "y\nx\nx") for name in "abcd"}
    once = tmp_path / "once"
    documents(once, files)
    run(once, method)
    grown = tmp_path / "grown"
    for name, made in files.items():
        documents(grown, {name: made})
        run(grown, method)
    for name in files:
        assert rows(grown, name) == rows(once, name)
    assert marks(grown, "b.jsonl.gz") != marks(grown, "a.jsonl.gz")


def test_a_new_file_that_sorts_first_is_compared_with_all_before_it(tmp_path: Path) -> None:
    documents(tmp_path, {"b.jsonl.gz": texts("x")})
    run(tmp_path, BY_TEXT)
    documents(tmp_path, {"a.jsonl.gz": texts("x", "new")})
    report = run(tmp_path, BY_TEXT)
    assert report["shards"]["skipped"] == 1
    assert marks(tmp_path, "a.jsonl.gz") == [[[0, 1, 1]], None]
    assert marks(tmp_path, "b.jsonl.gz") == [None]


def test_deleted_outputs_come_back_the_same(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x", "x"), "b.jsonl.gz": texts("x", "y")})
    run(tmp_path, BY_TEXT)
    before = visible(tmp_path)
    (tmp_path / "attributes/dups/b.jsonl.gz").unlink()
    run(tmp_path, BY_TEXT)
    assert visible(tmp_path) == before


def test_lost_outputs_of_a_filter_with_other_inputs_are_an_error(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x"), "b.jsonl.gz": texts("x")})
    run(tmp_path, BY_TEXT)
    (tmp_path / "attributes/dups/b.jsonl.gz").unlink()
    before = visible(tmp_path)
    with pytest.raises(DolmaConfigError, match=r"has absorbed .*b\.jsonl\.gz, whose attributes are gone"):
        run(tmp_path, BY_TEXT, documents=[f"{tmp_path}/documents/b.jsonl.gz"])
    assert visible(tmp_path) == before


def test_a_renamed_input_is_known_by_its_content(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x", "y"), "b.jsonl.gz": texts("x")})
    run(tmp_path, BY_TEXT)
    (tmp_path / "documents/a.jsonl.gz").rename(tmp_path / "documents/c.jsonl.gz")
    (tmp_path / "attributes/dups/a.jsonl.gz").unlink()
    run(tmp_path, BY_TEXT)
    # Done anew in the new order, and not as duplicates of themselves.
    assert marks(tmp_path, "b.jsonl.gz") == [None]
    assert marks(tmp_path, "c.jsonl.gz") == [[[0, 1, 1]], None]


def test_a_copy_of_an_absorbed_file_is_full_of_duplicates(tmp_path: Path) -> None:
    documents(tmp_path, {"b.jsonl.gz": texts("x", "y")})
    run(tmp_path, BY_TEXT)
    documents(tmp_path, {"a.jsonl.gz": texts("x", "y"), "c.jsonl.gz": texts("x", "y")})
    report = run(tmp_path, BY_TEXT)
    assert report["shards"]["skipped"] == 1
    assert marks(tmp_path, "b.jsonl.gz") == [None, None]
    for copy in ("a.jsonl.gz", "c.jsonl.gz"):
        assert marks(tmp_path, copy) == [[[0, 1, 1]], [[0, 1, 1]]]
    assert run(tmp_path, BY_TEXT)["shards"]["skipped"] == 3


def test_a_touched_input_is_done_anew_and_not_marked(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x", "y"), "b.jsonl.gz": texts("x", "y")})
    run(tmp_path, BY_TEXT)
    before = visible(tmp_path / "attributes")
    os.utime(tmp_path / "documents/a.jsonl.gz", ns=(1, 1))
    run(tmp_path, BY_TEXT)
    assert visible(tmp_path / "attributes") == before


def test_a_changed_input_is_not_compared_with_its_own_past(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x", "y")})
    run(tmp_path, BY_TEXT)
    documents(tmp_path, {"a.jsonl.gz": texts("x", "y", "z")})
    before = visible(tmp_path)
    with pytest.raises(DolmaConfigError, match=r"an earlier version of .*a\.jsonl\.gz"):
        run(tmp_path, BY_TEXT)
    assert visible(tmp_path) == before


def test_changed_limits_start_with_an_empty_filter(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x", "x", "long enough", "long enough")})
    run(tmp_path, BY_TEXT)
    assert marks(tmp_path) == [None, [[0, 1, 1]], None, [[0, 11, 1]]]
    run(tmp_path, {**BY_TEXT, "min_length": 5})
    assert marks(tmp_path) == [[], [], None, [[0, 11, 1]]]


def test_read_only_marks_and_adds_nothing(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    documents(old, {"a.jsonl.gz": texts("x", "y")})
    documents(new, {"a.jsonl.gz": texts("z", "x", "z", "x")})
    run(old, BY_TEXT)
    saved = (old / "filter.bin").read_bytes()
    report = run(new, BY_TEXT, bloom={"file": str(old / "filter.bin"), "read_only": True})
    assert marks(new) == [None, [[0, 1, 1]], None, [[0, 1, 1]]]
    assert (old / "filter.bin").read_bytes() == saved
    assert report["details"]["duplicates"] == 2
    again = run(new, BY_TEXT, bloom={"file": str(old / "filter.bin"), "read_only": True})
    assert again["shards"]["skipped"] == 1


def test_read_only_is_redone_when_the_filter_has_grown(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    documents(old, {"a.jsonl.gz": texts("x")})
    documents(new, {"a.jsonl.gz": texts("x", "y")})
    bloom = {"file": str(old / "filter.bin"), "read_only": True}
    run(old, BY_TEXT)
    run(new, BY_TEXT, bloom=bloom)
    assert marks(new) == [[[0, 1, 1]], None]
    documents(old, {"b.jsonl.gz": texts("y")})
    run(old, BY_TEXT)
    run(new, BY_TEXT, bloom=bloom)
    assert marks(new) == [[[0, 1, 1]], [[0, 1, 1]]]


def test_read_only_refuses_what_the_filter_was_made_of(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    run(tmp_path, BY_TEXT)
    (tmp_path / "documents/a.jsonl.gz").rename(tmp_path / "documents/renamed.jsonl.gz")
    with pytest.raises(DolmaConfigError, match=r"was made of .*renamed\.jsonl\.gz"):
        run(tmp_path, BY_TEXT, bloom={"read_only": True})


def test_read_only_needs_a_filter(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    with pytest.raises(DolmaInputError, match=r"filter\.bin does not exist"):
        run(tmp_path, BY_TEXT, bloom={"read_only": True})


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """The filter is saved after every file."""
    monkeypatch.setattr(bloom, "GROUP_BYTES", 1)
    monkeypatch.setattr(bloom, "GROUP_FILTERS", 0)


def break_save(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Lets the filter be saved so many times, and fail then: outputs are there, their keys are not."""
    save, saved = Keeper.save, []

    def broken(keeper: Keeper, absorbed: list[Absorbed]) -> None:
        saved.append(absorbed)
        if len(saved) > after:
            raise DolmaStorageError("disk full")
        save(keeper, absorbed)

    monkeypatch.setattr(Keeper, "save", broken)


@pytest.mark.usefixtures("small_groups")
@pytest.mark.parametrize("after", range(4))
def test_a_filter_that_lags_behind_its_outputs_catches_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    documents(tmp_path, {f"{name}.jsonl.gz": texts(name, "x", "y", name) for name in "abcd"})
    run(tmp_path, BY_LINE)
    quiet = visible(tmp_path)
    shutil.rmtree(tmp_path / "attributes")
    (tmp_path / "filter.bin").unlink()
    with monkeypatch.context() as broken:
        break_save(broken, after)
        with pytest.raises(DolmaStorageError, match="disk full"):
            run(tmp_path, BY_LINE)
    assert run(tmp_path, BY_LINE)["shards"]["skipped"] == after
    assert visible(tmp_path) == quiet


def test_a_filter_that_is_made_anew_does_not_vouch_for_new_outputs_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped between the new outputs and the new filter, the old filter would claim them."""
    documents(tmp_path, {"a.jsonl.gz": texts("x", "x", "long enough")})
    limited = {**BY_TEXT, "min_length": 5}
    run(tmp_path, limited)
    wanted = visible(tmp_path)
    (tmp_path / "filter.bin").unlink()
    run(tmp_path, BY_TEXT)
    with monkeypatch.context() as broken:
        break_save(broken, 0)
        with pytest.raises(DolmaStorageError, match="disk full"):
            run(tmp_path, limited)
    run(tmp_path, limited)
    assert visible(tmp_path) == wanted


# Filters that do not fit


def published_filter() -> bytes:
    head = struct.pack("<III", 0x81F0F117, 1, 2) + struct.pack("<8Q", *range(8))
    return head + struct.pack("<Q", 16) + bytes(64)


def damaged(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: damaged(data, 9), "damaged"),
        (lambda data: damaged(data, 60), "damaged"),
        (lambda data: damaged(data, len(data) // 2), "damaged: the checksum of its bits"),
        (lambda data: damaged(data, len(data) - 1), "damaged: the checksum of its bits"),
        (lambda data: data[:-7], "damaged"),
        (lambda data: data[:20], "damaged"),
        (lambda data: b"", "damaged"),
        (lambda data: b"something else entirely, long enough for a header", "not a filter"),
        (lambda data: published_filter(), "written by the published dolma 1"),
    ],
)
def test_a_filter_that_cannot_be_used_is_an_error(tmp_path: Path, change: Any, message: str) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    run(tmp_path, BY_TEXT)
    documents(tmp_path, {"b.jsonl.gz": texts("x", "y")})
    path = tmp_path / "filter.bin"
    path.write_bytes(change(path.read_bytes()))
    broken = path.read_bytes()
    with pytest.raises(DolmaAssetError, match=rf"filter\.bin: .*{message}"):
        run(tmp_path, BY_TEXT)
    assert path.read_bytes() == broken
    assert set(visible(tmp_path / "attributes")) == {"dups/a.jsonl.gz"}


@pytest.mark.parametrize(
    "other",
    [
        {"method": {"documents": {"attribute_name": "dup", "key": "$.metadata.url"}}},
        {"method": BY_LINE},
        {"bloom": {"size_in_bytes": 1 << 21}},
    ],
)
def test_a_filter_made_in_another_way_is_an_error(tmp_path: Path, other: dict[str, Any]) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    run(tmp_path, BY_TEXT)
    with pytest.raises(DolmaConfigError, match=r"filter\.bin (holds keys made by|has \d+ bytes)"):
        run(tmp_path, other.get("method", BY_TEXT), bloom=other.get("bloom", {}))


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ([], [None, None, None, None]),
        (["case"], [None, [[0, 7, 1]], None, None]),
        (["white_space"], [None, None, None, [[0, 8, 1]]]),
        (["nfkc", "case"], [None, [[0, 7, 1]], [[0, 7, 1]], None]),
        (["white_space", "case", "nfkc"], [None, [[0, 7, 1]], [[0, 7, 1]], [[0, 8, 1]]]),
    ],
)
def test_what_does_not_count_as_a_difference(tmp_path: Path, steps: list[str], found: Any) -> None:
    made = texts("One two", "ONE TWO", "\uff2fne two", "One  two")
    documents(tmp_path, {"a.jsonl.gz": made})
    run(tmp_path, {"documents": {"attribute_name": "dup", "normalize": steps}})
    assert marks(tmp_path) == found


def test_urls_have_one_spelling(tmp_path: Path) -> None:
    urls = ["http://a.example/x", "HTTP://A.example:80/x#top", "http://a.example/y", "https://a.example/x"]
    made = [{"id": f"{n}", "text": "t", "metadata": {"url": url}} for n, url in enumerate(urls)]
    documents(tmp_path, {"a.jsonl.gz": made})
    by_url = {"documents": {"attribute_name": "dup", "key": "$.metadata.url", "normalize": ["url"]}}
    run(tmp_path, by_url)
    assert marks(tmp_path) == [None, [[0, len(urls[1]), 1]], None, None]
    with pytest.raises(DolmaConfigError, match=r"holds keys made by .*'normalize': \['url'\]"):
        run(tmp_path, {"documents": {"attribute_name": "dup", "key": "$.metadata.url"}})


def test_paragraphs_of_another_separator_do_not_fit(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    run(tmp_path, BY_LINE)
    with pytest.raises(DolmaConfigError, match="holds keys made by"):
        run(tmp_path, {"paragraphs": {"attribute_name": "dup", "paragraph_separator": "\n\n"}})


# What a run says


def test_a_filter_far_too_small_is_a_warning(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts(*(f"text {n}" for n in range(2000)))})
    size = {"size_in_bytes": 0, "estimated_doc_count": 50, "desired_false_positive_rate": 0.01}
    report = run(tmp_path, BY_TEXT, bloom=size)
    assert any("the filter is too small" in warning for warning in report["warnings"])
    fitting = {**size, "estimated_doc_count": 2000, "file": f"{tmp_path}/large.bin"}
    report = run(tmp_path, BY_TEXT, bloom=fitting, force=True)
    assert report["warnings"] == []


def test_the_rate_is_reported_and_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts(*(f"text {n}" for n in range(20_000)))})
    size = {"size_in_bytes": 0, "estimated_doc_count": 20_000, "desired_false_positive_rate": 0.01}
    report = run(tmp_path, BY_TEXT, bloom=size)
    # All are new; what is marked anyway is the filter's fault, on average a fraction of the target.
    assert 0 < report["details"]["duplicates"] < 0.01 * 20_000
    assert "false-positive rate 0.0099 at 20,000 keys" in capsys.readouterr().err


def test_one_document_without_the_key_is_counted(tmp_path: Path) -> None:
    made = [*texts("x", "x"), {"id": "no", "text": "x", "metadata": {"url": "u"}}]
    documents(tmp_path, {"a.jsonl.gz": made})
    report = run(tmp_path, {"documents": {"attribute_name": "dup", "key": "$.metadata.url"}})
    assert marks(tmp_path) == [[], [], None]
    assert report["details"]["without_key"] == 2
    assert any("2 documents have no $.metadata.url" in warning for warning in report["warnings"])
