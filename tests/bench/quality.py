"""What deduplication finds of duplicates that are known, and whether it makes any up.

`--injected` names a file of pairs that were put into the documents on purpose, one JSON object a
line with `id`, `of`, and `kind` (`exact` or `near`). Recall is counted by their true similarity,
computed here from the texts, beside what the S-curve of the bands predicts. Precision is checked on
everything that was marked: each marked document must be connected to the one that is kept by pairs
whose true similarity reaches the threshold.
"""

import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import configs
from measure import BenchError, opened
from report import Section, table
from suite import Context
from tools import run_tool

from dolma.config.dedupe import MINHASH_PRESETS, MinhashPreset

_SPACELESS = (
    "\u0e01-\u0edf\u1000-\u109f\u1780-\u17d3\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
"""Scripts that are written without spaces between words."""

# Python's letters leave out vowel signs and accents, which belong to the word that they stand in.
_MARKS = "".join(
    character
    for character in map(chr, range(0x0300, 0x20000))
    if unicodedata.category(character) in {"Mn", "Mc"}
    and not re.match(f"[{_SPACELESS}\ufe00-\ufe0f]", character)
)

WORD = re.compile(f"[{_SPACELESS}]|(?:[^\\W_{_SPACELESS}]|[{_MARKS}\u200c\u200d])+")
"""Words as docs/dedupe.md has them: letters and digits, and each character of those scripts."""

STEPS = ((0.9, 1.01), (0.8, 0.9), (0.75, 0.8), (0.0, 0.75))

Place = tuple[str, int]
"""A document: the name of its file, and its line."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """A deduplication, with the numbers of its bands if it has any."""

    title: str
    how: configs.Config
    numbers: MinhashPreset | None


def _minhash(preset: str) -> Method:
    numbers = MINHASH_PRESETS[preset]
    return Method(
        title=f"{numbers.bands} x {numbers.rows} from {numbers.threshold:g} on",
        how=configs.by_likeness(preset),
        numbers=numbers,
    )


METHODS = (
    Method(title="exact", how=configs.BY_TEXT, numbers=None),
    _minhash("datatrove"),
    _minhash("dolma3"),
)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A known duplicate, and how alike it truly is; `exact` pairs have the same text."""

    one: Place
    other: Place
    exact: bool
    similarity: float

    @property
    def step(self) -> int:
        """Its column: 0 for exact pairs, then those of `STEPS`."""
        if self.exact:
            return 0
        return 1 + next(at for at, (low, high) in enumerate(STEPS) if low <= self.similarity < high)


@dataclass
class Corpus:
    """Texts by place, and places by id."""

    texts: dict[Place, str] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    _shingles: dict[Place, frozenset[int]] = field(default_factory=dict)

    def similarity(self, one: Place, other: Place) -> float:
        """The Jaccard similarity of two texts' shingles; of texts that are equal, 1."""
        if self.texts[one] == self.texts[other]:
            return 1.0
        a, b = self._set(one), self._set(other)
        return len(a & b) / len(a | b) if a and b else 0.0

    def _set(self, place: Place) -> frozenset[int]:
        if place not in self._shingles:
            self._shingles[place] = shingles(self.texts[place])
        return self._shingles[place]


@dataclass(frozen=True, kw_only=True)
class Found:
    """One method: pairs found by column, pairs that the curve predicts, and the check of all marks."""

    title: str
    pairs: tuple[int, ...]
    predicted: tuple[float, ...] | None
    marked: int
    wrong: int
    remarks: tuple[str, ...]


def shingles(text: str, ngram: int = 5) -> frozenset[int]:
    """Runs of words; a sigma at the end of a word is one as any other."""
    words = WORD.findall(text.lower().replace("\u03c2", "\u03c3"))
    return frozenset(hash(tuple(words[at : at + ngram])) for at in range(len(words) - ngram + 1))


def predicted(numbers: MinhashPreset, similarity: float) -> float:
    """The S-curve: how likely two documents share a band."""
    return float(1 - (1 - similarity**numbers.rows) ** numbers.bands)


def _read(files: tuple[Path, ...]) -> Corpus:
    corpus = Corpus()
    for path in files:
        with opened(path) as lines:
            for number, line in enumerate(lines, 1):
                row = json.loads(line)
                corpus.texts[path.name, number] = row["text"]
                corpus.places[row["id"]] = (path.name, number)
    return corpus


def _pairs(corpus: Corpus, injected: Path) -> list[Pair]:
    pairs = []
    for number, line in enumerate(injected.read_text(encoding="utf-8").splitlines(), 1):
        row = json.loads(line)
        missing = [row[key] for key in ("id", "of") if row[key] not in corpus.places]
        if missing:
            raise BenchError(f"{injected}:{number}: the documents have no {missing[0]}")
        one, other = corpus.places[row["of"]], corpus.places[row["id"]]
        exact = corpus.texts[one] == corpus.texts[other]
        pairs.append(Pair(one=one, other=other, exact=exact, similarity=corpus.similarity(one, other)))
    return pairs


def _marks(folder: Path) -> Iterator[tuple[Place, Place]]:
    """Every marked document with the one that is kept."""
    for path in sorted(folder.glob("*.gz")):
        with opened(path) as lines:
            for number, line in enumerate(lines, 1):
                told = json.loads(line).get("duplicate_of")
                if told is not None:
                    yield (path.name, number), (Path(told["path"]).name, told["line"])


def disconnected(corpus: Corpus, kept: Place, members: list[Place], threshold: float) -> int:
    """Members of a cluster that no chain of pairs at `threshold` or above leads to from `kept`."""
    waiting, reached = list(members), [kept]
    for place in reached:
        near = [other for other in waiting if corpus.similarity(place, other) >= threshold]
        reached += near
        taken = set(near)
        waiting = [other for other in waiting if other not in taken]
    return len(waiting)


def _judge(pairs: list[Pair], found: Found, numbers: MinhashPreset | None) -> tuple[str, ...]:
    """What falls short: exact pairs missed, marks without a reason, fewer pairs than the curve allows."""
    remarks = []
    if found.pairs[0] < sum(pair.step == 0 for pair in pairs):
        remarks.append("exact pairs missed")
    if found.wrong:
        remarks.append("wrong marks")
    if numbers is not None and found.predicted is not None:
        alike = [pair for pair in pairs if not pair.exact and pair.similarity >= 0.8]
        chances = [predicted(numbers, pair.similarity) for pair in alike]
        spread = sum(chance * (1 - chance) for chance in chances) ** 0.5
        steps = {pair.step for pair in alike}
        if sum(found.pairs[step] for step in steps) < sum(chances) - 3 * spread:
            remarks.append("below the curve")
    return tuple(remarks)


def _columns(pairs: list[Pair], weights: list[float]) -> tuple[float, ...]:
    return tuple(
        sum(weight for pair, weight in zip(pairs, weights, strict=True) if pair.step == step)
        for step in range(1 + len(STEPS))
    )


def _find(context: Context, corpus: Corpus, pairs: list[Pair], method: Method) -> Found:
    print(f"quality: {method.title}", file=sys.stderr)
    bench = context.bench
    folder = bench.fresh(bench.work / "quality")
    config = configs.dedupe(method.how, configs.documents, exact=True)
    run_tool(bench, context.own, "dedupe", config(bench.setting(folder, context.own, 2)), folder)
    kept = dict(_marks(folder / "attributes" / configs.GOPHER))
    clusters: dict[Place, list[Place]] = {}
    for place, first in kept.items():
        clusters.setdefault(first, []).append(place)
    threshold = method.numbers.threshold if method.numbers else 1.0
    # Bits of a similarity that are lost in a row do not make a mark wrong.
    wrong = sum(disconnected(corpus, first, rest, threshold - 1e-9) for first, rest in clusters.items())
    hits = [float(kept.get(pair.one, pair.one) == kept.get(pair.other, pair.other)) for pair in pairs]
    curve = None
    if method.numbers is not None:
        curve = _columns(pairs, [predicted(method.numbers, pair.similarity) for pair in pairs])
    found = Found(
        title=method.title,
        pairs=tuple(map(int, _columns(pairs, hits))),
        predicted=curve,
        marked=len(kept),
        wrong=wrong,
        remarks=(),
    )
    return Found(**{**vars(found), "remarks": _judge(pairs, found, method.numbers)})


def _lines(pairs: list[Pair], found: list[Found]) -> list[list[str]]:
    there = [f"{count:g}" for count in _columns(pairs, [1.0] * len(pairs))]
    rows = [["there are", *there, "", "", ""]]
    for method in found:
        precision = 1 - method.wrong / method.marked if method.marked else 1.0
        verdict = "; ".join(method.remarks) or "met"
        cells = [f"{method.title} finds", *map(str, method.pairs)]
        rows.append([*cells, str(method.marked), f"{precision:.4f}", verdict])
        if method.predicted is not None:
            curve = [f"{count:.1f}" for count in method.predicted]
            rows.append(["its curve predicts, before verification", *curve, "", "", ""])
    return rows


def check_quality(context: Context) -> Section:
    """The suite: exact documents and both presets."""
    if context.injected is None:
        raise BenchError("--quality needs --injected, the file of the pairs that are known")
    corpus = _read(context.bench.corpus.files)
    pairs = _pairs(corpus, context.injected)
    found = [_find(context, corpus, pairs, method) for method in METHODS]
    columns = (
        f"of {len(pairs)} known pairs",
        "exact",
        "J ≥ 0.9",
        "0.8 to 0.9",
        "0.75 to 0.8",
        "below 0.75",
        "marked in all",
        "precision",
        "verdict",
    )
    intro = (
        "J is the Jaccard similarity of word 5-grams. A pair is found if both are in one cluster. Precision is the "
        "share of all marked documents that pairs at or above the threshold connect to the kept one. Met: all exact "
        "pairs, no wrong mark, and from 0.8 on no fewer pairs than the curve less three standard deviations."
    )
    return Section(
        title="What deduplication finds",
        lines=[intro, "", *table(columns, _lines(pairs, found))],
        rows=[asdict(method) for method in found],
        met=not any(method.remarks for method in found),
    )
