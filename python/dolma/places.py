"""Where in a recipe a key stands, for messages that complain of its value.

What checks a config knows keys and no lines: configs come from flags and from Python, too. The command
line, which knows the file, adds its name and the line to the message. The recipe is read again for it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from . import recipes
from .errors import DolmaConfigError

if TYPE_CHECKING:
    from yaml import Node

__all__ = ["placed"]

#: A message begins with the key that it complains of, perhaps after the file that the config is from.
KEY = re.compile(r"(unknown key ')?((?:\w+)(?:\[\d+\]|\.[\w*-]+)*)")


def placed(error: DolmaConfigError, recipe: str, flags: Iterable[str]) -> DolmaConfigError:
    """The error with the file and line of its key, where the key is one of the recipe and of no flag."""
    message = str(error).removeprefix(f"{recipe}: ")
    key = KEY.match(message)
    if key is None or not _can_be_read_again(recipe):
        return error
    if any(f"{key[2]}.".startswith(f"{flag}.") for flag in flags):
        return type(error)(message)
    if any(flag.startswith(f"{key[2]}.") for flag in flags):
        # Of a section that they share there is no telling whose value it is.
        return error
    line = _line(recipe, [part for part in re.split(r"[.\[\]]+", key[2]) if part])
    return error if line is None else type(error)(f"{recipe}:{line}: {message}")


def _can_be_read_again(recipe: str) -> bool:
    """Whether it is a file: a pipe has given all that it had."""
    from . import storage

    return storage.is_remote(recipe) or os.path.isfile(os.path.expanduser(recipe))


def _line(recipe: str, key: list[str]) -> int | None:
    """The line of a key, or of the innermost section around it that is there; None without any."""
    import yaml

    node, line = yaml.compose(recipes.read(recipe), Loader=yaml.SafeLoader), None
    for part in key:
        found = _below(node, part)
        if found is None:
            break
        node, line = found
    return line


def _below(node: Node | None, part: str) -> tuple[Node, int] | None:
    """What stands under a name or a number, and the line where it begins."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == part:
                return value, name.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
        value = node.value[int(part)]
        return value, value.start_mark.line + 1
    return None
