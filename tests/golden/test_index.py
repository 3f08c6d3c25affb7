"""The index of an exact deduplication: many small runs against it equal one run over everything."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import dolma as package
from command import environment, recipe
from dolma.errors import DolmaAssetError, DolmaConfigError, DolmaInputError
from folders import visible
from shards import Row, read, texts, write

METHODS = [
    {"documents": {"attribute_name": "dup"}},
    {"paragraphs": {"attribute_name": "dup"}, "skip_empty": True},
]


def config(
    root: Path, method: Mapping[str, Any], index: Mapping[str, Any] | None, **more: Any
) -> dict[str, Any]:
    section = {
        **method,
        **({"index": {"file": str(root / "seen.index"), **index}} if index is not None else {}),
    }
    return {"documents": [f"{root}/documents/**/*"], "dedupe": section, **more}


def dedupe(
    root: Path, method: Mapping[str, Any], index: Mapping[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    report = package.deduper(config(root, method, index, **more))
    assert report is not None
    return dict(report)


def batches(seed: int) -> list[dict[str, list[Row]]]:
    """Files that come one after the other, with duplicates in and between them."""
    draw = random.Random(seed)
    bodies = ["\n".join(str(draw.randrange(400)) for _ in range(draw.randrange(4))) for _ in range(300)]
    return [
        {f"{day}-{part}.jsonl.gz": texts(*draw.choices(bodies, k=80)) for part in range(1 + day % 2)}
        for day in range(5)
    ]


@pytest.mark.parametrize("method", METHODS)
def test_many_runs_equal_one_over_everything(tmp_path: Path, method: dict[str, Any]) -> None:
    whole, grown = tmp_path / "whole", tmp_path / "grown"
    for batch in batches(4):
        for name, rows in batch.items():
            write(whole / "documents" / name, rows)
            write(grown / "documents" / name, rows)
        report = dedupe(grown, method, {}, memory="1MiB", processes=2)
        assert report["shards"]["failed"] == 0
    dedupe(whole, method)
    one, many = visible(whole / "attributes"), visible(grown / "attributes")
    assert one.keys() == many.keys()
    for name in one:
        expected = read(whole / "attributes" / name)
        found = read(grown / "attributes" / name)
        for row in found:
            told = row.get("duplicate_of", [])
            for entry in told if isinstance(told, list) else [told]:
                entry["path"] = entry["path"].replace(str(grown), str(whole))
        assert found == expected
    again = dedupe(grown, method, {})
    assert again["shards"]["skipped"] == len(one)
    assert visible(grown / "attributes") == many


def test_a_read_only_index_learns_nothing(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    write(old / "documents/a.jsonl", texts("x", "y", "y"))
    write(new / "documents/b.jsonl", texts("y", "z", "z"))
    dedupe(old, METHODS[0], {})
    index = {"file": str(old / "seen.index"), "read_only": True}
    before = (old / "seen.index").read_bytes()
    dedupe(new, METHODS[0], index)
    found = read(new / "attributes/dup/b.jsonl")
    assert [bool(row["attributes"]) for row in found] == [True, False, True]
    assert found[0]["duplicate_of"]["path"] == f"{old}/documents/a.jsonl"
    assert found[0]["duplicate_of"]["line"] == 2
    assert (old / "seen.index").read_bytes() == before
    with pytest.raises(DolmaConfigError, match="duplicate of itself"):
        dedupe(old, METHODS[0], index)
    with pytest.raises(DolmaInputError, match="does not exist"):
        dedupe(new, METHODS[0], {"file": str(tmp_path / "none"), "read_only": True})


def test_documents_beside_a_read_only_index_are_compared_with_each_other(tmp_path: Path) -> None:
    """Whenever they came: the verdict on a file depends on the others, and so does what is done."""
    write(tmp_path / "old/documents/a.jsonl", texts("x"))
    write(tmp_path / "new/documents/b.jsonl", texts("y"))
    dedupe(tmp_path / "old", METHODS[0], {})
    index = {"file": str(tmp_path / "old/seen.index"), "read_only": True}
    dedupe(tmp_path / "new", METHODS[0], index)
    write(tmp_path / "new/documents/c.jsonl", texts("y", "x"))
    dedupe(tmp_path / "new", METHODS[0], index)
    found = read(tmp_path / "new/attributes/dup/c.jsonl")
    assert [row["duplicate_of"]["path"].rpartition("/")[2] for row in found] == ["b.jsonl", "a.jsonl"]


def test_a_moved_or_touched_file_is_known_and_a_changed_one_refused(tmp_path: Path) -> None:
    write(tmp_path / "documents/a.jsonl", texts("x", "y"))
    write(tmp_path / "documents/b.jsonl", texts("z"))
    dedupe(tmp_path, METHODS[0], {})
    os.utime(tmp_path / "documents/b.jsonl", (1, 1))
    with pytest.raises(
        DolmaConfigError, match=r"absorbed .*b\.jsonl, whose attributes .* made in another way"
    ):
        dedupe(tmp_path, METHODS[0], {})
    write(tmp_path / "documents/b.jsonl", texts("other"))
    with pytest.raises(DolmaConfigError, match=r"an earlier version of .*b\.jsonl"):
        dedupe(tmp_path, METHODS[0], {})


def test_attributes_of_absorbed_files_must_be_there(tmp_path: Path) -> None:
    write(tmp_path / "documents/a.jsonl", texts("x"))
    dedupe(tmp_path, METHODS[0], {})
    with pytest.raises(DolmaConfigError, match=r"a\.jsonl, whose attributes are to be made anew"):
        dedupe(tmp_path, METHODS[0], {}, force=True)
    (tmp_path / "attributes/dup/a.jsonl").unlink()
    with pytest.raises(DolmaConfigError, match=r"a\.jsonl, whose attributes are gone"):
        dedupe(tmp_path, METHODS[0], {})
    (tmp_path / "seen.index").unlink()
    dedupe(tmp_path, METHODS[0], {})
    assert read(tmp_path / "attributes/dup/a.jsonl")[0]["attributes"] == {}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_that_is_killed_at_its_index_does_its_inputs_again(tmp_path: Path, when: str) -> None:
    write(tmp_path / "documents/a.jsonl", texts("x", "y", "x"))
    dedupe(tmp_path, METHODS[0], {})
    write(tmp_path / "documents/b.jsonl", texts("y", "z", "z"))
    path = recipe(tmp_path, config(tmp_path, METHODS[0], {}))
    code = f"""
import os, signal, sys
from dolma import cli, storage
real = storage.publish
def publish(local, target, **how):
    at_index = target.endswith("seen.index")
    if at_index and {when == "before"}: os.kill(os.getpid(), signal.SIGKILL)
    real(local, target, **how)
    if at_index: os.kill(os.getpid(), signal.SIGKILL)
storage.publish = publish
sys.exit(cli.main())
"""
    command = [sys.executable, "-c", code, "dedupe", "-c", path]
    done = subprocess.run(command, env=environment(), capture_output=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    published = visible(tmp_path / "attributes")
    assert len(published) == 2
    report = dedupe(tmp_path, METHODS[0], {})
    assert report["shards"]["skipped"] == (1 if when == "before" else 2)
    assert visible(tmp_path / "attributes") == published
    marks = [bool(row["attributes"]) for row in read(tmp_path / "attributes/dup/b.jsonl")]
    assert marks == [True, False, True]


def test_a_damaged_index_is_never_believed(tmp_path: Path) -> None:
    write(tmp_path / "documents/a.jsonl", texts("x", "y"))
    dedupe(tmp_path, METHODS[0], {})
    write(tmp_path / "documents/b.jsonl", texts("x"))
    good = (tmp_path / "seen.index").read_bytes()
    before = visible(tmp_path / "attributes")
    for at in range(0, len(good), 7):
        bad = bytearray(good)
        bad[at] ^= 4
        (tmp_path / "seen.index").write_bytes(bytes(bad))
        with pytest.raises(DolmaAssetError, match=r"seen\.index: (the index is damaged|not an index)"):
            dedupe(tmp_path, METHODS[0], {})
    for length in (0, 5, 40, len(good) // 2, len(good) - 1):
        (tmp_path / "seen.index").write_bytes(good[:length])
        with pytest.raises(DolmaAssetError, match=r"the index is damaged"):
            dedupe(tmp_path, METHODS[0], {})
    assert visible(tmp_path / "attributes") == before


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ({"minhash": {"attribute_name": "near"}}, "is a file, of an exact deduplication perhaps"),
        ({**METHODS[0], "keep": {"policy": "longest"}}, "dedupe.index: an exact deduplication leaves"),
        ({"documents": {"attribute_name": "dup", "key": "$.id"}}, "holds keys made by"),
    ],
)
def test_runs_that_do_not_fit_the_index_are_refused(
    tmp_path: Path, method: dict[str, Any], message: str
) -> None:
    write(tmp_path / "documents/a.jsonl", texts("x"))
    dedupe(tmp_path, METHODS[0], {})
    write(tmp_path / "documents/b.jsonl", texts("x"))
    with pytest.raises(DolmaConfigError, match=message):
        dedupe(tmp_path, {"name": "other", **method}, {})
