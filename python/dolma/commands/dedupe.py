"""`dolma dedupe`: which method a recipe asks for, and its run.

A recipe has one section that says what is compared: `documents` or `paragraphs` (with a Bloom
filter where there is a section `bloom_filter`, exactly otherwise), `minhash`, or `substring`. Each
method is a module with the two functions `check` and `run`.
"""

from __future__ import annotations

from typing import Any, Protocol

from ..config import DedupeConfig
from ..errors import DolmaConfigError
from . import bloom

__all__ = ["check", "run"]

#: The sections of which a recipe has one.
SECTIONS = ("documents", "paragraphs", "minhash", "substring")


class Method(Protocol):
    """A way to deduplicate."""

    def check(self, config: DedupeConfig, /) -> object:
        """Raises `DolmaConfigError` for what is wrong with the config; needs no documents."""

    def run(self, config: DedupeConfig, /, *, brief: bool = False) -> dict[str, Any] | None:
        """Runs it; returns the run report, None for a dry run."""


def run(config: DedupeConfig, *, brief: bool = False) -> dict[str, Any] | None:
    """Runs `dolma dedupe`; returns the run report, None for a dry run.

    `brief` leaves out the effective recipe. Raises `DolmaConfigError` or `DolmaAssetError` before
    any work, `DolmaShardError` after it when shards failed.
    """
    return _method(config).run(config, brief=brief)


def check(config: DedupeConfig) -> object:
    """Checks a recipe as far as it can be without documents.

    Raises `DolmaConfigError` for what is wrong with it.
    """
    return _method(config).check(config)


def _method(config: DedupeConfig) -> Method:
    if not config.documents:
        raise DolmaConfigError("documents: name at least one path")
    given = [name for name in SECTIONS if getattr(config.dedupe, name) is not None]
    if len(given) != 1:
        sections = ", ".join(f"dedupe.{name}" for name in SECTIONS)
        found = f"this recipe has {' and '.join(given)}" if given else "this recipe has none"
        raise DolmaConfigError(f"dedupe: give one of {sections}; {found}")
    if given[0] in ("documents", "paragraphs"):
        if config.bloom_filter is None:
            raise DolmaConfigError("bloom_filter: comparing without one is not there yet in this version")
        return bloom
    raise DolmaConfigError(f"dedupe.{given[0]}: not there yet in this version")
