"""Readings: what the first pass over a document file leaves for a run that compares.

A deduplication that must have seen all documents before it marks any is shared out by its first
pass: each part reads its share of the files, and leaves a reading of each. A run without a part takes
the readings that are there, reads the files that have none, compares, and removes the readings when
its attributes are published. A reading is an output like any other: it is published whole, and its
record says what it was made of, so that one that is stale or missing is simply made; its bytes are
checked when they are loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from .. import paths, storage
from .._core import sha256
from ..config import DedupeConfig
from ..errors import DolmaConfigError
from ..files import Files
from ..paths import Place
from ..progress import Counters
from ..runs import Run, parse_part, published
from ..shards import Output, Shard, fingerprint
from ..storage import File
from . import needs, session
from .hosts import Read, Reader, read_through

__all__ = [
    "against",
    "beside",
    "clear",
    "counted",
    "discard",
    "find",
    "forget",
    "load",
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
    return Place(_folder(attributes.root), f"{attributes.relative}.reading")


def against(root: str, file: File) -> Place:
    """Where the reading of a file stands that attributes below `root` are only compared with."""
    name = sha256(file.path.encode())[:32]
    return Place(_folder(root), f".against/{name}.reading")


def _folder(root: str) -> str:
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


def counted(there: int, files: int) -> str:
    """How a run announces that so many of its files have readings."""
    left = files - there
    rest = f", {left} {'is' if left == 1 else 'are'} read now" if left else ""
    return f"; readings of {there} of {files} files are there{rest}" if there else ""


def load(
    run: Run,
    gauge: Counters,
    shards: Sequence[Shard],
    there: Mapping[str, File],
    engine: Callable[[list[str], Reader], Sequence[tuple[int, str]]],
    numbers: Sequence[int],
    read: Read,
) -> list[tuple[Shard, str]]:
    """Has the engine take readings that are there; returns those that are damaged, and how.

    `engine` is told their identities and a host, for which they are the inputs, and returns the damaged
    ones by place. Where there are any, what it has loaded is of no use.
    """
    inputs = [Shard((there[shard.name],), (), "", shard.name) for shard in shards]
    identities = [shard.fingerprint for shard in shards]
    damaged: list[tuple[int, str]] = []
    read_through(
        run,
        "loading readings",
        gauge,
        inputs,
        lambda host: damaged.extend(engine(identities, host)),
        numbers,
        read,
    )
    return [(shards[place], what) for place, what in damaged]


def forget(shard: Shard) -> None:
    """Removes a reading, so that it is made anew."""
    for output in shard.outputs:
        storage.delete(output.record)
        storage.delete(output.path)


def discard(run: Run, shard: Shard, what: str, there: dict[str, File]) -> None:
    """Gives up a reading that is damaged, so that its file is read again; warns of it."""
    session.warn(run, f"{shard.outputs[0].path}: this reading is damaged: {what}; {shard.name} is read again")
    forget(shard)
    del there[shard.name]


def clear(root: str) -> None:
    """Removes the readings of the attributes below `root`, stale and unfinished ones too."""
    storage.clear(_folder(root))


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
