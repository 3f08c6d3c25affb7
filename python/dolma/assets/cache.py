"""Finding the files of assets on this machine, and that each is what it should be."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence

from ..errors import DolmaAssetError
from ..spelling import nearest
from . import pins
from .pins import LOCK_NAME, Pin
from .policy import FETCH_VARIABLE, current
from .table import ASSETS, Asset

__all__ = [
    "cache_dir",
    "find",
    "known",
    "registered",
    "resolve",
    "resolve_all",
    "verify",
]

#: The data folder of this package.
_DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data")


def cache_dir() -> str:
    """The folder of downloaded assets: `assets` below `DOLMA_CACHE`, else below `~/.cache/dolma`."""
    home = os.environ.get("DOLMA_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "dolma"
    )
    return os.path.join(home, "assets")


def known(reference: str) -> Asset | None:
    """What a name or URL stands for: an asset of the table, one that was registered, or a file on the
    web, whose pin may follow as `#sha256=<hex>`; None for anything else."""
    if reference in ASSETS:
        return ASSETS[reference]
    if "://" in reference:
        url, _, sha256 = reference.partition("#sha256=")
        return Asset(name=url, url=url, sha256=sha256, license="", doc="")
    return next((asset for asset in registered() if asset.name == reference), None)


def registered() -> list[Asset]:
    """Files that were registered on this machine, and URLs that were fetched."""
    found: dict[str, Asset] = {}
    for lock in _locks():
        for name, pin in pins.read(lock).items():
            if name not in ASSETS:
                found.setdefault(
                    name,
                    Asset(
                        name=name,
                        url=pin.url,
                        sha256="",
                        license=pin.license,
                        doc=pin.doc,
                        size=pin.size,
                    ),
                )
    return list(found.values())


def resolve(reference: str) -> str:
    """The local path of a model or list: a path, an asset's name, or a URL (which is fetched).

    Raises `DolmaAssetError` when there is none, saying how to get it.
    """
    return resolve_all([reference])[0]


def resolve_all(references: Sequence[str]) -> list[str]:
    """The local paths of several, as `resolve` gives them; the error names all that are not here."""
    found: list[str] = []
    absent: list[Asset] = []
    for reference in references:
        asset = None if os.path.exists(reference) else known(reference)
        if asset is None:
            found.append(_local(reference))
            continue
        path = find(asset)
        if path is None:
            # Who writes a URL into a recipe wants it fetched; a name may stand for gigabytes.
            if "://" not in reference and not (asset.url and current().fetch):
                absent.append(asset)
                continue
            from .downloads import fetch

            path = fetch(reference)
        _pin_first_use(asset, path)
        found.append(path)
    if absent:
        raise not_here(*absent)
    return found


def _local(reference: str) -> str:
    path = os.path.abspath(os.path.expanduser(reference))
    if not os.path.isfile(path):
        names = [*ASSETS, *(asset.name for asset in registered())]
        close = nearest(reference, names, cutoff=0.6)
        hint = f"; did you mean the asset {close[0]!r}?" if close else ""
        raise DolmaAssetError(f"{reference} is neither a file, nor a URL, nor the name of an asset{hint}")
    return path


def not_here(*assets: Asset) -> DolmaAssetError:
    """The error for assets that are not on this machine, with the ways to get them."""
    names = " ".join(asset.name for asset in assets)
    subject, file = ("the asset", "file") if len(assets) == 1 else (f"{len(assets)} assets", "files")
    missing = f"{subject} {names} {'is' if len(assets) == 1 else 'are'} not on this machine"
    folder = f"put the {file} into the folder that DOLMA_ASSETS names"
    if not all(asset.url for asset in assets):
        return DolmaAssetError(f"{missing}: {folder}")
    source = f" ({assets[0].url})" if len(assets) == 1 else ""
    return DolmaAssetError(
        f"{missing}: run `dolma assets fetch {names}` where there is a network, set {FETCH_VARIABLE}=1 to let runs "
        f"download, or {folder}{source}"
    )


def find(asset: Asset) -> str | None:
    """The local copy of an asset, checked against what is known of its content; None without one.

    Raises `DolmaAssetError` for a copy with the wrong content.
    """
    for path in _candidates(asset):
        if os.path.isfile(path):
            check(asset, path, f"{path} has")
            return path
    return None


def _candidates(asset: Asset) -> list[str]:
    """Where the file may be, in the order of preference."""
    found = []
    if folder := os.environ.get("DOLMA_ASSETS"):
        found.append(os.path.join(folder, file_name(asset)))
        if asset.sha256 and asset.name == asset.url:
            # A pinned download may lie there under its own name; its content says that it is the one.
            found.append(os.path.join(folder, _last_part(asset.url)))
    found.append(os.path.join(cache_dir(), file_name(asset)))
    for place in asset.packages:
        package, _, path = place.partition(":")
        found += [os.path.join(folder, path) for folder in _package_folders(package)]
    if asset.bundled:
        found.append(os.path.join(_DATA, asset.bundled))
    return found


def _package_folders(package: str) -> list[str]:
    from importlib.util import find_spec

    try:
        spec = find_spec(package)
    except ModuleNotFoundError:
        return []
    return list(spec.submodule_search_locations or []) if spec is not None else []


def file_name(asset: Asset) -> str:
    """What the file of an asset is called in the cache and in `DOLMA_ASSETS`."""
    if "://" not in asset.name:
        return asset.name
    # Not before: to define a tagger needs no engine.
    from .._core import sha256

    return f"{sha256(asset.url.encode())[:16]}-{_last_part(asset.url)}"


def _last_part(url: str) -> str:
    return url.rstrip("/").rpartition("/")[2] or "file"


def _locks() -> list[str]:
    """The lock files that count here: the user's, that of `DOLMA_ASSETS`, the cache's."""
    folder = os.environ.get("DOLMA_ASSETS")
    places = [
        current().lock,
        folder and os.path.join(folder, LOCK_NAME),
        os.path.join(cache_dir(), LOCK_NAME),
    ]
    return [place for place in places if place]


def check(asset: Asset, path: str, subject: str, *, pinned: bool = True) -> None:
    """Raises `DolmaAssetError` when a file is not what the table, or with `pinned` a lock file, says."""
    wanted = [(asset.sha256, "")] if asset.sha256 else []
    for lock in _locks() if pinned else []:
        pin = pins.read(lock).get(asset.name)
        if pin is not None:
            wanted.append((pin.sha256, lock))
    for sha256, lock in wanted:
        if digest(path) == sha256:
            continue
        raise DolmaAssetError(
            f"{subject} the sha256 {digest(path)} where {sha256} is expected{_advice(asset, lock, path)}"
        )


def _advice(asset: Asset, lock: str, path: str) -> str:
    if not lock:
        return _advice_on_pinned(asset, path)
    folder = os.environ.get("DOLMA_ASSETS")
    if folder and os.path.dirname(os.path.abspath(path)) == os.path.abspath(folder):
        # Fetching changes nothing there, and where there is no network it is no advice at all.
        return (
            f" ({lock} pins it); look where the file was copied from and put the right one there, or, if this content "
            f"is wanted, take {asset.name} out of {lock}"
        )
    if not asset.url:
        return f" ({lock} pins it); put the right file back, or register the new one"
    return f" ({lock} pins it); if the new content is wanted, run `dolma assets fetch {asset.name} --repin`"


def _advice_on_pinned(asset: Asset, path: str) -> str:
    """What to do about other content than the table, or `#sha256=` in a URL, asks for."""
    given = asset.name == asset.url
    name = f"'{asset.url}#sha256={asset.sha256}'" if given else asset.name
    place = os.path.dirname(path)
    if place == cache_dir():
        condition = "if `#sha256=` in the address is right, " if given else ""
        return f"; {condition}run `dolma assets fetch {name}` to fetch it again"
    if os.path.dirname(place) != cache_dir():
        # In DOLMA_ASSETS or in a package, where fetching changes nothing.
        return "; put the right file there"
    if given:
        return "; correct what stands behind `#sha256=`, or the address"
    return "; what is published has changed, or was damaged on its way"


def digest(path: str) -> str:
    """The sha256 of a file; taken once in a process as long as the file is the same."""
    known = os.stat(path)
    return _digest(path, known.st_ino, known.st_size, known.st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _digest(path: str, inode: int, size: int, modified: int) -> str:
    # Loads OpenSSL, and most runs have nothing to check.
    import hashlib

    taken = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            taken.update(chunk)
    return taken.hexdigest()


def _pin_first_use(asset: Asset, path: str) -> None:
    """Writes what has no checksum of its own into the user's lock file."""
    lock = current().lock
    if lock is not None and not asset.sha256 and asset.name not in pins.read(lock):
        pins.pin(lock, asset.name, pin_of(asset, path))


def pin_of(asset: Asset, path: str) -> Pin:
    """The pin that holds an asset to the content of a file."""
    return Pin(
        sha256=digest(path),
        size=os.path.getsize(path),
        url=asset.url,
        fetched=pins.today() if asset.url else "",
        license=asset.license,
        doc=asset.doc,
    )


def verify(asset: Asset) -> str | None:
    """The path of the local copy after its content was read and checked anew; None without one.

    Raises `DolmaAssetError` for a copy with the wrong content.
    """
    _digest.cache_clear()
    return find(asset)
