"""Deduplication with a Bloom filter: documents or paragraphs, in one pass over a stream.

The first copy in the order of (file, line) is kept, for any number of threads. The filter is saved
together with the list of inputs that it has absorbed; an input is never compared with what it put
into the filter itself. Inputs are worked on in groups: after each the attribute files are
published, then the filter is saved; a run that is killed in between does that group again. What
earlier stages have marked leaves no key in the filter.

A run may be one of several parts that share the keys out among them: each has a filter and an
attribute set of its own, and a last run joins what they found.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import msgspec

from .. import lock, temporary
from ..config.dedupe import DedupeConfig, NgramConfig
from ..errors import DolmaConfigError
from ..files import Files
from ..runs import Run
from ..shards import Output, Shard, fingerprint
from . import inputs, joining, needs, session
from .hosts import Shifted
from .keeper import Absorbed, Keeper
from .parts import Parts, spelled_out

__all__ = ["check", "run"]

#: Compressed bytes in a group, at least; saving the filter must stay a small part of the work.
GROUP_BYTES = 8 << 30
#: And this many times the size of the filter: writing it once costs about as much as reading so
#: many times fewer compressed bytes.
GROUP_FILTERS = 10
#: N-grams that a filter is sized for at least. Recipes give the number of documents or paragraphs where
#: the published tool, whose filters have a mebibyte or more, let it pass; their n-grams are many more.
LEAST_NGRAMS = 500_000
#: A rate above the target by more than this deserves a warning.
RATE_TOLERANCE = 1.1


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The section `dedupe` as the engine reads it."""

    attribute: str
    key: str | None
    normalize: list[str]
    separator: str | None
    ngram_length: int
    stride: int
    overlap_threshold: float
    skip_short_paragraphs: bool
    num_partitions: int
    partition_index: int
    skip_empty: bool
    min_length: int
    min_words: int
    read_only: bool
    input_format: str | None
    output_format: str | None
    level: int | None


def run(config: DedupeConfig, *, brief: bool = False) -> dict[str, Any] | None:
    """Marks what the filter knows; returns the run report, None for a dry run.

    `brief` leaves out the effective recipe. Raises `DolmaConfigError` or `DolmaAssetError` before
    any work, `DolmaShardError` after it when shards failed.
    """
    config = spelled_out(config)
    plan = check(config)
    if config.dedupe.merge_partitions:
        return joining.run(config, plan, brief=brief)
    assert config.bloom_filter is not None
    method = _key_method(plan)
    parts = Parts(config)
    bloom = msgspec.structs.replace(config.bloom_filter, file=parts.filter_file)
    if plan.ngram_length and 0 < bloom.estimated_doc_count < LEAST_NGRAMS:
        bloom = msgspec.structs.replace(bloom, estimated_doc_count=LEAST_NGRAMS)
    files = [file for file, _ in inputs.find(config.documents) if parts.has(file)]
    beside = inputs.find_beside(config.dedupe, files, config.dedupe.skip_marked or [])
    identity: dict[str, Any] = {"method": method, "plan": plan, "filter": bloom}
    adds = not (bloom.read_only or config.dryrun)
    guard = lock.held(bloom.file, "bloom_filter.file") if adds else nullcontext()
    with guard, temporary.folder("filter") as folder, Keeper(bloom, method, folder) as keeper:
        if bloom.read_only:
            # The verdicts are those of what the filter holds now.
            identity["absorbed"] = keeper.description.absorbed
        shards = [
            Shard(
                inputs=(file, *marks),
                outputs=(Output(parts.place(file, parts.index)),),
                fingerprint=fingerprint("dedupe", identity, [file, *marks]),
                name=file.path,
                attributes=((plan.attribute,),),
            )
            for file, marks in zip(files, beside, strict=True)
        ]
        keep = keeper.known(shards, config.force)
        work = Run("dedupe", config, shards, keep=keep, copies=config.is_s3_volume)
        session.announce(work, keeper.announcement(), brief=brief)
        if parts.of_files:
            session.warn(
                work, "dedupe.file_partition: what a document has in another part's files is not found"
            )
        needs.check(work, extra=keeper.bits // 8, key="bloom_filter")
        if config.dryrun:
            return None
        return _execute(config, plan, work, keeper)


def check(config: DedupeConfig) -> Plan:
    """The plan of a run, as far as the config alone says; needs no documents.

    Raises `DolmaConfigError` for what is wrong with it.
    """
    from .. import _core

    config = spelled_out(config)
    method = config.dedupe
    assert config.bloom_filter is not None
    if method.partition_index >= method.num_partitions:
        raise DolmaConfigError(
            f"dedupe.partition_index: {method.partition_index} is no part of {method.num_partitions}; "
            "parts count from 0"
        )
    if method.merge_partitions and (method.num_partitions == 1 or method.file_partition):
        raise DolmaConfigError(
            "dedupe.merge_partitions: joins what num_partitions runs found, so it needs a num_partitions above 1, "
            "without file_partition: parts by file write one attribute set from the start"
        )
    if method.documents is not None:
        _core.check_key(method.documents.key, method.documents.normalize)
    attribute = method.documents or method.paragraphs
    assert attribute is not None
    ngrams = (method.paragraphs.by_ngram if method.paragraphs is not None else None) or NgramConfig()
    parts = Parts(config)
    return Plan(
        attribute=attribute.attribute_name if method.merge_partitions else parts.attribute(parts.index),
        key=method.documents.key if method.documents is not None else None,
        # The steps run in one order, however they are listed.
        normalize=sorted(set(method.documents.normalize)) if method.documents is not None else [],
        separator=method.paragraphs.paragraph_separator if method.paragraphs is not None else None,
        ngram_length=ngrams.ngram_length,
        stride=ngrams.stride,
        overlap_threshold=ngrams.overlap_threshold,
        skip_short_paragraphs=ngrams.skip_short_paragraphs,
        num_partitions=parts.of_keys,
        partition_index=parts.index if parts.of_keys > 1 else 0,
        skip_empty=method.skip_empty,
        min_length=method.min_length,
        min_words=method.min_words,
        read_only=config.bloom_filter.read_only,
        input_format=config.compression.input,
        output_format=config.compression.output,
        level=config.compression.level,
    )


def _key_method(plan: Plan) -> dict[str, Any]:
    """How keys are made, as a filter's file remembers it."""
    made: dict[str, Any] = {"key": plan.key} if plan.key is not None else {"separator": plan.separator}
    if plan.normalize:
        made["normalize"] = plan.normalize
    if plan.ngram_length:
        made["ngram_length"] = plan.ngram_length
    if plan.num_partitions > 1:
        made["partition"] = f"{plan.partition_index}/{plan.num_partitions}"
    return made


def _groups(shards: list[Shard], size: int) -> Iterator[tuple[int, int]]:
    """Ranges of shards with at least `size` bytes of input each."""
    start = total = 0
    for index, shard in enumerate(shards):
        total += sum(file.size for file in shard.inputs)
        if total >= size or index == len(shards) - 1:
            yield start, index + 1
            start, total = index + 1, 0


def _execute(config: DedupeConfig, plan: Plan, work: Run, keeper: Keeper) -> dict[str, Any]:
    from .. import _core

    def engine(gauge: _core.Progress, files: Files) -> None:
        bloom = keeper.load()
        group_bytes = max(GROUP_BYTES, GROUP_FILTERS * keeper.bits // 8)
        sound = True
        for start, end in _groups(work.todo, group_bytes):
            if gauge.cancelled:
                return
            _core.dedupe(
                names=[[file.path for file in shard.inputs] for shard in work.todo[start:end]],
                plan=plan,
                filter=bloom,
                max_bad=config.max_bad_records,
                threads=config.processes,
                host=Shifted(files, start),
                progress=gauge,
            )
            files.wait()
            # Once a shard has failed the filter holds part of it, and what follows was compared
            # with that part: only the groups before it are kept.
            sound = sound and not work.failures and not gauge.cancelled
            if not sound and not plan.read_only:
                work.redone = "what was compared since the filter was last saved is done again"
            elif not plan.read_only:
                keeper.save([_absorb(keeper, work, shard) for shard in work.todo[start:end]])

    return session.execute(work, engine, lambda: _account(work, keeper, plan))


def _absorb(keeper: Keeper, work: Run, shard: Shard) -> Absorbed:
    file = shard.inputs[0]
    return Absorbed(file.path, file.size, file.tag, work.content_hashes[file.path], keeper.place(file))


def _account(work: Run, keeper: Keeper, plan: Plan) -> None:
    """Says what was found, and how full the filter is."""
    details = work.details
    compared, duplicates = details.get("compared", 0), details.get("duplicates", 0)
    what = "documents" if plan.key is not None else "paragraphs"
    share = duplicates / compared if compared else 0
    session.say(
        f"dedupe: {compared:,} {what} compared, {duplicates:,} known ({share:.1%}), {details.get('skipped', 0):,} "
        f"left out, {details.get('without_key', 0):,} without key, {details.get('marked_before', 0):,} marked before"
    )
    if work.counts.read and not compared:
        session.warn(
            work,
            f"nothing was compared: no document has {plan.key or 'a paragraph'} within the limits, unmarked",
        )
    elif details.get("without_key"):
        session.warn(work, f"{details['without_key']:,} documents have no {plan.key} and were not compared")
    if keeper.filter is not None:
        _account_filter(work, keeper)


def _account_filter(work: Run, keeper: Keeper) -> None:
    assert keeper.filter is not None
    fill = keeper.filter.fill
    rate = keeper.filter.rate
    predicted = keeper.filter.rate_at(keeper.filter.inserted)
    work.details["filter"] = {
        "bytes": keeper.bits // 8,
        "hashes": keeper.hashes,
        "inserted": keeper.filter.inserted,
    }
    session.say(
        f"dedupe: filter holds {keeper.filter.inserted:,} keys, {fill:.1%} of its bits are set; false-positive rate "
        f"{rate:.2g} (predicted {predicted:.2g})"
    )
    target = keeper.config.desired_false_positive_rate
    if target and rate > target * RATE_TOLERANCE:
        session.warn(
            work,
            f"the filter is too small: new keys are taken for known ones at a rate of {rate:.2g}, not {target:.2g}; "
            f"set estimated_doc_count to at least {keeper.filter.inserted:,} and start with a new filter",
        )
