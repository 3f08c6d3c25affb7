"""What a classifier is worth, by texts that it has not seen.

Precision, recall and F1 of each label; the share that thresholds keep, and what they keep; how far
scores are probabilities (calibration error and Brier score); the area under the ROC curve.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

__all__ = ["Bin", "LabelReport", "Report", "Threshold", "report"]

#: Scores that the threshold table has, besides those that keep a round share of the texts.
_THRESHOLDS = tuple(step / 20 for step in range(1, 20))
#: Shares of all texts that the table has a threshold for.
_SHARES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5)
_BINS = 10


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept where texts of this score and more are."""

    score: float
    kept: float
    precision: float | None
    recall: float | None


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """Texts with scores of a tenth of the range: what was said, and what was so."""

    low: float
    texts: int
    mean_score: float | None
    observed: float | None


class LabelReport(msgspec.Struct, frozen=True, kw_only=True):
    """One label against all others."""

    label: str
    texts: int
    precision: float | None
    recall: float | None
    f1: float | None
    auc: float | None
    #: Mean distance between score and observed share over the bins, by their texts (ECE).
    calibration_error: float | None
    brier: float | None
    bins: list[Bin]
    thresholds: list[Threshold]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A classifier over the texts that were held out."""

    texts: int
    accuracy: float | None
    labels: list[LabelReport]


def report(names: Sequence[str], truth: Sequence[int], scores: Sequence[Sequence[float]]) -> Report:
    """The report on texts with the labels `truth` (indexes of `names`) and a score for each label."""
    best = [max(range(len(names)), key=row.__getitem__) for row in scores]
    right = sum(found == label for found, label in zip(best, truth, strict=True))
    return Report(
        texts=len(truth),
        accuracy=_ratio(right, len(truth)),
        labels=[
            _label(
                name,
                [label == index for label in truth],
                [found == index for found in best],
                [row[index] for row in scores],
            )
            for index, name in enumerate(names)
        ],
    )


def _label(name: str, is_it: list[bool], called: list[bool], scores: list[float]) -> LabelReport:
    both = sum(a and b for a, b in zip(is_it, called, strict=True))
    precision, recall = _ratio(both, sum(called)), _ratio(both, sum(is_it))
    bins = _bins(is_it, scores)
    distances = [
        (bin.texts, abs(bin.mean_score - bin.observed))
        for bin in bins
        if bin.mean_score is not None and bin.observed is not None
    ]
    squares = sum((score - truth) ** 2 for score, truth in zip(scores, is_it, strict=True))
    return LabelReport(
        label=name,
        texts=sum(is_it),
        precision=precision,
        recall=recall,
        f1=_ratio(2 * both, sum(called) + sum(is_it)),
        auc=_auc(is_it, scores),
        calibration_error=_ratio(sum(texts * distance for texts, distance in distances), len(scores)),
        brier=_ratio(squares, len(scores)),
        bins=bins,
        thresholds=_thresholds(is_it, scores),
    )


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 5) if whole else None


def _bins(is_it: list[bool], scores: list[float]) -> list[Bin]:
    members: list[list[tuple[float, bool]]] = [[] for _ in range(_BINS)]
    for score, truth in zip(scores, is_it, strict=True):
        members[min(int(score * _BINS), _BINS - 1)].append((score, truth))
    return [
        Bin(
            low=index / _BINS,
            texts=len(found),
            mean_score=_ratio(sum(score for score, _ in found), len(found)),
            observed=_ratio(sum(truth for _, truth in found), len(found)),
        )
        for index, found in enumerate(members)
    ]


def _thresholds(is_it: list[bool], scores: list[float]) -> list[Threshold]:
    ranked = sorted(scores, reverse=True)
    by_share = [ranked[max(0, round(share * len(ranked)) - 1)] for share in _SHARES if ranked]
    found = []
    for threshold in sorted({*_THRESHOLDS, *(round(score, 5) for score in by_share)}):
        kept = [truth for score, truth in zip(scores, is_it, strict=True) if score >= threshold]
        found.append(
            Threshold(
                score=threshold,
                kept=_ratio(len(kept), len(scores)) or 0.0,
                precision=_ratio(sum(kept), len(kept)),
                recall=_ratio(sum(kept), sum(is_it)),
            )
        )
    return found


def _auc(is_it: list[bool], scores: list[float]) -> float | None:
    """The probability that a text of the label scores higher than another; ties count half."""
    order = sorted(range(len(scores)), key=scores.__getitem__)
    ranks = 0.0
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and scores[order[end]] == scores[order[start]]:
            end += 1
        ranks += (start + end + 1) / 2 * sum(is_it[at] for at in order[start:end])
        start = end
    positive = sum(is_it)
    negative = len(is_it) - positive
    return _ratio(ranks - positive * (positive + 1) / 2, positive * negative)
