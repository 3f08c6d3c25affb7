"""What a user may have meant by a name that does not exist.

`difflib` is imported when there is something to say: a command without a mistake does without.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["nearest"]


def nearest(name: str, known: Iterable[str], *, most: int = 1, cutoff: float = 0.5) -> list[str]:
    """The names of `known` that look most like `name`, at most `most` of them."""
    import difflib

    return difflib.get_close_matches(name, list(known), n=most, cutoff=cutoff)
