"""Taggers by name: built-in kernels, classes registered by users, and entry points.

Built-in ones are a table (`dolma.taggers.catalogue`); users add classes with `add_tagger`; packages
announce theirs in the entry-point group `dolma.taggers`.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from ..errors import DolmaConfigError
from ..spelling import nearest
from .base import BaseTagger
from .declaration import Declaration, PythonTagger

__all__ = ["TaggerRegistry", "add_tagger", "broken", "find", "import_modules", "names"]

T = TypeVar("T", bound=type)

_classes: dict[str, type[BaseTagger]] = {}
_entry_points_loaded = False
#: Entry points that cannot be loaded, with what is wrong: only those who ask for one are stopped by it.
_broken: dict[str, str] = {}


class TaggerRegistry:
    """Classes that users registered (the published package's interface)."""

    @classmethod
    def add(cls, name: str) -> Callable[[T], T]:
        """A decorator that registers a tagger class as `name`.

        Raises `DolmaConfigError` when another class has that name.
        """

        def register(tagger: T) -> T:
            known = _classes.get(name)
            if known is not None and known is not tagger and not _same_class(known, tagger):
                raise DolmaConfigError(f"a tagger called {name!r} exists already, in {known.__module__}")
            _classes[name] = tagger
            return tagger

        return register

    @classmethod
    def remove(cls, name: str) -> bool:
        """Forgets a class; False when there is none of that name."""
        return _classes.pop(name, None) is not None

    @classmethod
    def has(cls, name: str) -> bool:
        return name in _classes or name in _builtin()

    @classmethod
    def get(cls, name: str) -> type[BaseTagger]:
        """The class registered as `name`, or that of the built-in tagger of this name.

        Raises `DolmaConfigError` for an unknown name, with the nearest known one.
        """
        found = find(name)
        if isinstance(found, PythonTagger):
            return found.load()
        if isinstance(found, Declaration):
            from .published import built_in

            return built_in(name)
        return found

    @classmethod
    def items(cls) -> Iterator[tuple[str, type[BaseTagger]]]:
        yield from sorted(_classes.items())


add_tagger = TaggerRegistry.add


def _same_class(known: type, tagger: type) -> bool:
    """Whether `tagger` is `known` imported a second time (as a script and as a module)."""
    same_name = (known.__module__, known.__qualname__) == (tagger.__module__, tagger.__qualname__)
    return same_name or "__main__" in (known.__module__, tagger.__module__)


def _builtin() -> Mapping[str, Declaration]:
    from .catalogue import BUILTIN

    return BUILTIN


def names() -> list[str]:
    """All names, sorted."""
    _load_entry_points()
    return sorted({*_builtin(), *_classes})


def find(name: str) -> Declaration | type[BaseTagger]:
    """The tagger called `name`; a user's class comes before a built-in one.

    Raises `DolmaConfigError` for an unknown name, with the nearest known one.
    """
    if name in _classes:
        return _classes[name]
    if name in _builtin():
        return _builtin()[name]
    _load_entry_points()
    if name in _classes:
        return _classes[name]
    if name in _broken:
        raise DolmaConfigError(_broken[name])
    raise _unknown(name)


def broken() -> list[str]:
    """What is wrong with the taggers of installed packages that were looked at and cannot be loaded."""
    return [message for name, message in sorted(_broken.items()) if name not in _classes]


def _unknown(name: str) -> DolmaConfigError:
    close = nearest(name, names())
    hint = f"; did you mean {close[0]!r}?" if close else ""
    missing = "".join(f"; {why}" for why in broken())
    return DolmaConfigError(
        f"unknown tagger {name!r}{hint} (`dolma list` shows all; custom ones need tagger_modules){missing}"
    )


def _load_entry_points() -> None:
    global _entry_points_loaded
    if _entry_points_loaded:
        return
    _entry_points_loaded = True
    from importlib.metadata import entry_points

    for point in entry_points(group="dolma.taggers"):
        if point.name in _classes:
            continue
        try:
            loaded = point.load()
        except Exception as error:
            package = f"the package {point.dist.name}" if point.dist is not None else "a package"
            _broken[point.name] = (
                f"the tagger {point.name!r} of {package} ({point.value}) cannot be loaded: "
                f"{type(error).__name__}: {error}"
            )
            continue
        # A module registers its taggers itself; a class is registered under the entry's name.
        if isinstance(loaded, type):
            _classes.setdefault(point.name, loaded)


def import_modules(modules: Sequence[str] | None) -> None:
    """Imports modules that register taggers, by dotted name or by path to a file or package.

    Raises `DolmaConfigError` when one is not there or fails to import.
    """
    for module in modules or []:
        try:
            if os.path.exists(module) or os.sep in module or module.endswith(".py"):
                _import_path(module)
            else:
                importlib.import_module(module)
        except DolmaConfigError:
            raise
        except Exception as error:
            raise DolmaConfigError(
                f"tagger_modules: cannot import {module}: {type(error).__name__}: {error}"
            ) from error


def _taken(name: str) -> str | None:
    """Where the module of this name comes from that is loaded, or that others will load: one of Python's
    own would be found in its folder's stead."""
    if name in sys.modules:
        return os.path.abspath(getattr(sys.modules[name], "__file__", None) or "")
    if name in sys.stdlib_module_names:
        from importlib.util import find_spec

        spec = find_spec(name)
        return spec.origin if spec is not None and spec.origin is not None else ""
    return None


def _import_path(path: str) -> None:
    path = os.path.abspath(os.path.expanduser(path))
    if not os.path.exists(path):
        raise DolmaConfigError(f"tagger_modules: {path} does not exist")
    folder, file = os.path.split(path)
    name = file.removesuffix(".py")
    origin = _taken(name)
    if origin is not None:
        if origin in (path, os.path.join(path, "__init__.py")):
            return
        raise DolmaConfigError(
            f"tagger_modules: {path} has the name of another module, {name} ({origin}); rename it"
        )
    if folder not in sys.path:
        sys.path.insert(0, folder)
    importlib.import_module(name)
