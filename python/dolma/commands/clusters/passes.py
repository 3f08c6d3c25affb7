"""The passes of a deduplication that forms clusters: read or load, compare, write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ... import storage, temporary
from ...config.dedupe import DedupeConfig
from ...errors import DolmaAssetError, DolmaInputError, DolmaShardError
from ...files import Files
from ...runs import Run
from ...shards import Shard
from .. import minhash, readings
from ..hosts import Read, Reader, Writer, read_through
from ..stock import Stock
from . import corpus as files_of
from .corpus import Corpus
from .findings import alarms, findings
from .plan import Plan

if TYPE_CHECKING:
    from ..index import Index
    from .shelf import Shelf

__all__ = ["Passes", "engine"]


def engine(config: DedupeConfig, plan: Plan, names: Sequence[Sequence[str]], folder: str, memory: int) -> Any:
    """A `dolma._core.Clusters` over files, each with those beside it."""
    from ... import _core

    return _core.Clusters(
        plan=plan,
        names=names,
        folder=folder,
        memory=memory,
        max_bad=config.max_bad_records,
        threads=config.processes,
        tokenizer=minhash.encoder(config.dedupe.minhash),
    )


class Passes:
    """The passes of a run over its files."""

    def __init__(
        self,
        config: DedupeConfig,
        plan: Plan,
        corpus: Corpus,
        work: Run,
        stock: Stock,
        index: Index | None,
        shelf: Shelf | None,
    ) -> None:
        self.config = config
        self.plan = plan
        self.corpus = corpus
        self.work = work
        self.stock = stock
        self.index = index
        self.shelf = shelf
        self.first = plan.references
        #: How messages call the files of the engine's shards.
        self.paths = [*corpus.kept, *(shard.name for shard in corpus.readings)]
        self.read = Read()
        #: Files whose readings were damaged.
        self.damaged: set[str] = set()
        self.core: Any = None

    def run(self, gauge: Any, files: Files, found: dict[str, Any], folder: str, memory: int) -> None:
        """Reads, compares and writes; puts what was found into `found`."""
        self._first_pass(gauge, folder, memory)
        if self._stopped(gauge):
            return
        self.read.check_bad(self.config.max_bad_records)
        self._second_pass(gauge)
        if self._stopped(gauge):
            return
        self.work.begin("comparing", gauge)
        self.core.resolve(gauge)
        found.update(findings(self.core))
        found["read"] = self.read.details
        loud = alarms(found, self.plan, self.config.dedupe.alarm)
        if loud and self.config.dedupe.alarm.fail:
            raise DolmaShardError(f"alarm: {'; '.join(loud)}; nothing was written")
        own = list(range(self.first, len(self.paths)))
        verdicts = self._settle(own) if self._grows else {}
        todo = {shard.name for shard in self.work.todo}
        written = [number for number in own if self.paths[number] in todo]
        self.work.begin("writing", gauge, self._shards(written), reads=False)
        self.core.mark(written, Writer(files, written, self.read.bad), gauge)
        files.wait()
        if not self._stopped(gauge):
            self._absorb(own, verdicts)

    @property
    def _grows(self) -> bool:
        return self.shelf is not None and not self.shelf.config.read_only

    def _stopped(self, gauge: Any) -> bool:
        return bool(self.work.failures) or gauge.cancelled

    def _shards(self, numbers: Sequence[int]) -> list[Shard]:
        """What makes the readings of these of the engine's shards."""
        made = self.corpus.readings
        return [made[number - len(self.corpus.kept)] for number in numbers]

    def _first_pass(self, gauge: Any, folder: str, memory: int) -> None:
        """Brings all files into the engine: from readings, where there are any."""
        numbers = list(range(len(self.corpus.kept), len(self.paths)))
        missing = next((shard for shard in self.corpus.absorbed if shard.name not in self.stock.there), None)
        if missing is not None:
            raise DolmaAssetError(
                f"{missing.outputs[0].path}: this reading, of {missing.name}, is missing or made in another way; "
                "read_only adds nothing to an index, so run the recipe that made it again"
            )
        while True:
            self.read = Read()
            names = [[path] for path in self.corpus.kept]
            names += [[file.path for file in shard.inputs] for shard in self.corpus.readings]
            self.core = engine(self.config, self.plan, names, folder, memory)
            if self.index is not None and self.index.local is not None:
                self.core.load_index(self.index.local, [entry.keys for entry in self.index.absorbed])
            if self._grows:
                self._make(gauge)
            if self._stopped(gauge) or not self._load(gauge, numbers):
                break
        if not self._stopped(gauge):
            rest = [number for number in numbers if self.paths[number] not in self.stock.there]

            def gather(identities: list[str] | None, host: Reader) -> None:
                self.core.gather(rest, identities, host, gauge)

            self.stock.gather(gauge, self._shards(rest), gather, rest, self.read)

    def _make(self, gauge: Any) -> None:
        """Makes the readings that an index has not got yet."""
        shards = [source.reading for source in self.corpus.sources]
        again = self.config.force
        make = self.stock.maker([shard for shard in shards if again or shard.name not in self.stock.there])
        for shard in make.todo:
            self._check_at_hand(shard, "its reading is not in the index")
        numbers_of = {path: number for number, path in enumerate(self.paths)}
        numbers = [numbers_of[shard.name] for shard in make.todo]
        self.work.begin("reading", gauge, make.todo)
        with temporary.folder("read") as folder:
            files = Files(make, folder)
            try:
                self.core.write_readings(numbers, [shard.fingerprint for shard in make.todo], files, gauge)
            finally:
                files.close()
        if not self._stopped(gauge):
            self.stock.add(shards)

    def _load(self, gauge: Any, numbers: Sequence[int]) -> bool:
        """Loads the readings that are there; whether any was damaged, and nothing is loaded."""
        numbers = [number for number in numbers if self.paths[number] in self.stock.there]

        def load(identities: list[str], host: Reader) -> list[tuple[int, str]]:
            found: list[tuple[int, str]] = self.core.load_readings(numbers, identities, host, gauge)
            return found

        damaged = self.stock.load(gauge, self._shards(numbers), load, numbers, self.read)
        for shard, what in damaged:
            path = shard.outputs[0].path
            if shard.name in self.damaged:
                raise DolmaAssetError(
                    f"{path}: this reading was made anew and is damaged again: {what}; look at the disk"
                )
            if shard in self.corpus.absorbed:
                raise DolmaAssetError(
                    f"{path}: this reading is damaged: {what}; read_only adds nothing to an index, so run the recipe "
                    "that made it again"
                )
            self.damaged.add(shard.name)
            self._check_at_hand(shard, "its reading is damaged")
            self.stock.discard(shard, what)
        return bool(damaged)

    def _check_at_hand(self, shard: Shard, why: str) -> None:
        """Raises `DolmaInputError` when a file that is known from an index alone cannot be read."""
        if shard.name not in self.corpus.absent:
            return
        changed = next((file for file in shard.inputs if storage.stat(file.path) != file), None)
        if changed is not None:
            raise DolmaInputError(
                f"{changed.path} is not there as the index knows it, and has to be read: {why}. Restore it, or delete "
                "the index to build it anew"
            )

    def _second_pass(self, gauge: Any) -> None:
        """Reads the documents again whose similarities are asked for."""
        self.work.begin("comparing", gauge)
        again = self.core.candidates(gauge)
        shards = self._shards(again)
        for shard in shards:
            self._check_at_hand(shard, "dedupe.minhash.verify: jaccard compares its documents with others")
        if again:
            read_through(
                self.work,
                "reading what may be alike",
                gauge,
                shards,
                lambda host: self.core.collect(again, host, gauge),
                again,
                self.read,
            )
        failed = {failure.shard for failure in self.work.failures}
        for shard in shards:
            if shard.name in failed and shard not in self.corpus.absorbed:
                # It may have been made of another version of the file.
                readings.forget(shard)

    def _settle(self, own: Sequence[int]) -> dict[str, str]:
        """Finds out which attribute files are other ones than those published."""
        kept = [shard.fingerprint for shard in self.corpus.readings]
        digests = self.core.digests(own, kept)
        verdicts = dict(zip((self.paths[number] for number in own), digests, strict=True))
        self.work.revise(files_of.shards(self.config, self.plan, self.corpus, None, verdicts))
        return verdicts

    def _absorb(self, own: Sequence[int], verdicts: dict[str, str]) -> None:
        """Adds what was read to the index, if there is one that is added to."""
        contents = [self.read.contents[number] for number in own] if self.index or self._grows else []
        if self.shelf is not None and self._grows:
            rows = [source.reading.inputs for source in self.corpus.sources]
            settled = files_of.identity(self.config, self.plan, self.corpus, None)
            self.shelf.save(rows, contents, verdicts, settled)
        if self.index is not None and not self.index.config.read_only:
            kept = self.core.kept_keys()
            self.index.save(self.core, self._shards(own), [kept[number] for number in own], contents)
