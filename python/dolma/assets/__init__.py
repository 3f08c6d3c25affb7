"""Models and word lists: what there is, where they are, how they get there, and that they are the
right ones.

`table` declares the known ones; `cache` finds files and `downloads` fetches them; `pins` keeps the lock file that
holds what has no published checksum to its first content. An asset is looked for in `DOLMA_ASSETS`
(for machines without a network; only read), in the cache, in packages that carry it, and in this
one. A run downloads nothing unless it is allowed to: see `policy`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .cache import cache_dir, find, known, registered, resolve, resolve_all, verify
from .pins import LOCK_NAME, Pin
from .policy import policy
from .table import ASSETS, Asset

if TYPE_CHECKING:
    from .downloads import fetch, register

__all__ = [
    "ASSETS",
    "LOCK_NAME",
    "Asset",
    "Pin",
    "cache_dir",
    "fetch",
    "find",
    "known",
    "policy",
    "register",
    "registered",
    "resolve",
    "resolve_all",
    "verify",
]


def __getattr__(name: str) -> Any:
    # Most runs fetch nothing, and are spared what that needs.
    if name not in ("fetch", "register"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import downloads

    return getattr(downloads, name)
