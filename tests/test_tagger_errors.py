"""Taggers that fail, hang or die on a document, and what the run makes of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from command import Result, dolma, environment, refused, succeed
from shards import attributes_of, put, read

MODULE = '''
import itertools
import os
import time

from dolma import BaseTagger, add_tagger
from dolma.document import DocResult, Document, Span


class Mute(Exception):
    def __str__(self) -> str:
        return self.args[0]


def misbehave(doc: Document) -> None:
    """What the text of a document asks for."""
    if doc.text == "raise":
        raise ValueError("what is this?")
    if doc.text == "exit":
        raise SystemExit(3)
    if doc.text == "loop":
        while True:
            pass
    if doc.text == "deaf":
        while True:
            try:
                time.sleep(0.01)
            except BaseException:
                pass
    if doc.text == "sleep":
        time.sleep(600)
    if doc.text == "native":
        # Without end, in C, with the interpreter's lock: nothing in this process gets a word in.
        sum(itertools.repeat(0))
    if doc.text == "die":
        os.kill(os.getpid(), 11)
    if doc.text == "quit":
        os._exit(0)
    if doc.text == "interrupt":
        raise KeyboardInterrupt
    if doc.text == "base":
        raise BaseException("two\\n  lines")
    if doc.text == "mute":
        raise Mute("more than is told: " + "x" * 2000)
    if doc.text == "dumb":
        raise Mute
    if doc.text == "print":
        print("printed: 1")
        os.write(1, b"written: 2\\n")


def found(doc: Document) -> DocResult:
    wide = doc.text == "wide"
    return DocResult(doc, [Span(0, len(doc.text) + wide, "text", float(len(doc.text)))])


@add_tagger("single_v1")
class Single(BaseTagger):
    def predict(self, doc: Document) -> DocResult:
        misbehave(doc)
        return found(doc)


@add_tagger("grouped_v1")
class Grouped(Single):
    @property
    def defaults(self):
        return ["text", "never"]


@add_tagger("batched_v1")
class Batched(Single):
    def predict_batch(self, docs):
        for doc in docs:
            misbehave(doc)
        return [found(doc) for doc in docs]


@add_tagger("batched_grouped_v1")
class BatchedGrouped(Batched):
    @property
    def defaults(self):
        return ["text", "never"]
'''

TAGGERS = ["single_v1", "grouped_v1", "batched_v1", "batched_grouped_v1"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "misbehaving.py").write_text(MODULE)
    return tmp_path


def tag(folder: Path, texts: list[str], tagger: str, *more: object) -> Result:
    """Tags these texts with a tagger that may fail between two kernels."""
    if not (folder / "documents/d.jsonl.gz").exists():
        put(folder / "documents/d.jsonl.gz", *texts)
    return dolma(
        *("tag", "--documents", "documents", "--experiment", "e", "--tagger_modules", "misbehaving.py"),
        *("--taggers", "char_length_v1", tagger, "bytes_length_v1", *more),
        cwd=folder,
    )


def report(folder: Path) -> dict[str, Any]:
    (path,) = sorted((folder / "attributes/e/.dolma/runs").glob("*.json"))[-1:]
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def lapses(folder: Path) -> list[dict[str, Any]]:
    path = folder / "attributes/e/.dolma/errors/d.jsonl.gz.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def kernels(row: dict[str, Any], length: int) -> bool:
    """Whether a row has what the two kernels find in a text of that many ASCII letters."""
    span = [[0, length, float(length)]]
    return row["e__char_length_v1__length"] == span == row["e__bytes_length_v1__bytes"]


@pytest.mark.parametrize("processes", [1, 2])
def test_ctrl_c_does_not_wait_for_a_document_that_takes_long(folder: Path, processes: int) -> None:
    put(folder / "documents/d.jsonl.gz", "good", "sleep")
    line = ["-m", "dolma", "tag", "--documents", "documents", "--tagger_modules", "misbehaving.py"]
    process = subprocess.Popen(
        [sys.executable, *line, "--taggers", "single_v1", "--processes", str(processes)],
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    begin = time.monotonic()
    said = process.communicate(timeout=30)[1]
    assert time.monotonic() - begin < 4  # Two seconds are promised; machines that run tests are busy.
    assert process.returncode == 130
    assert said.splitlines()[-1] == "stopped"
    assert [path.name for path in (folder / "attributes").rglob("*.gz")] == []


@pytest.mark.parametrize("tagger", TAGGERS)
@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("raise", "ValueError: what is this? ("),
        ("exit", "SystemExit: 3 ("),
        ("interrupt", "KeyboardInterrupt ("),
        ("base", "BaseException: two lines ("),
        ("mute", f"Mute: more than is told: {'x' * 981}… ("),
        ("dumb", "Mute: (its message cannot be had: IndexError) ("),
        ("wide", "span [0, 5, 4] does not fit a text of 4 code points"),
    ],
)
def test_a_failure_costs_that_tagger_that_document(
    folder: Path, tagger: str, processes: int, trouble: str, reason: str
) -> None:
    texts = ["good", trouble, "fine", trouble]
    result = tag(folder, texts, tagger, "--on_tagger_error", "null", "--processes", processes)
    assert result.code == 0, result.err
    found = attributes_of(folder / "attributes/e/d.jsonl.gz")
    assert all(kernels(row, len(text)) for row, text in zip(found, texts, strict=True))
    assert [f"e__{tagger}__text" in row for row in found] == [True, False, True, False]
    assert [f"e__{tagger}__never" in row for row in found] == ["grouped" in tagger, False] * 2
    assert [(lapse["line"], lapse["id"], lapse["tagger"]) for lapse in lapses(folder)] == [
        (2, "d-1", tagger),
        (4, "d-3", tagger),
    ]
    assert lapses(folder)[0]["error"].startswith(reason)
    assert f"warning: {tagger} failed on 2 documents" in result.err
    told = report(folder)
    assert told["details"]["taggers"][tagger]["errors"] == 2
    assert told["taggers"][tagger]["errors"] == 2
    assert told["error_files"] == ["attributes/e/.dolma/errors/d.jsonl.gz.jsonl"]
    assert told["counts"] == {"read": 4, "written": 4, "dropped": 0, "bad": 0}


@pytest.mark.parametrize("processes", [1, 2])
def test_a_document_may_be_put_aside(folder: Path, processes: int) -> None:
    allowed = ("--on_tagger_error", "skip", "--max_bad_records", 2, "--processes", processes)
    result = tag(folder, ["good", "raise", "wide", "last"], "single_v1", *allowed)
    assert result.code == 0, result.err
    found = read(folder / "attributes/e/d.jsonl.gz")
    assert [row["id"] for row in found] == ["d-0", None, None, "d-3"]
    assert found[1]["attributes"] == {}
    told = report(folder)
    assert told["counts"] == {"read": 4, "written": 2, "dropped": 0, "bad": 2}
    assert told["details"]["taggers"]["single_v1"]["documents_put_aside"] == 2
    (bad,) = (folder / "attributes/e/.dolma/bad").glob("*")
    aside = [json.loads(line) for line in bad.read_text().splitlines()]
    assert [record["line"] for record in aside] == [2, 3]
    assert aside[0]["error"].startswith(
        "tagger single_v1 failed on document 'd-1': ValueError: what is this?"
    )
    assert json.loads(aside[0]["raw"])["text"] == "raise"
    assert lapses(folder) == []


def test_only_the_output_of_the_tagger_that_failed_loses_the_row(folder: Path) -> None:
    put(folder / "documents/d.jsonl.gz", "good", "raise")
    succeed(
        *("tag", "--documents", "documents", "--tagger_modules", "misbehaving.py"),
        *("--taggers", "single_v1", "char_length_v1", "--on_tagger_error", "skip", "--max_bad_records", 1),
        cwd=folder,
    )
    assert [row["id"] for row in read(folder / "attributes/single_v1/d.jsonl.gz")] == ["d-0", None]
    assert [row["id"] for row in read(folder / "attributes/char_length_v1/d.jsonl.gz")] == ["d-0", "d-1"]


def test_failures_are_told_beside_the_output_of_the_tagger_that_failed(folder: Path) -> None:
    put(folder / "documents/d.jsonl.gz", "good", "raise")
    line = (
        "tag",
        "--documents",
        "documents",
        "--tagger_modules",
        "misbehaving.py",
        "--on_tagger_error",
        "null",
    )
    told = "tag: failures of taggers are in attributes/single_v1/.dolma/errors/d.jsonl.gz.jsonl"
    # Once from the run, once from the record of what is done.
    for _ in range(2):
        result = succeed(*line, "--taggers", "char_length_v1", "single_v1", cwd=folder)
        assert [one for one in result.err.splitlines() if "failures" in one] == [told]
    assert sorted(folder.glob("attributes/*/.dolma/errors/*")) == [
        folder / "attributes/single_v1/.dolma/errors/d.jsonl.gz.jsonl"
    ]


def test_more_documents_than_allowed_are_not_put_aside(folder: Path) -> None:
    allowed = ("--on_tagger_error", "skip", "--max_bad_records", 1)
    result = tag(folder, ["good", "raise", "raise"], "single_v1", *allowed)
    assert result.code == 4
    assert "max_bad_records allows 1" in result.err


def test_what_failed_is_done_again_under_another_policy_and_nothing_else_is(folder: Path) -> None:
    put(folder / "documents/fine.jsonl.gz", "good")
    assert tag(folder, ["good", "raise"], "single_v1", "--on_tagger_error", "null").code == 0
    again = tag(folder, ["good", "raise"], "single_v1", "--on_tagger_error", "null")
    assert "2 done before" in again.err
    assert "failures of taggers are in attributes/e/.dolma/errors/d.jsonl.gz.jsonl" in again.err
    strict = tag(folder, ["good", "raise"], "single_v1")
    assert "1 shards to do, 1 done before" in strict.err
    assert strict.code == 4
    (folder / "misbehaving.py").write_text(MODULE.replace('"raise"', '"never"'))
    assert tag(folder, ["good", "raise"], "single_v1").code == 0
    assert lapses(folder) == []


# Time


@pytest.mark.parametrize("trouble", ["loop", "sleep", "deaf", "native"])
@pytest.mark.parametrize("tagger", ["single_v1", "batched_grouped_v1"])
def test_a_tagger_that_does_not_end_is_stopped(folder: Path, trouble: str, tagger: str) -> None:
    # One process would do: a guard brings a worker of its own.
    guard = ("--tagger_timeout", 0.3, "--on_tagger_error", "null")
    begin = time.monotonic()
    result = tag(folder, ["good", trouble, "last"], tagger, *guard)
    assert time.monotonic() - begin < 60
    assert result.code == 0, result.err
    found = attributes_of(folder / "attributes/e/d.jsonl.gz")
    assert [f"e__{tagger}__text" in row for row in found] == [True, False, True]
    assert all(kernels(row, length) for row, length in zip(found, (4, len(trouble), 4), strict=True))
    (lapse,) = lapses(folder)
    assert (lapse["line"], lapse["id"]) == (2, "d-1")
    assert lapse["error"].startswith("took longer than 0.3 s (tagger_timeout)")
    assert ("had to be killed" in lapse["error"]) == (trouble in ("deaf", "native"))


def test_a_hang_fails_its_shard_with_its_place(folder: Path) -> None:
    put(folder / "documents/fine.jsonl.gz", "good")
    result = tag(folder, ["good", "loop"], "single_v1", "--tagger_timeout", 0.3, "--processes", 2)
    assert result.code == 4
    assert (
        "documents/d.jsonl.gz:2: tagger single_v1 failed on document 'd-1': "
        "took longer than 0.3 s (tagger_timeout) ("
    ) in result.err
    assert "misbehaving.py:" in result.err
    assert read(folder / "attributes/e/fine.jsonl.gz")


@pytest.mark.parametrize("tagger", ["single_v1", "batched_v1"])
def test_a_hang_on_a_text_that_is_tried_is_stopped(folder: Path, tagger: str) -> None:
    line = ("tag", "--tagger_modules", "misbehaving.py", "--taggers", tagger, "--tagger_timeout", 0.3)
    result = dolma(*line, "--text", "loop", cwd=folder)
    assert result.code == 4
    assert f"tagger {tagger} failed on document 'text': took longer than 0.3 s" in result.err
    assert succeed(*line, "--text", "good", cwd=folder).out == f"{tagger}\n  text  4\n"


def test_a_guard_disturbs_nobody_who_is_quick(folder: Path) -> None:
    texts = [f"text {n}" for n in range(300)]
    assert tag(folder, texts, "single_v1").code == 0
    plain = (folder / "attributes/e/d.jsonl.gz").read_bytes()
    assert tag(folder, texts, "single_v1", "--tagger_timeout", 5, "--force").code == 0
    assert (folder / "attributes/e/d.jsonl.gz").read_bytes() == plain


@pytest.mark.parametrize("tagger", ["single_v1", "batched_v1"])
@pytest.mark.parametrize("trouble", ["die", "quit"])
@pytest.mark.parametrize("processes", [1, 2])
def test_a_crash_is_blamed_on_the_document(folder: Path, tagger: str, trouble: str, processes: int) -> None:
    texts = ["good", trouble, "last"]
    result = tag(folder, texts, tagger, "--on_tagger_error", "null", "--processes", processes)
    assert result.code == 0, result.err
    assert [f"e__{tagger}__text" in row for row in attributes_of(folder / "attributes/e/d.jsonl.gz")] == [
        True,
        False,
        True,
    ]
    assert [lapse["error"] for lapse in lapses(folder)] == [
        "its process died (out of memory, or a crash in native code)"
    ]


def test_what_a_tagger_prints_is_no_part_of_the_recipe(folder: Path) -> None:
    result = tag(folder, ["good", "print"], "single_v1")
    assert result.code == 0, result.err
    assert {"printed: 1", "written: 2"} <= set(result.err.splitlines())
    assert "printed" not in result.out
    assert "written" not in result.out


def typed(program: str, folder: Path, *file: str) -> subprocess.CompletedProcess[str]:
    """A program that is typed in, or one in a file."""
    return subprocess.run(
        [sys.executable, *(file or ["-"])],
        input=program,
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_program_that_processes_cannot_import_is_told_so(folder: Path) -> None:
    put(folder / "documents/d.jsonl.gz", "good")
    config = {"documents": ["documents"], "taggers": ["single_v1"], "tagger_modules": ["misbehaving.py"]}
    program = folder / "program.py"
    program.write_text(f"import dolma\nprint(dolma.tagger({config!r})['counts']['read'])\n")
    done = typed("", folder, "program.py")
    assert done.stdout.splitlines()[-1] == "1", done.stderr
    program.write_text(f"import dolma\ndolma.tagger({dict(config, processes=2, ignore_existing=True)!r})\n")
    done = typed("", folder, "program.py")
    assert done.returncode == 1
    assert 'must do so below `if __name__ == "__main__":`' in done.stderr


def test_a_tagger_of_a_program_that_is_typed_in_runs_in_it(folder: Path) -> None:
    program = f"""{MODULE}
put = __import__("pathlib").Path("documents/d.jsonl")
put.parent.mkdir()
put.write_text('{{"id": "1", "text": "good"}}\\n{{"id": "2", "text": "raise"}}\\n')
dolma = __import__("dolma")
config = {{"documents": ["documents"], "taggers": ["single_v1"], "experiment": "e"}}
try:
    dolma.tagger(config)
except dolma.errors.DolmaShardError as error:
    print(error)
print(dolma.tagger({{**config, "on_tagger_error": "null"}})["counts"]["read"])
"""
    done = typed(program, folder)
    assert done.returncode == 0, done.stderr
    assert (
        "documents/d.jsonl:2: tagger single_v1 failed on document '2': ValueError: what is this?"
        in done.stdout
    )
    assert done.stdout.splitlines()[-1] == "2"
    # Objects of the engine die in the thread that made them.
    assert "another thread" not in done.stderr


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--on_tagger_error", "skip"], "say how many that may be: max_bad_records"),
        (["--on_tagger_error", "ignore"], "it is one of 'fail', 'skip', 'null'"),
        (["--tagger_timeout", "0"], "tagger_timeout: expected `float` > 0"),
        (["--tagger_timeout", "1", "--debug"], "needs worker processes, and debug runs taggers in this one"),
    ],
)
def test_options_that_make_no_sense_are_refused(folder: Path, more: list[str], message: str) -> None:
    taggers = ["--taggers", "single_v1", "--tagger_modules", folder / "misbehaving.py"]
    assert message in refused("tag", "--documents", "documents", *taggers, *more)
