"""The published path of `dolma.parallel`."""

from ..parallel import AllPathsTuple, BaseParallelProcessor, KwargsType, QueueType

__all__ = ["AllPathsTuple", "BaseParallelProcessor", "KwargsType", "QueueType"]
