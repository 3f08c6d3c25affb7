"""Deduplication that forms clusters: exact documents and paragraphs, and MinHash.

All inputs are read, then compared, then attribute rows are written: a verdict depends on every
input, so it is part of each shard's fingerprint. Intermediates stand in a folder of the run that is
emptied before and removed after it: a run that is killed starts again from its inputs, except for
the attribute files that it has published, which stay as they are.
"""

from __future__ import annotations

from typing import Any

import msgspec

from .. import paths, temporary
from ..config import AlarmConfig, DedupeConfig
from ..errors import DolmaConfigError, DolmaShardError
from ..files import Files
from ..progress import format_bytes
from ..runs import Run
from ..shards import Output, Shard, fingerprint
from ..storage import File
from . import inputs, minhash, needs, scratch, session, sizing
from .hosts import Reader, Writer
from .index import Index
from .minhash import MinhashPlan
from .needs import parse_size

__all__ = ["check", "run"]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The section `dedupe` as the engine reads it."""

    attribute: str
    key: str | None
    normalize: list[str]
    separator: str | None
    minhash: MinhashPlan | None
    skip_empty: bool
    min_length: int
    min_words: int
    policy: str
    field: str | None
    keep_attribute: str | None
    keep_sources: list[str]
    explain: bool
    references: int
    indexed: int
    remember: bool
    marks: int
    input_format: str | None
    output_format: str | None
    level: int | None


class Corpus(msgspec.Struct, frozen=True):
    """The files of a run."""

    references: list[File]
    documents: list[File]
    #: For each document file, the attribute files that are read beside it.
    attributes: list[tuple[File, ...]]
    #: Paths of documents that the index has absorbed.
    known: set[str]


def run(config: DedupeConfig, *, brief: bool = False) -> dict[str, Any] | None:
    """Marks duplicates; returns the run report, None for a dry run.

    Raises `DolmaConfigError` or `DolmaInputError` before any work, `DolmaShardError` after it when
    a shard failed; nothing is written then if it failed before the verdicts were known.
    """
    plan = check(config)
    with temporary.folder("index") as folder:
        section = config.dedupe.index
        index = Index(section, _method(plan), folder) if section is not None else None
        return _run(config, plan, index, brief=brief)


def _run(config: DedupeConfig, plan: Plan, index: Index | None, *, brief: bool) -> dict[str, Any] | None:
    corpus = _find(config, index)
    indexed = len(index.absorbed) if index is not None else 0
    plan = msgspec.structs.replace(plan, references=indexed + len(corpus.references), indexed=indexed)
    work = Run(
        "dedupe",
        config,
        _shards(config, plan, corpus, index),
        keep=lambda shard: index is None or index.config.read_only or shard.name in corpus.known,
        copies=config.is_s3_volume,
    )
    if index is not None:
        index.check(work, corpus.known)
    memory = parse_size(config.memory)
    read = [file for file in corpus.documents if file.path not in corpus.known]
    estimate = sizing.estimate(plan, corpus.references + read) if work.todo else None
    session.announce(work, _announcement(plan, memory, estimate), brief=brief)
    if estimate is not None:
        needs.check(work, extra=min(memory, estimate.intermediates), key="memory")
        scratch.check_room(config, work, estimate.spilled(memory))
    if config.dryrun:
        return None
    if not work.todo:
        # Killed between its last output and its end.
        scratch.remove(config, work)
    found: dict[str, Any] = {}

    def engine(gauge: Any, files: Files) -> None:
        with scratch.folder(config, work) as folder:
            passes = Passes(config, plan, corpus, work, index, folder, memory)
            passes.run(gauge, files, found)

    return session.execute(work, engine, lambda: _account(work, plan, config.dedupe.alarm, found))


def _method(plan: Plan) -> dict[str, Any]:
    """How keys are made, for an index."""
    names = ("key", "normalize", "separator", "skip_empty", "min_length", "min_words")
    return {name: getattr(plan, name) for name in names}


def check(config: DedupeConfig) -> Plan:
    """The plan of a run, as far as the config alone says; needs no documents.

    Raises `DolmaConfigError` for what is wrong with it.
    """
    from .. import _core

    method = config.dedupe
    section = method.documents or method.paragraphs or method.minhash
    assert section is not None
    if (
        method.num_partitions > 1
        or method.partition_index
        or method.file_partition
        or method.merge_partitions
    ):
        raise DolmaConfigError(
            "dedupe.num_partitions: only deduplication with a Bloom filter is shared out between runs; without "
            "one, intermediates go to disk when they do not fit into memory"
        )
    if config.shard is not None:
        raise DolmaConfigError(
            "shard: a deduplication compares all documents with each other; run it in one part (threads share "
            "the work)"
        )
    if method.paragraphs is not None and method.paragraphs.by_ngram is not None:
        raise DolmaConfigError(
            "dedupe.paragraphs.by_ngram: n-grams are compared with a Bloom filter; give one"
        )
    keep = method.keep
    _check_keep(config)
    if method.index is not None and (method.minhash is not None or keep.policy != "first"):
        raise DolmaConfigError(
            "dedupe.index: only an exact deduplication that keeps the first copy leaves earlier verdicts as they are; "
            "name earlier files in dedupe.against instead"
        )
    plan = Plan(
        attribute=section.attribute_name,
        key=method.documents.key if method.documents is not None else None,
        # The steps run in one order, however they are listed.
        normalize=sorted(set(method.documents.normalize)) if method.documents is not None else [],
        separator=method.paragraphs.paragraph_separator if method.paragraphs is not None else None,
        minhash=minhash.plan(method.minhash) if method.minhash is not None else None,
        skip_empty=method.skip_empty,
        min_length=method.min_length,
        min_words=method.min_words,
        policy=keep.policy,
        field=keep.field,
        keep_attribute=keep.attribute,
        keep_sources=keep.sources,
        explain=method.explain,
        references=0,
        indexed=0,
        remember=method.index is not None and not method.index.read_only,
        marks=len(method.skip_marked or []),
        input_format=config.compression.input,
        output_format=config.compression.output,
        level=config.compression.level,
    )
    _core.Clusters.check(plan)
    minhash.encoder(method.minhash)
    parse_size(config.memory)
    return plan


def _check_keep(config: DedupeConfig) -> None:
    keep = config.dedupe.keep
    wanted = {
        "oldest": ("field",),
        "newest": ("field",),
        "highest": ("attribute_set", "attribute"),
        "source": ("sources",),
    }.get(keep.policy, ())
    for option in ("field", "attribute_set", "attribute", "sources"):
        if option in wanted and not getattr(keep, option):
            raise DolmaConfigError(f"dedupe.keep.{option}: the policy {keep.policy} needs it")
        if option not in wanted and getattr(keep, option):
            raise DolmaConfigError(f"dedupe.keep.{option}: the policy {keep.policy} has no use for it")


def _find(config: DedupeConfig, index: Index | None) -> Corpus:
    method = config.dedupe
    documents = [file for file, _ in inputs.find(config.documents)]
    references = inputs.find_references(method, documents)
    sets = list(method.skip_marked or [])
    if method.keep.attribute_set is not None:
        sets.append(method.keep.attribute_set)
    attributes = inputs.find_beside(method, documents, sets)
    known = index.known(documents) if index is not None else set()
    return Corpus(references, documents, attributes, known)


def _shards(config: DedupeConfig, plan: Plan, corpus: Corpus, index: Index | None) -> list[Shard]:
    method = config.dedupe
    name = method.name or plan.attribute
    described: dict[str, Any] = {"plan": plan, "bad": config.max_bad_records > 0}
    everything = [*corpus.references, *corpus.documents, *(f for row in corpus.attributes for f in row)]
    if index is not None:
        # What was absorbed keeps its verdicts, whatever comes after it.
        described["plan"] = msgspec.structs.replace(plan, references=0, indexed=0)
        described["index"] = index.config
        described["absorbed"] = index.absorbed if index.config.read_only else []
        everything = corpus.references
    identity = fingerprint("dedupe", described, everything)
    return [
        Shard(
            inputs=(file, *beside),
            outputs=(Output(paths.attribute_place(file.path, name, method.document_dir)),),
            fingerprint=fingerprint("dedupe", identity, [file, *beside]),
            name=file.path,
            attributes=((plan.attribute,),),
        )
        for file, beside in zip(corpus.documents, corpus.attributes, strict=True)
    ]


def _announcement(plan: Plan, memory: int, estimate: sizing.Estimate | None) -> str:
    if plan.minhash is not None:
        what = minhash.describe(plan.minhash)
    else:
        what = f"exact, by {plan.key}" if plan.key is not None else "exact, by paragraph"
    against = f", against {plan.references} files" if plan.references else ""
    if plan.indexed:
        against += f", {plan.indexed} of them in the index"
    if estimate is None:
        return f"{what}{against}"
    spilled = estimate.spilled(memory)
    where = f"about {format_bytes(spilled)} of them on disk" if spilled else "in memory"
    size = format_bytes(estimate.intermediates)
    return f"{what}{against}; about {estimate.keys:,} keys, {size} of intermediates, {where}"


class Passes:
    """The passes of a run over its files."""

    def __init__(
        self,
        config: DedupeConfig,
        plan: Plan,
        corpus: Corpus,
        work: Run,
        index: Index | None,
        folder: str,
        memory: int,
    ) -> None:
        from .. import _core

        self.config = config
        self.work = work
        self.index = index
        self.indexed, self.first = plan.indexed, plan.references
        absorbed = [entry.path for entry in index.absorbed] if index is not None else []
        kept = [Shard((File(path, 0, ""),), (), "", path) for path in absorbed]
        foreign = [Shard((file,), (), "", file.path) for file in corpus.references]
        # What an index has absorbed is not read again.
        own = [shard for shard in work.mine if index is None or shard in work.todo]
        self.shards = [*kept, *foreign, *own]
        self.core = _core.Clusters(
            plan=plan,
            names=[[file.path for file in shard.inputs] for shard in self.shards],
            folder=folder,
            memory=memory,
            max_bad=config.max_bad_records,
            threads=config.processes,
            tokenizer=minhash.encoder(config.dedupe.minhash),
        )

    def run(self, gauge: Any, files: Files, found: dict[str, Any]) -> None:
        """Reads, compares and writes; puts what was found into `found`."""
        if self.index is not None and self.index.local is not None:
            self.core.load_index(self.index.local, [entry.keys for entry in self.index.absorbed])
        reader = self._read(gauge, list(range(self.indexed, len(self.shards))), self.core.gather)
        if self._stopped(gauge):
            return
        bad = sum(len(lines) for lines in reader.bad.values())
        if bad > self.config.max_bad_records:
            # The first few, as every shard alone would have said it.
            path, line, error, _ = next(lines[0] for _, lines in sorted(reader.bad.items()) if lines)
            raise DolmaShardError(
                f"{path}:{line}: {error} (and {bad - 1} more bad lines; max_bad_records allows "
                f"{self.config.max_bad_records}); nothing was written"
            )
        again = self.core.candidates(gauge)
        if again:
            self._read(gauge, again, lambda host, gauge: self.core.collect(again, host, gauge))
        if self._stopped(gauge):
            return
        self.core.resolve(gauge)
        found.update(_findings(self.core))
        found["read"] = reader.details
        alarms = _alarms(found, self.config.dedupe.alarm)
        if alarms and self.config.dedupe.alarm.fail:
            raise DolmaShardError(f"alarm: {'; '.join(alarms)}; nothing was written")
        todo = {shard.name for shard in self.work.todo}
        own = [index for index in range(self.first, len(self.shards)) if self.shards[index].name in todo]
        bad_lines = {self.indexed + index: lines for index, lines in reader.bad.items()}
        self.core.mark(own, Writer(files, own, bad_lines), gauge)
        if self.index is not None and not self.index.config.read_only:
            files.wait()
            if not self._stopped(gauge):
                own = list(range(self.first, len(self.shards)))
                contents = [reader.contents[index - self.indexed] for index in own]
                kept = [self.core.kept_keys()[index] for index in own]
                self.index.save(self.core, [self.shards[index] for index in own], kept, contents)

    def _read(self, gauge: Any, shards: list[int], work: Any) -> Reader:
        with temporary.folder("read") as folder:
            files = Files(self.work, folder, [self.shards[index] for index in shards])
            reader = Reader(files)
            try:
                work(reader, gauge)
            finally:
                files.close()
        return reader

    def _stopped(self, gauge: Any) -> bool:
        return bool(self.work.failures) or gauge.cancelled


def _findings(core: Any) -> dict[str, Any]:
    """What the run report says of clusters and sources."""
    names = [name for name, _ in core.sources()]
    compared = dict(core.sources())
    copies: dict[str, dict[str, int]] = {}
    marked: dict[str, int] = {}
    for kept, duplicate, count in core.matrix():
        row = copies.setdefault(names[kept], {})
        row[names[duplicate]] = row.get(names[duplicate], 0) + count
        marked[names[duplicate]] = marked.get(names[duplicate], 0) + count
    return {
        **dict(core.totals()),
        "sizes": {f"{size}-{2 * size - 1}": count for size, count in core.sizes()},
        "largest": [
            {
                "cluster": cluster,
                "members": size,
                "samples": [
                    {"id": msgspec.json.decode(identifier), "path": path, "line": line}
                    for identifier, path, line in samples
                ],
            }
            for cluster, size, samples in core.largest()
        ],
        "sources": {
            name: {
                "compared": count,
                "marked": marked.get(name, 0),
                "share": round(marked.get(name, 0) / count, 4) if count else 0.0,
            }
            for name, count in sorted(compared.items())
            if count
        },
        "copies": {kept: dict(sorted(row.items())) for kept, row in sorted(copies.items())},
    }


def _alarms(found: dict[str, Any], alarm: AlarmConfig) -> list[str]:
    alarms = [
        f"{source['share']:.0%} of the source {name!r} are marked ({source['marked']:,} of {source['compared']:,})"
        for name, source in found["sources"].items()
        if source["share"] > alarm.source_share
    ]
    for cluster in found["largest"]:
        if cluster["members"] > alarm.cluster_size:
            sample = cluster["samples"][0]
            alarms.append(
                f"a cluster of {cluster['members']:,} documents keeps one, {sample['path']}:{sample['line']}"
            )
    return alarms


def _account(work: Run, plan: Plan, alarm: AlarmConfig, found: dict[str, Any]) -> None:
    """Says what was found."""
    details = work.details
    compared, duplicates = details.get("compared", 0), details.get("duplicates", 0)
    what = "paragraphs" if plan.separator is not None else "documents"
    share = duplicates / compared if compared else 0
    session.say(
        f"dedupe: {compared:,} {what} compared, {duplicates:,} duplicates ({share:.1%}), "
        f"{details.get('skipped', 0):,} left out, {details.get('without_key', 0):,} without key, "
        f"{details.get('marked_before', 0):,} marked before"
    )
    key = plan.key or (plan.minhash.key if plan.minhash is not None else "a paragraph")
    if work.counts.read and not compared:
        session.warn(work, f"nothing was compared: no document has {key} within the limits, unmarked")
    elif details.get("without_key"):
        session.warn(work, f"{details['without_key']:,} documents have no {key} and were not compared")
    if not found:
        return
    read = found.pop("read")
    session.say(
        f"dedupe: {found['clusters']:,} clusters and {found['singletons']:,} {what} without a copy; "
        f"{format_bytes(found['spilled_bytes'])} of intermediates went to disk"
    )
    if read.get("short"):
        policy = (
            "compared by their whole text" if plan.minhash and plan.minhash.short == "exact" else "left out"
        )
        session.say(f"dedupe: {read['short']:,} documents are too short for a shingle and were {policy}")
    if read.get("unranked"):
        session.warn(
            work, f"{read['unranked']:,} documents have nothing that the policy {plan.policy} can go by"
        )
    work.details["clusters"] = {**found, "alarms": _alarms(found, alarm)}
    for text in work.details["clusters"]["alarms"]:
        session.warn(work, f"alarm: {text}")
