"""What the taggers of a run did: shown while it goes on, in the report, and as a table.

Speed and shares are of this run; shards that failed, or were done before, are not in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..config.tag import TagConfig
from ..files import Files
from ..runs import Run
from ..taggers.plan import PlannedTagger
from . import session

if TYPE_CHECKING:
    from .. import _core

__all__ = ["execute", "table"]


def execute(
    run: Run,
    taggers: Sequence[PlannedTagger],
    config: TagConfig,
    engine: Callable[[Any, Files, _core.TaggerTally], None],
) -> dict[str, Any]:
    """Runs the engine and keeps account of the taggers; returns the report of the run."""
    from .. import _core

    tally = _core.TaggerTally([tagger.name for tagger in taggers])

    def account() -> None:
        report = tally.report()
        run.sections["taggers"] = report
        for name, numbers in run.details.get("taggers", {}).items():
            _warn(run, name, numbers)
        if config.profile.enable:
            print("\n".join(table(report)), flush=True)

    def work(gauge: Any, files: Files) -> None:
        files.settled = tally.settle
        engine(gauge, files, tally)

    return session.execute(run, work, account, lambda: _live(tally))


def _warn(run: Run, name: str, numbers: dict[str, Any]) -> None:
    if failed := numbers.get("errors", 0):
        session.warn(run, f"{name} failed on {failed:,} documents, which have no spans of it")
    if aside := numbers.get("documents_put_aside", 0):
        session.warn(run, f"{name} failed on {aside:,} documents, which were put aside")


def _live(tally: _core.TaggerTally) -> dict[str, dict[str, float]]:
    """Share of the time, documents for each second and spans of each tagger, so far."""
    total, taggers = tally.live()
    return {
        name: {
            "share": round(seconds / total, 4) if total else 0.0,
            "documents_per_second": round(documents / seconds) if seconds else 0,
            "spans": spans,
        }
        for name, seconds, documents, spans in taggers
    }


def table(report: dict[str, Any]) -> Iterator[str]:
    """The account of the taggers as lines of text: speeds first, then how scores are distributed."""
    rows: list[tuple[str, ...]] = [
        ("tagger", "documents/s", "time", "documents", "spans", "no span", "failed")
    ]
    for name, of in report.items():
        numbers = (of["documents_per_second"], of["documents"], of["spans"], of["documents_without_span"])
        speed, documents, spans, silent = (f"{number:,.0f}" for number in numbers)
        failed = f"{of['errors'] + of['documents_put_aside']:,}"
        rows.append((name, speed, f"{of['share_of_time']:.1%}", documents, spans, silent, failed))
    rest = max(0.0, 1.0 - sum(of["share_of_time"] for of in report.values()))
    rows.append(("(reading and writing)", "", f"{rest:.1%}", "", "", "", ""))
    yield from _aligned(rows)
    yield ""
    scores: list[tuple[str, ...]] = [("scores", "count", "min", "p10", "p50", "p90", "max", "mean")]
    for name, of in report.items():
        for kind, numbers in of["scores"].items():
            cells = (_number(numbers[key]) for key in ("min", "p10", "p50", "p90", "max", "mean"))
            scores.append((f"{name}__{kind}", f"{numbers['count']:,}", *cells))
    yield from _aligned(scores)


def _number(value: float) -> str:
    """Five digits of a score; all before the point where there are more, as far as anybody can read them."""
    return f"{value:,.0f}" if 1e5 <= abs(value) < 1e15 else f"{value:.5g}"


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Rows in columns, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        yield "  ".join(cells).rstrip()
