"""The last of the runs that share out keys: joins the attribute sets that the others wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import storage
from ..config.dedupe import DedupeConfig
from ..errors import DolmaInputError
from ..files import Files
from ..runs import Run
from ..shards import Output, Shard, fingerprint
from . import inputs, needs, session
from .parts import Parts

if TYPE_CHECKING:
    from .bloom import Plan

__all__ = ["run"]


def run(config: DedupeConfig, plan: Plan, *, brief: bool) -> dict[str, Any] | None:
    """Joins the attribute sets of all parts into one.

    Raises `DolmaInputError` for a part that has not been run on some document file.
    """
    from .. import _core

    parts = Parts(config)
    shards = []
    for file, _ in inputs.find(config.documents):
        found = []
        for index in range(parts.of_keys):
            path = Output(parts.place(file, index)).path
            stored = storage.stat(path)
            if stored is None:
                raise DolmaInputError(
                    f"dedupe.merge_partitions: {path} does not exist: run part {index} of {parts.of_keys} first "
                    f"(dedupe.partition_index {index})"
                )
            found.append(stored)
        shards.append(
            Shard(
                inputs=tuple(found),
                outputs=(Output(parts.place(file, None)),),
                fingerprint=fingerprint("dedupe", {"merge": plan}, found),
                name=file.path,
                attributes=((plan.attribute,),),
            )
        )
    work = Run("dedupe", config, shards, copies=config.is_s3_volume)
    session.announce(work, f"joining {parts.of_keys} parts", brief=brief)
    needs.check(work)
    if config.dryrun:
        return None

    def engine(gauge: _core.Progress, files: Files) -> None:
        _core.merge_parts(
            names=[[file.path for file in shard.inputs] for shard in work.todo],
            plan=plan,
            parts=[parts.attribute(index) for index in range(parts.of_keys)],
            threads=config.processes,
            host=files,
            progress=gauge,
        )

    def account() -> None:
        session.say(f"dedupe: {work.details.get('documents_marked', 0):,} documents marked")

    return session.execute(work, engine, account)
