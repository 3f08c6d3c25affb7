"""The published path of `dolma.taggers.registry`."""

from ..taggers.registry import TaggerRegistry

__all__ = ["TaggerRegistry"]
