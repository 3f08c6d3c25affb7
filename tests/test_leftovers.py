"""What earlier runs of a mix left in its folder, and the present plan does not make."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from command import Result, dolma, succeed
from folders import everything, listed, visible
from shards import put

THREE = ["s-0000.jsonl.gz", "s-0001.jsonl.gz", "s-0002.jsonl.gz"]


def mix(root: Path, *options: str, shuffle: bool = True, name: str = "s", size: int = 20) -> Result:
    stream: dict[str, Any] = {"name": name, "documents": ["documents/*"]}
    stream["output"] = {"path": "out", "max_size_in_bytes": size}
    (root / "mix.json").write_text(json.dumps({"streams": [stream], "shuffle": shuffle}))
    return succeed("mix", "-c", "mix.json", *options, cwd=root)


def undisturbed(root: Path, **how: Any) -> dict[str, bytes]:
    """The mix of the same documents in a folder where there was none before."""
    shutil.copytree(root / "documents", root / "fresh/documents")
    mix(root / "fresh", **how)
    return visible(root / "fresh/out")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in "abc":
        put(tmp_path / f"documents/{name}.jsonl", f"text of {name}")
    mix(tmp_path)
    assert listed(tmp_path / "out") == THREE
    return tmp_path


def test_with_an_input_less_there_is_an_output_less(folder: Path) -> None:
    (folder / "documents/c.jsonl").unlink()
    removed = "out/s-0002.jsonl.gz of an earlier plan of these streams will be removed"
    assert removed in mix(folder, "--dryrun").err
    assert listed(folder / "out") == THREE
    assert removed in mix(folder).err
    assert visible(folder / "out") == undisturbed(folder)
    assert not [path for path in everything(folder / "out") if "s-0002" in path]
    assert "removed" not in mix(folder).err


def test_with_larger_outputs_no_document_is_there_twice(folder: Path) -> None:
    assert "out/s-0001.jsonl.gz, out/s-0002.jsonl.gz of" in mix(folder, size=10_000).err
    assert visible(folder / "out") == undisturbed(folder, size=10_000)


def test_parts_of_a_mix_leave_each_other_in_peace(folder: Path) -> None:
    for part in ("0/2", "1/2"):
        assert "removed" not in mix(folder, "--shard", part, "--force").err
    assert listed(folder / "out") == THREE


def test_files_that_are_of_other_mixes_or_of_nobody_stay(folder: Path) -> None:
    put(folder / "out/s-0003.jsonl.gz", "of nobody that is known")
    (folder / "documents/b.jsonl").unlink()
    told = mix(folder, name="r").err
    assert (
        "warning: out/s-0000.jsonl.gz, out/s-0001.jsonl.gz, out/s-0002.jsonl.gz of earlier runs are in"
        in told
    )
    assert listed(folder / "out") == ["r-0000.jsonl.gz", "r-0001.jsonl.gz", *THREE, "s-0003.jsonl.gz"]


def test_outputs_named_after_inputs_that_are_gone_are_told_of(folder: Path) -> None:
    assert "warning" not in mix(folder, shuffle=False).err
    (folder / "documents/b.jsonl").unlink()
    told = mix(folder, shuffle=False).err
    assert "warning: out/documents/b.jsonl of earlier runs are in the folders of this mix" in told
    assert (folder / "out/documents/b.jsonl").exists()


def test_what_the_run_reads_is_not_left_over(folder: Path) -> None:
    """An output of an earlier mix may be the input of this one, in the same folder and under the same name."""
    before = visible(folder / "out")
    shutil.rmtree(folder / "documents")
    (folder / "documents").symlink_to("out")
    stream = {"name": "s", "documents": ["documents/s-0002*"], "output": {"path": "out"}}
    (folder / "mix.json").write_text(json.dumps({"streams": [stream]}))
    told = succeed("mix", "-c", "mix.json", cwd=folder).err
    assert "out/s-0001.jsonl.gz of an earlier plan of these streams will be removed" in told
    assert listed(folder / "out") == ["s-0000.jsonl.gz", "s-0002.jsonl.gz"]
    assert visible(folder / "out")["s-0002.jsonl.gz"] == before["s-0002.jsonl.gz"]


def test_nothing_is_removed_by_a_run_that_fails(folder: Path) -> None:
    before = visible(folder / "out")
    (folder / "documents/c.jsonl").unlink()
    (folder / "documents/b.jsonl").write_text("no json\n")
    assert dolma("mix", "-c", "mix.json", cwd=folder).code == 4
    assert visible(folder / "out").keys() == before.keys()
