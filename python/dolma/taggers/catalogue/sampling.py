"""Declaration of the tagger that draws lots."""

from __future__ import annotations

from ..declaration import AttributeType, Kernel

__all__ = ["TAGGERS"]

TAGGERS = (
    Kernel(
        name="random_number_v1",
        family="sampling",
        cost="light",
        outputs=(AttributeType(name="random", unit="document", meaning="uniform, from the id", always=True),),
        doc="A number in [0, 1) from the XXH3-64 of the document's id: one span, type `random`.\n\n"
        "The same document has the same number in every run, on every machine; the published tagger draws anew "
        "each time.",
    ),
)
