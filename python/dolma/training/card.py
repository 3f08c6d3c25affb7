"""The card of a trained model: what it was made of, how, and what it is worth; JSON and Markdown.

The JSON lies beside the model, as `<model>.card.json`, and taggers take the cleaning of texts from it,
so that a text is read as in training. Cards hold no times and no folders of the machine: the same
training has the same card.
"""

from __future__ import annotations

import os
from typing import Any

import msgspec

from ..errors import DolmaAssetError
from .scores import LabelReport, Report

__all__ = ["SUFFIX", "Card", "Label", "markdown", "options_beside"]

#: What the name of a card has behind the name of its model.
SUFFIX = ".card.json"


class Label(msgspec.Struct, kw_only=True):
    """What became of the documents of a label."""

    name: str
    files: int = 0
    documents: int = 0
    #: Documents in which nothing is left to read.
    empty: int = 0
    trained: int = 0
    held_out: int = 0

    @property
    def left_out(self) -> int:
        """Documents that are not in the sample."""
        return self.documents - self.empty - self.trained - self.held_out


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a model."""

    name: str
    #: Which method of `dolma train` made it, and with which versions of what.
    method: str
    versions: dict[str, str]
    sha256: str
    size: int
    #: Patterns of the documents of each label.
    sources: dict[str, list[str]]
    labels: list[Label]
    contradictions: int
    #: Options of the `fasttext` taggers that clean texts as in training.
    cleaning: dict[str, bool]
    sampling: dict[str, Any]
    training: dict[str, Any]
    report: Report


def options_beside(model: str) -> dict[str, bool]:
    """The options that the card beside a model gives to taggers; none without a card.

    Raises `DolmaAssetError` for a card that cannot be read.
    """
    path = model + SUFFIX
    if not os.path.isfile(path):
        return {}
    try:
        with open(path, "rb") as file:
            cleaning = msgspec.json.decode(file.read(), type=Card).cleaning
    except (OSError, msgspec.DecodeError) as error:
        raise DolmaAssetError(f"{path} is not the card of a model: {error}") from error
    return {"strip_label_prefix": True, **cleaning}


def markdown(card: Card, tagger: str) -> str:
    """The card for people."""
    cleaning = ", ".join(name for name, on in card.cleaning.items() if on) or "as they are"
    sections = [
        f"# {card.name}",
        f"A fastText classifier of {len(card.labels)} labels, {card.size:,} bytes, sha256 `{card.sha256}`. "
        f"Made by {' and '.join(f'{name} {version}' for name, version in card.versions.items())}.",
        "## Use",
        f"```yaml\ntaggers: [{tagger}]\ntagger_options:\n  {tagger}: {{ model: {card.name} }}\n```",
        f"Texts are read: {cleaning}. Taggers know it from the card.",
        "## Texts",
        _table(
            ["label", "documents", "empty", "trained on", "held out", "from"],
            [
                [
                    label.name,
                    f"{label.documents:,}",
                    f"{label.empty:,}",
                    f"{label.trained:,}",
                    f"{label.held_out:,}",
                    " ".join(f"`{pattern}`" for pattern in card.sources[label.name]),
                ]
                for label in card.labels
            ],
        ),
        f"Equal texts under more than one label: {card.contradictions:,}. "
        f"Sampling: {_pairs(card.sampling)}. Training: {_pairs(card.training)}.",
        "## On the texts that were held out",
        f"{card.report.texts:,} texts, accuracy {_number(card.report.accuracy)}.",
        _table(
            ["label", "texts", "precision", "recall", "F1", "AUC", "calibration error", "Brier"],
            [
                [
                    label.label,
                    f"{label.texts:,}",
                    *map(
                        _number,
                        [
                            label.precision,
                            label.recall,
                            label.f1,
                            label.auc,
                            label.calibration_error,
                            label.brier,
                        ],
                    ),
                ]
                for label in card.report.labels
            ],
        ),
    ]
    for label in card.report.labels:
        sections += _details(label)
    return "\n\n".join(sections) + "\n"


def _details(label: LabelReport) -> list[str]:
    return [
        f"### {label.label}",
        "What is kept where the score is so high or higher:",
        _table(
            ["score", "kept", "precision", "recall"],
            [
                [_number(row.score), _number(row.kept), _number(row.precision), _number(row.recall)]
                for row in label.thresholds
            ],
        ),
        "What was said, and what was so:",
        _table(
            ["scores from", "texts", "mean score", "share of the label"],
            [
                [_number(row.low), f"{row.texts:,}", _number(row.mean_score), _number(row.observed)]
                for row in label.bins
            ],
        ),
    ]


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.5g}"


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
