"""What a deduplication that forms clusters says before it starts, and of what it has found."""

from __future__ import annotations

from typing import Any

import msgspec

from ...config.dedupe import AlarmConfig
from ...progress import format_bytes
from ...runs import Run
from .. import minhash, session, sizing
from ..stock import Stock
from .plan import Plan

__all__ = ["account", "alarms", "announcement", "describe", "findings"]


def describe(plan: Plan) -> str:
    """What is compared, and how."""
    if plan.minhash is not None:
        what = minhash.describe(plan.minhash)
    else:
        what = f"exact, by {plan.key}" if plan.key is not None else "exact, by paragraph"
    against = f", against {plan.references} files" if plan.references else ""
    if plan.indexed:
        against += f", {plan.indexed} of them in the index"
    return f"{what}{against}"


def units(plan: Plan) -> str:
    """What is compared, in the plural."""
    return "paragraphs" if plan.separator is not None else "documents"


def announcement(plan: Plan, memory: int, estimate: sizing.Estimate | None, stock: Stock) -> str:
    """The plan of a run."""
    what = describe(plan)
    if estimate is None:
        return what
    spilled = estimate.spilled(memory)
    where = f"about {format_bytes(spilled)} of them on disk" if spilled else "in memory"
    size = format_bytes(estimate.intermediates)
    return f"{what}{stock.described()}; about {estimate.keys:,} keys, {size} of intermediates, {where}"


def findings(core: Any) -> dict[str, Any]:
    """What the run report says of clusters and sources."""
    names = [name for name, _ in core.sources()]
    compared = dict(core.sources())
    copies: dict[str, dict[str, int]] = {}
    marked: dict[str, int] = {}
    for kept, duplicate, count in core.matrix():
        row = copies.setdefault(names[kept], {})
        row[names[duplicate]] = row.get(names[duplicate], 0) + count
        marked[names[duplicate]] = marked.get(names[duplicate], 0) + count
    return {
        **dict(core.totals()),
        "sizes": {f"{size}-{2 * size - 1}": count for size, count in core.sizes()},
        "largest": [
            {
                "cluster": cluster,
                "members": size,
                "samples": [
                    {"id": msgspec.json.decode(identifier), "path": path, "line": line}
                    for identifier, path, line in samples
                ],
            }
            for cluster, size, samples in core.largest()
        ],
        "sources": {
            name: {
                "compared": count,
                "marked": marked.get(name, 0),
                "share": round(marked.get(name, 0) / count, 4) if count else 0.0,
            }
            for name, count in sorted(compared.items())
            if count
        },
        "copies": {kept: dict(sorted(row.items())) for kept, row in sorted(copies.items())},
    }


def alarms(found: dict[str, Any], plan: Plan, alarm: AlarmConfig) -> list[str]:
    """What a run has found too much of."""
    loud = [
        f"{source['share']:.0%} of the source {name!r} are marked ({source['marked']:,} of {source['compared']:,})"
        for name, source in found["sources"].items()
        if source["share"] > alarm.source_share
    ]
    for cluster in found["largest"]:
        if cluster["members"] > alarm.cluster_size:
            sample = cluster["samples"][0]
            loud.append(
                f"a cluster of {cluster['members']:,} {units(plan)} keeps one, of {sample['path']}:{sample['line']}"
            )
    return loud


def account(work: Run, plan: Plan, alarm: AlarmConfig, found: dict[str, Any]) -> None:
    """Says what was found."""
    details = work.details
    compared, duplicates = details.get("compared", 0), details.get("duplicates", 0)
    what = units(plan)
    share = duplicates / compared if compared else 0
    session.say(
        f"dedupe: {compared:,} {what} compared, {duplicates:,} duplicates ({share:.1%}), "
        f"{details.get('skipped', 0):,} left out, {details.get('without_key', 0):,} without key, "
        f"{details.get('marked_before', 0):,} marked before"
    )
    key = plan.key or (plan.minhash.key if plan.minhash is not None else "a paragraph")
    if work.counts.read and not compared:
        session.warn(work, f"nothing was compared: no document has {key} within the limits, unmarked")
    elif details.get("without_key"):
        session.warn(work, f"{details['without_key']:,} documents have no {key} and were not compared")
    if not found:
        return
    read = found.pop("read")
    session.say(
        f"dedupe: {found['clusters']:,} clusters and {found['singletons']:,} {what} without a copy; "
        f"{format_bytes(found['spilled_bytes'])} of intermediates went to disk"
    )
    if read.get("short"):
        policy = (
            "compared by their whole text" if plan.minhash and plan.minhash.short == "exact" else "left out"
        )
        session.say(f"dedupe: {read['short']:,} documents are too short for a shingle and were {policy}")
    if read.get("unranked"):
        session.warn(
            work, f"{read['unranked']:,} documents have nothing that the policy {plan.policy} can go by"
        )
    work.details["clusters"] = {**found, "alarms": alarms(found, plan, alarm)}
    for text in work.details["clusters"]["alarms"]:
        session.warn(work, f"alarm: {text}")
