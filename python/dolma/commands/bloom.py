"""Deduplication with a Bloom filter: documents or paragraphs, in one pass over a stream.

The first copy in the order of (file, line) is kept, for any number of threads. The filter is saved
together with the list of inputs that it has absorbed; an input is never compared with what it put
into the filter itself. Inputs are worked on in groups: after each the attribute files are
published, then the filter is saved; a run that is killed in between does that group again.

A run may be one of several parts that share the keys out among them: each has a filter and an
attribute set of its own, and a last run joins what they found.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from typing import Any

import msgspec

from .. import paths, storage
from ..config import BloomFilterConfig, DedupeConfig, NgramConfig
from ..errors import DolmaConfigError, DolmaInputError
from ..files import Files
from ..progress import format_bytes
from ..runs import Run, parse_part
from ..shards import Output, Shard, fingerprint
from ..storage import File
from . import inputs, needs, session

__all__ = ["check", "run"]

#: Compressed bytes in a group, at least; saving the filter must stay a small part of the work.
GROUP_BYTES = 8 << 30
#: And this many times the size of the filter: writing it once costs about as much as reading so
#: many times fewer compressed bytes.
GROUP_FILTERS = 10
#: A rate above the target by more than this deserves a warning.
RATE_TOLERANCE = 1.1


class Absorbed(msgspec.Struct, frozen=True):
    """An input whose keys are in a filter: known by its content, whatever it is called."""

    path: str
    size: int
    tag: str
    content: str


class Description(msgspec.Struct, kw_only=True):
    """What a filter's file says of itself."""

    #: How keys are made; filters of another kind do not fit.
    method: dict[str, Any]
    absorbed: list[Absorbed] = []


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
    config = _with_parts(config)
    plan = check(config)
    if config.dedupe.merge_partitions:
        return _merge(config, plan, brief=brief)
    assert config.bloom_filter is not None
    method = _key_method(plan)
    parts = _Parts(config)
    bloom = msgspec.structs.replace(config.bloom_filter, file=parts.filter_file)
    files = [file for file, _ in inputs.find(config.documents) if parts.has(file)]
    identity: dict[str, Any] = {"method": method, "plan": plan, "filter": bloom}
    with Keeper(bloom, method) as keeper:
        if bloom.read_only:
            # The verdicts are those of what the filter holds now.
            identity["absorbed"] = keeper.description.absorbed
        shards = [
            Shard(
                inputs=(file,),
                outputs=(Output(parts.place(file, parts.index)),),
                fingerprint=fingerprint("dedupe", identity, [file]),
                name=file.path,
                attributes=((plan.attribute,),),
            )
            for file in files
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

    config = _with_parts(config)
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
    parts = _Parts(config)
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


def _with_parts(config: DedupeConfig) -> DedupeConfig:
    """`shard: i/n` spelled out: part i of n of the keys, with a filter for its share of them.

    Raises `DolmaConfigError` when the recipe has parts of its own.
    """
    if config.shard is None:
        return config
    index, total = parse_part(config.shard)
    if config.dedupe.num_partitions > 1 or config.dedupe.merge_partitions:
        raise DolmaConfigError(
            f"shard: {config.shard} stands for dedupe.num_partitions {total} and partition_index {index}; "
            "give either, and neither shard with merge_partitions"
        )
    bloom = config.bloom_filter
    if bloom is not None:
        share = -(-bloom.estimated_doc_count // total)
        bloom = msgspec.structs.replace(bloom, estimated_doc_count=share)
    method = msgspec.structs.replace(config.dedupe, num_partitions=total, partition_index=index)
    return msgspec.structs.replace(config, shard=None, dedupe=method, bloom_filter=bloom)


class _Parts:
    """How a run and its likes share the work, and what each calls its files."""

    def __init__(self, config: DedupeConfig) -> None:
        method = config.dedupe
        assert config.bloom_filter is not None
        self.index = method.partition_index
        self._total = method.num_partitions
        self._method = method
        self.of_files = method.file_partition and self._total > 1
        #: Parts of all keys; 1 where files are shared out instead.
        self.of_keys = 1 if self.of_files else self._total
        self.filter_file = config.bloom_filter.file
        if self._total > 1:
            folder, slash, name = self.filter_file.rpartition("/")
            stem, dot, suffix = name.partition(".")
            self.filter_file = f"{folder}{slash}{stem}_{self.index}{dot}{suffix}"

    def has(self, file: File) -> bool:
        """Whether a file is this part's to work on."""
        if not self.of_files:
            return True
        name = paths.relative_to_documents(file.path).encode()
        return int.from_bytes(hashlib.sha256(name).digest()[:8], "big") % self._total == self.index

    def attribute(self, index: int | None) -> str:
        """The attribute of a part; of all of them for None."""
        attribute = self._method.documents or self._method.paragraphs
        assert attribute is not None
        return self._named(attribute.attribute_name, index)

    def place(self, file: File, index: int | None) -> paths.Place:
        """Where the attributes of a document file stand that a part (None: all) writes."""
        name = self._method.name or self.attribute(None)
        return paths.attribute_place(file.path, self._named(name, index), self._method.document_dir)

    def _named(self, name: str, index: int | None) -> str:
        return name if index is None or self.of_keys == 1 else f"{name}_{index}"


def _merge(config: DedupeConfig, plan: Plan, *, brief: bool) -> dict[str, Any] | None:
    """Joins the attribute sets of all parts into one.

    Raises `DolmaInputError` for a part that has not been run on some document file.
    """
    from .. import _core

    parts = _Parts(config)
    shards = []
    for file, _ in inputs.find(config.documents):
        found = []
        for index in range(parts.of_keys):
            path = Output(parts.place(file, index)).path
            stored = storage.stat(path)
            if stored is None:
                raise DolmaInputError(
                    f"dedupe.merge_partitions: {path} does not exist: run part {index} of {parts.of_keys} first "
                    f"(dedupe.partition_index {index})"
                )
            found.append(stored)
        shards.append(
            Shard(
                inputs=tuple(found),
                outputs=(Output(parts.place(file, None)),),
                fingerprint=fingerprint("dedupe", {"merge": plan}, found),
                name=file.path,
                attributes=((plan.attribute,),),
            )
        )
    work = Run("dedupe", config, shards, copies=config.is_s3_volume)
    session.announce(work, f"joining {parts.of_keys} parts", brief=brief)
    needs.check(work)
    if config.dryrun:
        return None

    def engine(gauge: _core.Progress, files: Files) -> None:
        _core.merge_parts(
            names=[[file.path for file in shard.inputs] for shard in work.todo],
            plan=plan,
            parts=[parts.attribute(index) for index in range(parts.of_keys)],
            threads=config.processes,
            host=files,
            progress=gauge,
        )

    def account() -> None:
        session.say(f"dedupe: {work.details.get('documents_marked', 0):,} documents marked")

    return session.execute(work, engine, account)


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


class Keeper:
    """The filter of a run: found or made, checked, and saved with what it absorbed."""

    def __init__(self, config: BloomFilterConfig, method: dict[str, Any]) -> None:
        from .. import _core

        self.config = config
        self.method = method
        self.description = Description(method=method)
        self.filter: _core.BloomFilter | None = None
        self.found = False
        #: Whether the file holds a filter that this run replaces by one made from nothing.
        self.outdated = False
        self._scratch = tempfile.TemporaryDirectory(prefix="dolma-filter-")
        self.local = self.config.file
        wanted = (
            self.config.size_in_bytes,
            self.config.estimated_doc_count,
            self.config.desired_false_positive_rate,
        )
        self.sized = wanted[0] > 0 or (wanted[1] > 0 and wanted[2] > 0)
        self._wanted = wanted
        existing = storage.stat(self.config.file)
        if existing is not None:
            self.local = storage.stage(existing, self._scratch.name)
            self._check(_core.BloomFilter.describe(self.local))
        elif self.config.read_only:
            raise DolmaInputError(
                f"bloom_filter.file: {self.config.file} does not exist, and read_only needs one that does"
            )
        if not self.found:
            self.bits, self.hashes = _core.BloomFilter.plan(*wanted)

    def __enter__(self) -> Keeper:
        return self

    def __exit__(self, *exception: object) -> None:
        self.filter = None
        self._scratch.cleanup()

    def _check(self, described: tuple[int, int, int, str]) -> None:
        from .. import _core

        bits, hashes, _, text = described
        description = msgspec.json.decode(text or "{}", type=Description)
        if description.method != self.method:
            raise DolmaConfigError(
                f"bloom_filter.file: {self.config.file} holds keys made by {description.method}, this run makes "
                f"them by {self.method}; give another file name, or delete that one"
            )
        if self.sized and not self.config.read_only:
            wanted = _core.BloomFilter.plan(*self._wanted)
            if wanted != (bits, hashes):
                raise DolmaConfigError(
                    f"bloom_filter.file: {self.config.file} has {bits // 8} bytes and {hashes} bits for each key, the "
                    f"recipe asks for {wanted[0] // 8} and {wanted[1]}; delete the file to build it anew, or keep "
                    "the sizes it was made with"
                )
        self.bits, self.hashes = bits, hashes
        self.description = description
        self.found = True

    def known(self, shards: list[Shard], force: bool) -> Any:
        """Which shards need not be done: those whose keys are in the filter and not from elsewhere.

        Raises `DolmaConfigError` when an input would be compared with itself.
        """
        absorbed = self._absorbed(shards)
        if self.config.read_only:
            if absorbed:
                raise DolmaConfigError(
                    f"bloom_filter.read_only: {self.config.file} was made of {sorted(absorbed)[0]} (and "
                    f"{len(absorbed) - 1} more of these inputs); every document of it would be marked as a "
                    "duplicate of itself. Compare other documents with this filter, or build one without them"
                )
            return lambda shard: True
        past = {entry.path for entry in self.description.absorbed} - absorbed
        changed = next((shard.name for shard in shards if shard.name in past), None)
        if changed is not None:
            raise DolmaConfigError(
                f"bloom_filter.file: {self.config.file} has absorbed an earlier version of {changed}; what both "
                "have in common would be marked as a duplicate of itself. Delete the filter to build it anew, or "
                "give the new version another name if it is meant to be compared with the old one"
            )
        lost = [shard for shard in shards if shard.name in absorbed and (force or not _published(shard))]
        if lost:
            self._start_afresh(absorbed, lost, force)
            return lambda shard: False
        return lambda shard: shard.name in absorbed

    def _absorbed(self, shards: list[Shard]) -> set[str]:
        """The inputs that are in the filter.

        Each entry of the filter stands for one input, first of all the one of its name: another
        with the same content is a copy, and compared like any other.
        """
        entries = list(self.description.absorbed)
        by_name = {(entry.path, entry.size, entry.tag): entry for entry in entries}
        found, left = set(), []
        for shard in shards:
            file = shard.inputs[0]
            entry = by_name.pop((file.path, file.size, file.tag), None)
            if entry is None:
                left.append(shard)
            else:
                found.add(shard.name)
                entries.remove(entry)
        # Touched files before renamed ones.
        left.sort(key=lambda shard: shard.name not in {entry.path for entry in entries})
        for shard in left:
            entry = self._same_content(shard.inputs[0], entries)
            if entry is not None:
                found.add(shard.name)
                entries.remove(entry)
        return found

    def _same_content(self, file: File, entries: list[Absorbed]) -> Absorbed | None:
        """The entry with the content of `file`, that of its name if there are several."""
        same_size = [entry for entry in entries if entry.size == file.size]
        if not same_size:
            return None
        from .. import _core

        with tempfile.TemporaryDirectory(dir=self._scratch.name) as folder:
            content = _core.hash_file(storage.stage(file, folder))
        same = [entry for entry in same_size if entry.content == content]
        return next((entry for entry in same if entry.path == file.path), same[0] if same else None)

    def _start_afresh(self, absorbed: set[str], lost: list[Shard], force: bool) -> None:
        """Drops a filter whose attribute files are gone, if all it absorbed is at hand again."""
        what = "are to be made anew" if force else "are gone or were made in another way"
        if len(absorbed) < len(self.description.absorbed):
            raise DolmaConfigError(
                f"bloom_filter.file: {self.config.file} has absorbed {lost[0].name}, whose attributes {what}, and "
                "inputs that are not in this run; it cannot be told apart what came from where. "
                "Restore the attributes, add the other inputs, or delete the filter"
            )
        session.say(
            f"dedupe: the attributes of {len(lost)} absorbed inputs {what}: starting with an empty filter and doing "
            "all inputs again"
        )
        self.description = Description(method=self.method)
        self.found, self.outdated = False, True
        if self.sized:
            from .. import _core

            self.bits, self.hashes = _core.BloomFilter.plan(*self._wanted)
        else:
            raise DolmaConfigError("bloom_filter: give its size, so that it can be built anew")

    def announcement(self) -> str:
        from .. import _core

        mode = "read-only " if self.config.read_only else ""
        source = f"loaded, {len(self.description.absorbed)} inputs absorbed" if self.found else "new"
        text = f"{mode}filter of {format_bytes(self.bits / 8)}, {self.hashes} bits for each key ({source})"
        if self.config.estimated_doc_count:
            rate = _core.BloomFilter.predict(self.bits, self.hashes, self.config.estimated_doc_count)
            text += f", false-positive rate {rate:.2g} at {self.config.estimated_doc_count:,} keys"
        return text

    def load(self) -> Any:
        """The filter in memory."""
        from .. import _core

        if self.filter is None:
            if self.outdated:
                # Gone before the first output is: a run that is killed must not leave new outputs
                # beside a filter that claims them and holds something else.
                storage.delete(self.config.file)
                self.outdated = False
            self.filter = (
                _core.BloomFilter.load(self.local) if self.found else _core.BloomFilter(*self._wanted)
            )
        return self.filter

    def save(self, absorbed: list[Absorbed]) -> None:
        """Saves the filter with what it absorbed, in place of the old one."""
        assert self.filter is not None
        self.description.absorbed.extend(absorbed)
        self.filter.description = msgspec.json.encode(self.description).decode()
        temporary = storage.temporary(self.config.file, self._scratch.name)
        self.filter.save(temporary)
        storage.publish(temporary, self.config.file)
        self.found = True


def _published(shard: Shard) -> bool:
    from ..shards import read_record

    record = read_record(shard.outputs[0].record)
    published = storage.stat(shard.outputs[0].path)
    return (
        record is not None
        and published is not None
        and record.fingerprint == shard.fingerprint
        and published.size == record.size
    )


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
                names=[shard.name for shard in work.todo[start:end]],
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
            if sound and not plan.read_only:
                keeper.save([_absorb(work, shard) for shard in work.todo[start:end]])

    return session.execute(work, engine, lambda: _account(work, keeper, plan))


def _absorb(work: Run, shard: Shard) -> Absorbed:
    file = shard.inputs[0]
    return Absorbed(file.path, file.size, file.tag, work.content_hashes[file.path])


class Shifted:
    """A host whose shards start at an index of another's."""

    def __init__(self, files: Files, start: int) -> None:
        self._files = files
        self._start = start

    def files(self, index: int) -> tuple[list[str], list[str]]:
        return self._files.files(self._start + index)

    def done(self, index: int, *news: Any) -> None:
        self._files.done(self._start + index, *news)

    def failed(self, index: int, error: str) -> None:
        self._files.failed(self._start + index, error)


def _account(work: Run, keeper: Keeper, plan: Plan) -> None:
    """Says what was found, and how full the filter is."""
    details = work.details
    compared, duplicates = details.get("compared", 0), details.get("duplicates", 0)
    what = "documents" if plan.key is not None else "paragraphs"
    share = duplicates / compared if compared else 0
    session.say(
        f"dedupe: {compared:,} {what} compared, {duplicates:,} known ({share:.1%}), {details.get('skipped', 0):,} "
        f"left out, {details.get('without_key', 0):,} without key"
    )
    if work.counts.read and not compared:
        session.warn(
            work, f"nothing was compared: no document has {plan.key or 'a paragraph'} within the limits"
        )
    elif details.get("without_key"):
        session.warn(work, f"{details['without_key']:,} documents have no {plan.key} and were not compared")
    if keeper.filter is None:
        return
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
