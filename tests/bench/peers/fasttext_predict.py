"""Times the package `fasttext` on documents in memory, called as the published taggers call it.

Run by the benchmark with the Python of an environment that has the package. Each document or each
paragraph is cleaned and predicted, all labels of it; UNIT is "document" or "paragraph", CASE "lower"
or "kept". Prints the seconds.

    python fasttext_predict.py SAMPLE.jsonl.gz MODEL UNIT CASE
"""

import gzip
import json
import re
import sys
import time

from fasttext.FastText import _FastText

PARAGRAPH = re.compile(r"[^\n]*\n|[^\n]+$")


def main(sample: str, path: str, unit: str, case: str) -> None:
    model = _FastText(path)
    with gzip.open(sample, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    begin = time.perf_counter()
    for text in texts:
        pieces = [text]
        if unit == "paragraph":
            pieces = [piece for piece in PARAGRAPH.findall(text) if piece.strip()]
        for piece in pieces:
            piece = piece.lower() if case == "lower" else piece
            labels, scores = model.predict(piece.replace("\n", " ").strip(), k=-1)
            [(label, float(score)) for label, score in zip(labels, scores, strict=True)]
    print(time.perf_counter() - begin)


if __name__ == "__main__":
    main(*sys.argv[1:])
