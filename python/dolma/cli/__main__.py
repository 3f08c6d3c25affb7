"""`python -m dolma.cli` is `dolma`; the published package has `main` here."""

import sys

from . import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
