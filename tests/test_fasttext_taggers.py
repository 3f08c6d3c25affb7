"""Taggers over fastText models: units, labels, languages by their codes, and the published names."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from command import succeed
from dolma import _core, testing
from dolma.errors import DolmaAssetError, DolmaConfigError
from dolma.taggers.catalogue import BUILTIN
from dolma.taggers.declaration import Kernel
from shards import attributes_of, put

MODELS = Path(__file__).parent / "data" / "fasttext"

#: Sentences by language, for small models of the tests' own.
SENTENCES = {
    "eng_Latn": ["the cat sat on the mat", "we go to the house of the king", "it rains and the wind blows"],
    "fra_Latn": [
        "le chat est sur le tapis",
        "nous allons dans la maison du roi",
        "il pleut et le vent souffle",
    ],
    "cmn_Hans": ["猫 坐 在 垫子 上", "我们 去 国王 的 房子", "下雨 了 风 吹 着"],
    "cmn_Hant": ["貓 坐 在 墊子 上", "我們 去 國王 的 房子", "下雨 了 風 吹 著"],
}

TEXT = "Dr. Who sat on the mat. Le chat est là!\r\n\n猫 坐 在 上。\u2028The end of the house"


def train(path: Path, labelled: dict[str, list[str]], **options: Any) -> str:
    """A small model, always the same."""
    fasttext = pytest.importorskip("fasttext", reason="needs `pip install fasttext-community`")
    data = path.with_suffix(".txt")
    lines = [f"__label__{label} {text}" for label, texts in labelled.items() for text in texts] * 20
    data.write_text("\n".join(lines) + "\n", encoding="utf-8")
    settings = {"dim": 8, "epoch": 20, "lr": 0.5, "bucket": 500, "thread": 1, "seed": 5, "verbose": 0}
    fasttext.train_supervised(input=str(data), **{**settings, **options}).save_model(str(path))
    return str(path)


@pytest.fixture(scope="module")
def languages(tmp_path_factory: pytest.TempPathFactory) -> str:
    return train(tmp_path_factory.mktemp("m") / "languages.bin", SENTENCES)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> str:
    texts = {"hq": SENTENCES["eng_Latn"], "cc": SENTENCES["fra_Latn"]}
    return train(tmp_path_factory.mktemp("m") / "two.bin", texts, wordNgrams=2)


@pytest.fixture(scope="module")
def toxic(tmp_path_factory: pytest.TempPathFactory) -> str:
    texts = {"non_toxic": SENTENCES["eng_Latn"], "toxic": SENTENCES["fra_Latn"]}
    return train(tmp_path_factory.mktemp("m") / "toxic.bin", texts)


def tag(folder: Path, tagger: str, model: str, *texts: str, **options: Any) -> list[dict[str, Any]]:
    """The attributes of texts by type."""
    put(folder / "documents" / "d.jsonl.gz", *texts)
    flags = [f"--tagger_options.{tagger}.model={model}"]
    flags += [f"--tagger_options.{tagger}.{name}={json.dumps(value)}" for name, value in options.items()]
    succeed("tag", "--documents", folder / "documents", "--taggers", tagger, "--experiment", "e", *flags)
    found = attributes_of(folder / "attributes" / "e" / "d.jsonl.gz")
    return [{name.split("__", 2)[2]: spans for name, spans in row.items()} for row in found]


def predicted(model: str, text: str) -> dict[str, float]:
    """What the model says of a text, rounded as attributes are."""
    return {label: round(score, 5) for label, score in _core.FastText(model).predict([text])[0]}


@pytest.mark.parametrize(
    ("unit", "pieces"),
    [
        ("document", [TEXT]),
        ("paragraph", [line for line in re.findall(r"[^\n]*\n|[^\n]+$", TEXT) if line.strip()]),
        ("line", [line.rstrip("\r") for line in TEXT.split("\n") if line.strip()]),
        (
            "sentence",
            ["Dr. Who sat on the mat.", "Le chat est là!", "猫 坐 在 上。", "The end of the house"],
        ),
    ],
)
def test_a_model_is_applied_to_each_unit(
    tmp_path: Path, languages: str, unit: str, pieces: list[str]
) -> None:
    (row,) = tag(tmp_path, "quality_fasttext_v1", languages, TEXT, unit=unit)
    end = 0
    for index, piece in enumerate(pieces):
        start = TEXT.index(piece, end)
        end = start + len(piece)
        for label, score in predicted(languages, piece.strip()).items():
            assert row[label][index] == [start, end, score], (label, piece)
    assert all(len(spans) == len(pieces) for spans in row.values())


def test_sentence_ends_of_the_engine_are_the_text() -> None:
    ends = _core.sentence_ends(TEXT)
    pieces = [TEXT[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    assert "".join(pieces) == TEXT
    assert pieces[0] == "Dr. Who sat on the mat. "


def test_labels_of_one_language_are_one(tmp_path: Path, languages: str) -> None:
    text = "猫 坐 在 墊子 上"
    (row,) = tag(tmp_path, "lang_id_v2", languages, text, above=0)
    parts = _core.FastText(languages).predict([text])[0]
    chinese = sum(score for label, score in parts if "cmn" in label)
    assert set(row) == {"en", "fr", "zh"}
    assert row["zh"][0][2] == pytest.approx(min(chinese, 1), abs=1e-5)
    (three,) = tag(tmp_path / "3", "lang_id_v2", languages, text, above=0, label_codes="iso639_3")
    assert set(three) == {"eng", "fra", "zho"}
    (model,) = tag(tmp_path / "m", "lang_id_v2", languages, text, above=0, label_codes="model")
    assert set(model) == set(SENTENCES)


@pytest.mark.parametrize("asked", [["en", "zh"], ["eng_Latn", "cmn_Hant"], ["eng", "zho"]])
def test_a_set_of_languages_by_any_code(tmp_path: Path, languages: str, asked: list[str]) -> None:
    texts = ["the cat sat", "le chat est sur le tapis", ""]
    options = {"labels": asked, "other": True, "above": -1}
    found = tag(tmp_path, "lang_id_v2", languages, *texts, **options)
    for row in found:
        assert set(row) == {"en", "zh", "other"}
        assert sum(spans[0][2] for spans in row.values()) == pytest.approx(1, abs=5e-4)
    assert found[0]["en"][0][2] > 0.9
    assert found[1]["other"][0][2] > 0.9


def test_one_label_needs_no_list_and_other_values_are_refused(tmp_path: Path, languages: str) -> None:
    one, several = (
        testing.tag("lang_id_v2", "the cat sat", model=languages, labels=it) for it in ("en", ["en"])
    )
    assert set(one) == {"en"}
    assert one == several
    with pytest.raises(DolmaConfigError, match=r"labels must be a list of strings, not 3$"):
        testing.tag("lang_id_v2", "", model=languages, labels=3)
    with pytest.raises(DolmaConfigError, match=r'top_k must be a whole number from 0, not "all"$'):
        testing.tag("lang_id_v2", "", model=languages, top_k="all")


def test_texts_are_cleaned_as_asked(tmp_path: Path, two: str) -> None:
    options = {"lowercase": True, "strip_accents": True, "split_punctuation": True, "zero_digits": True}
    (row,) = tag(tmp_path, "quality_fasttext_v1", two, "THE CÁT, 12 sat!", **options)
    assert {label: spans[0][2] for label, spans in row.items()} == predicted(two, "the cat ,  00 sat !")


def test_jigsaw_puts_the_harmless_label_last(tmp_path: Path, toxic: str) -> None:
    texts = ["the cat sat on the mat", "le chat est sur le tapis", ""]
    for row, text in zip(tag(tmp_path, "jigsaw_nsfw_document_v1", toxic, *texts), texts, strict=True):
        assert list(row) == ["__label__toxic", "__label__non_toxic"]
        assert {label: spans[0][2] for label, spans in row.items()} == predicted(toxic, text)


def test_jigsaw_sentences_have_the_scores_of_the_model(tmp_path: Path, toxic: str) -> None:
    (row,) = tag(tmp_path, "jigsaw_hatespeech_sentence_v3", toxic, TEXT)
    found = {TEXT[start:end]: score for start, end, score in row["__label__toxic"]}
    assert found["Le chat est là!"] == predicted(toxic, "Le chat est là!")["__label__toxic"]
    pytest.importorskip("blingfire", reason="needs `pip install 'dolma[sentences]'`")
    (row,) = tag(tmp_path / "2", "jigsaw_hatespeech_sentence_v2", toxic, TEXT)
    assert list(row) == ["__label__toxic", "__label__non_toxic"]
    for start, end, score in row["__label__toxic"]:
        assert score == predicted(toxic, TEXT[start:end].replace("\n", " ").strip())["__label__toxic"]


def test_dclm_has_one_score(tmp_path: Path, two: str) -> None:
    texts = ["the cat sat\non the mat", "le chat est\u2028sur le tapis", ""]
    found = tag(tmp_path, "dclm-oh-eli5", two, *texts)
    for row, text in zip(found, texts, strict=True):
        ((label, score),) = _core.FastText(two).predict([" ".join(text.splitlines())], k=1)[0]
        wanted = score if label == "__label__hq" else 1 - score
        assert row == {"score": [[0, len(text), round(wanted, 5)]]}
    assert found[0]["score"][0][2] > 0.9 > 0.1 > found[1]["score"][0][2]


def test_dolma17_has_every_label_even_for_no_text(tmp_path: Path, two: str) -> None:
    texts = [" the cat\u3000sat ", "", "\n"]
    for row, text in zip(tag(tmp_path, "dolma17-quality", two, *texts), texts, strict=True):
        wanted = {label[9:]: score for label, score in predicted(two, " ".join(text.split())).items()}
        assert {label: spans[0][2] for label, spans in row.items()} == wanted


def test_ultra_fineweb_reads_tokens(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="needs `pip install 'dolma[tokenizers]'`")
    from dolma.taggers.ultra_fineweb import UltraFineWeb

    words = {"[UNK]": 0, "the": 1, "cafe": 2, "\n": 3, "\t": 4, "!": 5, " ": 6}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Split(tokenizers.Regex(r"\w+|\W"), "isolated")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    model = train(tmp_path / "ultra.bin", {"pos": ["the cafe !"], "neg": ["the \\n \\t"]})
    tagger = UltraFineWeb(model, str(tmp_path / "tokenizer.json"))
    assert tagger.clean("THE Café!\n\n\n\n\tcafé") == "the cafe ! \\n \\n \\t cafe"
    put(tmp_path / "documents" / "d.jsonl.gz", "the café!", "the\n\t", "")
    options = [
        f"--tagger_options.ultra_fineweb_en_v1.model={model}",
        f"--tagger_options.ultra_fineweb_en_v1.tokenizer={tmp_path}/tokenizer.json",
    ]
    where = ["--documents", tmp_path / "documents", "--experiment", "e"]
    succeed("tag", *where, "--taggers", "ultra_fineweb_en_v1", *options)
    found = attributes_of(tmp_path / "attributes" / "e" / "d.jsonl.gz")
    scores = [row["e__ultra_fineweb_en_v1__score"][0][2] for row in found]
    assert scores[0] > 0.9 > 0.1 > scores[1]
    ((label, score),) = _core.FastText(model).predict(["the \\n \\t"], k=1)[0]
    assert (label, scores[1]) == ("__label__neg", round(1 - min(score, 1), 5))


def test_a_file_that_is_no_model_is_an_asset_error(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(b"no model")
    with pytest.raises(DolmaAssetError, match="not a fastText model"):
        _core.FastText(tmp_path / "m.bin")


def test_presets_name_assets_that_are_known() -> None:
    from dolma.assets import ASSETS

    for tagger in BUILTIN.values():
        for reference in filter(None, tagger.assets.values()):
            for name in (reference,) if isinstance(reference, str) else reference:
                assert name in ASSETS, tagger.name
        if isinstance(tagger, Kernel) and tagger.kernel == "fasttext":
            assert "model" in tagger.assets, tagger.name


def test_predictions_are_those_of_the_reference(languages: str) -> None:
    fasttext = pytest.importorskip("fasttext")
    reference = fasttext.FastText._FastText(languages)
    texts = ["the cat", "", "猫 在 le", "x" * 300, "a\0b __label__eng_Latn </s> the"]
    for text, found in zip(texts, _core.FastText(languages).predict(texts), strict=True):
        theirs = [(label, score) for score, label in reference.f.predict(f"{text}\n", -1, 0.0, "strict")]
        assert found == theirs
