"""`dolma mix`: documents joined with their attributes, filtered, edited, and written."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from .. import paths, storage
from ..config.mix import FilterConfig, MixConfig, SpanReplacementConfig, StreamConfig
from ..errors import DolmaConfigError, DolmaInputError
from ..files import Files
from ..paths import Place
from ..runs import Run
from ..shards import Output, Shard, fingerprint
from ..spelling import nearest
from ..storage import File
from . import inputs, leftovers, names, needs, session

__all__ = ["check", "funnel", "run"]

#: What a packed output is called where the recipe names no format.
DEFAULT_OUTPUT = "gz"


#: Columns of the funnel for the rule; and of those, how many for its beginning where it is longer.
LABEL = 76
LABEL_HEAD = 24
#: Files of earlier runs that are named; the others are counted.
SHOWN = 5
#: What drops documents and is no rule of a filter.
SHORT = "min_text_length"


class StreamPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A stream as the engine reads it."""

    name: str
    include: list[str]
    exclude: list[str]
    syntax: str
    replacements: list[SpanReplacementConfig]
    discard: list[str]
    min_text_length: int
    joins: bool
    count_words: bool
    input_format: str | None
    output_format: str
    level: int | None
    watched: list[str]


class InputPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A document file with its attribute files, as the engine reads it."""

    stream: int
    output: int
    names: list[str]
    relative: str


class Member(msgspec.Struct, frozen=True):
    """A document file of a stream with its attribute files."""

    document: File
    attributes: tuple[File, ...]

    @property
    def files(self) -> tuple[File, ...]:
        return (self.document, *self.attributes)


class PlannedOutput(msgspec.Struct, frozen=True):
    """An output with what goes into it."""

    stream: int
    output_format: str
    members: tuple[Member, ...]
    place: Place


def check(config: MixConfig) -> None:
    """Looks for what the config alone tells to be wrong; needs no documents.

    Raises `DolmaConfigError` for it, a rule that does not compile included.
    """
    if not config.streams:
        raise DolmaConfigError("streams: the recipe has none; a mix needs at least one")
    _check_names(config.streams)
    for index, stream in enumerate(config.streams):
        _compile(index, stream, config.count_words)


def run(config: MixConfig, *, brief: bool = False) -> dict[str, Any] | None:
    """Runs `dolma mix`; returns the run report, None for a dry run.

    `brief` leaves out the effective recipe and the funnel. Raises `DolmaConfigError` or
    `DolmaInputError` before any work, `DolmaShardError` after it when shards failed.
    """
    check(config)
    outputs: list[PlannedOutput] = []
    for index, stream in enumerate(config.streams):
        members = [Member(file, _attributes(file, stream)) for file, _ in _documents(stream, index)]
        outputs += _pack(index, stream, members) if config.shuffle else _one_to_one(index, stream, members)
    watched: list[list[str]] = []
    warnings: list[str] = []
    for index, stream in enumerate(config.streams):
        members = [member for output in outputs if output.stream == index for member in output.members]
        attributes, fields = _compile(index, stream, config.count_words)
        watched.append(_check_attributes(stream, members, attributes))
        warnings += _check_fields(stream, members, fields)
    planned = {
        output.place.path: (output, _stream_plan(config, output, watched[output.stream]))
        for output in outputs
    }
    shards = [_shard(config, output) for output in outputs]
    work = Run("mix", config, shards)
    session.announce(work, f"{len(config.streams)} streams", brief=brief)
    for message in warnings:
        session.warn(work, message)
    outdated = _leftovers(work, config, outputs)
    needs.check(
        work,
        outputs=lambda: _least_output(config, [planned[shard.outputs[0].path][0] for shard in work.todo]),
    )
    if config.dryrun:
        return None

    def engine(gauge: Any, files: Files) -> None:
        from .. import _core

        plans: list[StreamPlan] = []
        engine_inputs = []
        for number, shard in enumerate(work.todo):
            output, plan = planned[shard.outputs[0].path]
            if plan not in plans:
                plans.append(plan)
            for member in output.members:
                engine_inputs.append(
                    InputPlan(
                        stream=plans.index(plan),
                        output=number,
                        names=[file.path for file in member.files],
                        relative=paths.relative_to_documents(member.document.path),
                    )
                )
        _core.mix(
            streams=plans,
            inputs=engine_inputs,
            max_bad=config.max_bad_records,
            threads=config.processes,
            host=files,
            progress=gauge,
        )

    report = session.execute(work, engine, lambda: _account(work, config, brief))
    # Not before all that replaces them is there.
    for place in outdated:
        leftovers.remove(place)
    return report


def _leftovers(work: Run, config: MixConfig, outputs: Sequence[PlannedOutput]) -> list[Place]:
    """Outputs that earlier runs of the same streams made and this plan does not; warns of those of others."""
    streams: dict[str, set[str]] = {}
    for output in outputs if config.shuffle else []:
        streams.setdefault(output.place.root, set()).add(config.streams[output.stream].name)
    read = [file for shard in work.shards for file in shard.inputs]
    found = leftovers.find([output.place for output in outputs], streams, read)
    if found.outdated:
        session.say(f"mix: {_named(found.outdated)} of an earlier plan of these streams will be removed")
    if found.others:
        session.warn(
            work,
            f"{_named(found.others)} of earlier runs are in the folders of this mix, and not part of it; remove "
            "them if they are not wanted",
        )
    return found.outdated


def _named(places: Sequence[Place]) -> str:
    shown = ", ".join(place.path for place in places[:SHOWN])
    more = f" and {len(places) - SHOWN:,} more" if len(places) > SHOWN else ""
    return f"{shown}{more}"


def _least_output(config: MixConfig, outputs: Sequence[PlannedOutput]) -> int:
    """Bytes that outputs will take at least: those of streams that keep all documents as they are.

    Recompression by gzip may halve a file that was compressed. Zstandard sees further back, and may
    shrink copies that lie far apart to next to nothing: nothing is promised of it.
    """
    return sum(
        member.document.size // (2 if output.output_format else 1)
        for output in outputs
        if output.output_format != "zst" and _keeps_everything(config.streams[output.stream])
        for member in output.members
        if member.document.path.endswith((".gz", ".zst", ".zstd")) or not output.output_format
    )


def _keeps_everything(stream: StreamConfig) -> bool:
    edits = stream.span_replacement or stream.output.discard_fields or stream.output.min_text_length
    return not _filters(stream) and not edits


def _filters(stream: StreamConfig) -> bool:
    """Whether a stream has rules: a section `filter` may be there for `on_missing` alone."""
    return stream.filter is not None and bool(stream.filter.include or stream.filter.exclude)


def _check_names(streams: Sequence[StreamConfig]) -> None:
    for index, stream in enumerate(streams):
        at = f"streams[{index}]"
        if "/" in stream.name:
            raise DolmaConfigError(f"{at}.name: {stream.name} is part of a file name and cannot contain '/'")
        chosen = stream.filter
        if chosen is not None and not _filters(stream) and chosen.on_missing == "error":
            raise DolmaConfigError(
                f"{at}.filter: give include or exclude; leave out the section to keep all documents"
            )
        for number, replacement in enumerate(stream.span_replacement):
            key = f"{at}.span_replacement[{number}]"
            if replacement.min_score is None and replacement.max_score is None:
                raise DolmaConfigError(f"{key}: {replacement.span}: give min_score or max_score")
            low, high = replacement.min_score, replacement.max_score
            if low is not None and high is not None and low >= high:
                raise DolmaConfigError(
                    f"{key}: {replacement.span}: no score is from min_score {low:g} to below "
                    f"max_score {high:g}; give a larger max_score"
                )


def _documents(stream: StreamConfig, index: int) -> list[tuple[File, str]]:
    return inputs.find(stream.documents, f"streams[{index}].documents")


def _attributes(document: File, stream: StreamConfig) -> tuple[File, ...]:
    found = []
    for name in stream.attributes:
        place = paths.attribute_place(document.path, name)
        file = storage.stat(place.path)
        if file is None:
            raise DolmaInputError(_missing_attributes(document, stream, name, place))
        found.append(file)
    return tuple(found)


def _missing_attributes(document: File, stream: StreamConfig, name: str, place: Place) -> str:
    message = f"stream {stream.name!r}: {place.path} is missing: {document.path} has no attributes {name!r}"
    parent = place.root.rpartition("/")[0]
    if not storage.is_remote(parent) and os.path.isdir(parent):
        sets = sorted(entry for entry in os.listdir(parent) if not entry.startswith("."))
        close = nearest(name, sets)
        if name not in sets:
            message += (
                f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(sets) or 'none'}"
            )
    return f"{message}. Without them documents would pass its filter unseen; run the tagger or deduper that writes them"


def _pack(index: int, stream: StreamConfig, members: list[Member]) -> list[PlannedOutput]:
    """Inputs in order, as many into an output as fit by their compressed size."""
    groups: list[list[Member]] = []
    size = 0
    for member in members:
        size += member.document.size
        if not groups or size > stream.output.max_size_in_bytes:
            groups.append([])
            size = member.document.size
        groups[-1].append(member)
    format_ = _output_format(stream, None)
    extension = f".{format_}" if format_ else ""
    root = stream.output.path.rstrip("/")
    return [
        PlannedOutput(
            index, format_, tuple(group), Place(root, paths.mix_name(stream.name, number, extension))
        )
        for number, group in enumerate(groups)
    ]


def _one_to_one(index: int, stream: StreamConfig, members: list[Member]) -> list[PlannedOutput]:
    root = f"{stream.output.path.rstrip('/')}/documents"
    outputs = []
    for member in members:
        relative = member.document.path.rpartition("/documents/")[2]
        if relative == member.document.path:
            relative = paths.relative_to_documents(member.document.path)
        outputs.append(
            PlannedOutput(index, _output_format(stream, relative), (member,), Place(root, relative))
        )
    return outputs


def _output_format(stream: StreamConfig, name: str | None) -> str:
    chosen = stream.compression.output if stream.compression is not None else None
    if name is None:
        return DEFAULT_OUTPUT if chosen is None else chosen.lstrip(".")
    if chosen is not None:
        return chosen.lstrip(".")
    return "gz" if name.endswith(".gz") else "zst" if name.endswith((".zst", ".zstd")) else ""


def _stream_plan(config: MixConfig, output: PlannedOutput, watched: list[str]) -> StreamPlan:
    return _compiled(config.streams[output.stream], config.count_words, output.output_format, watched)


def _compiled(stream: StreamConfig, count_words: bool, output_format: str, watched: list[str]) -> StreamPlan:
    chosen = stream.filter or FilterConfig()
    compression = stream.compression
    return StreamPlan(
        name=stream.name,
        include=chosen.include,
        exclude=chosen.exclude,
        syntax=chosen.syntax,
        replacements=stream.span_replacement,
        discard=stream.output.discard_fields,
        min_text_length=stream.output.min_text_length,
        joins=bool(stream.attributes),
        count_words=count_words,
        input_format=_input_format(stream),
        output_format=output_format,
        level=compression.level if compression is not None else None,
        watched=watched,
    )


def _compile(index: int, stream: StreamConfig, count_words: bool) -> tuple[dict[str, str], dict[str, str]]:
    """The attributes that the expressions of a stream name, and the fields of documents, each with the key
    of the first that does.

    Raises `DolmaConfigError` for an expression that does not compile.
    """
    from .. import _core

    at = f"streams[{index}]"
    try:
        attributes, fields = _core.rule_names(_compiled(stream, count_words, "", []))
    except DolmaConfigError as error:
        raise DolmaConfigError(f"{at}.{error}") from error
    return {name: f"{at}.{key}" for name, key in attributes}, {name: f"{at}.{key}" for name, key in fields}


def _check_fields(stream: StreamConfig, members: Sequence[Member], named: Mapping[str, str]) -> list[str]:
    """Warnings of fields that expressions name, each with its key, and that the first documents lack.

    Raises `DolmaConfigError` for one that looks like a field that every corpus has.
    """
    if stream.filter is not None and stream.filter.on_missing == "keep":
        return []
    documents = [member.document for member in members]
    warnings = []
    for name, path in names.absent_fields(list(named), documents, _input_format(stream)):
        message = f"{named[name]}: no document of {path} has a field {name}"
        if (meant := names.meant(name)) is not None:
            raise DolmaConfigError(
                f"{message}; did you mean {meant!r}? If it is right that none has it, set filter.on_missing: keep"
            )
        warnings.append(message)
    return warnings


def _input_format(stream: StreamConfig) -> str | None:
    return stream.compression.input if stream.compression is not None else None


def _check_attributes(stream: StreamConfig, members: Sequence[Member], named: Mapping[str, str]) -> list[str]:
    """Checks the attributes that the expressions of a stream name, each with its key.

    Returns the names that deserve a look at the rows, because no record vouches for them. Raises
    `DolmaConfigError` when no row of the stream can have one.
    """
    sets = [[member.attributes[index] for member in members] for index in range(len(stream.attributes))]
    declared = names.declared(sets)
    for both in named:
        makers = list(dict.fromkeys(stream.attributes[index] for index in declared.get(both, ())))
        if len(makers) < 2:
            continue
        one, other = makers[-2:]
        raise DolmaConfigError(
            f"{named[both]}: {one} and {other} both have an attribute {both}, and a document has only one of them; "
            "write them under different names, or leave one set out of attributes"
        )
    doubtful = [name for name in named if name not in declared]
    if stream.filter is not None and stream.filter.on_missing == "keep":
        return doubtful
    documents = [member.document for member in members]
    missing, seen = names.search(doubtful, sets, documents, _input_format(stream))
    if missing:
        name = missing[0]
        where = f"row of {', '.join(stream.attributes)}" if stream.attributes else "document"
        raise DolmaConfigError(
            f"{named[name]}: no {where} has the attribute {name}; {names.hint(name, {*declared, *seen})}. If it is "
            "right that none has it, set filter.on_missing: keep"
        )
    return doubtful


def _shard(config: MixConfig, output: PlannedOutput) -> Shard:
    stream = config.streams[output.stream]
    files = tuple(file for member in output.members for file in member.files)
    identity = {
        "stream": msgspec.structs.replace(stream, documents=["-"]),
        "format": output.output_format,
        "count_words": config.count_words,
    }
    return Shard(
        inputs=files,
        outputs=(Output(output.place),),
        fingerprint=fingerprint("mix", identity, files),
        name=output.place.path,
    )


def _account(work: Run, config: MixConfig, brief: bool) -> None:
    """Prints the funnel of each stream, and warns of rules that never saw their attribute or had no effect."""
    filtered = {stream.name for stream in config.streams if _filters(stream)}
    for name, stream in work.details.get("streams", {}).items():
        for line in funnel(name, stream) if not brief else []:
            session.say(line)
        for attribute, shards in sorted(stream.get("unseen_attributes", {}).items()):
            session.warn(
                work,
                f"stream {name!r}: a rule names the attribute {attribute}, which no row of {shards} of its outputs has",
            )
        if name in filtered and stream["documents_in"] and not set(stream.get("dropped", {})) - {SHORT}:
            session.warn(
                work, f"stream {name!r}: its filter dropped none of {stream['documents_in']:,} documents"
            )
        if stream["documents_in"] and not stream["documents_out"]:
            session.warn(work, f"stream {name!r}: no document was kept")


def funnel(name: str, stream: dict[str, Any]) -> list[str]:
    """The account of a stream, as lines of a table."""
    words = "words_in" in stream
    rows = [("read", stream["documents_in"], stream["bytes_in"], stream.get("words_in"))]
    dropped = sorted(stream.get("dropped", {}).items(), key=lambda item: -item[1]["documents"])
    rows += [
        (f"dropped by {rule}", cost["documents"], cost["bytes"], cost.get("words")) for rule, cost in dropped
    ]
    if "edited" in stream:
        edited = stream["edited"]
        spans = f"edited ({stream['spans_replaced']:,} spans replaced)"
        rows.append((spans, edited["documents"], edited["bytes"], edited.get("words")))
    rows.append(("written", stream["documents_out"], stream["bytes_out"], stream.get("words_out")))
    width = min(LABEL, max(len(row[0]) for row in rows))
    head = f"  {name:<{width}} {'documents':>12} {'bytes':>16}" + (f" {'words':>14}" if words else "")
    lines = [head]
    for label, documents, size, count in rows:
        shown = _shortened(label, width)
        text = f"  {shown:<{width}} {documents:>12,} {size:>16,}"
        lines.append(text + (f" {count or 0:>14,}" if words else ""))
    return lines


def _shortened(label: str, width: int) -> str:
    """`label` without its middle where it is too long: the end of a rule tells more about it."""
    if len(label) <= width:
        return label
    return f"{label[:LABEL_HEAD]}…{label[LABEL_HEAD + 1 - width :]}"
