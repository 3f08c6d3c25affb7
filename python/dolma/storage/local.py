"""Files on disks of this machine and on network file systems mounted here.

Publishing is a rename, or across file systems a copy beside the destination and then a rename; the
bytes are on the disk before that, and the names of what was published once `settle` returns, which
waits for the disk once for any number of files. Symbolic links are followed,
except one that leads back to a directory it lies in.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat as modes
import threading
from collections.abc import Iterable, Iterator

from dolma.errors import DolmaInputError, DolmaStorageError

from . import failures, glob, names
from .names import File

_swept: set[str] = set()
# Directories in which something was created or renamed that is to survive a power failure.
_unsettled: set[str] = set()
_settling = threading.Lock()
# How a file system says that it cannot sync a directory, which is then not needed either.
_NO_DIRECTORY_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES})


def expand(pattern: str) -> list[File]:
    """The files that `pattern` names; an empty list when there are none."""
    path = names.local_path(pattern)
    parts = [part for part in path.split("/") if part not in ("", ".")]
    # `a/b*/` asks for what is below; `a/b*` for files beside each other.
    if path.endswith("/") or not parts:
        parts.append(glob.EVERYTHING)
    count = glob.literal_head(parts)
    head = ("/" if path.startswith("/") else "") + "/".join(parts[:count])
    if count == len(parts):
        file = stat(head)
        if file is not None:
            return [file]
    with failures.explained("list", pattern):
        if not _is_directory(head):
            return []
        return list(glob.select(_Disk(), head, parts[count:]))


def stat(path: str) -> File | None:
    """What is known about `path`, or None if it is missing or a directory.

    What is no regular file (a pipe, a device, a socket) is a `DolmaInputError`: it has no size, and
    cannot be read twice.
    """
    path = names.local_path(path)
    with failures.explained("look at", path):
        try:
            found = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            if os.path.islink(path):
                raise DolmaInputError(
                    f"{path}: a symbolic link to {os.readlink(path)}, which does not exist; "
                    "restore its target or remove the link"
                ) from None
            return None
        if modes.S_ISDIR(found.st_mode):
            return None
        if not modes.S_ISREG(found.st_mode):
            raise DolmaInputError(f"{path}: not a regular file; copy what it gives into one")
        return File(path, found.st_size, str(found.st_mtime_ns))


def nearest(pattern: str) -> str:
    """The deepest directory on the way to `pattern` that exists."""
    path = os.path.abspath(names.local_path(pattern))
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def publish(local_file: str, destination: str, settled: bool) -> File:
    """Moves a finished file to `destination`, all at once; with `settled` as if followed by `settle`."""
    destination = names.local_path(destination)
    with failures.explained("publish", destination):
        if not os.path.isfile(local_file):
            raise DolmaStorageError(f"{local_file}: no such file, so {destination} was not written")
        if _is_special(destination):
            raise DolmaStorageError(f"{destination}: not a regular file, so nothing was written there")
        directory = make_directory(os.path.dirname(destination))
        try:
            _sync_file(local_file)
            os.replace(local_file, destination)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _copy_across(local_file, destination)
            os.unlink(local_file)
        _unsettled.add(directory)
    if settled:
        settle()
    published = stat(destination)
    if published is None:
        raise DolmaStorageError(f"{destination}: vanished right after it was written")
    return published


def read_bytes(path: str) -> bytes | None:
    """The content of a small file, or None if it is missing."""
    path = names.local_path(path)
    with failures.explained("read", path):
        try:
            with open(path, "rb") as stream:
                return stream.read()
        except (FileNotFoundError, NotADirectoryError):
            return None


def write_bytes(path: str, data: bytes, durable: bool) -> None:
    """Writes a small file so that it is there whole or not at all.

    A pipe or device (`/dev/stdout`) is written to, never replaced.
    """
    path = names.local_path(path)
    with failures.explained("write", path):
        if _is_special(path):
            with open(path, "ab") as stream:
                stream.write(data)
            return
        directory = make_directory(os.path.dirname(path))
        beside = _unique_beside(path)
        try:
            with open(beside, "xb") as stream:
                stream.write(data)
                if durable:
                    stream.flush()
                    os.fsync(stream.fileno())
            os.replace(beside, path)
        except BaseException:
            remove(beside)
            raise
        if durable:
            _unsettled.add(directory)
    if durable:
        settle()


def sync(path: str) -> None:
    """Waits until the bytes of a file are on the disk; a missing one is fine."""
    if os.path.isfile(path):
        _sync_file(path)
        _unsettled.add(os.path.dirname(path) or ".")


def settle() -> None:
    """Waits until the names of all that was published so far are on the disk."""
    # Another thread may just be waiting for what this one has published.
    with _settling:
        while _unsettled:
            directory = _unsettled.pop()
            with failures.explained("sync", directory):
                _sync_directory(directory)


def free_space(folder: str) -> int:
    """Bytes that this user may still write to the disk of `folder`."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def delete(path: str) -> None:
    """Removes a file; a missing one is fine."""
    path = names.local_path(path)
    with failures.explained("delete", path):
        remove(path)


def clear(folder: str) -> None:
    """Removes a directory with all that is in it; a missing one is fine."""
    path = names.local_path(folder)
    if not os.path.lexists(path):
        return
    import shutil

    with failures.explained("delete", folder), contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path)


def temporary(destination: str) -> str:
    """Where to make the file that will be published at `destination`; its directory exists."""
    directory, name = os.path.split(names.local_path(destination))
    with failures.explained("create the directory of", destination):
        make_directory(directory)
    sweep(directory)
    return os.path.join(directory, names.temporary_name(name))


def sweep(directory: str) -> None:
    """Removes what processes that are no more have left unfinished in `directory`.

    Looks into each directory once: a run asks for every file that it makes there.
    """
    directory = os.path.abspath(directory)
    if directory in _swept:
        return
    _swept.add(directory)
    with contextlib.suppress(OSError):
        for entry in list(_entries(directory)):
            if not names.is_abandoned(entry.name):
                continue
            remove(entry.path)


def remove(path: str) -> None:
    """Removes a file without a word about one that is missing."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(path)


def make_directory(path: str) -> str:
    """Creates a directory with its parents, which are on the disk after `settle`; returns it."""
    path = path or "."
    created: list[str] = []
    above = path
    while above and not os.path.isdir(above):
        created.append(above)
        above = os.path.dirname(above.rstrip("/"))
    os.makedirs(path, exist_ok=True)
    _unsettled.update(os.path.dirname(directory.rstrip("/")) or "." for directory in created)
    return path


class _Disk:
    """The file system as a tree that reads each directory once."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[list[str], list[str]]] = {}

    def file(self, directory: str, name: str) -> File | None:
        return stat(_below(directory, name))

    def directory(self, directory: str, name: str) -> str | None:
        path = _below(directory, name)
        return path if _is_directory(path) else None

    def files(self, directory: str) -> Iterable[str]:
        return self._read(directory)[0]

    def directories(self, directory: str) -> Iterable[str]:
        return self._read(directory)[1]

    def _read(self, directory: str) -> tuple[list[str], list[str]]:
        if directory not in self._seen:
            files: list[str] = []
            directories: list[str] = []
            for entry in _entries(directory):
                if entry.is_dir():
                    if not _leads_back(entry, directory):
                        directories.append(entry.name)
                # A broken link counts as a file, so that matching it is an error and not a gap.
                elif entry.is_file() or entry.is_symlink():
                    files.append(entry.name)
            self._seen[directory] = (files, directories)
        return self._seen[directory]


def _entries(directory: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(directory or ".") as entries:
        yield from entries


def _leads_back(entry: os.DirEntry[str], directory: str) -> bool:
    if not entry.is_symlink():
        return False
    target = os.path.realpath(entry.path)
    here = os.path.realpath(directory or ".")
    return os.path.commonpath([target, here]) == target


def _below(directory: str, name: str) -> str:
    return os.path.join(directory, name)


def _is_directory(path: str) -> bool:
    try:
        return modes.S_ISDIR(os.stat(path or ".").st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _is_special(path: str) -> bool:
    """Whether a rename to `path` would put a file in the place of something that is none."""
    if os.path.abspath(path).startswith("/dev/") and os.path.lexists(path):
        return True  # A link such as /dev/stdout, whatever it leads to.
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (modes.S_ISREG(mode) or modes.S_ISDIR(mode))


def _copy_across(source: str, destination: str) -> None:
    """Copies to the file system of `destination` under a hidden name, then renames."""
    import shutil

    beside = _unique_beside(destination)
    try:
        shutil.copyfile(source, beside)
        _sync_file(beside)
        if os.path.getsize(beside) != os.path.getsize(source):
            raise OSError(errno.EIO, "the copy is shorter than its source", beside)
        os.replace(beside, destination)
    except BaseException:
        remove(beside)
        raise


def _unique_beside(path: str) -> str:
    directory, name = os.path.split(path)
    return os.path.join(directory, names.temporary_name(names.unique_name(name)))


def _sync_file(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_directory(path: str) -> None:
    try:
        handle = os.open(path, os.O_RDONLY)
    except (PermissionError, FileNotFoundError):
        # A directory that may be written to but not listed cannot be opened for syncing, and what is
        # no longer there needs none.
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_DIRECTORY_SYNC:
            raise
    finally:
        os.close(handle)


def copy_over(source: str, destination: str) -> None:
    """Copies `source` over `destination` without a rename, and checks that all of it arrived."""
    import shutil

    make_directory(os.path.dirname(destination))
    shutil.copyfile(source, destination)
    if os.path.getsize(destination) != os.path.getsize(source):
        raise OSError(errno.EIO, "the copy has another size than the file", destination)
