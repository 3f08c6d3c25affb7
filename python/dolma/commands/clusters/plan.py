"""What a deduplication that forms clusters is to do, as the engine reads it."""

from __future__ import annotations

from typing import Any

import msgspec

from ...config.dedupe import DedupeConfig
from ...errors import DolmaConfigError
from .. import minhash, readings
from ..minhash import MinhashPlan
from ..needs import parse_size

__all__ = ["Plan", "check", "keys"]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The section `dedupe` as the engine reads it."""

    attribute: str
    key: str | None
    normalize: list[str]
    separator: str | None
    minhash: MinhashPlan | None
    skip_empty: bool
    min_length: int
    min_words: int
    policy: str
    field: str | None
    keep_attribute: str | None
    keep_sources: list[str]
    explain: bool
    references: int
    indexed: int
    remember: bool
    marks: int
    input_format: str | None
    output_format: str | None
    level: int | None


def keys(plan: Plan) -> dict[str, Any]:
    """How keys are made."""
    names = ("key", "normalize", "separator", "skip_empty", "min_length", "min_words")
    made = {name: getattr(plan, name) for name in names}
    if plan.minhash is not None:
        made["minhash"] = msgspec.to_builtins(plan.minhash)
        # It is asked for where similarities are known, and that is after all is read.
        del made["minhash"]["threshold"]
    return made


def check(config: DedupeConfig) -> Plan:
    """The plan of a run, as far as the config alone says; needs no documents.

    Raises `DolmaConfigError` for what is wrong with it.
    """
    from ... import _core

    readings.part(config)
    method = config.dedupe
    section = method.documents or method.paragraphs or method.minhash
    assert section is not None
    if method.paragraphs is not None and method.paragraphs.by_ngram is not None:
        raise DolmaConfigError(
            "dedupe.paragraphs.by_ngram: n-grams are compared with a Bloom filter; give one"
        )
    keep = method.keep
    _check_keep(config)
    if method.index is not None and method.minhash is None and keep.policy != "first":
        raise DolmaConfigError(
            "dedupe.index: an exact deduplication leaves earlier verdicts as they are, and only keep.policy first does "
            "that; name earlier files in dedupe.against instead"
        )
    plan = Plan(
        attribute=section.attribute_name,
        key=method.documents.key if method.documents is not None else None,
        # The steps run in one order, however they are listed.
        normalize=sorted(set(method.documents.normalize)) if method.documents is not None else [],
        separator=method.paragraphs.paragraph_separator if method.paragraphs is not None else None,
        minhash=minhash.plan(method.minhash) if method.minhash is not None else None,
        skip_empty=method.skip_empty,
        min_length=method.min_length,
        min_words=method.min_words,
        policy=keep.policy,
        field=keep.field,
        keep_attribute=keep.attribute,
        keep_sources=keep.sources,
        explain=method.explain,
        references=0,
        indexed=0,
        remember=method.index is not None and method.minhash is None and not method.index.read_only,
        marks=len(method.skip_marked or []),
        input_format=config.compression.input,
        output_format=config.compression.output,
        level=config.compression.level,
    )
    _core.Clusters.check(plan)
    minhash.encoder(method.minhash)
    parse_size(config.memory)
    return plan


def _check_keep(config: DedupeConfig) -> None:
    keep = config.dedupe.keep
    wanted = {
        "oldest": ("field",),
        "newest": ("field",),
        "highest": ("attribute_set", "attribute"),
        "source": ("sources",),
    }.get(keep.policy, ())
    for option in ("field", "attribute_set", "attribute", "sources"):
        if option in wanted and not getattr(keep, option):
            raise DolmaConfigError(f"dedupe.keep.{option}: the policy {keep.policy} needs it")
        if option not in wanted and getattr(keep, option):
            raise DolmaConfigError(f"dedupe.keep.{option}: the policy {keep.policy} has no use for it")
