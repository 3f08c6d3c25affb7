"""The published path of what gives taggers a logger."""

from logging import getLogger as get_logger

__all__ = ["get_logger"]
