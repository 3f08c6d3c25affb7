"""Options of `dolma list`."""

from typing import Annotated

from msgspec import Meta

from .common import POSITIONAL, Config

__all__ = ["ListConfig"]


class ListConfig(Config, frozen=True, kw_only=True):
    """List the available taggers, or show all that is known of some."""

    names: Annotated[
        list[str], Meta(description="Show the whole documentation of these taggers.", extra=POSITIONAL)
    ] = []
    tagger_modules: Annotated[
        list[str], Meta(description="Modules (dotted names or paths) that register custom taggers.")
    ] = []
    verbose: Annotated[
        str | None, Meta(description="Show the whole documentation of this tagger.", extra={"short": "-v"})
    ] = None
