"""What a search for repeated substrings is asked for, as the engine reads it."""

from __future__ import annotations

import msgspec

from ...config.dedupe import AlarmConfig, DedupeConfig, DedupeMethod
from ...errors import DolmaConfigError
from .. import readings
from ..needs import parse_size

__all__ = ["Plan", "check"]

#: Options of other methods, which would have no effect here.
UNUSED = ("keep", "index", "skip_empty", "min_length", "min_words")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The section `dedupe.substring` as the engine reads it."""

    attribute: str
    min_length: int
    unit: str
    merge_distance: int
    explain: bool
    input_format: str | None
    output_format: str | None
    level: int | None


def check(config: DedupeConfig) -> Plan:
    """The plan of a run; needs no documents.

    Raises `DolmaConfigError` for what is wrong with the config.
    """
    readings.part(config)
    method = config.dedupe
    section = method.substring
    assert section is not None
    unset = DedupeMethod()
    unused = [name for name in UNUSED if getattr(method, name) != getattr(unset, name)]
    if method.alarm.cluster_size != AlarmConfig().cluster_size:
        unused.append("alarm.cluster_size")
    for name in unused:
        raise DolmaConfigError(f"dedupe.{name}: dedupe.substring has no use for it; leave it out")
    if config.bloom_filter is not None:
        raise DolmaConfigError("bloom_filter: dedupe.substring has no use for a filter; leave it out")
    if method.alarm.fail:
        raise DolmaConfigError(
            "dedupe.alarm.fail: dedupe.substring only warns; look at its report before a mix"
        )
    parse_size(config.memory)
    return Plan(
        attribute=section.attribute_name,
        min_length=section.min_length,
        unit=section.unit,
        merge_distance=section.merge_distance,
        explain=method.explain,
        input_format=config.compression.input,
        output_format=config.compression.output,
        level=config.compression.level,
    )
