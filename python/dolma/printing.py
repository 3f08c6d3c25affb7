"""A config as YAML, for people to read and for `dolma -c` to read back.

What a config holds is simple (mappings, lists, numbers, text), so it is written here: to import a
library for YAML takes longer than most of what a command does before it starts to work.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

__all__ = ["to_yaml"]

#: Text that needs no quotes: no sign of YAML's, no digit in front, and no space.
_PLAIN = re.compile(r"[A-Za-z_/$](?:[A-Za-z0-9_/$.*+@%=~^()|<>-]|:(?=/))*", re.ASCII)

#: What YAML 1.1 takes for a truth value or for nothing.
_WORDS = frozenset(("y", "n", "yes", "no", "true", "false", "on", "off", "null"))

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def to_yaml(value: Any) -> str:
    """Mappings, lists, numbers, text, truth values and None as a document of YAML 1.1."""
    return "".join(f"{line}\n" for line in _lines(value))


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            head = f"{_scalar(key)}:"
            if isinstance(item, (dict, list)) and item:
                yield head
                indent = "  " if isinstance(item, dict) else ""
                yield from (indent + line for line in _lines(item))
            else:
                yield f"{head} {_scalar(item)}"
    elif isinstance(value, list) and value:
        for item in value:
            yield from (("  " if index else "- ") + line for index, line in enumerate(_lines(item)))
    else:
        yield _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
        return value if plain else f'"{"".join(map(_escaped, value))}"'
    if isinstance(value, float):
        return _float(value)
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return str(value)


def _escaped(character: str) -> str:
    if character in _ESCAPES or character.isprintable():
        return _ESCAPES.get(character, character)
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _float(number: float) -> str:
    """YAML 1.1 asks for a dot in every number that is no integer, and spells infinity its own way."""
    text = repr(number)
    if "n" in text:
        return text.replace("inf", ".inf").replace("nan", ".nan")
    return text if "." in text else text.replace("e", ".0e")
