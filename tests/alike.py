"""Documents that are alike, for tests of MinHash: texts with edited copies, and brute force to hold it against."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dolma as package
from folders import visible
from shards import read, write

VOCABULARY = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in "lmnrst"]


def dedupe(root: Path, method: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The report of a run with the section `minhash`; `dedupe` is the rest of the section around it."""
    section = {"minhash": {"attribute_name": "near", **method}}
    extra = more.pop("dedupe", {})
    report = package.deduper(
        {"documents": [f"{root}/documents/**/*"], "dedupe": {**section, **extra}, **more}
    )
    assert report is not None
    return dict(report)


def rows(root: Path) -> list[Any]:
    """The attribute rows, file by file."""
    folder = root / "attributes/near"
    return [row for file in sorted(visible(folder)) for row in read(folder / file)]


def shingles(text: str, ngram: int = 5) -> frozenset[tuple[str, ...]]:
    """The shingles of words, naively."""
    words = re.findall(r"[^\W_]+", text.lower())
    return frozenset(tuple(words[at : at + ngram]) for at in range(len(words) - ngram + 1))


def jaccard(one: frozenset[Any], two: frozenset[Any]) -> float:
    union = len(one | two)
    return len(one & two) / union if union else 0.0


def text(draw: random.Random, words: int) -> list[str]:
    """So many words."""
    return [draw.choice(VOCABULARY) for _ in range(words)]


def edited(draw: random.Random, words: list[str], share: float) -> list[str]:
    """A copy with a share of its words replaced."""
    copy = list(words)
    for at in draw.sample(range(len(copy)), max(1, int(share * len(copy)))):
        copy[at] = draw.choice(VOCABULARY)
    return copy


def components(pairs: Iterable[tuple[int, int]], count: int) -> list[int]:
    """The component of each of `count` nodes."""
    roots = list(range(count))
    for a, b in pairs:
        a, b = roots[a], roots[b]
        roots = [min(a, b) if root in (a, b) else root for root in roots]
    return roots


def similar(bodies: Sequence[str]) -> list[tuple[int, int, float]]:
    """All pairs of texts that have a shingle in common, with their similarity."""
    sets = [shingles(body) for body in bodies]
    places: dict[Any, list[int]] = {}
    for at, found in enumerate(sets):
        for shingle in found:
            places.setdefault(shingle, []).append(at)
    pairs = {pair for found in places.values() for pair in itertools.combinations(found, 2)}
    return [(i, j, jaccard(sets[i], sets[j])) for i, j in sorted(pairs)]


def corpus(root: Path) -> list[str]:
    """Writes documents with copies that are edited more or less; returns their texts in the order of the files."""
    draw = random.Random(11)
    bodies: list[str] = []
    for number in range(900):
        words = text(draw, draw.randrange(60, 400))
        bodies.append(" ".join(words))
        for share in draw.choices([0.005, 0.01, 0.02, 0.03, 0.05, 0.1], k=number % 4):
            bodies.append(" ".join(edited(draw, words, share)))
    bodies += draw.choices(bodies, k=60)
    draw.shuffle(bodies)
    for part in range(3):
        write(
            root / f"documents/{part}.jsonl.gz",
            [{"id": f"{n}", "text": body} for n, body in enumerate(bodies) if n % 3 == part],
        )
    order = [n for part in range(3) for n in range(len(bodies)) if n % 3 == part]
    return [bodies[n] for n in order]
