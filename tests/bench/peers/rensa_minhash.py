"""Deduplicates documents with rensa's MinHash, and writes what is left.

Run by the benchmark with the Python of the environment that has rensa. The package has signatures and
an index of bands; reading, shingles and writing are as short as Python has them. Candidates are not
compared: whatever shares a band with an earlier document is left out.

    python rensa_minhash.py INPUT OUTPUT
"""

import gzip
import json
import re
import sys
from pathlib import Path

from rensa import RMinHash, RMinHashLSH

BANDS, ROWS, NGRAM, THRESHOLD = 14, 8, 5, 0.75
WORD = re.compile(r"\w+")


def shingles(text: str) -> list[str]:
    words = WORD.findall(text.lower())
    return [" ".join(words[at : at + NGRAM]) for at in range(max(1, len(words) - NGRAM + 1))]


def main(source: str, target: str) -> None:
    index = RMinHashLSH(threshold=THRESHOLD, num_perm=BANDS * ROWS, num_bands=BANDS)
    Path(target).mkdir(parents=True)
    number = 0
    for path in sorted(Path(source).iterdir()):
        with (
            gzip.open(path, "rt", encoding="utf-8") as lines,
            gzip.open(Path(target, path.name), "wt", compresslevel=1, encoding="utf-8") as out,
        ):
            for line in lines:
                signature = RMinHash(num_perm=BANDS * ROWS, seed=1)
                signature.update(shingles(json.loads(line)["text"]))
                if not index.query(signature):
                    out.write(line)
                index.insert(number, signature)
                number += 1


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
