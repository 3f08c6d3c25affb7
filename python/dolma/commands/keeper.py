"""The filter of a run: where it comes from, whether it fits, what it has absorbed, and how it is saved.

A filter is saved together with the list of inputs whose keys it holds. An input is never compared
with what it put into the filter itself: one that was absorbed is not done again, and where its
attributes are gone the filter is built anew from all it absorbed, or the run is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from .. import storage
from ..config.dedupe import BloomFilterConfig
from ..errors import DolmaConfigError, DolmaInputError
from ..progress import format_bytes
from ..runs import published
from ..shards import Shard
from ..storage import File
from . import session

__all__ = ["Absorbed", "Keeper"]


class Absorbed(msgspec.Struct, frozen=True):
    """An input whose keys are in a filter: known by its content, whatever it is called."""

    path: str
    size: int
    tag: str
    content: str
    #: Its path as seen from the filter, whatever the working directory.
    place: str = ""


def _names(entry: Absorbed) -> frozenset[str]:
    return storage.remembered(entry.place, entry.path)


class Description(msgspec.Struct, kw_only=True):
    """What a filter's file says of itself."""

    #: How keys are made; filters of another kind do not fit.
    method: dict[str, Any]
    absorbed: list[Absorbed] = []


class Keeper:
    """The filter of a run: found or made, checked, and saved with what it absorbed."""

    def __init__(self, config: BloomFilterConfig, method: dict[str, Any], scratch: str) -> None:
        """`scratch` is a folder for its local copy. Raises `DolmaConfigError` for a filter of other keys or
        sizes, `DolmaInputError` for one that should be there, `DolmaAssetError` for a damaged one."""
        from .. import _core

        self.config = config
        self.method = method
        self.description = Description(method=method)
        self.filter: _core.BloomFilter | None = None
        self.found = False
        #: Whether the file holds a filter that this run replaces by one made from nothing.
        self.outdated = False
        self._scratch = scratch
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
            self.local = storage.stage(existing, self._scratch)
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
        # Its memory is wanted by the stage that follows.
        self.filter = None

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

    def known(self, shards: list[Shard], force: bool) -> Callable[[Shard], bool]:
        """Which shards need not be done: those whose keys are in the filter and not from elsewhere.

        Raises `DolmaConfigError` when an input would be compared with itself.
        """
        known_as = {shard.name: storage.known_as(self.config.file, shard.name) for shard in shards}
        absorbed = self._absorbed(shards, known_as)
        past = {name for entry in self.description.absorbed for name in _names(entry)}
        changed = next(
            (name for name, names in known_as.items() if name not in absorbed and names & past), None
        )
        if self.config.read_only:
            if absorbed:
                raise DolmaConfigError(
                    f"bloom_filter.read_only: {self.config.file} was made of {sorted(absorbed)[0]} (and "
                    f"{len(absorbed) - 1} more of these inputs); every document of it would be marked as a "
                    "duplicate of itself. Compare other documents with this filter, or build one without them"
                )
            if changed is not None:
                raise DolmaConfigError(
                    f"bloom_filter.read_only: {self.config.file} was made of an earlier version of {changed}; what "
                    "both have in common would be marked as a duplicate of itself. Give the new version another name "
                    "if it is meant to be compared with the old one"
                )
            return lambda shard: True
        if changed is not None:
            raise DolmaConfigError(
                f"bloom_filter.file: {self.config.file} has absorbed an earlier version of {changed}; what both "
                "have in common would be marked as a duplicate of itself. Delete the filter to build it anew, or "
                "give the new version another name if it is meant to be compared with the old one"
            )
        lost = [shard for shard in shards if shard.name in absorbed and (force or published(shard) is None)]
        if lost:
            self._start_afresh(absorbed, lost, force)
            return lambda shard: False
        return lambda shard: shard.name in absorbed

    def _absorbed(self, shards: list[Shard], known_as: dict[str, frozenset[str]]) -> set[str]:
        """The inputs that are in the filter.

        Each entry of the filter stands for one input, first of all the one of its name: another
        with the same content is a copy, and compared like any other.
        """
        entries = dict(enumerate(self.description.absorbed))
        by_name = {
            (name, entry.size, entry.tag): number
            for number, entry in entries.items()
            for name in _names(entry)
        }
        found, left = set(), []
        for shard in shards:
            file = shard.inputs[0]
            numbers = (by_name.get((name, file.size, file.tag)) for name in known_as[shard.name])
            taken = next((number for number in numbers if number in entries), None)
            if taken is None:
                left.append(shard)
            else:
                found.add(shard.name)
                del entries[taken]
        # Touched files before renamed ones.
        names = {name for entry in entries.values() for name in _names(entry)}
        left.sort(key=lambda shard: not known_as[shard.name] & names)
        for shard in left:
            taken = self._same_content(shard.inputs[0], entries, known_as[shard.name])
            if taken is not None:
                found.add(shard.name)
                del entries[taken]
        return found

    def _same_content(self, file: File, entries: dict[int, Absorbed], known_as: frozenset[str]) -> int | None:
        """The number of the entry with the content of `file`, that of its name if there are several."""
        same_size = [number for number, entry in entries.items() if entry.size == file.size]
        if not same_size:
            return None
        import tempfile

        from .. import _core

        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            content = _core.hash_file(storage.stage(file, folder))
        same = [number for number in same_size if entries[number].content == content]
        return next((n for n in same if _names(entries[n]) & known_as), same[0] if same else None)

    def place(self, file: File) -> str:
        """A file's path as seen from the filter."""
        return storage.seen_from(self.config.file, file.path)

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
        with storage.replacing(self.config.file, self._scratch) as made:
            self.filter.save(made)
        self.found = True
