"""Listing, staging and publishing files, on local disks and in object stores.

This package is the only importer of boto3 and smart_open, and imports neither before a remote path
is touched. What it promises: a listing is complete or an error; a staged file is the version that
was listed, whole; a published file appears at once, whole, or not at all; every failure is an
error of `dolma.errors` that names the path, the cause and what to do.

    files = expand(["s3://bucket/documents/**/*.jsonl.gz"])
    local = stage(files[0], work_dir)
    made = temporary(destination, work_dir)
    ...  # write `made`
    publish(made, destination)

Local paths and `s3://` are read and written; whatever else smart_open knows is read only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from dolma.errors import DolmaInputError, DolmaStorageError

from . import failures, local, names, s3, web
from .glob import below
from .names import (
    File,
    identity,
    is_remote,
    is_temporary,
    join,
    known_as,
    real,
    remembered,
    scheme,
    seen_from,
)

__all__ = [
    "File",
    "below",
    "clear",
    "copy",
    "delete",
    "expand",
    "find",
    "find_bytes",
    "identity",
    "is_directory",
    "is_remote",
    "is_temporary",
    "join",
    "known_as",
    "make_directory",
    "overwrite",
    "publish",
    "read_bytes",
    "real",
    "remembered",
    "replacing",
    "scheme",
    "seen_from",
    "settle",
    "stage",
    "stat",
    "sync",
    "temporary",
    "write_bytes",
]

_LISTINGS = 16
"""Remote patterns that are looked up at the same time: each waits for a server, not for a core."""


def expand(patterns: Sequence[str]) -> list[File]:
    """Every file that a pattern names, once, sorted by the bytes of its path.

    A directory or prefix stands for all files below it. `*`, `?`, `[…]` and `**` mean the same
    everywhere (see `glob`). A pattern that names nothing is a `DolmaInputError`.
    """
    if isinstance(patterns, str):
        patterns = [patterns]
    here = {pattern: _expand(pattern) for pattern in patterns if not is_remote(pattern)}
    remote = dict.fromkeys(pattern for pattern in patterns if is_remote(pattern))
    if remote:
        # Loads what a run over files of this machine has no use for.
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(_LISTINGS, len(remote))) as pool:
            here.update(zip(remote, pool.map(_expand, remote), strict=True))
    found = {file.path: file for files in here.values() for file in files}
    return sorted(found.values(), key=lambda file: names.sort_key(file.path))


def find(pattern: str) -> list[File]:
    """The files that one pattern names, in no particular order; an empty list where there are none."""
    if names.is_s3(pattern):
        return s3.expand(pattern)
    if is_remote(pattern):
        return [file for file in [web.stat(pattern)] if file is not None]
    return local.expand(pattern)


def stat(path: str) -> File | None:
    """What is known about a file, or None if there is none (a directory is none)."""
    if names.is_s3(path):
        return s3.stat(path)
    return web.stat(path) if is_remote(path) else local.stat(path)


def is_directory(path: str) -> bool:
    """Whether this is a directory; in an object store, whether anything is below it."""
    if names.is_s3(path):
        folder = path.rstrip("/") + "/"
        return s3.nearest(f"{folder}*") == folder
    return not is_remote(path) and os.path.isdir(names.local_path(path))


def stage(source: str | File, directory: str) -> str:
    """The local path at which `source` can be read: itself, or a fresh copy in `directory`.

    A `File` from an earlier listing is held to its size and tag: an input that has changed since
    is a `DolmaInputError`. The copy has a unique name with the suffixes of its source and belongs
    to the caller; when anything goes wrong there is none.
    """
    path = source if isinstance(source, str) else source.path
    listed = None if isinstance(source, str) else source
    if not is_remote(path):
        if listed is not None and stat(path) != listed:
            raise failures.changed(path)
        return names.local_path(path)
    file = listed or stat(path)
    if file is None:
        raise _missing(path)
    with failures.explained("stage into it", directory):
        os.makedirs(directory, exist_ok=True)
        _check_room(file, directory)
    name = names.unique_name(path)
    partial = os.path.join(directory, names.temporary_name(name))
    whole = os.path.join(directory, name)
    try:
        (s3 if names.is_s3(path) else web).download(file, partial)
        with failures.explained("stage into it", directory):
            os.replace(partial, whole)
    except BaseException:
        local.remove(partial)
        raise
    return whole


def publish(local_file: str, destination: str, *, settled: bool = True) -> File:
    """Moves a finished local file to `destination`, where it appears at once; `local_file` is gone.

    On this machine the bytes are on the disk when this returns, and without `settled` a power failure
    may take the file as a whole until `settle` was called; in an object store the size was verified.
    After an exception the destination is what it was before, and `local_file` remains.
    """
    if names.is_s3(destination):
        published = s3.upload(local_file, destination)
        local.remove(local_file)
        return published
    if is_remote(destination):
        raise web.refuse_to_write(destination)
    return local.publish(local_file, destination, settled)


def make_directory(path: str) -> None:
    """Creates a directory with its parents; object stores need none."""
    if not is_remote(path):
        with failures.explained("create it", path):
            local.make_directory(names.local_path(path))


def sync(path: str) -> None:
    """Waits until the bytes of a local file are on the disk; a missing one is fine."""
    if not is_remote(path):
        with failures.explained("sync", path):
            local.sync(names.local_path(path))


def settle() -> None:
    """Waits until no power failure can take any file that was published."""
    local.settle()


def copy(local_file: str, destination: str) -> None:
    """Copies a file over a local `destination`, in place: for file systems that cannot rename.

    Raises `DolmaStorageError` when it fails or the copy has another size.
    """
    with failures.explained("copy it", destination):
        local.copy_over(local_file, destination)


def overwrite(path: str, data: bytes) -> None:
    """Writes a small local file in place: for file systems that cannot rename."""
    with failures.explained("write it", path):
        local.make_directory(os.path.dirname(path))
        with open(path, "wb") as file:
            file.write(data)


def find_bytes(path: str) -> bytes | None:
    """The content of a small file, or None if it is missing."""
    if names.is_s3(path):
        return s3.read_bytes(path)
    return web.read_bytes(path) if is_remote(path) else local.read_bytes(path)


def read_bytes(path: str) -> bytes:
    """The content of a small file; a missing one is a `DolmaInputError`."""
    data = find_bytes(path)
    if data is None:
        raise _missing(path)
    return data


def write_bytes(path: str, data: bytes, *, durable: bool = True) -> None:
    """Writes a small file, whole or not at all.

    Without `durable` a local file may be missing or empty after a power failure, for files whose
    loss only costs work: the disk is not waited for.
    """
    if names.is_s3(path):
        s3.write_bytes(path, data)
    elif is_remote(path):
        raise web.refuse_to_write(path)
    else:
        local.write_bytes(path, data, durable)


def delete(path: str) -> None:
    """Deletes a file; a missing one is fine."""
    if names.is_s3(path):
        s3.delete(path)
    elif is_remote(path):
        raise web.refuse_to_write(path)
    else:
        local.delete(path)


def clear(folder: str) -> None:
    """Deletes everything below a folder, hidden files too; a missing one is fine."""
    if names.is_s3(folder):
        s3.clear(folder)
    elif is_remote(folder):
        raise web.refuse_to_write(folder)
    else:
        local.clear(folder)


def temporary(destination: str, work_dir: str) -> str:
    """The local path at which to make the file that will be published at `destination`.

    For a local destination it lies beside it, so that publishing is a rename; for a remote one in
    `work_dir`. The name is hidden, this process's own, the same on every call, and ends like the
    destination's, so that a codec chosen by suffix is right. The directory exists afterwards.
    """
    if not is_remote(destination):
        return local.temporary(destination)
    if not names.is_s3(destination):
        raise web.refuse_to_write(destination)
    with failures.explained("create it", work_dir):
        local.make_directory(work_dir)
    local.sweep(work_dir)
    return os.path.join(work_dir, names.temporary_name_for(destination))


@contextmanager
def replacing(destination: str, work_dir: str) -> Iterator[str]:
    """`temporary` and `publish` around the making of a file; what was made by half is removed."""
    made = temporary(destination, work_dir)
    try:
        yield made
        publish(made, destination)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(made)
        raise


def _expand(pattern: str) -> list[File]:
    files = find(pattern)
    if not files:
        raise _nothing(pattern)
    return files


def _nothing(pattern: str) -> DolmaInputError:
    if is_remote(pattern) and not names.is_s3(pattern):
        return failures.missing(pattern, f"{scheme(pattern)}:// is not listed, so name each file")
    nearest = (s3 if names.is_s3(pattern) else local).nearest(pattern)
    return DolmaInputError(
        f"{pattern}: matches no file; the nearest existing parent is {nearest} "
        "(`*` stays within one directory, `**` does not; hidden names must be spelled out)"
    )


def _missing(path: str) -> DolmaInputError:
    if not names.is_s3(path):
        return failures.missing(path)
    # Also tells a missing bucket from a missing object, which a look at the object does not.
    return failures.missing(path, f"the nearest existing parent is {s3.nearest(path)}")


def _check_room(file: File, directory: str) -> None:
    """Fails before a download that cannot fit, rather than hours into filling the disk."""
    free = local.free_space(directory)
    if file.size > free:
        raise DolmaStorageError(
            f"{directory}: {file.path} needs {file.size:,} bytes and {free:,} are free; "
            "free space or point work_dir to another disk"
        )
