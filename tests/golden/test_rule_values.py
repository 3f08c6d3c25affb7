"""What the taggers of published rules say of a small page, worked out by hand."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from command import succeed
from shards import put, read, spans_of

ROOT = Path(__file__).resolve().parents[2]

# 8 lines, one of them blank, 31 words; the third and the sixth line are the same.
PAGE = (
    "HOME AND NEWS\n"
    "The weather in Köln is fine today.[1]\n"
    "3 likes\n"
    "\n"
    "We use cookies to make this page better.\n"
    "3 likes\n"
    "Please wait for the end of it...\n"
    "He said: \u201cThis is it!\u201d"
)


def tag(folder: Path, tagger: str, *texts: str) -> list[dict[str, Any]]:
    """What a tagger says of texts."""
    put(folder / "documents" / "t.jsonl.gz", *texts)
    succeed("tag", "--documents", folder / "documents", "--taggers", tagger, "--experiment", "e")
    return spans_of(folder / "attributes" / "e" / "t.jsonl.gz")


def document(row: dict[str, Any], text: str) -> dict[str, float]:
    """The scores of a row that are about the whole text."""
    return {name: spans[0][2] for name, spans in row.items() if spans[0][:2] == [0, len(text)]}


def found(row: dict[str, Any], text: str) -> dict[str, list[str]]:
    """What is under the other spans."""
    whole = document(row, text)
    return {
        name: [text[start:end] for start, end, _ in spans] for name, spans in row.items() if name not in whole
    }


def test_c4_v3(tmp_path: Path) -> None:
    (row,) = tag(tmp_path, "c4_v3", PAGE)
    assert found(row, PAGE) == {
        "lines_with_no_ending_punctuation": [
            "HOME AND NEWS\n",
            "3 likes\n",
            "3 likes\n",
            "Please wait for the end of it...\n",
        ],
        "lines_with_too_few_words": ["3 likes\n", "3 likes\n"],
        "lines_with_policy": ["We use cookies to make this page better.\n"],
        "citation": ["[1]"],
    }
    assert document(row, PAGE) == {
        "line_count": 7.0,
        "kept_line_count": 2.0,
        # "The weather … [1]" and "He said … it!”"; then also HOME AND NEWS and the line with dots.
        "sentence_count": 2.0,
        "sentence_count_any_ending": 4.0,
        "long_line_count": 0.0,
    }


def test_refinedweb_lines(tmp_path: Path) -> None:
    (row,) = tag(tmp_path, "refinedweb_lines_v1", PAGE)
    assert found(row, PAGE) == {
        "mainly_uppercase": ["HOME AND NEWS\n"],
        "counter": ["3 likes\n", "3 likes\n"],
    }
    assert document(row, PAGE) == {"fraction_of_words_removed": round(7 / 34, 5)}


def test_fineweb_quality(tmp_path: Path) -> None:
    (row,) = tag(tmp_path, "fineweb_quality_v1", PAGE)
    # Of 7 lines 2 end in a full stop ("…[1]" and "…!”" do not), 4 have up to 30 characters. Tokens:
    # 3, then 7 and `.[`, `1`, `]`; 2; 8 and a stop; 2; 7 and dots; 5 and `:`, `“`, `!”`.
    assert document(row, PAGE) == {
        "line_punct_ratio": round(2 / 7, 5),
        "short_line_ratio": round(4 / 7, 5),
        "char_dup_ratio": round(7 / (len(PAGE) - 7), 5),
        "new_line_ratio": round(7 / 42, 5),
    }


def test_madlad(tmp_path: Path) -> None:
    (row,) = tag(tmp_path, "madlad400_v1", "Facebook is here. A sentence of ordinary words.")
    assert found(row, "x" * 47) == {
        "abnormal_length": ["x" * 17],
        "cursed": ["x" * 17],
    }
    assert document(row, "x" * 47) == {
        "sentence_count": 2.0,
        "fraction_of_questionable_sentences": 0.5,
        "fraction_of_list_case_or_cursed_sentences": 0.5,
    }


def test_gopher_v3_and_fineweb_count_repetition_differently(tmp_path: Path) -> None:
    text = "one two\n\none two\n\nthree"
    (paper,) = tag(tmp_path / "1", "gopher_v3", text)
    (fineweb,) = tag(tmp_path / "2", "gopher_repetition_v1", text)
    first, second = document(paper, text), document(fineweb, text)
    assert first["fraction_of_duplicate_lines"] == round(2 / 3, 5)
    assert second["fraction_of_duplicate_lines"] == round(1 / 3, 5)
    # Of 17 characters of words 12, of 23 characters of the text twice "one two".
    assert first["fraction_of_characters_in_most_common_2grams"] == round(12 / 17, 5)
    assert second["fraction_of_characters_in_most_common_2grams"] == round(14 / 23, 5)
    assert first["fraction_of_characters_in_duplicate_paragraphs"] == round(14 / 19, 5)
    assert second["fraction_of_characters_in_duplicate_paragraphs"] == round(7 / 23, 5)


def test_duplicate_ngrams_are_of_words_and_not_of_their_letters(tmp_path: Path) -> None:
    same, other = "we are now here to stay", "we are no where to stay"
    repeated, run_together = tag(tmp_path, "gopher_repetition_v1", f"{same} {same}", f"{same} {other}")
    name = "fraction_of_characters_in_duplicate_6grams"
    assert document(repeated, f"{same} {same}")[name] == round(18 / 47, 5)
    assert document(run_together, f"{same} {other}")[name] == 0.0


def test_fineweb_knows_the_full_stops_of_other_scripts(tmp_path: Path) -> None:
    text = "今日は。\nyes”\nአዎ።\nहाँ।\nສັ່ງ\n"
    (row,) = tag(tmp_path, "fineweb_quality_v1", text)
    scores = document(row, text)
    assert scores["line_punct_ratio"] == round(3 / 5, 5)
    # Words of the five lines, three full stops and a quotation mark: marks within a word do not end it.
    assert scores["new_line_ratio"] == round(5 / 9, 5)


def test_math_and_structure(tmp_path: Path) -> None:
    text = "# On 2024-05-06\n- Let $x$ be \\alpha\n- or 3 \u2208 N;"
    (math,) = tag(tmp_path / "1", "math_density_v1", text)
    (structure,) = tag(tmp_path / "2", "structure_v1", text)
    assert document(math, text) == {
        "latex_command_count": 1.0,
        "formula_count": 1.0,
        "fraction_of_characters_in_formulas": round(3 / len(text), 5),
        "symbol_count": 1.0,
    }
    assert document(structure, text) == {
        "heading_count": 1.0,
        "fraction_of_list_lines": round(2 / 3, 5),
        "fraction_of_table_lines": 0.0,
        "fraction_of_code_lines": round(1 / 3, 5),
        "list_count": 1.0,
        "date_count": 1.0,
    }


def test_redpajama(tmp_path: Path) -> None:
    (row,) = tag(tmp_path, "redpajama_v2", PAGE)
    scores = document(row, PAGE)
    assert len(scores) == len(row) == 13
    assert scores["rps_doc_word_count"] == 34.0
    assert scores["rps_doc_frac_lines_end_with_ellipsis"] == round(1 / 8, 5)
    assert scores["rps_doc_frac_lines_ending_with_terminal_punctuation_mark"] == round(3 / 8, 5)
    # HOME, AND, NEWS of 42 raw words.
    assert scores["rps_doc_frac_all_caps_words"] == round(3 / 42, 5)


def test_the_fineweb_recipe_runs_on_the_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "data/sample/documents", tmp_path / "fineweb/documents")
    monkeypatch.chdir(tmp_path)
    succeed("run", "-c", ROOT / "configs/fineweb.yaml")
    before = documents(Path("fineweb/documents"))
    after = documents(Path("fineweb/mix"))
    assert 0 < len(after) < len(before)
    assert not any("{" in text for text in after.values())
    assert all(len(text.split()) <= len(before[name].split()) for name, text in after.items())
    assert any(text != before[name] for name, text in after.items())


def documents(folder: Path) -> dict[str, str]:
    """The texts of all document files of a folder, by id."""
    paths = [path for path in folder.rglob("*.jsonl*") if "/." not in str(path)]
    return {row["id"]: row["text"] for path in sorted(paths) for row in read(path)}
