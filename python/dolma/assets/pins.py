"""The lock file of assets: what was fetched first is what is expected ever after.

`assets.lock` is JSON, one entry for each name: sha256, size, URL, day. There is one in the cache, and
a recipe may name one of its own to be kept beside it. Entries are added, never changed by the way:
other content under a pinned name is an error until the user says that it is wanted.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec

from ..errors import DolmaAssetError

__all__ = ["LOCK_NAME", "Pin", "locked", "pin", "read"]

#: The lock file's name in the cache and in `DOLMA_ASSETS`.
LOCK_NAME = "assets.lock"


class Pin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a lock file says of a name."""

    sha256: str
    size: int
    url: str = ""
    #: The day of the first download, UTC, as `2025-01-31`.
    fetched: str = ""
    #: Of files that a user made and registered.
    license: str = ""
    doc: str = ""


def read(path: str) -> dict[str, Pin]:
    """The pins of a lock file by name; none where there is no file, or none that this user may reach.

    Raises `DolmaAssetError` for a file that is no lock file.
    """
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(), type=dict[str, Pin])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        if isinstance(error, PermissionError) and _closed(os.path.dirname(path)):
            return {}
        raise DolmaAssetError(f"{path} cannot be read as a lock file of assets: {error}") from error


def _closed(folder: str) -> bool:
    """Whether this user may not enter a folder, so that what it pins cannot be used either."""
    try:
        os.stat(os.path.join(folder, os.curdir))
    except PermissionError:
        return True
    return False


def pin(path: str, name: str, wanted: Pin, *, replace: bool = False) -> Pin:
    """The pin of `name` in a lock file: the one that is there, else `wanted`, which is written.

    Many processes may do this at once; the first one's stays. Raises `DolmaAssetError` when the file
    cannot be read or written.
    """
    folder = os.path.dirname(os.path.abspath(path))
    try:
        os.makedirs(folder, exist_ok=True)
        with locked(os.path.join(folder, f".{os.path.basename(path)}.mutex")):
            known = read(path)
            if name in known and not replace:
                return known[name]
            known[name] = wanted
            data = msgspec.json.format(msgspec.json.encode(known, order="deterministic"), indent=2)
            _write(path, folder, data + b"\n")
    except OSError as error:
        raise DolmaAssetError(f"{path} cannot be written: {error}") from error
    return wanted


def _write(path: str, folder: str, data: bytes) -> None:
    temporary = os.path.join(folder, f".{os.path.basename(path)}.{os.urandom(8).hex()}")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def today() -> str:
    """The day of a pin."""
    return time.strftime("%Y-%m-%d", time.gmtime())


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Holds the file `path` locked against other processes, which wait; a dead one's lock is gone.

    A file system that has no locks goes without: renames keep files whole there, too.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL):
                raise
        yield
    finally:
        os.close(handle)
