"""A class method over many files, in many processes: for conversions and counts of one's own.

A file is done when `process_single` returned and its marker was written after it, so that a run that
was killed at any moment does again what has none. No file keeps the others from being done, and a run
that lost one does not end well.
"""

from __future__ import annotations

import logging
import os
import random
import re
import sys
from queue import Queue
from typing import Any, NamedTuple, TypeAlias

from ..errors import DolmaConfigError
from .batch import Batch, Task
from .tally import Names

__all__ = ["AllPathsTuple", "BaseParallelProcessor", "KwargsType", "QueueType"]

QueueType: TypeAlias = "Queue[tuple[int, ...] | None]"
KwargsType: TypeAlias = dict[str, Any]

#: What the name of a marker has behind that of the file.
METADATA_SUFFIX = ".done.txt"


class AllPathsTuple(NamedTuple):
    """What there is to do: for each file its source, its destination, its marker and its arguments."""

    src: list[str]
    dst: list[str]
    meta: list[str]
    kwargs: list[KwargsType]

    @classmethod
    def empty(cls) -> AllPathsTuple:
        return cls([], [], [], [])


class BaseParallelProcessor:
    """Does something with each of many files; subclass it, write two class methods, and call an instance.

    `process_single` reads one file and writes another; `increment_progressbar` names what is counted, by
    keyword arguments that are 0 by default, and hands them to the one of this class.
    """

    def __init__(
        self,
        source_prefix: str | list[str],
        destination_prefix: str | list[str],
        metadata_prefix: str | list[str],
        num_processes: int = 1,
        debug: bool = False,
        seed: int = 0,
        pbar_timeout: float = 1e-3,
        ignore_existing: bool = False,
        include_paths: list[str] | None = None,
        exclude_paths: list[str] | None = None,
        files_regex_pattern: str | None = None,
        retries_on_error: int = 0,
        process_single_kwargs: KwargsType | list[KwargsType] | None = None,
    ) -> None:
        """`source_prefix` names files by directories, globs and paths, local ones and `s3://`; what is
        made of a file has its path below `destination_prefix`, and its marker below `metadata_prefix`.
        Lists of them go together one by one.

        `debug` does all in this process. `seed` decides the order. `pbar_timeout` is the least number of
        seconds between two signs of progress. `ignore_existing` does again what is done. Paths to be
        included or excluded are those below the prefix, or whole ones; `files_regex_pattern` is searched
        for in those below. A file that fails is tried `retries_on_error` times more.
        `process_single_kwargs` go to `process_single`: a dict, or one for each prefix.

        Raises `ValueError` for lists that do not go together.
        """
        self.src_prefixes = _listed(source_prefix)
        self.dst_prefixes = _listed(destination_prefix)
        self.meta_prefixes = _listed(metadata_prefix)
        self.num_processes = num_processes
        self.debug = debug
        self.seed = seed
        self.pbar_timeout = pbar_timeout
        self.ignore_existing = ignore_existing
        self.include_paths = None if include_paths is None else set(include_paths)
        self.exclude_paths = None if exclude_paths is None else set(exclude_paths)
        self.files_regex_pattern = re.compile(files_regex_pattern) if files_regex_pattern else None
        self.retries_on_error = retries_on_error
        kwargs = process_single_kwargs or {}
        self.process_single_kwargs = [kwargs] * len(self.src_prefixes) if isinstance(kwargs, dict) else kwargs
        self._done_before = 0
        self._check()

    def _check(self) -> None:
        if not self.src_prefixes:
            raise ValueError("source_prefix is empty: at least one path is needed")
        given: dict[str, list[Any]] = {
            "destination_prefix": self.dst_prefixes,
            "metadata_prefix": self.meta_prefixes,
            "process_single_kwargs": self.process_single_kwargs,
        }
        for name, listed in given.items():
            if len(listed) != len(self.src_prefixes):
                raise ValueError(
                    f"source_prefix lists {len(self.src_prefixes)} and {name} {len(listed)}: "
                    "give one for each source"
                )
        for prefix in (*self.dst_prefixes, *self.meta_prefixes):
            if "*" in prefix:
                raise ValueError(f"{prefix}: a place to write to has no wildcards")
        if self.num_processes < 1:
            raise ValueError(f"num_processes is {self.num_processes}; it must be 1 or more")

    @classmethod
    def get_logger(cls) -> logging.Logger:
        """A logger called like the class."""
        return logging.getLogger(cls.__name__)

    @classmethod
    def process_single(cls, source_path: str, destination_path: str, queue: QueueType, **kwargs: Any) -> None:
        """Makes one file of another; to be written by the subclass. `queue` is for `increment_progressbar`.

        What it raises is the failure of this file.
        """
        raise NotImplementedError(f"{cls.__name__} has no process_single")

    @classmethod
    def increment_progressbar(cls, queue: QueueType, /, **kwargs: int) -> dict[str, int]:
        """Adds to what is counted, by name."""
        if isinstance(queue, Names):
            queue.names = tuple(kwargs)
        queue.put(tuple(kwargs.values()))
        return kwargs

    def __call__(self, **process_single_kwargs: Any) -> None:
        """Does all files that are not done; arguments go to `process_single`, before those of the instance.

        Raises `DolmaShardError` that names the files that failed, when all others are done;
        `DolmaInputError` when a source names no file; `DolmaConfigError` when two files would be written to
        one place, a source takes in what is written, nothing is left to choose from, or the class cannot be
        sent to another process.
        """
        retries = process_single_kwargs.pop("retries_on_error", self.retries_on_error)
        paths = self._get_all_paths()
        tasks = [
            Task(
                source,
                destination,
                marker,
                {**kwargs, **process_single_kwargs},
                retries,
                self.ignore_existing,
            )
            for source, destination, marker, kwargs in zip(*paths, strict=True)
        ]
        batch = Batch(type(self), tasks, self._done_before, self.pbar_timeout)
        if self.debug:
            batch.run_here()
        else:
            batch.run(self.num_processes)

    def _get_all_paths(self) -> AllPathsTuple:
        """What is to be done, in the order in which it is begun."""
        from .. import storage

        known: set[str] = set()
        chosen: list[tuple[str, str, str, KwargsType]] = []
        done: set[str] = set()
        for source, destination, metadata, kwargs in zip(
            self.src_prefixes, self.dst_prefixes, self.meta_prefixes, self.process_single_kwargs, strict=True
        ):
            files = {storage.below(source, file.path): file.path for file in storage.expand([source])}
            known.update(files, files.values())
            files = {path: whole for path, whole in files.items() if self._valid_path(path, whole)}
            _refuse_circles(source, files, destination, metadata)
            places = [
                (whole, storage.join(destination, path), storage.join(metadata, path + METADATA_SUFFIX))
                for path, whole in files.items()
            ]
            chosen += [(*place, kwargs or {}) for place in places]
            if not self.ignore_existing:
                done |= _written(metadata, [marker for _, _, marker in places])
        self._look_at_choices(known, len(chosen))
        _refuse_collisions(chosen)
        todo = [place for place in chosen if place[2] not in done]
        self._done_before = len(chosen) - len(todo)
        # Files of one folder are often alike; mixed, the first ones tell how long the rest takes.
        random.Random(self.seed).shuffle(todo)
        return AllPathsTuple(*map(list, zip(*todo, strict=True))) if todo else AllPathsTuple.empty()

    def _valid_path(self, path: str, whole: str) -> bool:
        if self.include_paths is not None and self.include_paths.isdisjoint((path, whole)):
            return False
        if self.exclude_paths is not None and not self.exclude_paths.isdisjoint((path, whole)):
            return False
        return self.files_regex_pattern is None or self.files_regex_pattern.search(path) is not None

    def _look_at_choices(self, known: set[str], chosen: int) -> None:
        """Names paths that were chosen and are not there: they would be missed in silence."""
        if not chosen:
            raise DolmaConfigError(
                "include_paths, exclude_paths and files_regex_pattern leave no file; paths are those below "
                f"source_prefix, such as {min(sorted(known), key=len)}, or whole ones"
            )
        for option, paths in (("include_paths", self.include_paths), ("exclude_paths", self.exclude_paths)):
            if missing := sorted((paths or set()) - known):
                print(
                    f"warning: {type(self).__name__}: {len(missing):,} of {option} are nowhere, "
                    f"such as {missing[0]}",
                    file=sys.stderr,
                    flush=True,
                )


def _listed(prefix: str | list[str]) -> list[str]:
    return [prefix] if isinstance(prefix, str) else list(prefix)


def _written(metadata: str, markers: list[str]) -> set[str]:
    """Those of `markers` that were written, below `metadata`; an empty one was not written whole."""
    from .. import storage

    if storage.is_remote(metadata):
        found = {file.path for file in storage.find(storage.join(metadata, "**")) if file.size}
        return found.intersection(markers)
    return {marker for marker in markers if (file := storage.stat(marker)) is not None and file.size}


def _refuse_circles(source: str, files: dict[str, str], destination: str, metadata: str) -> None:
    """Raises for files that an earlier run made: what is written in place is none, markers always are."""
    made, marked = os.path.normpath(destination), os.path.normpath(metadata)
    for path, whole in files.items():
        file = os.path.normpath(whole)
        inner = file.startswith(f"{made}/") and file != f"{made}/{path}"
        if inner or (file.startswith(f"{marked}/") and file.endswith(METADATA_SUFFIX)):
            raise DolmaConfigError(
                f"{source} takes in {whole}, which is below {destination if inner else metadata}: "
                "write elsewhere, or name the source by a pattern that leaves it out"
            )


def _refuse_collisions(chosen: list[tuple[str, str, str, KwargsType]]) -> None:
    """Raises for files of which the one would be taken for the other."""
    taken: dict[tuple[str, str], str] = {}
    for source, destination, marker, _ in chosen:
        for what, place in (("destination", destination), ("metadata", marker)):
            first = taken.setdefault((what, os.path.normpath(place)), source)
            if first is not source:
                raise DolmaConfigError(
                    f"{first} and {source} have the same {what}, {place}; "
                    f"give each source_prefix a {what}_prefix of its own"
                )
