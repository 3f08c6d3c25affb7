"""The same bytes, however a run is shared out: over threads, processes, parts and folders."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dolma
from command import environment, recipe
from folders import contents, visible
from shards import prose, write

TAGGERS = ["gopher_v1", "c4_v2", "pii_regex_v3", "lang_id_doc_v1", "random_number_v1", "char_length_v1"]
CUSTOM = """
from dolma import BaseTagger, add_tagger
from dolma.document import DocResult, Span

@add_tagger("custom_v1")
class Custom(BaseTagger):
    def predict(self, doc):
        vowels = sum(map(doc.text.count, "aeiou"))
        return DocResult(doc=doc, spans=[Span(0, len(doc.text), "vowels", score=vowels)])
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small files, and a large one that is worked on in several batches."""
    root = tmp_path_factory.mktemp("corpus")
    for name, count in (("a.jsonl", 40), ("large.jsonl.gz", 3000), ("sub/z.jsonl.zst", 60)):
        bodies = [prose(seed % 700, 40 + seed % 200) for seed in range(count)]
        rows = [{"id": f"{name}-{number}", "text": text, "source": "s"} for number, text in enumerate(bodies)]
        write(root / "documents" / name, rows)
    return root


def copy(corpus: Path, folder: Path) -> Path:
    shutil.copytree(corpus, folder)
    return folder


def tag(root: Path, **more: Any) -> None:
    dolma.tagger({"documents": [f"{root}/documents/**/*"], "taggers": TAGGERS, "experiment": "exp", **more})


def dedupe(root: Path, **more: Any) -> None:
    bloom = {"file": f"{root}/filter.bin", "read_only": False, "size_in_bytes": 1 << 20}
    method = {"name": "dups", "paragraphs": {"attribute_name": "dup"}}
    dolma.deduper({"documents": [f"{root}/documents/**/*"], "dedupe": method, "bloom_filter": bloom, **more})


def mix(root: Path, **more: Any) -> None:
    stream = {
        "name": "s",
        "documents": [f"{root}/documents/**/*"],
        "attributes": ["exp", "dups"],
        "filter": {"exclude": ["$.attributes[?(@.exp__random_number_v1__random[0][2] < 0.3)]"]},
        "span_replacement": [{"span": "$.attributes.dup", "min_score": 1, "replacement": ""}],
        "output": {"path": f"{root}/mix", "max_size_in_bytes": 200_000},
    }
    dolma.mixer({"streams": [stream], **more})


def everything(root: Path, **more: Any) -> dict[str, bytes]:
    tag(root, **more)
    dedupe(root, **more)
    mix(root, **more)
    made = visible(root)
    # The filter knows where its inputs were; its verdicts are in the attributes.
    made.pop("filter.bin", None)
    return made


@pytest.fixture(scope="module")
def single(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one thread makes."""
    return everything(copy(corpus, tmp_path_factory.mktemp("single") / "root"))


@pytest.mark.parametrize("processes", [2, 3, 8])
def test_threads_do_not_change_a_byte(
    corpus: Path, single: dict[str, bytes], tmp_path: Path, processes: int
) -> None:
    made = everything(copy(corpus, tmp_path / "root"), processes=processes)
    assert made.keys() == single.keys()
    assert [name for name in made if made[name] != single[name]] == []
    assert any(name.startswith("mix/") for name in made)


def test_parts_make_the_whole(corpus: Path, single: dict[str, bytes], tmp_path: Path) -> None:
    root = copy(corpus, tmp_path / "root")
    for part in ("2/3", "0/3", "1/3"):
        tag(root, shard=part)
    dedupe(root)
    for part in ("1/2", "0/2"):
        mix(root, shard=part)
    made = visible(root)
    made.pop("filter.bin")
    assert made == single


def test_the_order_of_patterns_does_not_matter(
    corpus: Path, single: dict[str, bytes], tmp_path: Path
) -> None:
    root = copy(corpus, tmp_path / "root")
    tag(root)
    patterns = [f"{root}/documents/{name}" for name in ("sub/*", "large.jsonl.gz", "*", "**/*.zst")]
    dedupe(root, documents=patterns)
    mix(root)
    made = visible(root)
    made.pop("filter.bin")
    assert made == single


def test_neither_the_folder_nor_the_seed_of_hashes_matters(
    corpus: Path, single: dict[str, bytes], tmp_path: Path
) -> None:
    root = copy(corpus, tmp_path / "elsewhere")
    made = recipe(root, {"documents": ["documents/**/*"], "taggers": TAGGERS, "experiment": "exp"})
    for seed in ("1", "2"):
        subprocess.run(
            [sys.executable, "-m", "dolma", "-c", made, "tag", "--force"],
            cwd=root,
            env={**environment(), "PYTHONHASHSEED": seed, "LC_ALL": "C", "TZ": "Asia/Tokyo"},
            check=True,
            capture_output=True,
        )
        found = visible(root / "attributes")
        assert found == {
            name.removeprefix("attributes/"): data
            for name, data in single.items()
            if name.startswith("attributes/exp/")
        }


def with_custom(root: Path, **more: Any) -> dict[str, bytes]:
    module = root / "custom.py"
    module.write_text(CUSTOM)
    config = {
        "documents": [f"{root}/documents/**/*"],
        "taggers": ["custom_v1", "char_length_v1"],
        "tagger_modules": [str(module)],
        **more,
    }
    # A process of its own: a tagger is registered once.
    subprocess.run(
        [sys.executable, "-m", "dolma", "-c", recipe(root, config), "tag"],
        env=environment(),
        check=True,
        capture_output=True,
    )
    return visible(root / "attributes")


def test_worker_processes_do_not_change_a_byte(corpus: Path, tmp_path: Path) -> None:
    one = with_custom(copy(corpus, tmp_path / "1"))
    assert len(one) == 6
    for number, more in enumerate(({"processes": 2}, {"processes": 3}, {"debug": True, "processes": 4})):
        assert with_custom(copy(corpus, tmp_path / f"more{number}"), **more) == one


def test_a_kernel_gives_the_same_rows_beside_a_python_tagger(corpus: Path, tmp_path: Path) -> None:
    beside, alone = copy(corpus, tmp_path / "beside"), copy(corpus, tmp_path / "alone")
    with_custom(beside)
    dolma.tagger({"documents": [f"{alone}/documents/**/*"], "taggers": ["char_length_v1"]})
    name = "attributes/char_length_v1"
    assert contents(beside / name) == contents(alone / name)


@pytest.mark.parametrize("command", [tag, dedupe])
def test_counts_do_not_depend_on_threads(corpus: Path, tmp_path: Path, command: Callable[..., None]) -> None:
    found = []
    for processes in (1, 8):
        root = copy(corpus, tmp_path / str(processes))
        report = tmp_path / f"{processes}.json"
        command(root, processes=processes, report=str(report))
        made = json.loads(report.read_text())
        found.append({key: made[key] for key in ("counts", "details", "bad_records")})
    assert found[0] == found[1]


def test_no_output_knows_its_time(corpus: Path, single: dict[str, bytes], tmp_path: Path) -> None:
    root = copy(corpus, tmp_path / "root")
    for path in root.rglob("*.jsonl*"):
        os.utime(path, (1, 1))
    assert everything(root) == single
