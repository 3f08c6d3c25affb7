"""What every built-in tagger declares of itself, against what it does."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dolma import _core, testing
from dolma.errors import DolmaAssetError, DolmaConfigError
from dolma.taggers.catalogue import BUILTIN
from dolma.taggers.declaration import AttributeType, Declaration, Kernel, PythonTagger

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample" / "documents"


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
    """A few real texts of every language of the sample."""
    real = []
    for path in sorted(SAMPLE.rglob("*.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            real += [json.loads(line)["text"] for line in list(file)[:8]]
    return real


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
def test_a_tagger_holds_what_it_declares_and_what_every_tagger_has_to(tagger: Declaration) -> None:
    try:
        testing.check(tagger.name, texts())
    except DolmaConfigError as error:
        # A model that comes as a package of its own; without it the tagger is refused before any work.
        if "is not installed: " not in str(error):
            raise
        pytest.skip(str(error))


def test_names_of_types_may_stand_for_several() -> None:
    def of(name: str, candidate: str) -> bool:
        return AttributeType(name=name, unit="document", meaning="x").matches(candidate)

    assert of("{a,b}_c", "b_c")
    assert not of("{a,b}_c", "c_c")
    assert of("n{2..4}", "n3")
    assert not of("n{2..4}", "n5")
    assert of("cc_*", "cc_by")
    assert not of("cc_*", "cc_")
