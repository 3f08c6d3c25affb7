"""The classes of built-in taggers under their published names."""

from __future__ import annotations

import importlib
import pickle
from pathlib import Path
from typing import Any

import pytest

from command import succeed
from dolma import BaseTagger, testing
from dolma.core import TaggerRegistry
from dolma.core.data_types import DocResult, Document, DocumentWithMetadata, InputSpec, Span
from dolma.errors import DolmaConfigError
from dolma.taggers.catalogue import BUILTIN
from dolma.taggers.published import MODULES, PACKAGES
from shards import attributes_of, put

TEXT = "Hello world. Mail me: ada@example.org.\nlorem ipsum { javascript\n"

MODULE = """
from dolma import add_tagger
from dolma.core.data_types import Span
from dolma.taggers.c4 import C4Tagger
from dolma.taggers.pii import PiiRegexV1
from dolma.taggers.licenses import CreativeCommonsRegexLicenseExtractor

@add_tagger("same_v1")
class Same(C4Tagger):
    pass

@add_tagger("more_v1")
class More(C4Tagger):
    def __init__(self, kind="mine"):
        self.kind = kind

    def predict(self, doc):
        result = super().predict(doc)
        result.spans = [span for span in result.spans if span.type == "line_count"]
        result.spans.append(Span(0, len(doc.text), self.kind, 2))
        return result

@add_tagger("pii_v1")
class Pii(PiiRegexV1):
    pass

@add_tagger("license_v1")
class License(CreativeCommonsRegexLicenseExtractor):
    pass
"""


def spans(result: DocResult) -> dict[str, list[tuple[int, int, float]]]:
    found: dict[str, list[tuple[int, int, float]]] = {}
    for span in result.spans:
        found.setdefault(span.type, []).append((span.start, span.end, span.score))
    return found


@pytest.mark.parametrize("module", MODULES)
def test_every_published_class_is_where_it_was(module: str) -> None:
    pytest.importorskip("tokenizers")
    places = [f"dolma.taggers.{module}"]
    if module in PACKAGES:
        places.append(f"dolma.taggers.{module}.{PACKAGES[module]}")
    for name, tagger in MODULES[module].items():
        found = [getattr(importlib.import_module(place), name) for place in places]
        assert found == found[:1] * len(places)
        assert issubclass(found[0], BaseTagger)
        assert (found[0].__module__, found[0].__name__) == (places[0], name)
        assert found[0].tagger == tagger
        assert BUILTIN[tagger].doc == found[0].__doc__
        assert pickle.loads(pickle.dumps(found[0])) is found[0]


def test_no_tagger_has_two_classes_and_all_of_the_published_package_are_here() -> None:
    taggers = [tagger for names in MODULES.values() for tagger in names.values()]
    assert len(taggers) == len(set(taggers)) == 99


def test_a_class_finds_what_its_tagger_finds() -> None:
    from dolma.taggers.c4 import C4Tagger, FasterC4Tagger
    from dolma.taggers.gopher import GopherTagger

    document = Document(source="s", id="i", text=TEXT)
    for kind, name in ((C4Tagger, "c4_v1"), (FasterC4Tagger, "c4_v2"), (GopherTagger, "gopher_v1")):
        expected = {type_: found for type_, found in testing.tag(name, TEXT).items() if found}
        assert spans(kind().predict(document)) == expected
        assert kind().tag(InputSpec(source="s", id="i", text=TEXT)) == testing.tag(name, TEXT)
    assert [spans(result) for result in GopherTagger().predict_batch([document] * 2)] == [expected] * 2


def test_a_class_has_the_options_of_its_tagger(tmp_path: Path) -> None:
    from dolma.taggers.length import CharLengthV1
    from dolma.taggers.url import BlocklistFirebogAdsTagger

    hosts = tmp_path / "hosts.txt"
    hosts.write_text("0.0.0.0 ads.example.org\n")
    option = next(iter(BUILTIN["blocklist_firebog_ads_v1"].assets))
    tagger = BlocklistFirebogAdsTagger(**{option: [str(hosts)]})
    document = DocumentWithMetadata("s", "i", "text", metadata={"url": "https://ads.example.org/x"})
    assert spans(tagger.predict(document)) == spans(
        DocResult(document, [Span(0, 4, next(iter(tagger.tag(document))))])
    )
    with pytest.raises(DolmaConfigError, match="tagger char_length_v1 has no option 'of'"):
        CharLengthV1(of="bytes")


@pytest.mark.parametrize("processes", [1, 2])
def test_a_class_may_be_subclassed(tmp_path: Path, processes: int) -> None:
    (tmp_path / "mine.py").write_text(MODULE)
    html = '<a href="https://creativecommons.org/licenses/by/4.0/">CC</a>'
    documents = put(tmp_path / "documents/a.jsonl.gz", TEXT, "", "One more line.", metadata={"html": html})
    taggers = ["c4_v1", "same_v1", "more_v1", "cc_re", "license_v1", "pii_regex_v1", "pii_v1"]
    succeed(
        *("tag", "--documents", documents, "--experiment", "e", "--processes", processes),
        *("--tagger_modules", tmp_path / "mine.py", "--taggers", *taggers),
    )
    for row in attributes_of(tmp_path / "attributes/e/a.jsonl.gz"):
        found: dict[str, dict[str, Any]] = {tagger: {} for tagger in taggers}
        for name, value in row.items():
            _, tagger, kind = name.split("__", 2)
            found[tagger][kind] = value
        assert found["same_v1"] == found["c4_v1"]
        assert found["license_v1"] == found["cc_re"]
        assert found["pii_v1"] == found["pii_regex_v1"]
        assert found["more_v1"]["line_count"] == found["c4_v1"]["line_count"]
        assert [score for _, _, score in found["more_v1"]["mine"]] == [2]
        assert set(found["more_v1"]) == {"line_count", "mine"}


def test_an_overridden_method_counts_in_batches_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from dolma.taggers.length import CharLengthV1

    class Twice(CharLengthV1):
        def __init__(self) -> None:
            pass

        def predict(self, doc: Document) -> DocResult:
            result = super().predict(doc)
            return DocResult(doc, [*result.spans, *result.spans])

    found = Twice().predict_batch([Document("s", "i", "abc")])
    assert spans(found[0]) == {"length": [(0, 3, 3.0)] * 2}


def test_the_registry_has_the_classes() -> None:
    from dolma.taggers.sampling import RandomNumberTagger

    assert TaggerRegistry.get("random_number_v1") is RandomNumberTagger
    ours = TaggerRegistry.get("gopher_v3")
    assert (
        spans(ours().predict(Document("s", "i", TEXT)))["word_count"]
        == testing.tag("gopher_v3", TEXT)["word_count"]
    )


def test_what_is_not_there_is_not_found() -> None:
    for module in ("nothing", "c4.nothing", "code.repetitions_taggers"):
        with pytest.raises(ModuleNotFoundError, match=f"'dolma.taggers.{module}'"):
            importlib.import_module(f"dolma.taggers.{module}")
    for module in ("c4", "tokenizers"):
        with pytest.raises(
            AttributeError, match=rf"module 'dolma\.taggers\.{module}' has no attribute 'Nothing'"
        ):
            getattr(importlib.import_module(f"dolma.taggers.{module}"), "Nothing")  # noqa: B009
