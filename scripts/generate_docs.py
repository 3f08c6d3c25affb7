"""Fills in the tables of README.md and docs/ that are derived from the code.

A table stands between `<!-- generated: NAME -->` and `<!-- end -->`; everything between the two is
replaced. The table of contents of the built-in taggers is derived, too, and is a module of its own.
`make docs` runs this; a test fails when a table is stale.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import runpy
import sys
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from dolma import errors, recipes
from dolma.config.common import RunConfig
from dolma.config.dedupe import DedupeConfig
from dolma.config.mix import MixConfig
from dolma.config.tag import TagConfig
from dolma.taggers import catalogue as package
from dolma.taggers.declaration import Declaration

_CONTENTS_HEAD = '''"""Which built-in tagger is declared in which module; `make docs` writes this."""

from __future__ import annotations

__all__ = ["CONTENTS"]

#: The names of a family's taggers, by its module.
CONTENTS: dict[str, list[str]] = {
'''

ROOT = Path(__file__).resolve().parent.parent


def _families() -> Iterator[tuple[str, tuple[Declaration, ...]]]:
    for found in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{found.name}")
        if hasattr(module, "TAGGERS"):
            yield found.name, module.TAGGERS


#: The built-in taggers as they are declared, by module: `BUILTIN` looks into what is made here.
FAMILIES = dict(_families())
TAGGERS = [tagger for members in FAMILIES.values() for tagger in members]

CONTENTS = ROOT / "python/dolma/taggers/catalogue/contents.py"
_SECTION = re.compile(r"(<!-- generated: ([a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages() -> list[Path]:
    """README and every page of docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def render(text: str) -> str:
    """`text` with its generated sections filled in anew.

    Raises `KeyError` for a section that nothing generates.
    """
    return _SECTION.sub(lambda match: f"{match[1]}\n{SECTIONS[match[2]]()}\n\n{match[3]}", text)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def contents() -> str:
    """The module that says which built-in tagger is in which family, of the families themselves."""
    lines = []
    for family, members in FAMILIES.items():
        names = (f'        "{tagger.name}",' for tagger in members)
        lines += [f'    "{family}": [', *names, "    ],"]
    return _CONTENTS_HEAD + "\n".join(lines) + "\n}\n"


def deduplication_at_scale() -> str:
    """Memory, disk and time of each method at trillions of tokens."""
    made = runpy.run_path(str(ROOT / "scripts/scaling.py"))
    return _table(made["HEAD"], made["rows"]())


def taggers() -> str:
    """Every built-in tagger, its family and its first line."""
    rows = [[f"`{kernel.name}`", kernel.family, kernel.summary] for kernel in sorted(TAGGERS, key=_by_name)]
    return _table(["tagger", "family", "what it writes"], rows)


def catalogue() -> str:
    """All that every built-in tagger says of itself, by family."""
    parts = []
    families = sorted({tagger.family for tagger in TAGGERS})
    for family in families:
        parts.append(f"## {family}")
        members = (tagger for tagger in TAGGERS if tagger.family == family)
        parts += [_entry(tagger) for tagger in sorted(members, key=_by_name)]
    return "\n\n".join(parts)


def _entry(tagger: Any) -> str:
    needs = f"; needs `pip install 'dolma[{tagger.extra}]'`" if tagger.extra else ""
    outputs = [
        [f"`{out.name}`", out.unit, out.range, "yes" if out.always else "", out.meaning]
        for out in tagger.outputs
    ]
    parts = [
        f"### {tagger.name}",
        f"Cost: {tagger.cost}{needs}.",
        tagger.doc.strip(),
        _table(["output", "of", "score", "always", "meaning"], outputs),
    ]
    options = [f"`{key}` ({_files(value)})" for key, value in tagger.assets.items()]
    options += [f"`{key}`" for key in tagger.settable]
    return "\n\n".join([*parts, f"Options: {', '.join(options)}."] if options else parts)


def _files(default: str | tuple[str, ...] | None) -> str:
    """The default of an option that names a file or several."""
    if default is None:
        return "needed"
    return ", ".join(f"`{name}`" for name in ([default] if isinstance(default, str) else default))


def _by_name(kernel: Any) -> tuple[str, str]:
    return kernel.family, kernel.name


def exit_codes() -> str:
    """The exit codes of `dolma.errors`, from its docstring."""
    rows = [["0", "", "Everything was done, or was done before."]]
    for name, code, meaning in re.findall(r"(Dolma\w+) +(\d) +(.+)", errors.__doc__ or ""):
        kind = getattr(errors, name)
        assert kind.exit_code == int(code), name
        if "the same, but" not in meaning and "published name" not in meaning:
            rows.append([code, f"`{name}`", f"{meaning[0].upper()}{meaning[1:]}."])
    rows.append(["130", "", "Stopped by Ctrl-C; the same command goes on from there."])
    return _table(["code", "error", "meaning"], sorted(rows, key=lambda row: int(row[0])))


def options(kind: type[msgspec.Struct], without: type[msgspec.Struct] | None = None) -> Callable[[], str]:
    """What makes the table of a config's options, those of `without` left out."""

    def make() -> str:
        left = set(without.__struct_fields__) if without is not None else set()
        rows = [row for row in _options(kind, "") if re.split(r"[.\[]", row[0].strip("`"))[0] not in left]
        return _table(["option", "default", "meaning"], rows)

    return make


def _options(kind: type[msgspec.Struct], prefix: str) -> Iterator[list[str]]:
    defaults = {field.name: field for field in msgspec.structs.fields(kind)}
    for name, annotation in recipes.hints(kind).items():
        inner = recipes.struct_of(annotation)
        if inner is not None:
            yield from _options(inner, f"{prefix}{name}{'[]' if _is_list(annotation) else ''}.")
        else:
            description = _notes(annotation)
            yield [f"`{prefix}{name}`", _default(defaults[name]), description]


def _is_list(annotation: Any) -> bool:
    origin = typing.get_origin(annotation)
    if origin is list:
        return True
    nested = (typing.Annotated, typing.Union, types.UnionType)
    return origin in nested and any(_is_list(part) for part in typing.get_args(annotation))


def _notes(annotation: Any) -> str:
    for note in getattr(annotation, "__metadata__", ()):
        if isinstance(note, msgspec.Meta) and note.description:
            return note.description
    return ""


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "(needed)"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{msgspec.json.encode(value).decode()}`" if not isinstance(value, int) else f"`{value:_}`"


SECTIONS: dict[str, Callable[[], str]] = {
    "deduplication at scale": deduplication_at_scale,
    "catalogue": catalogue,
    "taggers": taggers,
    "exit codes": exit_codes,
    "options run": options(RunConfig),
    "options tag": options(TagConfig, RunConfig),
    "options dedupe": options(DedupeConfig, RunConfig),
    "options mix": options(MixConfig, RunConfig),
}


def main() -> int:
    """Rewrites what is stale and names it."""
    for page in (CONTENTS, *pages()):
        text = page.read_text(encoding="utf-8")
        if (fresh := contents() if page is CONTENTS else render(text)) != text:
            page.write_text(fresh, encoding="utf-8")
            print(page.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
