"""The helpers for authors of taggers, on taggers that hold what they must and on some that do not."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from command import dolma, refused, succeed
from dolma import BaseTagger, BaseTaggerWithMetadata, testing
from dolma.commands.listing import table
from dolma.document import DocResult, Document, DocumentWithMetadata, Span
from dolma.errors import DolmaConfigError
from dolma.taggers.registry import TaggerRegistry


class Capitals(BaseTagger):
    """Capital letters."""

    def __init__(self, score: float = 1.0) -> None:
        self.score = score

    def predict(self, doc: Document) -> DocResult:
        at = [n for n, letter in enumerate(doc.text) if letter.isupper()]
        return DocResult(doc, [Span(n, n + 1, "capital", self.score) for n in at])


class Titles(BaseTaggerWithMetadata):
    """The title in the metadata."""

    def predict(self, doc: DocumentWithMetadata) -> DocResult:
        return DocResult(doc, [Span(0, len(doc.text), str(doc.metadata.get("title")))])


class Outside(Capitals):
    """Offsets beyond the end of some texts."""

    def predict(self, doc: Document) -> DocResult:
        return DocResult(doc, [Span(0, 5, "five")])


class Infinite(Capitals):
    """A score that is no number for texts without letters."""

    def predict(self, doc: Document) -> DocResult:
        letters = sum(map(str.isalpha, doc.text))
        return DocResult(doc, [Span(0, len(doc.text), "share", 1 / letters if letters else float("inf"))])


class Counting(Capitals):
    """Remembers how many documents it saw."""

    def __init__(self) -> None:
        self.seen = itertools.count()

    def predict(self, doc: Document) -> DocResult:
        return DocResult(doc, [Span(0, len(doc.text), "seen", next(self.seen))])


class Neighbours(Capitals):
    """Scores that depend on the batch."""

    def predict_batch(self, docs: Sequence[Document]) -> list[DocResult]:
        first = len(docs[0].text)
        return [DocResult(doc, [Span(0, len(doc.text), "first", first)]) for doc in docs]


def test_spans_are_what_the_engine_writes() -> None:
    assert testing.tag(Capitals, "An Ox") == {"capital": [(0, 1, 1.0), (3, 4, 1.0)]}
    assert testing.marked(Capitals, "\u0130 Ox") == {"capital": ["\u0130", "O"]}
    assert testing.tag(Capitals, "A", score=0.123456789) == {"capital": [(0, 1, 0.12346)]}
    assert testing.tag_all(Capitals, ["", "B"]) == [{}, {"capital": [(0, 1, 1.0)]}]
    assert testing.marked(Titles, "x", metadata={"title": "t"}) == {"t": ["x"]}
    assert testing.marked("char_length_v1", "\u0130 Ox") == {"length": ["\u0130 Ox"]}
    assert all(found is not Capitals for _, found in TaggerRegistry.items())


def test_a_good_tagger_passes() -> None:
    testing.check(Capitals, ["Another Text"], score=2.0)
    testing.check(Titles)
    testing.check("gopher_v2")


@pytest.mark.parametrize(
    ("tagger", "message"),
    [
        (Outside, "does not fit a text of 0 code points"),
        (Infinite, "has a score that is not finite"),
        (Counting, "Counting finds .* where it found"),
        (Neighbours, "Neighbours finds .* where it found"),
    ],
)
def test_a_bad_tagger_does_not(tagger: type[BaseTagger], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        testing.check(tagger)


def test_wrong_names_and_options_are_refused() -> None:
    with pytest.raises(DolmaConfigError, match="did you mean"):
        testing.check("gopher_v22")
    with pytest.raises(DolmaConfigError, match="cannot make Capitals"):
        testing.check(Capitals, size=3)


# dolma tag --text


def test_a_text_is_tagged_on_the_screen() -> None:
    printed = succeed("tag", "--taggers", "pii_regex_v3", "char_length_v1", "--text", "a@b.org\nis mine").out
    assert "    0:7  1  [a@b.org]⏎is mine\n" in printed
    assert printed.endswith("char_length_v1\n  length  15\n")


def test_a_document_with_metadata_may_be_given() -> None:
    document = '{"id": "1", "text": "four", "metadata": {"url": "x"}}'
    assert (
        succeed("tag", "--taggers", "char_length_v1", "--text", document).out
        == "char_length_v1\n  length  4\n"
    )


def test_control_characters_of_a_text_do_not_reach_the_screen() -> None:
    printed = succeed("tag", "--taggers", "pii_regex_v3", "--text", "\x1b[31m a@b.org \x07").out
    assert "\x1b" not in printed
    assert "[a@b.org] \\x07" in printed


def test_a_failure_on_a_text_has_its_place(tmp_path: object) -> None:
    module = f"{tmp_path}/failing.py"
    with open(module, "w") as file:
        file.write(
            "from dolma import BaseTagger, add_tagger\n"
            "@add_tagger('failing_v1')\n"
            "class Failing(BaseTagger):\n"
            "    def predict(self, doc):\n"
            "        return 1 / 0\n"
        )
    result = dolma("tag", "--taggers", "failing_v1", "--tagger_modules", module, "--text", "x")
    assert result.code == 4
    assert f"ZeroDivisionError: division by zero ({module}:5)" in result.err
    assert "did you mean 'gopher_v1'" in refused("tag", "--taggers", "gofer_v1", "--text", "x")


# dolma list


def test_a_terminal_shows_what_fits() -> None:
    rows = [
        ("name_v1", "family", "light", "a, b, c", "A sentence " * 20),
        ("x", "y", "heavy [extra]", "o", "Short."),
    ]
    assert all(len(line) <= 120 for line in table(rows, 120))
    assert table(rows, 120)[1] == "x        y       heavy [extra]  Short."
    assert "a, b, c" in table(rows, 200)[0]
    assert table(rows, None)[0].endswith("A sentence")


def test_list_documents_taggers_by_name() -> None:
    one, two = succeed("list", "c4_v2").out, succeed("list", "-v", "gopher_v2").out
    assert one.startswith("c4_v2 (c4, moderate)")
    assert "output word_count (document, from 0, always)" in two
    assert succeed("list", "c4_v2", "gopher_v2").out == f"{one}\n{two}"
