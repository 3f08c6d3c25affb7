"""`dolma list`: the taggers there are."""

from __future__ import annotations

from ..config import ListConfig
from ..taggers.base import Kernel
from ..taggers.registry import find, import_modules, names

__all__ = ["run"]


def run(config: ListConfig) -> None:
    """Prints name, family and one line for each tagger, or the whole documentation of one."""
    import_modules(config.tagger_modules)
    if config.verbose is not None:
        print(_documentation(config.verbose))
        return
    rows = []
    for name in names():
        tagger = find(name)
        if isinstance(tagger, Kernel):
            rows.append((name, tagger.family, tagger.summary))
        else:
            doc = (tagger.__doc__ or "").strip().splitlines()
            rows.append((name, f"{tagger.__module__}.{tagger.__qualname__}", doc[0] if doc else ""))
    width = max(len(row[0]) for row in rows)
    middle = max(len(row[1]) for row in rows)
    for name, family, summary in rows:
        print(f"{name:<{width}}  {family:<{middle}}  {summary}".rstrip())


def _documentation(name: str) -> str:
    tagger = find(name)
    if isinstance(tagger, Kernel):
        options = [f"option {key}: {value or '(needed)'}" for key, value in tagger.assets.items()]
        options += [f"option {key}" for key in tagger.settable]
        return "\n".join(
            [f"{name} ({tagger.family})", "", tagger.doc.strip(), *(["", *options] if options else [])]
        )
    return f"{name} ({tagger.__module__}.{tagger.__qualname__})\n\n{(tagger.__doc__ or '').strip()}"
