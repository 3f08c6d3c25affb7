"""Folders for what a run needs only while it works, in the system's place for such things or another.

A run removes its own. One that was killed cannot, so each folder holds a locked file: the system
takes the lock back when its process ends, however that was, and the next run removes the folders
that nobody holds. Folders of other users and other machines are left alone. One without the file may
just be made, or be removed: where that was cut off, it stays empty, and goes after a day.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["folder", "folder_if", "place", "remove", "sweep"]

#: What the names of these folders begin with.
PREFIX = "dolma-"
#: The locked file. It names the machine: where folders are shared, another's locks may not be seen.
LOCK = ".dolma-lock"
#: What it is called until it is locked.
UNSEEN = f"{LOCK}-new"
NAME = rf"{PREFIX}[a-z]+-[0-9a-f]{{12}}"
#: Seconds after which a folder without its locked file is neither being made nor being removed.
UNFINISHED = 24 * 3600


@contextmanager
def folder(kind: str, where: str | None = None) -> Iterator[str]:
    """An empty folder, gone afterwards, in `where` or the system's place; `kind` is for those who look
    at what is there."""
    where = place() if where is None else where
    sweep(where)
    made = os.path.join(where, f"{PREFIX}{kind}-{os.urandom(6).hex()}")
    os.mkdir(made, 0o700)
    try:
        with _locked(made):
            yield made
    finally:
        remove(made)


@contextmanager
def folder_if(needed: bool, kind: str) -> Iterator[str]:
    """The same where it is `needed`; else an empty path, which is none: making a folder takes its time."""
    if not needed:
        yield ""
        return
    with folder(kind) as made:
        yield made


def place() -> str:
    """The system's folder for temporary files, as `tempfile` chooses it."""
    for named in (*map(os.environ.get, ("TMPDIR", "TEMP", "TMP")), "/tmp"):
        if named and os.path.isdir(named) and os.access(named, os.W_OK | os.X_OK):
            return os.path.abspath(named)
    import tempfile

    return tempfile.gettempdir()


def remove(folder: str) -> None:
    """Removes a folder with all that is in it, as far as that can be done; a missing one is fine."""
    with suppress(OSError):
        # Most hold nothing else, and the module that removes trees loads three codecs.
        if set(os.listdir(folder)) <= {LOCK}:
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, LOCK))
            os.rmdir(folder)
    if os.path.lexists(folder):
        import shutil

        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(made: str) -> Iterator[None]:
    # Locked before it has the name by which others find it.
    unseen = os.path.join(made, UNSEEN)
    with open(unseen, "w") as file:
        with suppress(OSError):
            # Where there are no locks, nobody finds the folder.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.write(os.uname().nodename)
            file.flush()
            os.rename(unseen, os.path.join(made, LOCK))
        yield


def sweep(where: str) -> None:
    """Removes what killed runs of this user have left on this machine."""
    with suppress(OSError), os.scandir(where) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX):
                with suppress(OSError):
                    _remove_abandoned(entry)


def _remove_abandoned(entry: os.DirEntry[str]) -> None:
    if not entry.is_dir(follow_symlinks=False) or entry.stat(follow_symlinks=False).st_uid != os.geteuid():
        return
    try:
        with open(os.path.join(entry.path, LOCK)) as file:
            # Raises where its process lives.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if file.read() == os.uname().nodename:
                remove(entry.path)
    except FileNotFoundError:
        _remove_unfinished(entry)


def _remove_unfinished(entry: os.DirEntry[str]) -> None:
    """Removes a folder that was never locked, or that was removed but for itself."""
    age = time.time() - entry.stat(follow_symlinks=False).st_mtime
    if re.fullmatch(NAME, entry.name) and age > UNFINISHED and set(os.listdir(entry.path)) <= {UNSEEN}:
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(entry.path, UNSEEN))
        os.rmdir(entry.path)
