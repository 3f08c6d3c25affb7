"""What fifteen taggers in one pass cost beside the sum of their kernels alone.

    python tests/bench/fusion.py --documents '/data/*.jsonl.gz'

Each tagger runs alone in one thread, and the report says how long its kernel took, by its own clock.
Then all of them run in one pass, whose whole time counts: reading, inflating, parsing, kernels, writing
and compressing rows. The ratio of the two is the price of an additional tagger over what it computes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

#: Kernels that need no file, from the light to the heavy.
FIFTEEN = (
    "bytes_length_v1",
    "char_length_v1",
    "char_length_strip_ws_v1",
    "char_length_with_paragraphs_v1",
    "doc_count_v1",
    "random_number_v1",
    "whitespace_tokenizer_v1",
    "whitespace_tokenizer_with_paragraphs_v1",
    "not_alphanum_paragraph_v1",
    "toxicity_wordlist_v1",
    "c4_v1",
    "c4_v2",
    "gopher_v2",
    "pii_regex_v3",
    "lang_id_doc_v1",
)


def tag(documents: list[str], taggers: tuple[str, ...]) -> tuple[float, dict[str, float]]:
    """Seconds of the work of a run, and of each kernel."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "dolma", "tag", "--documents", *documents, "--taggers", *taggers]
        options = ["--experiment", "e", "--destination", f"{folder}/attributes", "--report", str(report)]
        subprocess.run([*command, *options, "--progress", "none"], check=True, capture_output=True)
        told = json.loads(report.read_text())
    return told["timings"]["work_seconds"], {name: of["seconds"] for name, of in told["taggers"].items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", nargs="+", required=True)
    documents = parser.parse_args().documents
    # Once for the caches.
    tag(documents, ("doc_count_v1",))
    alone = {}
    for tagger in FIFTEEN:
        work, seconds = tag(documents, (tagger,))
        alone[tagger] = seconds[tagger]
        print(f"{tagger:42} alone: kernel {seconds[tagger]:7.3f} s of {work:7.3f} s")
    together, within = tag(documents, FIFTEEN)
    total = sum(alone.values())
    print(f"kernels alone, summed {total:.3f} s; within one pass {sum(within.values()):.3f} s")
    print(f"one pass, all of it   {together:.3f} s; ratio {together / total:.2f}")


if __name__ == "__main__":
    main()
