"""Options of `dolma mix`."""

from typing import Annotated, Literal

from msgspec import Meta

from .common import CompressionConfig, Config, RunConfig, Syntax

__all__ = [
    "FilterConfig",
    "MixConfig",
    "SpanReplacementConfig",
    "StreamConfig",
    "StreamOutputConfig",
]


class FilterConfig(Config, frozen=True, kw_only=True):
    """Which documents of a stream are kept."""

    include: Annotated[
        list[str], Meta(description="Keep documents that match any of these; all if empty.")
    ] = []
    exclude: Annotated[list[str], Meta(description="Drop documents that match any of these.")] = []
    syntax: Annotated[Syntax, Meta(description="Language of the expressions.")] = "jsonpath"
    on_missing: Annotated[
        Literal["error", "keep"],
        Meta(description="What to do when a rule or edit names an attribute that no row of the stream has."),
    ] = "error"


class SpanReplacementConfig(Config, frozen=True, kw_only=True):
    """Replace the spans of an attribute in the text."""

    span: Annotated[str, Meta(min_length=1, description="Expression that selects the spans.")]
    min_score: Annotated[float | None, Meta(description="Spans of at least this score.")] = None
    max_score: Annotated[float | None, Meta(description="Spans below this score.")] = None
    replacement: Annotated[
        str, Meta(description="New text; {} stands for the old one, a leading $ selects from the document.")
    ] = ""
    syntax: Annotated[Syntax, Meta(description="Language of the expression.")] = "jsonpath"


class StreamOutputConfig(Config, frozen=True, kw_only=True):
    """Where a stream's documents go."""

    path: Annotated[str, Meta(min_length=1, description="Output folder, local or s3://.")]
    max_size_in_bytes: Annotated[
        int, Meta(ge=1, description="Compressed input bytes that go into one output file.")
    ] = 2_147_483_648
    discard_fields: Annotated[list[str], Meta(description="Top-level fields to leave out.")] = []
    min_text_length: Annotated[
        int, Meta(ge=0, description="Drop documents of fewer code points after editing and trimming.")
    ] = 0


class StreamConfig(Config, frozen=True, kw_only=True):
    """One set of documents with its attributes, filter, edits and output."""

    name: Annotated[str, Meta(min_length=1, description="Name of the stream; output files start with it.")]
    documents: Annotated[
        list[str], Meta(min_length=1, description="Document files: paths, globs or folders.")
    ]
    output: StreamOutputConfig
    attributes: Annotated[list[str], Meta(description="Attribute sets to join, in order.")] = []
    filter: FilterConfig | None = None
    span_replacement: list[SpanReplacementConfig] = []
    compression: CompressionConfig | None = None


class MixConfig(RunConfig, frozen=True, kw_only=True):
    """Join documents with attributes, filter, edit, and write the mix."""

    streams: Annotated[
        list[StreamConfig], Meta(description="The streams of the mix (recipe file only).")
    ] = []
    count_words: Annotated[
        bool, Meta(description="Count words as well as documents and bytes, for the funnel.")
    ] = False
    shuffle: Annotated[
        bool,
        Meta(description="Pack inputs into files of max_size_in_bytes; otherwise one output for each input."),
    ] = True
