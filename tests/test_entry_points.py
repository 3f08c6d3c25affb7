"""Taggers of installed packages, which announce them by an entry point."""

from __future__ import annotations

from pathlib import Path

import pytest

from command import PACKAGE, refused, succeed
from shards import attributes_of, put


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    put(tmp_path / "documents/a.jsonl.gz", "some text")
    return tmp_path / "documents"


@pytest.fixture
def installed(tmp_path: Path) -> str:
    """A path with a distribution that announces two taggers: a class, and a module that registers."""
    site = tmp_path / "site"
    info = site / "shiny-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shiny\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[dolma.taggers]\nshiny_v1 = shiny:Shiny\nshiny_v2 = shiny_module\n"
    )
    (site / "shiny.py").write_text(
        "from dolma import BaseTagger\n"
        "from dolma.core.data_types import DocResult, Span\n"
        "class Shiny(BaseTagger):\n"
        "    '''Found by its entry point.'''\n"
        "    def predict(self, doc):\n"
        "        return DocResult(doc, [Span(0, 0, 'shiny')])\n"
    )
    (site / "shiny_module.py").write_text(
        "from dolma import add_tagger\nfrom shiny import Shiny\nadd_tagger('shiny_v2')(type('Two', (Shiny,), {}))\n"
    )
    return f"{PACKAGE}:{site}"


@pytest.mark.parametrize("processes", [1, 2])
def test_taggers_of_installed_packages_are_found(documents: Path, installed: str, processes: int) -> None:
    succeed(
        *("tag", "--documents", documents / "a.jsonl.gz", "--experiment", "exp", "--processes", processes),
        *("--taggers", "shiny_v1", "shiny_v2"),
        env={"PYTHONPATH": installed},
    )
    row = attributes_of(documents.parent / "attributes/exp/a.jsonl.gz")[0]
    assert row == {"exp__shiny_v1__shiny": [[0, 0, 1.0]], "exp__shiny_v2__shiny": [[0, 0, 1.0]]}


def test_list_shows_taggers_of_installed_packages(installed: str) -> None:
    listed = succeed("list", env={"PYTHONPATH": installed}).out
    assert "shiny.Shiny" in listed
    assert "Found by its entry point." in listed


def test_a_broken_package_does_not_stop_runs_that_do_without_it(documents: Path, installed: str) -> None:
    site = Path(installed.rpartition(":")[2])
    (site / "shiny.py").write_text("raise RuntimeError('out of order')\n")
    env = {"PYTHONPATH": installed}
    succeed("tag", "--documents", documents / "a.jsonl.gz", "--taggers", "char_length_v1", env=env)
    message = refused("tag", "--documents", documents / "a.jsonl.gz", "--taggers", "shiny_v1", env=env)
    assert message == _broken("shiny_v1", "shiny:Shiny")


def test_a_broken_package_is_named_and_stops_neither_the_list_nor_other_packages(
    documents: Path, installed: str
) -> None:
    site = Path(installed.rpartition(":")[2])
    (site / "shiny.py").write_text("raise RuntimeError('out of order')\n")
    (site / "shiny_module.py").write_text(
        "from dolma import BaseTagger, add_tagger\n"
        "from dolma.core.data_types import DocResult\n"
        "@add_tagger('shiny_v2')\n"
        "class Two(BaseTagger):\n"
        "    def predict(self, doc):\n"
        "        return DocResult(doc, [])\n"
    )
    env = {"PYTHONPATH": installed}
    listed = succeed("list", env=env)
    assert listed.err == f"warning: {_broken('shiny_v1', 'shiny:Shiny')}\n"
    assert "\nshiny_v2 " in listed.out
    assert "\ngopher_v1 " in listed.out
    where = ["--documents", documents / "a.jsonl.gz", "--experiment", "exp"]
    tagged = succeed("tag", *where, "--taggers", "shiny_v2", env=env)
    assert f"warning: {_broken('shiny_v1', 'shiny:Shiny')}\n" in tagged.err
    message = refused("tag", *where, "--taggers", "gopher_v9", env=env)
    assert message.startswith("unknown tagger 'gopher_v9'")


def _broken(name: str, target: str) -> str:
    return f"the tagger {name!r} of the package shiny ({target}) cannot be loaded: RuntimeError: out of order"
