"""What the sections of several commands have in common."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

__all__ = [
    "POSITIONAL",
    "CompressionConfig",
    "Config",
    "ProgressStyle",
    "RunConfig",
    "Syntax",
    "WorkDirConfig",
]

Syntax = Literal["jsonpath", "jq"]
Codec = Literal["gz", "zst", "zstd", ""]
ProgressStyle = Literal["auto", "bar", "lines", "json", "none"]

#: Marks a field whose value may stand on the command line without its flag.
POSITIONAL = {"positional": True}


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all sections of a recipe have in common: fixed fields, no surprises."""


class WorkDirConfig(Config, frozen=True, kw_only=True):
    """Local folders for staged remote files; temporary ones are made where not given."""

    input: Annotated[str | None, Meta(description="Folder for downloaded inputs.")] = None
    output: Annotated[str | None, Meta(description="Folder for outputs before they are published.")] = None


class CompressionConfig(Config, frozen=True, kw_only=True):
    """How files are compressed, where the suffix does not say it."""

    input: Annotated[
        Codec | None,
        Meta(description="Format of the inputs: gz, zst or '' (plain). By default, the suffix says."),
    ] = None
    output: Annotated[Codec | None, Meta(description="Format of the outputs: gz, zst or '' (plain).")] = None
    level: Annotated[
        Annotated[int, Meta(ge=1, le=22)] | None,
        Meta(
            description="Effort: gz 1 (fastest, default) to 12, zst 1 to 22 (default 3).",
        ),
    ] = None


class RunConfig(Config, frozen=True, kw_only=True):
    """What every command that works on shards understands."""

    work_dir: WorkDirConfig = WorkDirConfig()
    processes: Annotated[int, Meta(ge=1, description="Threads, or worker processes for Python taggers.")] = 1
    dryrun: Annotated[bool, Meta(description="Print the effective recipe and the plan, then stop.")] = False
    force: Annotated[bool, Meta(description="Redo shards that are already done.")] = False
    max_bad_records: Annotated[
        int,
        Meta(
            ge=0,
            description="Bad lines to put into the quarantine file before a run fails; counted over all shards.",
        ),
    ] = 0
    shard: Annotated[
        Annotated[str, Meta(pattern=r"^\d+/\d+$")] | None,
        Meta(
            description="Do part i of n (0/8 … 7/8): the same plan, split over array jobs.",
        ),
    ] = None
    report: Annotated[
        str | None,
        Meta(description="Where to write the run report (JSON), besides the output's .dolma folder."),
    ] = None
    progress: Annotated[
        ProgressStyle, Meta(description="auto: bars on a terminal, a line now and then elsewhere.")
    ] = "auto"
