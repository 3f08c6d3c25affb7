"""tag, dedupe and mix with everything in `s3://`: the bytes are those of a run on the local disk.

The server is a process of its own (see conftest.py); faults come from a proxy in front of it.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from bucket import Bucket
from faults import FOREVER, Faults

import dolma
from command import environment, recipe
from dolma import storage
from dolma.errors import DolmaConfigError, DolmaError, DolmaInputError, DolmaShardError, DolmaStorageError
from folders import visible
from shards import prose, write

FILES = ("a.jsonl.gz", "b/c.jsonl.zst", "b/d.jsonl", "e.jsonl.gz")


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """The corpus on the local disk."""
    root = tmp_path / "local"
    for number, name in enumerate(FILES):
        rows = [
            {"id": f"{name}-{at}", "text": prose((number + at) % 60, 30 + at % 40), "source": "s"}
            for at in range(80)
        ]
        write(root / "documents" / name, rows)
    return root


def upload(local: Path, s3: Bucket) -> None:
    for name, data in visible(local).items():
        s3.put(name, data)


def objects(s3: Bucket, below: str = "") -> dict[str, bytes]:
    """The content of every object that is no record and no report."""
    keys = [key for key in s3.keys() if key.startswith(below) and "/.dolma/" not in key]  # noqa: SIM118
    return {key: s3.get(key) for key in keys}


def tag(root: str, **more: Any) -> dict[str, Any]:
    config = {
        "documents": [f"{root}/documents/**/*"],
        "taggers": ["char_length_v1", "pii_regex_v3", "random_number_v1"],
        "experiment": "exp",
        **more,
    }
    return dolma.tagger(config) or {}


def dedupe(root: str, **more: Any) -> dict[str, Any]:
    config = {
        "documents": [f"{root}/documents/**/*"],
        "dedupe": {"name": "dups", "paragraphs": {"attribute_name": "dup"}},
        "bloom_filter": {"file": f"{root}/filters/f.bin", "read_only": False, "size_in_bytes": 1 << 16},
        **more,
    }
    return dolma.deduper(config) or {}


def mix(root: str, **more: Any) -> dict[str, Any]:
    stream = {
        "name": "s",
        "documents": [f"{root}/documents/**/*"],
        "attributes": ["exp", "dups"],
        "filter": {"exclude": ["$.attributes[?(@.exp__random_number_v1__random[0][2] < 0.3)]"]},
        "span_replacement": [{"span": "$.attributes.dup", "min_score": 1, "replacement": ""}],
        "output": {"path": f"{root}/mix", "max_size_in_bytes": 6000},
    }
    return dolma.mixer({"streams": [stream], **more}) or {}


def everything(root: str, **more: Any) -> None:
    tag(root, **more)
    dedupe(root, **more)
    mix(root, **more)


def expected(local: Path) -> dict[str, bytes]:
    """What the three commands make on the local disk, the filter aside (it names its inputs)."""
    everything(str(local))
    made = visible(local)
    made.pop("filters/f.bin")
    return made


COMMANDS = ("tag", "dedupe", "mix")
RUN = {"tag": tag, "dedupe": dedupe, "mix": mix}


def assert_equal(s3: Bucket, local: Path) -> None:
    found = objects(s3)
    assert found.pop("filters/f.bin")
    wanted = expected(local)
    assert found.keys() == wanted.keys()
    assert [key for key in found if found[key] != wanted[key]] == []
    assert s3.unfinished_uploads() == []


@pytest.mark.parametrize("processes", [1, 3])
def test_the_three_commands_give_the_bytes_of_a_local_run(s3: Bucket, local: Path, processes: int) -> None:
    upload(local, s3)
    everything(s3.url, processes=processes)
    assert_equal(s3, local)


def test_the_command_line_finds_the_server_by_the_environment(
    s3: Bucket, local: Path, tmp_path: Path
) -> None:
    upload(local, s3)
    config = {"documents": [s3.path("documents/")], "taggers": ["char_length_v1"], "experiment": "exp"}
    s3.put("recipe.yaml", Path(recipe(tmp_path, config)).read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "dolma", "-c", s3.path("recipe.yaml"), "tag", "--processes", "2"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert set(objects(s3, "attributes/")) == {f"attributes/exp/{name}" for name in FILES}


def test_outputs_may_be_elsewhere_than_inputs(s3: Bucket, local: Path, tmp_path: Path) -> None:
    upload(local, s3)
    everything(str(local))
    wanted = visible(local / "mix")
    stream = {"name": "s", "documents": [f"{local}/documents/**/*"], "attributes": ["exp"]}
    dolma.mixer({"streams": [{**stream, "output": {"path": s3.path("out")}}]})
    assert list(objects(s3, "out/")) == ["out/s-0000.jsonl.gz"]
    tag(s3.url, destination=str(tmp_path / "here"))
    assert set(visible(tmp_path / "here")) == {f"exp/{name}" for name in FILES}
    assert wanted


def test_large_objects_travel_in_parts(s3: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.s3, "PART_SIZE", 5 << 20)
    body = "word " * 2000
    rows = [{"id": str(number), "text": f"{number} {body}"} for number in range(1300)]
    path = write(tmp_path / "documents" / "large.jsonl", rows)
    assert path.stat().st_size > 12 << 20
    s3.client.upload_file(str(path), s3.name, "documents/large.jsonl")
    stream = {"name": "s", "documents": [s3.path("documents/*")], "compression": {"output": ""}}
    dolma.mixer({"streams": [{**stream, "output": {"path": s3.path("mix")}}]})
    local_stream = {**stream, "documents": [str(path)], "output": {"path": str(tmp_path / "mix")}}
    dolma.mixer({"streams": [local_stream]})
    assert objects(s3, "mix/") == {f"mix/{name}": data for name, data in visible(tmp_path / "mix").items()}
    assert s3.client.head_object(Bucket=s3.name, Key="mix/s-0000.jsonl")["ETag"].strip('"').endswith("-3")


# Again


def test_a_second_run_fetches_and_writes_nothing(s3: Bucket, s3_faults: Faults, local: Path) -> None:
    upload(local, s3)
    everything(s3.url)
    before = objects(s3)
    s3_faults.clear()
    for command in (tag, dedupe, mix):
        report = command(s3.url)
        assert report["shards"]["skipped"] == report["shards"]["planned"] > 0
    assert objects(s3) == before
    written = [target for method, target in s3_faults.seen if method in ("PUT", "POST", "DELETE")]
    assert [target for target in written if "/.dolma/runs/" not in target] == []
    assert len(written) == 3  # The reports.
    documents = [target for method, target in s3_faults.seen if method == "GET" and ".jsonl" in target]
    assert [target for target in documents if "/.dolma/" not in target] == []


def test_new_documents_are_done_and_old_ones_are_not(s3: Bucket, local: Path) -> None:
    held_back = local / "documents" / FILES[-1]
    data = held_back.read_bytes()
    held_back.unlink()
    upload(local, s3)
    tag(s3.url)
    dedupe(s3.url)
    s3.put(f"documents/{FILES[-1]}", data)
    held_back.write_bytes(data)
    assert tag(s3.url)["shards"]["skipped"] == 3
    assert dedupe(s3.url)["shards"]["skipped"] == 3
    mix(s3.url)
    assert_equal(s3, local)


def test_a_killed_process_is_resumed(s3: Bucket, s3_faults: Faults, local: Path, tmp_path: Path) -> None:
    upload(local, s3)
    config = {"documents": [s3.path("documents/**/*")], "taggers": ["char_length_v1", "pii_regex_v3"]}
    command = [sys.executable, "-m", "dolma", "-c", recipe(tmp_path, config), "tag"]
    s3_faults.delay(FOREVER, 0.1, "PUT")
    process = subprocess.Popen(
        command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not objects(s3, "attributes/") and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -9
    half = objects(s3, "attributes/")
    dolma.tagger({**config, "documents": [f"{local}/documents/**/*"]})
    wanted = {f"attributes/{name}": data for name, data in visible(local / "attributes").items()}
    assert half.items() < wanted.items()
    s3_faults.clear()
    dolma.tagger(config)
    assert objects(s3, "attributes/") == wanted


@pytest.mark.parametrize("command", ["tag", "dedupe", "mix"])
def test_a_command_killed_at_any_moment_ends_with_the_same_bytes(
    s3: Bucket, s3_faults: Faults, local: Path, tmp_path: Path, command: str
) -> None:
    upload(local, s3)
    wanted = expected(local)
    for name in COMMANDS[: COMMANDS.index(command)]:
        RUN[name](s3.url)
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import test_s3_commands as t; "
    )
    program += f"t.{command}({s3.url!r}, processes=2)"
    s3_faults.delay(FOREVER, 0.05, "PUT")
    killed = 0
    for writes in (1, 2, 3, 5, 8):
        s3_faults.seen.clear()
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            env={**environment(), "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        while process.poll() is None and [method for method, _ in s3_faults.seen].count("PUT") < writes:
            time.sleep(0.005)
        process.kill()
        _, said = process.communicate()
        assert process.returncode in (0, -9), said
        killed += process.returncode == -9
        made = objects(s3)
        assert [key for key in made if key in wanted and made[key] != wanted[key]] == []
    assert killed
    s3_faults.clear()
    everything(s3.url)
    found = objects(s3)
    assert found.pop("filters/f.bin")
    assert found.keys() == wanted.keys()
    assert [key for key in found if found[key] != wanted[key]] == []


# Many objects


def test_more_objects_than_a_listing_holds(
    s3: Bucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count = 1005
    for number in range(count):
        row = {"id": str(number), "text": prose(number % 50, 12), "source": "s"}
        s3.put(f"documents/{number % 7}/{number:04}.jsonl", json.dumps(row).encode() + b"\n")
    parts = [tag(s3.url, shard=f"{part}/40")["counts"]["written"] for part in (0, 39)]
    assert all(25 <= part <= 26 for part in parts)
    assert len(objects(s3, "attributes/exp/")) == sum(parts)
    dedupe(s3.url, dryrun=True)
    assert f"{count} shards to do" in capsys.readouterr().err
    stream = {"name": "s", "documents": [s3.path("documents/**/*")], "output": {"path": s3.path("mix")}}
    assert (dolma.mixer({"streams": [stream]}) or {})["counts"]["written"] == count
    rows = gzip.decompress(s3.get("mix/s-0000.jsonl.gz")).splitlines()
    assert {json.loads(row)["id"] for row in rows} == {str(number) for number in range(count)}


# Faults


def test_throttling_and_cut_connections_are_ridden_out(s3: Bucket, s3_faults: Faults, local: Path) -> None:
    upload(local, s3)
    for command in (tag, dedupe, mix):
        s3_faults.refuse(1, method="GET", target="documents/")
        s3_faults.refuse(1, method="PUT", target="attributes/")
        s3_faults.refuse(1, method="HEAD")
        s3_faults.refuse(1, method="GET", target="list-type")
        s3_faults.cut_response(1, 50, "GET", "documents/e.jsonl")
        s3_faults.cut_request(1, 20, "PUT", ".jsonl.gz")
        s3_faults.refuse(1, status=500, code="InternalError", method="PUT", target="filters/")
        report = command(s3.url)
        assert report["status"] == "done"
    s3_faults.clear()
    assert_equal(s3, local)


def test_an_upload_that_fails_for_good_is_that_shard_alone(
    s3: Bucket, s3_faults: Faults, local: Path
) -> None:
    upload(local, s3)
    s3_faults.refuse(FOREVER, method="PUT", target="attributes/exp/b/d.jsonl")
    with pytest.raises(
        DolmaShardError, match=r"(?s)1 of 4 shards failed.*attributes/exp/b/d\.jsonl.*SlowDown"
    ):
        tag(s3.url)
    assert set(objects(s3, "attributes/")) == {
        f"attributes/exp/{name}" for name in FILES if name != "b/d.jsonl"
    }
    s3_faults.clear()
    assert tag(s3.url)["shards"]["skipped"] == 3
    dedupe(s3.url)
    mix(s3.url)
    assert_equal(s3, local)


def test_a_download_that_fails_for_good_is_that_shard_alone(
    s3: Bucket, s3_faults: Faults, local: Path
) -> None:
    upload(local, s3)
    s3_faults.refuse(FOREVER, method="GET", target="documents/b/d.jsonl")
    with pytest.raises(DolmaShardError, match=r"(?s)1 of 4 shards failed.*documents/b/d\.jsonl"):
        tag(s3.url)
    assert set(objects(s3, "attributes/")) == {
        f"attributes/exp/{name}" for name in FILES if name != "b/d.jsonl"
    }


def test_a_filter_that_cannot_be_saved_is_an_error_and_nothing_is_lost(
    s3: Bucket, s3_faults: Faults, local: Path
) -> None:
    upload(local, s3)
    tag(s3.url)
    s3_faults.refuse(FOREVER, method="PUT", target="filters/")
    with pytest.raises(DolmaStorageError, match=r"filters/f\.bin"):
        dedupe(s3.url)
    s3_faults.clear()
    dedupe(s3.url)
    mix(s3.url)
    assert_equal(s3, local)


@pytest.mark.parametrize("command", [tag, dedupe, mix])
def test_a_missing_bucket_is_named(s3: Bucket, command: Any) -> None:
    with pytest.raises(DolmaError, match=r"no-such-bucket-here") as caught:
        command("s3://no-such-bucket-here")
    assert caught.value.exit_code in (DolmaInputError.exit_code, DolmaStorageError.exit_code)
    assert "bucket" in str(caught.value)
    assert s3.keys() == []


def test_a_missing_output_bucket_is_named(s3: Bucket, local: Path) -> None:
    stream = {
        "name": "s",
        "documents": [f"{local}/documents/**/*"],
        "output": {"path": "s3://no-such-bucket-here/x"},
    }
    for force in (False, True):
        with pytest.raises(
            DolmaInputError, match=r"no-such-bucket-here.*create the bucket or correct its name"
        ):
            dolma.mixer({"streams": [stream], "force": force})
    # Where nothing is looked up before, the shard says it, not the report that cannot be written either.
    options = {"taggers": ["char_length_v1"], "experiment": "e", "destination": "s3://no-such-bucket-here/x"}
    with pytest.raises(DolmaShardError, match=r"(?s)shards failed.*jsonl.*create the bucket"):
        dolma.tagger({"documents": [f"{local}/documents/**/*"], **options, "force": True})


def test_missing_attributes_are_an_error_before_work(s3: Bucket, local: Path) -> None:
    upload(local, s3)
    tag(s3.url)
    with pytest.raises((DolmaInputError, DolmaConfigError), match=r"attributes/dups/a\.jsonl\.gz is missing"):
        mix(s3.url)
    assert objects(s3, "mix/") == {}
