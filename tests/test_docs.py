"""README.md and docs/ say what is so: examples run, tables are fresh, links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

import snippets
from dolma.taggers.catalogue import BUILTIN

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
    (ROOT / "docs").glob("*.md")
)


def titled(page: Path) -> str:
    return str(page.relative_to(ROOT))


def generate_docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "scripts/generate_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=titled)
def test_examples_run_and_print_what_the_page_says(page: Path, tmp_path: Path) -> None:
    environment = snippets.prepare(tmp_path)
    for block in snippets.blocks(page.read_text(encoding="utf-8")):
        try:
            snippets.check(block, tmp_path, environment)
        except subprocess.CalledProcessError as error:
            pytest.fail(
                f"{titled(page)}:{block.line}: $ {error.cmd}\nexits with {error.returncode}:\n{error.output}"
            )
        except (AssertionError, ValueError) as error:
            pytest.fail(f"{titled(page)}:{block.line}: {error}")


@pytest.mark.parametrize("page", PAGES, ids=titled)
def test_generated_tables_are_fresh(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert generate_docs().render(text) == text, f"{titled(page)} is stale: run `make docs`"


def test_the_contents_of_the_catalogue_are_fresh() -> None:
    made = generate_docs()
    assert made.CONTENTS.read_text(encoding="utf-8") == made.contents(), "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=titled)
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{titled(page)} links to {target}"


def test_promises_name_tests_that_exist() -> None:
    text = (ROOT / "docs/promises.md").read_text(encoding="utf-8")
    for name in re.findall(r"`((?:tests|src)/[\w/.]+)`", text):
        assert (ROOT / name).exists(), f"docs/promises.md names {name}"


def test_every_built_in_tagger_is_in_the_table() -> None:
    text = (ROOT / "docs/taggers.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in text for name in BUILTIN)


def test_a_wildcard_stands_for_anything_in_its_line_and_alone_for_any_lines() -> None:
    assert snippets.agrees("a … c\n…\nend", "a b c\n1\n2\nend")
    assert snippets.agrees("…\nend", "end")
    assert not snippets.agrees("a … c", "a b c\nmore")
    assert not snippets.agrees("a", "b")
    assert snippets.agrees("done in 0s: x", "done in 1m07s: x")


def test_a_command_may_span_lines() -> None:
    found = list(snippets.commands("$ cat <<E\n> one\n> E\none\n$ true\n"))
    assert found == [snippets.Command("cat <<E\none\nE", "one"), snippets.Command("true", "")]
