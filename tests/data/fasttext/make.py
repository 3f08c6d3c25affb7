"""Trains the fixture models of this folder and writes what the reference predicts with them.

Needs `pip install fasttext-wheel==0.9.2 "numpy<2"`; the tests that read the fixtures do not.
The text is made of invented syllables, so that the models are small and nobody's. Run it from
this folder; it rewrites `*.bin`, `*.ftz` and `expected.json`.
"""

import json
import os
import random
import struct

import fasttext

SYLLABLES = {
    "ka": ["ka", "ri", "no", "mo", "ta", "shi", "é", "ü"],
    "ul": ["ul", "gra", "tok", "zz", "bor", "né", "st", "я"],
    "si": ["si", "lo", "va", "me", "日", "本", "la", "ñ"],
    "non_vo": ["vo", "xe", "qui", "pha", "dro", "ło", "ge", "w"],
}

MODELS = {
    "softmax.bin": {"dim": 5, "wordNgrams": 2, "bucket": 300, "minCount": 2},
    "ova.bin": {"dim": 3, "loss": "ova", "minn": 1, "maxn": 2, "bucket": 100, "wordNgrams": 3, "minCount": 2},
    "pruned.ftz": {"dim": 9, "minn": 2, "maxn": 4, "bucket": 2000, "wordNgrams": 2, "loss": "hs"},
    "words.ftz": {"dim": 5, "loss": "ns"},
    "qout.ftz": {"dim": 5, "minn": 1, "maxn": 2, "bucket": 400, "minCount": 2},
}
QUANTISED = {
    "pruned.ftz": {"qnorm": True, "cutoff": 400, "dsub": 2, "retrain": True, "epoch": 1},
    "words.ftz": {"cutoff": 260, "dsub": 3},
    "qout.ftz": {"qnorm": True, "qout": True},
}

# Texts that reach the corners of the line reader and of the hashes.
CORNERS = [
    "",
    " ",
    "</s>",
    "kari </s> noka",
    "__label__ka kari",
    "__label__unseen kari tagra",
    "a\0b",
    "\x0b\x0c x\ry\tz",
    "\u00a0kari\u2003lova",
    "é" * 40,
    "x" * 300,
    "日本 日本語",
    "👩\u200d👩\u200d👧 kari",
    "kari kari kari kari",
    "<kari>",
    ">",
    "KARI Ünoka",
]


def word(rng, kind):
    return "".join(rng.choice(SYLLABLES[kind]) for _ in range(rng.randint(1, 3)))


def line(rng, kind):
    kinds = list(SYLLABLES)
    length = rng.randint(1, 14)
    return " ".join(word(rng, kind if rng.random() < 0.7 else rng.choice(kinds)) for _ in range(length))


def write_training(path, labels):
    rng = random.Random(7)
    kinds = list(SYLLABLES)
    with open(path, "w", encoding="utf-8") as out:
        for number in range(500):
            # Uneven, so that the Huffman tree is not balanced.
            kind = kinds[min(rng.randrange(6), 3)]
            label = kind if labels == 4 else f"n{number % labels}"
            out.write(f"__label__{label} {line(rng, kind)}\n")


def train(name):
    data = "train.tmp"
    # An output matrix can only be quantised from 256 labels on.
    write_training(data, 260 if name == "qout.ftz" else 4)
    options = {"thread": 1, "epoch": 8, "lr": 0.8, "verbose": 0, "seed": 3}
    model = fasttext.train_supervised(input=data, **options, **MODELS[name])
    if name in QUANTISED:
        model.quantize(input=data, thread=1, verbose=0, **QUANTISED[name])
    model.save_model(name)
    os.remove(data)


def bits(value):
    return struct.unpack("<I", struct.pack("<f", value))[0]


def expectations(name, texts):
    model = fasttext.FastText._FastText(name)
    labels = model.f.getLabels("strict")[0]
    cases = []
    for number, text in enumerate(texts):
        # All labels only for some: with 260 of them the file would be large.
        every = number % 3 == 0 and (len(labels) < 10 or number % 24 == 0)
        for k, threshold in ((1, 0.0), (3, 0.05)) + (((-1, 0.0), (-1, -1.0)) if every else ()):
            found = model.f.predict(text + "\n", k, threshold, "strict")
            rows = [[labels.index(label), bits(score)] for score, label in found]
            cases.append([number, max(k, 0), threshold, rows])
    return {"labels": labels, "cases": cases}


def main():
    rng = random.Random(11)
    kinds = list(SYLLABLES)
    texts = CORNERS + [line(rng, rng.choice(kinds)) for _ in range(40)]
    texts += [" ".join(line(rng, kind) for _ in range(60) for kind in kinds)]
    expected = {"texts": texts, "models": {}}
    for name in MODELS:
        train(name)
        expected["models"][name] = expectations(name, texts)
    with open("expected.json", "w", encoding="utf-8") as out:
        json.dump(expected, out, ensure_ascii=True, separators=(",", ":"))


if __name__ == "__main__":
    main()
