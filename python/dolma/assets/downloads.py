"""Fetching and registering assets, safely for many processes that share a cache.

A download goes to a folder of its own in the cache, is checked, pinned and renamed, all under a lock
for its name: of several processes that want the same file one downloads it, the others wait and take
it. What is killed leaves nothing that could be taken for the file.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile

from .. import storage
from ..errors import DolmaAssetError, DolmaError
from ..spelling import nearest
from . import pins
from .cache import cache_dir, check, file_name, find, known, not_here, pin_of, registered
from .pins import LOCK_NAME
from .policy import current
from .table import ASSETS, Asset

__all__ = ["fetch", "register"]


def fetch(reference: str, *, repin: bool = False) -> str:
    """Downloads an asset or a URL into the cache, if it is not there; the local path.

    A damaged copy in the cache is replaced. With `repin` it is downloaded anew, and the lock file
    takes the content that is published now. Raises `DolmaAssetError` when it cannot be downloaded or
    has not the content that the table or a lock file says.
    """
    asset = known(reference)
    if asset is None:
        raise _unknown(reference)
    target = os.path.join(cache_dir(), file_name(asset))
    if not repin and (here := _usable(asset, target)) is not None:
        return here
    if not asset.url:
        raise not_here(asset)
    try:
        os.makedirs(cache_dir(), exist_ok=True)
        with pins.locked(os.path.join(cache_dir(), f".{os.path.basename(target)}.mutex")):
            if not repin and (here := _usable(asset, target)) is not None:
                return here
            _download(asset, target, repin)
    except OSError as error:
        denied = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
        advice = "; DOLMA_CACHE names another folder for downloads" if denied else ""
        raise DolmaAssetError(f"{target} cannot be written: {error}{advice}") from error
    return target


def _usable(asset: Asset, target: str) -> str | None:
    """The local copy, None where there is none or a damaged one that a download would replace."""
    try:
        return find(asset)
    except DolmaAssetError:
        if asset.url and os.path.isfile(target):
            return None
        raise


def _download(asset: Asset, target: str, repin: bool) -> None:
    prefix = f".fetch-{os.path.basename(target)}-"
    # Whoever left these is gone: the lock on the name is ours.
    for left in os.listdir(cache_dir()):
        if left.startswith(prefix):
            shutil.rmtree(os.path.join(cache_dir(), left), ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=cache_dir(), prefix=prefix) as folder:
        try:
            local = storage.stage(asset.url, folder)
        except DolmaError as error:
            raise DolmaAssetError(f"{asset.url} cannot be downloaded: {error}") from error
        check(asset, local, f"{asset.url} gives", pinned=not repin)
        if not asset.sha256:
            # Before the file is there, so that it never is without its pin.
            pin = pin_of(asset, local)
            for lock in dict.fromkeys([os.path.join(cache_dir(), LOCK_NAME), current().lock]):
                if lock is not None:
                    pins.pin(lock, asset.name, pin, replace=repin)
        os.replace(local, target)


def _unknown(reference: str) -> DolmaAssetError:
    names = [*ASSETS, *(asset.name for asset in registered())]
    close = nearest(reference, names)
    hint = f"; did you mean {close[0]!r}?" if close else " (`dolma assets` shows all)"
    return DolmaAssetError(f"{reference} is neither an asset nor a URL{hint}")


def check_name(name: str) -> None:
    """Raises `DolmaAssetError` for a name that is taken or cannot be a file's."""
    if name in ASSETS or "/" in name or name.startswith(".") or not name or name == LOCK_NAME:
        reason = "is one of dolma's own" if name in ASSETS else "cannot be the name of a file"
        raise DolmaAssetError(f"{name!r} {reason}: register the asset under another name")


def register(name: str, file: str, *, license: str = "", doc: str = "") -> str:
    """Copies a file of the user's into the cache as the asset `name`; the path of the copy.

    One that was registered under this name before is replaced. Raises `DolmaAssetError` for a name
    that is taken or cannot be a file's.
    """
    check_name(name)
    target = os.path.join(cache_dir(), name)
    try:
        os.makedirs(cache_dir(), exist_ok=True)
        with (
            pins.locked(os.path.join(cache_dir(), f".{name}.mutex")),
            tempfile.TemporaryDirectory(dir=cache_dir(), prefix=f".fetch-{name}-") as folder,
        ):
            copy = shutil.copyfile(file, os.path.join(folder, name))
            asset = Asset(name=name, url="", sha256="", license=license, doc=doc)
            pins.pin(os.path.join(cache_dir(), LOCK_NAME), name, pin_of(asset, copy), replace=True)
            os.replace(copy, target)
    except OSError as error:
        raise DolmaAssetError(f"{file} cannot be registered as {name}: {error}") from error
    return target
