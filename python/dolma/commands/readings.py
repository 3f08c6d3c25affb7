"""Readings: what the first pass over a document file leaves for a run that compares.

A deduplication that must have seen all documents before it marks any is shared out by its first
pass: each part reads its share of the files, and leaves a reading of each. A run without a part takes
the readings that are there (`stock`), reads the files that have none, compares, and removes the
readings when its attributes are published. A reading is an output like any other: it is published whole, and its
record says what it was made of, so that one that is stale or missing is simply made; its bytes are
checked when they are loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from .. import paths, storage
from .._core import sha256
from ..config.dedupe import DedupeConfig
from ..errors import DolmaConfigError
from ..files import Files
from ..paths import Place
from ..runs import Run, parse_part, published
from ..shards import Output, Shard, fingerprint
from ..storage import File
from . import needs, session

__all__ = [
    "against",
    "beside",
    "clear",
    "find",
    "forget",
    "home",
    "part",
    "reading",
    "write",
]

#: Look-ups at one time in an object store: each waits for a server.
LOOK_UPS = 16


def part(config: DedupeConfig) -> DedupeConfig:
    """The config with the part that it asks for in `shard`, and nowhere else; None there is all.

    `num_partitions` and `partition_index` say the same, and `file_partition` what is done anyway.
    Raises `DolmaConfigError` for parts that cannot be meant.
    """
    method = config.dedupe
    if config.shard is not None:
        index, total = parse_part(config.shard)
        if method.num_partitions > 1 or method.merge_partitions:
            raise DolmaConfigError(
                f"shard: {config.shard} stands for dedupe.num_partitions {total} and partition_index {index}; "
                "give either, and neither shard with merge_partitions"
            )
    if method.partition_index >= method.num_partitions:
        raise DolmaConfigError(
            f"dedupe.partition_index: {method.partition_index} is no part of {method.num_partitions}; "
            "parts count from 0"
        )
    shard = config.shard
    if method.num_partitions > 1 and not method.merge_partitions:
        shard = f"{method.partition_index}/{method.num_partitions}"
    method = msgspec.structs.replace(
        method, num_partitions=1, partition_index=0, merge_partitions=False, file_partition=False
    )
    return msgspec.structs.replace(config, shard=shard, dedupe=method)


def reading(place: Place, identity: Any, inputs: Sequence[File]) -> Shard:
    """The shard that makes a reading of a document file and of what is read beside it; `identity` is
    all that it depends on besides."""
    inputs = tuple(inputs)
    return Shard(
        inputs=inputs,
        outputs=(Output(place),),
        fingerprint=fingerprint("dedupe reading", identity, inputs),
        name=inputs[0].path,
    )


def beside(attributes: Place) -> Place:
    """Where the reading of a document file stands whose attributes stand there."""
    return Place(home(attributes.root), f"{attributes.relative}.reading")


def against(root: str, file: File) -> Place:
    """Where the reading of a file stands that attributes below `root` are only compared with."""
    name = sha256(file.path.encode())[:32]
    return Place(home(root), f".against/{name}.reading")


def home(root: str) -> str:
    """The folder of the readings of the attributes below `root`."""
    return f"{root}/{paths.HIDDEN}/readings"


def find(shards: Sequence[Shard]) -> dict[str, File]:
    """The readings that are there and fit, by document file."""

    def look(shard: Shard) -> File | None:
        return storage.stat(shard.outputs[0].path) if published(shard) is not None else None

    if any(storage.is_remote(shard.outputs[0].path) for shard in shards):
        # Imported where it is needed: start-up counts where runs are short.
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(LOOK_UPS) as pool:
            found = list(pool.map(look, shards))
    else:
        found = [look(shard) for shard in shards]
    return {shard.name: file for shard, file in zip(shards, found, strict=True) if file is not None}


def forget(shard: Shard) -> None:
    """Removes a reading, so that it is made anew."""
    for output in shard.outputs:
        storage.delete(output.record)
        storage.delete(output.path)


def clear(root: str) -> None:
    """Removes the readings of the attributes below `root`, stale and unfinished ones too."""
    storage.clear(home(root))


def write(
    config: DedupeConfig,
    shards: list[Shard],
    home: str,
    what: str,
    engine: Callable[[Any, Files], None],
    *,
    brief: bool,
) -> dict[str, Any] | None:
    """Makes the readings of a part; returns the run report (below `home`), None for a dry run.

    `shards` are those of all parts; none where the attributes are there already. `engine` is told the
    gauge and the files of the readings that are to be made. Raises `DolmaShardError` when some failed.
    """
    work = Run("dedupe", config, shards, copies=config.is_s3_volume, home=home)
    session.announce(work, f"{what}; a part reads its files and leaves readings", brief=brief)
    needs.check(work)
    if config.dryrun:
        return None

    def account() -> None:
        if not shards:
            session.say("dedupe: all attributes are there already, and nobody needs a reading")
            return
        there = len(find(shards))
        ready = "compare" if there == len(shards) else "when the other parts are done, compare"
        session.say(
            f"dedupe: readings of {there} of {len(shards)} files are there; {ready} by the same command without a part"
        )

    return session.execute(work, engine, account)
