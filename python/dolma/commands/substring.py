"""Repeated substrings: what of a text stood somewhere before is marked, wherever it begins and ends.

All inputs are read, then compared, then attribute rows are written. What is marked in a file depends
on the files before it (those that are only compared with come first) and on no other, and so does
its fingerprint. Intermediates are kept as those of clusters: a run that is killed starts again from
its inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from .. import paths, storage
from ..config import AlarmConfig, DedupeConfig, DedupeMethod
from ..errors import DolmaConfigError, DolmaShardError
from ..files import Files
from ..progress import format_bytes
from ..runs import Run
from ..shards import Output, Shard, fingerprint
from ..storage import File
from . import inputs, needs, scratch, session
from .hosts import Writer, read_through
from .needs import parse_size

__all__ = ["check", "run"]

#: Bytes of lines for each compressed byte where no sample can be had without a transfer.
INFLATION = 4
#: Files of the sample, taken at even distances, and batches (1 MiB of lines) of each.
SAMPLE_FILES, SAMPLE_BATCHES = 8, 2
#: Options of other methods, which would have no effect here.
UNUSED = ("keep", "index", "skip_empty", "min_length", "min_words")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The section `dedupe.substring` as the engine reads it."""

    attribute: str
    min_length: int
    unit: str
    merge_distance: int
    explain: bool
    input_format: str | None
    output_format: str | None
    level: int | None


def check(config: DedupeConfig) -> Plan:
    """The plan of a run; needs no documents.

    Raises `DolmaConfigError` for what is wrong with the config.
    """
    method = config.dedupe
    section = method.substring
    assert section is not None
    unset = DedupeMethod()
    for name in UNUSED:
        if getattr(method, name) != getattr(unset, name):
            raise DolmaConfigError(f"dedupe.{name}: dedupe.substring has no use for it; leave it out")
    if config.bloom_filter is not None:
        raise DolmaConfigError("bloom_filter: dedupe.substring has no use for a filter; leave it out")
    if method.alarm.fail:
        raise DolmaConfigError(
            "dedupe.alarm.fail: dedupe.substring only warns; look at its report before a mix"
        )
    if method.num_partitions > 1 or method.partition_index or method.file_partition:
        raise DolmaConfigError(
            "dedupe.num_partitions: only deduplication with a Bloom filter is shared out between runs; without "
            "one, intermediates go to disk when they do not fit into memory"
        )
    if config.shard is not None:
        raise DolmaConfigError(
            "shard: a deduplication compares all documents with each other; run it in one part (threads share "
            "the work)"
        )
    parse_size(config.memory)
    return Plan(
        attribute=section.attribute_name,
        min_length=section.min_length,
        unit=section.unit,
        merge_distance=section.merge_distance,
        explain=method.explain,
        input_format=config.compression.input,
        output_format=config.compression.output,
        level=config.compression.level,
    )


def run(config: DedupeConfig, *, brief: bool = False) -> dict[str, Any] | None:
    """Marks repeated substrings; returns the run report, None for a dry run.

    Raises `DolmaConfigError` or `DolmaInputError` before any work, `DolmaShardError` after it when
    a shard failed.
    """
    from .. import _core

    plan = check(config)
    documents = [file for file, _ in inputs.find(config.documents)]
    references = inputs.find_references(config.dedupe, documents)
    work = Run("dedupe", config, _shards(config, plan, references, documents), copies=config.is_s3_volume)
    memory = parse_size(config.memory)
    text = _text_bytes(references + documents) if work.todo else 0
    needed = _core.Substrings.intermediates(plan.min_length, plan.unit, text)
    # Stores and sorters have half of it each at most.
    spilled = needed if needed > memory // 4 else 0
    where = f"about {format_bytes(spilled)} of them on disk" if spilled else "in memory"
    what = f"repeats of at least {plan.min_length:,} {plan.unit}"
    if references:
        what += f", against {len(references)} files"
    session.announce(work, f"{what}; {format_bytes(needed)} of intermediates, {where}", brief=brief)
    if work.todo:
        needs.check(work, extra=min(memory, needed), key="memory")
        scratch.check_room(config, work, spilled)
    if config.dryrun:
        return None
    if not work.todo:
        # Killed between its last output and its end.
        scratch.remove(config, work)
    found: dict[str, Any] = {}
    shards = [*(Shard((file,), (), "", file.path) for file in references), *work.mine]

    def engine(gauge: Any, files: Files) -> None:
        with scratch.folder(config, work) as folder:
            core = _core.Substrings(
                plan=plan,
                names=[[file.path for file in shard.inputs] for shard in shards],
                folder=folder,
                memory=memory,
                max_bad=config.max_bad_records,
                threads=config.processes,
            )
            _passes(config, work, shards, core, gauge, files, found)

    return session.execute(work, engine, lambda: _account(work, config.dedupe.alarm, found))


def _shards(
    config: DedupeConfig, plan: Plan, references: Sequence[File], documents: Sequence[File]
) -> list[Shard]:
    method = config.dedupe
    name = method.name or plan.attribute
    beside = inputs.find_beside(method, documents, method.skip_marked or [])
    shards = []
    identity = fingerprint("dedupe", {"plan": plan, "bad": config.max_bad_records > 0}, references)
    for file, marks in zip(documents, beside, strict=True):
        identity = fingerprint("dedupe", identity, [file, *marks])
        shards.append(
            Shard(
                inputs=(file, *marks),
                outputs=(Output(paths.attribute_place(file.path, name, method.document_dir)),),
                fingerprint=identity,
                name=file.path,
                attributes=((plan.attribute,),),
            )
        )
    return shards


def _text_bytes(files: Sequence[File]) -> int:
    """Bytes of lines of all files, counted on a sample: a little more than their texts."""
    from .. import _core
    from ..errors import DolmaError

    local = [file for file in files if not storage.is_remote(file.path) and file.size]
    size = compressed = 0
    for file in local[:: max(1, len(local) // SAMPLE_FILES)][:SAMPLE_FILES]:
        gauge = _core.Progress()
        try:
            reader = _core.BatchReader(file.path, file.path, gauge)
            for _ in range(SAMPLE_BATCHES):
                batch = reader.next()
                size += len(batch[0]) if batch is not None else 0
        except DolmaError:
            # A damaged file fails the run later, with its place.
            continue
        compressed += gauge.input_bytes
    ratio = size / compressed if compressed else INFLATION
    return round(sum(file.size for file in files) * ratio)


def _passes(
    config: DedupeConfig,
    work: Run,
    shards: list[Shard],
    core: Any,
    gauge: Any,
    files: Files,
    found: dict[str, Any],
) -> None:
    read = read_through(work, shards, lambda reader: core.gather(reader, gauge))
    if work.failures or gauge.cancelled:
        return
    bad = sum(len(lines) for lines in read.bad.values())
    if bad > config.max_bad_records:
        path, line, error, _ = next(lines[0] for _, lines in sorted(read.bad.items()) if lines)
        raise DolmaShardError(
            f"{path}:{line}: {error} (and {bad - 1} more bad lines; max_bad_records allows "
            f"{config.max_bad_records}); nothing was written"
        )
    core.compare(gauge)
    todo = {shard.name for shard in work.todo}
    own = [index for index, shard in enumerate(shards) if shard.name in todo]
    core.mark(own, Writer(files, own, read.bad), gauge)
    if not gauge.cancelled:
        found.update(_findings(core))


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


def _account(work: Run, alarm: AlarmConfig, found: dict[str, Any]) -> None:
    """Says what was found."""
    details = work.details
    chars, removed = details.get("chars", 0), details.get("duplicate_chars", 0)
    share = removed / chars if chars else 0
    session.say(
        f"dedupe: {details.get('duplicates', 0):,} repeats in {details.get('documents_marked', 0):,} of "
        f"{details.get('compared', 0):,} documents, {removed:,} of {chars:,} code points ({share:.1%}), "
        f"{details.get('marked_before', 0):,} marked before"
    )
    if not found:
        return
    session.say(f"dedupe: {format_bytes(found['spilled_bytes'])} of intermediates went to disk")
    alarms = [
        f"{source['share']:.0%} of the source {name!r} are marked ({source['duplicate_chars']:,} of "
        f"{source['chars']:,} code points)"
        for name, source in found["sources"].items()
        if source["share"] > alarm.source_share
    ]
    work.details["substring"] = {**found, "alarms": alarms}
    for text in alarms:
        session.warn(work, f"alarm: {text}")
