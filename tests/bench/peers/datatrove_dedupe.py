"""Deduplicates documents with datatrove from end to end, and writes what is left.

Run by the benchmark with the Python of the environment that has datatrove: every stage with the
defaults of its configuration, in one task for each input file and so many workers at a time.

    python datatrove_dedupe.py minhash|exact|sentences|lines INPUT OUTPUT WORKERS
"""

import sys
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    ExactDedupFilter,
    ExactDedupSignature,
    ExactFindDedups,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
    SentDedupConfig,
    SentenceDedupFilter,
    SentenceDedupSignature,
    SentenceFindDedups,
)
from datatrove.pipeline.dedup.exact_dedup import ExactDedupConfig
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter

Stage = tuple[list[object], int]
"""Steps, and the tasks that they are shared out to."""


def minhash(source: str, work: str, target: str, files: int) -> list[Stage]:
    """Signatures, buckets, clusters, filter."""
    config = MinhashConfig()
    reader = JsonlReader(source)
    return [
        ([reader, MinhashDedupSignature(f"{work}/signatures", config)], files),
        ([MinhashDedupBuckets(f"{work}/signatures", f"{work}/buckets", config=config)], config.num_buckets),
        ([MinhashDedupCluster(f"{work}/buckets", f"{work}/removed", config)], 1),
        ([reader, MinhashDedupFilter(f"{work}/removed"), JsonlWriter(target)], files),
    ]


def exact(source: str, work: str, target: str, files: int) -> list[Stage]:
    """Signatures of the texts, duplicates, filter."""
    config = ExactDedupConfig(content_getter=lambda document: document.text)
    reader = JsonlReader(source)
    return [
        ([reader, ExactDedupSignature(f"{work}/signatures", config)], files),
        ([ExactFindDedups(f"{work}/signatures", f"{work}/found", config=config)], 1),
        ([reader, ExactDedupFilter(f"{work}/found", config=config), JsonlWriter(target)], files),
    ]


def _spans(config: SentDedupConfig, source: str, work: str, target: str, files: int) -> list[Stage]:
    reader = JsonlReader(source)
    return [
        ([reader, SentenceDedupSignature(f"{work}/signatures", config=config)], files),
        ([SentenceFindDedups(f"{work}/signatures", f"{work}/found", config=config)], 1),
        ([reader, SentenceDedupFilter(f"{work}/found", config), JsonlWriter(target)], files),
    ]


def sentences(*where: object) -> list[Stage]:
    """Three sentences in a row; no document is dropped for what is left of it."""
    return _spans(SentDedupConfig(min_doc_words=0, min_num_sentences=0), *where)


def lines(*where: object) -> list[Stage]:
    """Single lines."""
    config = SentDedupConfig(n_sentences=1, split_sentences=False, min_doc_words=0, min_num_sentences=0)
    return _spans(config, *where)


METHODS = {"minhash": minhash, "exact": exact, "sentences": sentences, "lines": lines}


def main(method: str, source: str, target: str, workers: int) -> None:
    files = len(list(Path(source).iterdir()))
    work = f"{target}-work"
    for number, (steps, tasks) in enumerate(METHODS[method](source, work, target, files)):
        LocalPipelineExecutor(
            pipeline=steps,
            tasks=tasks,
            workers=min(workers, tasks),
            logging_dir=f"{work}/logs/{number}",
            start_method="fork",
        ).run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
