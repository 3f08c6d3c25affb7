"""Times published taggers on documents that are in memory: what the class costs, and nothing else.

Run by the benchmark with the Python of the environment that has the published dolma. Prints a JSON
object of taggers to seconds, or to the reason why there are none.

    python published_taggers.py TAGGER,TAGGER FILE...
"""

import gzip
import json
import sys
import time

import published_lists  # noqa: F401

from dolma.core.data_types import DocumentWithMetadata
from dolma.core.registry import TaggerRegistry


def seconds(name: str, documents: list[DocumentWithMetadata]) -> float:
    tagger = TaggerRegistry.get(name)()
    begin = time.perf_counter()
    for document in documents:
        tagger.predict(document)
    return time.perf_counter() - begin


def main(names: str, paths: list[str]) -> None:
    documents = []
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                metadata = row.get("metadata") or {}
                document = DocumentWithMetadata(
                    source=row.get("source", ""), id=row["id"], text=row["text"], metadata=metadata
                )
                documents.append(document)
    taken: dict[str, float | str] = {}
    for name in names.split(","):
        try:
            taken[name] = seconds(name, documents)
        except Exception as error:
            taken[name] = f"{type(error).__name__}: {error}"
    print(json.dumps(taken))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
