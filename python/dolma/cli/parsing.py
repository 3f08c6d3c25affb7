"""The options of a command as flags: what `argparse` is told, and what it finds.

Every option of a command's config is a flag; nested sections are dotted, lists take several
values, booleans have a `--no-` twin. Loaded where there are flags: `argparse` takes its time.
"""

from __future__ import annotations

import argparse
import functools
import types
import typing
from collections.abc import Sequence
from typing import Any, NoReturn

import msgspec

from .. import recipes
from ..errors import DolmaConfigError
from ..spelling import nearest

__all__ = ["Flag", "flags", "parse"]


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are exceptions, with the nearest valid flag."""

    def error(self, message: str) -> NoReturn:
        raise DolmaConfigError(f"{self.prog}: {message} (`{self.prog} --help` shows all options)")


class Flag(msgspec.Struct, frozen=True):
    """A flag of a command: its dotted name, and how its text becomes a value."""

    name: str
    annotation: Any
    description: str
    #: A second, short name; empty for none.
    short: str = ""
    #: Whether its value may stand without the flag.
    positional: bool = False

    @property
    def kinds(self) -> set[Any]:
        return set(_kinds(self.annotation))

    @property
    def is_bool(self) -> bool:
        return self.kinds - {type(None)} == {bool}

    @property
    def is_list(self) -> bool:
        return list in self.kinds

    def is_in(self, arguments: Sequence[str]) -> bool:
        """Whether one of `arguments` may be this flag."""
        names = (f"--{self.name}", f"--no-{self.name}")
        return any(
            argument.partition("=")[0] in names or (self.short and argument.startswith(self.short))
            for argument in arguments
        )

    def parse(self, text: str) -> Any:
        """The value that `text` stands for; checked later, with everything else."""
        if text.lower() == "null" and type(None) in self.kinds:
            return None
        numeric = self.kinds & {int, float}
        return text.replace("_", "") if numeric and str not in self.kinds else text


def _kinds(annotation: Any) -> list[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _kinds(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [kind for argument in typing.get_args(annotation) for kind in _kinds(argument)]
    if origin is typing.Literal:
        return [str]
    return [origin or annotation]


def _flag(name: str, annotation: Any) -> Flag:
    description = ""
    extra: dict[str, Any] = {}
    for note in getattr(annotation, "__metadata__", ()):
        if isinstance(note, msgspec.Meta):
            description, extra = note.description or description, note.extra or extra
    short, positional = extra.get("short", ""), extra.get("positional", False)
    return Flag(name, annotation, description, short, positional)


def flags(kind: type[msgspec.Struct], prefix: str = "") -> list[Flag]:
    """The flags of a config, nested sections flattened; lists of sections are for recipes only."""
    found = []
    for name, annotation in recipes.hints(kind).items():
        inner = recipes.struct_of(annotation)
        if inner is None:
            found.append(_flag(f"{prefix}{name}", annotation))
        elif list not in _kinds(annotation):
            found += flags(inner, f"{prefix}{name}.")
    return found


def _parser(name: str, kind: type[msgspec.Struct], arguments: Sequence[str]) -> Parser:
    """A parser for `arguments`: of all flags where they ask for help, else of those that they name,
    as most of the time would go into the others."""
    doc = (kind.__doc__ or "").strip()
    known = flags(kind)
    free = [flag for flag in known if flag.positional]
    helps = any(argument.startswith(("-h", "--help")) for argument in arguments)
    if not helps:
        known = [flag for flag in known if flag.is_in(arguments)]
    usage = " ".join(f"[{flag.name.upper()}{' …' if flag.is_list else ''}]" for flag in free)
    parser = Parser(
        prog=f"dolma {name}",
        usage=f"dolma {name} {usage} [options]" if free else None,
        description=doc,
        allow_abbrev=False,
        # Left alone, it asks how wide the terminal is for every flag, even where nothing is printed.
        formatter_class=functools.partial(argparse.HelpFormatter, width=None if helps else 80),
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument(
        "-c", "--config", metavar="RECIPE", help="YAML or JSON file with any of these options."
    )
    for flag in known:
        text = flag.description.replace("%", "%%")
        given = [flag.short, f"--{flag.name}"] if flag.short else [f"--{flag.name}"]
        if flag.is_bool:
            parser.add_argument(*given, dest=flag.name, action="store_true", help=text)
            parser.add_argument(
                f"--no-{flag.name}", dest=flag.name, action="store_false", help=argparse.SUPPRESS
            )
        else:
            nargs = "*" if flag.is_list else None
            parser.add_argument(
                *given, dest=flag.name, nargs=nargs, type=flag.parse, help=text, metavar="VALUE"
            )
    return parser


def _normal(argument: str) -> str:
    """`--max-bad-records=3` as `--max_bad_records=3`; `--no-` stays."""
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument[2:].partition("=")
    if name.startswith("tagger_options."):
        # Taggers are called as they are called: dclm-oh-eli5.
        return argument
    prefix = "no-" if name.startswith("no-") else ""
    return f"--{prefix}{name.removeprefix('no-').replace('-', '_')}{equals}{value}"


def parse(
    name: str, kind: type[msgspec.Struct], arguments: Sequence[str]
) -> tuple[str | None, dict[str, Any]]:
    """The recipe's path and the values of the flags in `arguments`.

    Raises `DolmaConfigError` for an unknown flag, with the nearest one.
    """
    arguments = [_normal(argument) for argument in arguments]
    known, rest = _parser(name, kind, arguments).parse_known_args(arguments)
    values = vars(known)
    values.update(_tagger_options(name, rest))
    _positionals(kind, values, rest)
    if rest:
        known_flags = flags(kind)
        names = [f"--{flag.name}" for flag in known_flags]
        names += [f"--no-{flag.name}" for flag in known_flags if flag.is_bool]
        stray = next((argument for argument in rest if argument.startswith("-")), rest[0])
        close = nearest(stray.partition("=")[0], names)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise DolmaConfigError(
            f"dolma {name}: unknown option {stray}{hint} (`dolma {name} --help` shows all)"
        )
    return values.pop("config", None), values


def _positionals(kind: type[msgspec.Struct], values: dict[str, Any], rest: list[str]) -> None:
    """Takes what stands without a flag out of `rest`, in the order of the config's fields."""
    for flag in flags(kind):
        while flag.positional and rest and not rest[0].startswith("-"):
            value = flag.parse(rest.pop(0))
            if flag.is_list:
                values.setdefault(flag.name, []).append(value)
            else:
                values[flag.name] = value
                break


def _tagger_options(name: str, rest: list[str]) -> dict[str, Any]:
    """Takes `--tagger_options.<tagger>.<key> VALUE` out of `rest`: taggers have options of their own."""
    found: dict[str, Any] = {}
    index = 0
    while name == "tag" and index < len(rest):
        flag, equals, value = rest[index].partition("=")
        parts = flag.removeprefix("--").split(".")
        if not flag.startswith("--tagger_options.") or len(parts) != 3:
            index += 1
            continue
        if not equals:
            if index + 1 >= len(rest):
                raise DolmaConfigError(f"dolma tag: {flag} needs a value")
            value = rest.pop(index + 1)
        rest.pop(index)
        import yaml

        found[".".join(parts)] = yaml.safe_load(value)
    return found
