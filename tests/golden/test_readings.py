"""Deduplication without a filter in parts: each reads its files, and one run compares what they left.

The reference is one run without parts: whatever parts ran, and in whatever order, its bytes come out.
"""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

import dolma as package
from dolma import recipes
from dolma.commands import recipe as run_recipe
from dolma.config.recipe import RecipeConfig
from dolma.errors import DolmaConfigError, DolmaShardError
from methods import ALIKE, BY_TEXT, METHODS, PIECES, corpus, dedupe, marks, readings, whole
from shards import attributes, prose, read, texts, write

#: What a report says of a run, and not of its parts, by its section.
FOUND = {
    "clusters": ("compared", "singletons", "clusters", "duplicates", "sizes", "largest", "sources", "copies"),
    "substring": ("sources", "largest", "alarms"),
}


@pytest.mark.parametrize("name", list(METHODS))
@pytest.mark.parametrize("total", [1, 2, 3, 8])
def test_parts_give_what_one_run_gives(tmp_path: Path, name: str, total: int) -> None:
    corpus(tmp_path)
    method = METHODS[name]
    expected, report = whole(tmp_path, method)
    order = list(range(total))
    random.Random(total).shuffle(order)
    for index in order:
        part = dedupe(tmp_path, method, shard=f"{index}/{total}", processes=1 + index % 2)
        assert part["counts"]["bad"] == 0
        assert marks(tmp_path) == {}
    assert len(readings(tmp_path)) == 5
    joined = dedupe(tmp_path, method, processes=2, memory="1MiB")
    assert marks(tmp_path) == expected
    assert readings(tmp_path) == []
    assert joined["counts"] == report["counts"]
    one, many = report["details"], joined["details"]
    section = "substring" if "substring" in method else "clusters"
    for key in FOUND[section]:
        assert one[section][key] == many[section][key], key
    assert {**one, section: None} == {**many, section: None}
    assert one["duplicates"] > 0


@pytest.mark.parametrize("name", ["documents", "substring"])
def test_the_options_of_the_published_tool_say_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    corpus(tmp_path)
    expected, _ = whole(tmp_path, METHODS[name])
    part = {"num_partitions": 2, "file_partition": True}
    first = dedupe(tmp_path, METHODS[name], dedupe=part)
    second = dedupe(tmp_path, METHODS[name], dedupe={**part, "partition_index": 1})
    assert (first["shards"]["planned"], second["shards"]["planned"]) == (3, 2)
    assert not first["warnings"]
    assert "readings of 5 of 5 files are there" in capsys.readouterr().err
    dedupe(tmp_path, METHODS[name], dedupe={**part, "merge_partitions": True})
    assert marks(tmp_path) == expected


@pytest.mark.parametrize("name", ["documents", "minhash", "substring"])
def test_what_parts_have_not_read_is_read_by_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    corpus(tmp_path)
    expected, _ = whole(tmp_path, METHODS[name])
    dedupe(tmp_path, METHODS[name], shard="1/3")
    said = capsys.readouterr().err
    assert "a part reads its files and leaves readings; 2 shards to do (part 1/3), 0 done before" in said
    assert "readings of 2 of 5 files are there; when the other parts are done, compare by" in said
    dedupe(tmp_path, METHODS[name])
    assert "readings of 2 of 5 files are there, 3 are read now; " in capsys.readouterr().err
    assert marks(tmp_path) == expected


@pytest.mark.parametrize("name", ["documents", "substring"])
def test_a_part_does_nothing_twice(tmp_path: Path, name: str) -> None:
    corpus(tmp_path)
    method = METHODS[name]
    dedupe(tmp_path, method, shard="0/2")
    before = {path: path.read_bytes() for path in readings(tmp_path)}
    again = dedupe(tmp_path, method, shard="0/2")
    assert again["shards"]["skipped"] == 3
    assert again["counts"]["read"] == 3 * 82
    forced = dedupe(tmp_path, method, shard="0/2", force=True)
    assert forced["shards"]["skipped"] == 0
    assert {path: path.read_bytes() for path in readings(tmp_path)} == before
    dedupe(tmp_path, method)
    late = dedupe(tmp_path, method, shard="1/2")
    assert late["shards"]["planned"] == 0
    assert readings(tmp_path) == []


@pytest.mark.parametrize("name", ["documents", "paragraphs", "minhash", "substring"])
def test_a_file_that_changed_since_is_read_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    corpus(tmp_path)
    for index in range(2):
        dedupe(tmp_path, METHODS[name], shard=f"{index}/2")
    path = tmp_path / "documents/2.jsonl.gz"
    rows = read(path)
    write(path, [*rows[40:], *rows[:40]])
    dedupe(tmp_path, METHODS[name])
    assert "readings of 4 of 5 files are there, 1 is read now" in capsys.readouterr().err
    found = marks(tmp_path)
    shutil.rmtree(tmp_path / "attributes/dup")
    assert whole(tmp_path, METHODS[name])[0] == found


@pytest.mark.parametrize("name", ["documents", "minhash", "substring"])
def test_a_file_that_changed_unseen_is_never_taken_for_what_it_was(tmp_path: Path, name: str) -> None:
    """Of the same size and time: MinHash, which reads it again, finds out."""
    corpus(tmp_path)
    before = None
    path = write(tmp_path / "documents/2.jsonl", texts(*(prose(n, 50) for n in range(60))))
    attributes(tmp_path, "q", "2.jsonl", [])
    if name != "minhash":
        before, _ = whole(tmp_path, METHODS[name])
    dedupe(tmp_path, METHODS[name], shard="0/1")
    stamp = path.stat().st_mtime_ns
    path.write_bytes(path.read_bytes().replace(b"river", b"rivet"))
    os.utime(path, ns=(stamp, stamp))
    if name != "minhash":
        # Nothing is read again: the run is about the documents as they were when they were read.
        dedupe(tmp_path, METHODS[name])
        assert marks(tmp_path) == before
        return
    with pytest.raises(DolmaShardError, match=r"documents/2.jsonl: this file was changed"):
        dedupe(tmp_path, METHODS[name])
    assert marks(tmp_path) == {}
    dedupe(tmp_path, METHODS[name])
    found = marks(tmp_path)
    shutil.rmtree(tmp_path / "attributes/dup")
    assert whole(tmp_path, METHODS[name])[0] == found


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda data: data[:-1], "cut short"),
        (lambda data: data[: len(data) // 2], "cut short"),
        (lambda data: bytes([*data[:-30], data[-30] ^ 1, *data[-29:]]), "checksum"),
        (lambda data: bytes([*data[:1000], data[1000] ^ 1, *data[1001:]]), "checksum"),
        (lambda data: b"", "cut short"),
    ],
)
@pytest.mark.parametrize("name", ["documents", "minhash", "substring"])
def test_a_damaged_reading_is_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, damage: Any, what: str
) -> None:
    corpus(tmp_path)
    expected, _ = whole(tmp_path, METHODS[name])
    dedupe(tmp_path, METHODS[name], shard="0/1")
    bad = readings(tmp_path)[1]
    bad.write_bytes(damage(bad.read_bytes()))
    report = dedupe(tmp_path, METHODS[name])
    assert marks(tmp_path) == expected
    said = capsys.readouterr().err
    if what == "checksum":
        assert f"{bad}: this reading is damaged: a checksum is wrong;" in said
        assert any("is read again" in warning for warning in report["warnings"])
    else:
        assert "readings of 4 of 5 files are there, 1 is read now" in said


@pytest.mark.parametrize("name", ["documents", "substring"])
def test_a_reading_in_another_one_s_place_is_not_believed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    corpus(tmp_path, files=2)
    rows = read(tmp_path / "documents/0.jsonl.gz")
    write(tmp_path / "documents/below/1.jsonl.gz", rows)
    expected, _ = whole(tmp_path, METHODS[name])
    dedupe(tmp_path, METHODS[name], shard="0/1")
    one, two = readings(tmp_path)
    shutil.copyfile(one, two)
    dedupe(tmp_path, METHODS[name])
    assert "this reading is damaged: it was made of something else" in capsys.readouterr().err
    assert marks(tmp_path) == expected


@pytest.mark.parametrize(
    ("method", "change"),
    [
        (BY_TEXT, {"min_length": 200}),
        (BY_TEXT, {"documents": {"attribute_name": "dup", "key": "$.id"}}),
        (BY_TEXT, {"documents": {"attribute_name": "dup", "normalize": ["case"]}}),
        (BY_TEXT, {"keep": {"policy": "longest"}}),
        (BY_TEXT, {"skip_marked": ["q"]}),
        (PIECES, {"substring": {"attribute_name": "dup", "min_length": 51}}),
        (PIECES, {"substring": {**PIECES["substring"], "unit": "characters"}}),
        (PIECES, {"skip_marked": ["q"]}),
    ],
)
def test_readings_of_another_recipe_are_not_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], method: dict[str, Any], change: dict[str, Any]
) -> None:
    corpus(tmp_path)
    expected, _ = whole(tmp_path, {**method, **change})
    dedupe(tmp_path, method, shard="0/1")
    capsys.readouterr()
    dedupe(tmp_path, {**method, **change})
    said = capsys.readouterr().err
    assert "of 5 files are there" not in said
    assert "are read now" not in said
    assert marks(tmp_path) == expected


@pytest.mark.parametrize(
    ("method", "later"),
    [
        (ALIKE, {"minhash": {"attribute_name": "dup", "threshold": 0.95}, "explain": False}),
        (PIECES, {"substring": {**PIECES["substring"], "merge_distance": 20}, "explain": False}),
    ],
)
def test_options_that_are_asked_for_after_reading_do_not_make_it_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], method: dict[str, Any], later: dict[str, Any]
) -> None:
    corpus(tmp_path)
    expected, _ = whole(tmp_path, later)
    dedupe(tmp_path, method, shard="0/1")
    dedupe(tmp_path, later)
    assert "readings of 5 of 5 files are there; " in capsys.readouterr().err
    assert marks(tmp_path) == expected


@pytest.mark.parametrize("name", ["documents", "minhash", "substring"])
def test_files_that_are_only_compared_with_are_read_by_parts_too(tmp_path: Path, name: str) -> None:
    corpus(tmp_path)
    corpus(tmp_path / "old", files=3, seed=9)
    more = {"against": [f"{tmp_path}/old/documents/**/*"]}
    expected, report = whole(tmp_path, METHODS[name], dedupe=more)
    planned = [
        dedupe(tmp_path, METHODS[name], dedupe=more, shard=f"{index}/3")["shards"]["planned"]
        for index in range(3)
    ]
    assert sorted(planned) == [2, 3, 3]
    joined = dedupe(tmp_path, METHODS[name], dedupe=more)
    assert marks(tmp_path) == expected
    assert readings(tmp_path) == []
    assert joined["details"]["duplicates"] == report["details"]["duplicates"]
    if name == "substring":
        kept = {one["kept"]["path"] for one in joined["details"]["substring"]["largest"]}
        assert any(path.startswith(f"{tmp_path}/old/") for path in kept)
        assert joined["details"]["substring"]["largest"] == report["details"]["substring"]["largest"]
    else:
        kept = joined["details"]["clusters"]["kept_elsewhere"]
        assert kept == report["details"]["clusters"]["kept_elsewhere"] > 0


@pytest.mark.parametrize("name", ["documents", "substring"])
def test_a_stage_in_parts_leaves_out_what_earlier_ones_marked(tmp_path: Path, name: str) -> None:
    corpus(tmp_path)
    method = METHODS[name]
    stage = {"documents": [f"{tmp_path}/documents/**/*"]}
    by_source = {**stage, "dedupe": {"documents": {"attribute_name": "first", "key": "$.source"}}}
    steps = recipes.load(RecipeConfig, {"dedupe": [by_source, {**stage, "dedupe": method}]})
    assert run_recipe.run(steps) is not None
    expected = marks(tmp_path)
    shutil.rmtree(tmp_path / "attributes/dup")
    for index in range(2):
        dedupe(tmp_path, method, dedupe={"skip_marked": ["first"]}, shard=f"{index}/2")
    # Attributes that are other ones by now are read again, with their documents.
    other = tmp_path / "attributes/first/0.jsonl.gz"
    other.write_bytes(other.read_bytes())
    report = dedupe(tmp_path, method, dedupe={"skip_marked": ["first"]})
    assert marks(tmp_path) == expected
    assert report["details"]["marked_before"] > 0


@pytest.mark.parametrize("name", ["documents", "substring"])
def test_bad_lines_of_parts_are_put_aside_and_count_together(tmp_path: Path, name: str) -> None:
    for number in range(3):
        write(tmp_path / f"documents/{number}.jsonl", [*texts("x", "y"), '{"id": "bad"', *texts("x")])
    expected, report = whole(tmp_path, METHODS[name], max_bad_records=3)
    with pytest.raises(DolmaShardError, match=r"0.jsonl:3: invalid JSON"):
        dedupe(tmp_path, METHODS[name], shard="0/3")
    for index in range(3):
        part = dedupe(tmp_path, METHODS[name], shard=f"{index}/3", max_bad_records=1)
        assert part["bad_records"] == 1
        assert len(read(Path(part["bad_files"][0]))) == 1
    with pytest.raises(DolmaShardError, match=r"0.jsonl:3: .*2 more bad lines.*nothing was written"):
        dedupe(tmp_path, METHODS[name], max_bad_records=2)
    assert marks(tmp_path) == {}
    assert len(readings(tmp_path)) == 3
    joined = dedupe(tmp_path, METHODS[name], max_bad_records=3)
    assert marks(tmp_path) == expected
    assert joined["counts"] == report["counts"]
    kept = read(tmp_path / "attributes/dup/.dolma/bad/1.jsonl.jsonl")
    assert [(line["line"], line["raw"]) for line in kept] == [(3, '{"id": "bad"')]


@pytest.mark.parametrize("unit", ["bytes", "characters", "words"])
def test_places_are_the_same_however_a_file_came_in(tmp_path: Path, unit: str) -> None:
    """Of files of several mebibytes, which are read in several steps, with repeats across these."""
    draw = random.Random(3)
    bodies = [prose(number, 200) + " äöü€" for number in range(150)]
    for file in range(3):
        rows = [
            {"id": f"{file}-{n}", "text": " ".join(draw.choices(bodies, k=3)), "source": draw.choice("abc")}
            for n in range(700)
        ]
        # One longer than a step.
        rows.insert(300, {"id": "long", "text": " ".join(draw.choices(bodies, k=1200))})
        path = write(tmp_path / f"documents/{file}.jsonl", rows)
        assert path.stat().st_size > 3 << 20
    length = 20 if unit == "words" else 90
    method = {"substring": {"attribute_name": "dup", "min_length": length, "unit": unit}}
    expected, report = whole(tmp_path, method)
    # One is loaded, and two are read; then all are loaded.
    for parts in (["1/3"], ["2/3", "0/3", "1/3"]):
        for part in parts:
            dedupe(tmp_path, method, shard=part)
        joined = dedupe(tmp_path, method, processes=2, memory="1MiB", force=True)
        assert marks(tmp_path) == expected
        assert joined["details"]["substring"]["spilled_bytes"] > 0
        assert joined["details"]["substring"]["largest"] == report["details"]["substring"]["largest"]
        shutil.rmtree(tmp_path / "attributes/dup")


def test_an_alarm_that_fails_the_run_costs_no_reading(tmp_path: Path) -> None:
    corpus(tmp_path)
    dedupe(tmp_path, BY_TEXT, shard="0/1")
    with pytest.raises(DolmaShardError, match=r"alarm: .*nothing was written"):
        dedupe(tmp_path, BY_TEXT, dedupe={"alarm": {"fail": True}})
    assert len(readings(tmp_path)) == 5


def test_parts_of_an_exact_index_read_what_is_new(tmp_path: Path) -> None:
    grown, parts = tmp_path / "grown", tmp_path / "parts"
    for day in range(3):
        for root in (grown, parts):
            rows = [{"id": f"{day}-{n}", "text": str(n % (5 + day))} for n in range(30)]
            write(root / f"documents/{day}-a.jsonl", rows)
            write(root / f"documents/{day}-b.jsonl", rows[::2])
        dedupe(grown, BY_TEXT, dedupe={"index": {"file": f"{grown}/seen.index"}, "explain": False})
        more = {"index": {"file": f"{parts}/seen.index"}, "explain": False}
        planned = [
            dedupe(parts, BY_TEXT, dedupe=more, shard=f"{index}/2")["shards"]["planned"] for index in range(2)
        ]
        assert planned == [1, 1]
        dedupe(parts, BY_TEXT, dedupe=more)
        assert marks(parts) == marks(grown)
        assert readings(parts) == []


@pytest.mark.parametrize("name", ["documents", "substring"])
@pytest.mark.parametrize(
    ("method", "more", "message"),
    [
        ({"num_partitions": 2, "partition_index": 2}, {}, "partition_index: 2 is no part of 2"),
        ({"num_partitions": 2}, {"shard": "0/2"}, "give either"),
        ({"merge_partitions": True}, {"shard": "0/2"}, "neither shard with merge_partitions"),
        ({}, {"shard": "2/2"}, "names part 2 of 2"),
    ],
)
def test_parts_that_cannot_be_meant_are_refused(
    tmp_path: Path, method: dict[str, Any], more: dict[str, Any], message: str, name: str
) -> None:
    corpus(tmp_path, files=1)
    with pytest.raises(DolmaConfigError, match=message):
        dedupe(tmp_path, METHODS[name], dedupe=method, **more)


@pytest.mark.parametrize(
    ("method", "what"), [(BY_TEXT, "exact, by $.text"), (PIECES, "repeats of at least 50 bytes")]
)
def test_a_dry_run_of_a_part_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], method: dict[str, Any], what: str
) -> None:
    corpus(tmp_path)
    config = {"documents": [f"{tmp_path}/documents/**/*"], "dedupe": method, "shard": "0/2", "dryrun": True}
    assert package.deduper(config) is None
    assert f"{what}; a part reads its files and leaves readings; 3 shards to do" in capsys.readouterr().err
    assert not (tmp_path / "attributes/dup").exists()
