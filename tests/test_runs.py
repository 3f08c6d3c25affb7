"""Runs: what is done is skipped, what changed is redone, and every run accounts for itself.

The same for every command where a command is a parameter. Killed runs are in `test_kill`, bytes for
any number of threads in `test_determinism`, bad lines in `hostile/test_bad_records`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from command import command, dolma, environment, succeed_inline
from commands import COMMANDS, arguments, leftovers, output, run
from dolma.storage import names
from folders import balanced, everything, inside, listed, reports, times, visible
from shards import decode, numbered, put, read, write_content

NAMES = ["a.jsonl", "b.jsonl.gz", "s/c.jsonl.gz"]


@pytest.fixture(params=COMMANDS)
def name(request: pytest.FixtureRequest) -> str:
    """One command after the other."""
    return str(request.param)


def plant(root: Path) -> None:
    """Three document files, one in a sub-folder."""
    for file in NAMES:
        put(root / "documents" / file, *(f"text {number} of {file}" for number in range(50)))


def done(root: Path, name: str, *more: object) -> str:
    """Runs a command that must work; returns how many shards it did and skipped."""
    result = run(name, root, *more)
    assert result.code == 0, result.err
    report = reports(output(name, root))[-1]
    assert balanced(report)
    assert report["counts"]["read"] == sum(len(read(root / "documents" / file)) for file in NAMES)
    shards = report["shards"]
    return f"{shards['planned'] - shards['skipped']} done, {shards['skipped']} skipped"


# Running again


def test_a_second_run_does_nothing(tmp_path: Path, name: str) -> None:
    plant(tmp_path)
    assert done(tmp_path, name) == "3 done, 0 skipped"
    before = times(output(name, tmp_path))
    assert sorted(before) == NAMES
    assert done(tmp_path, name) == "0 done, 3 skipped"
    assert times(output(name, tmp_path)) == before


@pytest.mark.parametrize("command", ["tag", "tag in Python", "mix"])
def test_a_changed_input_is_done_again(tmp_path: Path, command: str) -> None:
    plant(tmp_path)
    done(tmp_path, command)
    before = times(output(command, tmp_path))
    put(tmp_path / "documents" / "b.jsonl.gz", "another text", "and one more")
    assert done(tmp_path, command) == "1 done, 2 skipped"
    after = times(output(command, tmp_path))
    assert [file for file in NAMES if after[file] != before[file]] == ["b.jsonl.gz"]
    assert len(read(output(command, tmp_path) / "b.jsonl.gz")) == 2


def test_dedupe_refuses_a_changed_input(tmp_path: Path) -> None:
    """The filter holds the old version, and would mark what both have in common."""
    plant(tmp_path)
    done(tmp_path, "dedupe")
    before = visible(output("dedupe", tmp_path))
    put(tmp_path / "documents" / "b.jsonl.gz", "another text", "and one more")
    result = run("dedupe", tmp_path)
    assert result.code == 2
    assert "bloom.bin has absorbed an earlier version of documents/b.jsonl.gz" in result.message
    assert visible(output("dedupe", tmp_path)) == before


def test_an_input_of_the_same_size_that_was_written_again_is_done_again(tmp_path: Path) -> None:
    plant(tmp_path)
    done(tmp_path, "tag")
    file = tmp_path / "documents" / "a.jsonl"
    file.write_bytes(file.read_bytes().replace(b"text 7", b"7 text"))
    assert done(tmp_path, "tag") == "1 done, 2 skipped"


def test_a_new_input_is_all_that_is_done(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path)
    done(tmp_path, name)
    monkeypatch.setattr(f"{__name__}.NAMES", [*NAMES, "d.jsonl"])
    put(tmp_path / "documents" / "d.jsonl", "new")
    assert done(tmp_path, name) == "1 done, 3 skipped"


@pytest.mark.parametrize("file", NAMES)
@pytest.mark.parametrize("command", ["tag", "tag in Python", "mix"])
def test_a_deleted_output_is_done_again(tmp_path: Path, command: str, file: str) -> None:
    plant(tmp_path)
    done(tmp_path, command)
    before = visible(output(command, tmp_path))
    (output(command, tmp_path) / file).unlink()
    assert done(tmp_path, command) == "1 done, 2 skipped"
    assert visible(output(command, tmp_path)) == before


@pytest.mark.parametrize("command", ["tag", "tag in Python", "mix"])
def test_a_truncated_output_is_done_again(tmp_path: Path, command: str) -> None:
    plant(tmp_path)
    done(tmp_path, command)
    before = visible(output(command, tmp_path))
    os.truncate(output(command, tmp_path) / "b.jsonl.gz", 40)
    assert done(tmp_path, command) == "1 done, 2 skipped"
    assert visible(output(command, tmp_path)) == before


@pytest.mark.parametrize("damage", ["delete", "truncate", "garble"])
def test_an_output_without_its_record_is_done_again(tmp_path: Path, damage: str) -> None:
    plant(tmp_path)
    done(tmp_path, "tag")
    record = output("tag", tmp_path) / ".dolma" / "done" / "a.jsonl.json"
    if damage == "delete":
        record.unlink()
    else:
        record.write_bytes(record.read_bytes()[:30] if damage == "truncate" else b"\xff{}")
    assert done(tmp_path, "tag") == "1 done, 2 skipped"
    assert json.loads(record.read_text())["counts"]["read"] == 50


def test_dedupe_without_one_attribute_file_does_all_again(tmp_path: Path) -> None:
    """What a filter absorbed cannot be taken out of it; so it is built anew, to the same bytes."""
    plant(tmp_path)
    done(tmp_path, "dedupe")
    before = visible(output("dedupe", tmp_path))
    (output("dedupe", tmp_path) / "b.jsonl.gz").unlink()
    assert done(tmp_path, "dedupe") == "3 done, 0 skipped"
    assert visible(output("dedupe", tmp_path)) == before


@pytest.mark.parametrize("command", ["tag", "tag in Python", "mix"])
def test_force_does_all_again(tmp_path: Path, command: str) -> None:
    plant(tmp_path)
    done(tmp_path, command)
    before, data = times(output(command, tmp_path)), visible(output(command, tmp_path))
    assert done(tmp_path, command, "--force") == "3 done, 0 skipped"
    after = times(output(command, tmp_path))
    assert all(after[file] > before[file] for file in NAMES)
    assert visible(output(command, tmp_path)) == data


def test_ignore_existing_is_force(tmp_path: Path) -> None:
    plant(tmp_path)
    done(tmp_path, "tag")
    assert done(tmp_path, "tag", "--ignore_existing") == "3 done, 0 skipped"


@pytest.mark.parametrize(
    "options",
    [
        ["--processes", 2],
        ["--progress", "none"],
        ["--report", "report.json"],
        ["--work_dir.output", "work"],
        ["--debug"],
    ],
)
def test_options_that_change_no_byte_redo_nothing(tmp_path: Path, options: list[object]) -> None:
    plant(tmp_path)
    done(tmp_path, "tag")
    assert done(tmp_path, "tag", *options) == "0 done, 3 skipped"


def test_another_set_of_taggers_is_done_again(tmp_path: Path) -> None:
    plant(tmp_path)
    first = ["--documents", "documents", "--experiment", "e", "--taggers", "char_length_v1"]
    with inside(tmp_path):
        succeed_inline("tag", *first)
        succeed_inline("tag", *first, "doc_count_v1")
    report = reports(tmp_path / "attributes" / "e")[-1]
    assert (report["shards"]["planned"], report["shards"]["skipped"]) == (3, 0)
    keys = {key for row in read(tmp_path / "attributes" / "e" / "a.jsonl") for key in row["attributes"]}
    assert keys == {"e__char_length_v1__length", "e__doc_count_v1__docs"}


def test_a_changed_model_is_another_tagger(tmp_path: Path) -> None:
    put(tmp_path / "documents" / "a.jsonl", "one apple a day")
    (tmp_path / "list.txt").write_text("apple\n")
    options = ["--taggers", "toxicity_wordlist_v1", "--tagger_options.toxicity_wordlist_v1.path", "list.txt"]
    found = []
    for words in ("apple\n", "apple\n", "grape\n"):
        (tmp_path / "list.txt").write_text(words)
        with inside(tmp_path):
            succeed_inline("tag", "--documents", "documents", "--experiment", "e", *options)
        (row,) = read(tmp_path / "attributes" / "e" / "a.jsonl")
        skipped = reports(tmp_path / "attributes" / "e")[-1]["shards"]["skipped"]
        found.append((len(row["attributes"]["e__toxicity_wordlist_v1__doc_count"]), skipped))
        time.sleep(0.01)
    assert [skipped for _, skipped in found] == [0, 1, 0]


def test_stale_temporary_files_do_no_harm(tmp_path: Path, name: str) -> None:
    plant(tmp_path / "clean")
    done(tmp_path / "clean", name)
    plant(tmp_path / "stale")
    folder = output(name, tmp_path / "stale")
    # What a process that is no more has left; one that runs may still be at work on its own.
    code = "from dolma.storage import names; print(names.temporary_name(''))"
    gone = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    mine = names.temporary_name("b.jsonl.gz")
    for file in ("a.jsonl", "b.jsonl.gz", "s/c.jsonl.gz"):
        above, _, name_ = file.rpartition("/")
        put(folder / above / f"{gone.stdout.strip()}{name_}", *("stale" * 1000 for _ in range(100)))
    put(folder / mine, "at work")
    assert done(tmp_path / "stale", name) == "3 done, 0 skipped"
    assert [os.path.basename(left) for left in leftovers(tmp_path / "stale")] == [mine]
    (folder / mine).unlink()
    assert visible(folder) == visible(output(name, tmp_path / "clean"))


def test_two_identical_commands_at_the_same_time_do_not_harm_each_other(tmp_path: Path, name: str) -> None:
    plant(tmp_path / "alone")
    done(tmp_path / "alone", name)
    plant(tmp_path / "both")
    run(name, tmp_path / "both", "--dryrun")  # Leaves the files that the command line needs.
    more = () if name == "mix" else ("--processes", 2)
    line = command(*arguments(name, tmp_path / "both", "documents"), *more)
    both = [
        subprocess.Popen(
            line, cwd=tmp_path / "both", env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    messages = [process.communicate(timeout=120)[1] for process in both]
    codes = [process.returncode for process in both]
    # A filter is added to by one at a time: the second comes before or after the first, or is refused.
    for code, said in zip(codes, messages, strict=True):
        refused = name == "dedupe" and code == 2 and b"is being added to by another run" in said
        assert code == 0 or refused, said
    assert 0 in codes
    assert done(tmp_path / "both", name) == "0 done, 3 skipped"
    assert visible(output(name, tmp_path / "both")) == visible(output(name, tmp_path / "alone"))
    assert leftovers(tmp_path / "both") == []


def test_a_file_that_is_in_the_way_without_a_record_is_replaced(tmp_path: Path) -> None:
    plant(tmp_path)
    write_content(output("tag", tmp_path) / "a.jsonl", b'{"half a ro')
    assert done(tmp_path, "tag") == "3 done, 0 skipped"
    assert len(read(output("tag", tmp_path) / "a.jsonl")) == 50


def test_a_shard_that_failed_is_all_that_is_done_when_it_is_mended(tmp_path: Path, name: str) -> None:
    plant(tmp_path)
    broken = tmp_path / "documents" / "s" / "c.jsonl.gz"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-20])
    assert run(name, tmp_path).code == 4
    assert listed(output(name, tmp_path)) == NAMES[:2]
    broken.write_bytes(whole)
    # Only whole groups of a deduplication are kept: the filter had seen part of the broken file.
    expected = "3 done, 0 skipped" if name == "dedupe" else "1 done, 2 skipped"
    assert done(tmp_path, name) == expected
    plant(tmp_path / "clean")
    done(tmp_path / "clean", name)
    assert visible(output(name, tmp_path)) == visible(output(name, tmp_path / "clean"))


# One file or several, one part or several


@pytest.mark.parametrize("processes", [1, 2, 5])
@pytest.mark.parametrize("command", COMMANDS)
def test_one_large_file_has_the_rows_of_several(tmp_path: Path, command: str, processes: int) -> None:
    lines = numbered(f"text {number % 700} " + "word " * (number % 90) for number in range(12_000))
    put(tmp_path / "one" / "documents" / "all.jsonl.gz", *lines)
    for part in range(4):
        put(tmp_path / "many" / "documents" / f"{part}.jsonl.gz", *lines[part * 3000 : (part + 1) * 3000])
    found = {}
    for folder in ("one", "many"):
        assert run(command, tmp_path / folder, "--processes", processes).code == 0
        files = sorted(output(command, tmp_path / folder).glob("*.gz"))
        found[folder] = [row for file in files for row in read(file)]
    if command == "mix":
        for row in found["one"] + found["many"]:
            del row["metadata"]["provenance"]
    assert found["one"] == found["many"]


@pytest.mark.parametrize("command", ["tag", "tag in Python", "mix"])
def test_parts_make_what_one_run_makes(tmp_path: Path, command: str) -> None:
    for folder in ("whole", "parts"):
        plant(tmp_path / folder)
    assert run(command, tmp_path / "whole").code == 0
    assert run(command, tmp_path / "parts", "--shard", "0/2").code == 0
    halves = [listed(output(command, tmp_path / "parts"))]
    assert run(command, tmp_path / "parts", "--shard", "1/2").code == 0
    halves.append(listed(output(command, tmp_path / "parts")))
    assert halves == [[NAMES[0], NAMES[2]], NAMES]
    assert visible(output(command, tmp_path / "parts")) == visible(output(command, tmp_path / "whole"))
    counts = [report["counts"]["read"] for report in reports(output(command, tmp_path / "parts"))]
    assert counts == [100, 50]
    # What the parts did is done for a whole run, too.
    assert "0 shards to do, 3 done before" in run(command, tmp_path / "parts").err


NO_PART = "shard: expected `str` matching regex '^\\\\d+/\\\\d+$': Do part i of n (0/8 … 7/8)"


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("2/2", "shard: 2/2 names part 2 of 2; parts count from 0 to 1"),
        ("1/1", "shard: 1/1 names part 1 of 1; parts count from 0, and 0/1 is all there is"),
        ("0/0", "shard: 0/0: the number of parts, behind the slash, is at least 1"),
        ("1/0", "shard: 1/0: the number of parts, behind the slash, is at least 1"),
        *((part, NO_PART) for part in ("1", "", "/", "1/", "/2", "1/2/3", "a/b", "1/2 ", " 1/2", "1 / 2")),
        ("-1/2", "dolma tag: argument --shard: expected one argument"),
    ],
)
def test_parts_that_are_none_are_refused(tmp_path: Path, part: str, message: str) -> None:
    plant(tmp_path)
    result = run("tag", tmp_path, "--shard", part)
    assert result.code == 2
    assert message in result.message
    assert not output("tag", tmp_path).exists()


# Records and reports


def test_records_stand_beside_the_data_and_describe_it(tmp_path: Path) -> None:
    plant(tmp_path)
    done(tmp_path, "tag")
    folder = output("tag", tmp_path)
    hidden = [file for file in everything(folder) if file.startswith(".dolma/done/")]
    assert hidden == [f".dolma/done/{file}.json" for file in NAMES]
    record = json.loads((folder / hidden[2]).read_text())
    document = (tmp_path / "documents" / "s" / "c.jsonl.gz").stat()
    assert record["inputs"] == [
        {"path": "documents/s/c.jsonl.gz", "size": document.st_size, "tag": str(document.st_mtime_ns)}
    ]
    assert record["size"] == (folder / "s" / "c.jsonl.gz").stat().st_size
    assert record["counts"] == {"read": 50, "written": 50, "dropped": 0, "bad": 0}
    assert "e__gopher_v1__word_count" in record["attributes"]


def test_a_report_is_complete(tmp_path: Path, name: str) -> None:
    plant(tmp_path)
    result = run(name, tmp_path, "--report", "mine/report.json", "--processes", 2)
    assert result.code == 0
    (report,) = reports(output(name, tmp_path))
    assert report == json.loads((tmp_path / "mine" / "report.json").read_text())
    assert report["command"] == name.split()[0]
    assert report["status"] == "done"
    assert report["version"]
    assert report["counts"] == {"read": 150, "written": 150, "dropped": 0, "bad": 0}
    assert [one["path"] for one in report["inputs"]] == [f"documents/{file}" for file in NAMES]
    assert [one["size"] for one in report["inputs"]] == [
        (tmp_path / "documents" / file).stat().st_size for file in NAMES
    ]
    place = output(name, tmp_path).relative_to(tmp_path)
    assert report["shards"]["outputs"] == [f"{place}/{file}" for file in NAMES]
    assert (report["config"]["processes"], report["config"]["report"]) == (2, "mine/report.json")
    assert report["failures"] == report["warnings"] == report["bad_files"] == []
    assert report["timings"]["work_seconds"] > 0
    assert "150 documents read = 150 written + 0 dropped + 0 bad" in result.err
    check_details(name, report)


def check_details(name: str, report: dict[str, Any]) -> None:
    """The part of a report that is the command's own."""
    if name == "tag":
        assert report["details"]["taggers"]["gopher_v1"]["documents_without_span"] == 0
        assert set(report["timings"]["taggers"]) == {"gopher_v1", "c4_v2", "pii_regex_v3"}
    elif name == "tag in Python":
        assert report["details"]["taggers"]["characters"] == {"spans": 150, "documents_without_span": 0}
        assert report["timings"]["taggers"]["characters"]["seconds"] > 0
    elif name == "dedupe":
        assert report["details"]["compared"] == 150
        assert report["details"]["filter"]["inserted"] == 150
    else:
        assert report["details"]["streams"]["m"]["documents_out"] == 150


def test_the_report_of_a_run_that_skips_still_counts_everything(tmp_path: Path, name: str) -> None:
    plant(tmp_path)
    run(name, tmp_path)
    run(name, tmp_path)
    first, second = reports(output(name, tmp_path))
    assert first["counts"] == second["counts"]
    assert second["shards"]["skipped"] == 3
    without_time = {key: value for key, value in first["details"].items() if key != "filter"}
    assert {key: value for key, value in second["details"].items() if key != "filter"} == without_time


def test_the_effective_recipe_is_printed_and_can_be_used(tmp_path: Path) -> None:
    plant(tmp_path)
    first = run("tag", tmp_path)
    (tmp_path / "again.yaml").write_text(first.out)
    again = dolma("tag", "-c", "again.yaml", cwd=tmp_path)
    assert again.code == 0, again.err
    assert again.out == first.out
    assert "0 shards to do, 3 done before" in again.err


def test_an_output_that_shrinks_below_its_count_is_never_published(tmp_path: Path) -> None:
    """What the engine says it wrote must add up, or nothing appears."""
    from dolma.config.common import RunConfig
    from dolma.errors import DolmaShardError
    from dolma.paths import Place
    from dolma.runs import Run
    from dolma.shards import Counts, Outcome, Output, Shard, Written

    place = Place(str(tmp_path), "out.jsonl")
    shard = Shard(inputs=(), outputs=(Output(place),), fingerprint="x", name="in.jsonl")
    run_ = Run("tag", RunConfig(), [shard])
    (tmp_path / "made").write_bytes(b"rows")
    outcome = Outcome(counts=Counts(read=3, written=1, bad=1), written=[Written(4, "")])
    with pytest.raises(DolmaShardError, match=r"3 documents were read, but 1 written \+ 0 dropped \+ 1 bad"):
        run_.commit(shard, [str(tmp_path / "made")], outcome)
    assert listed(tmp_path) == ["made"]


def test_half_a_row_is_never_seen(tmp_path: Path, name: str) -> None:
    """While a run goes on, what is visible is complete."""
    import gzip
    import subprocess

    from command import command, environment
    from commands import arguments

    folder = output(name, tmp_path)
    for number in range(12):
        texts = (f"{number} {n} " + "word " * 50 for n in range(3000))
        put(tmp_path / "documents" / f"{number:02}.jsonl.gz", *texts)
    with subprocess.Popen(
        command(*arguments(name, tmp_path)),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        seen = set()
        while process.poll() is None:
            for file in listed(output(name, tmp_path)) if output(name, tmp_path).exists() else []:
                if file not in seen:
                    assert (
                        len(gzip.decompress((output(name, tmp_path) / file).read_bytes()).splitlines())
                        == 3000
                    )
                seen.add(file)
    assert process.returncode == 0
    assert decode(folder / "11.jsonl.gz").count(b"\n") == 3000
