"""`dolma dedupe`: which method a recipe asks for, and its run.

A recipe has one section that says what is compared: `documents` or `paragraphs` (with a Bloom
filter where there is a section `bloom_filter`, exactly otherwise), `minhash`, or `substring`. Each
method is a module with the two functions `check` and `run`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from ..config.dedupe import DedupeConfig, DedupeMethod
from ..errors import DolmaConfigError

__all__ = ["check", "run", "stages"]

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
    own = config.dedupe.name or getattr(config.dedupe, given[0]).attribute_name
    if own in (config.dedupe.skip_marked or []):
        raise DolmaConfigError(
            f"dedupe.skip_marked: {own} is the attribute set that this run writes; name those of earlier stages"
        )
    # Each is imported where it is asked for: start-up counts where runs are short.
    if given[0] == "substring":
        from . import substring

        return substring
    if given[0] == "minhash" or config.bloom_filter is None:
        if config.bloom_filter is not None:
            raise DolmaConfigError("bloom_filter: dedupe.minhash has no use for a filter; leave it out")
        from . import clusters

        return clusters
    from . import bloom

    _refuse(config, CLUSTERS_ONLY, "a Bloom filter does not know which documents it holds")
    _refuse(config, ["resumable"], "a run with a Bloom filter goes on from what is in the filter")
    return bloom


#: Options that need to know the members of a cluster.
CLUSTERS_ONLY = ("keep", "alarm", "explain", "against", "index")


def _refuse(config: DedupeConfig, names: Sequence[str], why: str) -> None:
    """Refuses options that would have no effect."""
    unset = DedupeMethod()
    for name in names:
        value, default = getattr(config.dedupe, name), getattr(unset, name)
        if value != default:
            raise DolmaConfigError(f"dedupe.{name}: {why}; leave out bloom_filter, or this")


def stages(configs: Sequence[DedupeConfig]) -> list[DedupeConfig]:
    """The stages of a recipe, each comparing only what those before it have left.

    A stage without `skip_marked` gets the sets of the earlier stages that mark whole documents of
    the same files.
    """
    done: list[DedupeConfig] = []
    for config in configs:
        method = config.dedupe
        if method.skip_marked is None and not method.merge_partitions:
            earlier = [
                one.dedupe.name or section.attribute_name
                for one in done
                if one.documents == config.documents and one.dedupe.document_dir == method.document_dir
                if _is_whole(one)
                for section in (one.dedupe.documents, one.dedupe.minhash)
                if section is not None
            ]
            method = msgspec.structs.replace(method, skip_marked=earlier)
        done.append(msgspec.structs.replace(config, dedupe=method))
    return done


def _is_whole(config: DedupeConfig) -> bool:
    """Whether a run writes its attribute set: parts that share out keys write others, to be joined."""
    method = config.dedupe
    parted = method.num_partitions > 1 or config.shard is not None
    return method.merge_partitions or method.file_partition or not parted
