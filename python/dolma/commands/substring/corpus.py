"""The files of a search for repeated substrings: what is compared, where what was read of it is kept,
and where attributes go."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ... import paths, storage
from ...config.dedupe import DedupeConfig
from ...shards import Output, Shard, fingerprint
from ...storage import File
from .. import inputs, readings
from .plan import Plan

__all__ = ["Corpus", "find", "text_bytes"]

#: Bytes of lines for each compressed byte where no sample can be had without a transfer.
INFLATION = 4
#: Files of the sample, taken at even distances, and batches (1 MiB of lines) of each.
SAMPLE_FILES, SAMPLE_BATCHES = 8, 2


class Corpus(msgspec.Struct, frozen=True):
    """The files of a run, in the order in which they are compared."""

    #: Readings of files that are only compared with.
    references: list[Shard]
    #: Readings of files that attributes are written for, and these.
    sources: list[Shard]
    outputs: list[Shard]

    @property
    def readings(self) -> list[Shard]:
        """The readings of all files that are compared."""
        return [*self.references, *self.sources]

    @property
    def home(self) -> str:
        return self.outputs[0].outputs[0].place.root


def find(config: DedupeConfig, plan: Plan) -> Corpus:
    """The files of a run.

    Raises `DolmaConfigError` or `DolmaInputError` for files that cannot be compared.
    """
    method = config.dedupe
    documents = [file for file, _ in inputs.find(config.documents)]
    against = inputs.find_references(method, documents)
    beside = inputs.find_beside(method, documents, method.skip_marked or [])
    name = method.name or plan.attribute
    bad = config.max_bad_records > 0
    made = {
        "substring": [plan.min_length, plan.unit],
        "input_format": plan.input_format,
        "bad": bad,
    }
    sources, outputs = [], []
    identity = fingerprint("dedupe", {"plan": plan, "bad": bad}, against)
    for file, marks in zip(documents, beside, strict=True):
        row = (file, *marks)
        identity = fingerprint("dedupe", identity, row)
        place = paths.attribute_place(file.path, name, method.document_dir)
        sources.append(readings.reading(readings.beside(place), made, row))
        outputs.append(
            Shard(
                inputs=row,
                outputs=(Output(place),),
                fingerprint=identity,
                name=file.path,
                attributes=((plan.attribute,),),
            )
        )
    root = outputs[0].outputs[0].place.root
    references = [readings.reading(readings.against(root, file), made, [file]) for file in against]
    return Corpus(references, sources, outputs)


def text_bytes(files: Sequence[File]) -> int:
    """Bytes of lines of all files, counted on a sample: a little more than their texts."""
    from ... import _core
    from ...errors import DolmaError

    local = [file for file in files if not storage.is_remote(file.path) and file.size]
    size = compressed = 0
    for file in local[:: max(1, len(local) // SAMPLE_FILES)][:SAMPLE_FILES]:
        gauge = _core.Progress()
        try:
            reader = _core.BatchReader(file.path, file.path, gauge)
            for _ in range(SAMPLE_BATCHES):
                batch = reader.next()
                size += len(batch[0]) if batch is not None else 0
        except DolmaError:
            # A damaged file fails the run later, with its place.
            continue
        compressed += gauge.input_bytes
    ratio = size / compressed if compressed else INFLATION
    return round(sum(file.size for file in files) * ratio)
