"""What a power failure can take: the disk is waited for once for a file's bytes, and once for all names."""

from __future__ import annotations

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import dolma
from dolma import storage
from dolma.errors import DolmaStorageError


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were waited for, as they are."""
    paths: list[str] = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        paths.append(os.readlink(f"/proc/self/fd/{handle}"))
        fsync(handle)

    storage.settle()
    monkeypatch.setattr(os, "fsync", noted)
    return paths


def made(folder: Path, name: str) -> str:
    path = folder / name
    path.write_bytes(b"whole")
    return str(path)


def test_names_are_waited_for_at_once_however_many_they_are(tmp_path: Path, synced: list[str]) -> None:
    for name in ("a", "b", "c"):
        storage.publish(made(tmp_path, name), str(tmp_path / "deep/out" / name), settled=False)
    assert [os.path.basename(path) for path in synced] == ["a", "b", "c"]
    synced.clear()
    storage.settle()
    assert sorted(synced) == [str(tmp_path / below) for below in ("", "deep", "deep/out")]
    synced.clear()
    storage.settle()
    assert synced == []


def test_a_file_that_is_published_alone_is_settled(tmp_path: Path, synced: list[str]) -> None:
    storage.publish(made(tmp_path, "a"), str(tmp_path / "out/a"))
    storage.write_bytes(str(tmp_path / "other/b"), b"whole")
    storage.write_bytes(str(tmp_path / "third/c"), b"whole", durable=False)
    assert {str(tmp_path / "out"), str(tmp_path / "other")} <= set(synced)
    assert str(tmp_path / "third") not in synced


def test_threads_wait_for_each_other_s_names(tmp_path: Path, synced: list[str]) -> None:
    def publish(number: int) -> bool:
        storage.publish(made(tmp_path, str(number)), str(tmp_path / f"out/{number}/file"))
        return str(tmp_path / f"out/{number}") in synced

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(publish, range(200)))


def test_a_directory_that_is_gone_needs_no_waiting(tmp_path: Path, synced: list[str]) -> None:
    storage.publish(made(tmp_path, "a"), str(tmp_path / "out/a"), settled=False)
    storage.clear(str(tmp_path / "out"))
    storage.settle()
    assert str(tmp_path / "out") not in synced


def test_a_disk_that_fails_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.publish(made(tmp_path, "a"), str(tmp_path / "a"), settled=False)

    def fail(handle: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DolmaStorageError, match=rf"{tmp_path}: cannot sync: Input/output error"):
        storage.settle()


def test_a_run_whose_names_are_not_on_the_disk_has_failed_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents/a.jsonl").write_text('{"id": "1", "text": "one"}\n')

    def fail() -> None:
        raise DolmaStorageError("attributes: cannot sync: Input/output error")

    monkeypatch.setattr(storage, "settle", fail)
    recipe = {"documents": [f"{tmp_path}/documents/*"], "taggers": ["char_length_v1"]}
    with pytest.raises(DolmaStorageError, match="cannot sync"):
        dolma.tagger({**recipe, "report": f"{tmp_path}/report.json"})
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["status"], report["error"]) == ("failed", "attributes: cannot sync: Input/output error")
