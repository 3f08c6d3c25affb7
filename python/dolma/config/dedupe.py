"""Options of `dolma dedupe`."""

from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from .common import CompressionConfig, Config, RunConfig

__all__ = [
    "MINHASH_PRESETS",
    "AlarmConfig",
    "BloomFilterConfig",
    "DedupeConfig",
    "DedupeMethod",
    "DocumentKeyConfig",
    "IndexConfig",
    "KeepConfig",
    "MinhashConfig",
    "MinhashPreset",
    "NgramConfig",
    "ParagraphsConfig",
    "SubstringConfig",
]

TextStep = Literal["case", "white_space", "nfc", "nfkc"]
NormalizeStep = TextStep | Literal["url"]
Resumable = Literal["auto", "always", "never"]


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
