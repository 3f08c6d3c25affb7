"""What a run that failed says: every input that is damaged, and what becomes of the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from corpora import dolma, put
from shards import recipe


def test_a_mix_names_all_damaged_inputs_of_an_output(tmp_path: Path) -> None:
    for number in range(5):
        path = put(tmp_path / f"documents/{number}.jsonl.gz", *(f"{number} {n}" for n in range(99)))
        if number % 2:
            path.write_bytes(path.read_bytes()[:-20])
    stream = {"name": "m", "documents": ["documents/*"], "output": {"path": "mixed"}}
    for threads in (1, 2):
        config = recipe(tmp_path, {"streams": [stream], "processes": threads})
        result = dolma("mix", "-c", config, cwd=tmp_path)
        assert result.code == 4
        assert result.message.splitlines()[0] == "1 of 1 shards failed:"
        assert [failure.partition(": ")[0] for failure in result.failures] == [
            "documents/1.jsonl.gz",
            "documents/3.jsonl.gz",
        ]


@pytest.mark.parametrize(
    "method",
    [
        {"documents": {"attribute_name": "d"}},
        {"minhash": {"attribute_name": "d"}},
        {"substring": {"attribute_name": "d", "min_length": 50}},
    ],
)
def test_a_deduplication_that_failed_before_it_compared_does_not_call_the_others_done(
    tmp_path: Path, method: dict[str, Any]
) -> None:
    put(tmp_path / "documents/a.jsonl.gz", *(f"a {n}" for n in range(99)))
    cut = put(tmp_path / "documents/b.jsonl.gz", *(f"b {n}" for n in range(99)))
    cut.write_bytes(cut.read_bytes()[:-20])
    config = recipe(tmp_path, {"documents": ["documents/*"], "dedupe": method})
    result = dolma("dedupe", "-c", config, cwd=tmp_path)
    assert result.code == 4
    assert result.message.splitlines()[0] == "1 of 2 shards failed; nothing was written:"
