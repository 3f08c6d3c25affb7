"""From a recipe file and flags to one typed, checked config.

A recipe is YAML or JSON, local or remote; `${…}` is resolved by OmegaConf, with the environment
(`${oc.env:HOME}`) and three resolvers of our own: `${d.glob:PATTERN}`, `${d.cache:URL}` and
`${d.processes:N}`. Flags win over the file. Whatever is wrong is reported with the key's path and
the nearest key that exists, before anything else happens.
"""

from __future__ import annotations

import functools
import os
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from . import printing
from .errors import DolmaConfigError
from .spelling import nearest

__all__ = ["load", "merge", "read", "read_file", "to_yaml"]

C = TypeVar("C", bound=msgspec.Struct)

#: The largest number that the engine has room for.
LARGEST = 2**64 - 1


def read(path: str) -> bytes:
    """The bytes of a recipe, local or remote.

    Raises `DolmaConfigError` when it cannot be read.
    """
    from . import storage

    try:
        if storage.is_remote(path):
            return storage.read_bytes(path)
        with open(os.path.expanduser(path), "rb") as file:
            return file.read()
    except OSError as error:
        raise DolmaConfigError(f"cannot read the recipe {path}: {error.strerror or error}") from error


def read_file(path: str) -> dict[str, Any]:
    """The raw content of a recipe; `{}` for an empty one.

    Raises `DolmaConfigError` when the file cannot be read or is not a mapping.
    """
    content = read(path)
    try:
        # JSON is YAML, too, but to load what reads YAML takes longer than to read most recipes.
        data = _from_json(content)
    except ValueError:
        data = _from_yaml(content, path)
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise DolmaConfigError(f"{path} must hold a mapping of options, not {type(data).__name__}")
    return data


def _from_json(content: bytes) -> Any:
    """The value of a JSON text; `ValueError` for anything that is not strictly that."""
    if not content.lstrip().startswith(b"{"):
        raise ValueError
    value = msgspec.json.decode(content)
    # Of a key that is given twice the first value is lost; outside of texts, each key has its colon.
    if re.sub(rb'"(?:[^"\\]|\\.)*"', b"", content).count(b":") != _keys(value):
        raise ValueError
    return value


def _keys(value: Any) -> int:
    """How many keys a value has, with those of all that is in it."""
    if isinstance(value, dict):
        return len(value) + sum(map(_keys, value.values()))
    return sum(map(_keys, value)) if isinstance(value, list) else 0


def _from_yaml(content: bytes, path: str) -> Any:
    """The value of a YAML text; raises `DolmaConfigError` with the place of what is wrong with it."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(content, Loader=_strict(loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark is not None else path
        why = getattr(error, "problem", None) or error
        raise DolmaConfigError(f"{where}: this is neither YAML nor JSON: {why}") from error
    except UnicodeDecodeError as error:
        raise DolmaConfigError(f"{path} is not UTF-8 text: {error}") from error


def _strict(base: Any) -> Any:
    """A loader that refuses a key given twice, of which YAML would drop the first without a word,
    and reads 1e-6 as a number: YAML 1.1 asks for a dot that nobody writes."""
    from yaml.constructor import ConstructorError

    class Loader(base):  # type: ignore[misc]
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen = set()
            for key, _ in node.value:
                if not isinstance(key.value, str) or key.tag == "tag:yaml.org,2002:merge":
                    continue
                if key.value in seen:
                    raise ConstructorError(
                        None, None, f"the key {key.value!r} is given twice", key.start_mark
                    )
                seen.add(key.value)
            return super().construct_mapping(node, deep)

    resolvers = {first: list(known) for first, known in base.yaml_implicit_resolvers.items()}
    pattern = re.compile(r"^[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?[eE][-+]?[0-9]+$")
    for first in "-+0123456789":
        resolvers.setdefault(first, []).insert(0, ("tag:yaml.org,2002:float", pattern))
    Loader.yaml_implicit_resolvers = resolvers
    return Loader


def merge(base: Mapping[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the dotted `flags` laid over it."""
    merged: dict[str, Any] = _copy(base)
    for dotted, value in flags.items():
        *parents, name = dotted.split(".")
        section = merged
        for parent in parents:
            child = section.get(parent)
            section[parent] = child if isinstance(child, dict) else {}
            section = section[parent]
        section[name] = value
    return merged


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def load(kind: type[C], raw: Mapping[str, Any], origin: str = "recipe") -> C:
    """The typed config that `raw` describes; `origin` (a file name) is used in messages.

    Raises `DolmaConfigError` naming the key, what was expected and the nearest valid key.
    """
    data = _without_nulls(kind, _interpolate(raw, origin), origin)
    unknown = next(_unknown_keys(kind, data, ""), None)
    if unknown is not None:
        path, names = unknown
        raise DolmaConfigError(f"{origin}: unknown key {path!r}{_nearest(path.rpartition('.')[2], names)}")
    try:
        config = msgspec.convert(data, kind, strict=False)
    except msgspec.ValidationError as error:
        raise DolmaConfigError(f"{origin}: {_explained(error, kind, data)}") from error
    large = next(_too_large(config, ""), None)
    if large is not None:
        raise DolmaConfigError(f"{origin}: {large}: expected `int` <= {LARGEST}")
    return config


def _too_large(value: Any, path: str) -> Iterator[str]:
    """Paths of the numbers in a config that the engine has no room for."""
    if isinstance(value, int) and value > LARGEST:
        yield path
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _too_large(getattr(value, name), f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _too_large(item, f"{path}[{index}]")


def _explained(error: msgspec.ValidationError, kind: type[msgspec.Struct], data: Any) -> str:
    """Which key of `data` is wrong, and what it may be."""
    message, _, path = str(error).partition(" - at ")
    where, annotation = _place(kind, data, path.strip("`").removeprefix("$"))
    missing = re.fullmatch(r"Object missing required field `(\w+)`", message)
    struct = struct_of(annotation)
    if missing is not None and struct is not None:
        name = missing[1]
        annotation = hints(struct)[name]
        key = f"{where}.{name}" if where else name
        return f"{key} must be given, {_expected(annotation)}{_described(annotation)}"
    hint = ""
    if message.startswith("Invalid enum value"):
        hint = f"; it is {_expected(annotation)}"
    elif message.startswith(("Expected `array`, got", "Expected `object")):
        hint = f"; write {_expected(annotation)}"
    elif "matching regex" in message:
        hint = _described(annotation)
    return f"{where or 'the recipe'}: {message[0].lower()}{message[1:]}{hint}"


def _place(annotation: Any, data: Any, path: str) -> tuple[str, Any]:
    """A path as recipes write it, with the keys that msgspec calls `[...]`, and what is expected there."""
    where = ""
    for name in re.findall(r"\[[^]]*\]|[^.\[\]]+", path):
        if name == "[...]":
            annotation = typing.get_args(_inner(annotation))[-1]
            name, data = next((one for one in data.items() if not _fits(one[1], annotation)), (name, None))
        elif name.startswith("["):
            annotation = typing.get_args(_inner(annotation))[-1]
            where, data = f"{where}{name}", data[int(name[1:-1])]
            continue
        else:
            struct = struct_of(annotation)
            annotation = hints(struct).get(name) if struct is not None else None
            data = data.get(name)
        where = f"{where}.{name}" if where else name
    return where, annotation


def _fits(data: Any, annotation: Any) -> bool:
    try:
        msgspec.convert(data, annotation, strict=False)
    except msgspec.ValidationError:
        return False
    return True


def _inner(annotation: Any) -> Any:
    """`X` of `Annotated[X, …]` and of `X | None`."""
    while True:
        arguments = [item for item in typing.get_args(annotation) if item is not type(None)]
        origin = typing.get_origin(annotation)
        if origin is typing.Annotated or (origin in (typing.Union, types.UnionType) and len(arguments) == 1):
            annotation = arguments[0]
        else:
            return annotation


def _described(annotation: Any) -> str:
    """What a key is for, as the end of a message."""
    notes = getattr(annotation, "__metadata__", ())
    return "".join(f": {note.description}" for note in notes if isinstance(note, msgspec.Meta))


def _choices(annotation: Any) -> list[Any]:
    """All values of `Literal[…]` and of unions of them."""
    annotation = _inner(annotation)
    if typing.get_origin(annotation) is typing.Literal:
        return list(typing.get_args(annotation))
    parts = (
        typing.get_args(annotation)
        if typing.get_origin(annotation) in (typing.Union, types.UnionType)
        else ()
    )
    return [value for part in parts for value in _choices(part)]


def _expected(annotation: Any) -> str:
    """What to write where `annotation` is asked for."""
    annotation = _inner(annotation)
    if choices := _choices(annotation):
        return f"one of {', '.join(map(repr, choices))}"
    if typing.get_origin(annotation) is list:
        return "a list"
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    return words.get(annotation, "a section of options")


def _nearest(name: str, names: list[str]) -> str:
    close = nearest(name, names)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; valid keys are {', '.join(sorted(names))}"


def _interpolate(raw: Mapping[str, Any], origin: str) -> dict[str, Any]:
    if not _has_interpolation(raw):
        return dict(_copy(raw))
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    for name, resolver in _RESOLVERS.items():
        try:
            OmegaConf.register_resolver(name, resolver, replace=True, annotation_validation="off")
        except TypeError:  # Before OmegaConf 2.4 that was another function.
            OmegaConf.register_new_resolver(name, resolver, replace=True)
    try:
        resolved = OmegaConf.to_container(OmegaConf.create(_copy(raw)), resolve=True)
    except OmegaConfBaseException as error:
        message = str(error).splitlines()[0]
        raise DolmaConfigError(f"{origin}: {error.full_key or 'recipe'}: {message}") from error
    return resolved  # type: ignore[return-value]


def _has_interpolation(value: Any) -> bool:
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, Mapping):
        return any(map(_has_interpolation, value.values()))
    return isinstance(value, list) and any(map(_has_interpolation, value))


def _resolve_glob(pattern: str) -> list[str]:
    from . import storage

    return [file.path for file in storage.expand([pattern])]


def _resolve_cache(url: str) -> str:
    from . import assets

    return assets.fetch(url)


def _resolve_processes(spared: int = 0) -> int:
    return max(1, (os.cpu_count() or 1) - int(spared))


_RESOLVERS: dict[str, Callable[..., Any]] = {
    "d.glob": _resolve_glob,
    "d.cache": _resolve_cache,
    "d.processes": _resolve_processes,
}


def struct_of(annotation: Any) -> type[msgspec.Struct] | None:
    """The Struct that an annotation (`X`, `X | None`, `list[X]`) holds, if any."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType, list, typing.Annotated):
        found = (struct_of(argument) for argument in typing.get_args(annotation))
        return next((struct for struct in found if struct is not None), None)
    return annotation if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct) else None


@functools.cache
def hints(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The annotations of a Struct's fields, `Annotated` kept."""
    return typing.get_type_hints(kind, include_extras=True)


def _unknown_keys(kind: type[msgspec.Struct], data: Any, at: str) -> Iterator[tuple[str, list[str]]]:
    if isinstance(data, list):
        for index, item in enumerate(data):
            yield from _unknown_keys(kind, item, f"{at.rstrip('.')}[{index}].")
    if not isinstance(data, dict):
        return
    annotations = hints(kind)
    for key, value in data.items():
        if key not in annotations:
            yield f"{at}{key}", list(annotations)
        elif (inner := struct_of(annotations[key])) is not None:
            yield from _unknown_keys(inner, value, f"{at}{key}.")


def _without_nulls(kind: type[msgspec.Struct], data: Any, origin: str) -> Any:
    """`data` without keys that are null where null is no value of theirs: unset means the default.

    Published recipes write `work_dir: null`; printing a config and reading it back must also work.
    """
    if isinstance(data, list):
        return [_without_nulls(kind, item, origin) for item in data]
    if not isinstance(data, dict):
        return data
    annotations = hints(kind)
    kept = {}
    for key, value in data.items():
        if value is None and key in annotations:
            continue
        inner = struct_of(annotations[key]) if key in annotations else None
        kept[key] = _without_nulls(inner, value, origin) if inner is not None else value
    return kept


def to_yaml(config: msgspec.Struct) -> str:
    """The effective config as YAML that is itself a valid recipe."""
    return printing.to_yaml(_without_nones(msgspec.to_builtins(config)))


def _without_nones(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nones(item) for key, item in value.items() if item is not None}
    return [_without_nones(item) for item in value] if isinstance(value, list) else value
