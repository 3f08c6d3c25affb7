"""Importing is free: nothing heavy, no engine, no network, no logging set-up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import python
from shards import put

HEAVY = ("_core", "boto3", "botocore", "fasttext", "nltk", "numpy", "omegaconf", "smart_open", "yaml")

PROBE = """
import logging, sys
events = []
sys.addaudithook(lambda event, arguments: events.append(event) if event.startswith("socket.") else None)
handlers = list(logging.getLogger().handlers)
{code}
loaded = [name for name in {heavy} if name in sys.modules or "dolma." + name in sys.modules]
assert not loaded, loaded
assert not events, events
assert logging.getLogger().handlers == handlers
"""

PUBLISHED = (
    "dolma.cli.__main__",
    "dolma.core",
    "dolma.core.data_types",
    "dolma.core.errors",
    "dolma.core.ft_tagger",
    "dolma.core.loggers",
    "dolma.core.parallel",
    "dolma.core.paths",
    "dolma.core.registry",
    "dolma.core.runtime",
    "dolma.core.taggers",
    "dolma.core.utils",
    "dolma.taggers",
    "dolma.taggers.c4",
)


@pytest.mark.parametrize("code", ["import dolma", "from dolma import BaseTagger, add_tagger"])
def test_importing_dolma_loads_nothing_heavy_and_opens_no_socket(code: str) -> None:
    python(PROBE.format(code=code, heavy=HEAVY))


@pytest.mark.parametrize("module", PUBLISHED)
def test_t16_importing_a_published_module_is_as_light(module: str) -> None:
    python(PROBE.format(code=f"import {module}", heavy=HEAVY))


def test_defining_and_running_a_tagger_by_hand_needs_no_engine() -> None:
    code = (
        "from dolma import BaseTagger, add_tagger\n"
        "from dolma.core.data_types import DocResult, Document, Span\n"
        "from dolma.core.utils import split_paragraphs\n"
        "@add_tagger('mine')\n"
        "class Mine(BaseTagger):\n"
        "    def predict(self, doc):\n"
        "        return DocResult(doc, [Span(p.start, p.end, 'p') for p in split_paragraphs(doc.text)])\n"
        "assert Mine().tag(Document('s', 'id', 'a\\n\\nb')) == {'p': [(0, 2, 1.0), (3, 4, 1.0)]}\n"
    )
    python(PROBE.format(code=code, heavy=HEAVY))


#: Each of these takes milliseconds, where a start takes a few dozen of them.
SLOW = (
    "argparse",
    "boto3",
    "concurrent.futures",
    "dataclasses",
    "difflib",
    "dolma.assets.downloads",
    "dolma.cli.parsing",
    "dolma.taggers.published",
    "hashlib",
    "inspect",
    "json",
    "locale",
    "logging",
    "multiprocessing",
    "pathlib",
    "platform",
    "shutil",
    "smart_open",
    "tempfile",
    "yaml",
)


def loaded_by(command: str, folder: Path, *flags: str, **options: object) -> set[str]:
    """The modules that a process has at its end that runs a command by a recipe in JSON."""
    recipe = folder / f"{command}.json"
    recipe.write_text(json.dumps(options))
    code = (
        f"import sys\nfrom dolma.__main__ import main\nsys.argv[1:] = {[command, '-c', str(recipe), *flags]!r}\n"
        "assert main() == 0\nprint(*sys.modules)\n"
    )
    return set(python(code).splitlines()[-1].split())


@pytest.fixture
def documents(tmp_path: Path) -> list[str]:
    return [str(put(tmp_path / "documents" / "d.jsonl.gz", "text"))]


def test_tagging_by_kernels_loads_only_what_it_needs(documents: list[str], tmp_path: Path) -> None:
    loaded = loaded_by("tag", tmp_path, documents=documents, taggers=["char_length_v1", "lang_id_v2"])
    # The model that comes along is checked.
    assert loaded & set(SLOW) == {"hashlib"}
    families = {name for name in loaded if name.startswith("dolma.taggers.catalogue.")}
    assert families == {f"dolma.taggers.catalogue.{name}" for name in ("contents", "language", "length")}


@pytest.mark.parametrize(
    "method",
    [
        {"documents": {"attribute_name": "a"}},
        {"paragraphs": {"attribute_name": "a"}},
        {"minhash": {"attribute_name": "a"}},
        {"substring": {"attribute_name": "a", "min_length": 9}},
    ],
    ids=lambda method: next(iter(method)),
)
def test_deduplication_loads_only_what_it_needs(
    method: dict[str, object], documents: list[str], tmp_path: Path
) -> None:
    loaded = loaded_by("dedupe", tmp_path, documents=documents, dedupe=method)
    assert loaded & {*SLOW, "dolma.assets", "dolma.taggers"} == set()


@pytest.mark.parametrize(
    "rule", [("jsonpath", "$[?(@.id == 'a')]"), ("jq", '.id == "a"')], ids=lambda rule: rule[0]
)
def test_mixing_loads_only_what_it_needs(rule: tuple[str, str], documents: list[str], tmp_path: Path) -> None:
    syntax, expression = rule
    stream = {
        "name": "s",
        "documents": documents,
        "filter": {"syntax": syntax, "exclude": [expression]},
        "output": {"path": str(tmp_path / "mix")},
    }
    loaded = loaded_by("mix", tmp_path, streams=[stream])
    assert loaded & {*SLOW, "dolma.assets", "dolma.taggers"} == set()


def test_a_start_makes_the_options_of_its_command_only(documents: list[str], tmp_path: Path) -> None:
    loaded = loaded_by("tag", tmp_path, documents=documents, taggers=["char_length_v1"])
    options = {name for name in loaded if name.startswith("dolma.config.")}
    assert options == {"dolma.config.common", "dolma.config.tag"}


def test_flags_load_what_reads_flags_and_no_more(documents: list[str], tmp_path: Path) -> None:
    loaded = loaded_by("tag", tmp_path, "--taggers", "char_length_v1", "--dryrun", documents=documents)
    assert loaded & set(SLOW) == {"argparse", "dolma.cli.parsing", "locale"}
