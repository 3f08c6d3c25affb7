"""What MinHash sees of a text: tokens of a tokenizer, and normalised forms."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from alike import dedupe, edited, jaccard, rows, text
from dolma.commands import minhash
from dolma.errors import DolmaAssetError, DolmaConfigError
from folders import visible
from shards import documents, texts

tokenizers = pytest.importorskip("tokenizers", reason="needs `pip install 'dolma[tokenizers]'`")


def marked(root: Path) -> list[bool]:
    return [bool(row["attributes"].get("near")) for row in rows(root)]


def train(path: Path, lines: list[str], vocabulary: int = 500) -> str:
    """A byte-level tokenizer in a file, with a special token around documents."""
    built = tokenizers.Tokenizer(tokenizers.models.BPE())
    built.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=["<end>"], initial_alphabet=alphabet, show_progress=False
    )
    built.train_from_iterator(lines, trainer)
    built.post_processor = tokenizers.processors.TemplateProcessing(
        single="$A <end>", special_tokens=[("<end>", built.token_to_id("<end>"))]
    )
    built.save(str(path))
    return str(path)


def bodies() -> list[str]:
    draw = random.Random(3)
    originals = [text(draw, 200) for _ in range(20)]
    copies = [edited(draw, words, 0.01) for words in originals[:10]]
    return [" ".join(words) for words in [*originals, *copies]]


def test_similarity_is_that_of_the_tokens_of_the_library(tmp_path: Path) -> None:
    given = bodies()
    path = train(tmp_path / "tokenizer.json", given)
    documents(tmp_path, {"a.jsonl": texts(*given[:15]), "b.jsonl": texts(*given[15:])})
    method = {"shingles": "tokens", "tokenizer": path, "ngram": 4, "threshold": 0.5}
    library = tokenizers.Tokenizer.from_file(path)

    def shingles(body: str) -> frozenset[tuple[int, ...]]:
        ids = library.encode(body, add_special_tokens=False).ids
        return frozenset(tuple(ids[at : at + 4]) for at in range(len(ids) - 3))

    outcomes = []
    for threads, memory in ((1, "1GiB"), (4, "1MiB")):
        dedupe(tmp_path, method, processes=threads, memory=memory, force=True)
        outcomes.append(visible(tmp_path / "attributes"))
    assert outcomes[0] == outcomes[1]
    found = rows(tmp_path)
    assert marked(tmp_path) == [False] * 20 + [True] * 10
    for copy, row in enumerate(found[20:]):
        expected = jaccard(shingles(given[copy]), shingles(given[20 + copy]))
        assert row["duplicate_of"]["similarity"] == pytest.approx(expected, abs=1e-5)
    # Case counts in tokens, other than in words.
    documents(tmp_path, {"a.jsonl": texts(given[0], given[0].upper()), "b.jsonl": []})
    dedupe(tmp_path, method, force=True)
    assert marked(tmp_path) == [False, False]
    dedupe(tmp_path, {**method, "normalize": ["case"]}, force=True)
    assert marked(tmp_path) == [False, True]
    dedupe(tmp_path, {**method, "normalize": ["case"], "verify": "signature"}, force=True)
    assert marked(tmp_path) == [False, True]


def test_another_tokenizer_is_another_run(tmp_path: Path) -> None:
    given = bodies()
    path = train(tmp_path / "tokenizer.json", given)
    documents(tmp_path, {"a.jsonl": texts(*given)})
    method = {"shingles": "tokens", "tokenizer": path, "ngram": 4}

    def cut_before() -> int:
        return int(dedupe(tmp_path, method)["shards"]["skipped"])

    assert (cut_before(), cut_before()) == (0, 1)
    train(tmp_path / "tokenizer.json", given, vocabulary=300)
    assert (cut_before(), cut_before()) == (0, 1)


def test_a_tokenizer_that_cannot_be_had_or_meant_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents(tmp_path, {"a.jsonl": texts("x")})
    path = train(tmp_path / "tokenizer.json", ["x"])

    def refused(method: dict[str, Any], message: str, kind: type[Exception] = DolmaConfigError) -> None:
        with pytest.raises(kind, match=message):
            dedupe(tmp_path, method)

    refused({"shingles": "tokens"}, "tokenizer: shingles of tokens need one")
    refused({"tokenizer": path}, "tokenizer: words need none; say shingles: tokens")
    refused({"shingles": "characters", "tokenizer": path}, "tokenizer: characters need none")
    missing = {"shingles": "tokens", "tokenizer": str(tmp_path / "none.json")}
    refused(missing, r"none\.json is neither a file", DolmaAssetError)
    (tmp_path / "bad.json").write_text("{}")
    refused(
        {"shingles": "tokens", "tokenizer": str(tmp_path / "bad.json")}, "bad.json is not a tokenizer.json"
    )
    monkeypatch.setattr(minhash, "find_spec", lambda _: None)
    refused({"shingles": "tokens", "tokenizer": path}, r"pip install 'dolma\[tokenizers\]'")
    assert not (tmp_path / "attributes").exists()


def test_a_text_that_the_tokenizer_fails_on_is_named(tmp_path: Path) -> None:
    built = tokenizers.Tokenizer(tokenizers.models.WordLevel({"known": 0}, unk_token="[UNK]"))
    built.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    built.save(str(tmp_path / "words.json"))
    documents(tmp_path, {"a.jsonl": texts("known known", "unheard of")})
    with pytest.raises(Exception, match=r"a\.jsonl:2: the tokenizer failed: "):
        dedupe(tmp_path, {"shingles": "tokens", "tokenizer": str(tmp_path / "words.json"), "ngram": 1})


def test_unicode_forms_count_unless_they_are_normalised(tmp_path: Path) -> None:
    draw = random.Random(9)
    words = [f"{word}é" for word in text(draw, 40)]
    composed, decomposed = " ".join(words), " ".join(words).replace("é", "e\u0301")
    wide = "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c != " " else c for c in composed)
    documents(tmp_path, {"a.jsonl": texts(composed, decomposed, wide)})
    for steps, expected in (([], [0, 0]), (["nfc"], [1, 0]), (["nfkc"], [1, 1])):
        dedupe(tmp_path, {"normalize": steps}, force=True)
        assert marked(tmp_path) == [False, *map(bool, expected)], steps
    # The span is that of the text as it is.
    assert rows(tmp_path)[1]["attributes"] == {"near": [[0, len(decomposed), 1.0]]}


def test_what_has_one_form_is_compared_as_ever(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl": texts(*bodies())})
    dedupe(tmp_path, {}, force=True)
    plain = visible(tmp_path / "attributes")
    for steps in (["nfc"], ["case", "nfkc", "white_space"]):
        dedupe(tmp_path, {"normalize": steps}, force=True)
        assert visible(tmp_path / "attributes") == plain


@pytest.mark.parametrize("shingles", ["words", "characters"])
def test_short_texts_are_compared_as_they_are_unless_normalised(tmp_path: Path, shingles: str) -> None:
    documents(tmp_path, {"a.jsonl": texts("to be", "To be", "to  be\n")})
    method = {"shingles": shingles, "ngram": 20}
    for steps, expected in (([], [0, 0]), (["case"], [1, 0]), (["case", "white_space"], [1, 1])):
        dedupe(tmp_path, {**method, "normalize": steps}, force=True)
        assert marked(tmp_path) == [False, *map(bool, expected)], steps


def test_steps_without_an_effect_are_refused(tmp_path: Path) -> None:
    documents(tmp_path, {"a.jsonl": texts("x")})
    for step in ("case", "white_space"):
        with pytest.raises(DolmaConfigError, match=f"normalize: {step} does not count in words anyway"):
            dedupe(tmp_path, {"normalize": [step], "short": "skip"})
    with pytest.raises(DolmaConfigError, match=r"minhash\.normalize: nfc and nfkc are two forms"):
        dedupe(tmp_path, {"normalize": ["nfc", "nfkc"]})
    with pytest.raises(DolmaConfigError, match="url"):
        dedupe(tmp_path, {"normalize": ["url"]})
