"""The published path of what finds a tagger's model: a path, a URL or the name of an asset."""

from ..assets import resolve as cached_path

__all__ = ["cached_path"]
