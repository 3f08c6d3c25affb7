"""`max_bad_records`: bad lines go into quarantine, and the files beside documents stay aligned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from command import dolma, recipe
from commands import COMMANDS, output, run
from folders import balanced, everything, listed, reports, visible
from shards import line, put, read

#: Lines that no command takes, with the reason.
BAD = (
    (b'{"id":"x","text":', "invalid JSON at byte 17: expected a value"),
    (b'{"id":"x","text":null}', 'field "text" must be a string, got null'),
    (b'{"text":"no id"}', 'the document has no field "id"'),
    (b"", "empty line where a JSON object was expected"),
    (b'not UTF-8 \xff\xfe "x"', "invalid UTF-8 at byte 10"),
)
#: A line that only a command which looks at the text does not take.
HALF = rb'{"id":"half","text":"a\ud800"}'


def plant(root: Path) -> None:
    """Five bad lines in a sub-folder, and files without any."""
    put(root / "documents" / "good.jsonl.gz", "good one", "good two")
    put(root / "documents" / "sub" / "bad.jsonl", "first", *(raw for raw, _ in BAD), "last")


def quarantined(path: Path) -> list[dict[str, Any]]:
    """The records of a quarantine file."""
    return [json.loads(one) for one in path.read_text().splitlines()]


@pytest.fixture(params=COMMANDS)
def name(request: pytest.FixtureRequest) -> str:
    """One command after the other."""
    return str(request.param)


def test_bad_lines_are_put_aside_with_path_line_reason_and_line(tmp_path: Path, name: str) -> None:
    plant(tmp_path)
    result = run(name, tmp_path, "--max_bad_records", len(BAD))
    assert result.code == 0, result.err
    assert listed(output(name, tmp_path)) == ["good.jsonl.gz", "sub/bad.jsonl"]
    place = output(name, tmp_path) / ".dolma" / "bad" / "sub" / "bad.jsonl.jsonl"
    assert f"bad lines are in {place.relative_to(tmp_path)}" in result.err
    assert "9 documents read = 4 written + 0 dropped + 5 bad" in result.err
    assert quarantined(place) == [
        {
            "path": "documents/sub/bad.jsonl",
            "line": number,
            "error": error,
            "raw": raw.decode("utf-8", "backslashreplace"),
        }
        for number, (raw, error) in enumerate(BAD, start=2)
    ]
    (report,) = reports(output(name, tmp_path))
    assert report["counts"] == {"read": 9, "written": 4, "dropped": 0, "bad": 5}
    assert report["bad_files"] == [str(place.relative_to(tmp_path))]


@pytest.mark.parametrize("name", ["tag", "tag in Python", "dedupe"])
def test_rows_beside_bad_lines_keep_their_place(tmp_path: Path, name: str) -> None:
    plant(tmp_path)
    assert run(name, tmp_path, "--max_bad_records", len(BAD)).code == 0
    found = read(output(name, tmp_path) / "sub" / "bad.jsonl")
    assert [row["id"] for row in found] == ["bad-0", *[None] * len(BAD), f"bad-{len(BAD) + 1}"]
    assert all(row["attributes"] == {} for row in found[1:-1])


def test_a_mix_has_the_good_lines_only(tmp_path: Path) -> None:
    plant(tmp_path)
    assert run("mix", tmp_path, "--max_bad_records", len(BAD)).code == 0
    found = read(output("mix", tmp_path) / "sub" / "bad.jsonl")
    assert [row["metadata"]["provenance"] for row in found] == ["sub/bad.jsonl:1", "sub/bad.jsonl:7"]


def test_one_less_than_there_are_fails(tmp_path: Path, name: str) -> None:
    plant(tmp_path)
    result = run(name, tmp_path, "--max_bad_records", len(BAD) - 1)
    assert result.code == 4
    assert result.failures == [
        "documents/sub/bad.jsonl:2: invalid JSON at byte 17: expected a value "
        "(and 4 more bad lines; max_bad_records allows 4)"
    ]
    assert listed(output(name, tmp_path)) == ["good.jsonl.gz"]
    assert not [file for file in everything(output(name, tmp_path)) if "/bad/" in file]


def test_bad_lines_are_counted_over_all_shards_and_all_runs(tmp_path: Path, name: str) -> None:
    for number in range(3):
        put(tmp_path / "documents" / f"{number}.jsonl", "good", b"?", "good")
    for _ in range(2):
        result = run(name, tmp_path, "--max_bad_records", 2)
        assert result.code == 4
        assert "3 bad lines in all, more than max_bad_records=2; they are in " in result.message
        assert "2.jsonl.jsonl" in result.message
        assert "FAILED" in result.err
        assert reports(output(name, tmp_path))[-1]["status"] == "failed"
    assert "0 shards to do, 3 done before" in result.err


def test_quarantine_goes_when_lines_are_mended(tmp_path: Path, name: str) -> None:
    plant(tmp_path)
    options = ["--max_bad_records", len(BAD)]
    assert run(name, tmp_path, *options).code == 0
    again = run(name, tmp_path, *options)
    assert "0 shards to do" in again.err
    assert "bad lines are in" in again.err
    put(tmp_path / "documents" / "sub" / "bad.jsonl", "first", "last")
    (tmp_path / "bloom.bin").unlink(missing_ok=True)
    assert run(name, tmp_path, *options).code == 0
    assert not [file for file in everything(output(name, tmp_path)) if "/bad/" in file]


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_quarantine_is_the_same_for_any_number_of_processes(
    tmp_path: Path, name: str, processes: int
) -> None:
    lines = [b"?%d" % n if n % 3001 == 7 else line(n, "x" * (n % 200)) for n in range(20_000)]
    put(tmp_path / "documents" / "a.jsonl.gz", *lines)
    put(tmp_path / "documents" / "b.jsonl.gz", *lines[5000:])
    result = run(name, tmp_path, "--max_bad_records", 12, "--processes", processes)
    assert result.code == 0, result.err
    folder = output(name, tmp_path) / ".dolma" / "bad"
    assert [record["line"] for record in quarantined(folder / "a.jsonl.gz.jsonl")] == [
        8 + 3001 * n for n in range(7)
    ]
    assert [record["line"] for record in quarantined(folder / "b.jsonl.gz.jsonl")] == [
        8 + 3001 * n - 5000 for n in range(2, 7)
    ]


def mix_with(root: Path, *names: str, bad: int) -> Any:
    """Mixes with attribute sets, allowing bad lines."""
    stream = {
        "name": "m",
        "documents": ["documents/**/*"],
        "attributes": list(names),
        "filter": {"exclude": ["$.attributes[?(@.e__char_length_v1__length[0][2] > 9)]"]},
        "output": {"path": "mixed"},
    }
    file = recipe(root, {"streams": [stream], "shuffle": False})
    return dolma("mix", "-c", file, "--max_bad_records", bad, cwd=root)


def test_attributes_of_files_with_bad_lines_can_be_mixed(tmp_path: Path) -> None:
    plant(tmp_path)
    put(tmp_path / "documents" / "half.jsonl", "short", HALF, "longer than nine", "end")
    bad = len(BAD) + 1
    taggers = ["--taggers", "char_length_v1", "--experiment", "e"]
    tagged = dolma("tag", "--documents", "documents", *taggers, "--max_bad_records", bad, cwd=tmp_path)
    assert tagged.code == 0, tagged.err
    result = mix_with(tmp_path, "e", bad=bad)
    assert result.code == 0, result.err
    mixed = tmp_path / "mixed" / "documents"
    assert [row["text"] for row in read(mixed / "half.jsonl")] == ["short", "end"]
    assert [row["text"] for row in read(mixed / "sub" / "bad.jsonl")] == ["first", "last"]
    (report,) = reports(mixed)
    assert report["counts"] == {"read": 13, "written": 6, "dropped": 1, "bad": 6}
    assert balanced(report)
    assert quarantined(mixed / ".dolma" / "bad" / "half.jsonl.jsonl") == [
        {
            "path": "documents/half.jsonl",
            "line": 2,
            "error": "was put aside as a bad line when attributes/e/half.jsonl was written",
            "raw": HALF.decode(),
        }
    ]


def test_a_line_that_was_put_aside_is_bad_for_a_mix_that_allows_none(tmp_path: Path) -> None:
    put(tmp_path / "documents" / "half.jsonl", "short", HALF)
    taggers = ["--taggers", "char_length_v1", "--experiment", "e"]
    assert dolma("tag", "--documents", "documents", *taggers, "--max_bad_records", 1, cwd=tmp_path).code == 0
    result = mix_with(tmp_path, "e", bad=0)
    assert result.code == 4
    assert result.failures == [
        "documents/half.jsonl:2: was put aside as a bad line when attributes/e/half.jsonl was written"
    ]
    assert visible(tmp_path / "mixed") == {}
