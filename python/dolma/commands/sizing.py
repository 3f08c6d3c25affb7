"""How large the intermediates of a deduplication will be, counted on a sample of its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from .. import storage
from ..storage import File

__all__ = ["Estimate", "estimate"]

#: Files of the sample, taken at even distances, and batches (1 MiB of lines) of each. Reading it is what
#: all workers wait for, so it is small.
FILES = 8
BATCHES = 1
#: Bytes of a record in the engine: a key, a band of a signature, a sketch, a line of a ledger without its id, a
#: member of a cluster, a verdict.
KEY, BAND, SKETCH, LINE, MEMBER, VERDICT = 48, 24, 264, 13, 48, 44
#: Of a reading: a key, a line of a ledger without its id, a document's signature without its bands, a band.
READ_KEY, READ_LINE, READ_SIGNATURE, READ_BAND = 44, 16, 20, 8
#: Compressed bytes of a document where no sample can be had without a transfer.
DOCUMENT = 1000
#: The share of documents that share a band with another, and that of keys that are duplicates: two thirds of the
#: documents in Dolma 3 (https://arxiv.org/abs/2512.13961).
CANDIDATES, DUPLICATES = 1 / 4, 2 / 3
#: Of the text of candidates, what their shingle sets take: four bytes for each word, about six characters.
SETS = 4 / 6


class Estimate(msgspec.Struct, frozen=True):
    """What a run will have in hand."""

    documents: int
    keys: int
    #: Bytes.
    intermediates: int
    #: Bytes of the readings of all files.
    readings: int

    def spilled(self, memory: int) -> int:
        """Bytes that go to disk."""
        # Of the memory, no kind of intermediate gets more than half.
        return 0 if self.intermediates <= memory // 2 else self.intermediates


def estimate(plan: Any, files: Sequence[File]) -> Estimate:
    """The sizes of a run over `files`, by a `dolma.commands.clusters.Plan`."""
    total = sum(file.size for file in files)
    local = [file for file in files if not storage.is_remote(file.path) and file.size]
    step = max(1, len(local) // FILES)
    sample = _count(local[::step][:FILES], plan.separator)
    if sample is None:
        lines, pieces, identifiers, size, compressed = 1, 4, 30, 4 * DOCUMENT, DOCUMENT
    else:
        lines, pieces, identifiers, size, compressed = sample
    scale = total / max(compressed, 1)
    documents = round(lines * scale)
    keys = documents if plan.separator is None else round(pieces * scale)
    # Verdicts are sorted, and then written in the order of the input.
    records = keys * KEY + documents * LINE + round(identifiers * scale + keys * DUPLICATES * 2 * VERDICT)
    readings = keys * READ_KEY + documents * READ_LINE + round(identifiers * scale)
    if plan.minhash is not None:
        readings += documents * (READ_SIGNATURE + plan.minhash.bands * READ_BAND)
        records += documents * plan.minhash.bands * BAND + round(documents * DUPLICATES * MEMBER)
        if plan.minhash.verify == "signature":
            records += round(documents * SKETCH * (1 + CANDIDATES))
            readings += documents * SKETCH
        else:
            records += round(size * scale * CANDIDATES * SETS)
    return Estimate(documents, keys, records, readings)


def _count(files: Sequence[File], separator: str | None) -> tuple[int, int, int, int, int] | None:
    """Lines, paragraphs, bytes of ids, bytes of lines and compressed bytes of a sample."""
    from .. import _core
    from ..errors import DolmaError

    lines = pieces = identifiers = size = compressed = 0
    needle = None if separator is None else msgspec.json.encode(separator)[1:-1]
    for file in files:
        gauge = _core.Progress()
        try:
            reader = _core.BatchReader(file.path, file.path, gauge)
            for _ in range(BATCHES):
                batch = reader.next()
                if batch is None:
                    break
                body, _, count = batch
                lines += count
                size += len(body)
                identifiers += 30 * count
                pieces += count + (body.count(needle) if needle else 0)
        except DolmaError:
            # A damaged file fails the run later, with its place.
            continue
        compressed += gauge.input_bytes
    return (lines, pieces, identifiers, size, compressed) if lines else None
