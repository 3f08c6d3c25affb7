"""The published path of the command line as a function, and `python -m dolma.cli`."""

import sys
from collections.abc import Sequence

from . import run

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Runs a command line, by default this process's.

    A program ends with an exit code and a message; to whoever calls this, every failure is an
    exception of `dolma.errors`.
    """
    run(list(sys.argv[1:] if argv is None else argv))


if __name__ == "__main__":
    from ..__main__ import program

    program()
