"""Each Python tagger has documents of its own: what it changes in them is seen by no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from command import succeed
from shards import attributes_of, put

MODULE = '''
from dolma import BaseTagger, BaseTaggerWithMetadata, add_tagger
from dolma.document import DocResult, Document, DocumentWithMetadata, Span


def changed(doc):
    doc.text, doc.id = doc.text.strip(), "changed"
    if hasattr(doc, "metadata"):
        doc.metadata["inner"]["seen"] = doc.metadata["outer"] = True


def length(doc):
    known = 1000 * len(doc.metadata) + 100 * len(doc.metadata["inner"]) if hasattr(doc, "metadata") else 0
    return DocResult(doc, [Span(0, len(doc.text), "length", known + len(doc.text))])


class Strips(BaseTagger):
    def predict(self, doc):
        result = length(doc)
        changed(doc)
        return result


class StripsMetadata(BaseTaggerWithMetadata):
    predict = Strips.predict


class Raises(BaseTaggerWithMetadata):
    def predict(self, doc):
        changed(doc)
        raise ValueError("no")


class RaisesTogether(BaseTaggerWithMetadata):
    """On all documents at once, not on each."""

    def predict(self, doc):
        raise NotImplementedError

    def predict_batch(self, docs):
        results = [length(doc) for doc in docs]
        for doc in docs:
            changed(doc)
        if len(docs) > 1:
            raise ValueError("no")
        return results


class Length(BaseTagger):
    def predict(self, doc):
        return length(doc)


class LengthMetadata(BaseTaggerWithMetadata):
    def predict(self, doc):
        return length(doc)


for name, kind in {
    "strips": Strips,
    "strips_metadata": StripsMetadata,
    "raises": Raises,
    "raises_together": RaisesTogether,
    "length": Length,
    "length_metadata": LengthMetadata,
}.items():
    add_tagger(f"{name}_v1")(kind)
'''

TEXTS = ("  hello  ", "\n\n", "as it is ")
METADATA = {"inner": {"a": 1}, "b": 2}
"""Two keys, and one within: 2000 and 100 in what is scored."""

CHANGING = ("strips", "strips_metadata", "raises", "raises_together")


@pytest.mark.parametrize("order", [CHANGING, CHANGING[::-1]])
@pytest.mark.parametrize("options", [(), ("--debug",), ("--processes", "2")])
def test_what_a_tagger_changes_in_a_document_is_seen_by_no_other(
    tmp_path: Path, order: tuple[str, ...], options: tuple[str, ...]
) -> None:
    (tmp_path / "changing.py").write_text(MODULE)
    put(tmp_path / "documents/a.jsonl.gz", *TEXTS, metadata=METADATA)
    names = [f"{name}_v1" for name in (*order, "length_metadata", "length")]
    succeed(
        *("tag", "--documents", tmp_path / "documents", "--tagger_modules", tmp_path / "changing.py"),
        *("--experiment", "e", "--on_tagger_error", "null", "--taggers", *names, *options),
    )
    plain, rich = ("length", "strips"), ("length_metadata", "strips_metadata", "raises_together")
    for text, row in zip(TEXTS, attributes_of(tmp_path / "attributes/e/a.jsonl.gz"), strict=True):
        size = len(text)
        scores = {**dict.fromkeys(plain, size), **dict.fromkeys(rich, 2100 + size)}
        assert row == {f"e__{name}_v1__length": [[0, size, score]] for name, score in scores.items()}
