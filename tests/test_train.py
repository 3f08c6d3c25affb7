"""`dolma train fasttext`: from documents to a model that taggers find by its name."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from command import dolma, succeed
from dolma.training.card import Card
from dolma.training.scores import report
from shards import attributes_of, put

pytest.importorskip("fasttext", reason="needs `pip install 'dolma[train]'`")

GOOD = ["theorem", "proof", "lemma", "therefore", "integral", "matrix", "vector", "bounded", "Émile"]
BAD = ["cheap", "click", "offer", "casino", "winner", "prize", "free", "now", "buy"]
SMALL = ["--fasttext.dimensions", 8, "--fasttext.buckets", 2000, "--held_out", 0.25, "--fasttext.epochs", 10]


def texts(words: Sequence[str], count: int, seed: int) -> list[str]:
    """Texts of random words, most of them from `words`."""
    rng = random.Random(seed)
    return [
        " ".join(rng.choice(words if rng.random() < 0.8 else GOOD + BAD) for _ in range(rng.randint(3, 30)))
        for _ in range(count)
    ]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with documents of two labels, and a cache of its own."""
    monkeypatch.setenv("DOLMA_CACHE", str(tmp_path / "cache"))
    put(tmp_path / "good" / "a.jsonl.gz", *texts(GOOD, 100, 1), "", " \n ", "\n".join(GOOD))
    put(tmp_path / "bad" / "a.jsonl.gz", *texts(BAD, 60, 2))
    put(tmp_path / "bad" / "b.jsonl.gz", *texts(BAD, 60, 3), "__label__positive </s> \0 buy")
    return tmp_path


def train(home: Path, *options: Any, name: str = "mine") -> Card:
    """The card of a model that was trained on the documents of `home`."""
    where = ["--positive", home / "good", "--negative", home / "bad", "--destination", home / "models"]
    succeed("train", "fasttext", "--name", name, *where, *SMALL, *options)
    return card_of(home, name)


def card_of(home: Path, name: str) -> Card:
    return msgspec.json.decode((home / "models" / f"{name}.bin.card.json").read_bytes(), type=Card)


def tagged(home: Path, model: str, *given: str) -> list[dict[str, float]]:
    """The scores of texts under a model."""
    put(home / "documents" / "d.jsonl.gz", *given)
    option = f"--tagger_options.quality_fasttext_v1.model={model}"
    where = ["--documents", home / "documents", "--taggers", "quality_fasttext_v1", "--experiment", "e"]
    succeed("tag", *where, option)
    found = attributes_of(home / "attributes" / "e" / "d.jsonl.gz")
    return [{name.split("__", 2)[2]: spans[0][2] for name, spans in row.items()} for row in found]


def test_two_commands_make_a_classifier(home: Path) -> None:
    card = train(home)
    assert [(label.name, label.documents, label.empty) for label in card.labels] == [
        ("positive", 103, 2),
        ("negative", 121, 0),
    ]
    assert all(label.trained + label.held_out + label.empty == label.documents for label in card.labels)
    assert card.report.texts == sum(label.held_out for label in card.labels)
    positive = card.report.labels[0]
    assert positive.auc is not None
    assert positive.auc > 0.9
    page = (home / "models" / "mine.md").read_text()
    assert card.sha256 in page
    assert "| 0.5 |" in page
    found = tagged(home, "mine", "theorem proof lemma therefore", "cheap casino offer buy now")
    assert found[0]["positive"] > 0.8 > 0.2 > found[1]["positive"]


@pytest.mark.parametrize("name", ["lid.176.ftz", "assets.lock"])
@pytest.mark.parametrize("dry", [True, False])
def test_a_name_that_cannot_be_registered_is_refused_before_any_work(
    home: Path, name: str, dry: bool
) -> None:
    where = ["--positive", home / "good", "--negative", home / "bad", "--destination", home / "models"]
    done = dolma("train", "fasttext", "--name", name, *where, *SMALL, *(["--dryrun"] if dry else []))
    assert done.code == 6
    assert done.message.endswith("register the asset under another name")
    assert not (home / "models").exists()
    assert not (home / "cache").exists()
    if not dry:
        train(home, "--no-register_asset", name=name)


def test_the_same_seed_makes_the_same_bytes_from_any_order_of_files(home: Path) -> None:
    first = train(home)
    model = (home / "models" / "mine.bin").read_bytes()
    (home / "bad" / "a.jsonl.gz").rename(home / "bad" / "z.jsonl.gz")
    assert train(home) == first
    assert (home / "models" / "mine.bin").read_bytes() == model
    assert train(home, "--seed", 1).sha256 != first.sha256


def test_texts_are_cleaned_when_tagged_as_in_training(home: Path) -> None:
    options = ["--lowercase", "--strip_accents", "--split_punctuation", "--zero_digits"]
    card = train(home, *options, name="clean")
    assert set(card.cleaning) == {"lowercase", "strip_accents", "split_punctuation", "zero_digits"}
    plain, noisy = tagged(home, "clean", "theorem emile matrix ,", "THEOREM émile Matrix,")
    assert plain == noisy
    assert tagged(home, str(home / "models" / "clean.bin"), "THEOREM émile Matrix,") == [noisy]
    raw = train(home, name="raw")
    assert raw.cleaning == {}
    plain, noisy = tagged(home, "raw", "theorem emile matrix ,", "THEOREM émile Matrix,")
    assert plain != noisy


def test_samples_and_limits_take_fewer_documents(home: Path) -> None:
    limited = train(home, "--limit", 50)
    assert [label.trained + label.held_out for label in limited.labels] == [50, 50]
    sampled = train(home, "--sample", 0.5)
    assert all(30 < label.trained + label.held_out < 80 for label in sampled.labels)
    assert sampled.labels[0].left_out == 103 - 2 - sampled.labels[0].trained - sampled.labels[0].held_out


def test_more_than_two_labels_come_from_a_recipe(home: Path) -> None:
    put(home / "other" / "a.jsonl.gz", *texts(["le", "chat", "est", "sur"], 60, 4))
    recipe = {
        "name": "three",
        "classes": {label: [str(home / label)] for label in ("good", "bad", "other")},
        "destination": str(home / "models"),
        "register_asset": False,
        "held_out": 0.25,
        "fasttext": {"dimensions": 8, "buckets": 1000, "epochs": 10},
    }
    (home / "r.json").write_text(json.dumps(recipe))
    succeed("train", "fasttext", "-c", home / "r.json")
    assert [label.label for label in card_of(home, "three").report.labels] == ["good", "bad", "other"]
    assert not (home / "cache").exists()


def test_a_dry_run_writes_nothing(home: Path) -> None:
    where = ["--positive", home / "good", "--negative", home / "bad", "--destination", home / "models"]
    succeed("train", "fasttext", "--name", "x", *where, "--dryrun")
    assert not (home / "models").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--positive", "good"], "two labels"),
        (["--positive", "good", "--negative", "nowhere"], "nowhere"),
        (["--positive", "good", "--negative", "few"], "no text of the label 'negative'"),
        (["--positive", "good", "--negative", "broken"], "broken/a.jsonl:1"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.chdir(home)
    put(home / "few" / "a.jsonl.gz", "")
    (home / "broken").mkdir()
    (home / "broken" / "a.jsonl").write_bytes(b"no json\n")
    done = dolma("train", "fasttext", "--name", "x", *options)
    assert done.code != 0
    assert message in done.err
    assert not list(home.glob("models/*"))


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([i / 16 for i in range(17)])), min_size=1, max_size=40)
)
def test_a_report_counts_what_a_reader_would_count(pairs: list[tuple[bool, float]]) -> None:
    truth = [0 if is_it else 1 for is_it, _ in pairs]
    found = report(["a", "b"], truth, [[score, 1 - score] for _, score in pairs]).labels[0]
    positive = [score for is_it, score in pairs if is_it]
    negative = [score for is_it, score in pairs if not is_it]
    wins = sum((a > b) + (a == b) / 2 for a in positive for b in negative)
    assert found.auc == (round(wins / (len(positive) * len(negative)), 5) if positive and negative else None)
    for row in found.thresholds:
        kept = [is_it for is_it, score in pairs if score >= row.score]
        assert row.kept == round(len(kept) / len(pairs), 5)
        assert row.precision == (round(sum(kept) / len(kept), 5) if kept else None)
        assert row.recall == (round(sum(kept) / len(positive), 5) if positive else None)
    assert sum(bin.texts for bin in found.bins) == len(pairs)
    squares = sum((score - is_it) ** 2 for is_it, score in pairs)
    assert found.brier == round(squares / len(pairs), 5)
