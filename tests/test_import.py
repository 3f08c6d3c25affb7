"""Importing is free: nothing heavy, no engine, no network, no logging set-up."""

from __future__ import annotations

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


@pytest.mark.parametrize(
    "arguments",
    [["tag", "--taggers", "char_length_v1"], ["dedupe", "--dedupe.documents.attribute_name", "d"]],
)
def test_a_command_loads_only_what_it_needs(arguments: list[str], tmp_path: Path) -> None:
    # Each of these takes milliseconds, where a start takes a few dozen of them.
    slow = (
        "boto3",
        "concurrent.futures",
        "difflib",
        "dolma.taggers.published",
        "json",
        "logging",
        "multiprocessing",
        "smart_open",
        "yaml",
    )
    arguments = [*arguments, "--documents", str(put(tmp_path / "documents" / "d.jsonl.gz", "text"))]
    python(
        f"import sys\nfrom dolma.__main__ import main\nsys.argv[1:] = {arguments!r}\nassert main() == 0\n"
        f"loaded = [name for name in {slow!r} if name in sys.modules]\nassert not loaded, loaded\n"
    )
