"""What deduplication takes of memory, disk and time at trillions of tokens, from measured rates.

The tables of docs/scaling.md are made of the constants in this file by `scripts/generate_docs.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from dolma import _core

#: Trillions of tokens that the tables are for.
TRILLIONS = (3, 10, 100)

#: Of English web text: bytes of UTF-8 in a token of a vocabulary of 100,000, tokens and lines in a
#: document.
BYTES_PER_TOKEN = 4.0
TOKENS_PER_DOCUMENT = 1000
LINES_PER_DOCUMENT = 40

#: Processor seconds (user and system) of one worker on the corpus of docs/performance.md, and the
#: corpus's bytes of text: the column "CPU s" of `make bench DOCUMENTS=… BENCH_ARGS='--scaling --workers 1'`
#: at 1x.
CORPUS_BYTES = 139.83e6
SECONDS = {
    "bloom documents": 0.62,
    "bloom paragraphs": 1.12,
    "exact documents": 0.57,
    "minhash": 2.38,
    "substring": 1.90,
}

#: Requested rates of error of the filters.
DOCUMENT_RATE, PARAGRAPH_RATE = 1e-6, 1e-4
#: Bytes of records on disk: of a key, a band, a member of a cluster and a verdict
#: (src/dedupe/cluster/records.rs), of a line of a ledger before its id, and of an id.
KEY, BAND, MEMBER, VERDICT, LINE, ID = 44, 24, 48, 44, 13, 30
#: Bands of the preset dolma3, bytes of a document in a bucket, and of a word's hash in a set of shingles.
BANDS, BUCKET, SHINGLE = 26, 8, 4
#: Share of documents that are duplicates, and of those that share a band with another; bytes of a word
#: with its space.
DUPLICATES, CANDIDATES, WORD = 2 / 3, 0.25, 6
#: Bytes in tables for each of the latter (itself, where its set is, its component, its company), and how
#: many a run can number (src/dedupe/cluster/near.rs).
CANDIDATE, MOST_CANDIDATES = 16 + 16 + 4 + 1, 2**32 - 1
#: Shortest repeat in bytes; bytes of an anchor and of a repeat (src/dedupe/substring/records.rs).
REPEAT, ANCHOR, MARK = 500, 48, 32
#: What methods that spill are given, in bytes.
MEMORY = 64 << 30


class Size(NamedTuple):
    """A corpus on paper."""

    tokens: float

    @property
    def text(self) -> float:
        return self.tokens * BYTES_PER_TOKEN

    @property
    def documents(self) -> float:
        return self.tokens / TOKENS_PER_DOCUMENT

    @property
    def lines(self) -> float:
        return self.documents * LINES_PER_DOCUMENT


class Method(NamedTuple):
    """A way to deduplicate: bytes of memory and of disk that it takes, in as few parts as it can."""

    name: str
    memory: Callable[[Size], float]
    disk: Callable[[Size], float]
    parts: Callable[[Size], int] = lambda size: 1


def filter_bytes(keys: float, rate: float) -> float:
    """Bytes of a Bloom filter, as the engine sizes it."""
    bits, _ = _core.BloomFilter.plan(0, round(keys), rate)
    return bits / 8


def anchors(text: float) -> float:
    """Anchors in a text: two among k-grams in a window and one."""
    choice = REPEAT - REPEAT // 4
    return text * 2 / (choice + 1)


def bounded(size: Size) -> float:
    return MEMORY


def verdicts(size: Size) -> float:
    """Verdicts are sorted, and then written in the order of the input."""
    return DUPLICATES * size.documents * 2 * VERDICT


def parts_of(size: Size) -> int:
    """Runs that a corpus has to be cut into for MinHash."""
    return math.ceil(CANDIDATES * size.documents / MOST_CANDIDATES)


def minhash_disk(size: Size) -> float:
    documents = size.documents * (KEY + LINE + ID + BANDS * BAND)
    candidates = CANDIDATES * (size.documents * (BANDS * BUCKET + CANDIDATE) + size.text / WORD * SHINGLE)
    return documents + candidates + DUPLICATES * size.documents * MEMBER + verdicts(size)


METHODS = (
    Method("bloom documents", lambda size: filter_bytes(size.documents, DOCUMENT_RATE), lambda size: 0),
    Method("bloom paragraphs", lambda size: filter_bytes(size.lines, PARAGRAPH_RATE), lambda size: 0),
    Method("exact documents", bounded, lambda size: size.documents * (KEY + LINE + ID) + verdicts(size)),
    Method("minhash", bounded, minhash_disk, parts_of),
    Method("substring", bounded, lambda size: size.text + anchors(size.text) * (ANCHOR + MARK)),
)


def size_of(number: float) -> str:
    """Bytes with a unit, to two digits."""
    units = ["B", "kB", "MB", "GB", "TB", "PB"]
    while number >= 1000 and len(units) > 1:
        number /= 1000
        units.pop(0)
    return f"{number:.0f} {units[0]}" if number >= 10 else f"{number:.1f} {units[0]}"


def hours(text: float, seconds: float) -> str:
    """Hours of a processor core for so many bytes of text."""
    needed = text / CORPUS_BYTES * seconds / 3600
    digits = max(0, math.floor(math.log10(needed)) - 1)
    return f"{round(needed, -digits):,.0f}"


def rows() -> list[list[str]]:
    """A row for each method and size."""
    table = []
    for method in METHODS:
        for trillions in TRILLIONS:
            size = Size(trillions * 1e12)
            disk, parts = method.disk(size), method.parts(size)
            table.append(
                [
                    method.name,
                    f"{trillions} T",
                    size_of(method.memory(size)) + (f" in each of {parts} parts" if parts > 1 else ""),
                    size_of(disk) if disk else "none",
                    hours(size.text, SECONDS[method.name]),
                ]
            )
    return table


HEAD = ["method", "tokens", "memory", "disk", "core-hours"]
