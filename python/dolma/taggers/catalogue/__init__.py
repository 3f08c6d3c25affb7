"""The built-in taggers: one table, a family in each file.

Names, outputs and values are the published package's, except where a tagger says otherwise; a
corrected score has a new version in its name. A run reads the families of its own taggers only:
`contents` says which tagger is in which.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module

from ..declaration import Declaration
from .contents import CONTENTS

__all__ = ["BUILTIN"]


class _Table(MutableMapping[str, Declaration]):
    """Declarations by name; that of a built-in tagger is loaded when it is asked for."""

    def __init__(self) -> None:
        self._families = {name: family for family, names in CONTENTS.items() for name in names}
        self._loaded: dict[str, Declaration] = {}

    def __getitem__(self, name: str) -> Declaration:
        if name not in self._loaded:
            family = import_module(f"{__name__}.{self._families[name]}")
            self._loaded = {**{tagger.name: tagger for tagger in family.TAGGERS}, **self._loaded}
        return self._loaded[name]

    def __setitem__(self, name: str, tagger: Declaration) -> None:
        self._loaded[name] = tagger

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._families, **self._loaded})

    def __len__(self) -> int:
        return len({**self._families, **self._loaded})


#: Every built-in tagger by name.
BUILTIN = _Table()
