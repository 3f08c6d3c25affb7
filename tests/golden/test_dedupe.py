"""`dolma dedupe` as a whole: which rows come out of which documents, and what the filter remembers.

The reference is a dictionary of what was seen, walked in (file, line, paragraph) order.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dolma as package
from command import dolma, recipe
from dolma.commands import bloom
from dolma.commands.keeper import Absorbed, Keeper
from dolma.errors import (
    DolmaAssetError,
    DolmaConfigError,
    DolmaError,
    DolmaInputError,
    DolmaStorageError,
)
from folders import visible
from shards import Row, documents, lines, read, texts, write

BY_TEXT = {"documents": {"attribute_name": "dup", "key": "$.text"}}
BY_LINE = {"paragraphs": {"attribute_name": "dup"}}


def config(root: Path, method: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    bloom = {
        "file": str(root / "filter.bin"),
        "read_only": False,
        "size_in_bytes": 1 << 20,
        **more.pop("bloom", {}),
    }
    return {
        "documents": more.pop("documents", [f"{root}/documents/**/*"]),
        "dedupe": {"name": "dups", **method},
        "bloom_filter": bloom,
        **more,
    }


def run(root: Path, method: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    report = package.deduper(config(root, method, **more))
    assert report is not None
    return report


def rows(root: Path, file: str = "a.jsonl.gz") -> list[str]:
    return lines(root / "attributes" / "dups" / file)


def marks(root: Path, file: str = "a.jsonl.gz") -> list[Any]:
    """The value of the attribute of each row; None where the row has none."""
    return [row["attributes"].get("dup") for row in read(root / "attributes" / "dups" / file)]


def words(text: str) -> int:
    return len(text.split())


def reference(
    files: Mapping[str, Sequence[Row]], separator: str | None, limits: Mapping[str, Any]
) -> dict[str, Any]:
    """What each document's attribute must be; None for a row without it."""
    seen: set[str] = set()

    def left_out(piece: str) -> bool:
        return (
            (limits.get("skip_empty", False) and not piece.strip())
            or len(piece) < limits.get("min_length", 0)
            or words(piece) < limits.get("min_words", 0)
        )

    def known(piece: str) -> bool:
        before = piece in seen
        seen.add(piece)
        return before

    expected: dict[str, Any] = {}
    for name in sorted(files):
        expected[name] = []
        for row in files[name]:
            assert not isinstance(row, str)
            text = row["text"]
            if separator is None:
                expected[name].append([] if left_out(text) else [[0, len(text), 1]] if known(text) else None)
                continue
            found, start = [], 0
            pieces = text.split(separator) if text else []
            for number, piece in enumerate(pieces):
                end = start + len(piece) + (len(separator) if number < len(pieces) - 1 else 0)
                if not left_out(piece) and known(piece):
                    found.append([start, end, 1])
                start = end
            expected[name].append(found if text else None)
    return expected


# The rows


def test_documents_by_text(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("one", "two", "one", "", "naïve 日本", "naïve 日本", "")})
    report = run(tmp_path, {**BY_TEXT, "skip_empty": True})
    assert rows(tmp_path) == [
        '{"attributes":{},"id":"d0"}',
        '{"attributes":{},"id":"d1"}',
        '{"attributes":{"dup":[[0,3,1]]},"id":"d2"}',
        '{"attributes":{"dup":[]},"id":"d3"}',
        '{"attributes":{},"id":"d4"}',
        '{"attributes":{"dup":[[0,8,1]]},"id":"d5"}',
        '{"attributes":{"dup":[]},"id":"d6"}',
    ]
    assert report["counts"] == {"read": 7, "written": 7, "dropped": 0, "bad": 0}
    details = report["details"]
    assert (details["compared"], details["duplicates"], details["skipped"]) == (5, 2, 2)
    assert details["filter"]["inserted"] == 3


def test_documents_by_url_have_spans_of_the_length_of_the_key(tmp_path: Path) -> None:
    urls = ["http://x.example/é", "http://y.example/", "http://x.example/é"]
    made = [{"id": str(n), "text": f"text {n}", "metadata": {"url": url}} for n, url in enumerate(urls)]
    documents(tmp_path, {"a.jsonl.gz": made})
    run(tmp_path, {"documents": {"attribute_name": "dup", "key": "$.metadata.url"}})
    assert marks(tmp_path) == [None, None, [[0, 18, 1]]]


def test_ids_come_as_they_are(tmp_path: Path) -> None:
    ids = ['"plain"', '"q\\"uote\\u00e9"', '"日本"']
    documents(tmp_path, {"a.jsonl.gz": [f'{{"text": "same", "id": {id_}}}' for id_ in ids]})
    run(tmp_path, BY_TEXT)
    assert [row["id"] for row in read(tmp_path / "attributes/dups/a.jsonl.gz")] == [
        json.loads(id_) for id_ in ids
    ]


@pytest.mark.parametrize(
    ("separator", "text", "expected"),
    [
        ("\n", "a\nb\na\né\né", [[4, 6, 1], [8, 9, 1]]),
        ("\n", "a\na\n", [[2, 4, 1]]),
        ("\n\n", "日本\n\nx\ny\n\n日本\n\n", [[9, 13, 1]]),
        ("<br>", "日<br>x<br>日<br>x", [[10, 15, 1], [15, 16, 1]]),
        ("→→", "é→→é→→é", [[3, 6, 1], [6, 7, 1]]),
    ],
)
def test_paragraphs_cover_their_separator(tmp_path: Path, separator: str, text: str, expected: Any) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts(text, "")})
    run(
        tmp_path,
        {"paragraphs": {"attribute_name": "dup", "paragraph_separator": separator}, "skip_empty": True},
    )
    assert marks(tmp_path) == [expected, None]


def test_a_text_of_new_paragraphs_has_an_empty_list(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("a\nb", "")})
    run(tmp_path, BY_LINE)
    assert rows(tmp_path) == ['{"attributes":{"dup":[]},"id":"d0"}', '{"attributes":{},"id":"d1"}']


def test_each_format_is_written_as_it_was_read(tmp_path: Path) -> None:
    made = {name: texts("x", "x") for name in ("a.jsonl", "b/c.jsonl.gz", "d.json.zst")}
    documents(tmp_path, made)
    run(tmp_path, BY_TEXT)
    assert set(visible(tmp_path / "attributes/dups")) == set(made)
    assert marks(tmp_path, "a.jsonl") == [None, [[0, 1, 1]]]
    assert marks(tmp_path, "b/c.jsonl.gz") == [[[0, 1, 1]]] * 2
    assert marks(tmp_path, "d.json.zst") == [[[0, 1, 1]]] * 2


def test_the_command_line_takes_the_published_flags(tmp_path: Path) -> None:
    pattern = documents(tmp_path, {"a.jsonl.gz": texts("x", "x", "")})
    done = dolma(
        "dedupe", "--documents", pattern, "--dedupe.name", "dups", "--dedupe.documents.attribute_name", "dup",
        "--dedupe.documents.key", "$.text", "--dedupe.skip_empty", "--bloom_filter.file", f"{tmp_path}/f.bin",
        "--no-bloom_filter.read_only", "--bloom_filter.estimated_doc_count", "6_000",
        "--bloom_filter.desired_false_positive_rate", "1e-6", "--processes", "2",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "2 documents compared, 1 known (50.0%), 1 left out" in done.err
    assert marks(tmp_path) == [None, [[0, 1, 1]], []]


# The first copy stays

pieces = st.sampled_from(["", " ", "a", "b", "ab", "a b", "naïve", "écho 日", "a b c", "x y z w"])
document_texts = st.lists(pieces, max_size=4)
corpora = st.dictionaries(
    st.sampled_from(["a.jsonl.gz", "b.jsonl.gz", "b/a.jsonl", "c.jsonl.zst", "z.json"]),
    st.lists(document_texts, max_size=8),
    min_size=1,
    max_size=4,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    corpus=corpora,
    separator=st.sampled_from([None, "\n", "\n\n", "--"]),
    limits=st.fixed_dictionaries(
        {},
        optional={
            "skip_empty": st.booleans(),
            "min_length": st.integers(0, 4),
            "min_words": st.integers(0, 3),
        },
    ),
)
def test_the_first_copy_stays_for_any_number_of_threads(
    corpus: dict[str, list[list[str]]], separator: str | None, limits: dict[str, Any]
) -> None:
    joint = separator or "\n"
    files = {name: texts(*(joint.join(parts) for parts in made)) for name, made in corpus.items()}
    method = (
        BY_TEXT
        if separator is None
        else {"paragraphs": {"attribute_name": "dup", "paragraph_separator": separator}}
    )
    expected = reference(files, separator, limits)
    for processes in (1, 2, 8):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            documents(root, files)
            run(root, {**method, **limits}, processes=processes)
            assert {name: marks(root, name) for name in files} == expected, processes


def test_many_duplicates_over_large_files(tmp_path: Path) -> None:
    """Several batches of each file are under way at once."""
    files = {
        f"{name}.jsonl.gz": texts(
            *(f"{(seed * 7919 + n * 31) % 3001} " + "filler " * 60 for n in range(4000))
        )
        for seed, name in enumerate("abc")
    }
    documents(tmp_path, files)
    expected = reference(files, None, {})
    for processes in (1, 2, 8):
        run(tmp_path, BY_TEXT, processes=processes, force=True, bloom={"file": f"{tmp_path}/{processes}.bin"})
        assert {name: marks(tmp_path, name) for name in files} == expected, processes


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


# What is refused


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ({**BY_TEXT, **BY_LINE}, "give one of .* has documents and paragraphs"),
        ({}, "give one of .* has none"),
        ({**BY_TEXT, "partition_index": 1}, "partition_index"),
        ({"documents": {"attribute_name": "dup", "key": "text"}}, r"did you mean .*\$\.text"),
        ({"documents": {"attribute_name": "dup", "key": "$.[["}}, "dedupe.documents.key|jsonpath|JSONPath"),
        ({**BY_TEXT, "min_lenght": 3}, "did you mean 'min_length'"),
    ],
)
def test_recipes_that_cannot_be_meant_are_refused(
    tmp_path: Path, method: dict[str, Any], message: str
) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    with pytest.raises(DolmaConfigError, match=message):
        run(tmp_path, method)
    assert not (tmp_path / "attributes").exists()
    assert not (tmp_path / "filter.bin").exists()


@pytest.mark.parametrize(
    "size",
    [
        {"size_in_bytes": 1 << 50},
        {"size_in_bytes": 0, "estimated_doc_count": 10**15, "desired_false_positive_rate": 1e-9},
        {"size_in_bytes": 0, "estimated_doc_count": 1000},
        {"size_in_bytes": 0},
    ],
)
def test_a_filter_that_cannot_be_is_refused_before_work(tmp_path: Path, size: dict[str, Any]) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    with pytest.raises(DolmaConfigError, match="bloom_filter"):
        run(tmp_path, BY_TEXT, bloom=size)
    assert not (tmp_path / "attributes").exists()


def test_documents_outside_a_documents_folder_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "docs" / "a.jsonl", texts("x"))
    with pytest.raises(DolmaConfigError, match=r"not below a folder called 'documents' \(there is 'docs'\)"):
        run(tmp_path, BY_TEXT, documents=[f"{tmp_path}/docs/*"])
    run(tmp_path, {**BY_TEXT, "document_dir": "docs"}, documents=[f"{tmp_path}/docs/*"])
    assert marks(tmp_path, "a.jsonl") == [None]


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    made = recipe(tmp_path, config(tmp_path, BY_TEXT))
    done = dolma("-c", made, "dedupe", "--dryrun")
    assert done.code == 0, done.err
    assert "1 shards to do" in done.err
    assert set(visible(tmp_path)) == {"documents/a.jsonl.gz", "recipe.json"}


def test_errors_are_one_message_with_their_exit_code(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl.gz": texts("x")})
    made = recipe(tmp_path, config(tmp_path, {**BY_TEXT, "num_partitions": 2, "partition_index": 2}))
    done = dolma("-c", made, "dedupe")
    assert done.code == DolmaConfigError.exit_code
    assert done.err.startswith(f"error: {made}:1: dedupe.partition_index")
    assert issubclass(DolmaConfigError, DolmaError)
