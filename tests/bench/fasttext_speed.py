"""How much faster fastText taggers are than the package called for each document or paragraph.

    python tests/bench/fasttext_speed.py DOCUMENTS.jsonl.gz [MODEL …]

For each model (by default the one that comes with dolma) and unit, one process each: the seconds that
the reference spends on lower-casing and predicting, and those that the run report gives for the
tagger, best of two. Reading and writing are in neither. The reference is the package's C++ behind
`predict`, called as the published taggers do, for all labels of a text.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

RUNS = 2
PARAGRAPH = re.compile(r"[^\n]*\n|[^\n]+$")


def units(text: str, unit: str) -> list[str]:
    """The parts of a text that the model is applied to."""
    if unit == "document":
        return [text]
    return [piece for piece in PARAGRAPH.findall(text) if piece.strip()]


def reference(path: Path, model: str, unit: str) -> float:
    """Seconds of the package."""
    import fasttext

    loaded = fasttext.FastText._FastText(model)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    pieces = [piece for text in texts for piece in units(text, unit)]
    predict: Callable[..., object] = loaded.f.predict
    begin = time.perf_counter()
    for piece in pieces:
        predict(piece.lower().replace("\n", " ").strip() + "\n", -1, 0.0, "strict")
    return time.perf_counter() - begin


def ours(path: Path, model: str, unit: str) -> float:
    """Seconds of the tagger, by the report of a run."""
    with tempfile.TemporaryDirectory() as folder:
        options = {"model": model, "unit": unit, "lowercase": True}
        recipe = {
            "documents": [str(path)],
            "destination": f"{folder}/out",
            "experiment": "e",
            "taggers": ["quality_fasttext_v1"],
            "tagger_options": {"quality_fasttext_v1": options},
            "report": f"{folder}/report.json",
        }
        Path(folder, "recipe.json").write_text(json.dumps(recipe))
        command = [sys.executable, "-m", "dolma", "tag", "-c", f"{folder}/recipe.json"]
        subprocess.run(command, check=True, capture_output=True)
        report = json.loads(Path(folder, "report.json").read_text())
    return float(report["timings"]["taggers"]["quality_fasttext_v1"]["seconds"])


def main() -> None:
    path = Path(sys.argv[1])
    bundled = Path(__file__).resolve().parents[2] / "python/dolma/data/lid.176.ftz"
    for model in sys.argv[2:] or [str(bundled)]:
        for unit in ("document", "paragraph"):
            theirs = min(reference(path, model, unit) for _ in range(RUNS))
            mine = min(ours(path, model, unit) for _ in range(RUNS))
            print(f"{Path(model).name} {unit}: {theirs:.2f} s / {mine:.2f} s = {theirs / mine:.1f}")


if __name__ == "__main__":
    main()
