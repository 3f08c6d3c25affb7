"""The published function that runs taggers, as another spelling of `dolma.tagger`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import tagger

__all__ = ["create_and_run_tagger"]


def create_and_run_tagger(
    documents: Sequence[str],
    taggers: Sequence[str],
    taggers_modules: Sequence[str] | None = None,
    experiment: str | None = None,
    destination: str | Sequence[str] | None = None,
    metadata: str | Sequence[str] | None = None,
    debug: bool = False,
    seed: int = 0,
    ignore_existing: bool = False,
    skip_on_failure: bool = False,
    retries_on_error: int = 0,
    num_processes: int = 1,
    profile_enable: bool = False,
    profile_output: str | None = None,
    profile_steps: int | None = None,
    profile_sort_key: str = "tottime",
    profile_lines: int = 100,
) -> dict[str, Any] | None:
    """Runs taggers over documents; returns the run report.

    Four arguments have nothing left to do: records of finished files stand beside the output
    (`metadata`), the order of files changes nothing (`seed`), a failed file never keeps others from
    being finished (`skip_on_failure`), and storage is asked again by itself (`retries_on_error`).

    Raises `dolma.errors.DolmaError` and its kinds.
    """
    config = {
        "documents": list(documents),
        "taggers": list(taggers),
        "tagger_modules": list(taggers_modules or []),
        "experiment": experiment,
        "destination": destination
        if destination is None or isinstance(destination, str)
        else list(destination),
        "debug": debug,
        "ignore_existing": ignore_existing,
        "processes": num_processes,
        "profile": {
            "enable": profile_enable,
            "output": profile_output,
            "steps": profile_steps,
            "sort_key": profile_sort_key,
            "lines": profile_lines,
        },
    }
    return tagger(config)
