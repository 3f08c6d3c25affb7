"""The taggers of a run, resolved: which run in the engine, which in Python, and what they are
called in attribute names.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import msgspec

from ..errors import DolmaAssetError, DolmaConfigError, DolmaError
from ..messages import message_of
from ..paths import make_variable_name
from .base import BaseTagger
from .declaration import Kernel, PythonTagger
from .registry import TaggerRegistry, find, import_modules

__all__ = ["PlannedTagger", "instantiate", "plan"]


class PlannedTagger(msgspec.Struct, frozen=True, kw_only=True):
    """A tagger of a run; what the engine reads as a column of a row."""

    #: As the user calls it.
    name: str
    #: `<set>__<tagger>`: the first two parts of its attributes' names.
    prefix: str
    #: The attribute set (folder) that it writes to.
    folder: str
    #: Which of a shard's outputs that is.
    output: int
    #: The engine's kernel, or None for a class.
    kernel: str | None
    options: dict[str, Any]
    #: What makes its results its own: options, checksums of models, source of a class.
    identity: dict[str, Any]
    with_metadata: bool = False


def plan(
    names: Sequence[str],
    modules: Sequence[str],
    options: dict[str, dict[str, Any]],
    experiment: str | None,
) -> list[PlannedTagger]:
    """Finds taggers by name and decides where each writes.

    Raises `DolmaConfigError` for unknown names or options, `DolmaAssetError` for missing models.
    """
    import_modules(modules)
    if not names:
        raise DolmaConfigError("taggers: name at least one (`dolma list` shows all)")
    unused = set(options) - set(names)
    if unused:
        raise DolmaConfigError(f"tagger_options: {sorted(unused)[0]!r} is not among the taggers of this run")
    planned: list[PlannedTagger] = []
    folders: list[str] = []
    for name in dict.fromkeys(names):
        variable = make_variable_name(name)
        folder = experiment if experiment is not None else variable
        if folder not in folders:
            folders.append(folder)
        found = find(name)
        given = options.get(name, {})
        kernel, with_metadata = None, False
        if isinstance(found, Kernel):
            kernel, resolved, identity = _plan_kernel(found, given)
        else:
            if isinstance(found, PythonTagger):
                # What is not installed is known before a model is looked for or fetched.
                declared, found = found, found.load()
                resolved = declared.resolve(given)
            else:
                assert isinstance(found, type)
                resolved = given
            identity = _identify_class(found, resolved)
            with_metadata = found.with_metadata
        planned.append(
            PlannedTagger(
                name=name,
                prefix=f"{make_variable_name(folder)}__{variable}",
                folder=folder,
                output=folders.index(folder),
                kernel=kernel,
                options=resolved,
                identity=identity,
                with_metadata=with_metadata,
            )
        )
    return planned


def _plan_kernel(found: Kernel, given: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    from .. import _core

    options = {**found.resolve(given)}
    try:
        # Built once here, so that what is wrong with it is known before any work.
        types = _core.kernel_types(found.engine_name, options)
    except (DolmaConfigError, DolmaAssetError) as error:
        raise type(error)(f"tagger {found.name}: {error}") from error
    identity = {
        "kernel": found.engine_name,
        "options": {key: _identity_of(value) for key, value in sorted(options.items())},
        "types": types,
    }
    return found.engine_name, options, identity


def _identity_of(value: Any) -> Any:
    from .. import _core

    if isinstance(value, str) and os.path.isfile(value):
        return {"xxh3": _core.hash_file(value)}
    if isinstance(value, str) and os.path.isdir(value):
        # Models of many files: their names and sizes, and when they were written.
        found = [(entry.name, entry.stat()) for entry in os.scandir(value) if entry.is_file()]
        return {"files": sorted((name, stat.st_size, stat.st_mtime_ns) for name, stat in found)}
    if isinstance(value, list):
        return [_identity_of(one) for one in value]
    return value


def _identify_class(found: type[BaseTagger], options: dict[str, Any]) -> dict[str, Any]:
    source = getattr(sys.modules.get(found.__module__), "__file__", None)
    digest = ""
    if source is not None and os.path.isfile(source):
        from .._core import sha256

        with open(source, "rb") as file:
            digest = sha256(file.read())
    return {
        "class": f"{found.__module__}.{found.__qualname__}",
        "options": {key: _identity_of(value) for key, value in sorted(options.items())},
        "source": digest,
    }


def instantiate(tagger: PlannedTagger) -> BaseTagger:
    """An instance of a tagger's class.

    Raises `DolmaConfigError` when the class cannot be made, naming the tagger; what dolma itself finds
    wrong (a model that is not here) stays an error of its kind.
    """
    found = TaggerRegistry.get(tagger.name)
    try:
        return found(**tagger.options)
    except DolmaError as error:
        raise type(error)(f"tagger {tagger.name}: {error}") from error
    except Exception as error:
        why = f"{type(error).__name__}: {message_of(error)}"
        raise DolmaConfigError(f"tagger {tagger.name}: cannot make {found.__name__}: {why}") from error
