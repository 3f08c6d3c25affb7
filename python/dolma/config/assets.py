"""Options of `dolma assets`."""

from typing import Annotated, Literal

from msgspec import Meta

from .common import POSITIONAL, Config

__all__ = ["AssetsConfig"]

AssetsAction = Literal["list", "fetch", "verify", "path"]


class AssetsConfig(Config, frozen=True, kw_only=True):
    """List models and word lists, fetch them, verify what is here, or print the path of one."""

    action: Annotated[AssetsAction, Meta(description="What to do.", extra=POSITIONAL)] = "list"
    names: Annotated[list[str], Meta(description="Assets or URLs.", extra=POSITIONAL)] = []
    fetch: Annotated[
        list[str], Meta(description="Assets or URLs to download into the cache: another way to say `fetch`.")
    ] = []
    repin: Annotated[
        bool, Meta(description="Fetch anew, and let the lock file take the content that is published now.")
    ] = False
    assets_lock: Annotated[
        str | None,
        Meta(description="Lock file that pins downloads without a checksum, besides the one in the cache."),
    ] = None
