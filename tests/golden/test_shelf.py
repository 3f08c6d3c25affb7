"""The index of MinHash: runs over a corpus that grows equal one run over all of it, byte for byte."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

import dolma as package
from dolma.errors import DolmaAssetError, DolmaConfigError, DolmaInputError
from folders import visible
from shards import Row, attributes, read, texts, write

METHOD: dict[str, Any] = {"minhash": {"attribute_name": "near"}}
METHODS = {
    "first": METHOD,
    "longest": {**METHOD, "keep": {"policy": "longest"}},
    "newest": {**METHOD, "keep": {"policy": "newest", "field": "$.date"}},
    "unexplained": {**METHOD, "explain": False},
    "marked": {**METHOD, "skip_marked": ["q"]},
    "signature": {"minhash": {"attribute_name": "near", "verify": "signature"}},
}


def dedupe(
    root: Path, method: Mapping[str, Any], index: str | None = "near.index", **more: Any
) -> dict[str, Any]:
    section = {**method, **more.pop("dedupe", {})}
    if index is not None:
        section["index"] = {"file": str(root / index), **more.pop("options", {})}
    config = {"documents": [f"{root}/documents/**/*"], "dedupe": section, **more}
    report = package.deduper(config)
    assert report is not None
    return dict(report)


def chain(seed: int, length: int) -> list[str]:
    """Texts of which each is like the next, and the first not like the last: middle ones join clusters."""
    draw = random.Random(seed)
    words = [f"w{draw.randrange(10**6)}" for _ in range(90)]
    made = []
    for _ in range(length):
        made.append(" ".join(words))
        at = draw.randrange(80)
        words[at : at + 2] = [f"n{draw.randrange(10**6)}" for _ in range(2)]
    return made


def corpus(root: Path, seed: int = 3) -> list[str]:
    """Files with chains of similar texts over all of them; returns their names in some order."""
    draw = random.Random(seed)
    bodies = [text for number in range(60) for text in chain(seed * 1000 + number, 1 + number % 6)]
    bodies += draw.choices(bodies, k=60)
    draw.shuffle(bodies)
    rows: dict[str, list[Row]] = {f"{n}.jsonl.gz": [] for n in range(6)}
    for n, body in enumerate(bodies):
        row = {"id": str(n), "text": body, "source": "s", "date": draw.choice(["2001", "2002", "2003"])}
        rows[f"{n % 6}.jsonl.gz"].append(row)
    for name, content in rows.items():
        write(root / "all" / name, content)
        marked = [(str(row["id"]), {"m": [[0, 1, 1]]} if n % 9 == 0 else {}) for n, row in enumerate(content)]  # type: ignore[index]
        attributes(root, "q", name, marked)
    order = list(rows)
    draw.shuffle(order)
    return order


def bring(root: Path, names: Iterable[str]) -> None:
    (root / "documents").mkdir(exist_ok=True)
    for name in names:
        shutil.copy2(root / "all" / name, root / "documents" / name)


def marks(root: Path) -> dict[str, bytes]:
    return visible(root / "attributes/near")


def whole(root: Path, method: Mapping[str, Any], **more: Any) -> tuple[dict[str, bytes], dict[str, Any]]:
    """What one run without an index gives, over the documents that are there."""
    name = root / "attributes/near"
    aside = root / "aside"
    if name.exists():
        name.rename(aside)
    report = dedupe(root, method, None, **more)
    found = marks(root)
    shutil.rmtree(name)
    if aside.exists():
        aside.rename(name)
    return found, report


@pytest.mark.parametrize("name", list(METHODS))
def test_a_corpus_that_grows_equals_one_that_was_there(tmp_path: Path, name: str) -> None:
    order = corpus(tmp_path)
    rewritten = 0
    for step in (order[:2], order[2:3], order[3:]):
        before = marks(tmp_path)
        stamps = {path: (tmp_path / "attributes/near" / path).stat().st_mtime_ns for path in before}
        bring(tmp_path, step)
        report = dedupe(tmp_path, METHODS[name], processes=2, memory="1MiB")
        expected, one = whole(tmp_path, METHODS[name])
        found = marks(tmp_path)
        assert found == expected
        assert report["counts"] == one["counts"]
        for key in ("clusters", "duplicates", "sizes", "largest", "sources", "copies"):
            assert report["details"]["clusters"][key] == one["details"]["clusters"][key]
        for path, data in before.items():
            touched = (tmp_path / "attributes/near" / path).stat().st_mtime_ns != stamps[path]
            # What has the bytes of before was not written again.
            assert touched == (found[path] != data)
            rewritten += touched
    # New documents that come before old ones, and join old clusters.
    assert rewritten > 0
    again = dedupe(tmp_path, METHODS[name])
    assert again["shards"]["skipped"] == 6
    assert "clusters" not in again["details"]


def test_only_new_files_are_read_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order = corpus(tmp_path)
    bring(tmp_path, order[:4])
    dedupe(tmp_path, METHOD)
    index = tmp_path / "near.index/readings"
    before = {path.name: path.stat().st_mtime_ns for path in index.iterdir()}
    bring(tmp_path, order[4:5])
    capsys.readouterr()
    dedupe(tmp_path, METHOD)
    size = (tmp_path / "documents" / order[4]).stat().st_size
    said = capsys.readouterr().err
    assert "readings of 4 of 5 files are there, 1 is read now" in said
    assert f"{size / 1000:.1f} KB of input" in said
    after = {path.name: path.stat().st_mtime_ns for path in index.iterdir()}
    assert {name: after[name] for name in before} == before
    assert len(after) == 5


def test_a_file_of_the_index_need_not_be_among_the_documents(tmp_path: Path) -> None:
    """It is part of the corpus all the same, and its attributes are written again."""
    order = sorted(corpus(tmp_path))
    bring(tmp_path, order)
    expected, _ = whole(tmp_path, METHOD)
    for name in reversed(order):
        config = {
            "documents": [f"{tmp_path}/documents/{name}"],
            "dedupe": {**METHOD, "index": {"file": str(tmp_path / "near.index")}},
        }
        assert package.deduper(config) is not None
    assert marks(tmp_path) == expected


def test_documents_that_are_compared_again_must_be_at_hand(tmp_path: Path) -> None:
    words = chain(1, 2)
    write(tmp_path / "documents/a.jsonl", texts(words[0], "one of a kind, and not like any other text here"))
    write(tmp_path / "documents/b.jsonl", texts("alone in the world, and never seen before by anyone"))
    dedupe(tmp_path, METHOD)
    before = marks(tmp_path)
    os.rename(tmp_path / "documents/b.jsonl", tmp_path / "b.aside")
    write(tmp_path / "documents/c.jsonl", texts("something that is new and has no like in the index"))
    dedupe(tmp_path, METHOD)
    assert set(marks(tmp_path)) == {"a.jsonl", "b.jsonl", "c.jsonl"}
    os.rename(tmp_path / "documents/a.jsonl", tmp_path / "a.aside")
    write(tmp_path / "documents/d.jsonl", texts(words[1]))
    with pytest.raises(DolmaInputError, match=r"documents/a.jsonl is not there as the index knows it"):
        dedupe(tmp_path, METHOD)
    assert {name: marks(tmp_path)[name] for name in before} == before
    assert "d.jsonl" not in marks(tmp_path)
    os.rename(tmp_path / "a.aside", tmp_path / "documents/a.jsonl")
    dedupe(tmp_path, METHOD)
    os.rename(tmp_path / "b.aside", tmp_path / "documents/b.jsonl")
    assert marks(tmp_path) == whole(tmp_path, METHOD)[0]


def test_documents_that_are_known_by_their_signature_need_not_be_there(tmp_path: Path) -> None:
    method = METHODS["signature"]
    order = corpus(tmp_path)
    bring(tmp_path, order)
    expected, _ = whole(tmp_path, method)
    shutil.rmtree(tmp_path / "documents")
    bring(tmp_path, order[:3])
    dedupe(tmp_path, method)
    shutil.rmtree(tmp_path / "documents")
    bring(tmp_path, order[3:])
    dedupe(tmp_path, method)
    assert marks(tmp_path) == expected


def test_a_changed_file_is_read_again_and_its_old_version_forgotten(tmp_path: Path) -> None:
    order = corpus(tmp_path)
    bring(tmp_path, order)
    dedupe(tmp_path, METHOD)
    rows = read(tmp_path / "documents/3.jsonl.gz")
    write(tmp_path / "documents/3.jsonl.gz", rows[: len(rows) // 2])
    dedupe(tmp_path, METHOD)
    assert marks(tmp_path) == whole(tmp_path, METHOD)[0]
    assert len(list((tmp_path / "near.index/readings").iterdir())) == 6


def test_a_file_with_a_new_name_is_not_a_copy_of_itself(tmp_path: Path) -> None:
    order = corpus(tmp_path)
    bring(tmp_path, order)
    dedupe(tmp_path, METHOD)
    os.rename(tmp_path / "documents/3.jsonl.gz", tmp_path / "documents/9.jsonl.gz")
    dedupe(tmp_path, METHOD)
    expected, _ = whole(tmp_path, METHOD)
    found = marks(tmp_path)
    assert {name: found[name] for name in expected} == expected
    assert len(list((tmp_path / "near.index/readings").iterdir())) == 6
    # A copy is one.
    shutil.copy2(tmp_path / "documents/0.jsonl.gz", tmp_path / "documents/a.jsonl.gz")
    report = dedupe(tmp_path, METHOD)
    rows = read(tmp_path / "attributes/near/a.jsonl.gz")
    assert all(row["attributes"]["near"] for row in rows)
    assert report["details"]["clusters"]["compared"] == sum(
        len(read(path)) for path in (tmp_path / "documents").iterdir()
    )


def test_attributes_that_got_lost_are_written_again(tmp_path: Path) -> None:
    order = corpus(tmp_path)
    bring(tmp_path, order)
    dedupe(tmp_path, METHOD)
    before = marks(tmp_path)
    (tmp_path / "attributes/near/2.jsonl.gz").unlink()
    report = dedupe(tmp_path, METHOD)
    assert report["shards"]["skipped"] == 5
    assert marks(tmp_path) == before
    forced = dedupe(tmp_path, METHOD, force=True)
    assert forced["shards"]["skipped"] == 0
    assert marks(tmp_path) == before


def test_what_is_asked_for_after_reading_may_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    order = corpus(tmp_path)
    bring(tmp_path, order)
    dedupe(tmp_path, METHOD)
    strict = {"minhash": {"attribute_name": "near", "threshold": 0.97}}
    capsys.readouterr()
    dedupe(tmp_path, strict)
    assert "readings of 6 of 6 files are there; about" in capsys.readouterr().err
    assert marks(tmp_path) == whole(tmp_path, strict)[0]


@pytest.mark.parametrize("parts", [2, 3])
def test_parts_read_for_an_index(tmp_path: Path, parts: int) -> None:
    order = corpus(tmp_path)
    for step in (order[:3], order[3:]):
        bring(tmp_path, step)
        done = [dedupe(tmp_path, METHOD, shard=f"{index}/{parts}") for index in range(parts)]
        assert sum(part["shards"]["planned"] - part["shards"]["skipped"] for part in done) == 3
        dedupe(tmp_path, METHOD)
        assert marks(tmp_path) == whole(tmp_path, METHOD)[0]
    late = dedupe(tmp_path, METHOD, shard="0/2")
    assert late["shards"]["planned"] == 0


def test_against_other_files_too(tmp_path: Path) -> None:
    order = corpus(tmp_path)
    (tmp_path / "old").mkdir()
    shutil.copy2(tmp_path / "all" / order[0], tmp_path / "old")
    more = {"dedupe": {"against": [f"{tmp_path}/old/*"]}}
    for step in (order[1:3], order[3:]):
        bring(tmp_path, step)
        dedupe(tmp_path, METHOD, dedupe=dict(more["dedupe"]))
        assert marks(tmp_path) == whole(tmp_path, METHOD, dedupe=dict(more["dedupe"]))[0]


def test_what_is_in_the_index_is_not_compared_with_itself(tmp_path: Path) -> None:
    order = corpus(tmp_path)
    bring(tmp_path, order[:2])
    dedupe(tmp_path, METHOD)
    more = {"against": [f"{tmp_path}/documents/{order[0]}"]}
    config = {
        "documents": [f"{tmp_path}/documents/{order[1]}"],
        "dedupe": {**METHOD, "index": {"file": str(tmp_path / "near.index")}, **more},
    }
    with pytest.raises(DolmaConfigError, match=r"dedupe.against: .* is in the index, too"):
        package.deduper(config)


def test_a_read_only_index_learns_nothing(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    order = corpus(old)
    bring(old, order[:4])
    dedupe(old, METHOD)
    shutil.copytree(old / "all", new / "all")
    bring(new, order[4:])
    index = {"file": str(old / "near.index"), "read_only": True}
    before = visible(old / "near.index")
    dedupe(new, METHOD, options=index)
    assert visible(old / "near.index") == before
    found = marks(new)
    shutil.rmtree(new / "attributes/near")
    # As if the absorbed files came before all others.
    dedupe(new, METHOD, None, dedupe={"against": [f"{old}/documents/*"]})
    assert marks(new) == found
    assert any(b'"duplicate_of"' in _text(new / "attributes/near" / name) for name in found)
    shutil.rmtree(new / "attributes/near")
    for part in range(2):
        assert dedupe(new, METHOD, options=index, shard=f"{part}/2")["shards"]["planned"] == 1
    aside = old / "documents" / order[0]
    aside.rename(old / "aside")
    with pytest.raises(DolmaInputError, match=r"is not there as the index knows it.*verify: jaccard"):
        dedupe(new, METHOD, options=index, force=True)
    (old / "aside").rename(aside)
    assert visible(old / "near.index") == before
    with pytest.raises(DolmaConfigError, match="duplicate of itself"):
        dedupe(old, METHOD, options=index)
    shutil.copy2(old / "documents" / order[0], new / "documents/copied.jsonl.gz")
    with pytest.raises(DolmaConfigError, match=r"was made of .*copied.jsonl.gz, too"):
        dedupe(new, METHOD, options=index)
    with pytest.raises(DolmaInputError, match="does not exist"):
        dedupe(new, METHOD, options={"file": str(tmp_path / "none"), "read_only": True})


def _text(path: Path) -> bytes:
    return "\n".join(json.dumps(row, separators=(",", ":")) for row in read(path)).encode()


def test_a_damaged_index_is_never_believed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order = corpus(tmp_path)
    bring(tmp_path, order[:4])
    dedupe(tmp_path, METHOD)
    bring(tmp_path, order[4:])
    expected, _ = whole(tmp_path, METHOD)
    before = marks(tmp_path)
    path = tmp_path / "near.index/index.json"
    good = path.read_bytes()
    for at in range(0, len(good) - 1, 31):
        path.write_bytes(bytes([*good[:at], good[at] ^ 4, *good[at + 1 :]]))
        with pytest.raises(DolmaAssetError, match=r"index.json: the index is damaged"):
            dedupe(tmp_path, METHOD)
    for length in (0, 5, len(good) // 2, len(good) - 3):
        path.write_bytes(good[:length])
        with pytest.raises(DolmaAssetError, match=r"index.json: the index is damaged"):
            dedupe(tmp_path, METHOD)
    assert marks(tmp_path) == before
    path.write_bytes(good)
    reading = min((tmp_path / "near.index/readings").iterdir())
    data = bytearray(reading.read_bytes())
    data[len(data) // 2] ^= 1
    reading.write_bytes(bytes(data))
    dedupe(tmp_path, METHOD)
    assert "this reading is damaged: a checksum is wrong" in capsys.readouterr().err
    assert marks(tmp_path) == expected


def test_a_damaged_reading_of_a_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    order = sorted(corpus(tmp_path))
    bring(tmp_path, order[:2])
    dedupe(tmp_path, METHOD)
    for reading in (tmp_path / "near.index/readings").iterdir():
        data = bytearray(reading.read_bytes())
        data[-1] ^= 1
        reading.write_bytes(bytes(data))
    index = {"file": str(tmp_path / "near.index"), "read_only": True}
    other = tmp_path / "other"
    write(other / "documents/x.jsonl", texts("x"))
    with pytest.raises(DolmaAssetError, match=r"this reading is damaged.*read_only adds nothing"):
        dedupe(other, METHOD, options=index)
    (tmp_path / "documents" / order[0]).unlink()
    # Nothing is asked of the readings while nothing is new.
    assert dedupe(tmp_path, METHOD)["shards"]["skipped"] == 2
    bring(tmp_path, order[2:3])
    with pytest.raises(DolmaInputError, match=r"is not there as the index knows it.*its reading is damaged"):
        dedupe(tmp_path, METHOD)
    bring(tmp_path, order[:1])
    dedupe(tmp_path, METHOD)
    assert marks(tmp_path) == whole(tmp_path, METHOD)[0]


def test_runs_that_do_not_fit_the_index_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "documents/a.jsonl", texts("x"))
    dedupe(tmp_path, METHOD)
    with pytest.raises(DolmaConfigError, match="holds readings made by"):
        dedupe(tmp_path, {"minhash": {"attribute_name": "near", "seed": 2}})
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DolmaConfigError, match="the index of MinHash is a folder"):
        dedupe(tmp_path, METHOD, "file")
