"""The engine, compiled from `src/`: whole shards in, temporary files out.

Whole runs are one call each, made without the interpreter's lock; the engine asks a host for files
and tells it what became of every shard. Errors are those of `dolma.errors`. `tests/test_stub.py`
checks this file against the compiled module.
"""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Protocol, final, type_check_only

__all__ = [
    "BatchReader",
    "BatchTagger",
    "BloomFilter",
    "Clusters",
    "FastText",
    "Progress",
    "SegmentWriter",
    "Substrings",
    "TaggerTally",
    "check_key",
    "dedupe",
    "fasttext_clean",
    "find_names",
    "hash_file",
    "kernel_names",
    "kernel_types",
    "merge_parts",
    "mix",
    "repeated_parts",
    "rule_names",
    "sentence_ends",
    "sha256",
    "tag",
    "word_ends",
]

_Path = str | PathLike[str]
# A line that was put aside: file, line, reason, the line itself.
_BadLine = tuple[str, int, str, bytes]
# A compressed piece of a file: bytes, CRC-32 and length of what it inflates to.
_Segment = tuple[bytes, int, int]
# A document that a tagger failed on: file, line, id, tagger, reason.
_Lapse = tuple[str, int, str, str, str]
# A document of a batch: line, id, text, source, version, metadata as JSON.
_Parsed = tuple[int, str, str, str, str | None, bytes | None]

@type_check_only
class _Tagger(Protocol):
    """A tagger as the engine reads it: a column of a row."""

    @property
    def name(self) -> str: ...
    @property
    def prefix(self) -> str:
        """`<set>__<tagger>`."""
    @property
    def output(self) -> int:
        """Which of a shard's outputs its attributes go to."""
    @property
    def kernel(self) -> str | None:
        """None where the tagger is Python code (`BatchTagger` only)."""
    @property
    def options(self) -> dict[str, Any]: ...

@type_check_only
class _DedupePlan(Protocol):
    """The section `dedupe` of a recipe: either `key` or `separator` is set."""

    @property
    def attribute(self) -> str: ...
    @property
    def key(self) -> str | None: ...
    @property
    def normalize(self) -> Sequence[str]: ...
    @property
    def separator(self) -> str | None: ...
    @property
    def ngram_length(self) -> int:
        """0 compares whole paragraphs."""
    @property
    def stride(self) -> int: ...
    @property
    def overlap_threshold(self) -> float: ...
    @property
    def skip_short_paragraphs(self) -> bool: ...
    @property
    def num_partitions(self) -> int: ...
    @property
    def partition_index(self) -> int: ...
    @property
    def skip_empty(self) -> bool: ...
    @property
    def min_length(self) -> int: ...
    @property
    def min_words(self) -> int: ...
    @property
    def read_only(self) -> bool: ...
    @property
    def input_format(self) -> str | None: ...
    @property
    def output_format(self) -> str | None: ...
    @property
    def level(self) -> int | None: ...

@type_check_only
class _MinhashPlan(Protocol):
    """The section `dedupe.minhash` of a recipe, with its numbers."""

    @property
    def key(self) -> str: ...
    @property
    def normalize(self) -> Sequence[str]: ...
    @property
    def shingles(self) -> str:
        """`words`, `characters` or `tokens`."""
    @property
    def ngram(self) -> int: ...
    @property
    def bands(self) -> int: ...
    @property
    def rows(self) -> int: ...
    @property
    def threshold(self) -> float: ...
    @property
    def verify(self) -> str:
        """`jaccard` or `signature`."""
    @property
    def short(self) -> str:
        """`exact` or `skip`."""
    @property
    def seed(self) -> int: ...

@type_check_only
class _ClusterPlan(Protocol):
    """The section `dedupe` of a recipe without a filter: one of `key`, `separator`, `minhash` is set."""

    @property
    def attribute(self) -> str: ...
    @property
    def key(self) -> str | None: ...
    @property
    def normalize(self) -> Sequence[str]: ...
    @property
    def separator(self) -> str | None: ...
    @property
    def minhash(self) -> _MinhashPlan | None: ...
    @property
    def skip_empty(self) -> bool: ...
    @property
    def min_length(self) -> int: ...
    @property
    def min_words(self) -> int: ...
    @property
    def policy(self) -> str: ...
    @property
    def field(self) -> str | None: ...
    @property
    def keep_attribute(self) -> str | None: ...
    @property
    def keep_sources(self) -> Sequence[str]: ...
    @property
    def explain(self) -> bool: ...
    @property
    def references(self) -> int:
        """How many shards, the first ones, are only compared with."""
    @property
    def indexed(self) -> int:
        """How many of those are in an index."""
    @property
    def remember(self) -> bool:
        """Whether kept keys are remembered for an index."""
    @property
    def marks(self) -> int:
        """How many attribute files of a shard, the first ones, say what is marked."""
    @property
    def input_format(self) -> str | None: ...
    @property
    def output_format(self) -> str | None: ...
    @property
    def level(self) -> int | None: ...

@type_check_only
class _Replacement(Protocol):
    """A span replacement of a stream."""

    @property
    def span(self) -> str: ...
    @property
    def min_score(self) -> float | None: ...
    @property
    def max_score(self) -> float | None: ...
    @property
    def replacement(self) -> str: ...
    @property
    def syntax(self) -> str: ...

@type_check_only
class _StreamPlan(Protocol):
    """A stream of a mix, its rules not yet compiled."""

    @property
    def name(self) -> str: ...
    @property
    def include(self) -> Sequence[str]: ...
    @property
    def exclude(self) -> Sequence[str]: ...
    @property
    def syntax(self) -> str: ...
    @property
    def replacements(self) -> Sequence[_Replacement]: ...
    @property
    def discard(self) -> Sequence[str]: ...
    @property
    def min_text_length(self) -> int: ...
    @property
    def joins(self) -> bool:
        """Whether documents have attribute files."""
    @property
    def count_words(self) -> bool: ...
    @property
    def input_format(self) -> str | None: ...
    @property
    def output_format(self) -> str: ...
    @property
    def level(self) -> int | None: ...
    @property
    def watched(self) -> Sequence[str]:
        """Attributes to look out for in the rows."""

@type_check_only
class _InputPlan(Protocol):
    """A document file of a mix with its attribute files."""

    @property
    def stream(self) -> int: ...
    @property
    def output(self) -> int: ...
    @property
    def names(self) -> Sequence[str]: ...
    @property
    def relative(self) -> str:
        """What provenance calls the document file."""

@type_check_only
class _Host(Protocol):
    """The outside of a run."""

    def files(self, index: int, /) -> tuple[list[str], list[str]]:
        """Local inputs and outputs of a shard."""

    def done(
        self,
        index: int,
        counts: tuple[int, int, int, int],
        written: list[tuple[int, str]],
        bad: list[_BadLine],
        details: list[tuple[list[str], float]],
        content_hash: str | None,
        lapses: list[_Lapse],
        /,
    ) -> object:
        """A shard is finished: `(read, written, dropped, bad)`, `(size, checksum)` of each output,
        bad lines, numbers by path of keys, the hash of the first input where it is known, and what
        taggers failed on where that is survived."""

    def failed(self, index: int, error: str, /) -> object:
        """A shard failed."""

@final
class Progress:
    """Counters that move while the engine works, and the brake."""

    def __new__(cls) -> Progress: ...
    @property
    def documents(self) -> int:
        """Documents processed so far."""
    @property
    def bytes(self) -> int:
        """Uncompressed bytes read so far."""
    @property
    def input_bytes(self) -> int:
        """Compressed bytes of inputs read so far."""
    @property
    def shards(self) -> int:
        """Shards that are finished or failed."""
    @property
    def cancelled(self) -> bool: ...
    def cancel(self) -> None:
        """Stops the run at the next batch of each thread."""
    def add(self, documents: int, shards: int) -> None:
        """Adds to the counters, for work that Python drives."""

@final
class BloomFilter:
    """A Bloom filter; `dolma.commands.bloom` says what goes into its description."""

    #: JSON that is saved with the filter.
    description: str

    def __new__(cls, size_in_bytes: int, keys: int, rate: float) -> BloomFilter:
        """An empty filter: of a size, or (where that is 0) for `keys` at a false-positive rate."""
    @staticmethod
    def plan(size_in_bytes: int, keys: int, rate: float) -> tuple[int, int]:
        """`(bits, hashes)` that a filter made with the same arguments would have."""
    @staticmethod
    def load(path: _Path) -> BloomFilter:
        """The filter that was saved at `path`."""
    @staticmethod
    def describe(path: _Path) -> tuple[int, int, int, str]:
        """`(bits, hashes, inserted, description)` of a saved filter, without reading its bits."""
    def save(self, path: _Path) -> None:
        """Writes the filter to `path` and flushes it to the disk."""
    @property
    def bits(self) -> int: ...
    @property
    def hashes(self) -> int: ...
    @property
    def inserted(self) -> int:
        """Keys that were new when they were inserted."""
    @property
    def fill(self) -> float:
        """The share of bits that are set."""
    @property
    def rate(self) -> float:
        """The false-positive rate by the bits that are set."""
    def rate_at(self, keys: int) -> float:
        """The false-positive rate to expect once `keys` are in."""
    @staticmethod
    def predict(bits: int, hashes: int, keys: int) -> float:
        """The same for a filter of `bits` and `hashes` that is not made yet."""

@final
class Clusters:
    """A deduplication that forms clusters, pass by pass; the order is that of the methods."""

    def __new__(
        cls,
        *,
        plan: _ClusterPlan,
        names: Sequence[Sequence[_Path]],
        folder: _Path,
        memory: int,
        max_bad: int,
        threads: int,
        tokenizer: Callable[[str], Sequence[int]] | None = None,
    ) -> Clusters:
        """`names` has for each shard its document file and the attribute files beside it; what does
        not fit into `memory` (bytes) goes into `folder`. `tokenizer` gives the ids of a text's
        tokens, where those are compared."""
    @staticmethod
    def check(plan: _ClusterPlan) -> None:
        """Raises `DolmaConfigError` for a plan that cannot be meant."""
    @staticmethod
    def probability(bands: int, rows: int, similarity: float) -> float:
        """The probability that two documents of a similarity share a band."""
    @staticmethod
    def estimate(similarity: float) -> tuple[float, int]:
        """The standard error of a similarity that is estimated, and the bytes that it takes of each document."""
    @staticmethod
    def describe_index(path: _Path) -> str:
        """The description of a saved index."""
    def load_index(self, path: _Path, counts: Sequence[int]) -> None:
        """Reads an index into the first shards; `counts` has the keys of each."""
    def save_index(self, path: _Path, old: _Path | None, description: str) -> None:
        """Writes an index of the keys in `old` and those that this run has kept."""
    def kept_keys(self) -> list[int]:
        """How many keys of each shard are kept, for an index."""
    def gather(
        self, shards: Sequence[int], identities: Sequence[str] | None, host: _Host, progress: Progress
    ) -> None:
        """Reads these shards; with `identities`, leaves a reading of each, as `write_readings` does."""
    def write_readings(
        self, shards: Sequence[int], identities: Sequence[str], host: _Host, progress: Progress
    ) -> None:
        """Reads these shards, each into a file of its own for another run; a reading is only believed
        under the identity that it was written under."""
    def load_readings(
        self, shards: Sequence[int], identities: Sequence[str], host: _Host, progress: Progress
    ) -> list[tuple[int, str]]:
        """Takes these shards from the readings that are their inputs; returns the places (in `shards`)
        of those that are damaged, and how. Where there are any, this object is of no more use."""
    def digests(self, shards: Sequence[int], identities: Sequence[str]) -> list[str]:
        """A hash of the verdicts on each of these shards; `identities` are those of all shards."""
    def candidates(self, progress: Progress) -> list[int]:
        """Which shards have candidates and must be read again (MinHash only)."""
    def collect(self, shards: Sequence[int], host: _Host, progress: Progress) -> None:
        """Reads the candidates of these shards again."""
    def resolve(self, progress: Progress) -> int:
        """Forms the clusters; how many keys were compared."""
    def mark(self, shards: Sequence[int], host: _Host, progress: Progress) -> None:
        """Writes the rows of these shards."""
    def totals(self) -> list[tuple[str, int]]:
        """compared, singletons, clusters, kept_elsewhere, duplicates, spilled_bytes."""
    def sizes(self) -> list[tuple[int, int]]:
        """`(2^n, count)`: how many clusters have from 2^n to 2^(n+1) - 1 members."""
    def largest(self) -> list[tuple[str, int, list[tuple[str, str, int]]]]:
        """The largest clusters, `(id, members, samples)`; a sample is `(id as JSON, path, line)`, the
        kept document first."""
    def sources(self) -> list[tuple[str, int]]:
        """Sources as the report names them, with how many keys of each were compared."""
    def matrix(self) -> list[tuple[int, int, int]]:
        """Duplicates by the places among them of two sources: that of the kept copy, that of the duplicate."""

@type_check_only
class _SubstringPlan(Protocol):
    """The section `dedupe.substring` of a recipe."""

    @property
    def attribute(self) -> str: ...
    @property
    def min_length(self) -> int: ...
    @property
    def unit(self) -> str:
        """`bytes`, `characters` or `words`."""
    @property
    def merge_distance(self) -> int: ...
    @property
    def explain(self) -> bool: ...
    @property
    def input_format(self) -> str | None: ...
    @property
    def output_format(self) -> str | None: ...
    @property
    def level(self) -> int | None: ...

@final
class Substrings:
    """The search for repeated substrings, pass by pass; the order is that of the methods."""

    def __new__(
        cls,
        *,
        plan: _SubstringPlan,
        names: Sequence[Sequence[_Path]],
        folder: _Path,
        memory: int,
        max_bad: int,
        threads: int,
    ) -> Substrings:
        """`names` has the files of each shard: documents, then the attributes by which earlier stages have
        marked some of them. What does not fit into `memory` (bytes) goes into `folder`."""
    @staticmethod
    def intermediates(min_length: int, unit: str, text_bytes: int) -> int:
        """Bytes of intermediates for so many bytes of text."""
    def gather(
        self, shards: Sequence[int], identities: Sequence[str] | None, host: _Host, progress: Progress
    ) -> None:
        """Reads these shards; with `identities`, leaves a reading of each, as `write_readings` does."""
    def write_readings(
        self, shards: Sequence[int], identities: Sequence[str], host: _Host, progress: Progress
    ) -> None:
        """Reads these shards, each into a file of its own for another run, as `Clusters` does."""
    def load_readings(
        self, shards: Sequence[int], identities: Sequence[str], host: _Host, progress: Progress
    ) -> list[tuple[int, str]]:
        """Takes these shards from the readings that are their inputs; returns those that are damaged, as
        `Clusters` does."""
    def compare(self, progress: Progress) -> None:
        """Finds the repeats."""
    def mark(self, shards: Sequence[int], host: _Host, progress: Progress) -> None:
        """Writes the rows of these shards."""
    def spilled(self) -> int:
        """Bytes that went to disk."""
    def sources(self) -> list[tuple[str, int, int, int, int]]:
        """For each source its name, documents, marked documents, code points, marked code points."""
    def largest(self) -> list[tuple[int, tuple[str, int, str], tuple[str, int, str], str]]:
        """The longest repeats: code points, `(path, line, id as JSON)` of where it is marked and of what
        is kept, and a sample."""

@final
class BatchReader:
    """A document file in batches of whole lines."""

    def __new__(cls, path: _Path, name: _Path, progress: Progress) -> BatchReader:
        """Opens `path`; messages call it `name`, whose suffix also says the format."""
    def next(self) -> tuple[bytes, int, int] | None:
        """`(lines, number of the first, how many)`, or None at the end of the file."""

@final
class SegmentWriter:
    """A file made of compressed segments."""

    def __new__(cls, path: _Path, name: _Path) -> SegmentWriter:
        """Creates `path`, in the format that the suffix of `name` says."""
    def append(self, bytes: bytes, crc: int, len: int) -> None:
        """Appends a segment that a `BatchTagger` made."""
    def finish(self) -> tuple[int, str]:
        """Ends the file and waits until it is on disk; `(bytes, checksum)`."""

@final
class BatchTagger:
    """Parses batches of lines, and writes rows of what kernels and Python taggers found."""

    def __new__(
        cls, taggers: Sequence[_Tagger], outputs: int, allow_bad: bool, on_error: str
    ) -> BatchTagger: ...
    def parse(self, lines: bytes, name: _Path, first_line: int) -> list[_Parsed]:
        """The documents of a batch of lines; bad lines are left out of the list."""
    def rows(
        self, results: list[list[Any]], seconds: list[float]
    ) -> tuple[
        list[_Segment], tuple[int, int], list[_BadLine], list[_Lapse], list[tuple[list[str], float]], bytes
    ]:
        """The rows of the batch that was parsed last: a segment for each output, `(read, bad)`, bad
        lines, failures that were survived, numbers by path for the report, and what a `TaggerTally`
        absorbs.

        `results[k][i]` is what the k-th Python tagger found in the i-th document: an object with
        `spans`, a dict of lists by type, or a string that says why it failed; `seconds[k]` is what
        that took."""

@final
class TaggerTally:
    """What the taggers of a run did: time, documents, spans, failures, distributions of scores."""

    def __new__(cls, names: list[str]) -> TaggerTally:
        """Of taggers with these names, in the order of the run."""
    def absorb(self, shard: int, account: bytes, seconds: float) -> None:
        """Adds what a `BatchTagger` says of a batch of a shard; `seconds` is what all of its work took."""
    def settle(self, shard: int, done: bool) -> None:
        """Says that nothing more comes of a shard; one that is not `done` is in no report."""
    def live(self) -> tuple[float, list[tuple[str, float, int, int]]]:
        """Seconds of all work; for each tagger its name, seconds, documents and spans so far."""
    def report(self) -> dict[str, dict[str, Any]]:
        """All that is known of the shards that are done, by tagger."""

def tag(
    *,
    names: Sequence[_Path],
    taggers: Sequence[_Tagger],
    outputs: int,
    max_bad: int,
    on_error: str,
    threads: int,
    tally: TaggerTally,
    host: _Host,
    progress: Progress,
) -> None:
    """Runs kernels over document files."""

def kernel_names() -> list[str]:
    """The names of all kernels."""

def kernel_types(name: str, options: dict[str, Any]) -> list[str]:
    """The attribute types that a kernel can emit, as they are written."""

def dedupe(
    *,
    names: Sequence[Sequence[_Path]],
    plan: _DedupePlan,
    filter: BloomFilter,
    max_bad: int,
    threads: int,
    host: _Host,
    progress: Progress,
) -> None:
    """Marks what a filter knows in document files, in order. `names` has the files of each shard: documents,
    then the attributes by which earlier stages have marked some of them."""

def check_key(key: str, normalize: Sequence[str]) -> None:
    """Raises `DolmaConfigError` unless `key` is a JSONPath and the steps of `normalize` exist."""

def merge_parts(
    *,
    names: Sequence[Sequence[_Path]],
    plan: _DedupePlan,
    parts: Sequence[str],
    threads: int,
    host: _Host,
    progress: Progress,
) -> None:
    """Joins the attributes that the parts of a partitioned run wrote, by shard and part."""

def mix(
    *,
    streams: Sequence[_StreamPlan],
    inputs: Sequence[_InputPlan],
    max_bad: int,
    threads: int,
    host: _Host,
    progress: Progress,
) -> None:
    """Joins, filters, edits and writes streams."""

def rule_names(plan: _StreamPlan) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The attributes that the expressions of a stream name, and the fields at the top of a document, each
    with the key of the first one, below that of the stream; compiles them, and so checks them."""

def find_names(
    path: _Path, wanted: Sequence[str], input_format: str | None = None, fields: bool = False
) -> tuple[list[str], list[str]]:
    """Which of `wanted` no row of a file has, and all names seen on the way: attributes, of attribute
    rows or of documents that have some of their own, or `fields` of documents."""

def hash_file(path: _Path) -> str:
    """The XXH3-128 of a file's bytes, in hexadecimal."""

def sha256(data: bytes) -> str:
    """The SHA-256 of bytes, in hexadecimal. The module of the standard library loads OpenSSL for it,
    a twentieth of the start of a command."""

def word_ends(text: str) -> list[int]:
    """The pieces that the word boundaries of UAX-29 cut a text into, as the position (in code
    points) at which each one ends."""

def repeated_parts(items: list[int], longest: int, times: int) -> list[tuple[int, int, int]]:
    """The parts of a sequence that repeat one to `longest` items at least `times` (two or more)
    times: first item, item behind the last, and the number of items that are repeated."""

def sentence_ends(text: str) -> list[int]:
    """The sentences of a text (UAX-29 with a list of abbreviations), put end to end the whole of
    it, as the position (in code points) at which each one ends."""

def fasttext_clean(texts: list[str], options: list[str]) -> list[str]:
    """Texts as a model reads them that was trained with these options of the kernel `fasttext`:
    lowercase, strip_accents, zero_digits, split_punctuation."""

@final
class FastText:
    """A supervised fastText model, `.bin` or `.ftz`; predicts with the bits of the reference."""

    def __new__(cls, path: _Path) -> FastText:
        """Raises `DolmaAssetError` for a file that is no such model."""

    @property
    def labels(self) -> list[str]:
        """The labels as they were trained."""

    def predict(self, texts: list[str], k: int = 0, threshold: float = 0.0) -> list[list[tuple[str, float]]]:
        """For each text, read as one line, its `k` best labels (0: all) with their probabilities,
        of `threshold` or more, the most probable first."""
