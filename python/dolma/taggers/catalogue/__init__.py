"""The built-in taggers: one table, a family in each file.

Names, outputs and values are the published package's, except where a tagger says otherwise; a
corrected score has a new version in its name.
"""

from __future__ import annotations

from ..declaration import Declaration
from . import (
    c4,
    classifier,
    code,
    fineweb,
    gopher,
    language,
    length,
    license,
    madlad,
    model,
    pii,
    punctuation,
    redpajama,
    refinedweb,
    repetitions,
    sampling,
    statistics,
    structure,
    tokenizers,
    url,
)

__all__ = ["BUILTIN"]

_FAMILIES = (
    c4,
    classifier,
    code,
    fineweb,
    gopher,
    language,
    length,
    license,
    madlad,
    model,
    pii,
    punctuation,
    redpajama,
    refinedweb,
    repetitions,
    sampling,
    statistics,
    structure,
    tokenizers,
    url,
)

#: Every built-in tagger by name.
BUILTIN: dict[str, Declaration] = {tagger.name: tagger for family in _FAMILIES for tagger in family.TAGGERS}
