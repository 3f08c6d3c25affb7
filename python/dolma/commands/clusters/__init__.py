"""Deduplication that forms clusters: exact documents and paragraphs, and MinHash.

All inputs are read, then compared, then attribute rows are written: a verdict depends on every
input, so it is part of each shard's fingerprint. Intermediates stand in a folder of the run that is
emptied before and removed after it. What was read is kept in readings, by parts and by a run over
everything that has much to read: such a run takes those that are there, and reads the other files.
Attribute files that a killed run has published stay as they are.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import msgspec

from ... import lock, temporary
from ...config.dedupe import DedupeConfig
from ...files import Files
from ...runs import Run, published
from .. import needs, readings, scratch, session, sizing
from ..needs import parse_size
from ..stock import Stock
from . import corpus as files_of
from . import findings, passes
from .corpus import Corpus
from .plan import Plan, check, keys

if TYPE_CHECKING:
    from ..index import Index
    from .shelf import Shelf

__all__ = ["check", "run"]


def run(config: DedupeConfig, *, brief: bool = False) -> dict[str, Any] | None:
    """Marks duplicates, or makes the readings of a part; returns the run report, None for a dry run.

    Raises `DolmaConfigError` or `DolmaInputError` before any work, `DolmaShardError` after it when
    a shard failed; nothing is written then if it failed before the verdicts were known.
    """
    config = readings.part(config)
    plan = check(config)
    section = config.dedupe.index
    with temporary.folder_if(section is not None, "index") as folder, _held(config):
        index = shelf = None
        if section is not None and plan.minhash is not None:
            from .shelf import Shelf

            shelf = Shelf(section, keys(plan), folder)
        elif section is not None:
            from ..index import Index

            index = Index(section, keys(plan), folder)
        corpus = files_of.find(config, plan, index, shelf)
        references = len(corpus.kept) + len(corpus.references)
        plan = msgspec.structs.replace(plan, references=references, indexed=len(corpus.kept))
        if config.shard is not None:
            done = not config.force and _is_done(config, plan, corpus, index, shelf)
            return _part(config, plan, corpus, done=done, brief=brief)
        return _whole(config, plan, corpus, index, shelf, brief=brief)


def _held(config: DedupeConfig) -> AbstractContextManager[None]:
    """The lock on an index that the run adds to; parts only leave readings, beside each other."""
    index = config.dedupe.index
    if index is None or index.read_only or config.dryrun or config.shard is not None:
        return nullcontext()
    return lock.held(index.file, "dedupe.index.file")


def _is_done(
    config: DedupeConfig, plan: Plan, corpus: Corpus, index: Index | None, shelf: Shelf | None
) -> bool:
    """Whether all attributes are there, so that nobody needs a reading."""
    if index is not None and not index.config.read_only:
        return not corpus.unknown
    verdicts = None
    if shelf is not None and not shelf.config.read_only:
        if shelf.settled != files_of.identity(config, plan, corpus, None):
            return False
        verdicts = shelf.verdicts
    shards = files_of.shards(config, plan, corpus, index, verdicts)
    return all(published(shard) is not None for shard in shards)


def _part(
    config: DedupeConfig, plan: Plan, corpus: Corpus, *, done: bool, brief: bool
) -> dict[str, Any] | None:
    """Reads a share of the files, and leaves a reading of each."""
    references = {shard.name for shard in corpus.against}

    def engine(gauge: Any, files: Files) -> None:
        todo = files.shards
        own = msgspec.structs.replace(
            plan, references=sum(shard.name in references for shard in todo), indexed=0
        )
        names = [[file.path for file in shard.inputs] for shard in todo]
        core = passes.engine(config, own, names, files.output_dir, parse_size(config.memory))
        identities = [shard.fingerprint for shard in todo]
        core.write_readings(list(range(len(todo))), identities, files, gauge)

    home = corpus.sources[0].output.root
    shards = corpus.parted if not done else []
    return readings.write(config, shards, home, findings.describe(plan), engine, brief=brief)


def _whole(
    config: DedupeConfig,
    plan: Plan,
    corpus: Corpus,
    index: Index | None,
    shelf: Shelf | None,
    *,
    brief: bool,
) -> dict[str, Any] | None:
    """Compares all files, and writes their attributes."""
    work = _plan(config, plan, corpus, index, shelf)
    memory = parse_size(config.memory)
    scratch.remove(config, work)
    roots = {source.output.root for source in corpus.sources}
    stock = Stock(config, work, corpus.readings, roots, scratch.place(config, work))
    files = [shard.inputs[0] for shard in corpus.readings]
    estimate = sizing.estimate(plan, files) if work.todo else None
    if estimate is not None:
        stock.decide(estimate.readings, estimate.spilled(memory), cheap=True)
    said = findings.announcement(plan, memory, estimate, stock)
    session.announce(work, said, brief=brief, input_bytes=stock.left)
    if estimate is not None:
        needs.check(work, extra=min(memory, estimate.intermediates), key="memory")
        scratch.check_room(config, work, estimate.spilled(memory))
    if config.dryrun:
        return None
    found: dict[str, Any] = {}

    def engine(gauge: Any, files: Files) -> None:
        with scratch.folder(config, work) as folder:
            run = passes.Passes(config, plan, corpus, work, stock, index, shelf)
            run.run(gauge, files, found, folder, memory)

    def account() -> None:
        findings.account(work, plan, config.dedupe.alarm, found)

    report = session.execute(work, engine, account)
    stock.clear()
    return report


def _plan(config: DedupeConfig, plan: Plan, corpus: Corpus, index: Index | None, shelf: Shelf | None) -> Run:
    """The run over the attribute files."""
    copies = config.is_s3_volume
    if shelf is not None and not shelf.config.read_only:
        # Where anything is new, only the comparison tells which verdicts are.
        settled = shelf.settled == files_of.identity(config, plan, corpus, None)
        shards = files_of.shards(config, plan, corpus, None, shelf.verdicts)
        return Run("dedupe", config, shards, keep=lambda shard: settled, copies=copies)
    shards = files_of.shards(config, plan, corpus, index)
    if index is None:
        return Run("dedupe", config, shards, copies=copies)
    read_only, known = index.config.read_only, corpus.known
    work = Run("dedupe", config, shards, keep=lambda shard: read_only or shard.name in known, copies=copies)
    index.check(work, known)
    return work
