"""`dolma tag`: documents in, attribute files beside them."""

from __future__ import annotations

import os
from typing import Any

from .. import assets, paths, storage
from ..config.tag import ProfileConfig, TagConfig
from ..errors import DolmaConfigError, DolmaError, DolmaShardError
from ..paths import Place
from ..runs import Run
from ..shards import Output, Record, Shard, fingerprint
from ..spelling import nearest
from ..storage import File
from ..taggers.plan import PlannedTagger, plan
from ..taggers.registry import broken
from . import inputs, needs, session, tallies

__all__ = ["check", "run"]

#: The part of an estimate by one batch that a plan is refused for: other documents may have fewer spans.
SAMPLE_CERTAINTY = 0.5


def check(config: TagConfig) -> list[PlannedTagger]:
    """The taggers of a run, as far as the config alone says; needs no documents.

    Raises `DolmaConfigError` for what is wrong with it, `DolmaAssetError` for a missing model.
    """
    with assets.policy(fetch=config.fetch_assets, lock=config.assets_lock):
        taggers = plan(config.taggers, config.tagger_modules, config.tagger_options, config.experiment)
    if config.on_tagger_error == "skip" and config.max_bad_records == 0:
        raise DolmaConfigError(
            "on_tagger_error: skip puts documents aside; say how many that may be: max_bad_records"
        )
    if config.tagger_timeout is not None and (config.debug or config.profile.enable):
        other = "debug" if config.debug else "profile.enable"
        raise DolmaConfigError(
            f"tagger_timeout: needs worker processes, and {other} runs taggers in this one; leave one out"
        )
    if config.profile.enable:
        _check_profile(config.profile)
    if not config.documents and config.text is None:
        raise DolmaConfigError("documents: name at least one path")
    return taggers


def _check_profile(profile: ProfileConfig) -> None:
    """Raises `DolmaConfigError` for what would only be found out when the work is done."""
    import pstats

    keys = pstats.Stats().get_sort_arg_defs()
    if profile.sort_key not in keys:
        close = nearest(profile.sort_key, keys)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise DolmaConfigError(
            f"profile.sort_key: {profile.sort_key!r} is no key of pstats, as tottime, cumtime and ncalls are{hint}"
        )
    if profile.output is None:
        return
    place = os.path.abspath(profile.output)
    if os.path.isdir(place):
        raise DolmaConfigError(f"profile.output: {place} is a folder; name a file")
    folder = os.path.dirname(place)
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK | os.X_OK):
        raise DolmaConfigError(
            f"profile.output: {place} cannot be written: {folder} is no folder that may be written to"
        )


def run(config: TagConfig, *, brief: bool = False, called: bool = False) -> dict[str, Any] | None:
    """Runs `dolma tag`; returns the run report, None for a dry run.

    `brief` leaves out the effective recipe; `called` says that a program of the user's calls. Raises
    `DolmaConfigError` before any work, `DolmaShardError` after it when shards failed.
    """
    taggers = check(config)
    if config.text is not None:
        from . import showing

        try:
            showing.show(config, taggers)
        except DolmaShardError as error:
            if config.debug:
                import traceback

                traceback.print_exception(error)
            raise
        return None
    files = inputs.find(config.documents)
    if (profile := config.profile.output) is not None:
        inputs.check_apart("profile.output", profile, [file for file, _ in files])
    shards = _shards(config, taggers, files)
    in_python = [tagger for tagger in taggers if tagger.kernel is None]
    work = Run(
        "tag",
        config,
        shards,
        keep=lambda _: not config.ignore_existing,
        fits=lambda record: _survived_alike(record, config.on_tagger_error),
    )
    how = f"{len(in_python)} in Python, {config.processes} processes" if in_python else "in the engine"
    session.announce(work, f"{len(taggers)} taggers ({how})", brief=brief)
    for message in broken():
        session.warn(work, message)
    if config.profile.enable and config.profile.output is not None and not in_python:
        session.warn(
            work,
            "profile.output: no tagger is Python code, so there is no profile of Python to write; the table is printed",
        )
    needs.check(work, python=bool(in_python), outputs=lambda: _least_output(work, taggers))
    if config.dryrun:
        return None
    if in_python:
        # Brings worker processes along, which the engine does without.
        from . import batches

        return batches.execute(work, taggers, config, called=called)
    from .. import _core

    def engine(gauge: _core.Progress, files: Any, tally: _core.TaggerTally) -> None:
        _core.tag(
            names=[shard.inputs[0].path for shard in work.todo],
            taggers=taggers,
            outputs=len({tagger.output for tagger in taggers}),
            max_bad=config.max_bad_records,
            on_error=config.on_tagger_error,
            threads=config.processes,
            tally=tally,
            host=files,
            progress=gauge,
        )

    return tallies.execute(work, taggers, config, engine)


def _survived_alike(record: Record, on_error: str) -> bool:
    """Whether what failed in a shard that is done would be treated so again.

    A shard in which nothing failed is the same for every policy.
    """
    kept = {"null": "errors", "skip": "documents_put_aside"}.get(on_error)
    failures = ("errors", "documents_put_aside")
    of_taggers = record.details.get("taggers", {}).values()
    return all(not numbers.get(what) for numbers in of_taggers for what in failures if what != kept)


def _least_output(work: Run, taggers: list[PlannedTagger]) -> int | None:
    """Bytes that the rows will take at least, judged by the first batch of the first shard.

    None where documents are remote or a tagger is Python code, which is not run for an estimate.
    """
    first = next(iter(work.todo), None)
    if first is None or any(tagger.kernel is None for tagger in taggers):
        return None
    path = first.inputs[0].path
    if storage.is_remote(path):
        return None
    from .. import _core

    gauge = _core.Progress()
    try:
        batch = _core.BatchReader(path, path, gauge).next()
        if batch is None or not gauge.input_bytes:
            return None
        lines, first_line, _ = batch
        engine = _core.BatchTagger(taggers, len({t.output for t in taggers}), True, "null")
        engine.parse(lines, path, first_line)
        segments = engine.rows([], [])[0]
    except DolmaError:
        # The run itself will say what is wrong with this shard, with its place.
        return None
    written = sum(len(data) for data, _, _ in segments)
    return int(written / gauge.input_bytes * work.input_bytes * SAMPLE_CERTAINTY)


def _shards(config: TagConfig, taggers: list[PlannedTagger], files: list[tuple[File, str]]) -> list[Shard]:
    folders = list(dict.fromkeys(tagger.folder for tagger in taggers))
    places = {folder: _places(config, files, folder) for folder in folders}
    writers = {
        folder: tuple(tagger.name for tagger in taggers if tagger.folder == folder) for folder in folders
    }
    identity = {
        "taggers": [(tagger.name, tagger.prefix, tagger.output, tagger.identity) for tagger in taggers],
    }
    return [
        Shard(
            inputs=(file,),
            outputs=tuple(Output(places[folder][index], writers[folder]) for folder in folders),
            fingerprint=fingerprint("tag", identity, [file]),
            name=file.path,
            attributes=tuple(tuple(_promised(taggers, folder)) for folder in folders),
        )
        for index, (file, _) in enumerate(files)
    ]


def _promised(taggers: list[PlannedTagger], folder: str) -> list[str]:
    """The attributes that rows in a folder may have; those of Python taggers are not known before."""
    return [
        f"{tagger.prefix}__{name}"
        for tagger in taggers
        if tagger.folder == folder
        for name in tagger.identity.get("types", [])
    ]


def _places(config: TagConfig, files: list[tuple[File, str]], folder: str) -> list[Place]:
    if config.destination is None:
        return [paths.attribute_place(file.path, folder) for file, _ in files]
    pairs = [(file.path, pattern) for file, pattern in files]
    places = paths.destination_places(pairs, config.documents, config.destination, folder)
    if config.experiment is None and not isinstance(config.destination, str):
        # Folders named one by one leave no room for the taggers' own; each gets one below.
        return [Place(f"{place.root}/{folder}", place.relative) for place in places]
    return places
