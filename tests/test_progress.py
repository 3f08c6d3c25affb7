"""What a run shows while it works: of the step it is at, and never more of it than there is."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from command import dolma, recipe
from dolma.progress import Meter, Step
from shards import prose, write


@dataclass
class Counts:
    documents: int = 0
    bytes: int = 0
    input_bytes: int = 0
    shards: int = 0


def test_a_line_is_of_the_step_and_of_what_it_counts(capsys: pytest.CaptureFixture[str]) -> None:
    counts = Counts(documents=100, bytes=9000, input_bytes=700, shards=3)
    meter = Meter("dedupe", "bar", Step("", 3, 700))
    meter.update(counts, final=False)
    steps = [
        (Step("reading", 4, 200, counts), Counts(150, 9500, 800, 4)),
        (Step("comparing", since=counts), counts),
        (Step("writing", 4, since=counts), Counts(140, 9000, 700, 4)),
    ]
    for step, now in steps:
        step.begin -= 10
        meter._last = 0
        meter.update(now, step)
    shown = [line.split("\x1b[K")[-1] for line in capsys.readouterr().err.split("\r") if line]
    assert shown == [
        "dedupe ████████████████████████ 100%  3/3 shards  100 documents  "
        + shown[0].partition("documents  ")[2],
        "dedupe ████████████············ reading: 50%  1/4 shards  50 documents  5 documents/s  50 B/s  10s left",
        "dedupe ························ comparing: for 10s",
        "dedupe ██████·················· writing: 25%  1/4 shards  40 documents  4 documents/s  30s left",
    ]


METHODS: dict[str, dict[str, Any]] = {
    "exact": {"documents": {"attribute_name": "d"}},
    "minhash": {"minhash": {"attribute_name": "d", "preset": "datatrove"}},
    "substring": {"substring": {"attribute_name": "d", "min_length": 50}},
}


@pytest.mark.parametrize("name", METHODS)
def test_the_last_word_of_a_run_counts_each_file_once(tmp_path: Path, name: str) -> None:
    for number in range(5):
        rows = [{"id": f"{number}-{n}", "text": prose(n % 40, 60)} for n in range(60)]
        write(tmp_path / f"documents/{number}.jsonl.gz", rows)
    config = {"documents": [f"{tmp_path}/documents/*"], "dedupe": METHODS[name], "progress": "json"}
    done = dolma("dedupe", "-c", recipe(tmp_path, config), cwd=tmp_path)
    assert done.code == 0, done.err
    events = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    assert events[-1]["step"] == "writing"
    assert events[-1]["share"] == 1.0
    assert (events[-1]["shards"], events[-1]["shards_total"]) == (5, 5)
    assert events[-1]["documents"] == 300


def test_a_mix_has_read_all_that_it_was_to_read(tmp_path: Path) -> None:
    rows = [{"id": str(n), "text": prose(n, 60)} for n in range(300)]
    write(tmp_path / "documents/0.jsonl.gz", rows)
    marks = [{"id": str(n), "attributes": {"a": [[0, 1, n * 1.1]]}} for n in range(300)]
    write(tmp_path / "attributes/s/0.jsonl.gz", marks)
    stream = {
        "name": "m",
        "documents": [f"{tmp_path}/documents/*"],
        "attributes": ["s"],
        "output": {"path": "m"},
    }
    done = dolma("mix", "-c", recipe(tmp_path, {"streams": [stream], "progress": "json"}), cwd=tmp_path)
    assert done.code == 0, done.err
    event = json.loads(next(line for line in done.err.splitlines() if line.startswith("{")))
    assert event["share"] == 1.0
    assert event["step"] is None
    assert re.search("300 documents read", done.err)
