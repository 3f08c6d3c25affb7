"""The program `dolma`, and `python -m dolma`: a process around the command line.

A command makes no rubbish to speak of: what the imports and the config leave behind stays to the end.
Looking through it at every step of the start, and once more when the interpreter is taken down, would
take longer than the rest of both.
"""

import gc
import sys

__all__ = ["main"]

#: Objects that are made before the collector looks at the youngest, instead of 700.
COLLECT_AFTER = 100_000


def main() -> int:
    """Runs the command line of this process; returns its exit code."""
    gc.set_threshold(COLLECT_AFTER)
    from .cli import main as run

    code = run()
    gc.freeze()
    return code


if __name__ == "__main__":
    sys.exit(main())
