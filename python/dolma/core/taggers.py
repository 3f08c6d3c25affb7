"""The published path of `dolma.taggers.base`."""

from ..taggers.base import BaseTagger, BaseTaggerWithMetadata

__all__ = ["BaseTagger", "BaseTaggerWithMetadata"]
