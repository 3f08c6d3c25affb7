"""Taggers over a tokenizer: what they count is what the library counts.

The tokenizer is trained here, from a few lines: its merges are few, its rules those of GPT-NeoX's.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from command import dolma, succeed
from shards import attributes_of, put

tokenizers = pytest.importorskip("tokenizers", reason="needs `pip install 'dolma[tokenizers]'`")

TEXTS = [
    "",
    " \n ",
    "Die Katze sitzt auf der Matte.  Die Katze schläft.\n",
    "no no no no no! " + "one two three " * 40,
    "吾輩は猫である。\n\nline line line line\n  \n" + "😀" * 50,
    "\n".join(["the same line again and again"] * 35),
    "a" * 150_000,
]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level tokenizer with a special token at the end of a document, and a truncation."""
    built = tokenizers.Tokenizer(tokenizers.models.BPE())
    built.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    built.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<end>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    built.train_from_iterator(TEXTS[:-1] * 3, trainer)
    built.post_processor = tokenizers.processors.TemplateProcessing(
        single="$A <end>", special_tokens=[("<end>", built.token_to_id("<end>"))]
    )
    built.enable_truncation(8)
    path = tmp_path_factory.mktemp("tokenizer") / "small.json"
    built.save(str(path))
    return path


def library(path: Path) -> Any:
    found = tokenizers.Tokenizer.from_file(str(path))
    found.no_truncation()
    return found


def tag(folder: Path, tagger: str, tokenizer: Path, *more: object, texts: list[str] = TEXTS) -> list[Any]:
    put(folder / "documents/d.jsonl.gz", *texts)
    option = (f"--tagger_options.{tagger}.tokenizer", tokenizer)
    taggers = ("--documents", folder / "documents", "--taggers", tagger, "--experiment", "e")
    succeed("tag", *taggers, *option, *more)
    rows = attributes_of(folder / "attributes/e/d.jsonl.gz")
    return [{name.split("__", 2)[2]: spans for name, spans in row.items()} for row in rows]


@pytest.mark.parametrize(
    "name", ["tokenizer_length_v1", "tokenizers_EleutherAI_GPT_NeoX_20B", "tokenizers_AI2_OLMo_v1"]
)
def test_tokens_are_those_of_the_library(tmp_path: Path, tokenizer: Path, name: str) -> None:
    encode = library(tokenizer).encode
    expected = [len(encode(text, add_special_tokens=False)) for text in TEXTS]
    assert tag(tmp_path, name, tokenizer) == [
        {"tokens": [[0, len(text), count]]} for text, count in zip(TEXTS, expected, strict=True)
    ]
    assert max(expected) > 8, "truncated"


def test_special_tokens_count_when_they_are_asked_for(tmp_path: Path, tokenizer: Path) -> None:
    more = ("--tagger_options.tokenizer_length_v1.special_tokens", "true")
    encode = library(tokenizer).encode
    rows = tag(tmp_path, "tokenizer_length_v1", tokenizer, *more)
    assert [row["tokens"][0][2] for row in rows] == [len(encode(text)) for text in TEXTS]


@pytest.mark.parametrize("name", ["dolma_v1_tokenizer", "dolma_v2_tokenizer"])
def test_lengths_leave_white_space_at_the_ends_out(tmp_path: Path, tokenizer: Path, name: str) -> None:
    encode = library(tokenizer).encode
    rows = tag(tmp_path, name, tokenizer)
    stripped = [text.strip() for text in TEXTS]
    assert [row["length"][0][2] for row in rows] == [len(encode(text)) if text else 0 for text in stripped]


def parts(ids: list[int], times: int) -> list[tuple[int, int, int]]:
    """The repeated parts of a sequence, one place after the other."""
    found = []
    for period in range(1, 14):
        start = 0
        for at in range(period, len(ids) + 1):
            if at == len(ids) or ids[at] != ids[at - period]:
                if (at - start) // period >= times:
                    found.append((start, at, period))
                start = at + 1 - period
    return found


def test_repetitions_are_those_of_the_tokens(tmp_path: Path, tokenizer: Path) -> None:
    rows = tag(tmp_path, "tokenizer_repetitions_v1", tokenizer)
    for text, row in zip(TEXTS, rows, strict=True):
        encoding = library(tokenizer).encode(text, add_special_tokens=False)
        expected = [
            [encoding.offsets[first][0], encoding.offsets[behind - 1][1], (behind - first) // period]
            for first, behind, period in parts(encoding.ids, 3)
        ]
        assert row.get("repetition", []) == expected
        lengths = [end - start for start, end, _ in expected]
        assert row["doc_max_length_repetition"] == [[0, len(text), max(lengths, default=0)]]
        assert row["doc_max_score_repetition"][0][2] == max((times for *_, times in expected), default=0)
        share = sum(lengths) / len(text) if text else 0
        assert row["doc_frac_repetition"][0][2] == pytest.approx(share, abs=1e-5)


def test_parts_within_parts_and_empty_documents_are_left_out(tmp_path: Path, tokenizer: Path) -> None:
    rows = tag(tmp_path, "tokenizer_repetitions_v2r2", tokenizer)
    assert rows[:3] == [{}, {}, {}]
    for row in rows[3:]:
        ends = [end for _, end, _ in row.get("repetition", [])]
        assert all(one < two for one, two in itertools.pairwise(ends))
    # Cut after 100,000.
    assert [span[:2] for span in rows[-1]["repetition"]] == [[0, 100_000], [100_000, 150_000]]


def test_repetitions_of_a_line_have_the_offsets_of_the_text(tmp_path: Path, tokenizer: Path) -> None:
    rows = tag(tmp_path, "paragraph_tokenizer_repetitions_v1", tokenizer)
    for text, row in zip(TEXTS, rows, strict=True):
        for start, end, _ in row.get("repetition", []):
            assert 0 <= start < end <= len(text)
            # The first token of a line counts from the newline before it.
            assert "\n" not in text[start + 1 : end - 1]
    assert any(
        TEXTS[4][start:end].strip() == "line line line line" for start, end, _ in rows[4]["repetition"]
    )


def test_the_first_word_of_a_line_has_the_newline_before_it_for_its_space(
    tmp_path: Path, tokenizer: Path
) -> None:
    texts = ["ab\nline line line line", "line line line line\nab", "ab\n, line line line line"]
    expected = []
    for text in texts:
        spans, offset = [], 0
        for line in text.splitlines(keepends=True):
            encoding = library(tokenizer).encode(f" {line}", add_special_tokens=False)
            for first, behind, period in parts(encoding.ids, 3):
                start = max(encoding.offsets[first][0] + offset - 1, 0)
                end = encoding.offsets[behind - 1][1] + offset - 1
                spans.append([start, end, (behind - first) // period])
            offset += len(line)
        expected.append(spans)
    rows = tag(tmp_path, "paragraph_tokenizer_repetitions_v1", tokenizer, texts=texts)
    assert [row["repetition"] for row in rows] == expected
    assert [spans[0][0] for spans in expected] == [2, 0, 4]


@pytest.mark.parametrize("period", [1, 2, 7, 13, 14])
@pytest.mark.parametrize("times", [31, 32])
def test_the_filter_of_olmo_2_wants_32(tmp_path: Path, tokenizer: Path, period: int, times: int) -> None:
    # A token each: the bytes of the alphabet have no merges.
    text = "ÀÁÂÃÄÅÆÇÈÉÊËÌÍ"[:period].encode("latin-1").decode("latin-1") * times
    ids = library(tokenizer).encode(text, add_special_tokens=False).ids
    (row,) = tag(tmp_path, "tokenizer_repetitions_v3", tokenizer, texts=[text])
    longest = [part for part in parts(ids, 32) if part[2] <= 13]
    assert bool(longest) == (times == 32 and len(ids) // times <= 13)
    assert ("repetition" in row) == bool(longest)
    if longest:
        assert row["repetition"] == [[0, len(text), 32]]
        assert row["doc_frac_repetition"] == [[0, len(text), 1.0]]


def test_how_often_can_be_set(tmp_path: Path, tokenizer: Path) -> None:
    times = "--tagger_options.tokenizer_repetitions_v3.times"
    rows = tag(tmp_path, "tokenizer_repetitions_v3", tokenizer, times, 1000)
    assert ["repetition" in row for row in rows] == [False] * 6 + [True]


def test_what_is_no_tokenizer_is_said(tmp_path: Path) -> None:
    put(tmp_path / "documents/d.jsonl.gz", "text")
    (tmp_path / "bad.json").write_text("{}")
    option = ("--tagger_options.tokenizer_length_v1.tokenizer", tmp_path / "bad.json")
    result = dolma("tag", "--documents", tmp_path / "documents", "--taggers", "tokenizer_length_v1", *option)
    assert result.code == 2
    assert "bad.json is not a tokenizer.json" in result.err
    result = dolma("tag", "--documents", tmp_path / "documents", "--taggers", "tokenizer_length_v1")
    assert "needs the option tokenizer: set tagger_options.tokenizer_length_v1.tokenizer" in result.err


def test_the_published_names_ask_for_their_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOLMA_CACHE", str(tmp_path / "cache"))
    put(tmp_path / "documents/d.jsonl.gz", "text")
    result = dolma("tag", "--documents", tmp_path / "documents", "--taggers", "dolma_v1_tokenizer")
    assert result.code != 0
    assert "gpt-neox-olmo-dolma-v1_5.json" in result.err
