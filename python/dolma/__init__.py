"""dolma: turn raw text into training mixes for language models.

    from dolma import BaseTagger, add_tagger        # write a tagger
    import dolma; dolma.deduper({...})              # run a command from a dict

Importing it is free: no tagger, no model, no network, no logging set-up.
"""

from __future__ import annotations

from typing import Any

from .taggers.base import BaseTagger, BaseTaggerWithMetadata
from .taggers.registry import add_tagger
from .version import __version__

__all__ = ["BaseTagger", "BaseTaggerWithMetadata", "__version__", "add_tagger", "deduper", "mixer", "tagger"]


def tagger(config: dict[str, Any]) -> dict[str, Any] | None:
    """Runs `dolma tag` from a dict with the keys of a recipe; returns the run report.

    Raises `dolma.errors.DolmaError` and its kinds.
    """
    from . import recipes
    from .commands import tag
    from .config import TagConfig

    return tag.run(recipes.load(TagConfig, config, "tagger()"))


def deduper(config: dict[str, Any]) -> dict[str, Any] | None:
    """Runs `dolma dedupe` from a dict with the keys of a recipe; returns the run report.

    Raises `dolma.errors.DolmaError` and its kinds.
    """
    from . import recipes
    from .commands import dedupe
    from .config import DedupeConfig

    return dedupe.run(recipes.load(DedupeConfig, config, "deduper()"))


def mixer(config: dict[str, Any]) -> dict[str, Any] | None:
    """Runs `dolma mix` from a dict with the keys of a recipe; returns the run report.

    Raises `dolma.errors.DolmaError` and its kinds.
    """
    from . import recipes
    from .commands import mix
    from .config import MixConfig

    return mix.run(recipes.load(MixConfig, config, "mixer()"))
