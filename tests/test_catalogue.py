"""What every built-in tagger declares of itself, against what it does."""

from __future__ import annotations

import gzip
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from command import put, rows, succeed
from dolma import _core
from dolma.errors import DolmaAssetError
from dolma.taggers.catalogue import BUILTIN
from dolma.taggers.declaration import AttributeType, Declaration, Kernel, PythonTagger

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample" / "documents"

HOSTILE = [
    "",
    " ",
    "\n\n\n",
    "a",
    "no end",
    "#" * 500,
    "word " * 2000,
    "ab" * 3000,
    "\u0130stanbul \u0130\u0130\u0130\n" * 20,
    "e\u0301" * 300,
    "\U0001f600" * 400,
    "日本語のテキスト。改行なし。" * 30,
    "ก็ไม่เป็นไร " * 40,
    "line one\r\nline two\r\n\r\nline four",
    "mail me: a.b@example.org, 206-555-0123, 10.0.0.1 {shit} lorem ipsum javascript",
    "\x00\x01\x7f\u2028\u2029\ufeff",
]


def available() -> list[Declaration]:
    """The taggers that run here: those whose models and libraries are at hand."""
    found = []
    for tagger in BUILTIN.values():
        if tagger.required or any(default is None for default in tagger.assets.values()):
            continue
        try:
            tagger.resolve({})
        except DolmaAssetError:
            continue
        if isinstance(tagger, PythonTagger) and tagger.missing():
            continue
        found.append(tagger)
    return found


@cache
def texts() -> list[str]:
    """Hostile texts, and a few real ones of every language of the sample."""
    real = []
    for path in sorted(SAMPLE.rglob("*.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            real += [json.loads(line)["text"] for line in list(file)[:8]]
    return HOSTILE + real


METADATA = {
    "url": "https://www.example.org/a/page?x=1#top",
    "html": '<html><a rel="license" href="https://creativecommons.org/licenses/by/4.0/">CC</a></html>',
}


def found_by(tagger: Declaration) -> list[dict[str, Any]]:
    """The attributes of each text under a tagger."""
    with tempfile.TemporaryDirectory() as folder:
        put(Path(folder) / "documents" / "d.jsonl.gz", *texts(), metadata=METADATA)
        succeed("tag", "--documents", f"{folder}/documents", "--taggers", tagger.name, "--experiment", "e")
        return [row["attributes"] for row in rows(Path(folder) / "attributes" / "e" / "d.jsonl.gz")]


def named(parameters: list[Declaration]) -> Any:
    return pytest.mark.parametrize("tagger", parameters, ids=lambda tagger: tagger.name)


@named(list(BUILTIN.values()))
def test_a_declaration_is_complete(tagger: Declaration) -> None:
    assert tagger.outputs
    assert len(tagger.summary) <= 160
    assert tagger.summary.endswith((".", ")"))
    assert all(output.meaning and output.low <= output.high for output in tagger.outputs)
    if isinstance(tagger, PythonTagger):
        assert bool(tagger.requires) == bool(tagger.extra)
    assert tagger.cost in ("light", "moderate", "heavy")


@named([tagger for tagger in available() if isinstance(tagger, Kernel)])
def test_a_kernel_has_the_types_that_are_declared(tagger: Kernel) -> None:
    types = _core.kernel_types(tagger.engine_name, tagger.resolve({}))
    for name in filter(None, types):
        assert any(output.matches(name) for output in tagger.outputs), name
    for output in tagger.outputs:
        assert any(output.matches(name) for name in types), output.name


@named(available())
def test_a_tagger_emits_what_it_declares_and_nothing_else(tagger: Declaration) -> None:
    for text, attributes in zip(texts(), found_by(tagger), strict=True):
        for name, spans in attributes.items():
            kind = name.split("__", 2)[2]
            outputs = [output for output in tagger.outputs if output.matches(kind)]
            assert outputs, (name, text[:50])
            for span in spans:
                assert any(fits(span, output, text) for output in outputs), (name, span, text[:50])
        for output in (output for output in tagger.outputs if output.always):
            if text:
                assert any(output.matches(name.split("__", 2)[2]) for name in attributes), (
                    output.name,
                    text[:50],
                )


def fits(span: list[float], output: AttributeType, text: str) -> bool:
    start, end, score = span
    whole = (start, end) == (0, len(text))
    return (
        0 <= start <= end <= len(text)
        and output.low <= score <= output.high
        and (output.unit != "document" or whole)
    )


def test_names_of_types_may_stand_for_several() -> None:
    def of(name: str, candidate: str) -> bool:
        return AttributeType(name=name, unit="document", meaning="x").matches(candidate)

    assert of("{a,b}_c", "b_c")
    assert not of("{a,b}_c", "c_c")
    assert of("n{2..4}", "n3")
    assert not of("n{2..4}", "n5")
    assert of("cc_*", "cc_by")
    assert not of("cc_*", "cc_")
