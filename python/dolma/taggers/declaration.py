"""What a built-in tagger says of itself: its documentation, what it emits, and where its code is.

A declaration is data: reading the whole catalogue loads no model and imports no library. What it
promises is tested: a built-in tagger emits the attribute types that it declares and nothing else.
"""

from __future__ import annotations

import importlib
import math
import re
from typing import Any, Literal

import msgspec

from .. import assets
from ..errors import DolmaConfigError, DolmaError
from ..spelling import nearest
from .base import BaseTagger

__all__ = ["AttributeType", "Declaration", "Kernel", "PythonTagger", "Unit"]

#: What a span of an attribute covers: the whole document, a piece of it, or something found in it.
Unit = Literal["document", "paragraph", "line", "sentence", "match"]

#: What a tagger costs: `light` is a pass over the bytes, `moderate` hashes words or searches for
#: patterns (tens to hundreds of MB/s for a core), `heavy` applies a model or runs Python for every
#: document.
Cost = Literal["light", "moderate", "heavy"]


class AttributeType(msgspec.Struct, frozen=True, kw_only=True):
    """One type of a tagger's spans: the third part of an attribute's name."""

    #: The type's name; `{a,b}` and `{2..4}` stand for several, `*` for what only a model or a document knows.
    name: str
    unit: Unit
    #: What the score says, with its unit.
    meaning: str
    #: The range of the score, both ends included.
    low: float = 0.0
    high: float = 1.0
    #: Whether every document has it; otherwise those where it applies.
    always: bool = False

    def matches(self, name: str) -> bool:
        """Whether `name` is one of the names that this stands for."""
        return re.fullmatch(self._pattern(), name) is not None

    def _pattern(self) -> str:
        pattern = ""
        for piece in re.split(r"(\{[^}]*\}|\*)", self.name):
            if piece == "*":
                pattern += ".+"
            elif span := re.fullmatch(r"\{(\d+)\.\.(\d+)\}", piece):
                pattern += f"({'|'.join(map(str, range(int(span[1]), int(span[2]) + 1)))})"
            elif piece.startswith("{"):
                pattern += f"({'|'.join(map(re.escape, piece[1:-1].split(',')))})"
            else:
                pattern += re.escape(piece)
        return pattern

    @property
    def range(self) -> str:
        """The range of the score, as documentation writes it."""
        if self.low == self.high:
            return f"{self.low:g}"
        return f"{self.low:g} to {self.high:g}" if math.isfinite(self.high) else f"from {self.low:g}"


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """A built-in tagger.

    `doc` is its documentation: a first line that `dolma list` shows, then what it measures, the
    source of its thresholds, and how it differs from the published one.
    """

    name: str
    family: str
    doc: str
    outputs: tuple[AttributeType, ...]
    cost: Cost
    #: The extra of this package that it needs (`pip install 'dolma[<extra>]'`).
    extra: str = ""
    #: Options that it always has.
    options: dict[str, Any] = {}
    #: Options that name a model or a list (a path, a URL or an asset, or several), with their
    #: defaults; None where the user must give one under `tagger_options`.
    assets: dict[str, str | tuple[str, ...] | None] = {}
    #: Options that users may set under `tagger_options`, besides assets.
    settable: tuple[str, ...] = ()
    #: Options among `settable` that the user must give.
    required: tuple[str, ...] = ()
    #: Whether a card beside the model says how texts are cleaned (see `dolma.training.card`).
    cards: bool = False

    @property
    def summary(self) -> str:
        return self.doc.strip().splitlines()[0]

    def resolve(self, given: dict[str, Any]) -> dict[str, Any]:
        """The options as the tagger's code takes them, with those that the user gave.

        Raises `DolmaConfigError` for an unknown or missing option, `DolmaAssetError` when a model
        cannot be had.
        """
        valid = (*self.assets, *self.settable)
        for key in given:
            if key not in valid:
                close = nearest(key, valid)
                known = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(valid) or 'none'}"
                raise DolmaConfigError(f"tagger {self.name} has no option {key!r}; {known}")
        for key in self.required:
            if key not in given:
                raise DolmaConfigError(f"tagger {self.name} needs tagger_options.{self.name}.{key}")
        options = {**self.options, **given}
        for key, default in self.assets.items():
            reference = given.get(key, default)
            if reference is None:
                raise DolmaConfigError(
                    f"tagger {self.name} needs the option {key}: set tagger_options.{self.name}.{key} to a path, "
                    "a URL or the name of an asset"
                )
            if isinstance(reference, str):
                options[key] = assets.resolve(reference)
            else:
                options[key] = assets.resolve_all([str(one) for one in reference])
        if self.cards:
            from ..training.card import options_beside

            options = {**options_beside(options["model"]), **options}
        return options


class Kernel(Declaration, frozen=True, kw_only=True):
    """A built-in tagger that runs in the engine."""

    #: The name of the kernel in the engine, where it is not the tagger's.
    kernel: str = ""

    @property
    def engine_name(self) -> str:
        return self.kernel or self.name


class PythonTagger(Declaration, frozen=True, kw_only=True):
    """A built-in tagger in Python, over a library that comes with an extra."""

    #: `module:Class`; the class takes the options as keyword arguments.
    target: str
    #: The modules that `extra` brings, looked for before any work starts.
    requires: tuple[str, ...] = ()
    #: `module:function` that makes options exact where they name what may change: a model on a hub.
    pin: str = ""

    def missing(self) -> list[str]:
        """The modules that are not installed."""
        return [module for module in self.requires if not _installed(module)]

    def load(self) -> type[BaseTagger]:
        """The tagger's class.

        Raises `DolmaConfigError` naming the extra when a library is missing.
        """
        if missing := self.missing():
            raise DolmaConfigError(
                f"tagger {self.name} needs {missing[0]}: pip install 'dolma[{self.extra}]'"
            )
        found: type[BaseTagger] = _imported(self.target)
        return found

    def resolve(self, given: dict[str, Any]) -> dict[str, Any]:
        options = super().resolve(given)
        if not self.pin or self.missing():
            return options
        try:
            pinned: dict[str, Any] = _imported(self.pin)(options)
        except DolmaError as error:
            raise type(error)(f"tagger {self.name}: {error}") from error
        return pinned


def _imported(target: str) -> Any:
    """The object of a module, both named as `module:object`."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def _installed(module: str) -> bool:
    from importlib.util import find_spec

    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
