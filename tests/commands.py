"""The three commands over one folder of documents, with as little around them as they need.

What must hold of every command is written once, for `COMMANDS`, and runs for each of them: kernels
and Python taggers under `dolma tag` are two, because they read documents in different ways.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from command import Result, dolma, recipe
from folders import balanced, everything, listed, reports
from shards import read

COMMANDS = ("tag", "tag in Python", "dedupe", "mix")

_TAGGER = """
from dolma import BaseTagger, add_tagger
from dolma.document import DocResult, Document, Span


@add_tagger("characters")
class Characters(BaseTagger):
    def predict(self, doc: Document) -> DocResult:
        return DocResult(doc=doc, spans=[Span(0, len(doc.text), "count", len(doc.text))])
"""

FILTER = (
    "--bloom_filter.file",
    "bloom.bin",
    "--bloom_filter.size_in_bytes",
    65536,
    "--no-bloom_filter.read_only",
)


def arguments(name: str, root: Path, documents: str = "documents") -> list[object]:
    """The command line of a command that works on documents in the folder `root`."""
    if name == "tag":
        taggers = ["gopher_v1", "c4_v2", "pii_regex_v3"]
        return ["tag", "--documents", documents, "--taggers", *taggers, "--experiment", "e"]
    if name == "tag in Python":
        (root / "characters.py").write_text(_TAGGER)
        custom = ["--taggers", "characters", "--tagger_modules", "characters.py"]
        return ["tag", "--documents", documents, *custom, "--experiment", "e"]
    if name == "dedupe":
        options = ["--dedupe.name", "e", "--dedupe.documents.attribute_name", "d"]
        return ["dedupe", "--documents", documents, *options, *FILTER]
    stream = {"name": "m", "documents": [documents], "output": {"path": "mixed"}}
    return ["mix", "-c", recipe(root, {"streams": [stream], "shuffle": False})]


def run(
    name: str,
    root: Path,
    *more: object,
    documents: str = "documents",
    before: Callable[[], None] | None = None,
) -> Result:
    """Runs a command of `COMMANDS` in the folder `root`."""
    return dolma(*arguments(name, root, documents), *more, cwd=root, before=before)


def output(name: str, root: Path) -> Path:
    """Where a command writes; the files there are called as the documents are."""
    return root / "mixed" / "documents" if name == "mix" else root / "attributes" / "e"


def leftovers(root: Path) -> list[str]:
    """Unfinished files anywhere below `root`."""
    return [name for name in everything(root) if ".dolma-tmp" in name or ".part" in name]


def unsigned(text: str) -> str:
    """`text` with unfinished files called as if no process had signed them."""
    return re.sub(r"\.dolma-tmp-[0-9a-f]{8}-[0-9]+-", ".dolma-tmp-", text)


ONE_FAILED = "1 of 2 shards failed; the others are done and will be skipped when the command runs again:"
#: Where a filter was not saved after what was compared.
ONE_FAILED_OF_A_FILTER = (
    "1 of 2 shards failed; what was compared since the filter was last saved is done again:"
)


def check_failed(name: str, root: Path, result: Result, expected: str) -> None:
    """That one of two shards failed, for that reason and without harm."""
    assert result.code == 4
    first = ONE_FAILED_OF_A_FILTER if name == "dedupe" else ONE_FAILED
    assert result.message.splitlines()[0] == first
    assert [unsigned(failure) for failure in result.failures] == [expected]
    assert listed(output(name, root)) == ["good.jsonl.gz"]
    assert len(read(output(name, root) / "good.jsonl.gz")) == 2
    assert leftovers(root) == []
    (report,) = reports(output(name, root))
    assert report["status"] == "failed"
    assert [unsigned(failure["error"]) for failure in report["failures"]] == [expected]
    assert report["counts"]["read"] == 2
    assert balanced(report)
