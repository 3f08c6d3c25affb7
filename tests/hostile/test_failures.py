"""What a run says of what is wrong: every damaged input, what becomes of the others, rules without effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from command import dolma, recipe
from shards import put


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


def test_a_filter_without_effect_and_a_window_without_a_score_are_told(tmp_path: Path) -> None:
    put(tmp_path / "documents/a.jsonl.gz", "one", "two")
    stream: dict[str, Any] = {"name": "m", "documents": ["documents/*"], "output": {"path": "mixed"}}
    for rule, warned in (("$.metadata[?(@.a > 1)]", True), ("$[?(@.text == 'one')]", False)):
        config = recipe(tmp_path, {"streams": [{**stream, "filter": {"exclude": [rule]}}]})
        result = dolma("mix", "-c", config, cwd=tmp_path)
        assert result.code == 0
        assert ("warning: stream 'm': its filter dropped none of 2 documents" in result.err) == warned
    edit = {"span": "$.attributes.x", "min_score": 5, "max_score": 1, "replacement": ""}
    config = recipe(tmp_path, {"streams": [{**stream, "span_replacement": [edit]}]})
    result = dolma("mix", "-c", config, cwd=tmp_path)
    assert result.code == 2
    assert result.message == (
        f"{config}:1: streams[0].span_replacement[0]: $.attributes.x: no score is from min_score 5 to below "
        "max_score 1; give a larger max_score"
    )
