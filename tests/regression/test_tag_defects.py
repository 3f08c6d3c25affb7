"""Defects of the published tagging that are not reproduced, one test for each, named after its id.

T8 to T10 and T13 are about taggers that are not there yet.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from command import command, dolma, environment, succeed_inline
from folders import inside, listed, reports, times, visible
from shards import line, put, read, spans_of


def tag(root: Path, *texts: str | bytes, tagger: str) -> list[dict[str, Any]]:
    """What a tagger says of texts."""
    put(root / "documents" / "t.jsonl.gz", *texts)
    with inside(root):
        succeed_inline("tag", "--documents", "documents", "--taggers", tagger, "--experiment", "e")
    return spans_of(root / "attributes" / "e" / "t.jsonl.gz")


def found(row: dict[str, Any], text: str) -> list[str]:
    """What is under the spans of a row that are not about the document."""
    return [
        text[start:end]
        for name, spans in row.items()
        if not name.startswith("doc")
        for start, end, _ in spans
    ]


def test_t1_the_path_below_documents_is_kept(tmp_path: Path) -> None:
    put(tmp_path / "documents" / "sub" / "deep" / "a.jsonl.gz", "x")
    with inside(tmp_path):
        options = ["--taggers", "doc_count_v1", "--experiment", "e"]
        succeed_inline("tag", "--documents", "documents/**/*.gz", *options)
    assert listed(tmp_path / "attributes") == ["e/sub/deep/a.jsonl.gz"]


@pytest.mark.parametrize(
    "tagger",
    [
        "c4_v1",
        "c4_v2",
        "gopher_v1",
        "gopher_v2",
        "lang_id_doc_v1",
        "lang_id_en_paragraph_with_doc_score_v1",
        "pii_regex_v1",
        "pii_regex_v2",
        "pii_regex_v3",
        "pii_regex_with_counts_fast_v2",
        "pii_regex_with_counts_v2",
        "toxicity_wordlist_v1",
        "whitespace_tokenizer_with_paragraphs_v1",
    ],
)
@pytest.mark.parametrize("text", ["", " ", "\n\n", "\u2028", "\x00", "!", "\U0001f600"])
def test_t2_no_text_is_too_short(tmp_path: Path, tagger: str, text: str) -> None:
    before, _, after = tag(tmp_path, "Some text. ", text, "Some text. ", tagger=tagger)
    assert before == after


def test_t2_a_document_that_a_tagger_fails_on_does_not_take_other_files_along(tmp_path: Path) -> None:
    put(tmp_path / "documents" / "a.jsonl", "good")
    put(tmp_path / "documents" / "b.jsonl", "good", "bad")
    put(tmp_path / "documents" / "c.jsonl", "good")
    (tmp_path / "picky.py").write_text(
        "from dolma import BaseTagger, add_tagger\n"
        "from dolma.core.data_types import DocResult\n\n\n"
        '@add_tagger("picky")\n'
        "class Picky(BaseTagger):\n"
        "    def predict(self, doc):\n"
        '        1 / (doc.text != "bad")\n'
        "        return DocResult(doc=doc, spans=[])\n"
    )
    options = ["--taggers", "picky", "--tagger_modules", "picky.py", "--experiment", "e"]
    result = dolma("tag", "--documents", "documents", *options, cwd=tmp_path)
    assert result.code == 4
    assert result.failures == [
        "documents/b.jsonl:2: tagger picky failed on document 'b-1': ZeroDivisionError: division by zero "
        f"({tmp_path}/picky.py:8)"
    ]
    assert listed(tmp_path / "attributes") == ["e/a.jsonl", "e/c.jsonl"]


def test_t3_running_again_skips_in_all_folders(tmp_path: Path) -> None:
    for name in ("a.jsonl", "s/b.jsonl", "s/t/c.jsonl"):
        put(tmp_path / "documents" / name, "x")
    with inside(tmp_path):
        for _ in range(2):
            succeed_inline(
                "tag", "--documents", "documents", "--taggers", "doc_count_v1", "--experiment", "e"
            )
    assert [report["shards"]["skipped"] for report in reports(tmp_path / "attributes" / "e")] == [0, 3]


def test_t4_a_killed_run_leaves_nothing_that_looks_finished(tmp_path: Path) -> None:
    import subprocess
    import time

    put(tmp_path / "documents" / "a.jsonl.gz", *(f"{number} " + "word " * 400 for number in range(40_000)))
    options = ["--taggers", "gopher_v1", "gopher_v2", "--experiment", "e"]
    folder = tmp_path / "attributes" / "e"
    process = subprocess.Popen(
        command("tag", "--documents", "documents", *options),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    # Killed as soon as it has written something.
    def unfinished() -> list[Path]:
        return [path for path in folder.glob(".dolma-tmp-*a.jsonl.gz") if path.stat().st_size > 0]

    while process.poll() is None and not unfinished():
        time.sleep(0.002)
    process.kill()
    assert process.wait() != 0
    assert unfinished()
    assert listed(folder) == []
    assert dolma("tag", "--documents", "documents", *options, cwd=tmp_path).code == 0
    assert len(read(folder / "a.jsonl.gz")) == 40_000
    assert not unfinished()


def test_t5_metadata_of_another_type_is_no_silence(tmp_path: Path) -> None:
    lines = [
        line("1", "a", metadata=["a", "list"]),
        line("2", "b", metadata=None),
        line("3", "c", metadata=7),
    ]
    assert tag(tmp_path, *lines, tagger="doc_count_v1") == [{"docs": [[0, 1, 1.0]]}] * 3


PERSONAL = "212-555-0123 or (a.b@example.org), not 1234567890123456 but\nlast@example.org"


def test_t6_spans_of_v3_are_exact_and_complete(tmp_path: Path) -> None:
    (row,) = tag(tmp_path, PERSONAL, tagger="pii_regex_v3")
    mentions = ["a.b@example.org", "last@example.org", "212-555-0123"]
    assert sorted(found(row, PERSONAL)) == sorted(mentions)
    assert row["doc_count"] == [[0, len(PERSONAL), 3.0]]
    share = sum(map(len, mentions)) / len(PERSONAL)
    assert row["doc_frac"] == [[0, len(PERSONAL), round(share, 5)]]


def test_t6_the_published_name_keeps_the_published_score(tmp_path: Path) -> None:
    (row,) = tag(tmp_path, "Nothing personal here.", tagger="pii_regex_with_counts_fast_v2")
    assert row["doc_frac"] == [[0, 22, 1.0]]


def test_t7_numbers_within_urls_are_left_alone_by_v3(tmp_path: Path) -> None:
    text = "see https://example.org/212-555-0123/ or www.example.org/8.8.4.4/x, call 212-555-0199 now"
    (row,) = tag(tmp_path, text, tagger="pii_regex_v3")
    assert found(row, text) == ["212-555-0199"]


@pytest.mark.parametrize("tagger", ["c4_v1", "c4_v2"])
def test_t11_offsets_are_those_of_the_text(tmp_path: Path, tagger: str) -> None:
    # The lower case of İ is two code points.
    (row,) = tag(tmp_path, "İİİ ok\nİ and more", tagger=tagger)
    assert row["lines_with_no_ending_punctuation"] == [[0, 7, 1.0], [7, 17, 1.0]]
    assert row["lines_with_too_few_words"] == [[0, 7, 1.0]]
    assert row["line_count"] == [[0, 17, 2.0]]


def test_t12_the_documentation_says_what_the_fractions_are_of() -> None:
    shown = dolma("list", "--verbose", "gopher_v1")
    assert shown.code == 0, shown.err
    assert "the paper's thresholds are for another denominator" in " ".join(shown.out.split())


def test_t14_random_numbers_are_the_same_in_every_process(tmp_path: Path) -> None:
    found = []
    for run in ("1", "2"):
        put(tmp_path / run / "documents" / "t.jsonl", *map(str, range(100)))
        options = ["--taggers", "random_number_v1", "--experiment", "e", "--processes", run]
        done = dolma("tag", "--documents", "documents", *options, cwd=tmp_path / run)
        assert done.code == 0, done.err
        found.append(visible(tmp_path / run / "attributes"))
    assert found[0] == found[1]
    numbers = [row["random"][0][2] for row in spans_of(tmp_path / "1" / "attributes" / "e" / "t.jsonl")]
    assert len(set(numbers)) == 100
    assert 0.4 < sum(numbers) / 100 < 0.6


def test_t15_a_run_without_a_terminal_draws_no_bar(tmp_path: Path) -> None:
    put(tmp_path / "documents" / "t.jsonl.gz", *(f"text {number}" for number in range(50_000)))
    result = dolma("tag", "--documents", "documents", "--taggers", "gopher_v1", cwd=tmp_path)
    assert result.code == 0
    assert "\r" not in result.err
    assert len(result.err.splitlines()) == 3


def test_t16_neither_import_nor_run_touches_the_network(tmp_path: Path) -> None:
    put(tmp_path / "documents" / "t.jsonl", "Hello world. Guten Tag.")
    (tmp_path / "sitecustomize.py").write_text(
        "import socket\n\n\n"
        "def refuse(*arguments, **options):\n"
        '    raise SystemExit("the network was touched")\n\n\n'
        "socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse\n"
    )
    paths = os.pathsep.join([str(tmp_path), environment()["PYTHONPATH"]])
    taggers = ["gopher_v1", "pii_regex_v3", "lang_id_doc_v1", "toxicity_wordlist_v1"]
    for arguments in (["list"], ["tag", "--documents", "documents", "--taggers", *taggers]):
        result = dolma(*arguments, cwd=tmp_path, env={"PYTHONPATH": paths})
        assert result.code == 0, result.err


def test_a_finished_run_is_not_touched_by_a_dry_one(tmp_path: Path) -> None:
    tag(tmp_path, "x", tagger="doc_count_v1")
    before = times(tmp_path / "attributes")
    with inside(tmp_path):
        options = ["--taggers", "doc_count_v1", "--experiment", "e", "--dryrun", "--force"]
        succeed_inline("tag", "--documents", "documents", *options)
    assert times(tmp_path / "attributes") == before
