"""`dolma tag` as a whole: which files it reads, where it writes, what rows look like.

What the taggers say is in `test_tag_values`; here `char_length_v1` stands for all.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import zstandard

from command import dolma, inline, recipe, succeed_inline
from folders import everything, inside, listed, visible
from shards import decode, line, numbered, put, read, spans_of, write_content, write_raw

TEXTS = ("one", "zwei Straßen", "三", "")


def tag(root: Path, *more: object, documents: object = "documents", taggers: str = "char_length_v1") -> Path:
    """Tags below `root`; returns the folder of attributes."""
    with inside(root):
        succeed_inline("tag", "--documents", documents, "--taggers", taggers, "--experiment", "e", *more)
    return root / "attributes"


# Formats


@pytest.mark.parametrize(
    "name", ["a.jsonl", "a.json", "a.jsonl.gz", "a.json.gz", "a.jsonl.zst", "a", "a.txt"]
)
def test_every_format_comes_out_as_it_went_in(tmp_path: Path, name: str) -> None:
    put(tmp_path / "documents" / name, *TEXTS)
    output = tag(tmp_path) / "e" / name
    assert [row["id"] for row in read(output)] == [f"a-{number}" for number in range(4)]
    assert [row["length"][0] for row in spans_of(output)] == [
        [0, 3, 3.0],
        [0, 12, 12.0],
        [0, 1, 1.0],
        [0, 0, 0.0],
    ]


def test_all_members_of_a_gzip_file_are_read(tmp_path: Path) -> None:
    first, second, third = numbered(["a", "bb", "ccc"])
    # The second member starts in the middle of a line; the third is empty.
    parts = [first + b"\n" + second[:9], second[9:] + b"\n", b"", third + b"\n"]
    write_raw(tmp_path / "documents" / "a.jsonl.gz", b"".join(map(gzip.compress, parts)))
    assert [row["length"][0][2] for row in spans_of(tag(tmp_path) / "e" / "a.jsonl.gz")] == [1, 2, 3]


def test_all_frames_of_a_zstd_file_are_read(tmp_path: Path) -> None:
    first, second, third = numbered(["a", "bb", "ccc"])
    pack = zstandard.ZstdCompressor(write_content_size=False).compress
    # A skippable frame in between is no data.
    skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
    parts = [pack(first + b"\n" + second[:9]), skippable, pack(second[9:] + b"\n"), pack(third + b"\n")]
    write_raw(tmp_path / "documents" / "a.jsonl.zst", b"".join(parts))
    assert [row["length"][0][2] for row in spans_of(tag(tmp_path) / "e" / "a.jsonl.zst")] == [1, 2, 3]


def test_a_last_line_needs_no_newline(tmp_path: Path) -> None:
    write_content(tmp_path / "documents" / "a.jsonl.gz", b"\n".join(numbered(["a", "bb"])))
    assert len(read(tag(tmp_path) / "e" / "a.jsonl.gz")) == 2


def test_output_is_gzip_that_any_reader_takes(tmp_path: Path) -> None:
    put(tmp_path / "documents" / "a.jsonl.gz", *(f"text {number}" * 50 for number in range(3000)))
    output = tag(tmp_path) / "e" / "a.jsonl.gz"
    with gzip.open(output, "rt", encoding="utf-8") as stream:
        assert sum(1 for _ in stream) == 3000


# Rows


def test_a_row_is_id_attributes_source_in_this_order(tmp_path: Path) -> None:
    put(tmp_path / "documents" / "a.jsonl", line('x/ü"1', "ab", source="web", extra=[1]), line("y", "c"))
    assert (tag(tmp_path) / "e" / "a.jsonl").read_text().splitlines() == [
        '{"id":"x/ü\\"1","attributes":{"e__char_length_v1__length":[[0,2,2.0]]},"source":"web"}',
        '{"id":"y","attributes":{"e__char_length_v1__length":[[0,1,1.0]]},"source":""}',
    ]


SHOUTS = """
from dolma import BaseTagger, add_tagger
from dolma.document import DocResult, Document, Span

@add_tagger("shouts")
class Shouts(BaseTagger):
    def predict(self, doc: Document) -> DocResult:
        loud = [Span(i, i + 1, "caps!", 1) for i, char in enumerate(doc.text) if char.isupper()]
        return DocResult(doc=doc, spans=loud)
"""


def test_a_tagger_without_spans_has_no_key(tmp_path: Path) -> None:
    put(tmp_path / "documents" / "a.jsonl", "quiet", "LoUD")
    (tmp_path / "shouts.py").write_text(SHOUTS)
    custom = ["--tagger_modules", "shouts.py", "--taggers", "shouts", "toxicity_wordlist_v1"]
    result = dolma("tag", "--documents", "documents", "--experiment", "e", *custom, cwd=tmp_path)
    assert result.code == 0, result.err
    quiet, loud = spans_of(tmp_path / "attributes" / "e" / "a.jsonl")
    assert list(quiet) == ["doc_count", "doc_frac"]
    assert loud["caps_"] == [[0, 1, 1.0], [2, 3, 1.0], [3, 4, 1.0]]


def test_rows_are_as_many_as_documents_and_in_their_order(tmp_path: Path) -> None:
    put(
        tmp_path / "documents" / "a.jsonl.gz",
        *(line(f"id{number}", "x" * (number % 97)) for number in range(20_000)),
    )
    output = tag(tmp_path, "--processes", 3) / "e" / "a.jsonl.gz"
    found = [(row["id"], row["attributes"]["e__char_length_v1__length"]) for row in read(output)]
    assert found == [(f"id{number}", [[0, number % 97, float(number % 97)]]) for number in range(20_000)]


def test_spans_count_code_points(tmp_path: Path) -> None:
    text = "\U0001d518\U0001d52b 👩‍👩‍👧 é é\nmail: j.berg@example.org ok\n日本"
    put(tmp_path / "documents" / "a.jsonl", text)
    (row,) = spans_of(tag(tmp_path, taggers="pii_regex_v3") / "e" / "a.jsonl")
    (span,) = row["EMAIL_ADDRESS"]
    assert text[span[0] : span[1]] == "j.berg@example.org"
    (row,) = spans_of(tag(tmp_path, taggers="char_length_with_paragraphs_v1") / "e" / "a.jsonl")
    assert "".join(text[start:end] for start, end, _ in row["paragraph"]) == text
    assert row["document"] == [[0, len(text), float(len(text))]]


def test_escaped_and_plain_text_are_the_same_text(tmp_path: Path) -> None:
    texts = ["Über\t\U0001d518 \u2028 日本\n", 'a\\"b\u0000c']
    plain = [line("x", text) for text in texts]
    escaped = [json.dumps({"id": "x", "text": text}).encode() for text in texts]
    put(tmp_path / "documents" / "plain.jsonl", *plain)
    put(tmp_path / "documents" / "escaped.jsonl", *escaped)
    output = tag(tmp_path, taggers="gopher_v1") / "e"
    assert decode(output / "plain.jsonl") == decode(output / "escaped.jsonl")


# Where files are found, and where attributes go

TREE = ("a.jsonl", "sub/b.jsonl.gz", "sub/deep/er/c.jsonl.gz", "other/d.jsonl.zst")


def plant(root: Path) -> None:
    for name in TREE:
        put(root / "documents" / name, name)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("documents", TREE),
        ("documents/", TREE),
        ("documents/**", TREE),
        ("documents/*", TREE[:1]),
        ("documents/**/*.gz", TREE[1:3]),
        ("documents/sub/**/*.gz", TREE[1:3]),
        ("documents/*/*", (TREE[1], TREE[3])),
        ("documents/sub/deep/er/c.jsonl.gz", TREE[2:3]),
        ("./documents/sub", TREE[1:3]),
        ("documents/[a-z].jsonl", TREE[:1]),
    ],
)
def test_patterns_keep_the_path_below_documents(
    tmp_path: Path, pattern: str, expected: tuple[str, ...]
) -> None:
    plant(tmp_path)
    assert listed(tag(tmp_path, documents=pattern)) == sorted(f"e/{name}" for name in expected)


def test_several_patterns_may_overlap(tmp_path: Path) -> None:
    plant(tmp_path)
    with inside(tmp_path):
        patterns = ["documents/sub/**/*.gz", "documents/a.jsonl", "documents/**/b*"]
        succeed_inline("tag", "--documents", *patterns, "--taggers", "char_length_v1", "--experiment", "e")
    assert listed(tmp_path / "attributes") == ["e/a.jsonl", "e/sub/b.jsonl.gz", "e/sub/deep/er/c.jsonl.gz"]


def test_absolute_and_relative_paths_give_the_same_rows(tmp_path: Path) -> None:
    plant(tmp_path / "1")
    plant(tmp_path / "2")
    relative = tag(tmp_path / "1")
    absolute = tag(tmp_path / "2", documents=tmp_path / "2" / "documents")
    assert visible(relative) == visible(absolute)


def test_the_first_folder_called_documents_counts(tmp_path: Path) -> None:
    put(tmp_path / "documents" / "en" / "documents" / "a.jsonl", "x")
    assert listed(tag(tmp_path)) == ["e/en/documents/a.jsonl"]


ODD = (
    "spa ce.jsonl",
    "um läut.jsonl.gz",
    "[b]racket.jsonl",
    "100%.jsonl.gz",
    "a#b?c=d.jsonl",
    "quote'\".jsonl",
    "日本.jsonl.zst",
    "{d.x}-${y}.jsonl",
    "back\\slash.jsonl",
    "star*.jsonl",
    "-dash.jsonl",
    "pl+us,com;ma=~.jsonl",
)


@pytest.mark.parametrize("name", ODD)
def test_odd_names_of_files_and_folders(tmp_path: Path, name: str) -> None:
    put(tmp_path / "documents" / f"in {name}.d" / name, "x")
    assert listed(tag(tmp_path)) == [f"e/in {name}.d/{name}"]
    assert tag(tmp_path) is not None  # Its record is found again, too.


def test_a_file_name_that_is_a_pattern_names_itself(tmp_path: Path) -> None:
    put(tmp_path / "documents" / "[ab].jsonl", "x")
    put(tmp_path / "documents" / "a.jsonl", "y")
    assert listed(tag(tmp_path, documents="documents/[ab].jsonl")) == ["e/[ab].jsonl"]


def test_hidden_files_and_our_own_folders_are_no_documents(tmp_path: Path) -> None:
    put(tmp_path / "documents" / "a.jsonl", "x")
    for name in (".dolma/runs/x.json", ".dolma-tmp-a.jsonl", ".hidden.jsonl"):
        write_raw(tmp_path / "documents" / name, b"no document")
    assert listed(tag(tmp_path)) == ["e/a.jsonl"]


def test_without_experiment_each_tagger_has_a_folder(tmp_path: Path) -> None:
    put(tmp_path / "documents" / "s" / "a.jsonl", "abc")
    with inside(tmp_path):
        succeed_inline("tag", "--documents", "documents", "--taggers", "char_length_v1", "doc_count_v1")
    assert listed(tmp_path / "attributes") == ["char_length_v1/s/a.jsonl", "doc_count_v1/s/a.jsonl"]
    keys = [list(read(path)[0]["attributes"]) for path in sorted((tmp_path / "attributes").rglob("a.jsonl"))]
    assert keys == [["char_length_v1__char_length_v1__length"], ["doc_count_v1__doc_count_v1__docs"]]


def test_taggers_of_an_experiment_share_a_file(tmp_path: Path) -> None:
    put(tmp_path / "documents" / "a.jsonl", "abc")
    with inside(tmp_path):
        names = ["char_length_v1", "doc_count_v1"]
        succeed_inline("tag", "--documents", "documents", "--taggers", *names, "--experiment", "my-exp.1")
    assert listed(tmp_path / "attributes") == ["my-exp.1/a.jsonl"]
    (row,) = read(tmp_path / "attributes" / "my-exp.1" / "a.jsonl")
    assert list(row["attributes"]) == ["my_exp_1__char_length_v1__length", "my_exp_1__doc_count_v1__docs"]


def test_an_experiment_must_not_start_with_a_digit(tmp_path: Path) -> None:
    put(tmp_path / "documents" / "a.jsonl", "abc")
    result = inline(
        "tag", "--documents", tmp_path / "documents", "--taggers", "doc_count_v1", "--experiment", "1x"
    )
    assert result.code == 2
    assert "'1x' cannot be part of an attribute's name: it must start with a letter or _" in result.err


@pytest.mark.parametrize("experiment", ["e", None])
def test_one_destination_for_all(tmp_path: Path, experiment: str | None) -> None:
    put(tmp_path / "raw" / "a.jsonl", "x")
    put(tmp_path / "raw" / "s" / "b.jsonl", "y")
    options = {"documents": ["raw/**/*.jsonl"], "destination": "out", "taggers": ["doc_count_v1"]}
    with inside(tmp_path):
        succeed_inline("tag", "-c", recipe(tmp_path, {**options, "experiment": experiment}))
    folder = experiment or "doc_count_v1"
    assert listed(tmp_path / "out") == [f"{folder}/a.jsonl", f"{folder}/s/b.jsonl"]


def test_one_destination_strips_what_the_patterns_share(tmp_path: Path) -> None:
    put(tmp_path / "raw" / "x" / "a.jsonl", "x")
    put(tmp_path / "raw" / "y" / "a.jsonl", "y")
    options = {"documents": ["raw/x/*", "raw/y/*"], "destination": "out/", "taggers": ["doc_count_v1"]}
    with inside(tmp_path):
        succeed_inline("tag", "-c", recipe(tmp_path, {**options, "experiment": "e"}))
    assert listed(tmp_path / "out") == ["e/x/a.jsonl", "e/y/a.jsonl"]


def test_a_destination_on_the_command_line_is_a_list(tmp_path: Path) -> None:
    put(tmp_path / "raw" / "s" / "a.jsonl", "x")
    with inside(tmp_path):
        options = ["--destination", "out", "--taggers", "doc_count_v1", "--experiment", "e"]
        succeed_inline("tag", "--documents", "raw/**", *options)
    assert listed(tmp_path / "out") == ["s/a.jsonl"]


def test_a_destination_for_each_pattern(tmp_path: Path) -> None:
    put(tmp_path / "x" / "a.jsonl", "x")
    put(tmp_path / "y" / "s" / "a.jsonl", "y")
    options = {"documents": ["x/*", "y/**"], "destination": ["out/1", "out/2"], "taggers": ["doc_count_v1"]}
    with inside(tmp_path):
        succeed_inline("tag", "-c", recipe(tmp_path, {**options, "experiment": "e"}))
    assert listed(tmp_path / "out") == ["1/a.jsonl", "2/s/a.jsonl"]


def test_as_many_destinations_as_patterns(tmp_path: Path) -> None:
    put(tmp_path / "x" / "a.jsonl", "x")
    options = {"documents": ["x/*"], "destination": ["out/1", "out/2"], "taggers": ["doc_count_v1"]}
    with inside(tmp_path):
        result = inline("tag", "-c", recipe(tmp_path, {**options, "experiment": "e"}))
    assert result.code == 2
    assert (
        "destination lists 2 folders for 1 document paths; give one for each, or a single string"
        in result.err
    )


def test_two_inputs_for_one_output_are_refused(tmp_path: Path) -> None:
    put(tmp_path / "x" / "a.jsonl", "x")
    put(tmp_path / "y" / "a.jsonl", "y")
    options = {"documents": ["x/*", "y/*"], "destination": ["out", "out"], "taggers": ["doc_count_v1"]}
    with inside(tmp_path):
        result = inline("tag", "-c", recipe(tmp_path, {**options, "experiment": "e"}))
    assert result.code == 2
    assert "x/a.jsonl and y/a.jsonl would both be written to out/a.jsonl" in result.err
    assert not (tmp_path / "out").exists()


def test_documents_outside_of_documents_have_no_place(tmp_path: Path) -> None:
    put(tmp_path / "document" / "a.jsonl", "x")
    with inside(tmp_path):
        result = inline("tag", "--documents", "document", "--taggers", "doc_count_v1")
    assert result.code == 2
    assert "document/a.jsonl is not below a folder called 'documents' (there is 'document')" in result.err


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    plant(tmp_path)
    before = everything(tmp_path)
    result = dolma("tag", "--documents", "documents", "--taggers", "doc_count_v1", "--dryrun", cwd=tmp_path)
    assert result.code == 0
    assert "4 shards to do" in result.err
    assert everything(tmp_path) == before


def test_a_tagger_named_twice_runs_once(tmp_path: Path) -> None:
    put(tmp_path / "documents" / "a.jsonl", "x")
    with inside(tmp_path):
        succeed_inline(
            "tag",
            "--documents",
            "documents",
            "--taggers",
            "doc_count_v1",
            "doc_count_v1",
            "--experiment",
            "e",
        )
    assert spans_of(tmp_path / "attributes" / "e" / "a.jsonl") == [{"docs": [[0, 1, 1.0]]}]


def test_an_unknown_tagger_is_refused_with_the_nearest(tmp_path: Path) -> None:
    put(tmp_path / "documents" / "a.jsonl", "x")
    result = inline("tag", "--documents", tmp_path / "documents", "--taggers", "gofer_v1")
    assert result.code == 2
    assert "unknown tagger 'gofer_v1'; did you mean 'gopher_v1'?" in result.err
