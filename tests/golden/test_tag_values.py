"""What built-in taggers say of small texts in English, German and Japanese.

Every number was worked out by hand from the definition of the tagger, and where the published
package has the tagger, it gives the same. Spans are positions as Python slices count them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from command import succeed_inline
from shards import line, put, read, spans_of

# 35 words in 5 lines, the first and the last alike; characters of words: 98.
ENGLISH = (
    "The cat sat on the mat and the dog sat on the rug.\n"
    "* A bullet\n"
    "To be or not to be…\n"
    "\n"
    "The cat sat on the mat and the dog sat on the rug."
)
# 13 words of 62 characters in 3 lines, the second without a full stop.
GERMAN = "Straße, Bäche und Äpfel.\nDie Straße ist nass\nÜber {allen} Gipfeln ist Ruh!"
# No white space but the line break: 2 words of 9 and 8 characters, 。 included.
JAPANESE = "吾輩は猫である。\n名前はまだ無い。"
PERSONAL = "Grüße an müller: anna.muster@example.org, Tel. 206-555-0123.\nServer 81.2.69.142 antwortet."
BOILERPLATE = "Please enable JavaScript to view this page.\nLorem ipsum dolor sit amet.\nok"
RUDE = "What a shit day, said nobody."


def tag(folder: Path, tagger: str, *texts: str) -> list[dict[str, Any]]:
    """What a tagger says of texts."""
    put(folder / "documents" / "t.jsonl.gz", *texts)
    succeed_inline("tag", "--documents", folder / "documents", "--taggers", tagger, "--experiment", "e")
    return spans_of(folder / "attributes" / "e" / "t.jsonl.gz")


def scores(row: dict[str, Any], text: str) -> dict[str, float]:
    """The scores of attributes that are about the document, each of one span over all of it."""
    for name, spans in row.items():
        assert [span[:2] for span in spans] == [[0, len(text)]], name
    return {name: spans[0][2] for name, spans in row.items()}


# Gopher

ENGLISH_GOPHER = {
    # "on the" and "sat on" occur 4 times, "sat on the" 4, "cat sat on the" and others twice.
    "fraction_of_characters_in_most_common_2grams": 0.20408,
    "fraction_of_characters_in_most_common_3grams": 0.32653,
    "fraction_of_characters_in_most_common_4grams": 0.22449,
    "fraction_of_characters_in_duplicate_5grams": 0.6014,
    "fraction_of_characters_in_duplicate_6grams": 0.55422,
    "fraction_of_characters_in_duplicate_7grams": 0.50267,
    "fraction_of_characters_in_duplicate_8grams": 0.4466,
    "fraction_of_characters_in_duplicate_9grams": 0.38565,
    "fraction_of_characters_in_duplicate_10grams": 0.31933,
    "character_count": 133.0,
    "word_count": 35.0,
    "median_word_length": 3.0,
    # "be…" of 35.
    "symbol_to_word_ratio": 0.02857,
    # All but "*".
    "fraction_of_words_with_alpha_character": 0.97143,
    # Six times the (The is another word), twice and, be, to: words are compared as written.
    "required_word_count": 10.0,
    "fraction_of_lines_starting_with_bullet_point": 0.2,
    "fraction_of_lines_ending_with_ellipsis": 0.2,
    "fraction_of_duplicate_lines": 0.4,
    # Characters of the repeated lines, spaces included, by those of the words: twice 50 by 98.
    "fraction_of_characters_in_duplicate_lines": 1.02041,
}


def test_gopher_on_english(tmp_path: Path) -> None:
    (row,) = tag(tmp_path, "gopher_v1", ENGLISH)
    assert scores(row, ENGLISH) == ENGLISH_GOPHER


def test_gopher_v2_counts_lines_that_are_not_blank(tmp_path: Path) -> None:
    (row,) = tag(tmp_path, "gopher_v2", ENGLISH)
    assert scores(row, ENGLISH) == {
        **ENGLISH_GOPHER,
        "fraction_of_lines_starting_with_bullet_point": 0.25,
        "fraction_of_lines_ending_with_ellipsis": 0.25,
        "fraction_of_duplicate_lines": 0.5,
    }


def test_gopher_leaves_out_ngrams_that_a_short_text_has_not(tmp_path: Path) -> None:
    japanese, empty = tag(tmp_path, "gopher_v1", JAPANESE, "")
    plain = {
        "symbol_to_word_ratio": 0.0,
        "required_word_count": 0.0,
        "fraction_of_lines_starting_with_bullet_point": 0.0,
        "fraction_of_lines_ending_with_ellipsis": 0.0,
        "fraction_of_duplicate_lines": 0.0,
        "fraction_of_characters_in_duplicate_lines": 0.0,
    }
    assert scores(japanese, JAPANESE) == {
        "fraction_of_characters_in_most_common_2grams": 1.0,
        "character_count": 17.0,
        "word_count": 2.0,
        "median_word_length": 8.0,
        "fraction_of_words_with_alpha_character": 1.0,
        **plain,
    }
    assert scores(empty, "") == {
        "character_count": 0.0,
        "word_count": 0.0,
        "median_word_length": 0.0,
        "fraction_of_words_with_alpha_character": 0.0,
        **plain,
    }


# C4


@pytest.mark.parametrize("tagger", ["c4_v1", "c4_v2"])
def test_c4(tmp_path: Path, tagger: str) -> None:
    assert tag(tmp_path, tagger, ENGLISH, GERMAN, JAPANESE, BOILERPLATE, RUDE, "") == [
        {
            "lines_with_no_ending_punctuation": [[51, 62, 1.0], [62, 82, 1.0], [82, 83, 1.0]],
            "lines_with_too_few_words": [[82, 83, 1.0]],
            "line_count": [[0, 133, 5.0]],
        },
        {
            "lines_with_no_ending_punctuation": [[25, 45, 1.0]],
            "has_curly_brace": [[0, 74, 1.0]],
            "line_count": [[0, 74, 3.0]],
        },
        # An ideographic full stop is none of the four marks of the paper.
        {
            "lines_with_no_ending_punctuation": [[0, 9, 1.0], [9, 17, 1.0]],
            "lines_with_too_few_words": [[0, 9, 1.0], [9, 17, 1.0]],
            "line_count": [[0, 17, 2.0]],
        },
        {
            "lines_with_no_ending_punctuation": [[72, 74, 1.0]],
            "lines_with_too_few_words": [[72, 74, 1.0]],
            "has_javascript": [[0, 74, 1.0]],
            "has_lorem_ipsum": [[0, 74, 1.0]],
            "line_count": [[0, 74, 3.0]],
        },
        {"has_naughty_word": [[0, 29, 1.0]], "line_count": [[0, 29, 1.0]]},
        {
            "lines_with_no_ending_punctuation": [[0, 0, 1.0]],
            "lines_with_too_few_words": [[0, 0, 1.0]],
            "line_count": [[0, 0, 1.0]],
        },
    ]


def test_c4_v1_wants_the_word_javascript_and_v2_finds_it_within_others(tmp_path: Path) -> None:
    text = "Uses javascripting a lot."
    (first,) = tag(tmp_path / "1", "c4_v1", text)
    (second,) = tag(tmp_path / "2", "c4_v2", text)
    assert "has_javascript" not in first
    assert second["has_javascript"] == [[0, len(text), 1.0]]


# Lengths


@pytest.mark.parametrize(
    ("tagger", "expected"),
    [
        ("char_length_v1", {"length": [[0, 17, 17.0]]}),
        ("bytes_length_v1", {"bytes": [[0, 17, 49.0]]}),
        ("doc_count_v1", {"docs": [[0, 17, 1.0]]}),
        (
            "char_length_with_paragraphs_v1",
            {"paragraph": [[0, 9, 9.0], [9, 17, 8.0]], "document": [[0, 17, 17.0]]},
        ),
        # Two runs of letters and two full stops: four pieces, and one as published.
        ("whitespace_tokenizer_v1", {"length": [[0, 17, 5.0]]}),
        (
            "whitespace_tokenizer_with_paragraphs_v1",
            {"paragraph": [[0, 9, 3.0], [9, 17, 3.0]], "document": [[0, 17, 6.0]]},
        ),
    ],
)
def test_lengths(tmp_path: Path, tagger: str, expected: dict[str, Any]) -> None:
    assert tag(tmp_path, tagger, JAPANESE) == [expected]


def test_blank_lines_are_no_paragraphs(tmp_path: Path) -> None:
    assert tag(tmp_path, "char_length_with_paragraphs_v1", "a\n \n\nä\n", "") == [
        {"paragraph": [[0, 2, 2.0], [5, 7, 2.0]], "document": [[0, 7, 7.0]]},
        {"document": [[0, 0, 0.0]]},
    ]


# Personal data


def found(row: dict[str, Any], text: str) -> dict[str, list[str]]:
    """What is under the spans of a row, document scores left out."""
    return {
        name: [text[start:end] for start, end, _ in spans]
        for name, spans in row.items()
        if not name.startswith("doc")
    }


def test_pii_v2(tmp_path: Path) -> None:
    row, empty = tag(tmp_path, "pii_regex_v2", PERSONAL, "")
    assert found(row, PERSONAL) == {
        "EMAIL_ADDRESS": [": anna.muster@example.org, "],
        "PHONE_NUMBER": [" 206-555-0123"],
        "IP_ADDRESS": ["81.2.69.142"],
    }
    assert row["doc"] == [[0, len(PERSONAL), 0.33333]]  # 3 spans in 9 words.
    assert empty == {"doc": [[0, 0, -1.0]]}


def test_pii_fast_v2(tmp_path: Path) -> None:
    (row,) = tag(tmp_path, "pii_regex_with_counts_fast_v2", PERSONAL)
    assert found(row, PERSONAL)["IP_ADDRESS"] == ["81.2.69.142"]
    assert row["doc_count"] == [[0, len(PERSONAL), 3.0]]


def test_pii_v3_has_exact_spans(tmp_path: Path) -> None:
    row, empty = tag(tmp_path, "pii_regex_v3", PERSONAL, "")
    mentions = {
        "EMAIL_ADDRESS": ["anna.muster@example.org"],
        "PHONE_NUMBER": ["206-555-0123"],
        "IP_ADDRESS": ["81.2.69.142"],
    }
    assert found(row, PERSONAL) == mentions
    covered = sum(len(mention) for group in mentions.values() for mention in group)
    assert row["doc_count"] == [[0, len(PERSONAL), 3.0]]
    assert row["doc_frac"] == [[0, len(PERSONAL), round(covered / len(PERSONAL), 5)]]
    assert empty == {"doc_count": [[0, 0, 0.0]], "doc_frac": [[0, 0, 0.0]]}


# The others


def test_random_numbers_hang_on_the_id_alone(tmp_path: Path) -> None:
    put(tmp_path / "documents" / "one.jsonl", line("", "a"), line("en", "b"), line("de", "c"))
    put(tmp_path / "documents" / "two.jsonl.gz", b'{"text":"other","source":"x","id":"en"}')
    succeed_inline(
        "tag", "--documents", tmp_path / "documents", "--taggers", "random_number_v1", "--experiment", "e"
    )
    folder = tmp_path / "attributes" / "e"
    numbers = [row["random"][0][2] for row in spans_of(folder / "one.jsonl")]
    # XXH3-64 of no bytes is 2d06800538d394c2, of 2^64 that is 0.17588.
    assert numbers == [0.17588, 0.80593, 0.10447]
    assert spans_of(folder / "two.jsonl.gz")[0]["random"] == [[0, 5, 0.80593]]


def test_toxic_words(tmp_path: Path) -> None:
    assert tag(tmp_path, "toxicity_wordlist_v1", RUDE, "Scunthorpe", JAPANESE) == [
        {"match": [[7, 11, 1.0]], "doc_count": [[0, 29, 1.0]], "doc_frac": [[0, 29, 0.16667]]},
        {"doc_count": [[0, 10, 0.0]], "doc_frac": [[0, 10, 0.0]]},
        {"doc_count": [[0, 17, 0.0]], "doc_frac": [[0, 17, 0.0]]},
    ]


def test_languages_without_network(tmp_path: Path) -> None:
    texts = [ENGLISH, GERMAN, JAPANESE]
    found = [
        max((spans[0][2], code) for code, spans in row.items())
        for row in tag(tmp_path, "lang_id_doc_v1", *texts)
    ]
    assert found == [(0.78627, "en"), (1.00002, "de"), (1.00005, "ja")]


def test_how_english_the_paragraphs_are(tmp_path: Path) -> None:
    text = "The weather is fine today.\n\nDas Wetter ist heute schön.\n"
    (row,) = tag(tmp_path, "lang_id_en_paragraph_with_doc_score_v1", text)
    (english, german), (first, second) = row["en"], row["not_en"]
    assert [english[:2], german[:2]] == [first[:2], second[:2]] == [[0, 27], [28, 56]]
    assert english[2] > 0.9
    assert german[2] < 0.1
    assert first[2] == pytest.approx(1 - english[2], abs=2e-5)
    # By all characters, as published: those of blank lines count as not English.
    mean = (27 * english[2] + 28 * german[2]) / 56
    assert row["doc_en"] == [[0, 56, pytest.approx(mean, abs=2e-5)]]
    assert row["doc_not_en"][0][2] == pytest.approx(1 - mean, abs=2e-5)


def test_scores_are_floats_of_five_decimals_and_offsets_are_integers(tmp_path: Path) -> None:
    put(tmp_path / "documents" / "t.jsonl", ENGLISH, GERMAN, JAPANESE, "")
    taggers = ["gopher_v1", "c4_v2", "pii_regex_v3", "lang_id_doc_v1", "random_number_v1"]
    succeed_inline("tag", "--documents", tmp_path / "documents", "--taggers", *taggers, "--experiment", "e")
    for row in read(tmp_path / "attributes" / "e" / "t.jsonl"):
        for spans in row["attributes"].values():
            for start, end, score in spans:
                assert (type(start), type(end), type(score)) == (int, int, float)
                assert round(score, 5) == score


# Repetitions and statistics


def test_repetitions(tmp_path: Path) -> None:
    text = "ja ja ja ja!\nna, na, na, na, so: ----\n"
    (published,) = tag(tmp_path, "repetitions_v1", text)
    # "ja", "na," and "-".
    assert published["repetition"] == [[0, 11, 4.0], [13, 28, 4.0], [33, 37, 4.0]]
    assert published["doc_max_score_repetition"] == [[0, 38, 4.0]]
    assert published["doc_max_length_repetition"] == [[0, 38, 15.0]]
    assert published["doc_frac_repetition"] == [[0, 38, round(30 / 38, 5)]]
    (lines,) = tag(tmp_path / "lines", "paragraph_repetitions_v1", text)
    assert lines == published
    (words,) = tag(tmp_path / "words", "word_repetitions_v1", "so " + "na na " * 16 + "!")
    assert words["repetition"] == [[3, 98, 32.0]]


def test_statistics(tmp_path: Path) -> None:
    (row,) = tag(tmp_path, "word_concentration_v1", ENGLISH)
    # "the" 6, "The", "on", "sat" and "cat" fewer.
    assert scores(row, ENGLISH) == {"top_word": round(6 / 35, 5), "top_two_words": round(10 / 35, 5)}
    (row,) = tag(tmp_path / "stop", "stop_words_v1", ENGLISH)
    # Five in each long line, "The" among them; "To", "to", "be" and "be…".
    assert scores(row, ENGLISH) == {
        "stop_word_count": 14.0,
        "stop_word_fraction": round(14 / 35, 5),
        "distinct_stop_words": 4.0,
    }
    (row,) = tag(tmp_path / "entropy", "entropy_v1", "aabb\u00e9\u00e9\u00e9\u00e9")
    assert scores(row, "aabb\u00e9\u00e9\u00e9\u00e9") == {"byte_entropy": 1.91830, "char_entropy": 1.5}


@pytest.mark.parametrize(
    ("tagger", "expected"),
    [
        # Han and Hiragana one by one, and the marks; the newline in the middle counts in the whole.
        ("uniseg_length_v1", {"length": [[0, 17, 17.0]]}),
        (
            "uniseg_length_paragraphs_with_doc_length_v1",
            {
                "paragraph": [[0, 9, 8.0], [9, 17, 8.0]],
                "negative_paragraph": [[0, 9, -8.0], [9, 17, -8.0]],
                "document": [[0, 17, 16.0]],
                "negative_document": [[0, 17, -16.0]],
            },
        ),
        # Eight letters, the mark, the newline; the same without one.
        ("olmo_pretokenizer_v1", {"length": [[0, 17, 5.0]]}),
        (
            "olmo_pretokenizer_with_paragraphs_v1",
            {"paragraph": [[0, 9, 3.0], [9, 17, 2.0]], "document": [[0, 17, 5.0]]},
        ),
    ],
)
def test_lengths_by_unicode_and_by_pretokens(tmp_path: Path, tagger: str, expected: dict[str, Any]) -> None:
    assert tag(tmp_path, tagger, JAPANESE) == [expected]


def test_words_of_japanese_are_found_in_a_dictionary(tmp_path: Path) -> None:
    # 吾輩 は 猫 で ある, 名前 は まだ 無い.
    (row,) = tag(tmp_path, "multilingual_length_v3", JAPANESE)
    assert row == {
        "paragraph_words": [[0, 9, 5.0], [9, 17, 4.0]],
        "paragraph_sentences": [[0, 9, 1.0], [9, 17, 1.0]],
        "paragraph_characters": [[0, 9, 9.0], [9, 17, 8.0]],
        "words": [[0, 17, 9.0]],
        "sentences": [[0, 17, 2.0]],
        "characters": [[0, 17, 17.0]],
    }
