"""`dolma.core.paths`: what scripts for the published package do with paths."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dolma.core import paths
from dolma.errors import DolmaStorageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.gz", "b.txt", ".hidden.gz", "sub/c.gz", "sub/deep/d.gz"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "options", "expected"),
    [
        ("", {}, ["a.gz", "b.txt"]),
        ("", {"recursive_dirs": True}, ["a.gz", "b.txt", "sub/c.gz", "sub/deep/d.gz"]),
        ("", {"hidden_files": True}, [".hidden.gz", "a.gz", "b.txt"]),
        ("", {"autoglob_dirs": False}, []),
        ("", {"yield_dirs": False}, ["a.gz", "b.txt"]),
        ("*.gz", {}, ["a.gz"]),
        ("**/*.gz", {}, ["a.gz", "sub/c.gz", "sub/deep/d.gz"]),
        ("**/*", {}, ["a.gz", "b.txt", "sub/c.gz", "sub/deep/d.gz"]),
        ("*/deep", {}, ["sub/deep/d.gz"]),
        ("a.gz", {}, ["a.gz"]),
        ("a.gz", {"autoglob_dirs": False}, ["a.gz"]),
        (".hidden.gz", {}, [".hidden.gz"]),
        ("nothing/*", {}, []),
        ("nothing", {}, []),
    ],
)
def test_glob_path_gives_files(
    folder: Path, pattern: str, options: dict[str, bool], expected: list[str]
) -> None:
    found = paths.glob_path(folder / pattern, **options)
    assert next(paths.glob_path(str(folder / "a.gz"))) == str(folder / "a.gz")
    assert [os.path.relpath(path, folder) for path in found] == expected


def test_files_and_directories_are_told_apart_and_made(folder: Path) -> None:
    asked = [str(folder / name) for name in ("a.gz", "sub", "nothing")]
    assert [paths.is_file(path) for path in asked] == [True, False, False]
    assert [paths.is_dir(path) for path in asked] == [False, True, False]
    assert [paths.exists(path) for path in asked] == [True, True, False]
    paths.mkdir_p(f"{folder}/new/er")
    paths.mkdir_p(f"{folder}/new/er")
    assert (folder / "new/er").is_dir()
    with pytest.raises(ValueError, match="no wildcards"):
        paths.mkdir_p(f"{folder}/*")
    with pytest.raises(DolmaStorageError, match="cannot create"):
        paths.mkdir_p(f"{folder}/a.gz/b")


@pytest.mark.parametrize(
    ("path", "protocol", "parts"),
    [
        ("s3://bucket/to/dir/", "s3", ("bucket", "to", "dir")),
        ("/to//./dir", "", ("/", "to", "dir")),
        ("to/[ab]/*", "", ("to", "[ab]", "*")),
        ("/", "", ("/",)),
    ],
)
def test_a_path_is_split_and_joined(path: str, protocol: str, parts: tuple[str, ...]) -> None:
    assert paths.split_path(path) == (protocol, parts)
    assert paths.split_path(paths.join_path(protocol, parts)) == (protocol, parts)


def test_pieces_are_joined() -> None:
    assert paths.join_path(None, "s3://a/b/", "c/", ("d", "e")) == "s3://a/b/c/d/e"
    assert paths.join_path("s3", ("/", "a", "")) == "s3://a"
    assert paths.join_path("", "a", "/b") == "/b"
    assert paths.add_suffix("/a/**", "*") == "/a/**/*"
    with pytest.raises(ValueError, match="s3://b is not relative"):
        paths.add_suffix("a", "s3://b")


def test_parents() -> None:
    found = [paths.parent(path) for path in ("s3://b/k/x", "s3://b", "/a", "/", "a/b", "a")]
    assert found == ["s3://b/k", "s3://b", "/", "/", "a", "a"]


def test_a_prefix_or_suffix_is_taken_off() -> None:
    assert paths.sub_prefix("s3://b/c/d", "s3://b") == "c/d"
    assert paths.sub_prefix("/a/b", "/a/b") == "."
    assert paths.sub_prefix("/a/b", "/a/bc") == "/a/b"
    with pytest.raises(ValueError, match="different protocols"):
        paths.sub_prefix("s3://b", "/b")
    assert paths.sub_suffix("s3://a/b/c", "b/c") == "s3://a"
    assert paths.sub_suffix("/a/b", "a/b") == "/"
    assert paths.sub_suffix("a/bc", "c") == "a/bc"
    assert paths.sub_suffix("s3://a", "a") == "s3://"
    with pytest.raises(ValueError, match="is not relative"):
        paths.sub_suffix("s3://a", "s3://a")


def test_wildcards() -> None:
    asked = ["a/*", "a/?", "[a]", "a", r"a/\*", r"a/\*/*"]
    assert [paths.is_glob(path) for path in asked] == [True, True, True, False, False, True]
    assert paths.split_glob("/a/b?/c/*") == ("/a", "b?/c/*")
    assert paths.split_glob("s3://b/c") == ("s3://b/c", "")
    assert paths.split_glob("*/c") == ("", "*/c")
    assert paths.partition_path("s3://b/*/c/?") == ("s3", ("b",), ("c", "?"))
    assert paths.partition_path("a/b") == ("", ("a", "b"), ())


def test_extensions() -> None:
    assert paths.split_ext("s3://b/f.tar.gz") == ("s3", ("b", "f"), ".tar.gz")
    assert paths.split_ext("/a/.hidden.gz") == ("", ("/", "a", ".hidden"), ".gz")
    assert paths.split_ext("") == ("", (), "")
    assert (paths.is_local("file:///a"), paths.is_local("a"), paths.is_local("s3://a")) == (True, True, False)


@pytest.mark.parametrize(
    ("given", "common", "relative"),
    [
        (["/a/b/c", "/a/b/*.gz", "/a/d"], "/a", ["b/c", "b/*.gz", "d"]),
        (["s3://x/a", "s3://y/a"], "s3://", ["x/a", "y/a"]),
        (["s3://x/a", "s3://x/a/b"], "s3://x/a", [".", "b"]),
        (["a", "/a"], "", ["a", "/a"]),
    ],
)
def test_what_is_common_to_paths(given: list[str], common: str, relative: list[str]) -> None:
    assert paths.make_relative(given) == (common, relative)


def test_paths_without_anything_in_common_are_refused() -> None:
    with pytest.raises(ValueError, match="no paths"):
        paths.make_relative([])
    with pytest.raises(ValueError, match="different protocols: , s3"):
        paths.make_relative(["s3://a", "a"])
