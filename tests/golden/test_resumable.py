"""Runs without parts that leave readings: what stopped them costs only the files that they had not read.

A file that is cut short stops a run here: the others are read, and their readings stay. That a run which
is killed comes to the same is shown in `test_kill_readings.py`.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import dolma as package
from dolma import recipes
from dolma.commands import needs, stock
from dolma.commands import recipe as run_recipe
from dolma.config.recipe import RecipeConfig
from dolma.errors import DolmaConfigError, DolmaShardError
from methods import ALIKE, BY_LINE, BY_TEXT, METHODS, PIECES, corpus, dedupe, marks, readings, whole
from shards import read, texts, write

ALWAYS = {"resumable": "always"}
KINDS = {"documents": BY_TEXT, "minhash": ALIKE, "substring": PIECES}


def broken(root: Path, *names: str) -> dict[Path, bytes]:
    """Cuts document files short; returns what they were."""
    files = {root / "documents" / name: (root / "documents" / name).read_bytes() for name in names}
    for path, data in files.items():
        path.write_bytes(data[: len(data) // 2])
    return files


def mend(files: dict[Path, bytes]) -> None:
    for path, data in files.items():
        path.write_bytes(data)


def stopped(root: Path, method: dict[str, Any], **more: Any) -> None:
    """A run that ends because of a file that is cut short."""
    with pytest.raises(DolmaShardError, match="shards failed"):
        dedupe(root, method, **more)
    assert marks(root) == {}


@pytest.mark.parametrize("name", list(METHODS))
def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path, name: str) -> None:
    corpus(tmp_path)
    method = METHODS[name]
    expected, report = whole(tmp_path, method)
    assert report["readings"] == {"taken": 0, "made": 0}
    cut = broken(tmp_path, "2.jsonl.gz")
    stopped(tmp_path, method, dedupe=ALWAYS, processes=2)
    assert len(readings(tmp_path)) == 4
    mend(cut)
    again = dedupe(tmp_path, method, dedupe=ALWAYS, memory="1MiB")
    assert again["readings"] == {"taken": 4, "made": 1}
    assert marks(tmp_path) == expected
    assert not (tmp_path / "attributes/dup/.dolma/readings").exists()
    assert again["counts"] == report["counts"]
    for key in ("duplicates", "documents_marked", "compared"):
        assert again["details"].get(key) == report["details"].get(key)


@pytest.mark.parametrize("name", list(METHODS))
def test_a_run_leaves_the_readings_that_a_part_leaves(tmp_path: Path, name: str) -> None:
    corpus(tmp_path)
    dedupe(tmp_path, METHODS[name], shard="0/1")
    of_part = {path: path.read_bytes() for path in readings(tmp_path)}
    shutil.rmtree(tmp_path / "attributes/dup")
    broken(tmp_path, "2.jsonl.gz")
    stopped(tmp_path, METHODS[name], dedupe=ALWAYS)
    left = {path: path.read_bytes() for path in readings(tmp_path)}
    assert len(left) == 4
    assert left.items() <= of_part.items()


@pytest.mark.parametrize("name", list(KINDS))
def test_an_undisturbed_run_writes_the_same_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    corpus(tmp_path)
    expected, report = whole(tmp_path, KINDS[name], dedupe={"resumable": "never"})
    assert report["readings"] == {"taken": 0, "made": 0}
    found, report = whole(tmp_path, KINDS[name], dedupe=ALWAYS)
    assert report["readings"] == {"taken": 0, "made": 5}
    assert found == expected
    dedupe(tmp_path, KINDS[name], dedupe=ALWAYS)
    assert not (tmp_path / "attributes/dup/.dolma/readings").exists()
    # Whether readings are left is no part of what the attributes are.
    again = dedupe(tmp_path, KINDS[name], dedupe={"resumable": "never"})
    assert again["shards"]["skipped"] == 5
    assert again["readings"] == {"taken": 0, "made": 0}


@pytest.mark.parametrize("name", ["documents", "minhash"])
def test_by_itself_a_run_leaves_readings_where_there_is_much_to_read(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus(tmp_path)
    cut = broken(tmp_path, "0.jsonl.gz")
    size = sum(path.stat().st_size for path in (tmp_path / "documents").rglob("*.gz"))
    monkeypatch.setattr(stock, "WORTH_IT", size + 1)
    stopped(tmp_path, KINDS[name])
    assert readings(tmp_path) == []
    assert "of readings are kept until it is done" not in capsys.readouterr().err
    monkeypatch.setattr(stock, "WORTH_IT", size)
    stopped(tmp_path, KINDS[name], dedupe={"resumable": "never"})
    assert readings(tmp_path) == []
    stopped(tmp_path, KINDS[name])
    assert len(readings(tmp_path)) == 4
    said = capsys.readouterr().err
    assert " of readings are kept until it is done; " in said
    assert "readings of 4 of 5 files are kept; the same command goes on with them" in said
    mend(cut)
    assert dedupe(tmp_path, KINDS[name])["readings"] == {"taken": 4, "made": 1}


def test_texts_are_kept_only_if_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus(tmp_path)
    monkeypatch.setattr(stock, "WORTH_IT", 1)
    broken(tmp_path, "0.jsonl.gz")
    stopped(tmp_path, PIECES)
    assert readings(tmp_path) == []
    stopped(tmp_path, PIECES, dedupe=ALWAYS)
    assert len(readings(tmp_path)) == 4


@pytest.mark.skipif(sys.platform != "linux", reason="relies on how Linux names open files")
def test_what_was_read_outlives_a_power_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus(tmp_path)
    broken(tmp_path, "0.jsonl.gz")
    synced: list[str] = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{handle}"))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    stopped(tmp_path, BY_TEXT, dedupe=ALWAYS)
    home = tmp_path / "attributes/dup/.dolma/readings"
    # Bytes and names, of readings and of what says that they are done; not once for all of them.
    for place in ("", "below"):
        left = list((home / place).glob("*.reading"))
        assert len(left) == 2
        for folder in (home / place, home / ".dolma/done" / place):
            assert len([path for path in synced if Path(path).parent == folder and "reading" in path]) >= 2
            assert synced.count(str(folder)) >= 2


def test_what_an_earlier_run_left_is_added_to(tmp_path: Path) -> None:
    corpus(tmp_path)
    expected, _ = whole(tmp_path, BY_TEXT)
    one, two = broken(tmp_path, "0.jsonl.gz"), broken(tmp_path, "2.jsonl.gz")
    stopped(tmp_path, BY_TEXT, dedupe=ALWAYS)
    assert len(readings(tmp_path)) == 3
    mend(one)
    stopped(tmp_path, BY_TEXT)
    assert len(readings(tmp_path)) == 4
    mend(two)
    # They are taken however much of them there is to be left.
    report = dedupe(tmp_path, BY_TEXT, dedupe={"resumable": "never"})
    assert report["readings"] == {"taken": 4, "made": 0}
    assert marks(tmp_path) == expected
    assert readings(tmp_path) == []


def test_readings_of_an_index_are_no_earlier_run_s(tmp_path: Path) -> None:
    corpus(tmp_path / "old", files=2)
    index = {"file": str(tmp_path / "index")}
    dedupe(tmp_path / "old", ALIKE, dedupe={"index": index})
    corpus(tmp_path, files=3, seed=9)
    cut = broken(tmp_path, "0.jsonl.gz")
    more = {"index": {**index, "read_only": True}}
    stopped(tmp_path, ALIKE, dedupe=more)
    assert readings(tmp_path) == []
    stopped(tmp_path, ALIKE, dedupe={**more, **ALWAYS})
    assert len(readings(tmp_path)) == 2
    mend(cut)
    assert dedupe(tmp_path, ALIKE, dedupe=more)["readings"] == {"taken": 4, "made": 1}
    assert readings(tmp_path) == []


def test_an_index_of_minhash_keeps_what_was_read(tmp_path: Path) -> None:
    corpus(tmp_path, files=3)
    more = {"index": {"file": str(tmp_path / "index")}, "resumable": "never"}
    cut = broken(tmp_path, "0.jsonl.gz")
    stopped(tmp_path, ALIKE, dedupe=more)
    mend(cut)
    assert dedupe(tmp_path, ALIKE, dedupe=more)["readings"] == {"taken": 2, "made": 1}


@pytest.mark.parametrize("name", list(KINDS))
def test_what_became_stale_is_read_again_and_removed(tmp_path: Path, name: str) -> None:
    corpus(tmp_path)
    cut = broken(tmp_path, "0.jsonl.gz")
    stopped(tmp_path, KINDS[name], dedupe=ALWAYS)
    mend(cut)
    changed = tmp_path / "documents/2.jsonl.gz"
    write(changed, read(changed)[::-1])
    (tmp_path / "documents/4.jsonl.gz").unlink()
    report = dedupe(tmp_path, KINDS[name], dedupe=ALWAYS)
    assert report["readings"] == {"taken": 2, "made": 2}
    found = marks(tmp_path)
    assert len(found) == 4
    assert readings(tmp_path) == []
    shutil.rmtree(tmp_path / "attributes/dup")
    assert whole(tmp_path, KINDS[name])[0] == found


@pytest.mark.parametrize(
    ("method", "change"),
    [
        (BY_TEXT, {"min_length": 200}),
        (BY_TEXT, {"keep": {"policy": "longest"}}),
        (ALIKE, {"minhash": {"attribute_name": "dup", "bands": 9}}),
        (PIECES, {"substring": {**PIECES["substring"], "unit": "characters"}}),
    ],
)
def test_readings_of_another_recipe_are_not_taken_and_go(
    tmp_path: Path, method: dict[str, Any], change: dict[str, Any]
) -> None:
    corpus(tmp_path)
    expected, _ = whole(tmp_path, {**method, **change})
    cut = broken(tmp_path, "0.jsonl.gz")
    stopped(tmp_path, method, dedupe=ALWAYS)
    mend(cut)
    report = dedupe(tmp_path, {**method, **change})
    assert report["readings"] == {"taken": 0, "made": 0}
    assert marks(tmp_path) == expected
    assert readings(tmp_path) == []


@pytest.mark.parametrize("name", list(KINDS))
def test_a_damaged_reading_is_made_anew(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus(tmp_path)
    expected, _ = whole(tmp_path, KINDS[name])
    cut = broken(tmp_path, "0.jsonl.gz")
    stopped(tmp_path, KINDS[name], dedupe=ALWAYS)
    mend(cut)
    bad, short = readings(tmp_path)[:2]
    data = bad.read_bytes()
    bad.write_bytes(bytes([*data[:500], data[500] ^ 1, *data[501:]]))
    short.write_bytes(short.read_bytes()[:-1])
    report = dedupe(tmp_path, KINDS[name], dedupe=ALWAYS)
    assert f"{bad}: this reading is damaged: a checksum is wrong" in capsys.readouterr().err
    assert report["readings"] == {"taken": 2, "made": 3}
    assert marks(tmp_path) == expected


def test_files_that_are_only_compared_with_leave_readings_too(tmp_path: Path) -> None:
    corpus(tmp_path)
    corpus(tmp_path / "old", files=3, seed=9)
    more = {"against": [f"{tmp_path}/old/documents/**/*"]}
    expected, _ = whole(tmp_path, BY_TEXT, dedupe=more)
    cut = broken(tmp_path, "0.jsonl.gz")
    stopped(tmp_path, BY_TEXT, dedupe={**more, **ALWAYS})
    mend(cut)
    assert dedupe(tmp_path, BY_TEXT, dedupe=more)["readings"] == {"taken": 7, "made": 1}
    assert marks(tmp_path) == expected


def test_an_exact_index_goes_on_with_what_is_new(tmp_path: Path) -> None:
    corpus(tmp_path, files=2)
    more = {"index": {"file": str(tmp_path / "seen.index")}, **ALWAYS}
    assert dedupe(tmp_path, BY_TEXT, dedupe=more)["readings"] == {"taken": 0, "made": 2}
    corpus(tmp_path / "new", files=4, seed=3)
    for number in (2, 3):
        name = f"{'below/' if number % 2 else ''}{number}.jsonl.gz"
        (tmp_path / "new/documents" / name).rename(tmp_path / "documents" / name)
    cut = broken(tmp_path, "2.jsonl.gz")
    with pytest.raises(DolmaShardError, match="1 of 4 shards failed"):
        dedupe(tmp_path, BY_TEXT, dedupe=more)
    mend(cut)
    assert dedupe(tmp_path, BY_TEXT, dedupe=more)["readings"] == {"taken": 1, "made": 1}


def test_bad_lines_come_back_with_a_reading(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / f"documents/{number}.jsonl", [*texts("x", "y"), '{"id": "bad"', *texts("x")])
    expected, report = whole(tmp_path, BY_TEXT, max_bad_records=3)
    with pytest.raises(DolmaShardError, match=r"0.jsonl:3: .*2 more bad lines.*nothing was written"):
        dedupe(tmp_path, BY_TEXT, dedupe=ALWAYS, max_bad_records=2)
    joined = dedupe(tmp_path, BY_TEXT, max_bad_records=3)
    assert joined["readings"] == {"taken": 3, "made": 0}
    assert marks(tmp_path) == expected
    assert (joined["counts"], joined["bad_records"]) == (report["counts"], 3)
    kept = read(tmp_path / "attributes/dup/.dolma/bad/1.jsonl.jsonl")
    assert [(line["line"], line["raw"]) for line in kept] == [(3, '{"id": "bad"')]


@pytest.mark.parametrize("name", ["documents", "minhash"])
def test_readings_that_do_not_fit_are_refused_or_not_left(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus(tmp_path)
    expected, _ = whole(tmp_path, KINDS[name])
    monkeypatch.setattr(needs, "free_space", lambda folder: 5000)
    monkeypatch.setattr(stock, "WORTH_IT", 1)
    with pytest.raises(
        DolmaConfigError, match=r"dedupe.resumable: readings take about .* 5.0 KB are free below"
    ):
        dedupe(tmp_path, KINDS[name], dedupe=ALWAYS)
    assert marks(tmp_path) == {}
    report = dedupe(tmp_path, KINDS[name])
    assert report["readings"] == {"taken": 0, "made": 0}
    assert any("none are left, and a run that is killed starts again" in text for text in report["warnings"])
    assert marks(tmp_path) == expected


def test_room_is_what_intermediates_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They go to the same disk, or elsewhere."""
    rows = [{"id": str(n), "text": str(n)} for n in range(60_000)]
    write(tmp_path / "documents/a.jsonl.gz", rows)
    monkeypatch.setattr(needs, "free_space", lambda folder: 7_000_000)
    with pytest.raises(DolmaConfigError, match=r"beside .* of intermediates, and 7.0 MB are free"):
        dedupe(tmp_path, BY_TEXT, dedupe=ALWAYS, memory="1MiB")
    monkeypatch.setattr(needs, "same_disk", lambda one, other: False)
    assert dedupe(tmp_path, BY_TEXT, dedupe=ALWAYS, memory="1MiB")["readings"]["made"] == 1


def test_a_dry_run_says_what_readings_take_and_leaves_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus(tmp_path)
    config = {"documents": [f"{tmp_path}/documents/**/*"], "dedupe": {**BY_TEXT, **ALWAYS}, "dryrun": True}
    assert package.deduper(config) is None
    assert " of readings are kept until it is done; about 410 keys" in capsys.readouterr().err
    assert not (tmp_path / "attributes/dup").exists()


@pytest.mark.parametrize(
    ("method", "most"),
    [
        (BY_TEXT, 1.1),
        (BY_LINE, 1.1),
        (ALIKE, 1.1),
        (METHODS["signature"], 1.1),
        # Of texts, what intermediates take is what is said.
        (PIECES, 2),
        (METHODS["characters"], 2),
        (METHODS["words"], 3),
    ],
)
def test_what_readings_are_said_to_take_is_about_what_they_take(
    tmp_path: Path, method: dict[str, Any], most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(1)
    for file in range(3):
        words = [f"{draw.randrange(1 << 30):x}" for _ in range(2000)]
        rows = [
            {"id": f"a document's id is about so long {n}", "text": "\n".join(draw.choices(words, k=200))}
            for n in range(300)
        ]
        write(tmp_path / f"documents/{file}.jsonl.gz", rows)
    said: list[int] = []
    monkeypatch.setattr(stock.Stock, "decide", lambda self, size, spilled, cheap: said.append(size))
    dedupe(tmp_path, method, force=True)
    dedupe(tmp_path, method, shard="0/1", force=True)
    taken = sum(path.stat().st_size for path in readings(tmp_path))
    assert 0.9 * taken < said[0] < most * taken


def test_a_filter_has_no_use_for_readings(tmp_path: Path) -> None:
    corpus(tmp_path, files=1)
    bloom_filter = {"file": f"{tmp_path}/f.bin", "read_only": False, "size_in_bytes": 1 << 16}
    with pytest.raises(DolmaConfigError, match=r"dedupe.resumable: .* leave out bloom_filter, or this"):
        dedupe(tmp_path, BY_TEXT, dedupe=ALWAYS, bloom_filter=bloom_filter)


def test_stages_that_are_done_are_not_done_again(tmp_path: Path) -> None:
    corpus(tmp_path)
    stage = {"documents": [f"{tmp_path}/documents/**/*"]}
    by_source = {"documents": {"attribute_name": "first", "key": "$.source"}}
    steps = [{**stage, "dedupe": {**method, **ALWAYS}} for method in (by_source, BY_TEXT)]
    recipe = recipes.load(RecipeConfig, {"dedupe": steps})
    assert run_recipe.run(recipe) is not None
    expected = marks(tmp_path)
    shutil.rmtree(tmp_path / "attributes/dup")
    # The second stage stops at a row that is gone.
    marked = tmp_path / "attributes/first/2.jsonl.gz"
    rows = marked.read_bytes()
    write(marked, read(marked)[:-1])
    stopped(tmp_path, BY_TEXT, dedupe={"skip_marked": ["first"], **ALWAYS})
    marked.write_bytes(rows)
    reports = run_recipe.run(recipe)
    assert reports is not None
    first, second = reports.values()
    assert (first["shards"]["skipped"], first["readings"]) == (5, {"taken": 0, "made": 0})
    assert (second["shards"]["skipped"], second["readings"]) == (0, {"taken": 4, "made": 1})
    assert marks(tmp_path) == expected
