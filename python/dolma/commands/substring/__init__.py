"""Repeated substrings: what of a text stood somewhere before is marked, wherever it begins and ends.

All inputs are read, then compared, then attribute rows are written. What is marked in a file depends
on the files before it (those that are only compared with come first) and on no other, and so does
its fingerprint. Intermediates and readings are kept as those of clusters.
"""

from __future__ import annotations

from typing import Any

from ...config.dedupe import AlarmConfig, DedupeConfig
from ...files import Files
from ...progress import format_bytes
from ...runs import Run, published
from .. import needs, readings, scratch, session
from ..needs import parse_size
from ..stock import Stock
from . import corpus as files_of
from . import passes
from .corpus import Corpus
from .plan import Plan, check

__all__ = ["check", "run"]


def run(config: DedupeConfig, *, brief: bool = False) -> dict[str, Any] | None:
    """Marks repeated substrings, or makes the readings of a part; returns the run report, None for a
    dry run.

    Raises `DolmaConfigError` or `DolmaInputError` before any work, `DolmaShardError` after it when
    a shard failed.
    """
    config = readings.part(config)
    plan = check(config)
    corpus = files_of.find(config, plan)
    if config.shard is not None:
        return _part(config, plan, corpus, brief=brief)
    return _whole(config, plan, corpus, brief=brief)


def _part(config: DedupeConfig, plan: Plan, corpus: Corpus, *, brief: bool) -> dict[str, Any] | None:
    """Reads a share of the files, and leaves a reading of each."""

    def engine(gauge: Any, files: Files) -> None:
        core = passes.engine(config, plan, files.shards, files.output_dir)
        identities = [shard.fingerprint for shard in files.shards]
        core.write_readings(list(range(len(files.shards))), identities, files, gauge)

    done = not config.force and all(published(shard) is not None for shard in corpus.outputs)
    shards = corpus.readings if not done else []
    return readings.write(config, shards, corpus.home, _describe(plan, corpus), engine, brief=brief)


def _whole(config: DedupeConfig, plan: Plan, corpus: Corpus, *, brief: bool) -> dict[str, Any] | None:
    """Compares all files, and writes their attributes."""
    from ... import _core

    work = Run("dedupe", config, corpus.outputs, copies=config.is_s3_volume)
    memory = parse_size(config.memory)
    scratch.remove(config, work)
    roots = {shard.outputs[0].place.root for shard in corpus.outputs}
    stock = Stock(config, work, corpus.readings, roots, scratch.place(config, work))
    files = [shard.inputs[0] for shard in corpus.readings]
    text = files_of.text_bytes(files) if work.todo else 0
    needed = _core.Substrings.intermediates(plan.min_length, plan.unit, text)
    # Stores and sorters have half of it each at most.
    spilled = needed if needed > memory // 4 else 0
    where = f"about {format_bytes(spilled)} of them on disk" if spilled else "in memory"
    # Intermediates are texts and anchors, as a reading is, with more for each anchor: to write them takes as
    # long as it may save.
    stock.decide(needed, spilled, cheap=False)
    said = f"{_describe(plan, corpus)}{stock.described()}; {format_bytes(needed)} of intermediates, {where}"
    session.announce(work, said, brief=brief, input_bytes=stock.left)
    if work.todo:
        needs.check(work, extra=min(memory, needed), key="memory")
        scratch.check_room(config, work, spilled)
    if config.dryrun:
        return None
    found: dict[str, Any] = {}

    def engine(gauge: Any, files: Files) -> None:
        with scratch.folder(config, work) as folder:
            passes.run(config, plan, corpus, work, stock, folder, gauge, files, found)

    def account() -> None:
        _account(work, config.dedupe.alarm, found)

    report = session.execute(work, engine, account)
    stock.clear()
    return report


def _describe(plan: Plan, corpus: Corpus) -> str:
    against = f", against {len(corpus.references)} files" if corpus.references else ""
    return f"repeats of at least {plan.min_length:,} {plan.unit}{against}"


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
