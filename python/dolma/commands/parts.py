"""How the runs of one deduplication share its work, and what each calls its files.

Keys are shared out by their hash, each part with a filter and an attribute set of its own, which a
last run joins; or files by their name, all into one attribute set.
"""

from __future__ import annotations

import msgspec

from .. import paths
from .._core import sha256
from ..config.dedupe import DedupeConfig
from ..errors import DolmaConfigError
from ..runs import parse_part
from ..storage import File

__all__ = ["Parts", "spelled_out"]


def spelled_out(config: DedupeConfig) -> DedupeConfig:
    """`shard: i/n` spelled out: part i of n of the keys, with a filter for its share of them.

    Raises `DolmaConfigError` when the recipe has parts of its own.
    """
    if config.shard is None:
        return config
    index, total = parse_part(config.shard)
    if config.dedupe.num_partitions > 1 or config.dedupe.merge_partitions:
        raise DolmaConfigError(
            f"shard: {config.shard} stands for dedupe.num_partitions {total} and partition_index {index}; "
            "give either, and neither shard with merge_partitions"
        )
    bloom = config.bloom_filter
    if bloom is not None:
        share = -(-bloom.estimated_doc_count // total)
        bloom = msgspec.structs.replace(bloom, estimated_doc_count=share)
    method = msgspec.structs.replace(config.dedupe, num_partitions=total, partition_index=index)
    return msgspec.structs.replace(config, shard=None, dedupe=method, bloom_filter=bloom)


class Parts:
    """How a run and its likes share the work, and what each calls its files."""

    def __init__(self, config: DedupeConfig) -> None:
        method = config.dedupe
        assert config.bloom_filter is not None
        self.index = method.partition_index
        self._total = method.num_partitions
        self._method = method
        self.of_files = method.file_partition and self._total > 1
        #: Parts of all keys; 1 where files are shared out instead.
        self.of_keys = 1 if self.of_files else self._total
        self.filter_file = config.bloom_filter.file
        if self._total > 1:
            folder, slash, name = self.filter_file.rpartition("/")
            stem, dot, suffix = name.partition(".")
            self.filter_file = f"{folder}{slash}{stem}_{self.index}{dot}{suffix}"

    def has(self, file: File) -> bool:
        """Whether a file is this part's to work on."""
        if not self.of_files:
            return True
        name = paths.relative_to_documents(file.path).encode()
        return int(sha256(name)[:16], 16) % self._total == self.index

    def attribute(self, index: int | None) -> str:
        """The attribute of a part; of all of them for None."""
        attribute = self._method.documents or self._method.paragraphs
        assert attribute is not None
        return self._named(attribute.attribute_name, index)

    def place(self, file: File, index: int | None) -> paths.Place:
        """Where the attributes of a document file stand that a part (None: all) writes."""
        name = self._method.name or self.attribute(None)
        return paths.attribute_place(file.path, self._named(name, index), self._method.document_dir)

    def _named(self, name: str, index: int | None) -> str:
        return name if index is None or self.of_keys == 1 else f"{name}_{index}"
