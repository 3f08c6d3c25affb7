"""`dolma train`: documents of several labels in, a classifier with its card out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from importlib.metadata import version as installed_version
from typing import Any

import msgspec

from .. import _core, assets, recipes, storage
from ..assets.cache import digest
from ..assets.downloads import check_name
from ..config.train import TrainConfig
from ..errors import DolmaConfigError, DolmaError
from ..progress import format_bytes
from ..storage import File
from ..training import card as cards
from ..training import fasttext
from ..training.card import Card
from ..training.scores import Report, report
from ..training.texts import Corpus, read
from ..version import __version__
from . import inputs
from .session import say

__all__ = ["run"]

#: The tagger that cards recommend.
_TAGGER = "quality_fasttext_v1"
#: Options that say how texts are cleaned, in the config as in the taggers.
_CLEANING = ("lowercase", "strip_accents", "zero_digits", "split_punctuation")
#: Held-out texts that are scored in one call.
_CALL = 256


def run(config: TrainConfig) -> Card | None:
    """Runs `dolma train`; returns the model's card, None for a dry run.

    Raises `DolmaConfigError` before any work, `DolmaError` for documents that cannot be read.
    """
    sources = _sources(config)
    if config.register_asset:
        for name in _names(config):
            check_name(name)
    fasttext.check()
    files = {name: [file for file, _ in inputs.find(found, name)] for name, found in sources.items()}
    print(recipes.to_yaml(config), flush=True)
    size = sum(file.size for found in files.values() for file in found)
    say(
        f"train: {len(files)} labels, {sum(map(len, files.values()))} files, {format_bytes(size)} of input; a model of "
        f"{format_bytes(fasttext.model_size(config.fasttext))} and its words"
    )
    if config.dryrun:
        return None
    os.makedirs(config.destination, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=config.destination, prefix=".train-") as folder:
        corpus = _read(config, files, folder)
        model = os.path.join(folder, "model")
        training = os.path.join(folder, "training")
        corpus.write_training(training)
        fasttext.train(training, model, config.fasttext, config.seed)
        card = _card(config, sources, corpus, model, _judge(corpus, model))
        return _publish(config, card, model, folder)


def _names(config: TrainConfig) -> tuple[str, str]:
    """The assets that the model and its card become."""
    return config.name, config.name + cards.SUFFIX


def _sources(config: TrainConfig) -> dict[str, list[str]]:
    given = {"positive": config.positive, "negative": config.negative}
    sources = dict(config.classes) or {name: found for name, found in given.items() if found}
    if config.classes and (config.positive or config.negative):
        raise DolmaConfigError("train: give either classes, or positive and negative")
    if len(sources) < 2:
        raise DolmaConfigError("train: needs documents of two labels: positive and negative, or classes")
    for name, found in sources.items():
        if not name or name != "".join(name.split()):
            raise DolmaConfigError(f"train: the label {name!r} is empty or has white space in it")
        if not found:
            raise DolmaConfigError(f"train: the label {name!r} has no documents")
    return sources


def _read(config: TrainConfig, files: dict[str, list[File]], folder: str) -> Corpus:
    corpus = read(
        files,
        folder,
        cleaning=[name for name in _CLEANING if getattr(config, name)],
        seed=config.seed,
        sample=config.sample,
        limit=config.limit,
        held_out=config.held_out,
    )
    for label in corpus.labels:
        say(
            f"train: {label.name}: {label.documents:,} documents read = {label.trained:,} to train on + "
            f"{label.held_out:,} held out + {label.empty:,} empty + {label.left_out:,} not in the sample"
        )
        if not label.trained or not label.held_out:
            missing = "to train on" if not label.trained else "to hold out"
            raise DolmaError(
                f"train: there is no text of the label {label.name!r} {missing}; it takes more documents"
            )
    if corpus.contradictions:
        say(f"warning: {corpus.contradictions:,} texts are under more than one label")
    return corpus


def _judge(corpus: Corpus, path: str) -> Report:
    """The report of a model on what was held out."""
    model = _core.FastText(path)
    names = [label.name for label in corpus.labels]
    truth: list[int] = []
    scores: list[list[float]] = []
    for labels, texts in _calls(corpus):
        truth += labels
        for found in model.predict(texts):
            by_name = {label.removeprefix(fasttext.PREFIX): min(score, 1.0) for label, score in found}
            scores.append([by_name.get(name, 0.0) for name in names])
    return report(names, truth, scores)


def _calls(corpus: Corpus) -> Iterator[tuple[list[int], list[str]]]:
    for start in range(0, len(corpus.held_out), _CALL):
        pairs = list(corpus.texts(corpus.held_out[start : start + _CALL]))
        yield [label for label, _ in pairs], [text for _, text in pairs]


def _card(
    config: TrainConfig, sources: dict[str, list[str]], corpus: Corpus, model: str, found: Report
) -> Card:
    sampling: dict[str, Any] = {
        "seed": config.seed,
        "sample": config.sample,
        "limit": config.limit,
        "held_out": config.held_out,
    }
    return Card(
        name=config.name,
        method=config.method,
        versions={"dolma": __version__, fasttext.PACKAGE: installed_version(fasttext.PACKAGE)},
        sha256=digest(model),
        size=os.path.getsize(model),
        sources=sources,
        labels=corpus.labels,
        contradictions=corpus.contradictions,
        cleaning={name: True for name in _CLEANING if getattr(config, name)},
        sampling=sampling,
        training=msgspec.structs.asdict(config.fasttext),
        report=found,
    )


def _publish(config: TrainConfig, card: Card, model: str, folder: str) -> Card:
    """Puts model and cards into the destination, and registers them."""
    base = os.path.join(config.destination, config.name)
    data = msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n"
    made = {
        f"{base}.bin{cards.SUFFIX}": data,
        f"{base}.md": cards.markdown(card, _TAGGER).encode(),
    }
    temporary = os.path.join(folder, "card")
    for place, content in made.items():
        with open(temporary, "wb") as file:
            file.write(content)
        storage.publish(temporary, place)
    storage.publish(model, f"{base}.bin")
    if config.register_asset:
        model_name, card_name = _names(config)
        doc = f"{len(card.labels)} labels, trained by dolma on {sum(label.trained for label in card.labels):,} texts."
        # The card first: a model without it would read texts otherwise than in training.
        assets.register(card_name, f"{base}.bin{cards.SUFFIX}", doc=f"Card of {config.name}.")
        assets.register(model_name, f"{base}.bin", doc=doc)
    for label in card.report.labels:
        say(
            f"train: {label.label}: precision {label.precision}, recall {label.recall}, AUC {label.auc}, "
            f"calibration error {label.calibration_error} on {label.texts:,} of {card.report.texts:,} texts"
        )
    say(f"train: {base}.bin, card {base}.md")
    if config.register_asset:
        say(f"train: use it: --taggers {_TAGGER} --tagger_options.{_TAGGER}.model {config.name}")
    return card
