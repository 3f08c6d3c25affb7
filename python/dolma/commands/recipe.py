"""`dolma run`: the sections of one recipe, one after the other.

Everything that can be known beforehand is checked before the first section starts, so that a wrong
rule of the mix does not come to light after hours of tagging. The first section that fails ends
the run; what is finished stays, and the same command goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from .. import recipes
from ..config.common import RunConfig
from ..config.dedupe import DedupeConfig
from ..config.recipe import RecipeConfig
from ..errors import DolmaConfigError, DolmaError
from . import dedupe, mix, session, tag

__all__ = ["run"]


class Section(msgspec.Struct, frozen=True):
    """A section of the recipe with the command that runs it."""

    #: As messages call it: `tag`, `dedupe[1]`.
    name: str
    config: RunConfig
    check: Callable[[Any], object]
    execute: Callable[..., dict[str, Any] | None]


def run(config: RecipeConfig) -> dict[str, dict[str, Any] | None] | None:
    """Runs the sections in the order tag, dedupe, mix; returns their reports by name.

    None for a dry run, which checks every section and starts none. Raises what the commands raise,
    with the section's name before the key that is wrong.
    """
    sections = _sections(config)
    if not sections:
        raise DolmaConfigError(
            "the recipe has none of the sections tag, dedupe, mix: there is nothing to run"
        )
    for section in sections:
        with _named(section):
            section.check(section.config)
    if config.dryrun or any(section.config.dryrun for section in sections):
        print(recipes.to_yaml(config), flush=True)
        session.say(
            f"run: {', '.join(section.name for section in sections)} are in order; nothing was started"
        )
        return None
    reports: dict[str, dict[str, Any] | None] = {}
    for index, section in enumerate(sections):
        with _named(section):
            try:
                reports[section.name] = section.execute(section.config, brief=True)
            except BaseException:
                left = [later.name for later in sections[index + 1 :]]
                session.say(
                    f"run: stopped at {section.name}" + (f"; not started: {', '.join(left)}" if left else "")
                )
                raise
    for name, stream in ((reports.get("mix") or {}).get("details", {})).get("streams", {}).items():
        print("\n".join(mix.funnel(name, stream)), flush=True)
    return reports


def _sections(config: RecipeConfig) -> list[Section]:
    found = []
    if config.tag is not None:
        found.append(Section("tag", config.tag, tag.check, tag.run))
    if isinstance(config.dedupe, DedupeConfig):
        found.append(Section("dedupe", config.dedupe, dedupe.check, dedupe.run))
    else:
        for index, one in enumerate(dedupe.stages(config.dedupe or [])):
            found.append(Section(f"dedupe[{index}]", one, dedupe.check, dedupe.run))
    if config.mix is not None:
        found.append(Section("mix", config.mix, mix.check, mix.run))
    return found


@contextmanager
def _named(section: Section) -> Iterator[None]:
    """Puts the section's name before the key that an error of its command complains of."""
    try:
        yield
    except DolmaError as error:
        key = str(error).partition(":")[0].partition(".")[0].partition("[")[0]
        joint = "." if key in section.config.__struct_fields__ else ": "
        raise type(error)(f"{section.name}{joint}{error}") from error
