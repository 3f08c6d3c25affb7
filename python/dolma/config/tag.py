"""Options of `dolma tag`."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from .common import Config, RunConfig

__all__ = ["ProfileConfig", "TagConfig"]

OnTaggerError = Literal["fail", "skip", "null"]


class ProfileConfig(Config, frozen=True, kw_only=True):
    """A table of what each tagger took and found, and cProfile of Python taggers, in one process."""

    enable: Annotated[
        bool,
        Meta(
            description="Print what each tagger took and found; run Python taggers in this process, profiled.",
            extra={"short": "--profile"},
        ),
    ] = False
    output: Annotated[
        str | None,
        Meta(description="File for the profile of Python taggers, for pstats; by default that is printed."),
    ] = None
    steps: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Stop profiling after the shard that reaches so many documents."),
    ] = None
    sort_key: Annotated[str, Meta(description="Order of the printed profile (a key of pstats).")] = "tottime"
    lines: Annotated[int, Meta(ge=1, description="Rows of the profile to print.")] = 100


class TagConfig(RunConfig, frozen=True, kw_only=True):
    """Score documents and spans; write attribute files beside them."""

    documents: Annotated[
        list[str], Meta(description="Document files: paths, globs or folders; local or s3://.")
    ] = []
    destination: Annotated[
        list[str] | str | None,
        Meta(
            description="Where attributes go; one for all documents or one for each. By default beside them."
        ),
    ] = None
    tagger_modules: Annotated[
        list[str], Meta(description="Modules (dotted names or paths) that register custom taggers.")
    ] = []
    taggers: Annotated[
        list[str], Meta(description="Names of the taggers to run; `dolma list` shows them.")
    ] = []
    tagger_options: Annotated[
        dict[str, dict[str, Any]],
        Meta(description="Options of taggers by name, e.g. tagger_options.quality_fasttext_v1.model."),
    ] = {}
    experiment: Annotated[
        str | None, Meta(description="Name of the attribute set; by default each tagger writes its own.")
    ] = None
    ignore_existing: Annotated[
        bool, Meta(description="Redo shards that are already done (the published name of --force).")
    ] = False
    text: Annotated[
        str | None,
        Meta(description="Tag this text (- for standard input), print its spans, and write no file."),
    ] = None
    on_tagger_error: Annotated[
        OnTaggerError,
        Meta(
            description="When a tagger fails on a document: fail its shard, skip the document as a bad line "
            "(max_bad_records), or leave out (null) the spans of that tagger."
        ),
    ] = "fail"
    tagger_timeout: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Seconds that a Python tagger may take for a document; longer is a failure."),
    ] = None
    fetch_assets: Annotated[
        bool, Meta(description="Download models and lists that are not on this machine (or DOLMA_FETCH=1).")
    ] = False
    assets_lock: Annotated[
        str | None,
        Meta(description="Lock file that pins downloads without a checksum, besides the one in the cache."),
    ] = None
    debug: Annotated[bool, Meta(description="Run Python taggers in this process, and show tracebacks.")] = (
        False
    )
    profile: ProfileConfig = ProfileConfig()
