"""`dolma list`: the taggers there are."""

from __future__ import annotations

import shutil
import sys

from ..config.listing import ListConfig
from ..taggers.declaration import AttributeType, Declaration
from ..taggers.registry import broken, find, import_modules, names

__all__ = ["run", "table"]

#: Columns that the list of outputs may take.
OUTPUTS_WIDTH = 44
#: Columns of a terminal below which there is no room for the outputs beside the one line.
ROOM_FOR_OUTPUTS = 150


def run(config: ListConfig) -> None:
    """Prints name, family, cost, outputs and one line for each tagger, or all that is known of some."""
    import_modules(config.tagger_modules)
    wanted = [*config.names, *([config.verbose] if config.verbose is not None else [])]
    if wanted:
        print("\n\n".join(_documentation(name) for name in dict.fromkeys(wanted)))
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print("\n".join(table([_row(name) for name in names()], width)))
    for why in broken():
        print(f"warning: {why}", file=sys.stderr)


def _row(name: str) -> tuple[str, ...]:
    tagger = find(name)
    if isinstance(tagger, Declaration):
        outputs = ", ".join(output.name for output in tagger.outputs)
        cost = f"{tagger.cost} [{tagger.extra}]" if tagger.extra else tagger.cost
        return name, tagger.family, cost, outputs, tagger.summary
    doc = (tagger.__doc__ or "").strip().splitlines()
    return name, f"{tagger.__module__}.{tagger.__qualname__}", "", "", doc[0] if doc else ""


def table(rows: list[tuple[str, ...]], width: int | None) -> list[str]:
    """Rows of name, family, cost, outputs and summary in columns; with a `width`, within it, the outputs
    left out where there is little."""
    if width is not None and width < ROOM_FOR_OUTPUTS:
        rows = [(name, family, cost, summary) for name, family, cost, _, summary in rows]
    widths = [min(OUTPUTS_WIDTH, max(map(len, column))) for column in list(zip(*rows, strict=True))[:-1]]
    lines = []
    for row in rows:
        cells = [_cut(cell, size).ljust(size) for cell, size in zip(row, widths, strict=False)]
        line = "  ".join([*cells, row[-1]]).rstrip()
        lines.append(line if width is None else _cut(line, width))
    return lines


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _documentation(name: str) -> str:
    tagger = find(name)
    if not isinstance(tagger, Declaration):
        return f"{name} ({tagger.__module__}.{tagger.__qualname__})\n\n{(tagger.__doc__ or '').strip()}"
    extra = f", needs pip install 'dolma[{tagger.extra}]'" if tagger.extra else ""
    lines = [f"{name} ({tagger.family}, {tagger.cost}{extra})", "", tagger.doc.strip(), ""]
    lines += [_output(output) for output in tagger.outputs]
    lines += [_asset(key, value) for key, value in tagger.assets.items()]
    lines += [f"option {key}" for key in tagger.settable]
    return "\n".join(lines)


def _asset(key: str, default: str | tuple[str, ...] | None) -> str:
    names = [default] if isinstance(default, str) else list(default or ["(needed)"])
    return f"option {key}: {', '.join(names)}"


def _output(output: AttributeType) -> str:
    when = ", always" if output.always else ""
    return f"output {output.name} ({output.unit}, {output.range}{when}): {output.meaning}"
