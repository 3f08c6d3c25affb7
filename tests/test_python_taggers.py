"""Built-in taggers in Python: declarations with a class behind them, run in worker processes."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from command import dolma, succeed
from shards import attributes_of, put

#: A family as the catalogue has them, in a module that puts itself into the table.
FAMILY = '''
from dolma import BaseTagger, BaseTaggerWithMetadata
from dolma.document import DocResult, Document, DocumentWithMetadata, Span
from dolma.taggers.catalogue import BUILTIN
from dolma.taggers.declaration import AttributeType, PythonTagger


class Listed(BaseTaggerWithMetadata):
    """Words of a list in the metadata's field."""

    def __init__(self, words: str, field: str = "title", weight: float = 1.0) -> None:
        with open(words) as file:
            self.words = file.read().split()
        self.field, self.weight = field, weight

    def predict(self, doc: DocumentWithMetadata) -> DocResult:
        value = str((doc.metadata or {}).get(self.field, ""))
        hits = sum(word in value for word in self.words)
        return DocResult(doc, [Span(0, len(doc.text), "hits", hits * self.weight)])


for name, requires, extra in (("listed_v1", (), ""), ("remote_v1", ("no_such_library",), "wonders")):
    BUILTIN[name] = PythonTagger(
        name=name,
        family="listed",
        cost="heavy",
        doc="Words of a list in the metadata.",
        outputs=(AttributeType(name="hits", unit="document", meaning="words", high=float("inf"), always=True),),
        target="family:Listed",
        requires=requires,
        extra=extra,
        assets={"words": None},
        options={"weight": 2.0},
        settable=("field",),
    )
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "family.py").write_text(textwrap.dedent(FAMILY))
    (tmp_path / "words.txt").write_text("chowder\nlighthouse\n")
    for name in "ab":
        path = tmp_path / f"documents/{name}.jsonl.gz"
        put(path, *["text"] * 300, metadata={"title": "chowder in a lighthouse", "place": "lighthouse"})
    return tmp_path


def arguments(*more: object, tagger: str = "listed_v1") -> list[object]:
    documents = ["tag", "--documents", "documents", "--experiment", "e", "--taggers", tagger]
    return [*documents, "--tagger_modules", "family.py", *more]


@pytest.mark.parametrize("processes", [1, 2])
def test_metadata_options_and_assets_reach_a_worker(folder: Path, processes: int) -> None:
    words = ("--tagger_options.listed_v1.words", "words.txt")
    succeed(*arguments(*words, "--processes", processes), cwd=folder)
    found = attributes_of(folder / "attributes/e/a.jsonl.gz")
    assert found == [{"e__listed_v1__hits": [[0, 4, 4.0]]}] * 300
    place = ("--tagger_options.listed_v1.field", "place")
    assert "0 done before" in succeed(*arguments(*words, *place, "--processes", processes), cwd=folder).err
    assert attributes_of(folder / "attributes/e/b.jsonl.gz")[0] == {"e__listed_v1__hits": [[0, 4, 2.0]]}


def test_a_changed_asset_makes_results_out_of_date(folder: Path) -> None:
    words = ("--tagger_options.listed_v1.words", "words.txt")
    succeed(*arguments(*words), cwd=folder)
    assert "2 done before" in succeed(*arguments(*words), cwd=folder).err
    (folder / "words.txt").write_text("chowder")
    assert "0 done before" in succeed(*arguments(*words), cwd=folder).err
    assert attributes_of(folder / "attributes/e/a.jsonl.gz")[0] == {"e__listed_v1__hits": [[0, 4, 2.0]]}


@pytest.mark.parametrize(
    ("tagger", "more", "message"),
    [
        (
            "listed_v1",
            [],
            "tagger listed_v1 needs the option words: set tagger_options.listed_v1.words to a path",
        ),
        ("listed_v1", ["--tagger_options.listed_v1.fields", "x"], "did you mean 'field'?"),
        ("listed_v1", ["--tagger_options.listed_v1.words", "lost.txt"], "lost.txt is neither a file"),
        # Before the option that is missing, too: without the library nothing else matters.
        ("remote_v1", [], "tagger remote_v1 needs no_such_library: pip install 'dolma[wonders]'"),
    ],
)
def test_what_is_missing_is_said_before_any_work(
    folder: Path, tagger: str, more: list[object], message: str
) -> None:
    result = dolma(*arguments(*more, tagger=tagger), cwd=folder)
    assert result.code in (2, 6)
    assert message in result.err
    assert result.err.count("\n") == 1
    assert not (folder / "attributes").exists()


def test_what_may_be_fetched_holds_for_a_text_that_is_tried(tmp_path: Path) -> None:
    (tmp_path / "asking.py").write_text(
        "from dolma import BaseTagger, add_tagger\n"
        "from dolma.assets.policy import current\n"
        "from dolma.document import DocResult, Span\n"
        "@add_tagger('asking_v1')\n"
        "class Asking(BaseTagger):\n"
        "    def __init__(self):\n"
        "        self.found = current()\n"
        "    def predict(self, doc):\n"
        "        kind = f'{self.found.fetch}-{self.found.lock}'\n"
        "        return DocResult(doc, [Span(0, len(doc.text), kind)])\n"
    )
    line = ("tag", "--tagger_modules", "asking.py", "--taggers", "asking_v1", "--text", "text")
    assert succeed(*line, cwd=tmp_path).out == "asking_v1\n  False_None  1\n"
    allowed = succeed(*line, "--fetch_assets", "--assets_lock", "my.lock", cwd=tmp_path).out
    assert allowed == "asking_v1\n  True_my_lock  1\n"
