"""dolma: turn raw text into training mixes for language models.

    from dolma import BaseTagger, add_tagger        # write a tagger
    import dolma; dolma.deduper({...})              # run a command from a dict

Importing it is free: no tagger, no model, no network, no logging set-up.
"""

from __future__ import annotations

from .version import __version__

# Not from `typing`: it is large, and `dolma.__main__` holds the collector off before it loads anything large.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .taggers.base import BaseTagger, BaseTaggerWithMetadata
    from .taggers.registry import add_tagger

__all__ = ["BaseTagger", "BaseTaggerWithMetadata", "__version__", "add_tagger", "deduper", "mixer", "tagger"]

#: Public names by the module they come from: a command that runs no tagger does without those.
_LAZY = {
    "BaseTagger": "dolma.taggers.base",
    "BaseTaggerWithMetadata": "dolma.taggers.base",
    "add_tagger": "dolma.taggers.registry",
}


#: Modules that `import dolma` is enough for.
_MODULES = ("document", "errors", "taggers")


def __getattr__(name: str) -> Any:
    if name not in _LAZY and name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    if name in _MODULES:
        return importlib.import_module(f"dolma.{name}")
    value = globals()[name] = getattr(importlib.import_module(_LAZY[name]), name)
    return value


def tagger(config: dict[str, Any]) -> dict[str, Any] | None:
    """Runs `dolma tag` from a dict with the keys of a recipe; returns the run report.

    Without `processes`, taggers in Python run in the calling process: there need be no
    `if __name__ == "__main__"`, taggers may be defined right there, and one that crashes takes the program along.
    Raises `dolma.errors.DolmaError` and its kinds.
    """
    from . import recipes
    from .commands import tag
    from .config.tag import TagConfig

    return tag.run(recipes.load(TagConfig, config, "tagger()"), called=True)


def deduper(config: dict[str, Any]) -> dict[str, Any] | None:
    """Runs `dolma dedupe` from a dict with the keys of a recipe; returns the run report.

    Raises `dolma.errors.DolmaError` and its kinds.
    """
    from . import recipes
    from .commands import dedupe
    from .config.dedupe import DedupeConfig

    return dedupe.run(recipes.load(DedupeConfig, config, "deduper()"))


def mixer(config: dict[str, Any]) -> dict[str, Any] | None:
    """Runs `dolma mix` from a dict with the keys of a recipe; returns the run report.

    Raises `dolma.errors.DolmaError` and its kinds.
    """
    from . import recipes
    from .commands import mix
    from .config.mix import MixConfig

    return mix.run(recipes.load(MixConfig, config, "mixer()"))
