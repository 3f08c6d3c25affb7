"""Trains fastText models from documents, labels given in turn: what they predict is of no interest.

Run by the benchmark with the Python of an environment that has `fasttext`. MODELS is a JSON object of
names to the number of labels and the arguments of the trainer.

    python fasttext_train.py SAMPLE.jsonl.gz FOLDER MODELS
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import fasttext


def train(texts: list[str], target: Path, labels: int, **arguments: Any) -> None:
    names = ["en", *(f"l{at}" for at in range(1, labels))]
    lines = target.with_suffix(".txt")
    with lines.open("w", encoding="utf-8") as out:
        for at, text in enumerate(texts):
            out.write(f"__label__{names[at % labels]} {text}\n")
    # One thread, so that the same documents give the same model.
    fasttext.train_supervised(str(lines), thread=1, epoch=1, minCount=1, **arguments).save_model(str(target))


def main(sample: str, folder: str, models: str) -> None:
    with gzip.open(sample, "rt", encoding="utf-8") as lines:
        texts = [" ".join(json.loads(line)["text"].split()) for line in lines]
    for name, arguments in json.loads(models).items():
        train(texts, Path(folder, f"{name}.bin"), **arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
