"""The files of a deduplication that forms clusters: what is compared, where what was read of it is
kept, and where attributes go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ... import paths, storage
from ...config.dedupe import DedupeConfig, KeepConfig
from ...errors import DolmaConfigError
from ...paths import Place
from ...shards import Output, Shard, fingerprint
from ...storage import File
from .. import inputs, names, readings
from .plan import Plan, keys

if TYPE_CHECKING:
    from ..index import Index
    from .shelf import Shelf

__all__ = ["Corpus", "Source", "find", "identity", "shards"]


class Source(msgspec.Struct, frozen=True):
    """A document file that attributes are written for."""

    reading: Shard
    output: Place

    @property
    def path(self) -> str:
        return self.reading.name


class Corpus(msgspec.Struct, frozen=True):
    """The files of a run, in the order in which they are compared."""

    #: Files that an index of kept keys has absorbed; they are not read.
    kept: list[str]
    #: Readings of files that are only compared with: of an index, which are not made here, and others.
    absorbed: list[Shard]
    against: list[Shard]
    sources: list[Source]
    #: Paths of sources that the index of kept keys has absorbed.
    known: set[str]
    #: Paths of files that are known from an index alone.
    absent: set[str]

    @property
    def unknown(self) -> list[Source]:
        """The sources that are read."""
        return [source for source in self.sources if source.path not in self.known]

    @property
    def references(self) -> list[Shard]:
        """The readings of all files that are only compared with."""
        return [*self.absorbed, *self.against]

    @property
    def parted(self) -> list[Shard]:
        """The readings that parts share the making of."""
        return [*self.against, *(source.reading for source in self.unknown)]

    @property
    def readings(self) -> list[Shard]:
        """The readings of all files that are compared."""
        return [*self.absorbed, *self.parted]


def find(config: DedupeConfig, plan: Plan, index: Index | None, shelf: Shelf | None) -> Corpus:
    """The files of a run.

    Raises `DolmaConfigError` or `DolmaInputError` for files that cannot be compared.
    """
    method = config.dedupe
    documents = [file for file, _ in inputs.find(config.documents)]
    against = inputs.find_references(method, documents)
    sets = list(method.skip_marked or [])
    if method.keep.attribute_set is not None:
        sets.append(method.keep.attribute_set)
    beside = inputs.find_beside(method, documents, sets)
    if method.keep.attribute_set is not None:
        _check_scores(method.keep, [found[-1] for found in beside])
    rows = [(file, *found) for file, found in zip(documents, beside, strict=True)]
    made = _made(config, plan)
    absorbed = []
    if shelf is not None and shelf.config.read_only:
        shelf.check_apart(documents)
        absorbed = [readings.reading(shelf.place(row[0].path), made, row) for row in shelf.rows]
        shelf = None
    if shelf is not None:
        rows = shelf.join(rows)
    rest = {row[0].path for row in rows} | {shard.name for shard in absorbed}
    compared = {storage.identity(path) for path in rest}
    both = next((file.path for file in against if storage.identity(file.path) in compared), None)
    if both is not None:
        raise DolmaConfigError(
            f"dedupe.against: {both} is in the index, too; every document of it would be a duplicate of itself"
        )
    name = method.name or plan.attribute
    sources = []
    for row in rows:
        output = paths.attribute_place(row[0].path, name, method.document_dir)
        place = shelf.place(row[0].path) if shelf is not None else readings.beside(output)
        sources.append(Source(readings.reading(place, made, row), output))
    root = sources[0].output.root
    foreign = {"reference": keys(plan), "policy": None, "input_format": plan.input_format, **_bad(config)}
    references = [readings.reading(readings.against(root, file), foreign, [file]) for file in against]
    kept = [entry.path for entry in index.absorbed] if index is not None else []
    known = index.known(documents) if index is not None else set()
    listed = {file.path for file in documents}
    absent = rest - listed
    return Corpus(kept, absorbed, references, sources, known, absent)


def _check_scores(keep: KeepConfig, files: Sequence[File]) -> None:
    """Raises `DolmaConfigError` when no row of the attribute set has the scores that decide."""
    wanted = str(keep.attribute)
    declared = names.declared([files])
    if wanted in declared:
        return
    missing, seen = names.search([wanted], [files])
    if missing:
        raise DolmaConfigError(
            f"dedupe.keep.attribute: no row of {keep.attribute_set} has the attribute {wanted}; "
            f"{names.hint(wanted, {*declared, *seen})}. To keep the first of each cluster, choose the policy first"
        )


def _made(config: DedupeConfig, plan: Plan) -> dict[str, Any]:
    """What a reading depends on besides its files."""
    names = ("policy", "field", "keep_attribute", "keep_sources", "marks", "input_format")
    return {"keys": keys(plan), **{name: getattr(plan, name) for name in names}, **_bad(config)}


def _bad(config: DedupeConfig) -> dict[str, bool]:
    return {"bad": config.max_bad_records > 0}


def identity(config: DedupeConfig, plan: Plan, corpus: Corpus, index: Index | None) -> str:
    """What the verdicts of a run depend on, the files that it writes about aside where an index of
    kept keys says so."""
    described: dict[str, Any] = {"plan": plan, **_bad(config)}
    everything = [file for shard in corpus.references for file in shard.inputs]
    if index is not None:
        described["plan"] = msgspec.structs.replace(plan, references=0, indexed=0)
        described["index"] = index.config
        described["absorbed"] = index.absorbed if index.config.read_only else []
    # What an index absorbs keeps its verdicts, whatever comes after it.
    if index is None or index.config.read_only:
        everything += [file for source in corpus.sources for file in source.reading.inputs]
    return fingerprint("dedupe", described, everything)


def shards(
    config: DedupeConfig,
    plan: Plan,
    corpus: Corpus,
    index: Index | None,
    verdicts: Mapping[str, str] | None = None,
) -> list[Shard]:
    """The attribute files of a run; `verdicts` has a hash of what their rows depend on besides their
    own files, by document file, where that is not the whole corpus."""
    made: Any = None
    if verdicts is None:
        made = identity(config, plan, corpus, index)
    else:
        own = msgspec.structs.replace(plan, references=0, indexed=0)

    def described(source: Source) -> Any:
        return (
            made if verdicts is None else {"plan": own, "verdicts": verdicts.get(source.path), **_bad(config)}
        )

    return [
        Shard(
            inputs=source.reading.inputs,
            outputs=(Output(source.output),),
            fingerprint=fingerprint("dedupe", described(source), source.reading.inputs),
            name=source.path,
            attributes=((plan.attribute,),),
        )
        for source in corpus.sources
    ]
