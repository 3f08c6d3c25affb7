"""Options of `dolma run`: the sections of one recipe."""

from typing import Annotated

from msgspec import Meta

from .common import Config
from .dedupe import DedupeConfig
from .mix import MixConfig
from .tag import TagConfig

__all__ = ["RecipeConfig"]


class RecipeConfig(Config, frozen=True, kw_only=True):
    """Run the sections of one recipe in turn: tag, dedupe, mix."""

    tag: TagConfig | None = None
    dedupe: Annotated[
        DedupeConfig | list[DedupeConfig] | None,
        Meta(description="One deduplication or several (recipe file only)."),
    ] = None
    mix: MixConfig | None = None
    dryrun: Annotated[
        bool, Meta(description="Print the effective recipe, check all sections, start none.")
    ] = False
