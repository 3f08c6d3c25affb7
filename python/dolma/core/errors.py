"""The published path of `dolma.errors`."""

from ..errors import (
    DolmaConfigError,
    DolmaError,
    DolmaFatalError,
    DolmaRetryableFailure,
    DolmaRustPipelineError,
    DolmaShardError,
)

__all__ = [
    "DolmaConfigError",
    "DolmaError",
    "DolmaFatalError",
    "DolmaRetryableFailure",
    "DolmaRustPipelineError",
    "DolmaShardError",
]
