"""The command line, derived from `dolma.config`.

    dolma [-c RECIPE] COMMAND [-c RECIPE] [--dotted.key VALUE …]

Flags win over the recipe. Exit codes are those of `dolma.errors`; a user's mistake is one message
on standard error, never a traceback.
"""

from __future__ import annotations

import os
import sys
import typing
from collections.abc import Sequence
from importlib import import_module

import msgspec

from .. import recipes
from ..errors import DolmaConfigError, DolmaError, DolmaStorageError
from ..spelling import nearest
from ..version import __version__

__all__ = ["main"]


class Command(msgspec.Struct, frozen=True):
    """A command: the module of `dolma.config` and of `dolma.commands` that is its own, and the Struct
    of its options there; loaded when it is the one that runs."""

    module: str
    options: str

    @property
    def config(self) -> type[msgspec.Struct]:
        found: type[msgspec.Struct] = getattr(import_module(f"dolma.config.{self.module}"), self.options)
        return found

    def run(self, config: msgspec.Struct) -> None:
        import_module(f"dolma.commands.{self.module}").run(config)


COMMANDS = {
    "tag": Command("tag", "TagConfig"),
    "dedupe": Command("dedupe", "DedupeConfig"),
    "mix": Command("mix", "MixConfig"),
    "run": Command("recipe", "RecipeConfig"),
    "list": Command("listing", "ListConfig"),
    "assets": Command("assets", "AssetsConfig"),
    "train": Command("train", "TrainConfig"),
}

#: Commands of the published tool that are not there yet.
LATER = ("tokens", "stat", "warc")


def _usage() -> str:
    lines = ["usage: dolma [-c RECIPE] COMMAND [options]", "", "commands:"]
    for name, command in COMMANDS.items():
        lines.append(f"  {name:<8} {(command.config.__doc__ or '').strip().splitlines()[0]}")
    return "\n".join(
        [*lines, "", "`dolma COMMAND --help` shows the options of one; `dolma --version` the version."]
    )


def _split(arguments: list[str]) -> tuple[str | None, str | None, list[str]]:
    """A recipe named before the command, the command, and what follows it."""
    recipe = None
    while arguments and arguments[0].startswith("-"):
        first = arguments.pop(0)
        if first in ("-c", "--config"):
            if not arguments:
                raise DolmaConfigError(f"dolma: {first} needs the path of a recipe")
            recipe = arguments.pop(0)
        elif first.startswith("--config="):
            recipe = first.partition("=")[2]
        elif first in ("-h", "--help"):
            print(_usage())
            raise SystemExit(0)
        elif first in ("-V", "--version"):
            print(f"dolma {__version__}")
            raise SystemExit(0)
        else:
            raise DolmaConfigError(f"dolma: unknown option {first}\n\n{_usage()}")
    return recipe, (arguments.pop(0) if arguments else None), arguments


def _given(name: str, command: Command, arguments: list[str]) -> tuple[str | None, dict[str, typing.Any]]:
    """The recipe and the values of the flags that follow a command."""
    match arguments:
        case []:
            return None, {}
        case ["-c" | "--config", recipe] if not recipe.startswith("-"):
            return recipe, {}
    from . import parsing

    return parsing.parse(name, command.config, arguments)


def run(arguments: list[str]) -> None:
    """Runs one command line; raises what goes wrong."""
    before, name, rest = _split(arguments)
    if name is None:
        raise DolmaConfigError(f"dolma: which command?\n\n{_usage()}")
    if name in LATER:
        raise DolmaConfigError(f"dolma: {name} is not there yet in version {__version__}")
    if name not in COMMANDS:
        close = nearest(name, COMMANDS, cutoff=0.6)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise DolmaConfigError(f"dolma: there is no command {name!r}{hint}\n\n{_usage()}")
    command = COMMANDS[name]
    recipe, values = _given(name, command, rest)
    recipe = recipe or before
    raw = recipes.read_file(recipe) if recipe is not None else {}
    try:
        typed = recipes.load(command.config, recipes.merge(raw, values), recipe or "command line")
        command.run(typed)
    except DolmaConfigError as error:
        if recipe is None:
            raise
        from .. import places

        raise places.placed(error, recipe, values) from error


def main(argv: Sequence[str] | None = None) -> int:
    """The program `dolma`; returns its exit code."""
    try:
        run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except DolmaError as error:
        sys.stdout.flush()
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        from ..runs import left_behind

        print("stopped", file=sys.stderr)
        if left_behind():
            # Threads that are still at work keep an interpreter from ending, or crash as it ends.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(130)
        return 130
    except BrokenPipeError:
        # Whoever read our output has had enough; say so to nobody.
        _silence()
        return 1
    except OSError as error:
        if error.filename is not None:
            raise
        _silence()
        print(f"error: standard output cannot be written: {error.strerror}", file=sys.stderr)
        return DolmaStorageError.exit_code
    return 0


def _silence() -> None:
    """Sends what is still to be printed nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
