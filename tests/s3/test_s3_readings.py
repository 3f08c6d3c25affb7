"""Parts of a deduplication and an index of MinHash in `s3://`: the bytes of one local run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from bucket import Bucket
from faults import FOREVER, Faults

import dolma
from dolma import storage
from dolma.errors import DolmaShardError
from folders import visible
from shards import prose, write

METHODS: dict[str, dict[str, Any]] = {
    "exact": {"documents": {"attribute_name": "dup"}, "explain": False},
    "minhash": {"minhash": {"attribute_name": "dup"}, "explain": False},
    "substring": {"substring": {"attribute_name": "dup", "min_length": 60}, "explain": False},
}
FILES = ("a.jsonl.gz", "b/c.jsonl.zst", "b/d.jsonl", "e.jsonl.gz")


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """The corpus on the local disk."""
    root = tmp_path / "local"
    for number, name in enumerate(FILES):
        rows = [
            {"id": f"{name}-{at}", "text": prose((number + at) % 40, 60) + " end" * (at % 2), "source": "s"}
            for at in range(60)
        ]
        write(root / "documents" / name, rows)
    return root


def dedupe(root: str, method: dict[str, Any], **more: Any) -> dict[str, Any]:
    own = more.pop("dedupe", {})
    config = {"documents": [f"{root}/documents/**/*"], "dedupe": {**method, **own}, **more}
    return dolma.deduper(config) or {}


def whole(local: Path, method: dict[str, Any]) -> dict[str, bytes]:
    dedupe(str(local), method)
    found = {f"attributes/{name}": data for name, data in visible(local / "attributes").items()}
    shutil.rmtree(local / "attributes")
    return found


def upload(local: Path, s3: Bucket, names: tuple[str, ...] = FILES) -> None:
    for name in names:
        s3.put(f"documents/{name}", (local / "documents" / name).read_bytes())


def marks(s3: Bucket) -> dict[str, bytes]:
    keys = [key for key in s3.keys() if key.startswith("attributes/") and "/.dolma/" not in key]  # noqa: SIM118
    return {key: s3.get(key) for key in keys}


def readings(s3: Bucket) -> list[str]:
    return [key for key in s3.keys() if "/readings/" in key]  # noqa: SIM118


@pytest.mark.parametrize("name", list(METHODS))
def test_parts_leave_readings_in_the_bucket(s3: Bucket, local: Path, name: str) -> None:
    upload(local, s3)
    for index in (2, 0, 1):
        dedupe(s3.url, METHODS[name], shard=f"{index}/3")
    assert marks(s3) == {}
    assert len([key for key in readings(s3) if key.endswith(".reading")]) == 4
    report = dedupe(s3.url, METHODS[name], processes=2)
    assert marks(s3) == whole(local, METHODS[name])
    assert report["counts"]["read"] == 240
    assert readings(s3) == []
    assert s3.unfinished_uploads() == []


@pytest.mark.parametrize("name", list(METHODS))
def test_a_run_that_stops_leaves_readings_in_the_bucket(s3: Bucket, local: Path, name: str) -> None:
    upload(local, s3)
    s3.put("documents/z.jsonl", b'{"id": "cut')
    with pytest.raises(DolmaShardError):
        dedupe(s3.url, METHODS[name], dedupe={"resumable": "always"})
    assert marks(s3) == {}
    assert len([key for key in readings(s3) if key.endswith(".reading")]) == 4
    storage.delete(s3.path("documents/z.jsonl"))
    report = dedupe(s3.url, METHODS[name])
    assert report["readings"] == {"taken": 4, "made": 0}
    assert marks(s3) == whole(local, METHODS[name])
    assert readings(s3) == []


def test_a_reading_that_cannot_be_uploaded_is_made_by_the_next_run(
    s3: Bucket, s3_faults: Faults, local: Path
) -> None:
    upload(local, s3)
    s3_faults.refuse(FOREVER, 403, "AccessDenied", method="PUT")
    with pytest.raises(DolmaShardError):
        dedupe(s3.url, METHODS["exact"], shard="0/1")
    s3_faults.clear()
    assert readings(s3) == []
    dedupe(s3.url, METHODS["exact"], shard="0/2")
    dedupe(s3.url, METHODS["exact"])
    assert marks(s3) == whole(local, METHODS["exact"])


def test_an_index_of_minhash_grows_in_the_bucket(s3: Bucket, local: Path) -> None:
    index = {"index": {"file": s3.path("seen/near")}}
    upload(local, s3, FILES[2:])
    dedupe(s3.url, METHODS["minhash"], dedupe=index)
    upload(local, s3, FILES[:2])
    dedupe(s3.url, METHODS["minhash"], dedupe=index, shard="0/2")
    dedupe(s3.url, METHODS["minhash"], dedupe=index)
    assert marks(s3) == whole(local, METHODS["minhash"])
    again = dedupe(s3.url, METHODS["minhash"], dedupe=index)
    assert again["shards"]["skipped"] == 4
    assert len([key for key in readings(s3) if key.endswith(".reading")]) == 4
