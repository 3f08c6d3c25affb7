"""The passes of a search for repeated substrings: read or load, compare, write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ...config.dedupe import DedupeConfig
from ...files import Files
from ...runs import Run
from ...shards import Shard
from ..hosts import Read, Reader, Writer
from ..needs import parse_size
from ..stock import Stock
from .corpus import Corpus
from .plan import Plan

__all__ = ["engine", "run"]


def engine(config: DedupeConfig, plan: Plan, shards: Sequence[Shard], folder: str) -> Any:
    """A `dolma._core.Substrings` over files, each with those beside it."""
    from ... import _core

    return _core.Substrings(
        plan=plan,
        names=[[file.path for file in shard.inputs] for shard in shards],
        folder=folder,
        memory=parse_size(config.memory),
        max_bad=config.max_bad_records,
        threads=config.processes,
    )


def run(
    config: DedupeConfig,
    plan: Plan,
    corpus: Corpus,
    work: Run,
    stock: Stock,
    folder: str,
    gauge: Any,
    files: Files,
    found: dict[str, Any],
) -> None:
    """Reads, compares and writes; puts what was found into `found`."""
    shards = corpus.readings
    while True:
        core, read = engine(config, plan, shards, folder), Read()
        damaged = _load(stock, core, shards, read, gauge)
        if work.failures or gauge.cancelled:
            return
        if not damaged:
            break
    rest = [number for number, shard in enumerate(shards) if shard.name not in stock.there]

    def gather(identities: list[str] | None, host: Reader) -> None:
        core.gather(rest, identities, host, gauge)

    stock.gather(gauge, [shards[number] for number in rest], gather, rest, read)
    if work.failures or gauge.cancelled:
        return
    read.check_bad(config.max_bad_records)
    work.begin("comparing", gauge)
    core.compare(gauge)
    todo = {shard.name for shard in work.todo}
    own = [n for n, shard in enumerate(shards) if n >= len(corpus.references) and shard.name in todo]
    work.begin("writing", gauge, [shards[number] for number in own], reads=False)
    core.mark(own, Writer(files, own, read.bad), gauge)
    if not gauge.cancelled:
        found.update(_findings(core))


def _load(stock: Stock, core: Any, shards: Sequence[Shard], read: Read, gauge: Any) -> bool:
    """Loads the readings that are there; whether any was damaged, and nothing is loaded."""
    numbers = [number for number, shard in enumerate(shards) if shard.name in stock.there]

    def load(identities: list[str], host: Reader) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = core.load_readings(numbers, identities, host, gauge)
        return found

    damaged = stock.load(gauge, [shards[number] for number in numbers], load, numbers, read)
    for shard, what in damaged:
        stock.discard(shard, what)
    return bool(damaged)


def _findings(core: Any) -> dict[str, Any]:
    """What the run report says of sources and of the longest repeats."""

    def document(place: tuple[str, int, str]) -> dict[str, Any]:
        path, line, identifier = place
        return {"id": msgspec.json.decode(identifier), "path": path, "line": line}

    return {
        "spilled_bytes": core.spilled(),
        "sources": {
            name: {
                "documents": documents,
                "documents_marked": marked,
                "chars": chars,
                "duplicate_chars": removed,
                "share": round(removed / chars, 4) if chars else 0.0,
            }
            for name, documents, marked, chars, removed in sorted(core.sources())
        },
        "largest": [
            {"chars": chars, **document(at), "kept": document(kept), "sample": sample}
            for chars, at, kept, sample in core.largest()
        ],
    }
