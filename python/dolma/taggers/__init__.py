"""Taggers: what they are, which there are, and which of them a run uses."""

from __future__ import annotations

import sys
from typing import Any


class _PublishedModules:
    """Finds what is no module here and was one in the published package: see `published`."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        if not name.startswith(f"{__name__}."):
            return None
        from .published import find_spec

        return find_spec(name)


# After all others: they never ask for a module that exists.
sys.meta_path.append(_PublishedModules)
