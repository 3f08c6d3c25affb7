"""Files that one run at a time may change: an index, a filter.

A run that adds to one reads it first and puts a new one in its place last, so what another adds in
between would be lost. It holds a lock on a hidden file beside it, which the system takes back when
its process ends, however that was. Object stores have no locks, and some mounted file systems have
none: nothing is held there.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .errors import DolmaConfigError
from .storage.names import is_remote, local_path

__all__ = ["held"]


@contextmanager
def held(path: str, key: str) -> Iterator[None]:
    """Holds the lock on `path`, a file or folder that `key` of the recipe names and that need not exist yet.

    Raises `DolmaConfigError` where another run holds it.
    """
    if is_remote(path):
        yield
        return
    folder, name = os.path.split(local_path(path).rstrip("/"))
    lock = os.path.join(folder, f".{name}.lock")
    try:
        os.makedirs(folder or ".", exist_ok=True)
        file = _locked(lock)
    except BlockingIOError:
        raise DolmaConfigError(
            f"{key}: {path} is being added to by another run{_holder(lock)}; wait until that has ended, or give "
            "another name"
        ) from None
    except OSError:
        # Without locks, or where nothing can be written: what is not held is said when it is saved.
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            os.unlink(lock)
        os.close(file)


def _locked(lock: str) -> int:
    """The locked file, which names its holder."""
    while True:
        file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it before may have removed it since it was opened here.
            if os.path.samestat(os.fstat(file), os.stat(lock)):
                os.truncate(file, 0)
                os.write(file, f"process {os.getpid()} on {os.uname().nodename}".encode())
                return file
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _holder(lock: str) -> str:
    with suppress(OSError), open(lock) as file:
        holder = file.read()
        return f", {holder}" if holder else ""
    return ""
