"""Taggers written for the published package, and what becomes of a wrong one."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from command import PACKAGE, dolma, refused, succeed
from shards import attributes_of, put, read

TAGGERS = '''
"""A file of taggers as users of the published package have them."""

import re
from typing import Dict, List

from dolma import BaseTagger, add_tagger
from dolma.core.data_types import (
    DocResult, Document, DocumentWithMetadata, InputSpec, Span, TaggerOutputDictType, TextSlice,
)
from dolma.core.registry import TaggerRegistry
from dolma.core.taggers import BaseTaggerWithMetadata
from dolma.core.utils import split_paragraphs, split_words


@add_tagger("vowels-v1")
class VowelTagger(BaseTagger):
    """Vowels, and their share."""

    def predict(self, doc: Document) -> DocResult:
        spans = [Span(m.start(), m.end(), "vowel", 0.123456789) for m in re.finditer("[aeiou]", doc.text)]
        share = Span(start=0, end=len(doc.text), type="share-of-text", score=len(spans) / max(1, len(doc.text)))
        return DocResult(doc=doc, spans=[*spans, share])


@TaggerRegistry.add("stars_v1")
class StarTagger(BaseTaggerWithMetadata):
    def predict(self, doc: DocumentWithMetadata) -> DocResult:
        stars = doc.metadata.get("stars", -1)
        return DocResult(doc=doc, spans=[Span(0, len(doc.text), "stars", stars), Span(0, 0, doc.source)])


@add_tagger("batched_v1")
class BatchTagger(BaseTagger):
    def predict(self, doc: Document) -> DocResult:
        raise NotImplementedError

    def predict_batch(self, docs: List[Document]) -> List[DocResult]:
        return [DocResult(doc, [Span(0, 1, "first", float(ord(doc.text[0])))] if doc.text else []) for doc in docs]


@add_tagger("defaults_v1")
class DefaultsTagger(BaseTagger):
    @property
    def defaults(self) -> List[str]:
        return ["long", "short"]

    def predict(self, doc: Document) -> DocResult:
        spans = []
        for word in split_words(doc.text):
            assert isinstance(word, TextSlice)
            spans.append(Span(word.start, word.end, "long" if len(word.text) > 3 else "short"))
        return DocResult(doc, spans)


@add_tagger("grouped_v1")
class GroupedTagger(BaseTagger):
    def predict(self, doc: Document) -> DocResult:
        return DocResult(doc, [Span(p.start, p.end, "line") for p in split_paragraphs(doc.text)])

    def group_output(self, doc_result: DocResult) -> TaggerOutputDictType:
        grouped = super().group_output(doc_result)
        return {"lines": [[s, e, score * 2] for s, e, score in grouped.get("line", [])], "": [(0, 0, 1.0)]}


@add_tagger("rows_v1")
class RowTagger(BaseTagger):
    """Overrides the method that takes the row itself."""

    def tag(self, row: InputSpec) -> Dict[str, list]:
        doc = Document.from_spec(row)
        return self.group_output(self.predict(doc))

    def predict(self, doc: Document) -> DocResult:
        return DocResult(doc, [Span(0, len(doc.text), doc.id)])
'''

TEXTS = ("héllo\n\nwørld aé", "", "日本 ok\n")


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "my_taggers.py"
    path.write_text(TAGGERS)
    return path


def write(tmp_path: Path, name: str, code: str) -> Path:
    """A file with one tagger."""
    head = """
        import os
        from dolma import BaseTagger, add_tagger
        from dolma.core.data_types import DocResult, Document, Span
    """
    path = tmp_path / f"{name}.py"
    path.write_text(textwrap.dedent(head) + textwrap.dedent(code))
    return path


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    put(tmp_path / "documents/a.jsonl.gz", *TEXTS, metadata={"stars": 7})
    put(tmp_path / "documents/sub/b.jsonl.gz", *TEXTS[::-1])
    return tmp_path / "documents"


def tag(documents: Path, module: Path | str, *taggers: str, **options: object) -> list[object]:
    """The arguments of a run over all documents."""
    flags = [item for key, value in options.items() for item in (f"--{key}", value)]
    return [
        *("tag", "--documents", f"{documents}/**/*.gz", "--tagger_modules", module),
        *("--experiment", "exp", "--taggers", *taggers, *flags),
    ]


EXPECTED = {
    "vowels-v1": [
        {
            "exp__vowels_v1__vowel": [[4, 5, 0.12346], [13, 14, 0.12346]],
            "exp__vowels_v1__share_of_text": [[0, 15, 0.13333]],
        },
        {"exp__vowels_v1__share_of_text": [[0, 0, 0.0]]},
        {
            "exp__vowels_v1__vowel": [[3, 4, 0.12346]],
            "exp__vowels_v1__share_of_text": [[0, 6, 0.16667]],
        },
    ],
    "stars_v1": [
        {"exp__stars_v1__stars": [[0, size, 7.0]], "exp__stars_v1__test": [[0, 0, 1.0]]}
        for size in (15, 0, 6)
    ],
    "batched_v1": [
        {"exp__batched_v1__first": [[0, 1, 104.0]]},
        {},
        {"exp__batched_v1__first": [[0, 1, 26085.0]]},
    ],
    "defaults_v1": [
        {
            "exp__defaults_v1__long": [[0, 5, 1.0], [7, 12, 1.0]],
            "exp__defaults_v1__short": [[13, 15, 1.0]],
        },
        {"exp__defaults_v1__long": [], "exp__defaults_v1__short": []},
        {
            "exp__defaults_v1__long": [],
            "exp__defaults_v1__short": [[0, 1, 1.0], [1, 2, 1.0], [3, 5, 1.0]],
        },
    ],
    "grouped_v1": [
        {"exp__grouped_v1__lines": [[0, 6, 2.0], [7, 15, 2.0]]},
        {"exp__grouped_v1__lines": []},
        {"exp__grouped_v1__lines": [[0, 6, 2.0]]},
    ],
    "rows_v1": [{f"exp__rows_v1__a_{n}": [[0, size, 1.0]]} for n, size in enumerate((15, 0, 6))],
}


@pytest.mark.parametrize("tagger", EXPECTED)
def test_a_published_tagger_writes_what_it_wrote(documents: Path, module: Path, tagger: str) -> None:
    succeed(*tag(documents, module, tagger))
    found = read(documents.parent / "attributes/exp/a.jsonl.gz")
    assert [row["id"] for row in found] == ["a-0", "a-1", "a-2"]
    assert [row["source"] for row in found] == ["test"] * 3
    assert [row["attributes"] for row in found] == EXPECTED[tagger]
    # Keys in the order of the spans, as the published package writes them.
    assert [list(row["attributes"]) for row in found] == [list(row) for row in EXPECTED[tagger]]


def outputs(documents: Path) -> dict[str, bytes]:
    folder = documents.parent / "attributes/exp"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("**/[ab].jsonl.gz")}


def test_one_process_and_two_write_the_same_bytes(documents: Path, module: Path) -> None:
    arguments = tag(documents, module, *EXPECTED)
    succeed(*arguments, "--processes", 1)
    one = outputs(documents)
    succeed(*arguments, "--processes", 2, "--ignore_existing")
    assert outputs(documents) == one
    succeed(*arguments, "--debug", "--ignore_existing")
    assert outputs(documents) == one
    assert sorted(one) == ["a.jsonl.gz", "sub/b.jsonl.gz"]


def test_kernels_and_python_taggers_share_a_row_in_the_order_of_the_run(
    documents: Path, module: Path
) -> None:
    order = ["batched_v1", "char_length_v1", "stars_v1", "gopher_v1", "defaults_v1"]
    succeed(*tag(documents, module, *order, processes=2))
    found = attributes_of(documents.parent / "attributes/exp/a.jsonl.gz")
    names = [list(dict.fromkeys(key.split("__")[1] for key in row)) for row in found]
    assert names[0] == order
    assert names[1] == [name for name in order if name != "batched_v1"]
    # What the engine alone writes for its own.
    alone = [
        *tag(documents, module, "char_length_v1", "gopher_v1"),
        "--destination",
        documents.parent / "alone",
    ]
    succeed(*alone)
    of_kernels = attributes_of(documents.parent / "alone/a.jsonl.gz")
    for row, expected in zip(found, of_kernels, strict=True):
        assert {
            key: row[key] for key in row if key.split("__")[1] in ("char_length_v1", "gopher_v1")
        } == expected


def test_without_an_experiment_each_tagger_has_its_own_folder(documents: Path, module: Path) -> None:
    succeed(
        *("tag", "--documents", documents / "a.jsonl.gz", "--tagger_modules", module),
        *("--taggers", "vowels-v1", "char_length_v1"),
    )
    folder = documents.parent / "attributes"
    assert list(attributes_of(folder / "char_length_v1/a.jsonl.gz")[0]) == [
        "char_length_v1__char_length_v1__length"
    ]
    assert "vowels_v1__vowels_v1__vowel" in attributes_of(folder / "vowels_v1/a.jsonl.gz")[0]


@pytest.mark.parametrize("how", ["file", "package", "dotted", "relative"])
def test_tagger_modules_are_files_packages_and_dotted_names(documents: Path, module: Path, how: str) -> None:
    package = module.parent / "my_package"
    package.mkdir()
    (package / "__init__.py").write_text("from .inner import *\n")
    (package / "inner.py").write_text(TAGGERS)
    given = {"file": module, "package": package, "dotted": "my_package.inner", "relative": "my_taggers.py"}[
        how
    ]
    env = {"PYTHONPATH": f"{module.parent}:{PACKAGE}"}
    result = dolma(*tag(documents, given, "batched_v1", processes=2), cwd=module.parent, env=env)
    assert result.code == 0, result.err
    assert attributes_of(documents.parent / "attributes/exp/a.jsonl.gz") == EXPECTED["batched_v1"]


def test_list_shows_custom_taggers(module: Path) -> None:
    listed = succeed("list", "--tagger_modules", module).out
    assert "vowels-v1" in listed
    assert re.search("^vowels-v1 +my_taggers.VowelTagger +Vowels, and their share.$", listed, re.MULTILINE)
    assert "Overrides the method" in succeed("list", "--tagger_modules", module, "--verbose", "rows_v1").out


def test_a_changed_tagger_is_run_again_and_an_unchanged_one_is_not(documents: Path, module: Path) -> None:
    arguments = tag(documents, module, "batched_v1")
    succeed(*arguments)
    assert "2 done before" in succeed(*arguments).err
    module.write_text(TAGGERS.replace("float(ord(doc.text[0]))", "2.0"))
    assert "0 done before" in succeed(*arguments).err
    assert attributes_of(documents.parent / "attributes/exp/a.jsonl.gz")[0] == {
        "exp__batched_v1__first": [[0, 1, 2.0]]
    }


# Wrong taggers

RAISES = """
    @add_tagger("raises_v1")
    class Raises(BaseTagger):
        def predict(self, doc: Document) -> DocResult:
            if doc.id == "a-1":
                raise ValueError("what is this?")
            return DocResult(doc, [])
"""


@pytest.mark.parametrize("processes", [1, 2])
def test_a_tagger_that_raises_fails_its_shard_with_its_place(
    documents: Path, tmp_path: Path, processes: int
) -> None:
    module = write(tmp_path, "raising", RAISES)
    result = dolma(*tag(documents, module, "raises_v1", processes=processes))
    assert result.code == 4
    line = RAISES[: RAISES.index("raise ValueError")].count("\n") + 5
    assert (
        f"{documents}/a.jsonl.gz:2: tagger raises_v1 failed on document 'a-1': "
        f"ValueError: what is this? ({module}:{line})"
    ) in result.err
    assert "1 of 2 shards failed" in result.err
    # The other shard is finished; of the failed one nothing is there.
    folder = documents.parent / "attributes/exp"
    assert len(read(folder / "sub/b.jsonl.gz")) == 3
    assert not list(folder.glob("*.gz*"))
    # Mended, only the failed one is left.
    module.write_text(module.read_text().replace("a-1", "z"))
    assert dolma(*tag(documents, module, "raises_v1", processes=processes)).code == 0
    assert len(read(folder / "a.jsonl.gz")) == 3


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "return DocResult(doc, [Span(0, 99, 'x')])",
            "span [0, 99, 1] does not fit a text of 15 code points",
        ),
        ("return DocResult(doc, [Span(-1, 2, 'x')])", "span [-1, 2, 1] "),
        ("return DocResult(doc, [Span(3, 2, 'x')])", "span [3, 2, 1] does not fit"),
        (
            "return DocResult(doc, [Span(0, 1, 'x', float('nan'))])",
            "[0, 1, NaN] has a score that is not finite",
        ),
        (
            "return DocResult(doc, [Span(0, 1, 'x', float('inf'))])",
            "[0, 1, inf] has a score that is not finite",
        ),
        (
            "return DocResult(doc, [Span('a', 1, 'x')])",
            "Span(start, end, type, score), in a list: 'str' object",
        ),
        (
            "return DocResult(doc, [Span(0.0, 1, 'x')])",
            "Span(start, end, type, score), in a list: 'float' object",
        ),
        (
            "return DocResult(doc, [(0, 1, 'x', 1.0)])",
            "must be Span(start, end, type, score), in a list: 'tuple'",
        ),
        ("return DocResult(doc, None)", "must be Span(start, end, type, score), in a list: 'NoneType'"),
        ("return 'x'", "failed on document 'a-0': must return a DocResult, not str"),
        ("return None", "failed on document 'a-0': must return a DocResult, not NoneType"),
        ("return DocResult(doc, [None])", "'NoneType' object has no attribute 'type'"),
    ],
)
def test_a_wrong_result_is_refused_with_tagger_and_document(
    documents: Path, tmp_path: Path, body: str, message: str
) -> None:
    module = write(
        tmp_path,
        "wrong",
        f"""
        @add_tagger("wrong_v1")
        class Wrong(BaseTagger):
            def predict(self, doc: Document) -> DocResult:
                {body}
        """,
    )
    result = dolma(*tag(documents, module, "wrong_v1"))
    assert result.code == 4
    assert "wrong_v1" in result.err
    assert "a-0" in result.err
    assert message in result.err
    assert not list((documents.parent / "attributes/exp").glob("*.gz"))


@pytest.mark.parametrize(
    ("grouped", "message"),
    [
        ("{'x': [(0, 99, 1.0)]}", "span [0, 99, 1] does not fit a text of 15 code points"),
        ("{'x': [(-1, 1, 1.0)]}", "span [-1, 1, 1] does not fit"),
        ("{'x': [(0, 1)]}", "the spans of x are no list of [start, end, score]"),
        ("{'x': 3}", "the spans of x are no list of [start, end, score]"),
        ("3", "must return a DocResult"),
    ],
)
def test_a_wrong_group_is_refused_with_tagger_and_document(
    documents: Path, tmp_path: Path, grouped: str, message: str
) -> None:
    module = write(
        tmp_path,
        "wrong",
        f"""
        @add_tagger("wrong_v1")
        class Wrong(BaseTagger):
            def predict(self, doc: Document) -> DocResult:
                return DocResult(doc, [])

            def group_output(self, doc_result):
                return {grouped}
        """,
    )
    result = dolma(*tag(documents, module, "wrong_v1"))
    assert result.code == 4
    assert "wrong_v1" in result.err
    assert "a-0" in result.err
    assert message in result.err


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "return []",
            "1: tagger wrong_v1 failed on document 'a-0': ValueError: predict_batch gave 0 results",
        ),
        ("raise KeyError('k')", "1: tagger wrong_v1 failed on document 'a-0': KeyError: 'k'"),
        (
            "return [DocResult(doc, []) for doc in docs] if len(docs) == 1 else []",
            "1 to 3: tagger wrong_v1 failed, but on none of the documents alone: predict_batch gave 0 results "
            "for 3 documents",
        ),
        (
            "return [DocResult(doc, []) for doc in reversed(docs)]",
            "1 to 3: tagger wrong_v1 failed, but on none of the documents alone: predict_batch gave the result of "
            "document 'a-2' in the place of 'a-0'",
        ),
    ],
)
def test_a_wrong_batch_is_refused_with_its_lines(
    documents: Path, tmp_path: Path, body: str, message: str
) -> None:
    module = write(
        tmp_path,
        "wrong",
        f"""
        @add_tagger("wrong_v1")
        class Wrong(BaseTagger):
            def predict(self, doc: Document) -> DocResult:
                raise NotImplementedError

            def predict_batch(self, docs):
                {body}
        """,
    )
    result = dolma(*tag(documents, module, "wrong_v1"))
    assert result.code == 4
    assert f"{documents}/a.jsonl.gz:{message}" in result.err


def test_a_worker_that_is_killed_fails_its_shard_only(documents: Path, tmp_path: Path) -> None:
    for name in "cdef":
        put(documents / f"{name}.jsonl.gz", *TEXTS)
    module = write(
        tmp_path,
        "killing",
        """
        @add_tagger("kills_v1")
        class Kills(BaseTagger):
            def predict(self, doc: Document) -> DocResult:
                if doc.id == "c-1":
                    os.kill(os.getpid(), 9)
                return DocResult(doc, [Span(0, 0, "alive")])
        """,
    )
    result = dolma(*tag(documents, module, "kills_v1", processes=2))
    assert result.code == 4
    assert (
        f"{documents}/c.jsonl.gz:2: tagger kills_v1 failed on document 'c-1': its process died "
        "(out of memory, or a crash in native code)"
    ) in result.err
    assert "1 of 6 shards failed" in result.err
    written = sorted(path.name for path in (documents.parent / "attributes/exp").glob("**/*.jsonl.gz"))
    assert written == [f"{name}.jsonl.gz" for name in "abdef"]


def test_a_tagger_that_cannot_be_made_is_refused_before_any_work(documents: Path, tmp_path: Path) -> None:
    module = write(
        tmp_path,
        "unmade",
        """
        @add_tagger("unmade_v1")
        class Unmade(BaseTagger):
            def __init__(self) -> None:
                raise OSError("no model")

            def predict(self, doc: Document) -> DocResult:
                return DocResult(doc, [])
        """,
    )
    for processes in (1, 2):
        result = dolma(*tag(documents, module, "unmade_v1", processes=processes))
        assert result.code == 2
        assert result.err.endswith("error: tagger unmade_v1: cannot make Unmade: OSError: no model\n")
    assert not (documents.parent / "attributes").exists()


def test_a_tagger_that_cannot_be_made_in_a_worker_says_so(documents: Path, tmp_path: Path) -> None:
    module = write(
        tmp_path,
        "unmade",
        """
        import multiprocessing

        @add_tagger("unmade_v1")
        class Unmade(BaseTagger):
            def __init__(self) -> None:
                assert multiprocessing.parent_process() is None, "only at home"

            def predict(self, doc: Document) -> DocResult:
                return DocResult(doc, [])
        """,
    )
    result = dolma(*tag(documents, module, "unmade_v1", processes=2))
    assert result.code == 2
    message = "error: tagger unmade_v1: cannot make Unmade: AssertionError: only at home"
    assert result.err.splitlines()[-1] == message
    assert not (documents.parent / "attributes").exists()


def test_taggers_are_made_in_their_processes_alone_which_may_clean_up(
    documents: Path, tmp_path: Path
) -> None:
    module = write(
        tmp_path,
        "tidy",
        """
        import atexit
        import multiprocessing

        def note(text: str) -> None:
            with open(os.environ["NOTES"], "a") as notes:
                notes.write(text + "\\n")

        @add_tagger("tidy_v1")
        class Tidy(BaseTagger):
            def __init__(self) -> None:
                # What is not given back by the end of its process is complained of.
                self.lock = multiprocessing.get_context("spawn").RLock()
                note("made in worker " + os.environ["DOLMA_WORKER"])
                atexit.register(note, "tidied up")

            def predict(self, doc: Document) -> DocResult:
                return DocResult(doc, [])
        """,
    )
    notes = tmp_path / "notes"
    result = dolma(*tag(documents, module, "tidy_v1", processes=2), env={"NOTES": str(notes)})
    assert result.code == 0
    assert [line for line in result.err.splitlines() if not line.startswith("tag: ")] == []
    said = sorted(notes.read_text().splitlines())
    assert said == ["made in worker 0", "made in worker 1", "tidied up", "tidied up"]


def test_modules_that_cannot_be_imported_are_named(documents: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import nothing_of_that_name\n")
    message = refused(*tag(documents, broken, "x"))
    assert message.startswith(f"tagger_modules: cannot import {broken}: ModuleNotFoundError")
    assert refused(*tag(documents, "gone.py", "x")) == f"tagger_modules: {Path.cwd()}/gone.py does not exist"
    assert refused(*tag(documents, "gone", "x")).startswith(
        "tagger_modules: cannot import gone: ModuleNotFound"
    )


def test_a_name_that_another_module_has_is_refused(documents: Path, tmp_path: Path) -> None:
    taken = tmp_path / "json.py"
    taken.write_text("")
    message = refused(*tag(documents, taken, "x"))
    assert message.startswith(f"tagger_modules: {taken} has the name of another module, json (")
    assert message.endswith("; rename it")


def test_two_taggers_of_one_name_are_refused(documents: Path, module: Path) -> None:
    other = module.parent / "other.py"
    other.write_text(TAGGERS)
    message = refused(
        *("tag", "--documents", f"{documents}/**", "--tagger_modules", module, other, "--taggers", "rows_v1")
    )
    assert "a tagger called 'vowels-v1' exists already, in my_taggers" in message
