"""What a pattern means, once for every kind of storage.

`*`, `?` and `[…]` match within one component and never a leading dot; `**` as a whole component
matches any number of directories, none included, and as the last one every file below. A component
with brackets that exists literally is that name and no pattern (`data[1]/` is what it says); `*`
and `?` match themselves, so a stray file called `*.gz` never hides its neighbours. A name that
is spelled out may be hidden, and if it is a directory it stands for every file below it.

A storage offers its directories as a `Tree`; `select` walks it, visiting only what can match.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from .names import File, is_remote, local_path

Directory = TypeVar("Directory")

EVERYTHING = "**"


class Tree(Protocol[Directory]):
    """A hierarchy of files; `Directory` is whatever hashable handle the storage likes."""

    def file(self, directory: Directory, name: str) -> File | None:
        """The file of exactly this name."""

    def directory(self, directory: Directory, name: str) -> Directory | None:
        """The directory of exactly this name."""

    def files(self, directory: Directory) -> Iterable[str]:
        """The names of the files directly in `directory`."""

    def directories(self, directory: Directory) -> Iterable[str]:
        """The names of the directories directly in `directory`."""


def is_magic(text: str) -> bool:
    """Whether `text` has a character that may stand for others."""
    return any(char in text for char in "*?[")


def literal_head(parts: Sequence[str]) -> int:
    """How many leading components are names and nothing else."""
    return next((i for i, part in enumerate(parts) if is_magic(part)), len(parts))


def below(pattern: str, path: str) -> str:
    """The path of a file that `pattern` names, below the folder that is the same for all of them whatever
    there is: before the first wildcard, the directory that is named, or the one that the file lies in."""
    parts, file = _components(pattern), _components(path)
    return "/".join(file[literal_head(parts) :] or file[-1:])


def _components(path: str) -> list[str]:
    if is_remote(path):
        return path.partition("://")[2].rstrip("/").split("/")
    return [part for part in local_path(path).split("/") if part not in ("", ".")]


def select(tree: Tree[Directory], root: Directory, parts: Sequence[str]) -> Iterator[File]:
    """Every file below `root` that `parts` matches, in no particular order."""
    steps = [_matcher(part) for part in parts]
    seen: set[tuple[Directory, int]] = set()
    # An index past the last part means: everything below.
    stack: list[tuple[Directory, int]] = [(root, 0)]
    while stack:
        state = stack.pop()
        if state in seen:
            continue
        seen.add(state)
        here, index = state
        if index == len(parts) or parts[index] == EVERYTHING:
            yield from _descend(tree, here, index, len(parts), stack)
        elif _is_name(tree, here, parts[index]):
            yield from _take(tree, here, parts[index], index, len(parts), stack)
        elif index == len(parts) - 1:
            yield from _found(tree, here, filter(steps[index], tree.files(here)))
        else:
            for name in filter(steps[index], tree.directories(here)):
                _push(tree, here, name, index + 1, stack)


def _descend(
    tree: Tree[Directory],
    here: Directory,
    index: int,
    count: int,
    stack: list[tuple[Directory, int]],
) -> Iterator[File]:
    """One `**`: go past it here, and keep it for every visible directory below."""
    if index < count - 1:
        stack.append((here, index + 1))
    else:
        yield from _found(tree, here, filter(_visible, tree.files(here)))
    for name in filter(_visible, tree.directories(here)):
        _push(tree, here, name, index, stack)


def _take(
    tree: Tree[Directory],
    here: Directory,
    name: str,
    index: int,
    count: int,
    stack: list[tuple[Directory, int]],
) -> Iterator[File]:
    """One component that is a name: a file if it is the last one and there is one."""
    file = tree.file(here, name) if index == count - 1 else None
    if file is not None:
        yield file
    else:
        _push(tree, here, name, index + 1, stack)


def _push(
    tree: Tree[Directory],
    here: Directory,
    name: str,
    index: int,
    stack: list[tuple[Directory, int]],
) -> None:
    below = tree.directory(here, name)
    if below is not None:
        stack.append((below, index))


def _found(tree: Tree[Directory], here: Directory, names: Iterable[str]) -> Iterator[File]:
    for name in names:
        file = tree.file(here, name)
        if file is not None:
            yield file


def _is_name(tree: Tree[Directory], here: Directory, part: str) -> bool:
    if not is_magic(part):
        return True
    if "[" not in part:
        return False
    return tree.file(here, part) is not None or tree.directory(here, part) is not None


def _matcher(part: str) -> Callable[[str], bool]:
    match = re.compile(fnmatch.translate(part)).match
    hidden = part.startswith(".")
    return lambda name: (hidden or _visible(name)) and name != "" and match(name) is not None


def _visible(name: str) -> bool:
    return not name.startswith(".")
