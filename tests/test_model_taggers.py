"""Taggers over libraries that languages and n-gram models come in.

Each part is skipped where its library is not installed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from command import dolma, refused, succeed
from dolma.document import Document
from dolma.taggers.catalogue import BUILTIN
from dolma.taggers.declaration import PythonTagger
from shards import put, read

ENGLISH = "The cat sat on the mat, and nobody in the house of the king was there to see it."
GERMAN = "Die Katze saß auf der Matte, und niemand im Haus des Königs war da, um es zu sehen."
TWO = f"{ENGLISH}\n\n{GERMAN}\n"

#: The taggers of dolma 1.2.1 that tell languages apart.
PUBLISHED = [
    "cld2_doc_v2",
    "cld2_en_doc_v2",
    "cld2_en_paragraph_v2",
    "cld2_en_paragraph_with_doc_score_v2",
    "cld2_paragraph_v2",
    "cld3_en_doc_v2",
    "cld3_en_paragraph_v2",
    "cld3_en_paragraph_with_doc_score_v2",
    "ft_lang_id_1e2",
    "ft_lang_id_doc_v1",
    "ft_lang_id_en_doc_v2",
    "ft_lang_id_en_only_v2",
    "ft_lang_id_en_paragraph_v2",
    "ft_lang_id_en_paragraph_with_doc_score_v2",
    "ft_lang_id_paragraph_v1",
    "langdetect_doc_en_v1",
    "langdetect_doc_v1",
    "langdetect_en_paragraph_v1",
    "langdetect_paragraph_v1",
    "lingua_1e2",
    "lingua_doc_en_v1",
    "lingua_doc_v1",
    "lingua_en_only_v1",
    "lingua_en_par_v1",
    "lingua_par_v1",
]

ARPA = """\\data\\
ngram 1=5
ngram 2=3

\\1-grams:
-0.7\t<unk>
-99\t<s>\t-0.3
-1.0\t</s>
-0.5\ta\t-0.2
-0.6\tb\t-0.1

\\2-grams:
-0.1\t<s> a
-0.2\ta b
-0.3\tb </s>

\\end\\
"""


def library(name: str) -> Any:
    """The class and options of a built-in tagger in Python, if its library is here."""
    tagger = BUILTIN[name]
    assert isinstance(tagger, PythonTagger)
    if tagger.missing():
        pytest.skip(f"needs pip install 'dolma[{tagger.extra}]'")
    return tagger.load()(**tagger.options)


def spans(name: str, text: str) -> dict[str, list[tuple[int, int, float]]]:
    return library(name).tag(Document("s", "1", text))


def tag(folder: Path, tagger: str, *texts: str, **options: Any) -> list[dict[str, Any]]:
    put(folder / "documents" / "d.jsonl.gz", *texts)
    flags = [f"--tagger_options.{tagger}.{name}={json.dumps(value)}" for name, value in options.items()]
    where = ["--documents", folder / "documents", "--experiment", "e"]
    succeed("tag", *where, "--taggers", tagger, *flags)
    found = [row["attributes"] for row in read(folder / "attributes" / "e" / "d.jsonl.gz")]
    return [{name.split("__", 2)[2]: spans for name, spans in row.items()} for row in found]


def test_every_published_language_tagger_is_there() -> None:
    assert len(PUBLISHED) == 25
    assert [name for name in PUBLISHED if name not in BUILTIN] == []


@pytest.mark.parametrize(
    "name", [name for name in PUBLISHED if isinstance(BUILTIN[name], PythonTagger) and "_en" in name]
)
def test_english_is_told_from_german(name: str) -> None:
    found = spans(name, TWO)
    whole = (0, len(TWO))
    if "par" in name:
        assert [span[:2] for span in found["en"]] == [(0, 81), (82, len(TWO))]
        assert found["en"][0][2] > 0.3 > 0.1 > found["en"][1][2]
        negatives = [round(1 - span[2], 5) for span in found["en"]]
        assert [span[2] for span in found["not_en"]] == pytest.approx(negatives, abs=1e-5)
    else:
        assert [span[:2] for span in found["en"]] == [whole]
        assert (set(found) == {"en"}) == ("only" in name)
    if "doc_score" in name:
        mean = sum((end - start) * score for start, end, score in found["en"]) / len(TWO)
        assert found["doc_en"] == [(*whole, pytest.approx(mean, abs=1e-5))]
        assert found["doc_not_en"] == [(*whole, pytest.approx(1 - mean, abs=1e-5))]


@pytest.mark.parametrize("name", ["cld2_doc_v3", "langdetect_doc_v1", "lingua_1e2", "lingua_doc_v1"])
def test_documents_have_the_codes_of_their_languages(name: str) -> None:
    tagger = library(name)
    for text, code in ((ENGLISH, "en"), (GERMAN, "de")):
        found = tagger.tag(Document("s", "1", text))
        assert max(found, key=lambda language: found[language][0][2]) == code
    assert "en" not in tagger.tag(Document("s", "1", "")) or name.startswith("lingua")


@pytest.mark.parametrize(
    "name", ["cld2_en_doc_v2", "cld3_en_doc_v2", "langdetect_doc_en_v1", "lingua_doc_en_v1"]
)
@pytest.mark.parametrize("text", ["", " \n", "\x00\x01\x7f", "1 2 3", "\ufffe\U0001f600"])
def test_a_text_without_a_language_is_not_english(name: str, text: str) -> None:
    found = spans(name, text)
    assert found["en"][0][:2] == (0, len(text))
    assert found["en"][0][2] < 0.5


def test_a_missing_library_is_named_with_its_extra(tmp_path: Path) -> None:
    put(tmp_path / "documents" / "d.jsonl.gz", "text")
    missing = [tagger for tagger in BUILTIN.values() if isinstance(tagger, PythonTagger) and tagger.missing()]
    if not missing:
        pytest.skip("all libraries are installed")
    tagger = missing[0]
    message = refused("tag", "--documents", tmp_path / "documents", "--taggers", tagger.name)
    assert f"dolma[{tagger.extra}]" in message
    assert "\n" not in message


# Perplexity


def test_perplexity_is_that_of_the_model(tmp_path: Path) -> None:
    pytest.importorskip("kenlm", reason="needs `pip install 'dolma[kenlm]'`")
    (tmp_path / "m.arpa").write_text(ARPA)
    texts = ["a b", "A\u0301 B\n\na  b\n", "a", "", " \n", "a\u00a0b"]
    found = tag(tmp_path, "perplexity_kenlm_v1", *texts, model=str(tmp_path / "m.arpa"))
    # -0.1 - 0.2 - 0.3 over two words and the end of the line.
    assert found[0] == {"perplexity": [[0, 3, round(10**0.2, 5)]]}
    assert found[1]["perplexity"][0][2] == pytest.approx(10**0.2, abs=1e-4)
    # "a" and then the end, backing off: -0.1 - 0.2 - 1.0.
    assert found[2]["perplexity"][0][2] == pytest.approx(10 ** (1.3 / 2), abs=1e-4)
    assert found[3:5] == [{}, {}]
    assert found[5] == found[0]
    raw = tag(tmp_path / "raw", "perplexity_kenlm_v1", "A B", model=str(tmp_path / "m.arpa"), lowercase=False)
    assert raw[0]["perplexity"][0][2] > found[0]["perplexity"][0][2]


def test_lines_are_normalised_as_asked() -> None:
    from dolma.taggers.perplexity import normalize

    nothing = {
        "lowercase": False,
        "strip_accents": False,
        "zero_digits": False,
        "ascii_punctuation": False,
    }
    line = " \u00c7a\x07 \u201cva\u201d 12\u3002"
    assert normalize(line, **nothing) == "\u00c7a \u201cva\u201d 12\u3002"
    assert normalize(line, **{**nothing, "lowercase": True}) == "\u00e7a \u201cva\u201d 12\u3002"
    assert normalize(line, **{**nothing, "strip_accents": True}) == "Ca \u201cva\u201d 12\u3002"
    assert normalize(line, **{**nothing, "zero_digits": True}) == "\u00c7a \u201cva\u201d 00\u3002"
    assert normalize(line, **{**nothing, "ascii_punctuation": True}) == '\u00c7a "va" 12.'


def test_a_file_that_is_no_n_gram_model_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("kenlm", reason="needs `pip install 'dolma[kenlm]'`")
    (tmp_path / "m.arpa").write_text("no model")
    put(tmp_path / "documents" / "d.jsonl.gz", "text")
    where = ["--documents", tmp_path / "documents", "--taggers", "perplexity_kenlm_v1"]
    done = dolma("tag", *where, f"--tagger_options.perplexity_kenlm_v1.model={tmp_path}/m.arpa")
    assert done.code == 6
    assert done.err.splitlines()[-1].startswith(
        f"error: tagger perplexity_kenlm_v1: {tmp_path}/m.arpa is no model of KenLM: "
    )


# Presidio


def test_presidio_takes_the_model_of_spacy_that_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("presidio_analyzer", reason="needs `pip install 'dolma[presidio]'`")
    spacy = pytest.importorskip("spacy")
    spacy.blank("en").to_disk(tmp_path / "model")
    monkeypatch.setenv("TLDEXTRACT_CACHE", str(tmp_path / "suffixes"))
    text = "Write to anna@example.org."
    (row,) = tag(tmp_path, "pii_presidio_v1", text, model=str(tmp_path / "model"))
    # The list of suffixes is the one that tldextract carries, not one from the network.
    assert not (tmp_path / "suffixes").exists()
    assert row == {"EMAIL_ADDRESS": [[9, 25, 1.0]], "doc": [[0, len(text), round(1 / 3, 5)]]}


def test_a_model_of_spacy_that_is_missing_is_not_downloaded(tmp_path: Path) -> None:
    pytest.importorskip("presidio_analyzer", reason="needs `pip install 'dolma[presidio]'`")
    put(tmp_path / "documents" / "d.jsonl.gz", "text")
    where = ["--documents", tmp_path / "documents", "--taggers", "pii_presidio_v1"]
    done = dolma("tag", *where, "--tagger_options.pii_presidio_v1.model=en_core_web_none")
    assert done.code == 2
    assert done.err.splitlines()[-1] == (
        "error: tagger pii_presidio_v1: the model en_core_web_none is not installed: python -m spacy download "
        "en_core_web_none, or name another English one with the option model"
    )
    assert not (tmp_path / "attributes").exists()
