"""`BaseParallelProcessor` from a bucket to a bucket, with its markers there."""

from __future__ import annotations

from pathlib import Path

import pytest
from bucket import Bucket

from dolma.core import paths
from processors import Upper


@pytest.mark.parametrize("debug", [True, False], ids=["here", "processes"])
def test_files_of_a_bucket_are_done_once_at_any_depth(
    s3: Bucket, debug: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    s3.put("in/a.txt", b"a")
    s3.put("in/sub/deep/b.txt", b"b")

    def run() -> list[str]:
        Upper(s3.path("in"), s3.path("out"), s3.path("meta/"), debug=debug)()
        return capsys.readouterr().err.splitlines()

    assert run()[0] == "Upper: 2 files to do, 0 done before"
    assert (s3.get("out/a.txt"), s3.get("out/sub/deep/b.txt")) == (b"A", b"B")
    keys = s3.keys()
    assert keys[2:4] == ["meta/a.txt.done.txt", "meta/sub/deep/b.txt.done.txt"]
    s3.put("in/sub/c.txt", b"c")
    assert run()[0] == "Upper: 1 files to do, 2 done before"
    assert s3.get("out/sub/c.txt") == b"C"


def test_a_single_file_far_down_keeps_its_folders(s3: Bucket, tmp_path: Path) -> None:
    s3.put("in/sub/deep/a.txt", b"a")
    Upper(s3.path("in/**/*.txt"), str(tmp_path / "out"), str(tmp_path / "meta"), debug=True)()
    assert (tmp_path / "out/sub/deep/a.txt").read_text() == "A"


def test_published_functions_on_paths_look_into_buckets(s3: Bucket) -> None:
    for key in ("d/a.gz", "d/e/b.gz"):
        s3.put(key, b"x")
    assert list(paths.glob_path(s3.path("d"))) == [s3.path("d/a.gz")]
    assert list(paths.glob_path(s3.path("d/**/*.gz"))) == [s3.path("d/a.gz"), s3.path("d/e/b.gz")]
    assert list(paths.glob_path(s3.path("none/*"))) == []
    asked = [s3.path("d/a.gz"), s3.path("d/e"), s3.path("d/e/"), s3.path("d/"), s3.url, s3.path("none")]
    assert [paths.is_dir(path) for path in asked] == [False, True, True, True, True, False]
    assert [paths.exists(path) for path in asked] == [True, True, True, True, True, False]
    paths.mkdir_p(s3.path("new"))
    assert s3.keys() == ["d/a.gz", "d/e/b.gz"]
