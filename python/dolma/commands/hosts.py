"""What the engine sees of a run that takes several calls: over groups of its shards, or first to read
and then to write. A pass that reads may leave outputs of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import storage, temporary
from ..errors import DolmaShardError
from ..files import Files
from ..progress import Counters
from ..runs import Run
from ..shards import Shard

__all__ = ["Leaver", "Read", "Reader", "Shifted", "Writer", "read_through"]


class Read:
    """What passes that only read have seen, by shard."""

    def __init__(self) -> None:
        self.bad: dict[int, list[tuple[str, int, str, bytes]]] = {}
        self.contents: dict[int, str] = {}
        self.details: dict[str, int] = {}

    def check_bad(self, allowed: int) -> None:
        """Raises `DolmaShardError` for more bad lines than allowed, as every shard alone would have said it."""
        count = sum(len(lines) for lines in self.bad.values())
        if count > allowed:
            path, line, error, _ = next(lines[0] for _, lines in sorted(self.bad.items()) if lines)
            raise DolmaShardError(
                f"{path}:{line}: {error} (and {count - 1} more bad lines; max_bad_records allows {allowed}); "
                "nothing was written"
            )


class Reader:
    """The outside of a pass that only reads."""

    def __init__(self, files: Files, numbers: Sequence[int] | None = None, read: Read | None = None) -> None:
        """`numbers` says what each shard of `files` is called in `read`, where that is not its place."""
        self.files_of = files
        self.read = read if read is not None else Read()
        self._numbers = numbers if numbers is not None else range(len(files.shards))

    def files(self, index: int) -> tuple[list[str], list[str]]:
        return self.files_of.stage(index), []

    def done(
        self,
        index: int,
        counts: tuple[int, int, int, int],
        written: list[tuple[int, str]],
        bad: list[tuple[str, int, str, bytes]],
        details: list[tuple[list[str], float]],
        content_hash: str | None,
        lapses: list[Any],
    ) -> None:
        self._note(index, bad, details, content_hash)
        self.files_of.release(index)

    def failed(self, index: int, error: str) -> None:
        self.files_of.run.fail(self.files_of.shards[index], error)
        self.files_of.release(index)

    def _note(
        self,
        index: int,
        bad: list[tuple[str, int, str, bytes]],
        details: list[tuple[list[str], float]],
        content_hash: str | None,
    ) -> None:
        read, number = self.read, self._numbers[index]
        if bad:
            read.bad[number] = bad
        if content_hash is not None:
            read.contents[number] = content_hash
        for keys, value in details:
            read.details[keys[-1]] = read.details.get(keys[-1], 0) + int(value)


class Leaver(Reader):
    """The outside of a pass that reads, and leaves an output of each shard."""

    def files(self, index: int) -> tuple[list[str], list[str]]:
        return self.files_of.files(index)

    def done(
        self,
        index: int,
        counts: tuple[int, int, int, int],
        written: list[tuple[int, str]],
        bad: list[tuple[str, int, str, bytes]],
        details: list[tuple[list[str], float]],
        content_hash: str | None,
        lapses: list[Any],
    ) -> None:
        self._note(index, bad, details, content_hash)
        self.files_of.done(index, counts, written, bad, details, content_hash)

    def failed(self, index: int, error: str) -> None:
        self.files_of.failed(index, error)


def read_through(
    run: Run,
    step: str,
    gauge: Counters,
    shards: list[Shard],
    work: Callable[[Reader], None],
    numbers: Sequence[int] | None = None,
    read: Read | None = None,
    make: Run | None = None,
) -> Read:
    """Has the engine go through files, as a step of the run; `numbers` and `read` as for `Reader`. The
    files are only read, unless there is a run that is to `make` the outputs of their shards."""
    run.begin(step, gauge, shards)
    remote = any(storage.is_remote(file.path) for shard in shards for file in shard.inputs)
    with temporary.folder_if(remote or make is not None, "read") as folder:
        files = Files(make or run, folder, shards)
        reader = (Reader if make is None else Leaver)(files, numbers, read)
        try:
            work(reader)
        finally:
            files.close()
    return reader.read


class Writer:
    """The outside of the last pass: lines that were bad when they were read are reported with it."""

    def __init__(self, files: Files, shards: list[int], bad: dict[int, list[Any]]) -> None:
        self._files = files
        self._shards = shards
        self._bad = bad

    def files(self, index: int) -> tuple[list[str], list[str]]:
        return [], self._files.temporary(index)

    def done(
        self,
        index: int,
        counts: tuple[int, int, int, int],
        written: list[tuple[int, str]],
        bad: list[Any],
        details: list[tuple[list[str], float]],
        content_hash: str | None,
        lapses: list[Any],
    ) -> None:
        bad = self._bad.get(self._shards[index], [])
        self._files.done(index, counts, written, bad, details, content_hash)

    def failed(self, index: int, error: str) -> None:
        self._files.failed(index, error)


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
