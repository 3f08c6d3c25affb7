"""The names that users import, under the published paths and our own."""

from __future__ import annotations

import importlib
import json
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dolma
from dolma import core, document, errors, splitting, taggers
from dolma.core.data_types import (
    DocResult,
    Document,
    DocumentWithMetadata,
    InputSpec,
    InputSpecWithMetadata,
    OutputSpec,
    Span,
    TextSlice,
)
from dolma.core.ft_tagger import BaseFastTextTagger, Prediction
from dolma.core.runtime import create_and_run_tagger
from dolma.core.utils import split_paragraphs, split_sentences, split_words
from dolma.errors import DolmaConfigError
from dolma.taggers import registry
from shards import attributes_of, put

PUBLISHED = {
    "dolma": ["BaseTagger", "add_tagger", "deduper", "mixer"],
    "dolma.cli": ["main"],
    "dolma.cli.__main__": ["main"],
    "dolma.core": ["BaseTagger", "DocResult", "Document", "Span", "TaggerRegistry"],
    "dolma.core.data_types": [
        "DocResult",
        "Document",
        "DocumentWithMetadata",
        "InputSpec",
        "InputSpecWithMetadata",
        "InputSpecWithMetadataAndAttributes",
        "OutputSpec",
        "Span",
        "TaggerOutputDictType",
        "TaggerOutputType",
        "TaggerOutputValueType",
        "TextSlice",
    ],
    "dolma.core.errors": [
        "DolmaConfigError",
        "DolmaError",
        "DolmaFatalError",
        "DolmaRetryableFailure",
        "DolmaRustPipelineError",
        "DolmaShardError",
    ],
    "dolma.core.ft_tagger": ["BaseFastTextTagger", "Prediction"],
    "dolma.core.loggers": ["get_logger"],
    "dolma.core.parallel": ["AllPathsTuple", "BaseParallelProcessor", "KwargsType", "QueueType"],
    "dolma.core.paths": [
        "add_suffix",
        "cached_path",
        "exists",
        "glob_path",
        "is_dir",
        "is_file",
        "is_glob",
        "is_local",
        "join_path",
        "make_relative",
        "mkdir_p",
        "parent",
        "partition_path",
        "split_ext",
        "split_glob",
        "split_path",
        "sub_prefix",
        "sub_suffix",
    ],
    "dolma.core.registry": ["TaggerRegistry"],
    "dolma.core.runtime": ["create_and_run_tagger"],
    "dolma.core.taggers": ["BaseTagger", "BaseTaggerWithMetadata"],
    "dolma.core.utils": [
        "import_modules",
        "make_variable_name",
        "split_paragraphs",
        "split_sentences",
        "split_words",
    ],
}


@pytest.mark.parametrize("module", PUBLISHED)
def test_published_names_are_where_they_were(module: str) -> None:
    loaded = importlib.import_module(module)
    assert [name for name in PUBLISHED[module] if not hasattr(loaded, name)] == []


@pytest.mark.parametrize("module", [name for name in PUBLISHED if name.startswith("dolma.core")])
def test_published_modules_export_these_names_and_no_others(module: str) -> None:
    assert sorted(importlib.import_module(module).__all__) == PUBLISHED[module]


def test_the_package_exports_what_it_lists() -> None:
    assert sorted(dolma.__all__) == [
        "BaseTagger",
        "BaseTaggerWithMetadata",
        "__version__",
        "add_tagger",
        "deduper",
        "mixer",
        "tagger",
    ]
    assert all(hasattr(dolma, name) for name in dolma.__all__)


def test_a_published_name_is_the_same_object_as_ours() -> None:
    assert core.Document is document.Document
    assert core.BaseTagger is dolma.BaseTagger
    assert core.TaggerRegistry is registry.TaggerRegistry
    assert dolma.add_tagger == core.TaggerRegistry.add


def test_every_error_has_the_exit_code_that_is_documented() -> None:
    codes = {name: getattr(errors, name).exit_code for name in errors.__all__}
    assert codes == {
        "DolmaAssetError": 6,
        "DolmaConfigError": 2,
        "DolmaError": 1,
        "DolmaFatalError": 7,
        "DolmaInputError": 3,
        "DolmaRetryableFailure": 5,
        "DolmaRustPipelineError": 4,
        "DolmaShardError": 4,
        "DolmaStorageError": 5,
    }
    assert all(issubclass(getattr(errors, name), errors.DolmaError) for name in errors.__all__)


# Records


def test_documents_and_spans_go_to_json_and_back() -> None:
    plain = Document(source="s", version="v", id="i", text="text")
    assert Document.from_json(plain.to_json()).to_json() == plain.to_json()
    rich = DocumentWithMetadata(source="s", version=None, id="i", text="text", metadata={"a": [1]})
    assert DocumentWithMetadata.from_json(rich.to_json()).to_json() == rich.to_json()
    span = Span(start=1, end=3, type="t", score=0.25)
    assert Span.from_json(span.to_json()) == span
    assert span.to_json("text") == {"start": 1, "end": 3, "type": "t", "score": 0.25, "mention": "ex"}
    assert (span.select(plain), span.mention("text", window=1), len(span)) == ("ex", "text", 2)


def test_documents_go_to_lines_and_back() -> None:
    plain = Document(source="s", version="v", id="i", text="text")
    line = InputSpec(source="s", version="v", id="i", text="text")
    assert plain.to_spec() == line
    assert Document.from_spec(line).to_json() == plain.to_json()
    assert msgspec.json.decode(b'{"id":"i","text":"text","source":"s","version":"v"}', type=InputSpec) == line
    rich = DocumentWithMetadata(source="s", version=None, id="i", text="text", metadata={"a": [1]})
    assert rich.to_spec() == InputSpecWithMetadata(source="s", id="i", text="text", metadata={"a": [1]})
    assert DocumentWithMetadata.from_spec(rich.to_spec()).to_json() == rich.to_json()


def test_spans_go_to_rows_of_attributes_and_back() -> None:
    span = Span(1, 3, "t", 0.25, experiment="e", tagger="g")
    assert span.to_spec() == ("e__g__t", (1, 3, 0.25))
    again = Span.from_spec("e__g__t", [1, 3, 0.25])
    assert (again, again.experiment, again.tagger) == (span, "e", "g")
    named = Span.from_spec("duplicates", (0, 2, 1))
    assert (named.type, named.experiment, named.tagger) == ("duplicates",) * 3
    with pytest.raises(AssertionError, match="no experiment"):
        Span(1, 3, "t").to_spec()
    with pytest.raises(AssertionError, match="no tagger"):
        Span(1, 3, "t", experiment="e").to_spec()


def test_results_go_to_lines_and_back() -> None:
    doc = Document(source="s", id="i", text="text")
    spans = [Span(0, 1, "t", 0.5, "e", "g"), Span(1, 2, "u", 1, "e", "g"), Span(2, 3, "t", 0, "e", "g")]
    line, row = DocResult(doc, spans).to_spec()
    assert line == doc.to_spec()
    assert row == OutputSpec("i", {"e__g__t": [(0, 1, 0.5), (2, 3, 0)], "e__g__u": [(1, 2, 1)]}, "s")
    more = OutputSpec("i", {"d": [(3, 4, 1)]})
    assert DocResult.from_spec(line, row, more).spans == [spans[0], spans[2], spans[1], Span(3, 4, "d")]
    with pytest.raises(AssertionError, match="attributes of 'other' do not belong to the document 'i'"):
        DocResult.from_spec(line, OutputSpec("other", {}))


def test_a_tagger_may_make_its_document_from_the_row_itself() -> None:
    row = Document(source="s", id="i", text="t", version=None)
    assert Document.from_spec(row).to_json() == row.to_json()


# The registry


@pytest.fixture
def unregistered() -> Iterator[None]:
    before = dict(registry._classes)
    yield
    registry._classes.clear()
    registry._classes.update(before)


@pytest.mark.usefixtures("unregistered")
def test_the_registry_adds_finds_lists_and_removes() -> None:
    @dolma.add_tagger("some_tagger")
    class Some(dolma.BaseTagger):
        def predict(self, doc: Document) -> document.DocResult:
            return document.DocResult(doc, [])

    found = core.TaggerRegistry
    assert found.has("some_tagger")
    assert found.get("some_tagger") is Some
    assert ("some_tagger", Some) in list(found.items())
    assert found.add("some_tagger")(Some) is Some
    with pytest.raises(DolmaConfigError, match="'some_tagger' exists already"):
        found.add("some_tagger")(type("Other", (Some,), {}))
    with pytest.raises(DolmaConfigError, match="did you mean 'some_tagger'"):
        found.get("some_tager")
    assert found.remove("some_tagger")
    assert not found.remove("some_tagger")
    assert not found.has("some_tagger")


# Splitting


def pieces(slices: list[TextSlice]) -> list[str]:
    assert all(piece.text == piece.doc[piece.start : piece.end] for piece in slices)
    return [piece.text for piece in slices]


def test_paragraphs_are_lines_with_their_newlines() -> None:
    assert pieces(split_paragraphs("one\n  \n two\n\nthree")) == ["one\n", " two\n", "three"]
    assert pieces(split_paragraphs("one\n  \n two\n\n", remove_empty=False)) == [
        "one\n",
        "  \n",
        " two\n",
        "\n",
    ]
    assert pieces(split_paragraphs("")) == []
    assert pieces(split_paragraphs("\n", remove_empty=False)) == ["\n"]
    # Other ends of lines are white space within a paragraph.
    assert pieces(split_paragraphs("a\r\nb\u2028c\x0cd")) == ["a\r\n", "b\u2028c\x0cd"]


def test_words_are_those_of_unicode() -> None:
    assert pieces(split_words("It's 3.14 o'clock, x_y!")) == ["It's", "3.14", "o'clock", ",", "x_y", "!"]
    assert pieces(split_words("a \n", remove_empty=False)) == ["a", " ", "\n"]
    assert pieces(split_words("naïve 日本 🇩🇪🇫🇷 👨‍👩‍👧")) == ["naïve", "日", "本", "🇩🇪", "🇫🇷", "👨‍👩‍👧"]
    assert split_words("") == []


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_paragraphs_and_words_cover_the_text_in_order(text: str) -> None:
    for split in (split_paragraphs, split_words):
        everything = split(text, remove_empty=False)
        assert "".join(pieces(everything)) == text
        kept = [piece.start for piece in split(text)]
        assert kept == [piece.start for piece in everything if piece.text.strip()]


def test_sentences_name_the_library_that_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "blingfire", None)
    monkeypatch.setitem(sys.modules, "nltk.tokenize.punkt", None)
    assert split_sentences("") == []
    with pytest.raises(DolmaConfigError, match="pip install blingfire"):
        split_sentences("One. Two.")


def test_sentences_are_those_of_blingfire(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = types.SimpleNamespace(text_to_sentences_and_offsets=lambda text: ("", [(0, 4), (5, len(text))]))
    monkeypatch.setitem(sys.modules, "blingfire", fake)
    assert pieces(split_sentences("One. Two.")) == ["One.", "Two."]


# fastText


class FakeModel:
    """Stands for `fasttext.FastText._FastText`, with what its binding gives."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.f = types.SimpleNamespace(predict=self._pairs)

    def _pairs(self, text: str, k: int, threshold: float, on_unicode_error: str) -> list[tuple[float, str]]:
        assert text.endswith("\n")
        assert (threshold, on_unicode_error) == (0.0, "strict")
        return [(len(text) / 100, "__label__long"), (0.5, "__label__other")][:k]


class Long(BaseFastTextTagger):
    def predict_slice(self, text_slice: TextSlice) -> list[Prediction]:
        labels, scores = self.classifier.predict(text_slice.text.strip(), k=1)
        return [Prediction(label=labels[0], score=scores[0])]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of a model, with packages that load it."""
    module = types.ModuleType("fasttext.FastText")
    module._FastText = FakeModel  # type: ignore[attr-defined]
    numpy = types.ModuleType("numpy")
    numpy.array = list  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fasttext", types.ModuleType("fasttext"))
    monkeypatch.setitem(sys.modules, "fasttext.FastText", module)
    monkeypatch.setitem(sys.modules, "numpy", numpy)
    path = tmp_path / "model.bin"
    path.write_bytes(b"")
    return str(path)


def test_a_fasttext_tagger_labels_the_document(model: str) -> None:
    tagger = Long(model_path=model, model_mode=BaseFastTextTagger.DOCUMENT_LEVEL_TAGGER)
    assert tagger.tag(Document("s", "i", "12345678")) == {"__label__long": [(0, 8, 0.09)]}
    assert tagger.classifier.path == model


def test_a_fasttext_tagger_labels_each_paragraph(model: str) -> None:
    tagger = Long(model_path=model, model_mode=BaseFastTextTagger.PARAGRAPH_LEVEL_TAGGER)
    found = tagger.tag(Document("s", "i", "123\n\n4567"))
    assert found == {"__label__long": [(0, 4, 0.04), (5, 9, 0.05)]}


def test_a_fasttext_tagger_labels_each_sentence(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taggers.fasttext, "split_sentences", lambda text: [TextSlice(text, 1, 3)])
    tagger = Long(model_path=model, model_mode=BaseFastTextTagger.SENTENCE_LEVEL_TAGGER)
    assert tagger.tag(Document("s", "i", "12345")) == {"__label__long": [(1, 3, 0.03)]}


def test_a_fasttext_model_wants_one_line(model: str) -> None:
    tagger = Long(model_path=model, model_mode=BaseFastTextTagger.DOCUMENT_LEVEL_TAGGER)
    with pytest.raises(ValueError, match="one line at a time"):
        tagger.predict(Document("s", "i", "a\nb"))


def test_a_fasttext_tagger_refuses_other_modes(model: str) -> None:
    with pytest.raises(
        DolmaConfigError, match="Long: model_mode is sentence or paragraph or document, not 'doc'"
    ):
        Long(model_path=model, model_mode="doc")


def test_a_fasttext_tagger_names_the_package_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fasttext.FastText", None)
    with pytest.raises(DolmaConfigError, match=r"pip install 'dolma\[train\]'"):
        Long(model_path="x", model_mode=BaseFastTextTagger.DOCUMENT_LEVEL_TAGGER)


# Runs


def test_create_and_run_tagger_writes_what_the_command_writes(tmp_path: Path) -> None:
    documents = put(tmp_path / "documents/a.jsonl.gz", "one two")
    report = create_and_run_tagger(
        documents=[str(documents)],
        taggers=["char_length_v1"],
        experiment="test",
        destination=str(tmp_path / "out"),
        metadata=str(tmp_path / "meta"),
        debug=True,
        seed=3,
    )
    assert report is not None
    assert report["counts"] == {"read": 1, "written": 1, "dropped": 0, "bad": 0}
    expected = [{"test__char_length_v1__length": [[0, 7, 7.0]]}]
    assert attributes_of(tmp_path / "out/test/a.jsonl.gz") == expected
    # A list that names a folder for each path: no folder for the experiment below it.
    create_and_run_tagger(
        [str(documents)], ["char_length_v1"], experiment="test", destination=[str(tmp_path / "there")]
    )
    assert attributes_of(tmp_path / "there/a.jsonl.gz") == expected


def test_create_and_run_tagger_profiles_python_taggers(tmp_path: Path) -> None:
    source = tmp_path / "slow_module.py"
    source.write_text(
        "from dolma import BaseTagger, add_tagger\n"
        "from dolma.core.data_types import DocResult\n"
        "@add_tagger('profiled')\n"
        "class Profiled(BaseTagger):\n"
        "    def predict(self, doc):\n"
        "        return DocResult(doc, [])\n"
    )
    documents = put(tmp_path / "documents/a.jsonl.gz", "one")
    create_and_run_tagger(
        [str(documents)],
        ["profiled"],
        taggers_modules=[str(source)],
        profile_enable=True,
        profile_output=str(tmp_path / "profile"),
    )
    assert (tmp_path / "profile").stat().st_size > 0


def test_commands_run_from_dicts_and_return_their_reports(tmp_path: Path) -> None:
    documents = put(tmp_path / "documents/a.jsonl.gz", "one", "one", "two")
    tagged = dolma.tagger({"documents": [str(documents)], "taggers": ["char_length_v1"]})
    assert tagged is not None
    assert tagged["counts"]["written"] == 3
    deduped = dolma.deduper(
        {
            "documents": [str(documents)],
            "dedupe": {"name": "dups", "documents": {"attribute_name": "dup", "key": "$.text"}},
            "bloom_filter": {"file": str(tmp_path / "filter"), "read_only": False, "size_in_bytes": 1 << 16},
        }
    )
    assert deduped is not None
    mixed = dolma.mixer(
        {
            "streams": [
                {
                    "name": "all",
                    "documents": [str(documents)],
                    "attributes": ["dups"],
                    "output": {"path": str(tmp_path / "mix")},
                    "filter": {"exclude": ["$.attributes[?(@.dup && @.dup[0])]"]},
                }
            ]
        }
    )
    assert mixed is not None
    assert mixed["counts"] == {"read": 3, "written": 2, "dropped": 1, "bad": 0}
    assert json.loads(json.dumps(mixed)) == mixed


def test_a_command_from_a_dict_raises_and_does_not_exit() -> None:
    with pytest.raises(DolmaConfigError, match=r"mixer\(\): unknown key 'streems'; did you mean 'streams'"):
        dolma.mixer({"streems": []})


def test_splitting_is_what_the_published_path_gives() -> None:
    assert (splitting.split_words, splitting.split_paragraphs) == (split_words, split_paragraphs)
