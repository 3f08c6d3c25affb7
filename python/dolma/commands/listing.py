"""`dolma list`: the taggers there are."""

from __future__ import annotations

from ..config import ListConfig
from ..taggers.declaration import AttributeType, Declaration
from ..taggers.registry import find, import_modules, names

__all__ = ["run"]

#: Columns that the list of outputs may take.
OUTPUTS_WIDTH = 44


def run(config: ListConfig) -> None:
    """Prints name, family, cost, extra and one line for each tagger, or all that is known of one."""
    import_modules(config.tagger_modules)
    if config.verbose is not None:
        print(_documentation(config.verbose))
        return
    rows = []
    for name in names():
        tagger = find(name)
        if isinstance(tagger, Declaration):
            outputs = ", ".join(output.name for output in tagger.outputs)
            cost = f"{tagger.cost} [{tagger.extra}]" if tagger.extra else tagger.cost
            rows.append((name, tagger.family, cost, outputs, tagger.summary))
        else:
            doc = (tagger.__doc__ or "").strip().splitlines()
            rows.append((name, f"{tagger.__module__}.{tagger.__qualname__}", "", "", doc[0] if doc else ""))
    widths = [min(OUTPUTS_WIDTH, max(len(row[column]) for row in rows)) for column in range(4)]
    for row in rows:
        cells = [_cut(cell, width).ljust(width) for cell, width in zip(row, widths, strict=False)]
        print("  ".join([*cells, row[-1]]).rstrip())


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _documentation(name: str) -> str:
    tagger = find(name)
    if not isinstance(tagger, Declaration):
        return f"{name} ({tagger.__module__}.{tagger.__qualname__})\n\n{(tagger.__doc__ or '').strip()}"
    extra = f", needs pip install 'dolma[{tagger.extra}]'" if tagger.extra else ""
    lines = [f"{name} ({tagger.family}, {tagger.cost}{extra})", "", tagger.doc.strip(), ""]
    lines += [_output(output) for output in tagger.outputs]
    lines += [f"option {key}: {value or '(needed)'}" for key, value in tagger.assets.items()]
    lines += [f"option {key}" for key in tagger.settable]
    return "\n".join(lines)


def _output(output: AttributeType) -> str:
    when = ", always" if output.always else ""
    return f"output {output.name} ({output.unit}, {output.range}{when}): {output.meaning}"
