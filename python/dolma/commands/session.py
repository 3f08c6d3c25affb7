"""A run as the user sees it: what is going to happen, how far it is, and what came of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from .. import recipes
from ..errors import DolmaAssetError, DolmaConfigError, DolmaError
from ..files import Files, opened
from ..progress import Meter, Step, format_bytes, format_duration
from ..runs import Run

__all__ = ["announce", "execute", "say", "warn"]


def say(text: str) -> None:
    """Prints a line of the run's account."""
    print(text, file=sys.stderr, flush=True)


def warn(run: Run, text: str) -> None:
    """Prints a warning and puts it into the report."""
    run.warnings.append(text)
    print(f"warning: {text}", file=sys.stderr, flush=True)


def announce(run: Run, what: str, *, brief: bool = False, input_bytes: int | None = None) -> None:
    """Prints the effective recipe (unless `brief`) and the plan; `input_bytes` are to be read, by
    default the inputs of what is to do."""
    if not brief:
        print(recipes.to_yaml(run.config), flush=True)
    done = len(run.mine) - len(run.todo)
    part = f" (part {run.config.shard})" if run.config.shard else ""
    say(
        f"{run.command}: {what}; {len(run.todo)} shards to do{part}, {done} done before, "
        f"{format_bytes(run.input_bytes if input_bytes is None else input_bytes)} of input"
    )


def execute(
    run: Run,
    engine: Callable[[Any, Files], None],
    account: Callable[[], None] = lambda: None,
    taggers: Callable[[], dict[str, dict[str, float]]] = dict,
) -> dict[str, Any]:
    """Has the engine work on what is left of a run, shows progress, finishes and sums up.

    `account` prints the command's own findings, and may warn, before the report is written;
    `taggers` says what those of the run did so far.

    Raises `DolmaShardError` when shards failed, `KeyboardInterrupt` when it was stopped, and what else
    ended the work; the report is written, unless the work did not begin because of the config.
    """
    from .. import _core

    gauge = _core.Progress()
    meter = Meter(run.command, run.config.progress, Step("", len(run.todo), run.input_bytes), taggers)
    error = None
    if run.todo:
        with opened(run) as files:

            def work() -> None:
                engine(gauge, files)
                files.wait()

            try:
                run.execute(gauge, work, lambda: meter.update(gauge, run.step))
            except DolmaError as caught:
                if isinstance(caught, (DolmaAssetError, DolmaConfigError)) and not run.committed:
                    # Refused before any work, though the engine had to say so: nothing to report on.
                    raise
                error = caught
        meter.update(gauge, run.step, final=True)
    if error is None:
        account()
    try:
        return run.finish(error)
    finally:
        summarise(run)


def summarise(run: Run) -> None:
    """Prints what came of a run."""
    counts = run.counts
    took = format_duration(run.timings.get("work_seconds", 0))
    state = "stopped" if run.interrupted else "FAILED" if run.problem() else "done"
    say(
        f"{run.command}: {state} in {took}: {counts.read:,} documents read = {counts.written:,} written "
        f"+ {counts.dropped:,} dropped + {counts.bad:,} bad"
    )
    if run.interrupted:
        say(f"{run.command}: what is finished is kept; run the same command again to go on")
    for path in run.bad_files:
        say(f"{run.command}: bad lines are in {path}")
    for path in run.error_files:
        say(f"{run.command}: failures of taggers are in {path}")
    if run.report_path:
        say(f"{run.command}: report: {run.report_path}")
