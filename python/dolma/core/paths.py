"""The published path of functions on paths, for scripts that were written for it.

Where they look at files, they are other spellings of `dolma.storage`; the rest is text. A path has a
protocol (`s3`, or none) and parts; that of a bucket is the first, as is the `/` of an absolute path.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from itertools import takewhile

from ..assets import resolve as cached_path

__all__ = [
    "add_suffix",
    "cached_path",
    "exists",
    "glob_path",
    "is_dir",
    "is_file",
    "is_glob",
    "is_local",
    "join_path",
    "make_relative",
    "mkdir_p",
    "parent",
    "partition_path",
    "split_ext",
    "split_glob",
    "split_path",
    "sub_prefix",
    "sub_suffix",
]

_WILDCARD = re.compile(r"(?<!\\)[*?\[\]]")


def glob_path(
    path: str | os.PathLike[str],
    hidden_files: bool = False,
    autoglob_dirs: bool = True,
    recursive_dirs: bool = False,
    yield_dirs: bool = True,
) -> Iterator[str]:
    """The files that a path or pattern names, sorted; none where there are none.

    A directory stands for the files in it, with `recursive_dirs` for all below it, and without
    `autoglob_dirs` for nothing. Directories are not given, whatever `yield_dirs` says: nobody can open
    one. Hidden files are given where they are spelled out, or with `hidden_files` directly in a directory.
    """
    from .. import storage

    pattern = os.fspath(path)
    if not is_glob(pattern) and is_dir(pattern):
        if not autoglob_dirs:
            return
        folder = pattern.rstrip("/")
        patterns = [f"{folder}/**" if recursive_dirs else f"{folder}/*"]
        if hidden_files:
            patterns.append(f"{folder}/.*")
    else:
        patterns = [pattern]
    found = {file.path for pattern in patterns for file in storage.find(pattern)}
    yield from sorted(found)


def exists(path: str) -> bool:
    """Whether there is a file or a directory of this name."""
    return is_file(path) or is_dir(path)


def is_file(path: str) -> bool:
    from .. import storage

    return storage.stat(path) is not None


def is_dir(path: str) -> bool:
    from .. import storage

    return storage.is_directory(path)


def mkdir_p(path: str) -> None:
    """Creates a directory with its parents; object stores need none."""
    from .. import storage

    if is_glob(path):
        raise ValueError(f"{path}: a directory to be made has no wildcards")
    storage.make_directory(path)


def is_local(path: str) -> bool:
    return split_path(path)[0] in ("", "file")


def is_glob(path: str) -> bool:
    """Whether a path has a wildcard that no backslash stands before."""
    return _WILDCARD.search(path) is not None


def split_path(path: str) -> tuple[str, tuple[str, ...]]:
    """The protocol and the parts of a path."""
    protocol, separator, rest = path.rpartition("://")
    parts = tuple(part for part in rest.split("/") if part not in ("", "."))
    return protocol, parts if separator or not rest.startswith("/") else ("/", *parts)


def join_path(protocol: str | None, *parts: str | Iterable[str]) -> str:
    """The path of a protocol and parts, each of which may have slashes; without a protocol, that of the
    first part counts."""
    pieces = [split_path(piece) for part in parts for piece in ([part] if isinstance(part, str) else part)]
    protocol = protocol or pieces[0][0]
    joined: list[str] = []
    for _, piece in pieces:
        # As in a file system, what starts with a slash starts anew.
        joined = list(piece) if piece[:1] == ("/",) else [*joined, *piece]
    root = joined[:1] == ["/"]
    path = "/".join(joined[root:])
    return f"{protocol}://{path}" if protocol else f"{'/' * root}{path}"


def parent(path: str) -> str:
    """The folder of a path; that of the topmost one is itself."""
    protocol, parts = split_path(path)
    return join_path(protocol, parts[:-1]) if len(parts) > 1 else path


def add_suffix(a: str, b: str) -> str:
    """`b` below `a`."""
    _refuse_protocol(b)
    return join_path(None, a, b)


def sub_prefix(a: str, b: str) -> str:
    """`a` below `b`; all of it where it is elsewhere."""
    (protocol_a, parts_a), (protocol_b, parts_b) = split_path(a), split_path(b)
    if protocol_a != protocol_b:
        raise ValueError(f"{a} and {b} have different protocols")
    if parts_a[: len(parts_b)] != parts_b:
        return join_path(protocol_a, parts_a)
    below = parts_a[len(parts_b) :]
    return join_path("", below) if below else "."


def sub_suffix(a: str, b: str) -> str:
    """`a` without `b` at its end."""
    _refuse_protocol(b)
    protocol, parts = split_path(a)
    ends = split_path(b)[1]
    kept = parts[: -len(ends)] if ends and parts[-len(ends) :] == ends else parts
    return join_path(protocol, kept) if kept else f"{protocol}://" if protocol else ""


def partition_path(path: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The protocol, the parts before the first one with a wildcard, and those after that one."""
    protocol, parts = split_path(path)
    head = tuple(takewhile(lambda part: not is_glob(part), parts))
    return protocol, head, parts[len(head) + 1 :]


def split_glob(path: str) -> tuple[str, str]:
    """What stands before the first part with a wildcard, and the rest."""
    if not is_glob(path):
        return path, ""
    protocol, parts = split_path(path)
    head = tuple(takewhile(lambda part: not is_glob(part), parts))
    return join_path(protocol, head) if head else protocol, "/".join(parts[len(head) :])


def split_ext(path: str) -> tuple[str, tuple[str, ...], str]:
    """The protocol, the parts, and all extensions of the last one, which it is given without."""
    protocol, parts = split_path(path)
    if not parts:
        return protocol, (), ""
    # Dots that a name starts with make it hidden.
    hidden = len(parts[-1]) - len(parts[-1].lstrip("."))
    stem, dot, extensions = parts[-1][hidden:].partition(".")
    return protocol, (*parts[:-1], parts[-1][:hidden] + stem), dot + extensions


def make_relative(paths: list[str]) -> tuple[str, list[str]]:
    """The folder that is common to all paths, before any wildcard, and what is below it of each."""
    if not paths:
        raise ValueError("no paths, so that there is nothing common to them")
    protocols = {split_path(path)[0] for path in paths}
    if len(protocols) > 1:
        raise ValueError(f"{paths[0]} and others have different protocols: {', '.join(sorted(protocols))}")
    heads = [partition_path(path)[1] for path in paths]
    common = [parts[0] for parts in takewhile(lambda parts: len(set(parts)) == 1, zip(*heads, strict=False))]
    protocol = protocols.pop()
    below = [split_path(path)[1][len(common) :] for path in paths]
    relative = [join_path("", parts) if parts else "." for parts in below]
    if not common:
        return f"{protocol}://" if protocol else "", relative
    return join_path(protocol, common), relative


def _refuse_protocol(path: str) -> None:
    if split_path(path)[0]:
        raise ValueError(f"{path} is not relative")
