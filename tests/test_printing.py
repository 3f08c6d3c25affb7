"""Configs are printed as YAML that reads back as what was printed."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dolma import printing, recipes

SIGNS = "~ - a: #x .5 1e5 0x1 0o7 a:b << = {} [] ' \" | > % @ ` & * ! ?"
WORDS = "y No null $.text 1:20 2001-01-01 s3://bucket/*"
SPACES = ("", " a", "a ", "a: b", "a #b", "a\nb\n", "\ttab", "\x85", "\u2028", "\ufeff", "é\U0001f600")
AWKWARD = (*SIGNS.split(), *WORDS.split(), *SPACES)
TEXT = st.text(st.characters(codec="utf-8")) | st.sampled_from(AWKWARD)
SCALARS = TEXT | st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none()
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_printed_reads_back(value: Any) -> None:
    printed = printing.to_yaml(value)
    assert yaml.safe_load(printed) == value
    assert yaml.load(printed, Loader=recipes._strict(yaml.SafeLoader)) == value


@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_text_stays_text(text: str) -> None:
    assert yaml.safe_load(printing.to_yaml({text: [text]})) == {text: [text]}


def test_it_looks_as_people_write_it() -> None:
    config = {
        "documents": ["a/*", "1 2"],
        "dedupe": {"key": "$.text", "rate": 1e-06, "steps": []},
        "force": False,
    }
    assert printing.to_yaml(config) == (
        'documents:\n- a/*\n- "1 2"\ndedupe:\n  key: $.text\n  rate: 1.0e-06\n  steps: []\nforce: false\n'
    )
