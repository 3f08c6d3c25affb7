"""Where files are read and written: one file is one whatever its spelling, and no input is written over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from command import dolma, refused, succeed
from dolma import storage
from folders import contents, inside
from shards import attributes_of, prose, put

DEDUPE = ("dedupe", "--dedupe.name", "d", "--dedupe.documents.attribute_name", "d")
SIZED = ("--bloom_filter.size_in_bytes", "100_000", "--bloom_filter.file", "f.bin")
ADDING = (*SIZED, "--no-bloom_filter.read_only")
READING = (*SIZED, "--bloom_filter.read_only")
INDEX = ("--dedupe.index.file", "i.bin")
LENGTHS = ("--taggers", "char_length_v1", "--experiment", "e")


def spellings(root: Path, path: str) -> tuple[str, ...]:
    folder, _, name = path.rpartition("/")
    return path, f"./{path}", f"{root}/{path}", f"{folder}/../{folder.rpartition('/')[2]}//{name}"


@pytest.mark.parametrize("how", [ADDING, ()])
def test_one_file_in_several_spellings_is_no_duplicate_of_itself(
    tmp_path: Path, how: tuple[str, ...]
) -> None:
    put(tmp_path / "c/documents/a.jsonl", "one text", "another", "a third one")
    succeed(*DEDUPE, *how, "--documents", *spellings(tmp_path, "c/documents/a.jsonl"), cwd=tmp_path)
    assert [row.get("d", []) for row in attributes_of(tmp_path / "c/attributes/d/a.jsonl")] == [[]] * 3
    mix = {
        "streams": [
            {"name": "s", "documents": [*spellings(tmp_path, "c/documents/a.jsonl")], "output": {"path": "o"}}
        ]
    }
    (tmp_path / "mix.json").write_text(json.dumps(mix))
    told = succeed("mix", "-c", "mix.json", cwd=tmp_path).err
    assert "3 documents read = 3 written" in told


def test_what_a_path_with_dots_behind_a_link_means_is_asked_of_the_disk(tmp_path: Path) -> None:
    """`link/../a` is beside the folder that the link leads to."""
    put(tmp_path / "far/a.jsonl", "far")
    (tmp_path / "far/sub").mkdir()
    put(tmp_path / "near/a.jsonl", "near")
    (tmp_path / "near/link").symlink_to(tmp_path / "far/sub")
    with inside(tmp_path):
        assert storage.identity("near/link/../a.jsonl") == str(tmp_path / "far/a.jsonl")
        assert storage.identity("near/../near//a.jsonl") == storage.identity(
            f"file://{tmp_path}/near/./a.jsonl"
        )
    assert storage.identity("s3a://b/../c") == storage.identity("s3://b/../c") == "s3://b/../c"


def mixed(**more: Any) -> str:
    stream = {"name": "s", "documents": ["c/documents/*"], "output": {"path": "c"}} | more
    return json.dumps({"streams": [stream], "shuffle": "documents" in more})


@pytest.mark.parametrize(
    ("arguments", "lost"),
    [
        (("tag", *LENGTHS, "--documents", "c/documents/*", "--destination", "c/documents"), "a.jsonl"),
        (("tag", *LENGTHS, "--documents", "link/documents/*", "--destination", "c/documents"), "a.jsonl"),
        (("tag", *LENGTHS, "--documents", "c/documents", "--report", "c/documents/a.jsonl"), "a.jsonl"),
        (("mix", "-c", mixed()), "a.jsonl"),
        (
            ("mix", "-c", mixed(documents=["c/documents/s*"], output={"path": "c/documents"})),
            "s-0000.jsonl.gz",
        ),
    ],
)
def test_no_input_is_written_over(tmp_path: Path, arguments: tuple[str, ...], lost: str) -> None:
    put(tmp_path / "c/documents/a.jsonl", "one text", "another")
    put(tmp_path / "c/documents/s-0000.jsonl.gz", "a third")
    (tmp_path / "link").symlink_to("c")
    before = contents(tmp_path / "c")
    if arguments[0] == "mix":
        (tmp_path / "mix.json").write_text(arguments[2])
        arguments = ("mix", "-c", "mix.json")
    told = refused(*arguments, cwd=tmp_path)
    assert f"c/documents/{lost} is an input of this run, and would be written over by it" in told
    assert contents(tmp_path / "c") == before


@pytest.mark.parametrize("adding", [ADDING, INDEX])
def test_an_earlier_version_is_known_by_any_spelling_of_its_path(
    tmp_path: Path, adding: tuple[str, ...]
) -> None:
    put(tmp_path / "c/documents/a.jsonl", "one text")
    put(tmp_path / "c/documents/b.jsonl", "another")
    reading = READING if adding is ADDING else (*INDEX, "--dedupe.index.read_only")
    succeed(*DEDUPE, *adding, "--documents", "c/documents", cwd=tmp_path)
    put(tmp_path / "c/documents/b.jsonl", "another", "and one more")
    before = contents(tmp_path)
    for spelled in spellings(tmp_path, "c/documents/b.jsonl"):
        for how in (adding, reading):
            told = refused(*DEDUPE, *how, "--documents", spelled, cwd=tmp_path)
            assert "an earlier version of" in told
    assert contents(tmp_path) == before


@pytest.mark.parametrize("adding", [ADDING, INDEX])
def test_files_of_one_relative_path_in_two_folders_are_two(tmp_path: Path, adding: tuple[str, ...]) -> None:
    for name in ("first", "second"):
        put(tmp_path / f"{name}/documents/a.jsonl", "in both", f"only in the {name}")
        shared = [f"../{one}" if one.endswith(".bin") else one for one in adding]
        succeed(*DEDUPE, *shared, "--documents", "documents/*", cwd=tmp_path / name)
    marks = [bool(row.get("d")) for row in attributes_of(tmp_path / "second/attributes/d/a.jsonl")]
    assert marks == [True, False]


def test_a_file_in_the_place_of_a_folder_is_told_without_a_trace(tmp_path: Path) -> None:
    put(tmp_path / "documents/a.jsonl", "a")
    (tmp_path / "file").write_text("x")
    done = dolma("tag", *LENGTHS, "--documents", "documents", "--destination", "file", cwd=tmp_path)
    assert done.code == 4
    assert "a part of the path is a file, not a directory" in done.message
    assert "Exception" not in done.err


def test_an_index_of_minhash_finds_its_files_from_any_folder(tmp_path: Path) -> None:
    texts = [prose(seed, 60) for seed in range(3)]
    put(tmp_path / "c/documents/a.jsonl", *texts)
    put(tmp_path / "c/documents/b.jsonl", *texts)
    minhash = ("dedupe", "--dedupe.name", "d", "--dedupe.minhash.attribute_name", "d", "--dedupe.index.file")

    def marks(name: str) -> list[bool]:
        return [bool(row.get("d")) for row in attributes_of(tmp_path / f"c/attributes/d/{name}.jsonl")]

    succeed(*minhash, "index", "--documents", "c/documents/a.jsonl", cwd=tmp_path)
    for spelled in spellings(tmp_path, "c/documents/a.jsonl"):
        succeed(*minhash, "index", "--documents", spelled, cwd=tmp_path)
        assert marks("a") == [False] * 3
        told = refused(*minhash, "index", "--dedupe.index.read_only", "--documents", spelled, cwd=tmp_path)
        assert "was made of" in told
    succeed(*minhash, "../index", "--documents", "documents/b.jsonl", cwd=tmp_path / "c")
    assert marks("a") + marks("b") == [False] * 3 + [True] * 3
    before = contents(tmp_path / "c")
    succeed(*minhash, "index", "--documents", f"{tmp_path}/c/documents/*", cwd=tmp_path)
    assert contents(tmp_path / "c").keys() == before.keys()
    assert marks("a") + marks("b") == [False] * 3 + [True] * 3


@pytest.mark.parametrize(
    ("kind", "remembers"),
    [
        ("minhash", "--dedupe.index.file"),
        ("documents", "--dedupe.index.file"),
        ("documents", "--bloom_filter.file"),
    ],
)
def test_what_is_moved_alone_finds_its_files_by_their_whole_paths(
    tmp_path: Path, kind: str, remembers: str
) -> None:
    texts = [prose(seed, 60) for seed in range(3)]
    for name in "ab":
        put(tmp_path / f"c/documents/{name}.jsonl", *texts)
    how = ["dedupe", "--dedupe.name", "d", f"--dedupe.{kind}.attribute_name", "d"]
    if remembers == "--bloom_filter.file":
        how += ["--bloom_filter.size_in_bytes", "100_000", "--no-bloom_filter.read_only"]
    succeed(*how, remembers, "moved", "--documents", f"{tmp_path}/c/documents/a.jsonl", cwd=tmp_path)
    (tmp_path / "else/where").mkdir(parents=True)
    (tmp_path / "moved").rename(tmp_path / "else/where/moved")
    again = (*how, remembers, "else/where/moved", "--documents", f"{tmp_path}/c/documents/*")
    if (kind, remembers) == ("documents", "--dedupe.index.file"):
        # What is published names an exact index by its path.
        assert "has absorbed" in refused(*again, cwd=tmp_path)
    else:
        succeed(*again, cwd=tmp_path)
        rows = [
            *attributes_of(tmp_path / "c/attributes/d/a.jsonl"),
            *attributes_of(tmp_path / "c/attributes/d/b.jsonl"),
        ]
        assert [bool(row.get("d")) for row in rows] == [False] * 3 + [True] * 3
    if kind == "documents":
        put(tmp_path / "c/documents/a.jsonl", *texts, "one more")
        assert "an earlier version of" in refused(*again, cwd=tmp_path)


def test_a_report_or_a_profile_replaces_nothing_that_the_run_reads_or_writes(tmp_path: Path) -> None:
    put(tmp_path / "c/documents/a.jsonl", "a")
    tag = ("tag", *LENGTHS, "--documents", "c/documents")
    told = refused(*tag, "--report", f"{tmp_path}/c/attributes/e/a.jsonl", cwd=tmp_path)
    assert "a.jsonl is an output of this run; give another place" in told
    told = refused(*tag, "--profile", "--profile.output", "c/documents/./a.jsonl", cwd=tmp_path)
    assert "a.jsonl is an input of this run; give another place" in told
    assert contents(tmp_path / "c").keys() == {"documents/a.jsonl"}
