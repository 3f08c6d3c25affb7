"""Models and word lists: where they are, how they get there, and that they are the right ones.

An asset is looked for in `DOLMA_ASSETS` (for machines without a network), in the cache, and in
this package. Nothing is downloaded during a run: `fetch` is called for a URL that the user named
or by `dolma assets --fetch`. A download goes to a temporary name, is checked against its sha256, and
is renamed, so that many processes may fetch the same one.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import tempfile
from pathlib import Path

import msgspec

from .errors import DolmaAssetError

__all__ = ["ASSETS", "Asset", "cache_dir", "fetch", "resolve"]


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """A file that taggers need."""

    name: str
    #: Where it is published; empty for files of this package.
    url: str
    #: Of the published file; empty where it was never at hand to be pinned.
    sha256: str
    license: str
    doc: str
    #: Path below the package's data folder, for assets that come with it.
    bundled: str = ""


_TABLE = [
    Asset(
        name="lid.176.ftz",
        url="https://dl.fbaipublicfiles.com/fasttext/supervised-models/lid.176.ftz",
        sha256="8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83",
        license="CC BY-SA 3.0",
        doc="Language identification, 176 languages, compressed; comes with dolma.",
        bundled="lid.176.ftz",
    ),
    Asset(
        name="lid.176.bin",
        url="https://dl.fbaipublicfiles.com/fasttext/supervised-models/lid.176.bin",
        sha256="7e69ec5451bc261cc7844e49e4792a85d7f09c06789ec800fc4a44aec362764e",
        license="CC BY-SA 3.0",
        doc="Language identification, 176 languages, full precision (126 MB).",
    ),
    Asset(
        name="naughty_words_en.txt",
        url="",
        sha256="",
        license="CC BY 4.0",
        doc="The English list of dirty, naughty, obscene and otherwise bad words (LDNOOBW).",
        bundled="naughty_words_en.txt",
    ),
]

#: Every asset by name.
ASSETS = {asset.name: asset for asset in _TABLE}


def cache_dir() -> Path:
    """The folder of downloaded assets: `DOLMA_CACHE`, else `~/.cache/dolma/assets`."""
    home = os.environ.get("DOLMA_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "dolma"
    )
    return Path(home) / "assets"


def resolve(reference: str) -> str:
    """The local path of a model or list: a path, an asset's name, or a URL (which is fetched).

    Raises `DolmaAssetError` when there is none, saying how to get it.
    """
    if "://" in reference:
        return fetch(reference)
    if reference in ASSETS and not os.path.exists(reference):
        path = find(ASSETS[reference])
        if path is None:
            asset = ASSETS[reference]
            raise DolmaAssetError(
                f"the asset {asset.name} is not on this machine: run `dolma assets --fetch {asset.name}` "
                f"where there is a network, or put the file into the folder that DOLMA_ASSETS names ({asset.url})"
            )
        return path
    path = os.path.abspath(os.path.expanduser(reference))
    if not os.path.isfile(path):
        close = difflib.get_close_matches(reference, list(ASSETS), n=1, cutoff=0.6)
        hint = f"; did you mean the asset {close[0]!r}?" if close else ""
        raise DolmaAssetError(f"{reference} is neither a file, nor a URL, nor the name of an asset{hint}")
    return path


def find(asset: Asset) -> str | None:
    """The local copy of an asset, checked where its sha256 is known; None without one.

    Raises `DolmaAssetError` for a copy with the wrong content.
    """
    folders = [os.environ.get("DOLMA_ASSETS"), str(cache_dir())]
    candidates = [os.path.join(folder, asset.name) for folder in folders if folder]
    if asset.bundled:
        candidates.append(str(Path(__file__).parent / "data" / asset.bundled))
    for path in candidates:
        if os.path.isfile(path):
            _verify(path, asset.sha256)
            return path
    return None


def fetch(reference: str) -> str:
    """Downloads an asset or a URL into the cache, if it is not there; the local path.

    A URL may end in `#sha256=<hex>` to pin its content. Raises `DolmaAssetError` when it cannot be
    downloaded or does not verify.
    """
    if reference in ASSETS:
        asset = ASSETS[reference]
        known = find(asset)
        return known if known is not None else _download(asset.url, cache_dir() / asset.name, asset.sha256)
    url, _, pin = reference.partition("#sha256=")
    name = f"{hashlib.sha256(url.encode()).hexdigest()[:16]}-{url.rstrip('/').rpartition('/')[2] or 'file'}"
    target = cache_dir() / name
    if target.is_file():
        _verify(str(target), pin)
        return str(target)
    return _download(url, target, pin)


def _download(url: str, target: Path, sha256: str) -> str:
    from . import storage
    from .errors import DolmaError

    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as folder:
        try:
            local = storage.stage(url, folder)
        except DolmaError as error:
            raise DolmaAssetError(f"{url} cannot be downloaded: {error}") from error
        _verify(local, sha256)
        os.replace(local, target)
    return str(target)


def _verify(path: str, sha256: str) -> None:
    if not sha256:
        return
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    if digest.hexdigest() != sha256:
        raise DolmaAssetError(
            f"{path} has the sha256 {digest.hexdigest()} where {sha256} is expected; delete it and fetch it again"
        )
