"""Every exception that dolma raises on purpose, each with the exit code it ends a command with.

    DolmaError                     1   something went wrong; the message says where and what to do
    ├── DolmaConfigError           2   a recipe, flag or API argument is wrong; nothing was started
    ├── DolmaInputError            3   an input is missing, unreadable or not what it should be
    ├── DolmaShardError            4   one or more shards failed; the others were finished
    │   └── DolmaRustPipelineError 4   the published name for a failure inside the engine
    ├── DolmaStorageError          5   local disk or object store: full, refused, unreachable
    │   └── DolmaRetryableFailure  5   the same, but trying again later may help
    ├── DolmaAssetError            6   a model or word list cannot be had or does not verify
    └── DolmaFatalError            7   a worker died or the engine has a bug

An interrupted command (Ctrl-C) exits with 130.
"""

from __future__ import annotations

__all__ = [
    "DolmaAssetError",
    "DolmaConfigError",
    "DolmaError",
    "DolmaFatalError",
    "DolmaInputError",
    "DolmaRetryableFailure",
    "DolmaRustPipelineError",
    "DolmaShardError",
    "DolmaStorageError",
]


class DolmaError(Exception):
    """The root of the tree; `exit_code` is what the command line returns."""

    exit_code = 1


class DolmaConfigError(DolmaError):
    """A recipe, flag or API argument is wrong; raised before any work starts."""

    exit_code = 2


class DolmaInputError(DolmaError):
    """An input is missing, unreadable or not what it should be; names file and line."""

    exit_code = 3


class DolmaShardError(DolmaError):
    """One or more shards failed; the others were finished and will be skipped next time."""

    exit_code = 4


class DolmaRustPipelineError(DolmaShardError):
    """A shard failed inside the engine (the published package's name for it)."""


class DolmaStorageError(DolmaError):
    """A local disk or an object store refused; names the path and the call."""

    exit_code = 5


class DolmaRetryableFailure(DolmaStorageError):
    """A storage failure that may pass: throttling, a cut connection, a time-out."""


class DolmaAssetError(DolmaError):
    """A model or word list cannot be had, or its checksum is wrong."""

    exit_code = 6


class DolmaFatalError(DolmaError):
    """A worker process died, or the engine has a bug."""

    exit_code = 7
