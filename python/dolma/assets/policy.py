"""What a run may do about assets: download known ones, and which lock file holds their pins."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec

from ..errors import DolmaConfigError

__all__ = ["Policy", "current", "policy"]

#: Set to 1, it allows every run to download assets.
FETCH_VARIABLE = "DOLMA_FETCH"


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What is allowed."""

    #: Whether known assets that are not here are downloaded when they are asked for.
    fetch: bool = False
    #: A lock file of the user's, besides the one in the cache.
    lock: str | None = None


_NOTHING = Policy()
_current: ContextVar[Policy] = ContextVar("dolma_assets", default=_NOTHING)


def current() -> Policy:
    """What holds here; `DOLMA_FETCH` allows downloads, too.

    Raises `DolmaConfigError` for a value of the variable that is neither yes nor no.
    """
    return msgspec.structs.replace(_current.get(), fetch=_current.get().fetch or _allowed())


def _allowed() -> bool:
    value = os.environ.get(FETCH_VARIABLE, "")
    if value.lower() not in ("", "0", "1", "true", "false"):
        raise DolmaConfigError(f"{FETCH_VARIABLE} is 1 or 0, not {value!r}")
    return value.lower() in ("1", "true")


@contextmanager
def policy(*, fetch: bool = False, lock: str | None = None) -> Iterator[None]:
    """Allows downloads, or names a lock file, for as long as the context lasts."""
    token = _current.set(Policy(fetch=fetch, lock=lock))
    try:
        yield
    finally:
        _current.reset(token)
