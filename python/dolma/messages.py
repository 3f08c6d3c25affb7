"""What exceptions of somebody else's code say, as a part of a message of dolma's own."""

from __future__ import annotations

__all__ = ["message_of"]

#: Characters that are told of it.
_LONGEST = 1000


def message_of(error: BaseException) -> str:
    """What an exception says, on one line."""
    try:
        text = " ".join(str(error).split())
    except Exception as second:
        return f"(its message cannot be had: {type(second).__name__})"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
