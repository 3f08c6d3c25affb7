"""How much faster fastText taggers are than the package called for each document or paragraph.

    python tests/bench/fasttext_speed.py DOCUMENTS.jsonl.gz LANGUAGES.bin BIGRAMS.bin [PYTHON]

For each tagger, in one process each and best of three: the seconds that the reference spends on
cleaning texts and predicting, and those that the run report gives for the tagger, writing its spans
included. Reading is in neither. The reference is the package's `predict` as the published taggers
call it, for all labels of a text, under PYTHON (by default this one), where it must be installed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

RUNS = 3

REFERENCE = """
import gzip, json, re, sys, time
from fasttext.FastText import _FastText
path, model, unit, lowercase = sys.argv[1:]
model = _FastText(model)
with gzip.open(path, "rt", encoding="utf-8") as file:
    texts = [json.loads(line)["text"] for line in file]
begin = time.perf_counter()
for text in texts:
    pieces = [text]
    if unit == "paragraph":
        pieces = [piece for piece in re.findall(r"[^\\n]*\\n|[^\\n]+$", text) if piece.strip()]
    for piece in pieces:
        piece = piece.lower() if lowercase else piece
        labels, scores = model.predict(piece.replace("\\n", " ").strip(), k=-1)
        found = [(label, float(score)) for label, score in zip(labels, scores)]
print(time.perf_counter() - begin)
"""


def reference(python: str, path: str, model: str, unit: str, lowercase: bool) -> float:
    """Seconds of the package."""
    command = [python, "-c", REFERENCE, path, model, unit, "yes" if lowercase else ""]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def ours(path: str, tagger: str, options: dict[str, Any]) -> float:
    """Seconds of the tagger, by the report of a run."""
    with tempfile.TemporaryDirectory() as folder:
        recipe = {
            "documents": [path],
            "destination": f"{folder}/out",
            "experiment": "e",
            "taggers": [tagger],
            "tagger_options": {tagger: options},
            "report": f"{folder}/report.json",
        }
        Path(folder, "recipe.json").write_text(json.dumps(recipe))
        command = [sys.executable, "-m", "dolma", "tag", "-c", f"{folder}/recipe.json"]
        subprocess.run(command, check=True, capture_output=True)
        report = json.loads(Path(folder, "report.json").read_text())
    return float(report["timings"]["taggers"][tagger]["seconds"])


def main() -> None:
    path, languages, bigrams, *rest = sys.argv[1:]
    python = rest[0] if rest else sys.executable
    jobs: list[tuple[str, dict[str, Any], str, bool]] = [
        ("ft_lang_id_en_doc_v2", {"model": languages}, "document", True),
        ("ft_lang_id_en_paragraph_v2", {"model": languages}, "paragraph", True),
        ("jigsaw_hatespeech_document_v2", {"model": bigrams}, "document", False),
        ("quality_fasttext_v1", {"model": bigrams, "unit": "paragraph"}, "paragraph", False),
    ]
    for tagger, options, unit, lowercase in jobs:
        model = options["model"]
        theirs = min(reference(python, path, model, unit, lowercase) for _ in range(RUNS))
        mine = min(ours(path, tagger, options) for _ in range(RUNS))
        print(f"{tagger} ({unit}, {Path(model).name}): {theirs:.3f} s / {mine:.3f} s = {theirs / mine:.1f}")


if __name__ == "__main__":
    main()
