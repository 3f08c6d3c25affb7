"""How places are written: schemes, joins, and the names of files that are still being made.

A path is a plain string, `s3://bucket/key`, `https://…` or a local path, and stays as its user
wrote it. A file that is not finished yet has a name that starts with `TEMPORARY`: the leading dot
hides it from every glob, who makes it follows, so that two processes never write into one file,
and then the real name, whole, so that code which picks a codec by suffix needs no exception.
"""

from __future__ import annotations

import os
import re
from functools import cache

import msgspec

from dolma._core import sha256

TEMPORARY = ".dolma-tmp-"
"""How the name of every unfinished file starts."""

S3_SCHEMES = frozenset({"s3", "s3a", "s3n"})
"""Schemes that mean the S3 protocol; the last two are how Hadoop spells it."""

LONGEST_NAME = 240
"""Bytes in a file name. File systems allow 255; transfers append up to 9 of their own."""

_MAKER = r"\.dolma-tmp-([0-9a-f]{8})-([0-9]{1,9})(?:-|$)"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


class File(msgspec.Struct, frozen=True):
    """A file as it was seen: where, how large, and a tag that changes when its content does."""

    path: str
    size: int
    """Bytes as stored; -1 when the server does not tell."""
    tag: str
    """Local: modification time in nanoseconds. S3: the ETag. Elsewhere: what there is, or empty."""


def scheme(path: str) -> str:
    """The scheme of `path` in lower case, or an empty string for a local path (`file://` too)."""
    found = _SCHEME.match(path)
    name = found[1].lower() if found else ""
    return "" if name == "file" else name


def is_remote(path: str) -> bool:
    """Whether `path` must be staged before the engine can read it."""
    return scheme(path) != ""


def is_s3(path: str) -> bool:
    """Whether `path` speaks the S3 protocol."""
    return scheme(path) in S3_SCHEMES


def local_path(path: str) -> str:
    """A local path without the `file://` in front."""
    return path[len("file://") :] if path[:7].lower() == "file://" else path


def identity(path: str, folders: dict[str, str] | None = None) -> str:
    """What all spellings of a file come to: absolute, without `.`, `..` and doubled slashes.

    Two names that symbolic links give a file stay two. `folders` as for `real`.
    """
    if is_s3(path):
        return f"s3{path[path.index(':') :]}"
    if is_remote(path):
        return path
    path = local_path(path)
    if ".." in path.split("/"):
        # What is above a symbolic link is not what is written before it.
        return real(path, folders)
    return os.path.abspath(path)


def real(path: str, folders: dict[str, str] | None = None) -> str:
    """Where a file really lies, whatever symbolic links lead to its folder; `folders` are those that
    were looked up already."""
    if is_remote(path):
        return identity(path)
    folder, name = os.path.split(local_path(path))
    known = {} if folders is None else folders
    if folder not in known:
        known[folder] = os.path.realpath(folder)
    return os.path.join(known[folder], name)


def seen_from(home: str, path: str) -> str:
    """`path` as seen from the folder of the file `home`, where both are local: the same in every working
    directory, and after both were moved together."""
    if is_remote(home) or is_remote(path):
        return identity(path)
    return os.path.relpath(identity(path), os.path.dirname(identity(home)))


def known_as(home: str, path: str) -> frozenset[str]:
    """The names by which a file `home` that remembers `path` knows it again: as seen from it, and whole,
    which stays when `home` alone is moved."""
    return frozenset((seen_from(home, path), identity(path)))


def remembered(place: str, path: str) -> frozenset[str]:
    """The names of a file that was remembered with what `seen_from` gave then: a relative `path` is no name
    in another working directory."""
    whole = is_remote(path) or os.path.isabs(path)
    return frozenset((place, identity(path)) if whole else (place,))


def join(root: str, relative: str) -> str:
    """`relative` below `root`, with exactly one slash between them."""
    if not root:
        return relative
    if not relative:
        return root
    return root.rstrip("/") + "/" + relative.lstrip("/")


def basename(path: str) -> str:
    """The last component; of `s3://b/key/` it is `key`."""
    return path.rstrip("/").rpartition("/")[2]


def sort_key(path: str) -> bytes:
    """Orders paths by their bytes, which no locale changes; undecodable local names included."""
    return path.encode("utf-8", "surrogateescape")


def is_temporary(name: str) -> bool:
    """Whether a file of this name was left unfinished; takes a name or a whole path."""
    return basename(name).startswith(TEMPORARY)


def temporary_name(name: str) -> str:
    """The name under which this process makes `name` in its own directory; the same on every call."""
    return _fit(f"{TEMPORARY}{maker()}-", name)


def temporary_name_for(destination: str) -> str:
    """The same for a directory shared by many destinations: their paths are told apart."""
    return _fit(f"{TEMPORARY}{maker()}-{_digest(destination)}-", basename(destination))


def maker() -> str:
    """This process, as it signs what is not finished: its machine and its number there."""
    return f"{_machine()}-{os.getpid()}"


def is_abandoned(name: str) -> bool:
    """Whether the maker of the unfinished `name` is a process of this machine that is no more."""
    found = re.match(_MAKER, name) if name.startswith(TEMPORARY) else None
    if found is None or found[1] != _machine():
        return False
    try:
        os.kill(int(found[2]), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


@cache
def _machine() -> str:
    return sha256(os.uname().nodename.encode())[:8]


def unique_name(path: str) -> str:
    """A fresh name with the suffixes of `path` and no character that a glob or a shell reads."""
    if scheme(path) in ("http", "https"):
        path = re.split(r"[?#]", path)[0]
    return _fit(f"{os.urandom(8).hex()}-", re.sub(r"[^A-Za-z0-9._-]", "_", basename(path)))


def _fit(prefix: str, name: str) -> str:
    """`prefix + name`; a name that is too long keeps its end (the suffixes) behind a digest."""
    whole = prefix + name
    if len(os.fsencode(whole)) <= LONGEST_NAME:
        return whole
    prefix = f"{prefix}{_digest(name)}-"
    room = LONGEST_NAME - len(os.fsencode(prefix))
    return prefix + os.fsencode(name)[-room:].decode("utf-8", "ignore")


def _digest(text: str) -> str:
    return sha256(sort_key(text))[:16]
