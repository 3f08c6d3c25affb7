"""More files than a process may open: no command keeps one open for each."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from command import dolma, recipe
from folders import everything
from shards import numbered, put

FILES, OPEN = 300, 96


def few_open_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN, OPEN))


METHODS = {
    "exact": {"documents": {"attribute_name": "d"}},
    "paragraphs": {"paragraphs": {"attribute_name": "d"}},
    "minhash": {"minhash": {"attribute_name": "d"}},
    "substring": {"substring": {"attribute_name": "d", "min_length": 40}},
}


@pytest.mark.parametrize("method", METHODS)
def test_intermediates_of_many_files_are_not_many_open_files(tmp_path: Path, method: str) -> None:
    for number in range(FILES):
        texts = [f"Document {line} of file {number} has its words. " * 3 for line in range(8)]
        lines = numbered([*texts, "The same in all of them."], prefix=f"{number:03}" * 50)
        put(tmp_path / f"documents/{number:03}.jsonl", *lines)
    dedupe = {"name": "e", **METHODS[method]}
    config = {"documents": ["documents"], "dedupe": dedupe, "memory": "1MiB"}
    result = dolma("dedupe", "-c", recipe(tmp_path, config), cwd=tmp_path, before=few_open_files)
    assert result.code == 0, result.err
    assert "0 B of intermediates went to disk" not in result.err
    assert len([name for name in everything(tmp_path / "attributes/e") if "/" not in name]) == FILES
