"""Every option of every command: names, types, defaults, limits and help texts, once.

The Structs are frozen and refuse unknown keys. They are filled from a recipe and from flags by
`dolma.recipes`, become the command line in `dolma.cli`, and are handed to the engine as objects
whose attributes it reads. Nothing else in the project holds a default.
"""

from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

__all__ = [
    "AlarmConfig",
    "AssetsConfig",
    "BloomFilterConfig",
    "CompressionConfig",
    "DedupeConfig",
    "DedupeMethod",
    "DocumentKeyConfig",
    "FastTextConfig",
    "FilterConfig",
    "IndexConfig",
    "KeepConfig",
    "ListConfig",
    "MinhashConfig",
    "MixConfig",
    "NgramConfig",
    "ParagraphsConfig",
    "ProfileConfig",
    "RecipeConfig",
    "RunConfig",
    "SpanReplacementConfig",
    "StreamConfig",
    "StreamOutputConfig",
    "SubstringConfig",
    "TagConfig",
    "TrainConfig",
    "WorkDirConfig",
]

Syntax = Literal["jsonpath", "jq"]
Codec = Literal["gz", "zst", "zstd", ""]
TextStep = Literal["case", "white_space", "nfc", "nfkc"]
NormalizeStep = TextStep | Literal["url"]
ProgressStyle = Literal["auto", "bar", "lines", "json", "none"]
Resumable = Literal["auto", "always", "never"]
OnTaggerError = Literal["fail", "skip", "null"]
AssetsAction = Literal["list", "fetch", "verify", "path"]

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


class ProfileConfig(Config, frozen=True, kw_only=True):
    """A table of what each tagger took and found, and cProfile of Python taggers, in one process."""

    enable: Annotated[
        bool,
        Meta(
            description="Print what each tagger took and found; run Python taggers in this process, profiled.",
            extra={"short": "--profile"},
        ),
    ] = False
    output: Annotated[str | None, Meta(description="File for the profile; by default it is printed.")] = None
    steps: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Stop profiling after the shard that reaches so many documents."),
    ] = None
    sort_key: Annotated[str, Meta(description="Order of the profile (a key of pstats).")] = "tottime"
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


class ListConfig(Config, frozen=True, kw_only=True):
    """List the available taggers, or show all that is known of some."""

    names: Annotated[
        list[str], Meta(description="Show the whole documentation of these taggers.", extra=POSITIONAL)
    ] = []
    tagger_modules: Annotated[
        list[str], Meta(description="Modules (dotted names or paths) that register custom taggers.")
    ] = []
    verbose: Annotated[
        str | None, Meta(description="Show the whole documentation of this tagger.", extra={"short": "-v"})
    ] = None


class AssetsConfig(Config, frozen=True, kw_only=True):
    """List models and word lists, fetch them, verify what is here, or print the path of one."""

    action: Annotated[AssetsAction, Meta(description="What to do.", extra=POSITIONAL)] = "list"
    names: Annotated[list[str], Meta(description="Assets or URLs.", extra=POSITIONAL)] = []
    fetch: Annotated[
        list[str], Meta(description="Assets or URLs to download into the cache: another way to say `fetch`.")
    ] = []
    repin: Annotated[
        bool, Meta(description="Fetch anew, and let the lock file take the content that is published now.")
    ] = False
    assets_lock: Annotated[
        str | None,
        Meta(description="Lock file that pins downloads without a checksum, besides the one in the cache."),
    ] = None


class FastTextConfig(Config, frozen=True, kw_only=True):
    """How a fastText classifier learns; the names are fastText's, in words."""

    dimensions: Annotated[int, Meta(ge=1, description="Length of the vectors.")] = 64
    epochs: Annotated[int, Meta(ge=1, description="Times that every text is read.")] = 5
    learning_rate: Annotated[float, Meta(gt=0, description="Step at the start; it falls to 0.")] = 0.1
    word_ngrams: Annotated[int, Meta(ge=1, description="Longest sequence of words that is a feature.")] = 2
    min_count: Annotated[int, Meta(ge=1, description="Words that occur less often are left out.")] = 1
    min_chars: Annotated[int, Meta(ge=0, description="Shortest piece of a word that is a feature.")] = 0
    max_chars: Annotated[int, Meta(ge=0, description="Longest piece of a word; 0 for whole words only.")] = 0
    buckets: Annotated[
        int, Meta(ge=1, description="Rows for n-grams; the model has 4 bytes for each row and dimension.")
    ] = 500_000
    loss: Annotated[
        Literal["softmax", "ova", "hs", "ns"],
        Meta(description="softmax; ova where labels do not exclude each other; hs, ns for very many."),
    ] = "softmax"


class TrainConfig(Config, frozen=True, kw_only=True):
    """Train a classifier on documents of your own, and register it as an asset."""

    method: Annotated[Literal["fasttext"], Meta(description="What is trained.", extra=POSITIONAL)]
    name: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
            description="What the model is called: name of its files and of the asset.",
        ),
    ]
    positive: Annotated[
        list[str], Meta(description="Documents of the label `positive`: paths or globs.")
    ] = []
    negative: Annotated[
        list[str], Meta(description="Documents of the label `negative`: paths or globs.")
    ] = []
    classes: Annotated[
        dict[str, list[str]],
        Meta(description="Documents of each label, where labels have other names (recipe file only)."),
    ] = {}
    destination: Annotated[str, Meta(description="Local folder for the model and its card.")] = "models"
    register_asset: Annotated[
        bool, Meta(description="Put a copy into the cache, so that taggers find the model by its name.")
    ] = True
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1, description="Seed of sampling and of training.")] = 0
    sample: Annotated[float, Meta(gt=0, le=1, description="Share of the documents that is used.")] = 1.0
    limit: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Most documents of a label; a sample is taken where there are more."),
    ] = None
    held_out: Annotated[
        float, Meta(gt=0, lt=1, description="Share of the texts that is kept for the report.")
    ] = 0.1
    lowercase: Annotated[bool, Meta(description="Lower the case.")] = False
    strip_accents: Annotated[bool, Meta(description="Decompose (NFKD) and leave out marks.")] = False
    zero_digits: Annotated[bool, Meta(description="Read every digit as 0.")] = False
    split_punctuation: Annotated[bool, Meta(description="Read punctuation and symbols as words.")] = False
    fasttext: FastTextConfig = FastTextConfig()
    dryrun: Annotated[bool, Meta(description="Print the effective recipe and the plan, then stop.")] = False


class DocumentKeyConfig(Config, frozen=True, kw_only=True):
    """Deduplicate whole documents by a key."""

    attribute_name: Annotated[
        str, Meta(min_length=1, description="Name of the attribute that marks duplicates.")
    ]
    key: Annotated[str, Meta(description="JSONPath of the key, e.g. $.text or $.metadata.url.")] = "$.text"
    normalize: Annotated[
        list[NormalizeStep],
        Meta(description="What does not count as a difference: case, white_space, nfc or nfkc, url."),
    ] = []


class NgramConfig(Config, frozen=True, kw_only=True):
    """Compare paragraphs by the overlap of their n-grams."""

    ngram_length: Annotated[
        int, Meta(ge=0, description="Words in an n-gram; 0 compares whole paragraphs.")
    ] = 0
    stride: Annotated[
        int, Meta(ge=0, description="Words from the start of one n-gram to that of the next; 0 is 1.")
    ] = 0
    overlap_threshold: Annotated[float, Meta(ge=0, le=1, description="Share of known n-grams to mark.")] = 1.0
    skip_short_paragraphs: Annotated[
        bool, Meta(description="Leave paragraphs of fewer words than an n-gram has.")
    ] = False


class ParagraphsConfig(Config, frozen=True, kw_only=True):
    """Deduplicate paragraphs."""

    attribute_name: Annotated[
        str, Meta(min_length=1, description="Name of the attribute that holds the spans.")
    ]
    paragraph_separator: Annotated[str, Meta(min_length=1, description="What paragraphs are split at.")] = (
        "\n"
    )
    by_ngram: NgramConfig | None = None


class MinhashPreset(NamedTuple):
    """The numbers of a published deduplication."""

    ngram: int
    bands: int
    rows: int
    threshold: float


#: datatrove's defaults; FineWeb, which was made with them, "targeting documents that are at least
#: 75 % similar" (arXiv 2406.17557, 3.4); Dolma 3 (arXiv 2512.13961, A.2).
MINHASH_PRESETS = {
    "datatrove": MinhashPreset(ngram=5, bands=14, rows=8, threshold=0.75),
    "fineweb": MinhashPreset(ngram=5, bands=14, rows=8, threshold=0.75),
    "dolma3": MinhashPreset(ngram=5, bands=26, rows=11, threshold=0.8),
}


class MinhashConfig(Config, frozen=True, kw_only=True):
    """Deduplicate documents that are alike, by MinHash."""

    attribute_name: Annotated[
        str, Meta(min_length=1, description="Name of the attribute that marks duplicates.")
    ]
    key: Annotated[str, Meta(description="JSONPath of the text that is compared.")] = "$.text"
    preset: Annotated[
        Literal["datatrove", "fineweb", "dolma3"],
        Meta(description="Where ngram, bands, rows and threshold come from when they are not given."),
    ] = "dolma3"
    normalize: Annotated[
        list[TextStep],
        Meta(description="What does not count as a difference: case, white_space, nfc or nfkc."),
    ] = []
    shingles: Annotated[
        Literal["words", "characters", "tokens"],
        Meta(description="What a text is cut into; case does not count in words and characters."),
    ] = "words"
    tokenizer: Annotated[
        str | None, Meta(description="tokens: a tokenizer.json, by path, URL or name of an asset.")
    ] = None
    ngram: Annotated[
        Annotated[int, Meta(ge=1, le=100)] | None,
        Meta(description="Words, characters or tokens in a shingle."),
    ] = None
    bands: Annotated[
        Annotated[int, Meta(ge=1, le=1000)] | None,
        Meta(description="Bands of a signature; documents that share one are compared."),
    ] = None
    rows: Annotated[
        Annotated[int, Meta(ge=1, le=100)] | None, Meta(description="Hashes in a band, all of them equal.")
    ] = None
    threshold: Annotated[
        Annotated[float, Meta(gt=0, le=1)] | None,
        Meta(description="Jaccard similarity of shingle sets from which documents are joined."),
    ] = None
    verify: Annotated[
        Literal["jaccard", "signature"],
        Meta(
            description="Similarity that joins: the true one, for which documents are read twice, or an estimate "
            "from signatures."
        ),
    ] = "jaccard"
    short: Annotated[
        Literal["exact", "skip"],
        Meta(description="Documents too short for a shingle: compare their whole text, or leave them."),
    ] = "exact"
    seed: Annotated[int, Meta(ge=0, description="Choice of the hash functions.")] = 1

    def numbers(self) -> MinhashPreset:
        """The numbers of the preset, with what is given in their place."""
        preset = MINHASH_PRESETS[self.preset]
        given = {name: getattr(self, name) for name in preset._fields}
        return preset._replace(**{name: value for name, value in given.items() if value is not None})


class KeepConfig(Config, frozen=True, kw_only=True):
    """Which copy of several is kept; the first of those that are equal in that."""

    policy: Annotated[
        Literal["first", "oldest", "newest", "longest", "highest", "source"],
        Meta(description="first in the order of the input, or by field, length, attribute or source."),
    ] = "first"
    field: Annotated[
        str | None, Meta(description="oldest, newest: JSONPath of a date (ISO 8601) or number.")
    ] = None
    attribute_set: Annotated[
        str | None, Meta(description="highest: attribute set that the scores are in.")
    ] = None
    attribute: Annotated[str | None, Meta(description="highest: attribute whose highest score decides.")] = (
        None
    )
    sources: Annotated[
        list[str], Meta(description="source: values of the field source, best first; others come last.")
    ] = []


class IndexConfig(Config, frozen=True, kw_only=True):
    """What earlier runs kept: compared with as if it came first, and added to."""

    file: Annotated[
        str,
        Meta(min_length=1, description="Where the index is kept, for MinHash a folder; local or s3://."),
    ]
    read_only: Annotated[bool, Meta(description="Compare with the index; add nothing to it.")] = False


class AlarmConfig(Config, frozen=True, kw_only=True):
    """What deserves a loud warning."""

    source_share: Annotated[
        float, Meta(gt=0, le=1, description="Share of a source's documents that are marked.")
    ] = 0.5
    cluster_size: Annotated[int, Meta(ge=2, description="Members of one cluster.")] = 10_000
    fail: Annotated[bool, Meta(description="Write nothing and fail instead of warning.")] = False


class SubstringConfig(Config, frozen=True, kw_only=True):
    """Mark repeated pieces of text, wherever they begin and end."""

    attribute_name: Annotated[
        str, Meta(min_length=1, description="Name of the attribute that holds the spans.")
    ]
    min_length: Annotated[int, Meta(ge=1, description="Shortest repetition that counts, in units.")]
    unit: Annotated[
        Literal["bytes", "characters", "words"],
        Meta(description="bytes of UTF-8, characters (code points), or words with any white space between."),
    ] = "bytes"
    merge_distance: Annotated[
        int, Meta(ge=0, description="Mark gaps of at most so many code points between spans, too.")
    ] = 0


class DedupeMethod(Config, frozen=True, kw_only=True):
    """What is compared, and what is left out of the comparison."""

    name: Annotated[
        str | None, Meta(description="Name of the attribute set; by default, the attribute's name.")
    ] = None
    documents: DocumentKeyConfig | None = None
    paragraphs: ParagraphsConfig | None = None
    minhash: MinhashConfig | None = None
    substring: SubstringConfig | None = None
    skip_empty: Annotated[bool, Meta(description="Leave keys or paragraphs of white space only.")] = False
    min_length: Annotated[int, Meta(ge=0, description="Leave keys or paragraphs of fewer code points.")] = 0
    min_words: Annotated[int, Meta(ge=0, description="Leave keys or paragraphs of fewer words.")] = 0
    num_partitions: Annotated[
        int,
        Meta(
            ge=1,
            description="Runs that share the work: keys, each with a filter and attributes of its own; without a "
            "filter the reading of files.",
        ),
    ] = 1
    partition_index: Annotated[int, Meta(ge=0, description="Which of the runs this is, from 0.")] = 0
    merge_partitions: Annotated[
        bool,
        Meta(
            description="Join the attributes that all runs wrote into one set, comparing nothing; without a filter "
            "compare what they have read."
        ),
    ] = False
    file_partition: Annotated[
        bool,
        Meta(
            description="With a filter: share out files instead of keys; each run compares its own files alone."
        ),
    ] = False
    document_dir: Annotated[str, Meta(min_length=1, description="Folder that attributes stand beside.")] = (
        "documents"
    )
    keep: KeepConfig = KeepConfig()
    alarm: AlarmConfig = AlarmConfig()
    explain: Annotated[
        bool, Meta(description="Say in each row which copy is kept, in the key duplicate_of.")
    ] = True
    against: Annotated[
        list[str],
        Meta(description="Document files to compare with; they are kept, and nothing is written for them."),
    ] = []
    index: IndexConfig | None = None
    resumable: Annotated[
        Resumable,
        Meta(
            description="Without a filter: keep a reading of each file until the run is done, so that one that is "
            "killed goes on where it was; auto does from 8 GiB of stored input on, but not for substring."
        ),
    ] = "auto"
    skip_marked: Annotated[
        list[str] | None,
        Meta(
            description="Attribute sets whose marked documents are not compared; in a list of stages, by "
            "default those of the document-level stages before."
        ),
    ] = None


class BloomFilterConfig(Config, frozen=True, kw_only=True):
    """The set of what has been seen: approximate, of fixed size, kept in a file."""

    file: Annotated[str, Meta(min_length=1, description="Where the filter is kept; local or s3://.")]
    read_only: Annotated[bool, Meta(description="Mark what the filter knows; add nothing to it.")]
    size_in_bytes: Annotated[int, Meta(ge=0, description="Size of the filter.")] = 0
    estimated_doc_count: Annotated[
        int, Meta(ge=0, description="Keys (documents or paragraphs) to expect, instead of a size.")
    ] = 0
    desired_false_positive_rate: Annotated[
        float, Meta(ge=0, lt=1, description="Share of new keys that may be taken for known ones.")
    ] = 0.0


class DedupeConfig(RunConfig, frozen=True, kw_only=True):
    """Mark documents or paragraphs that were seen before."""

    documents: Annotated[
        list[str], Meta(description="Document files: paths, globs or folders; local or s3://.")
    ] = []
    dedupe: DedupeMethod
    bloom_filter: BloomFilterConfig | None = None
    memory: Annotated[
        str,
        Meta(
            pattern=r"^[0-9]+(\.[0-9]+)? ?([kKMGT]i?B|B)?$",
            description="Memory that a deduplication without a Bloom filter may take, e.g. 8GiB or 500MB.",
        ),
    ] = "2GiB"
    compression: CompressionConfig = CompressionConfig()
    is_s3_volume: Annotated[
        bool,
        Meta(description="The output folder is a mounted object store: copy files there, do not rename."),
    ] = False


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


class RecipeConfig(Config, frozen=True, kw_only=True):
    """Run the sections of one recipe in turn: tag, dedupe, mix."""

    tag: TagConfig | None = None
    dedupe: Annotated[
        DedupeConfig | list[DedupeConfig] | None,
        Meta(description="One deduplication or several (recipe file only)."),
    ] = None
    mix: MixConfig | None = None
    dryrun: Annotated[
        bool, Meta(description="Print the effective recipe, check all sections, start none.")
    ] = False
